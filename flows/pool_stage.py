"""The flow that a worker of a work pool runs: one stage at a commit, in a worktree of the machine's own clone.

What it needs comes from git and from the common DVC remote, what it made goes to that remote with the run-cache.
The workspace that sent it replays it; nothing is committed here.
"""

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.execute import StageRun, run_stage
from flows.plan import WithoutGpu, project_root
from flows.pools import push_result
from flows.reconcile import crash_dead_runs, noted_flow
from flows.redaction import redacted
from flows.reproduce import STATES
from flows.route import lease
from flows.worktree import clear_abandoned, worktree
from stages.params import UserError


@flow(name="stage", persist_result=False)
def stage(stage: str, commit: str, lock: dict[str, Any], gpus: int = 0, without_gpu: WithoutGpu = "cpu") -> Any:
    """`dvc repro --single-item --pull STAGE` as of `commit`. `lock`: the sender's entries of dvc.lock above it."""
    clone = project_root(Path.cwd())
    crash_dead_runs(clone)
    clear_abandoned(clone)
    try:
        with noted_flow(clone, flow_run.id, scheduled=True):
            run = run_at(clone, stage, commit, lock, gpus, without_gpu)
    except UserError as error:
        return Failed(message=f"{socket.gethostname()}: {redacted(str(error))}")
    get_run_logger().info(redacted(run.output))
    if run.outcome == "failed":
        return Failed(message=f"{socket.gethostname()}: {redacted(run.last_lines)}")
    return Completed(name=STATES[run.outcome], message=f"on {socket.gethostname()} in {run.seconds:.1f} s")


def run_at(
    clone: Path, stage: str, commit: str, lock: dict[str, Any], gpus: int = 0, without_gpu: WithoutGpu = "cpu"
) -> StageRun:
    """The stage in a worktree of `clone` that is removed afterwards; its result is in the DVC remote."""
    with worktree(clone, "stage", commit) as place:
        merge_lock(place.root / "dvc.lock", lock)
        with lease(gpus, place.root, without_gpu=without_gpu) as leased:
            own_code = {**leased.environment, "PYTHONPATH": str(place.root)}  # not that of an editable install
            run = run_stage(stage, place.root, replace(leased, environment=own_code), options=["--pull"])
        if run.outcome != "failed":
            push_result(place.root, stage)
        return run


def merge_lock(path: Path, entries: dict[str, Any]) -> None:
    """Replace whole entries of dvc.lock."""
    from dvc.utils.serialize import dump_yaml, load_yaml

    locked: dict[str, Any] = load_yaml(str(path)) if path.is_file() else {"schema": "2.0"}
    locked["stages"] = {**(locked.get("stages") or {}), **entries}
    dump_yaml(str(path), locked)
