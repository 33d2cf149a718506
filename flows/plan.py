"""What there is to do: the DVC graph as typed stages in order, and which of them changed, and why.

DVC's graph is read, never restated. A frozen stage has no upstream, as for `dvc repro`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from stages.params import Params, UserError, check_params

LAST_STAGE = "report@"  # a recipe NAME is everything that report@NAME needs

WORDS = {"modified": "changed", "deleted": "missing", "new": "not recorded yet", "not in cache": "not in the cache"}
PARAM_WORDS = {"modified": "changed", "deleted": "removed", "new": "added"}
WithoutGpu = Literal["cpu", "wait", "fail"]
REMEDIES = {
    "rwlock": "If no dvc is at work, remove that file.",
    "dvc.lock": "`git checkout dvc.lock` restores the last one committed.",
    "not inside of a DVC repository": "Change to the project's folder, or make it one with `dvc init`.",
}


class Routing(Params):
    """The keys of a stage's free-form `meta:` that say where and how it runs."""

    queue: Literal["cpu", "gpu"] = "cpu"
    gpus: int | None = Field(None, ge=0)  # null: one for the queue `gpu`, none for `cpu`
    without_gpu: WithoutGpu = "cpu"  # where there is none: use the CPU, wait for one, or end the run with a clear word
    network: bool = False  # it needs other machines: what failed may succeed a moment later


@dataclass(frozen=True)
class StageSpec:
    """One stage of dvc.yaml. `name` is what `dvc repro` takes in the project's root; paths as dvc.yaml has them."""

    name: str
    command: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    queue: str
    gpus: int
    network: bool
    frozen: bool
    upstream: tuple[str, ...]
    without_gpu: WithoutGpu = "cpu"


@dataclass(frozen=True)
class Plan:
    """Stages with every stage after its upstream, and why a stage is changed (absent: it isn't)."""

    root: Path
    stages: tuple[StageSpec, ...]
    changes: Mapping[str, tuple[str, ...]]
    force: bool = False  # run every stage, changed or not, and take nothing from the run-cache


def project_root(folder: Path) -> Path:
    """The project that `folder` is in; UserError when it is in none."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        return Path(Repo.find_root(str(folder)))
    except DvcException as error:
        raise _complaint(folder, error) from error


def read_plan(root: Path, recipes: Sequence[str] = ()) -> Plan:
    """The stages that `recipes` need (none named: all), and one status of them; starts no process.

    `root` is the project's folder or one below it. UserError: an unknown recipe, a wrong `meta:`, or
    whatever DVC says about its files (a broken dvc.yaml or dvc.lock, another dvc that is at work).
    """
    with opened(root) as repo:
        stages = pipeline_stages(repo)
        order = [stage for stage in _in_order(repo.index.graph, _wanted(stages, recipes)) if stage in set(stages)]
        return Plan(
            root=Path(repo.root_dir),
            stages=tuple(_spec(stage, repo.index.graph, frozenset(order)) for stage in order),
            changes=_changes(repo, order),
        )


def changes_now(root: Path, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Why those of `names` that are changed are, read afresh. UserError as for `read_plan`."""
    with opened(root) as repo:
        return _changes(repo, [stage for stage in pipeline_stages(repo) if name_of(stage) in names])


@contextmanager
def opened(root: Path) -> Iterator[Any]:
    """DVC's repository, for this thread alone; what DVC complains about becomes a UserError."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root), _wait_for_lock=True) as repo:
            yield repo
    except DvcException as error:
        raise _complaint(root, error) from error


def _complaint(root: Path, error: Exception) -> UserError:
    said = _all_causes(error)
    remedies = [remedy for sign, remedy in REMEDIES.items() if sign in said]
    return UserError("\n".join([f"DVC cannot read the graph of {root}: {said}", *remedies]))


def pipeline_stages(repo: Any) -> list[Any]:
    """Those of dvc.yaml, as DVC has them."""
    from dvc.stage import PipelineStage

    return [stage for stage in repo.index.graph if isinstance(stage, PipelineStage)]


def _changes(repo: Any, stages: Sequence[Any]) -> dict[str, tuple[str, ...]]:
    """One status of `stages`. Asked for them by name, DVC would look each one up in the whole graph again."""
    from dvc.repo import lock_repo

    status: dict[str, Any] = {}
    with lock_repo(repo):
        for stage in stages:
            status.update(stage.status(check_updates=False))
    return {name_of(stage): _why(stage, status[stage.addressing]) for stage in stages if stage.addressing in status}


def _wanted(stages: Iterable[Any], recipes: Sequence[str]) -> list[Any]:
    """The last stages of `recipes`; all stages when none is named."""
    by_name = {name_of(stage): stage for stage in stages}
    if not recipes:
        return list(by_name.values())
    known = [name.removeprefix(LAST_STAGE) for name in by_name if name.startswith(LAST_STAGE)]
    unknown = [recipe for recipe in recipes if recipe not in known]
    if unknown:
        raise UserError(
            f"no recipe `{'`, `'.join(unknown)}`; there is: {', '.join(sorted(known)) or 'none'}. "
            "`plumbline recipe add` makes a new one."
        )
    return [by_name[LAST_STAGE + recipe] for recipe in recipes]


def _in_order(graph: Any, wanted: Iterable[Any]) -> list[Any]:
    """`wanted` and all their ancestors, each after its upstream, one target after the other as `dvc repro` does."""
    order: dict[Any, None] = {}

    def visit(stage: Any) -> None:
        if stage not in order:
            for above in _upstream(graph, stage):
                visit(above)
            order[stage] = None

    for stage in wanted:
        visit(stage)
    return list(order)


def _upstream(graph: Any, stage: Any) -> list[Any]:
    return [] if stage.frozen else list(graph.successors(stage))  # DVC's edges point from a stage to what it needs


def name_of(stage: Any) -> str:
    """The stage's address from the root; DVC's own `addressing` is relative to the current folder."""
    return str(stage.name if stage.path_in_repo == "dvc.yaml" else f"{stage.path_in_repo}:{stage.name}")


def _spec(stage: Any, graph: Any, planned: frozenset[Any]) -> StageSpec:
    name, meta = name_of(stage), stage.meta or {}
    given = {key: meta[key] for key in Routing.model_fields if key in meta}
    routing = check_params(Routing, given, f"stages.{name}.meta", Path("dvc.yaml"))
    return StageSpec(
        name=name,
        command=stage.cmd if isinstance(stage.cmd, str) else "\n".join(stage.cmd),
        deps=tuple(dep.def_path for dep in stage.deps),
        outs=tuple(out.def_path for out in stage.outs),
        queue=routing.queue,
        gpus=routing.gpus if routing.gpus is not None else int(routing.queue == "gpu"),
        network=routing.network,
        frozen=stage.frozen,
        upstream=tuple(name_of(above) for above in _upstream(graph, stage) if above in planned),
        without_gpu=routing.without_gpu,
    )


def _why(stage: Any, entries: list[Any]) -> tuple[str, ...]:
    """DVC's status of one stage in short words."""
    recorded = [item for item in (*stage.deps, *stage.outs) if item.hash_info]
    if not recorded and (stage.deps or stage.outs):
        return ("never run",)
    words: list[str] = []
    for entry in entries:
        if isinstance(entry, str):
            words.append({"changed command": "command changed", "always changed": "always runs"}.get(entry, entry))
            continue
        for kind, label in (("changed deps", "dep"), ("changed outs", "out")):
            for path, state in entry.get(kind, {}).items():
                if isinstance(state, dict):
                    words += [f"params {key} {PARAM_WORDS.get(value, value)}" for key, value in state.items()]
                else:
                    words.append(f"{label} {path} {WORDS.get(state, state)}")
    return tuple(words)


def _all_causes(error: BaseException) -> str:
    """What `error` and those beneath it say: DVC wraps them, and the innermost names the file and the line."""
    said = [str(error)]
    while error.__cause__ is not None:
        error = error.__cause__
        said.append(str(error))
    return "\n".join(dict.fromkeys(filter(None, said)))
