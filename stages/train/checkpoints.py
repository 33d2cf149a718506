"""Checkpoints of one training: written whole or not at all, verified before use, removed when nobody needs them.

`.scratch/train/KEY/step-00000120/` holds files and `manifest.json` with the sha256 of each. KEY is the hash of all
that shapes the result (identity.py). They stay when the stage has ended, until dvc.lock records what it made.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from stages.params import UserError
from stages.shards import sha256, sha256_of_file

SCRATCH = Path(".scratch/train")
MANIFEST = "manifest.json"
FINISHED = "finished.json"  # which out was written, and the digest by which dvc.lock will know it
OUT = "out.txt"
KEPT = 2  # checkpoints: should the newest be damaged, there is the one before
EVERY = 60.0  # seconds between two, so much work is lost at most by a power cut ...
SHARE = 50.0  # ... or so many times what a save takes: at most 2 % of the time goes into saving

Bytes = bytes | memoryview


class Checkpoints:
    """The checkpoints of the run `key`, held by one process at a time: `with Checkpoints(key, out) as kept`."""

    def __init__(self, key: str, out: Path, scratch: Path = SCRATCH) -> None:
        self.out, self.folder = out, scratch / key
        self._lock: IO[str] | None = None
        self._last, self._cost = time.monotonic(), 0.0

    def __enter__(self) -> Self:
        with self._explained():
            remove_recorded(self.folder.parent)
            self._take()
            _write(self.folder / OUT, str(self.out).encode())
            for half in self.folder.glob(".step-*"):  # a save was killed
                shutil.rmtree(half)
        self._last = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()

    @property
    def due(self) -> bool:
        """Whether it is time to save again."""
        return time.monotonic() - self._last >= max(EVERY, SHARE * self._cost)

    def newest(self) -> Path | None:
        """The newest checkpoint whose every byte is as it was written; damaged ones are set aside with a warning."""
        for folder in reversed(self._steps()):
            flaw = flaw_of(folder)
            if flaw is None:
                return folder
            aside = folder.with_name(f"damaged-{folder.name}")
            if aside.exists():
                shutil.rmtree(aside)
            os.rename(folder, aside)
            warnings.warn(
                f"checkpoint {folder} is damaged ({flaw}): set aside as {aside.name}; an older one, or none, is used.",
                UserWarning,
                stacklevel=2,
            )
        return None

    def save(self, step: int, files: Mapping[str, Bytes]) -> None:
        """Write the checkpoint of `step`; UserError where that fails, and those before it are still there."""
        started = time.monotonic()
        final = self.folder / f"step-{step:08d}"
        half = self.folder / f".{final.name}"
        try:
            half.mkdir()
            for name, data in files.items():
                _write(half / name, data)
            told = {name: {"sha256": _sha256(data), "bytes": len(data)} for name, data in files.items()}
            _write(half / MANIFEST, json.dumps({"step": step, "files": told}, indent=1).encode())
            sync(half)
            os.rename(half, final)
            sync(self.folder)
        except OSError as error:
            shutil.rmtree(half, ignore_errors=True)  # what can't be removed now is removed by the next run
            raise UserError(self._refusal(step, sum(map(len, files.values())), error)) from error
        for old in self._steps()[:-KEPT]:
            shutil.rmtree(old)
        self._last, self._cost = time.monotonic(), time.monotonic() - started

    def finish(self) -> None:
        """Note that `out` is written; the checkpoints stay until dvc.lock says the same."""
        with self._explained():
            if self._steps():
                said = {"out": str(self.out), "digest": digest_in_lock(self.out)}
                _write(self.folder / f".{FINISHED}", json.dumps(said).encode())
                os.rename(self.folder / f".{FINISHED}", self.folder / FINISHED)
                sync(self.folder)
            else:
                shutil.rmtree(self.folder)  # it was too short for any

    def _steps(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _take(self) -> None:
        """Lock the folder; wait for a process that still finishes a step of this run: its dvc was killed, say."""
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("w", encoding="utf-8")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"train: waiting for another process that trains {self.out}", flush=True)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            if (self.folder / "lock").exists():  # else that one has finished, and removed the folder
                return
            self._lock.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"{self.folder} can't be written ({error.strerror}): checkpoints are kept there; make room, or make "
                f"{self.folder.parent} writable, and run the same command again."
            ) from error

    def _refusal(self, step: int, size: int, error: OSError) -> str:
        steps = self._steps()
        rest = f"that of step {int(steps[-1].name[5:])} is kept" if steps else "there is none before it"
        return (
            f"the checkpoint of step {step} can't be written to {self.folder} ({error.strerror}); {rest}. Make room "
            f"for {KEPT + 1} of {size / 1e6:.1f} MB each, or make the folder writable, and run the same command "
            "again: it goes on from there."
        )


def flaw_of(folder: Path) -> str | None:
    """Why a checkpoint can't be used, or None."""
    try:
        said = json.loads((folder / MANIFEST).read_bytes())
        if said["step"] != int(folder.name.rpartition("-")[2]):
            return f"{MANIFEST} is of step {said['step']}"
        for name, facts in said["files"].items():
            path = folder / name
            if not path.is_file():
                return f"{name} is missing"
            if path.stat().st_size != facts["bytes"] or sha256_of_file(path) != facts["sha256"]:
                return f"{name} is not what was written"
    except OSError as error:
        return f"{MANIFEST if error.filename is None else Path(error.filename).name}: {error.strerror}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} can't be read"
    return None


def remove_recorded(scratch: Path, lock: Path = Path("dvc.lock")) -> None:
    """Remove the checkpoints of every out whose result dvc.lock records, those of its abandoned runs too."""
    recorded = lock.read_text(encoding="utf-8") if lock.is_file() else ""
    finished = [said for said in map(_finished, sorted(scratch.glob("*"))) if said]
    done = {said["out"] for said in finished if said["digest"] in recorded}
    for folder in sorted(scratch.glob("*")):
        path = folder / OUT
        if path.is_file() and path.read_text(encoding="utf-8") in done:
            shutil.rmtree(folder, ignore_errors=True)  # another training may be removing it too


def _finished(folder: Path) -> dict[str, str] | None:
    try:
        said = json.loads((folder / FINISHED).read_bytes())
        return {"out": str(said["out"]), "digest": str(said["digest"])} if said["digest"] else None
    except (OSError, ValueError, KeyError, TypeError):  # not finished, or not known to be: its checkpoints stay
        return None


def digest_in_lock(out: Path) -> str:
    """What dvc.lock calls a folder: the md5 of its files' md5s and relative paths."""
    files = sorted((path.relative_to(out).as_posix(), path) for path in out.rglob("*") if path.is_file())
    listed = [
        {"md5": hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest(), "relpath": name}
        for name, path in files
    ]
    text = json.dumps(listed, sort_keys=True)
    return f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}.dir"


def sync(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, data: Bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sha256(data: Bytes) -> str:
    return sha256(bytes(data)) if isinstance(data, bytes) else hashlib.sha256(data).hexdigest()
