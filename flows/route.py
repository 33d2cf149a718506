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

from flows.plan import WithoutGpu
from flows.stop import Stop, StoppedError
from stages.params import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"
LEASES = Path(".scratch/leases")
LOOK_AGAIN_SECONDS = 5.0  # for a GPU where there is none: an external one, a driver that is being loaded


NONE_HERE = f"no NVIDIA GPU here (or none allowed by {VISIBLE})"


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
def lease(
    gpus: int,
    root: Path,
    devices: Path = Path("/dev"),
    stop: Stop | None = None,
    without_gpu: WithoutGpu = "cpu",
) -> Iterator[Lease]:
    """Hold `gpus` free GPUs, waiting for them if need be; without any GPU here, what `without_gpu` says.

    `root` is the project's folder, `devices` holds the device files. A stage for the CPU sees no GPU:
    it would take memory on one that another stage leased. UserError: more asked for than there are, or none and
    `without_gpu` is `fail`; StoppedError: `stop` was asked for while waiting.
    """
    stop = stop or Stop()
    here = gpus_here(devices) if gpus else []
    if gpus and not here and without_gpu == "wait":
        here = _wait_for_any(devices, stop)
    require(gpus, here, without_gpu)
    if not here:
        if gpus:
            _say_once(f"{NONE_HERE}: GPU stages run on the CPU.")
        yield Lease({VISIBLE: ""})
        return
    held = _wait_for(gpus, here, root / LEASES, stop)
    try:
        yield Lease({VISIBLE: ",".join(held)}, tuple(held.values()))
    finally:
        for lock in held.values():
            os.close(lock)


def require(gpus: int, here: list[str], without_gpu: WithoutGpu = "cpu", stage: str = "a stage") -> None:
    """UserError when `stage` asks for more GPUs than there ever are, or may do with none but there is none."""
    if here and gpus > len(here):
        raise UserError(
            f"{stage} asks for {gpus} GPUs, here are {len(here)} ({', '.join(here)}): lower `meta: gpus` in dvc.yaml, "
            f"or allow more in {VISIBLE}."
        )
    if gpus and not here and without_gpu == "fail":
        raise UserError(
            f"{NONE_HERE}, and `{stage}` doesn't do without (`meta: without_gpu: fail` in dvc.yaml). `cpu` lets it run "
            "on the CPU, `wait` lets it wait for a GPU, and `plumbline run --pool gpu` sends it to a machine with one."
        )


def _wait_for_any(devices: Path, stop: Stop) -> list[str]:
    """The GPUs of this machine, as soon as it has some."""
    _say_once(f"{NONE_HERE}: stages that don't do without wait for one (`meta: without_gpu: wait` in dvc.yaml).")
    while not (here := gpus_here(devices)):
        stop.pause(LOOK_AGAIN_SECONDS)
    return here


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
