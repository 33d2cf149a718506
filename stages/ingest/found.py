"""What a reader makes of a folder: pictures to look at, and everything in it that is none, with its reason."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, BinaryIO

from stages.record import Drop, Text


@dataclass(frozen=True)
class Found:
    """A picture with what is said of it; its bytes have not been looked at."""

    name: str  # relative to the folder, printable
    label: str  # "" = none
    texts: tuple[Text, ...]
    open: Callable[[], BinaryIO]  # may raise OSError or RefusedPictureError
    number: int = 0  # of its row in the table; 0 where a row is a file
    entity: str = ""  # "" = the digest of the picture's bytes
    said: dict[str, Any] = field(default_factory=dict)  # goes to `Source.parameters`

    @cached_property
    def id(self) -> str:
        return row_id(self.name, self.number)

    @property
    def where(self) -> str:
        return f"row {self.number}: {self.name}" if self.number else self.name


@dataclass(frozen=True)
class Survey:
    """All that a reader came upon: `rows_in` rows and files, each of them `found` or dropped."""

    rows_in: int
    found: list[Found]
    drops: list[Drop]
    table: str  # the file that names the pictures, "" where folders do
    remedy: str  # what to do when nothing of it can be used


def opener(path: str) -> Callable[[], BinaryIO]:
    """What opens a file of the folder."""
    return partial(open, path, "rb")  # type: ignore[return-value]  # mypy takes the overload for text


def row_id(name: str, number: int) -> str:
    """From the file's name and the row's number (0: no row but a file)."""
    return hashlib.sha256(f"{name}\0{number}".encode("utf-8", "surrogatepass")).hexdigest()[:24]


def printable(name: str) -> str:
    """`name` with lone surrogates spelt out: they can be written neither to Parquet nor to CSV."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
