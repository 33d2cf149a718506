"""The DVC graph as a Prefect flow: one generated task a stage; DVC does the work and decides what is cached.

Unchanged stages cost nothing: a status in this process tells. The others run as
`dvc repro --single-item STAGE`, each in a process group of its own, side by side where there is room.
"""

import os
import signal
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from flows.connection import URL, prepare_prefect, start_server
from flows.execute import Outcome, StageRun
from flows.lock import only_run
from flows.plan import Plan, project_root, read_plan
from flows.pools import require, run_elsewhere
from flows.processes import end_orphans
from flows.reconcile import crash_dead_runs, noted_flow
from flows.redaction import redacted
from flows.schedule import Room, Work, room_here, settle, work_off
from flows.stop import Stop, StoppedError
from flows.summary import Summary, page, read_metrics
from flows.terminal import Terminal

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

STATES: dict[Outcome, str] = {"unchanged": "Unchanged", "ran": "Ran", "replayed": "Replayed", "not run": "NotRun"}


def main(
    recipes: list[str],
    jobs: int | None = None,
    wait: bool = True,
    force: bool = False,
    pools: Collection[str] = (),
) -> int:
    """`plumbline run`: 0 when everything named is up to date afterwards, 1 when a stage failed."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # under nohup SIGHUP stays ignored
            signal.signal(number, _exit)
    summary = reproduce(Path.cwd(), recipes, jobs, wait, force, pools)
    print(f"\n{summary.table()}", flush=True)
    return int(summary.failed)


def reproduce(
    root: Path,
    recipes: Sequence[str] = (),
    jobs: int | None = None,
    wait: bool = True,
    force: bool = False,
    pools: Collection[str] = (),
) -> Summary:
    """Bring `recipes` (none named: everything) up to date as one Prefect flow run, the only one in this workspace.

    `jobs`: how many stages may be at work at once; None: see `flows.schedule.Room`. A failed stage stops its
    descendants only. Stages of the queues `pools` go to the workers of these work pools. UserError: another run is
    at work and `wait` is False, no server to start, and see `flows.plan.read_plan` and `flows.pools.require`.
    """
    root = project_root(root)
    with only_run(root, wait):
        for name in end_orphans(root):
            print(f"ended {name}, which a killed run had left at work", flush=True)
        plan = replace(read_plan(root, recipes), force=force)
        if pools:
            require(plan, pools)
        return _as_flow(plan, recipes, room_here(plan, jobs, pools))


def _as_flow(plan: Plan, recipes: Sequence[str], room: Room) -> Summary:
    prepare_prefect(plan.root)
    from prefect import flow
    from prefect.artifacts import create_markdown_artifact
    from prefect.runtime import flow_run
    from prefect.states import Completed, Failed
    from prefect.task_runners import ThreadPoolTaskRunner

    runs: dict[str, StageRun] = {}
    waiting = sum(spec.queue in room.pools for spec in plan.stages)  # for other machines: they take no room here
    threads: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=room.jobs + waiting)
    metrics_before = read_metrics(plan)

    @flow(
        name="reproduce",
        flow_run_name=", ".join(recipes) or "all recipes",
        persist_result=False,
        task_runner=threads,  # type: ignore[arg-type]  # its own annotation is narrower than what it takes
    )
    def generated() -> "State[Any]":
        with noted_flow(plan.root, flow_run.id):
            stop = Stop()
            work_off(plan, room, runs, _Tasks(plan, room, runs, stop).begin, stop)
            summary = Summary(tuple(runs.values()))
            said = redacted(page(plan, summary, metrics_before, _links(flow_run)))
            create_markdown_artifact(said, key="reproduce", description="What became of each stage")
            return Failed(message="a stage failed") if summary.failed else Completed()

    start_server()
    for run in crash_dead_runs(plan.root):
        print(f"flow run {run} is marked as crashed: its process is gone", flush=True)
    state = generated(return_state=True)
    if len(runs) < len(plan.stages):  # not a stage's failure but ours or Prefect's: let it be seen
        state.result()
    return Summary(tuple(runs.values()))


def _links(run: Any) -> dict[str, str]:
    """To the run's page, on a server that outlives it."""
    return {"This run": run.ui_url} if URL in os.environ and run.ui_url else {}


class _Tasks:
    """Generates a task for each stage; its state says what became of the stage, its log what the stage printed."""

    def __init__(self, plan: Plan, room: Room, runs: dict[str, StageRun], stop: Stop) -> None:
        self._plan, self._room, self._runs, self._stop = plan, room, runs, stop
        self._terminal = Terminal()
        self._states: dict[str, Any] = {}  # by stage: its state, or the future of it

    def begin(self, work: Work) -> "Future[None]":
        """Start the stage's task in a thread; one without work is done here and now."""
        from prefect import get_run_logger, task
        from prefect.cache_policies import NO_CACHE
        from prefect.states import Cancelled

        spec, number = work.spec, len(self._states) + 1
        elsewhere = run_elsewhere if spec.queue in self._room.pools else None

        @task(name=spec.name, cache_policy=NO_CACHE, retries=0, persist_result=False, tags=[spec.queue])
        def stage() -> "State[Any]":
            try:
                run = settle(self._plan, work, number, self._terminal, self._stop, elsewhere)
            except StoppedError:
                return Cancelled(message="the run was stopped")
            if run.output:
                get_run_logger().info(redacted(run.output))
            state = state_of(run)
            self._runs[spec.name] = run
            return state

        done = [self._states[name] for name in spec.upstream if self._is_done(name)]
        ended: Future[None] = Future()
        if work.run is None:
            future: Any = stage.submit(wait_for=done, return_state=False)
            self._states[spec.name] = future
            future.wrapped_future.add_done_callback(lambda thread: self._end(spec.name, thread.result, ended))
        else:
            state = self._states[spec.name] = stage(return_state=True, wait_for=done)
            self._end(spec.name, lambda: state, ended)
        return ended

    def _end(self, name: str, state: "Callable[[], State[Any]]", ended: "Future[None]") -> None:
        """Pass on what stopped a task that brought no result, rather than going on with half the graph."""
        try:
            if name not in self._runs:
                state().result()
                raise RuntimeError(f"the task of {name} ended without a result")
            ended.set_result(None)
        except BaseException as error:
            ended.set_exception(error)

    def _is_done(self, name: str) -> bool:
        return self._runs[name].outcome not in ("failed", "not run")


def state_of(run: StageRun) -> "State[Any]":
    """Prefect's state: Completed (Unchanged, Ran, Replayed), Failed with the last lines, or Cancelled (NotRun)."""
    from prefect.states import Cancelled, Completed, Failed

    if run.outcome == "failed":
        return Failed(message=redacted(run.last_lines))
    kind = Cancelled if run.outcome == "not run" else Completed
    return kind(name=STATES[run.outcome], message=redacted(run.why) or None)


def _exit(number: int, _: object) -> NoReturn:
    """SIGTERM and a closed terminal end the run as Ctrl+C does: processes first, Prefect's server too."""
    raise SystemExit(128 + number)
