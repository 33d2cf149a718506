"""A stage on another machine: sent to a worker of its queue's work pool, then replayed here from the run-cache.

The worker has the commit from git, and inputs from the common DVC remote; its result comes back by the same remote.
So dvc.lock has one writer, this workspace, and nothing is computed twice.
"""

import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flows.connection import URL, prepare_prefect
from flows.execute import StageRun, run_stage
from flows.plan import Plan, StageSpec, name_of, opened, pipeline_stages
from flows.route import VISIBLE, Lease
from flows.stop import Stop, StoppedError
from flows.terminal import Terminal
from flows.worktree import git
from stages.params import UserError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun, State

POLL_SECONDS = 1.0
CANCEL_SECONDS = 60.0  # for a worker to end the stage, when the run is stopped


def require(plan: Plan, pools: Collection[str]) -> None:
    """UserError where no other machine could take a stage: no server, no DVC remote, changes without a commit."""
    prepare_prefect(plan.root)
    if URL not in os.environ:
        raise UserError(
            "--pool needs a Prefect server that workers of other machines know: start one with `make server` here, "
            f"or name it in {URL} and PREFECT_API_AUTH_STRING."
        )
    if plan.force:
        raise UserError("--force and --pool don't go together: results of other machines come from the run-cache.")
    from dvc.repo import Repo

    with Repo(str(plan.root)) as repo:
        if not repo.config["core"].get("remote"):
            raise UserError("--pool needs a common DVC remote: `dvc remote add -d NAME URL` here and on the workers.")
    committed(plan.root, [spec for spec in plan.stages if spec.queue in pools])


def committed(root: Path, specs: Iterable[StageSpec]) -> str:
    """The commit that a worker takes; UserError when what `specs` read differs from it. Upstream outs don't count."""
    paths = {"dvc.yaml", "params.yaml", *(dep for spec in specs for dep in spec.deps)}
    there = sorted(path for path in paths if (root / path).exists())
    if changed := git(root, "status", "--porcelain", "--", *there).splitlines():
        names = ", ".join(line.split(maxsplit=1)[1] for line in changed[:5])
        raise UserError(
            f"a worker takes what is committed, these are not: {names}. Commit and push them, or run without --pool."
        )
    return git(root, "rev-parse", "HEAD")


def run_elsewhere(plan: Plan, spec: StageSpec, why: str, terminal: Terminal, stop: Stop) -> StageRun:
    """`spec` on a worker, its result replayed here. StoppedError: `stop` was asked for, and it's cancelled."""
    begun = time.monotonic()
    try:
        commit = committed(plan.root, [spec])
        push(plan.root, spec.upstream)
        sent = _send(spec, {"commit": commit, "lock": _entries(plan.root, spec), **_routing(spec)})
    except UserError as error:
        return StageRun(spec.name, "failed", time.monotonic() - begun, why, str(error))
    terminal.say(f"{spec.name}: sent to the work pool `{spec.queue}` as {sent.name}")
    there = _wait(sent, spec, terminal, stop)
    seconds = there.total_run_time.total_seconds()
    state = there.state
    if state is None or not state.is_completed():
        said = f"on a worker of the pool `{spec.queue}` ({sent.name}): {_said(state)}"
        return StageRun(spec.name, "failed", time.monotonic() - begun, why, said, seconds)
    run = run_stage(spec.name, plan.root, Lease({VISIBLE: ""}), why, terminal, stop, ["--pull"], replay_only=True)
    why = f"{why}; {str(state.name).lower()} {_said(state)}"
    return StageRun(spec.name, run.outcome, time.monotonic() - begun, why, run.output, seconds)


def push(root: Path, stages: Collection[str], *options: str) -> None:
    """What `stages` made, to the common remote; UserError with dvc's own words."""
    if not stages:
        return
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "push", "--quiet", *options, *stages]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise UserError(f"dvc push {' '.join(stages)}: {done.stderr.strip()[-2000:]}")


def push_result(root: Path, stage: str) -> None:
    """What a replay needs: the run-cache, the outs, and those of `cache: false` (metrics), which dvc doesn't push."""
    push(root, [stage], "--run-cache")
    with opened(root) as repo:
        outs = [out for one in pipeline_stages(repo) if name_of(one) == stage for out in one.outs]
        if found := {out.hash_info for out in outs if not out.use_cache and out.hash_info}:
            repo.cloud.push(found)


def _entries(root: Path, spec: StageSpec) -> dict[str, Any]:
    """What dvc.lock says here about the stage and those right above it: it need not be committed."""
    from dvc.utils.serialize import load_yaml

    locked = load_yaml(str(root / "dvc.lock")).get("stages", {}) if (root / "dvc.lock").is_file() else {}
    return {name: locked[name] for name in (*spec.upstream, spec.name) if name in locked}


def _routing(spec: StageSpec) -> dict[str, Any]:
    return {"stage": spec.name, "gpus": spec.gpus, "without_gpu": spec.without_gpu}


def _send(spec: StageSpec, parameters: dict[str, Any]) -> "FlowRun":
    from prefect.client.schemas.objects import FlowRun
    from prefect.deployments import run_deployment
    from prefect.exceptions import ObjectNotFound

    try:
        sent: Any = run_deployment(
            f"stage/{spec.queue}",
            parameters=parameters,
            timeout=0,
            flow_run_name=f"{spec.name} {parameters['commit'][:10]}",
        )
        assert isinstance(sent, FlowRun)  # and no coroutine of it: this is a thread without a loop
        return sent
    except ObjectNotFound as error:
        raise UserError(
            f"the server has no deployment `stage/{spec.queue}`: `make server` makes it, or `prefect deploy --all`."
        ) from error


def _wait(sent: "FlowRun", spec: StageSpec, terminal: Terminal, stop: Stop) -> "FlowRun":
    """The run when it has ended. A server that is away for a while is asked again."""
    from prefect import get_client
    from prefect.states import Cancelling

    said = ""
    with get_client(sync_client=True) as client:
        while True:
            run = _read(client, sent.id) or sent
            if run.state is not None and run.state.is_final():
                return run
            now = str(run.state.name) if run.state else "unknown"
            if now != said:
                terminal.say(f"{spec.name}: {now.lower()} in the work pool `{spec.queue}`")
                said = now
            try:
                stop.pause(POLL_SECONDS)
            except StoppedError:
                client.set_flow_run_state(sent.id, Cancelling())
                deadline = time.monotonic() + CANCEL_SECONDS
                while time.monotonic() < deadline and stop.asked < 2:
                    run = _read(client, sent.id) or run
                    if run.state is None or run.state.is_final():
                        break
                    time.sleep(POLL_SECONDS)
                raise


def _read(client: Any, run: UUID) -> "FlowRun | None":
    from httpx import HTTPError

    try:
        found: FlowRun = client.read_flow_run(run)
        return found
    except HTTPError:
        return None


def _said(state: "State[Any] | None") -> str:
    return (state.message or str(state.name)) if state else "no word"
