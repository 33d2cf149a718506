"""Where a stage runs, on one machine: a GPU of its own while it works, or the CPU.

A lease is a file lock on `.scratch/leases/gpu-N.lock`. The kernel frees it when the last process that
holds it is gone, so nothing is left to clean up after `kill -9`.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flows.stop import Stop, StoppedError
from stages.params import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"
LEASES = Path(".scratch/leases")


@dataclass(frozen=True)
class Lease:
    """What a stage's process gets: variables to add, and lock files to inherit.

    The process inherits the locks so that a GPU stays taken while an orphan still works on it.
    """

    environment: dict[str, str]
    locks: tuple[int, ...] = ()


def gpus_here(devices: Path = Path("/dev")) -> list[str]:
    """The GPUs that a stage may get, as CUDA names them: those the user allows, or all of this machine.

    CUDA counts the devices it can see from 0, whatever number their files have in a container.
    """
    if (allowed := os.environ.get(VISIBLE)) is not None:
        return [name.strip() for name in allowed.split(",") if name.strip() not in ("", "-1")]
    return [str(index) for index, _ in enumerate(devices.glob("nvidia[0-9]*"))]


@contextmanager
def lease(gpus: int, root: Path, devices: Path = Path("/dev"), stop: Stop | None = None) -> Iterator[Lease]:
    """Hold `gpus` free GPUs, waiting for them if need be; without any GPU here, the CPU.

    `root` is the project's folder, `devices` holds the device files. A stage for the CPU sees no GPU:
    it would take memory on one that another stage leased. UserError: more asked for than there are;
    StoppedError: `stop` was asked for while waiting.
    """
    here = gpus_here(devices) if gpus else []
    if not here:
        if gpus:
            _say_once("no NVIDIA GPU here (or none allowed by CUDA_VISIBLE_DEVICES): GPU stages run on the CPU.")
        yield Lease({VISIBLE: ""})
        return
    require(gpus, here)
    held = _wait_for(gpus, here, root / LEASES, stop or Stop())
    try:
        yield Lease({VISIBLE: ",".join(held)}, tuple(held.values()))
    finally:
        for lock in held.values():
            os.close(lock)


def require(gpus: int, here: list[str]) -> None:
    """UserError when a stage asks for more GPUs than there ever are; without any it runs on the CPU."""
    if here and gpus > len(here):
        raise UserError(
            f"a stage asks for {gpus} GPUs, here are {len(here)} ({', '.join(here)}): lower `meta: gpus` in dvc.yaml, "
            f"or allow more in {VISIBLE}."
        )


def _wait_for(gpus: int, here: list[str], folder: Path, stop: Stop) -> dict[str, int]:
    """Locks on `gpus` of the GPUs, by name. Takes all or none, so that two waiting runs can't block each other."""
    folder.mkdir(parents=True, exist_ok=True)
    waiting = False
    while True:
        held: dict[str, int] = {}
        for name in here:
            if len(held) < gpus and (lock := _try_lock(folder / f"gpu-{name}.lock")) is not None:
                held[name] = lock
        if len(held) == gpus:
            return held
        for lock in held.values():
            os.close(lock)
        if not waiting:
            print(f"waiting for {gpus} free of {len(here)} GPUs ...", flush=True)
        waiting = True
        if stop.asked:
            raise StoppedError
        time.sleep(1)


def _try_lock(path: Path) -> int | None:
    """An open file with the lock on `path`, or None when another process holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


@cache
def _say_once(message: str) -> None:
    print(message, flush=True)
