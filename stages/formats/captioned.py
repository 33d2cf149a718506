"""What every reader gives: captions, and entries that are none, each with its reason.

A reader takes a file and returns one `Captioned` or `Flaw` for everything that it finds there, so that
nothing is lost on the way in. Only a file that can't be read at all is a UserError.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.params import UserError

MOST_BYTES = 1 << 30  # of one file; the largest in use (LLaVA's 665k conversations) is about that
MOST_CHARACTERS = 30_000  # of one caption or name; a spreadsheet's cell holds 32,767
BROKEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # what would break a line or a terminal
UNWRITABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")  # neither UTF-8 nor XML can hold them


@dataclass(frozen=True)
class Captioned:
    """A caption and what the file calls its picture: a file name, an address, an id.

    `line` is 1-based: the line of a text file, the row of a sheet, the entry of a JSON list.
    """

    picture: str
    caption: str
    line: int
    author: str = ""


@dataclass(frozen=True)
class Flaw:
    """An entry that is no caption: one of a few reasons, and what was found."""

    line: int
    reason: str
    detail: str = ""


Item = Captioned | Flaw


def clean(text: str) -> str:
    """`text` in NFC on one line; control characters become a space, what UTF-8 or XML can't hold becomes U+FFFD."""
    return unicodedata.normalize("NFC", UNWRITABLE.sub("\ufffd", BROKEN.sub(" ", text))).strip()


def captioned(picture: object, caption: object, line: int, author: object = "") -> Item:
    """A `Captioned` of whatever values a file holds, or the `Flaw` that they are."""
    if not _is_word(picture) or not clean(str(picture)):
        return Flaw(line, "no picture named", shown(caption))
    if caption is None or not clean(str(caption)):
        return Flaw(line, "empty caption", shown(picture))
    if not _is_word(caption):
        return Flaw(line, "caption is no text", shown(caption))
    if max(len(str(picture)), len(str(caption))) > MOST_CHARACTERS:
        return Flaw(line, f"longer than {MOST_CHARACTERS} characters", shown(picture))
    return Captioned(clean(str(picture)), clean(str(caption)), line, clean(str(author)) if _is_word(author) else "")


def shown(value: object) -> str:
    """A value in at most 80 characters, for a flaw's detail."""
    text = clean(str(value)[:400])
    return text if len(text) <= 80 else f"{text[:79]}…"


def read_text(path: Path) -> str:
    """A whole file's text, UTF-8 with or without a byte-order mark."""
    try:
        return read_bytes(path).decode("utf-8-sig")  # as it is: opened as text, a lone \r would become a line's end
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error


def read_bytes(path: Path) -> bytes:
    _require_small_file(path)
    return path.read_bytes()


def read_json(path: Path) -> Any:
    """The value that a JSON file holds."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is no JSON (line {error.lineno}, column {error.colno}: {error.msg}).") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON that can be read: {type(error).__name__}.") from error


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """(1-based number, line) of every line that isn't blank. Only a newline ends one: captions may hold U+0085."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | Flaw]]:
    """(number, object) of a JSON-lines file; a line that is no object is a Flaw."""
    for number, line in lines_of(read_text(path)):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield number, Flaw(number, "malformed entry", shown(line))
            continue
        yield number, value if isinstance(value, dict) else Flaw(number, "malformed entry", shown(line))


def entries_of(path: Path, value: object, what: str) -> list[object]:
    """`value` as a list, or a UserError that says what was expected."""
    if not isinstance(value, list):
        raise UserError(f"{path} holds a JSON {type(value).__name__}; expected {what}.")
    return value


def _is_word(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _require_small_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(
            f"{path} is {'no file' if path.exists() else 'missing'}: give the file that holds the captions."
        )
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise UserError(f"{path} has {size} bytes, more than {MOST_BYTES}: split it into several files.")
