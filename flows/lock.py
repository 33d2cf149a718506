"""One `plumbline run` at a time in a workspace.

A file lock: the kernel frees it when its holder dies, so nothing stale is ever in the way. DVC's own locks don't
do: with `--wait-for-lock` the same stage started twice still ends with "is busy".
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from flows.processes import identity
from stages.params import UserError

LOCK = Path(".scratch/run.lock")


@contextmanager
def only_run(root: Path, wait: bool = True) -> Iterator[None]:
    """Hold the workspace's lock. Another holder is named and waited for; without `wait` that is a UserError."""
    path = root / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)  # not inherited: an orphaned stage must not hold it
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy = f"another `plumbline run` is at work in this workspace ({_holder(path)})"
            if not wait:
                raise UserError(f"{busy}; without --no-wait this one waits until it is done.") from None
            print(f"{busy}: waiting for it ...", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        holder = {**identity(os.getpid()), "since": datetime.now().isoformat(" ", "seconds")}
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(holder).encode(), 0)
        yield
        os.ftruncate(file, 0)
    finally:
        os.close(file)


def _holder(path: Path) -> str:
    """Who holds the lock, as far as the file tells: it is written just after the lock is taken."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return f"process {said['pid']}, since {said['since']}"
    except (ValueError, KeyError):
        return "it has just begun"
