"""`make worker`: this machine takes stages from a work pool of a Prefect server, which may be another machine's.

PREFECT_API_URL and PREFECT_API_AUTH_STRING name the server; without them it is the one of `make server` here. Stages
run in worktrees of this clone, at the commit of whoever sent them.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from flows.connection import URL, prepare_prefect
from flows.execute import end_group, start
from flows.plan import project_root
from flows.processes import MARK, end_orphans, identity, mark, write_note
from flows.reconcile import crash_dead_runs, end_scheduled_runs
from flows.route import gpus_here
from flows.worktree import GRACE_SECONDS, clear_abandoned
from stages.params import UserError

POOLS = ("cpu", "gpu")
NOTES = Path(".scratch/run/working")
CLONE = "PLUMBLINE_CLONE"  # where a worker's machine has the project: prefect.yaml
STOPPERS = (signal.SIGTERM, signal.SIGHUP)

Process = subprocess.Popen[bytes]


def main() -> int:
    """Work until Ctrl+C or SIGTERM, or until the worker dies (exit status 1)."""
    parser = argparse.ArgumentParser(description="Takes stages from a work pool of a Prefect server.")
    parser.add_argument("pool", choices=POOLS)
    parser.add_argument("--limit", type=int, help="stages at work at once; default: as many as there are GPUs, or 1")
    given = parser.parse_args()
    end_on_signals()
    try:
        work(project_root(Path.cwd()), given.pool, given.limit or max(1, len(gpus_here())))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def work(root: Path, pool: str, limit: int) -> None:
    """Returns, or raises, when neither the worker nor a stage of its runs any more."""
    prepare_prefect(root)
    if URL not in os.environ:
        raise UserError(f"no Prefect server: name it in {URL} and PREFECT_API_AUTH_STRING, or `make server` here.")
    for run in crash_dead_runs(root):
        print(f"flow run {run} is marked as crashed: its process is gone", flush=True)
    clear_abandoned(root)
    end_orphans(root, NOTES)
    home = Path(os.environ["PREFECT_HOME"])
    worker = start_worker(root, home, pool, limit, NOTES)
    print(
        f"taking stages from the work pool `{pool}` of {os.environ[URL]}, {limit} at once; Ctrl+C ends it.", flush=True
    )
    try:
        watch({f"worker-{pool}": worker}, home)
    finally:
        ignore_signals()
        end_group(worker, grace=GRACE_SECONDS)
        end_scheduled_runs(root, GRACE_SECONDS + 10)


def start_worker(root: Path, home: Path, pool: str, limit: int, notes: Path) -> Process:
    """Prefect's own worker; what it starts finds this clone, and the clone's code before an installed one."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", "worker", "start", "--install-policy", "never"]
    command += ["--pool", pool, "--type", "process", "--name", f"{pool}-{socket.gethostname()}", "--limit", str(limit)]
    environment = {**os.environ, CLONE: str(root), "PYTHONPATH": str(root)}
    return logged(command, home / f"worker-{pool}.log", root, environment, notes)


def logged(command: list[str], log: Path, root: Path, environment: dict[str, str], notes: Path) -> Process:
    """A process in a group of its own (Ctrl+C is for us alone), and a note of it should we be killed."""
    said = mark(root, log.stem)
    with log.open("wb") as stream:
        process = start(command, root, {**environment, MARK: said}, stream.fileno(), ())
    write_note(root / notes / f"{log.stem}.json", {"stage": log.stem, "mark": said, **identity(process.pid)})
    return process


def watch(processes: dict[str, Process], home: Path) -> None:
    """UserError as soon as one has ended."""
    while True:
        for name, process in processes.items():
            if process.poll() is not None:
                raise UserError(f"{name} ended with status {process.returncode}; see {home / f'{name}.log'}.")
        time.sleep(1)


def end_on_signals() -> None:
    for number in STOPPERS:
        signal.signal(number, _exit)


def ignore_signals() -> None:
    for number in STOPPERS:
        signal.signal(number, signal.SIG_IGN)


def _exit(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
