"""What a decoder may do at worst, to be run in the sandbox's processes; and defences switched off in there."""

import os
import signal
import time
from pathlib import Path

from stages.curate import sandbox


def echo(data: bytes) -> str:
    return data.decode()


def hog(data: bytes) -> int:
    """Take as many bytes as `data` says; returns the most that this process ever had, bytes."""
    taken = b"x" * int(data)
    lines = Path("/proc/self/status").read_text().splitlines()
    return max(len(taken), *(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")))


def spin(data: bytes) -> str:
    """Work for as many seconds of processor time as `data` says."""
    end = time.process_time() + float(data)
    while time.process_time() < end:
        pass
    return "done"


def wait(data: bytes) -> str:
    time.sleep(float(data))
    return "waited"


def raise_mistake(data: bytes) -> str:
    raise KeyError("a mistake of ours")


def crash(data: bytes) -> str:
    """Die by the signal that `data` names."""
    if data.startswith(b"SIG"):
        os.kill(os.getpid(), signal.Signals[data.decode()])
    return "survived"


def killed_once(data: bytes) -> str:
    """As crash, but only while the file that `data` names isn't there: somebody else's kill."""
    mark = Path(data.decode())
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def environment(data: bytes) -> dict[str, str]:
    return dict(os.environ)


def unconfined(limits: sandbox.Limits) -> None:
    """In the place of `confine`: no limit of memory."""


def untimed(limits: sandbox.Limits) -> None:
    """In the place of `confine`: no limit of time."""
    signal.setitimer = lambda *_: (0.0, 0.0)  # type: ignore[assignment]
