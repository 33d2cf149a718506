"""Which stage may begin, and when: what it needs is there, and so is room for it. Knows no Prefect.

What is changed is read afresh as stages come up: after every stage that ran, and when the last reading is older
than FRESH_SECONDS (longer where reading takes long), since files may be edited while others work.
"""

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from flows.execute import StageRun, run_stage
from flows.plan import Plan, StageSpec, changes_now
from flows.route import gpus_here, lease, require
from flows.stop import Stop
from flows.terminal import Terminal
from stages.params import UserError

FRESH_SECONDS = 5.0
READING_SHARE = 20  # times as long as a reading took it lasts: on a busy machine one may take longer than FRESH_SECONDS
RETRY_SECONDS = (10.0, 60.0)  # pauses before the second and third attempt of a stage that needs the network

Changes = Mapping[str, tuple[str, ...]]
Elsewhere = Callable[[Plan, StageSpec, str, Terminal, Stop], StageRun]  # does a stage on another machine


@dataclass(frozen=True)
class Room:
    """How much may be at work at once on this machine. Without GPUs, and unless the user says how many jobs, a stage
    for one runs alone: training and evaluation want every core. Stages of `pools` work on other machines."""

    jobs: int
    gpus: int
    alone: bool = False
    pools: frozenset[str] = frozenset()

    def takes(self, spec: StageSpec, working: Sequence[StageSpec]) -> bool:
        here = [other for other in working if other.queue not in self.pools]
        if not here or spec.queue in self.pools:
            return True
        if len(here) >= self.jobs or (self.alone and any(map(_wants_every_core, (spec, *here)))):
            return False
        return not self.gpus or spec.gpus + sum(other.gpus for other in here) <= self.gpus


def _wants_every_core(spec: StageSpec) -> bool:
    return spec.queue == "gpu" and spec.without_gpu == "cpu"


def room_here(plan: Plan, jobs: int | None, pools: Collection[str] = ()) -> Room:
    """UserError: less than one job, or a stage that has to run here and asks for GPUs that aren't there."""
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs {jobs}: at least 1 stage must be allowed to work.")
    here = gpus_here()
    for spec in plan.stages:
        if (plan.force or spec.name in plan.changes) and spec.queue not in pools:
            require(spec.gpus, here, spec.without_gpu, spec.name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Room(jobs or cores, len(here), alone=jobs is None and not here, pools=frozenset(pools))


@dataclass(frozen=True)
class Work:
    """What is to become of one stage: `run` when that is clear already, else it is worked at because of `why`."""

    spec: StageSpec
    why: str = ""
    run: StageRun | None = None


def work_off(
    plan: Plan, room: Room, runs: dict[str, StageRun], begin: Callable[[Work], "Future[None]"], stop: Stop
) -> None:
    """Bring all stages of `plan` up to date, in its order as far as there is room; fills `runs`.

    `begin` starts a stage in a thread that puts the result into `runs`; with a clear `run` it returns a finished
    future. A future with an exception ends the run. However we leave, no stage is
    at work afterwards.
    """
    waiting = {spec.name: spec for spec in plan.stages}
    working: dict[Future[None], StageSpec] = {}
    fresh = _Fresh(plan)
    try:
        while waiting or working:
            for spec in list(waiting.values()):
                at_work = {other.name for other in working.values()}
                if any(name in waiting or name in at_work for name in spec.upstream):
                    continue
                work = fresh.work(spec, runs, at_work)
                if work.run is None and not room.takes(spec, list(working.values())):
                    break  # those after it must not keep it waiting for ever
                del waiting[spec.name]
                future = begin(work)
                if work.run is None:
                    working[future] = spec
                else:
                    future.result()
            for future in wait(working, return_when=FIRST_COMPLETED).done:
                spec = working.pop(future)
                fresh.outdated = True
                future.result()
    except BaseException:
        stop.ask()
        _wait_for_all(working, stop)
        raise


def _wait_for_all(working: Mapping["Future[None]", StageSpec], stop: Stop) -> None:
    """Until every stage's group has ended; another Ctrl+C hurries them."""
    while True:
        try:
            wait(working)
            return
        except BaseException:  # Ctrl+C or SIGTERM: nothing else is raised here
            stop.ask()


class _Fresh:
    """The last reading of what is changed, renewed when it is too old to rely on."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._changes, self._read = plan, dict(plan.changes), time.monotonic()
        self._lasts = FRESH_SECONDS
        self.outdated = False

    def work(self, spec: StageSpec, runs: Mapping[str, StageRun], at_work: Collection[str]) -> Work:
        """Whether a stage whose upstream is settled has to run, and why."""
        missing = [name for name in spec.upstream if runs[name].outcome in ("failed", "not run")]
        if missing:
            return Work(spec, run=StageRun(spec.name, "not run", why=f"needs {', '.join(missing)}"))
        if self._plan.force and not spec.frozen:
            return Work(spec, "forced")
        if self.outdated or time.monotonic() - self._read > self._lasts:
            self._renew(runs, at_work)
        why = ", ".join(self._changes.get(spec.name, ()))
        return Work(spec, why) if why else Work(spec, run=StageRun(spec.name, "unchanged"))

    def _renew(self, runs: Mapping[str, StageRun], at_work: Collection[str]) -> None:
        """All that is left, but what stages at work are about to write: those below are read when these are done."""
        writing = set(at_work)
        for spec in self._plan.stages:
            if writing & set(spec.upstream):
                writing.add(spec.name)
        names = [spec.name for spec in self._plan.stages if spec.name not in runs and spec.name not in writing]
        begun = time.monotonic()
        self._changes.update(dict.fromkeys(names, ()))
        try:
            self._changes.update(changes_now(self._plan.root, names))
        except UserError as error:  # a file is being edited, say: dvc decides, for each stage alone
            self._changes.update(dict.fromkeys(names, (str(error).splitlines()[0],)))
        self._read, self.outdated = time.monotonic(), False
        self._lasts = max(FRESH_SECONDS, READING_SHARE * (self._read - begun))


def settle(
    plan: Plan, work: Work, number: int, terminal: Terminal, stop: Stop, elsewhere: Elsewhere | None = None
) -> StageRun:
    """Do a stage's work, here or `elsewhere`, and say so. One that needs the network is tried again after a pause."""
    spec = work.spec
    place = f"[{number}/{len(plan.stages)}] {spec.name}"
    if work.run is not None:
        terminal.say(f"{place}: {', '.join(filter(None, [work.run.outcome, work.run.why]))}")
        return work.run
    terminal.say(f"{place}: {work.why}")
    pauses = list(RETRY_SECONDS) if spec.network else []
    while True:
        run = elsewhere(plan, spec, work.why, terminal, stop) if elsewhere else _here(plan, work, terminal, stop)
        if run.outcome != "failed" or not pauses:
            break
        terminal.say(f"{place}: failed in {run.seconds:.1f} s, once more in {pauses[0]:.0f} s (it needs the network)")
        stop.pause(pauses.pop(0))
    terminal.say(f"{place}: {run.outcome} in {run.seconds:.1f} s")
    return run


def _here(plan: Plan, work: Work, terminal: Terminal, stop: Stop) -> StageRun:
    spec = work.spec
    with lease(spec.gpus, plan.root, stop=stop, without_gpu=spec.without_gpu) as leased:
        options = ["--force"] if plan.force else []
        return run_stage(spec.name, plan.root, leased, work.why, terminal, stop, options)
