"""The DVC graph as a Prefect flow: one generated task a stage; DVC does the work and decides what is cached.

Unchanged stages cost nothing: one status in this process tells. The others run as
`dvc repro --single-item STAGE` in a process group of its own, one after another in the graph's order:
training and evaluation want the machine to themselves.
"""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from flows.execute import Outcome, StageRun, run_stage
from flows.plan import Plan, StageSpec, read_plan
from flows.route import lease
from stages.params import UserError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

STATES: dict[Outcome, str] = {"unchanged": "Unchanged", "ran": "Ran", "replayed": "Replayed", "not run": "NotRun"}


@dataclass(frozen=True)
class Summary:
    """All stages of a run, in the order in which they came."""

    runs: tuple[StageRun, ...]

    @property
    def failed(self) -> bool:
        return any(run.outcome in ("failed", "not run") for run in self.runs)

    def table(self) -> str:
        """Stage, result and seconds for the terminal; what failed stages said last below it."""
        width = max([len("stage"), *(len(run.name) for run in self.runs)])
        rows = [f"{run.name:{width}}  {run.outcome:9}  {run.seconds:8.1f}  {run.why}".rstrip() for run in self.runs]
        said = [f"\n{run.name} failed:\n{run.last_lines}" for run in self.runs if run.outcome == "failed"]
        return "\n".join([f"{'stage':{width}}  {'result':9}  {'seconds':>8}", *rows, *said])

    def markdown(self) -> str:
        """The same for Prefect's artifact."""
        rows = [f"| {run.name} | {run.outcome} | {run.seconds:.1f} | {run.why} |" for run in self.runs]
        said = [f"\n**{run.name}**\n```\n{run.last_lines}\n```" for run in self.runs if run.outcome == "failed"]
        return "\n".join(["| stage | result | seconds | why |", "|---|---|--:|---|", *rows, *said])


def main(recipes: list[str]) -> int:
    """`plumbline run`: 0 when everything named is up to date afterwards, 1 when a stage failed."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # under nohup SIGHUP stays ignored
            signal.signal(number, _exit)
    summary = reproduce(Path.cwd(), recipes)
    print(f"\n{summary.table()}", flush=True)
    return int(summary.failed)


def reproduce(root: Path, recipes: Sequence[str] = ()) -> Summary:
    """Bring `recipes` (none named: everything) up to date as one Prefect flow run.

    A failed stage stops its descendants only. UserError: no server to start, and see `flows.plan.read_plan`.
    """
    plan = read_plan(root, recipes)
    prepare_prefect(plan.root)
    from prefect import flow
    from prefect.artifacts import create_markdown_artifact
    from prefect.states import Completed, Failed

    runs: dict[str, StageRun] = {}

    @flow(name="reproduce", flow_run_name=", ".join(recipes) or "all recipes", persist_result=False)
    def generated() -> "State[Any]":
        states: dict[str, State[Any]] = {}
        for spec in plan.stages:
            states[spec.name] = _run_as_task(plan, spec, runs, states)
        summary = Summary(tuple(runs.values()))
        create_markdown_artifact(summary.markdown(), key="reproduce", description="What became of each stage")
        return Failed(message="a stage failed") if summary.failed else Completed()

    start_server()
    state = generated(return_state=True)
    if len(runs) < len(plan.stages):  # not a stage's failure but ours or Prefect's: let it be seen
        state.result()
    return Summary(tuple(runs.values()))


def prepare_prefect(root: Path) -> None:
    """Prefect's settings, before its first import; what the user has set stays.

    Works offline on a server of its own that lives as long as the run. The log of each task is kept
    there; the terminal shows the stages' own lines.
    """
    for name, value in {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_HOME": str(root / ".scratch" / "prefect"),
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",  # a busy machine takes longer than the usual 20
    }.items():
        os.environ.setdefault(name, value)
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)  # Prefect makes the last folder only


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


def _run_as_task(plan: Plan, spec: StageSpec, runs: dict[str, StageRun], states: "dict[str, State[Any]]") -> Any:
    """One generated task; its state says what became of the stage, its log what the stage printed."""
    from prefect import get_run_logger, task
    from prefect.cache_policies import NO_CACHE

    @task(name=spec.name, cache_policy=NO_CACHE, retries=0, persist_result=False, tags=[spec.queue])
    def stage() -> "State[Any]":
        run = runs[spec.name] = settle(plan, spec, runs)
        if run.output:
            get_run_logger().info(run.output)
        return state_of(run)

    done = [states[name] for name in spec.upstream if states[name].is_completed()]
    state = stage(return_state=True, wait_for=done)
    if spec.name not in runs:
        state.result()  # raises what stopped us, rather than going on with half the graph
    return state


def state_of(run: StageRun) -> "State[Any]":
    """Prefect's state: Completed (Unchanged, Ran, Replayed), Failed with the last lines, or Cancelled (NotRun)."""
    from prefect.states import Cancelled, Completed, Failed

    if run.outcome == "failed":
        return Failed(message=run.last_lines)
    kind = Cancelled if run.outcome == "not run" else Completed
    return kind(name=STATES[run.outcome], message=run.why or None)


def settle(plan: Plan, spec: StageSpec, runs: dict[str, StageRun]) -> StageRun:
    """Bring one stage up to date, given what became of those before it; knows no Prefect."""
    place = f"[{len(runs) + 1}/{len(plan.stages)}] {spec.name}"
    above = [runs[name] for name in spec.upstream]
    missing = [run.name for run in above if run.outcome in ("failed", "not run")]
    renewed = [run.name for run in above if run.outcome in ("ran", "replayed")]
    if missing:
        run = StageRun(spec.name, "not run", why=f"needs {', '.join(missing)}")
        print(f"{place}: not run, {run.why}", flush=True)
        return run
    why = ", ".join([*plan.changes.get(spec.name, ()), *(f"{name} was renewed" for name in renewed)])
    if not why:
        print(f"{place}: unchanged", flush=True)
        return StageRun(spec.name, "unchanged")
    print(f"{place}: {why}", flush=True)
    with lease(spec.gpus, plan.root) as leased:
        run = run_stage(spec.name, plan.root, leased, why)
    print(f"{place}: {run.outcome} in {run.seconds:.1f} s", flush=True)
    return run


def _exit(number: int, _: object) -> NoReturn:
    """SIGTERM and a closed terminal end the run as Ctrl+C does: processes first, Prefect's server too."""
    raise SystemExit(128 + number)
