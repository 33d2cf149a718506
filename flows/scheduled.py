"""The flows that prefect.yaml deploys. Each works in a worktree of its own and leaves a branch; see docs/flows.md."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.plan import project_root
from flows.reconcile import crash_dead_runs, noted_flow
from flows.redaction import redacted
from flows.worktree import clear_abandoned, scheduled_run


@flow(name="rebuild", persist_result=False)
def rebuild(recipes: list[str] | None = None, force: bool = False) -> Any:
    """Bring everything (or `recipes`) up to date as of the last commit. `force`: whatever is unchanged too."""
    return _scheduled("rebuild", recipes or [], force)


@flow(name="rescrape", persist_result=False)
def rescrape(recipes: list[str] | None = None, snapshot: date | None = None) -> Any:
    """Search and fetch anew, as of `snapshot` (default: today, UTC), and bring everything below up to date."""
    return _scheduled("rescrape", recipes or [], snapshot=str(snapshot or datetime.now(UTC).date()))


@flow(name="train", persist_result=False)
def train(recipe: str) -> Any:
    """Bring one recipe up to date as of the last commit."""
    return _scheduled("train", [recipe])


def _scheduled(name: str, recipes: list[str], force: bool = False, snapshot: str = "") -> Any:
    project, log = project_root(Path.cwd()), get_run_logger()
    for run in crash_dead_runs(project):
        log.warning("flow run %s is marked as crashed: its process is gone", run)
    for abandoned in clear_abandoned(project):
        log.warning("removed the worktree %s of a killed run", abandoned)
    with noted_flow(project, flow_run.id, scheduled=True):
        done = scheduled_run(project, name, recipes, force, snapshot)
    log.info(redacted(done.said))
    made = f"commit `{done.commit}`" if done.commit else "nothing new"
    create_markdown_artifact(
        redacted(f"Branch `{done.branch}`, from `{done.begun}`: {made}\n```\n{done.said[-5000:]}\n```"),
        key=f"scheduled-{name}",
        description=f"{', '.join(recipes) or 'all recipes'} on a branch of its own",
    )
    if done.failed:
        return Failed(message=f"a stage failed; what was done is on {done.branch}")
    return Completed(message=f"on {done.branch}")
