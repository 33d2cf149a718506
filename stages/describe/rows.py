"""A described thing as a reader finds it, and all that a reader finds."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from stages.record import Drop

SHOWN = 60  # characters of a name in a message


@dataclass(frozen=True, slots=True)
class Row:
    """One description; `number` is its 1-based row in `file`, empty strings stand for what isn't said."""

    number: int
    file: str
    name: str
    description: str
    language: str = ""
    line: str = ""
    stage: str = ""
    thing: str = ""  # what ties a thing's names in several languages together; "" = nothing but the name does

    @property
    def id(self) -> str:
        return hashlib.sha256(f"{self.file}\0{self.number}".encode()).hexdigest()[:24]

    def dropped(self, reason: str, detail: str = "") -> Drop:
        """A drop that names file and row."""
        name = self.name if len(self.name) <= SHOWN else f"{self.name[:SHOWN]}..."
        named = f": {name}" if name.strip() else ""
        return Drop(
            self.id, reason, printable(f"{self.file} row {self.number}{named}{f' ({detail})' if detail else ''}")
        )


@dataclass(frozen=True)
class Survey:
    """The rows and drops of a source, one after the other, and what names its things have besides the rows'."""

    found: Iterable[Row | Drop]
    table: str  # the file or data set they come from
    names: dict[str, dict[str, set[str]]] = field(default_factory=dict)  # line -> thing -> names in all languages
    url: str = ""


def malformed(file: str, number: int, flaw: str) -> Drop:
    return Row(number, file, "", "").dropped("malformed row", flaw)


def printable(text: str) -> str:
    """`text` in one line; lone surrogates spelt out: they can be written neither to Parquet nor to CSV."""
    return " ".join(text.encode("utf-8", "backslashreplace").decode("utf-8").split())


def split_line(text: str) -> tuple[str, str]:
    """Name and description of "Name: description"; no name when there is no colon."""
    name, colon, description = text.partition(":")
    return (name, description) if colon else ("", text)
