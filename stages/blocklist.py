"""What must not be learned from: data/blocklist.txt, and the names by which its entries and `who-used` know a row.

    host example.org # its owner asked
    sha256 3fa9c0b1... # a picture, with its copies
    author "model:draft # 3"

One entry a line: a kind, a value, and after a space and `#` the reason. A value that holds ` #`, a quotation mark at
its start or several spaces stands in quotation marks, as JSON writes it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit, urlunsplit

from stages.params import UserError
from stages.record import Record

Kind = Literal["url", "host", "sha256", "entity", "licence", "author", "word", "font"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PICTURES: tuple[Kind, ...] = ("sha256", "url")  # these name one picture: its copies are meant as well
BLOCKLISTED = "blocklisted"
PORTS = {"http": 80, "https": 443}
_COMMENT = re.compile(r"\s#")
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*|\[[0-9a-f:.]+\]")

Name = tuple[Kind, str]  # the value in its one spelling


@dataclass(frozen=True)
class Entry:
    """One line: `value` as it was written, `why` the comment behind it."""

    line: int
    kind: Kind
    value: str
    why: str = ""

    @property
    def name(self) -> Name:
        return self.kind, spelling(self.kind, self.value)

    @property
    def text(self) -> str:
        """The entry without its reason, on one line."""
        return f"{self.kind} {_quoted(self.value)}"


@dataclass(frozen=True)
class Blocklist:
    """Entries by what they name; of two that name the same the first one counts."""

    entries: dict[Name, Entry] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def of(self, record: Record, kinds: Iterable[Kind] = KINDS) -> Entry | None:
        """The first line that names this row, by one of `kinds`."""
        found = [self.entries[name] for name in names_of(record) if name in self.entries and name[0] in kinds]
        return min(found, key=lambda entry: entry.line, default=None)

    def of_author(self, author: str) -> Entry | None:
        """The line with this author of texts."""
        return self.entries.get(("author", spelling("author", author)))

    def of_picture(self, digest: str) -> Entry | None:
        """The line with this sha256."""
        return self.entries.get(("sha256", digest))


def read_blocklist(path: Path) -> Blocklist:
    """Every entry of the file; UserError names the line of the first mistake."""
    if not path.is_file():
        raise UserError(f"{path} is missing: restore it with `git checkout {path}`, or make an empty file.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8.") from error
    found: dict[Name, Entry] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            entry = parse_line(line, number, str(path))
            found.setdefault(entry.name, entry)
    return Blocklist(found)


def parse_line(line: str, number: int, where: str) -> Entry:
    """One line that is no comment; UserError names `where`, the line's number and what is allowed."""
    place = f"{where}, line {number}"
    kind, _, rest = line.strip().partition(" ")
    if kind not in KINDS:
        raise UserError(f"{place}: kind {kind!r} is not allowed: write `KIND VALUE # why`, KIND one of {_kinds()}.")
    rest = rest.strip()
    if rest.startswith('"'):
        try:
            value, end = json.JSONDecoder().raw_decode(rest)
        except ValueError as error:
            raise UserError(f"{place}: {rest!r} opens a quotation mark that nothing closes: close it.") from error
        rest = rest[end:]
        if rest.strip() and not re.match(r"\s+#", rest):
            raise UserError(f"{place}: {rest.strip()!r} stands behind the value: put ` #` before a reason.")
        why = rest.strip().removeprefix("#").strip()
    else:
        mark = _COMMENT.search(f" {rest}")
        value, why = (rest, "") if mark is None else (rest[: mark.start()], rest[mark.start() + 1 :])
        value, why = value.strip(), why.strip()
    flaw = _flaw(kind, value)  # type: ignore[arg-type]
    if flaw:
        raise UserError(f"{place}: `{kind}` = {value!r} is not allowed: {flaw}.")
    return Entry(number, kind, value, why)  # type: ignore[arg-type]


def line_of(kind: Kind, value: str, why: str = "") -> str:
    """The line that `parse_line` reads back; UserError for a value that its kind can't have."""
    flaw = _flaw(kind, value)
    if flaw:
        raise UserError(f"`{kind}` = {value!r} is not allowed: {flaw}.")
    reason = " ".join(why.split())
    return f"{kind} {_quoted(value)}{f' # {reason}' if reason else ''}"


def names_of(record: Record) -> Iterator[Name]:
    """Everything that names this row, some perhaps twice. Drawn rows have no entity but their word."""
    source, drawn = record.source, record.source.drawn
    for url in (source.url, source.page, drawn.get("final_url")):
        if isinstance(url, str) and url:
            yield "url", spelling("url", url)
            yield from (("host", host) for host in hosts_of(url))
    for digest in (record.image.sha256, source.sha256):
        if digest:
            yield "sha256", digest
    word, family = drawn.get("word"), drawn.get("family")
    for entity in (record.entity, "" if isinstance(word, str) else record.label):
        if entity.strip():
            yield "entity", spelling("entity", entity)
    if source.licence.strip():
        yield "licence", spelling("licence", source.licence)
    yield from (("author", spelling("author", text.author)) for text in record.texts)
    if isinstance(word, str):
        yield "word", spelling("word", word)
    if isinstance(family, str):
        for font in (family, f"{family} {drawn.get('style', '')}", str(drawn.get("font_file", ""))):
            if font.strip():
                yield "font", spelling("font", font)


def hosts_of(url: str) -> list[str]:
    """The URL's host and the domains that it lies in, without the topmost: a.b.org, b.org."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return []
    labels = host.split(".")
    if len(labels) == 1 or labels[-1].isdigit() or ":" in host:  # a plain name, or an address: nothing lies in it
        return [host] if host else []
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def spelling(kind: Kind, value: str) -> str:
    """The one spelling that values of `kind` are compared in."""
    plain = " ".join(value.split())
    if kind == "url":
        return _url(plain)
    if kind == "host":
        return plain.lower().rstrip(".")
    return plain.casefold()


def _url(url: str) -> str:
    """Scheme and host in small letters, no default port, no fragment, `/` for an empty path (RFC 3986, 6.2.2-3)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    where = host if port in (None, PORTS.get(parts.scheme)) else f"{host}:{port}"
    return urlunsplit((parts.scheme, where, parts.path or "/", parts.query, ""))


def _flaw(kind: Kind, value: str) -> str:
    """What is wrong with a value of its kind, "" when nothing is."""
    plain = " ".join(value.split())
    if not plain or any(not (character.isprintable() or character in " \t") for character in value):
        return "write a value of printable characters"
    if kind == "sha256" and not re.fullmatch(r"[0-9a-fA-F]{64}", plain):
        return "all 64 hexadecimal digits; `plumbline lineage who-used` completes a shorter one"
    if kind == "url" and not re.match(r"https?://[^/\s]", plain, re.IGNORECASE):
        return "a URL that starts with http:// or https://"
    if kind == "host" and not _HOST.fullmatch(plain.lower().rstrip(".")):
        return "a host's name alone, such as example.org; for one address take `url`"
    return ""


def _quoted(value: str) -> str:
    plain = value == " ".join(value.split()) and not value.startswith(('"', "#")) and " #" not in value
    return value if plain else json.dumps(value, ensure_ascii=False)


def _kinds() -> str:
    return ", ".join(KINDS)
