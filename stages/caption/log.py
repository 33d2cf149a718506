"""The caption log: one JSON object a line, only ever appended to, tracked by git.

A line is on the disk before it is acknowledged. What a kill or a power cut left of a last line is recognised by
its missing end (no line feed, no whole JSON) and cut off at the next open; nobody was told that it was saved.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from stages.params import UserError

Action = Literal["caption", "draft", "skip", "reject", "undo"]
Kind = Literal["person", "import", "generator", "model"]

ACTIONS: tuple[Action, ...] = get_args(Action)
KINDS: tuple[Kind, ...] = get_args(Kind)  # in the order of precedence
DECISIONS = ("skip", "reject")  # a person's only
AUTHOR = re.compile(rf"(?:{'|'.join(KINDS)}):\S(?:.*\S)?")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Line:
    """One action on the picture whose bytes, as they came, have `sha256`. Raises ValueError for what can't be one."""

    sha256: str
    action: Action
    text: str
    author: str
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, str):
                raise ValueError(f"`{item.name}` must be text")
            value.encode()  # a lone surrogate is a ValueError here, not when it is written
        if not SHA256.fullmatch(self.sha256):
            raise ValueError(f"`sha256` = {self.sha256!r} is not 64 hexadecimal digits")
        if self.action not in ACTIONS:
            raise ValueError(f"`action` = {self.action!r} is none of {', '.join(ACTIONS)}")
        if not AUTHOR.fullmatch(self.author) or not self.author.isprintable():
            raise ValueError(f"`author` = {self.author!r} is not KIND:NAME with a kind of {', '.join(KINDS)}")
        if (self.kind == "model") != (self.action == "draft") and not (self.kind == "model" and self.action == "undo"):
            raise ValueError(f"`action` = {self.action!r} is not for {self.author!r}: a model's texts are drafts")
        if self.action in DECISIONS and self.kind != "person":
            raise ValueError(f"`action` = {self.action!r} is a person's, not for {self.author!r}")
        if bool(self.text) != (self.action in ("caption", "draft")):
            raise ValueError(f"`text` = {self.text!r} does not go with `action` = {self.action!r}")
        if not _is_utc(self.at):
            raise ValueError(f"`at` = {self.at!r} is no ISO 8601 time in UTC")

    @property
    def kind(self) -> Kind:
        return next(kind for kind in KINDS if self.author.startswith(f"{kind}:"))

    def encoded(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False).encode() + b"\n"


def person(name: str) -> str:
    """The author of what somebody writes; UserError for a name that can't stand in a log."""
    author = f"person:{' '.join(name.split())}"
    if not AUTHOR.fullmatch(author) or not author.isprintable():
        raise UserError(f"author {name!r} is not allowed: a printable, non-empty name.")
    return author


def read_log(path: Path) -> tuple[list[Line], bytes]:
    """Every whole line, and what is left of a torn last one (b"" as a rule); changes nothing.

    UserError for a whole line that is not one of a log, wherever it stands.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: an empty file is a log without captions; `plumbline caption` makes one.")
    *whole, last = path.read_bytes().split(b"\n")
    lines = [_line(path, number, data) for number, data in enumerate(whole, start=1)]
    if not last:
        return lines, b""
    if _is_whole(last):  # an editor that leaves out the last line feed
        return [*lines, _line(path, len(whole) + 1, last)], b""
    return lines, last


def _is_whole(data: bytes) -> bool:
    """Whether an object was closed. A line is one flat object, so no beginning of one is whole."""
    try:
        return isinstance(json.loads(data.decode()), dict)
    except (ValueError, RecursionError):
        return False


def _line(path: Path, number: int, data: bytes) -> Line:
    names = {item.name for item in fields(Line)}
    try:
        values = json.loads(data.decode())
        if not isinstance(values, dict) or set(values) != names:
            raise ValueError(f"not an object with {', '.join(sorted(names))}")
        return Line(**values)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path}, line {number} is not a caption's line ({error}): correct or delete that line, or restore the "
            f"file with git. (Lines that start with <<<<<<<, ======= or >>>>>>> are git's: keep both sides.)"
        ) from None


def _is_utc(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        return False


class Log:
    """An open log: this process is the only one that writes to it. `lines` is what is saved for good."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._unsure = False
        self.lines, self.torn = read_log(path)
        self._size = os.fstat(descriptor).st_size - len(self.torn)
        if self.torn:
            os.ftruncate(descriptor, self._size)
        elif self._size and os.pread(descriptor, 1, self._size - 1) != b"\n":
            self._size += os.write(descriptor, b"\n")
        _sync(descriptor)

    def append(self, *lines: Line) -> None:
        """Write `lines` and return once they are on the disk; UserError when they are not, and then none of them is."""
        self._require_untouched()
        data = b"".join(line.encoded() for line in lines)
        try:
            _write(self._descriptor, data)
            try:
                _sync(self._descriptor)
            except OSError:
                self._unsure = True  # the kernel may forget that these pages never got to the disk
                raise
        except OSError as error:
            self._cut_back()
            raise UserError(
                f"{self.path}: not saved ({error.strerror}): make room on the disk, then save again."
            ) from error
        self._size += len(data)
        self.lines += lines

    def _cut_back(self) -> None:
        """Without this, what is written next would end up behind half a line."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._unsure = True

    def _require_untouched(self) -> None:
        """UserError when somebody else changed or replaced the file (git does): a save would be lost, or mixed up."""
        ours = os.fstat(self._descriptor)
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            there = None
        same = there is not None and (there.st_dev, there.st_ino, there.st_size) == (
            ours.st_dev,
            ours.st_ino,
            self._size,
        )
        if self._unsure or not same:
            raise UserError(
                f"{self.path} was changed or replaced while it was open; not saved: start the command again."
            )


@contextmanager
def open_log(path: Path) -> Iterator[Log]:
    """Open `path` for appending, made when it is missing; UserError while another process has it open."""
    import fcntl

    new = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UserError(f"{path} can't be opened for writing: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{path} is being written by another `plumbline caption`: end that one first.") from None
        if new:
            _sync_folder(path.parent)  # else a power cut can take the whole file
        yield Log(path, descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(descriptor: int) -> None:
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)
