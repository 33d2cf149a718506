"""A file of lines that one process at a time appends to; what `append` returned from survives a power cut."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.params import UserError


class Appending:
    """The open file. It only grows, by whole lines, and only here; anything else done to it is noticed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._unsure = False

    def end_at_line(self, torn: int) -> None:
        """Cut off the last `torn` bytes, and end what is left with a line feed."""
        self._size -= torn
        os.ftruncate(self._descriptor, self._size)
        if self._size and os.pread(self._descriptor, 1, self._size - 1) != b"\n":
            self._size += os.write(self._descriptor, b"\n")
        os.fsync(self._descriptor)

    def append(self, data: bytes) -> None:
        """Return once `data` is on the disk; UserError when it is not, and then none of it is in the file."""
        self._require_untouched()
        try:
            _write(self._descriptor, data)
            try:
                os.fsync(self._descriptor)
            except OSError:
                self._unsure = True  # the kernel may forget that these pages never got to the disk
                raise
        except OSError as error:
            self._cut_back()
            raise UserError(
                f"{self.path}: not saved ({error.strerror}): make room on the disk, then do it again."
            ) from error
        self._size += len(data)

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
        expected = (ours.st_dev, ours.st_ino, self._size)
        if self._unsure or there is None or (there.st_dev, there.st_ino, there.st_size) != expected:
            raise UserError(
                f"{self.path} was changed or replaced while it was open; not saved: start the command again."
            )


@contextmanager
def appending(path: Path, command: str) -> Iterator[Appending]:
    """Open `path` for appending, made when it is missing; UserError while another process (`command`) has it open."""
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
            raise UserError(f"{path} is being written by another `{command}`: end that one first.") from None
        if new:
            _sync_folder(path.parent)  # else a power cut can take the whole file
        yield Appending(path, descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
