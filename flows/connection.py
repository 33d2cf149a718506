"""Which Prefect server a run talks to: the one that is named, the one of `make server`, or one of its own."""

import json
import os
import signal
from pathlib import Path

from flows.processes import is_alive
from stages.params import UserError

HOME = Path(".scratch/prefect")
RUNNING = HOME / "server.json"  # of `make server`, while it runs
AUTH = HOME / "auth"  # what it asks for, readable by its owner alone
URL, AUTH_STRING = "PREFECT_API_URL", "PREFECT_API_AUTH_STRING"


def prepare_prefect(root: Path) -> None:
    """Prefect's settings, before its first import; what the user has set stays.

    Works offline, on the server of `make server` when that runs, else on a server of its own that lives as long
    as the run. The log of each task is kept there; the terminal shows the stages' own lines.
    """
    for name, value in {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_HOME": str(root / HOME),
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",  # a busy machine takes longer than the usual 20
    }.items():
        os.environ.setdefault(name, value)
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)  # Prefect makes the last folder only
    if URL not in os.environ and (url := running_server(root)):
        os.environ[URL] = url
        if (root / AUTH).is_file():
            os.environ.setdefault(AUTH_STRING, (root / AUTH).read_text(encoding="utf-8").strip())


def running_server(root: Path) -> str | None:
    """The address of this project's server, if `make server` runs."""
    try:
        said = json.loads((root / RUNNING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(said["url"]) if is_alive(said) else None


def start_server() -> None:
    """Start Prefect's own server (no-op when PREFECT_API_URL names one) so that Ctrl+C doesn't reach it.

    A terminal sends Ctrl+C to both of us; with its server gone Prefect would try for a minute to tell it.
    The server inherits the blocked signal, and is ended by SIGTERM when this process ends.
    """
    from prefect import get_client

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with get_client(sync_client=True):
            pass
    except RuntimeError as error:
        remedy = "`dvc repro` does the same work without Prefect; PREFECT_API_URL names a server that runs already."
        raise UserError(f"Prefect's server does not start: {error}\n{remedy}") from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
