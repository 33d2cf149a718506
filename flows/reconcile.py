"""Runs that a dead process left RUNNING on Prefect's server are marked Crashed.

A flow run's note in `.scratch/run/flows` names its process and its server. A note whose process is gone is what
`kill -9` or a power cut leaves; Prefect itself would show that run as running for ever.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flows.connection import URL
from flows.processes import identity, is_alive, read_note, write_note

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

NOTES = Path(".scratch/run/flows")


@contextmanager
def noted_flow(root: Path, run: UUID, scheduled: bool = False) -> Iterator[None]:
    """A note of this process's flow run as long as the block runs. `scheduled`: a worker started it."""
    note = root / NOTES / f"{run}.json"
    write_note(note, {**identity(os.getpid()), "server": _server(), "scheduled": scheduled})
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def crash_dead_runs(root: Path) -> list[UUID]:
    """Mark the runs whose process is gone, and their tasks, as Crashed; returns the runs. Ask the server only then."""
    dead = {
        note: said
        for note in sorted((root / NOTES).glob("*.json"))
        if not is_alive(said := read_note(note)) and said["server"] == _server()
    }
    crashed: list[UUID] = []
    if not dead:
        return crashed
    from prefect import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
    from prefect.exceptions import ObjectNotFound
    from prefect.states import Crashed

    with get_client(sync_client=True) as client:
        for note, said in dead.items():
            run = UUID(note.stem)
            gone: State[Any] = Crashed(message=f"process {said['pid']}, in which this ran, is gone")
            try:
                found = client.read_flow_run(run)
                for task in client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run]))):
                    if task.state is None or not task.state.is_final():
                        client.set_task_run_state(task.id, gone, force=True)
                if found.state is None or not found.state.is_final():
                    client.set_flow_run_state(run, gone, force=True)
                    crashed.append(run)
            except ObjectNotFound:  # deleted on the server
                pass
            note.unlink()
    return crashed


def end_scheduled_runs(root: Path, grace: float) -> None:
    """Tell the processes of scheduled runs to end, and wait: they end their stages and remove their worktrees."""
    notes = [read_note(note) for note in (root / NOTES).glob("*.json")]
    alive = [said for said in notes if said["scheduled"] and is_alive(said)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for said in filter(is_alive, alive):
            os.kill(said["pid"], number)
        deadline = time.monotonic() + grace
        while any(is_alive(said) for said in alive) and time.monotonic() < deadline:
            time.sleep(0.1)


def _server() -> str:
    """The server of this process's runs; "" is one of its own, whose data base stays."""
    return os.environ.get(URL, "")
