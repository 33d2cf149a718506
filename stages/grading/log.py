"""The grade log: one JSON object a line, only ever appended to, tracked by git.

A verdict is about a text under a picture, so the row and the text's digest name what was graded. `modes` is who
wrote that text; it stands here, for the record, and nowhere on the page.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from stages.caption.log import AUTHOR, SHA256
from stages.grading.appending import Appending, appending
from stages.params import UserError
from stages.shards import sha256

Verdict = Literal["right", "partly", "wrong"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Grade:
    """One verdict on the text with digest `caption` under the picture of row `id`. ValueError for what can't be one."""

    id: str
    caption: str
    modes: tuple[str, ...]
    verdict: Verdict
    author: str
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        for name in ("id", "caption", "verdict", "author", "at"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise ValueError(f"`{name}` = {value!r} must be text")
            value.encode()  # a lone surrogate is a ValueError here, not when it is written
        if not isinstance(self.modes, tuple) or not self.modes or not all(isinstance(one, str) for one in self.modes):
            raise ValueError(f"`modes` = {self.modes!r} must be a list of names")
        if not SHA256.fullmatch(self.caption):
            raise ValueError(f"`caption` = {self.caption!r} is not 64 hexadecimal digits")
        if self.verdict not in VERDICTS:
            raise ValueError(f"`verdict` = {self.verdict!r} is none of {', '.join(VERDICTS)}")
        if not AUTHOR.fullmatch(self.author) or not self.author.startswith("person:") or not self.author.isprintable():
            raise ValueError(f"`author` = {self.author!r} is not person:NAME: grades are given by hand")
        if not _is_utc(self.at):
            raise ValueError(f"`at` = {self.at!r} is no ISO 8601 time in UTC")

    def encoded(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode() + b"\n"


def digest_of(text: str) -> str:
    """What names a caption's text in the log; a lone surrogate, which UTF-8 can't hold, stays what it is."""
    return sha256(text.encode("utf-8", "surrogatepass"))


def read_log(path: Path) -> tuple[list[Grade], bytes]:
    """Every whole line, and what is left of a torn last one (b"" as a rule); changes nothing.

    A missing file is a log without grades. UserError for a whole line that is no grade, wherever it stands.
    """
    if not path.exists():
        return [], b""
    try:
        *whole, last = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from error
    grades = [_grade(path, number, data) for number, data in enumerate(whole, start=1)]
    if not last:
        return grades, b""
    if _is_whole(last):  # an editor that leaves out the last line feed
        return [*grades, _grade(path, len(whole) + 1, last)], b""
    return grades, last


def _is_whole(data: bytes) -> bool:
    """Whether an object was closed. A line is one object without another in it, so no beginning of one is whole."""
    try:
        return isinstance(json.loads(data.decode()), dict)
    except (ValueError, RecursionError):
        return False


def _grade(path: Path, number: int, data: bytes) -> Grade:
    names = {item.name for item in fields(Grade)}
    try:
        values = json.loads(data.decode())
        if not isinstance(values, dict) or set(values) != names or not isinstance(values["modes"], list):
            raise ValueError(f"not an object with {', '.join(sorted(names))}")
        return Grade(**{**values, "modes": tuple(values["modes"])})
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path}, line {number} is no grade ({error}): correct or delete that line, or restore the file with git. "
            "(Lines that start with <<<<<<<, ======= or >>>>>>> are git's: keep both sides.)"
        ) from None


def _is_utc(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False


@dataclass
class GradeLog:
    """An open log: this process is the only one that writes to it. `grades` is what is saved for good."""

    file: Appending
    grades: list[Grade]
    torn: bytes  # what a crash left of a last line; nobody was told that it was saved

    @property
    def path(self) -> Path:
        return self.file.path

    def append(self, grade: Grade) -> None:
        """Return once `grade` is on the disk; UserError when it is not."""
        self.file.append(grade.encoded())
        self.grades.append(grade)


@contextmanager
def open_log(path: Path) -> Iterator[GradeLog]:
    """Open `path`, made when it is missing, without a torn last line; UserError while another process has it open."""
    with appending(path, "plumbline grade") as file:
        grades, torn = read_log(path)
        file.end_at_line(len(torn))
        yield GradeLog(file, grades, torn)
