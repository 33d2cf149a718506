"""Files and folders that are whole or not there: written beside their place, made durable, then renamed to it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """A free path beside `out` for a file or a folder, which takes `out`'s place when the block ends well.

    Until then what stands at `out` stays. A process that is killed leaves the path behind (`.NAME.partial`, which git
    and DVC ignore); the next one removes it. Nothing is put in place when the block wrote nothing.
    """
    out = out.resolve()
    partial = out.parent / f".{out.name}.partial"
    out.parent.mkdir(parents=True, exist_ok=True)
    _remove(partial)
    try:
        yield partial
        if partial.exists():
            make_durable(partial)
            _remove(out)
            partial.rename(out)
            _sync(out.parent)
    except BaseException:
        _remove(partial)
        raise


def make_durable(path: Path) -> None:
    """Wait until a file, or every file and folder below a folder, is on the disk: a rename may outlive its content."""
    for below in sorted(path.rglob("*")) if path.is_dir() else []:
        _sync(below)
    _sync(path)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
