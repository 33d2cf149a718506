"""Keeps a key out of texts, answers and logs, in every form in which an address or a header would carry it."""

import base64
import html
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SHORTEST = 8  # characters; what is shorter ("local") is no secret, and would blank out ordinary words
REDACTED = "[key]"
CHATTY = ("urllib3.connectionpool", "urllib3.util.retry", "requests")  # log whole addresses when set to DEBUG


class Redaction:
    """Replaces a key by `[key]`."""

    def __init__(self, key: str | None) -> None:
        self._pattern = re.compile(_spellings(key)) if key and len(key) >= SHORTEST else None

    def text(self, text: str) -> str:
        return self._pattern.sub(REDACTED, text) if self._pattern else text

    def json(self, value: Any) -> Any:
        """The same for every string in JSON, keys of objects too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.json(item) for key, item in value.items()}
        return value

    @contextmanager
    def logs(self) -> Iterator[None]:
        """While the block runs, what the HTTP libraries log is redacted before any handler sees it."""
        loggers = [logging.getLogger(name) for name in CHATTY]
        for logger in loggers:
            logger.addFilter(self._filter)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeFilter(self._filter)

    def _filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.text(record.getMessage()), ()
        if record.exc_info is not None:  # its texts hold the address
            record.exc_info = record.exc_text = None
        return True


def _spellings(key: str) -> str:
    """A pattern for the key: each character plain or escaped as in addresses, JSON or HTML; its hex; its base64."""
    raw = key.encode("utf-8", "replace")
    coded = {raw.hex(), raw.hex().upper(), *map(re.escape, _base64(raw))}
    return "|".join(["".join(map(_spelt, key)), *sorted(coded, key=len, reverse=True)])


def _spelt(character: str) -> str:
    """Each spelling once: two ways to match the same text would double the work with every character."""
    plain = {character, json.dumps(character)[1:-1], repr(character)[1:-1], html.escape(character)}
    plain |= {"+"} if character == " " else set()
    in_address = "".join(f"%(?:25)*{byte:02x}" for byte in character.encode("utf-8", "replace"))
    units = character.encode("utf-16-be", "surrogatepass")
    in_json = "".join(rf"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    in_html = rf"&#0*{ord(character)};|&#x0*{ord(character):x};"
    return f"(?:{'|'.join(map(re.escape, sorted(plain)))}|(?i:{in_address}|{in_json}|{in_html}))"


def _base64(raw: bytes) -> set[str]:
    """The key's own part of the base64 of any text that holds it."""
    forms = {encode(raw).decode() for encode in (base64.b64encode, base64.urlsafe_b64encode)}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):  # bytes ahead of the key, which shift it within base64's groups of three
            first, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6  # characters that hold bits of the key alone
            forms.add(encode(bytes(before) + raw).decode()[first:end])
    return forms
