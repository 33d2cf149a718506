"""`make server`: a Prefect server with auth on, a worker for each work pool, and the deployments of prefect.yaml.

SQLite in .scratch/prefect, or what PREFECT_API_DATABASE_CONNECTION_URL names (PostgreSQL). It listens on loopback
only. Its user and password are those of PREFECT_SERVER_API_AUTH_STRING (`user:password`), or drawn once into
.scratch/prefect/auth, which its owner alone can read.
"""

import argparse
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from flows.connection import AUTH, AUTH_STRING, RUNNING, URL, prepare_prefect, running_server
from flows.execute import end_group
from flows.plan import project_root
from flows.processes import end_orphans, identity, write_note
from flows.reconcile import crash_dead_runs, end_scheduled_runs
from flows.redaction import DATABASE, SERVER_AUTH
from flows.worker import CLONE, POOLS, Process, end_on_signals, ignore_signals, logged, start_worker, watch
from flows.worktree import GRACE_SECONDS, clear_abandoned
from stages.params import UserError

STARTUP_SECONDS = 300  # a busy machine takes long to import Prefect
HOST = "127.0.0.1"
NOTES = Path(".scratch/run/serving")


def main() -> int:
    """Serve until Ctrl+C or SIGTERM, or until one of the processes dies (exit status 1)."""
    parser = argparse.ArgumentParser(description="A Prefect server, its workers and the scheduled deployments.")
    parser.add_argument("--port", type=int, default=4200)
    parser.add_argument("--workers", nargs="*", choices=POOLS, default=POOLS, help="pools of this machine (both)")
    given = parser.parse_args()
    end_on_signals()
    try:
        serve(project_root(Path.cwd()), given.port, given.workers)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


def serve(root: Path, port: int, pools: Sequence[str] = POOLS) -> None:
    """Returns, or raises, when nothing of it runs any more: workers end before the server that they report to."""
    if url := running_server(root):
        raise UserError(f"this project's server runs already: {url}")
    os.environ.pop(URL, None)  # of another server: the one of this project is meant
    prepare_prefect(root)
    secret = auth_string(root)
    home = Path(os.environ["PREFECT_HOME"])
    server_environment = {**os.environ, SERVER_AUTH: secret}
    os.environ[URL], os.environ[AUTH_STRING] = f"http://{HOST}:{port}/api", secret
    os.environ.pop(CLONE, None)  # prefect deploy would write it into the deployments, for all machines
    for name in (SERVER_AUTH, DATABASE):  # the workers, and what they start, talk to the server alone
        os.environ.pop(name, None)
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    command = [*prefect, "server", "start", "--host", HOST, "--port", str(port)]
    for name in end_orphans(root, NOTES):
        print(f"ended {name}, which a killed `make server` had left at work", flush=True)
    server = logged(command, home / "server.log", root, server_environment, NOTES)
    workers: dict[str, Process] = {}
    try:
        _wait_until_up(server, os.environ[URL], home / "server.log")
        make_pools()
        for run in crash_dead_runs(root):
            print(f"flow run {run} is marked as crashed: its process is gone", flush=True)
        for name in clear_abandoned(root):
            print(f"removed the worktree {name} of a killed run", flush=True)
        _deploy([*prefect, "deploy", "--all"], root)
        for pool in pools:
            workers[pool] = start_worker(root, home, pool, 1, NOTES)
        write_note(root / RUNNING, {**identity(os.getpid()), "url": os.environ[URL]})
        print(f"serving on http://{HOST}:{port}; `plumbline run` finds it by itself; Ctrl+C ends it.", flush=True)
        watch({"server": server, **{f"worker-{pool}": worker for pool, worker in workers.items()}}, home)
    finally:
        ignore_signals()  # another one must not leave half of it running
        (root / RUNNING).unlink(missing_ok=True)
        for worker in workers.values():
            end_group(worker, grace=GRACE_SECONDS)
        end_scheduled_runs(root, GRACE_SECONDS + 10)
        end_group(server, grace=GRACE_SECONDS)


def auth_string(root: Path) -> str:
    """`user:password` of the environment, else of the project's file, which is made if need be."""
    path = root / AUTH
    if given := os.environ.get(SERVER_AUTH):
        path.unlink(missing_ok=True)  # `plumbline run` would take the drawn one for valid
        return given
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(f"plumbline:{secrets.token_urlsafe(24)}")
    path.chmod(0o600)
    return path.read_text(encoding="utf-8").strip()


def make_pools() -> None:
    """The work pools `cpu` and `gpu`, of processes on this machine; those that exist are kept as they are."""
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        for pool in POOLS:
            with suppress(ObjectAlreadyExists):
                client.create_work_pool(WorkPoolCreate(name=pool, type="process", base_job_template=template))


def _deploy(command: list[str], root: Path) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(f"the deployments of prefect.yaml: {(done.stdout + done.stderr).strip()[-2000:]}")


def _wait_until_up(server: Process, url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                time.sleep(0.5)  # another server on this port would have answered: ours dies then
                if server.poll() is None:
                    return
        except OSError:
            time.sleep(0.2)
    raise UserError(f"Prefect's server does not come up; its last words:\n{log.read_text(errors='replace')[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
