"""Throw-away projects for the tests of flows."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import dvc
from dvc.repo import Repo

from flows.execute import StageRun
from flows.plan import Plan, read_plan
from flows.processes import started_at
from flows.schedule import Room, Work, settle, work_off
from flows.stop import Stop
from flows.terminal import Terminal

PROJECT = Path(__file__).parent.parent
sys.path.append(str(PROJECT))  # for `bench`, which is not installed

for logger in (dvc.__name__, "dvc_data", "dvc_objects"):  # they hold the stream of whichever test imported DVC first
    logging.getLogger(logger).handlers.clear()


@contextmanager
def usual_environment() -> Iterator[None]:
    """No Prefect server of the user's, no GPUs hidden; what Prefect's preparation sets is unset afterwards."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    os.environ["DVC_NO_ANALYTICS"] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def new_project(root: Path, files: dict[str, str], commit: bool = False) -> Path:
    """A git + DVC project in which nothing has run yet."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
    Repo.init(str(root)).close()
    if commit:
        git(root, "add", "--all")
        git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "begin")
    return root


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", root, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def settle_all(plan: Plan, room: Room | None = None, stop: Stop | None = None) -> dict[str, str]:
    """The flow's loop without Prefect; by default one stage after the other."""
    runs = settled(plan, room or Room(1, 0), stop or Stop())
    return {name: run.outcome for name, run in runs.items()}


def settled(plan: Plan, room: Room, stop: Stop) -> dict[str, StageRun]:
    runs: dict[str, StageRun] = {}
    terminal = Terminal()
    with ThreadPoolExecutor(room.jobs) as threads:

        def do(work: Work) -> None:
            runs[work.spec.name] = settle(plan, work, len(runs) + 1, terminal, stop)

        def begin(work: Work) -> "Future[None]":
            future = threads.submit(do, work)
            if work.run is not None:
                future.result()
            return future

        work_off(plan, room, runs, begin, stop)
    return runs


def run_all(root: Path, jobs: int = 1) -> dict[str, str]:
    return settle_all(read_plan(root), Room(jobs, 0))


def alive(pid: int) -> bool:
    return started_at(pid) is not None


def wait_until(true: Callable[[], object], seconds: float = 200) -> None:
    """Generous: it only has to end when something is broken."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
