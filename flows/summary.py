"""What became of a run: for the terminal, and as the page that Prefect keeps."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.execute import StageRun
from flows.plan import LAST_STAGE, Plan

METRICS = "reports/metrics"
NEVER_SHOWN = ("_high", "_low", "_chance")  # ends of intervals and chance levels: the report page has them
MOST_SCORES = 12  # of one recipe


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
        rows = [f"| {run.name} | {run.outcome} | {run.seconds:.1f} | {_cell(run.why)} |" for run in self.runs]
        said = [f"\n**{run.name}**\n```\n{run.last_lines}\n```" for run in self.runs if run.outcome == "failed"]
        return "\n".join(["| stage | result | seconds | why |", "|---|---|--:|---|", *rows, *said])


def page(
    plan: Plan, summary: Summary, metrics_before: Mapping[str, Any], links: Mapping[str, str] | None = None
) -> str:
    """The artifact of a run: stages, seconds of the queue `gpu`, scores by recipe, rows and drops by stage.

    `links` (name -> URL) stand at the top.
    """
    queues = {spec.name: spec.queue for spec in plan.stages}
    worked = {run.name: run.seconds if run.elsewhere is None else run.elsewhere for run in summary.runs}
    on_gpu = sum(seconds for name, seconds in worked.items() if queues[name] == "gpu")
    parts = [
        *(f"[{name}]({url})\n" for name, url in (links or {}).items()),
        "## Stages",
        summary.markdown(),
        f"\n{on_gpu:.1f} s in stages of the queue `gpu`, {sum(worked.values()):.1f} s in all.",
    ]
    now = read_metrics(plan)
    for recipe, metrics in now.items():
        scores = list(_scores(metrics))
        if scores:
            last = {name: tuned for name, _, tuned in _scores(metrics_before.get(recipe, {}))}
            rows = [
                f"| {name} | {_number(before)} | {_number(last.get(name))} | {_number(tuned)} |"
                for name, before, tuned in scores[:MOST_SCORES]
            ]
            parts += [
                f"\n## {recipe}",
                "| score | base model | tuned, before this run | tuned, now |\n|---|--:|--:|--:|",
                *rows,
                f"\nThe report: {_link(plan.root, f'reports/html/{recipe}.html')}, "
                f"the adapter: {_link(plan.root, f'models/adapters/{recipe}')}",
            ]
    if rows := [f"| {name} | {_rows(said)} |" for name, said in _manifests(plan)]:
        parts += ["\n## Rows", "| folder | rows in | rows out | dropped |\n|---|--:|--:|---|", *rows]
    return "\n".join(parts)


def read_metrics(plan: Plan) -> dict[str, Any]:
    """The metrics file of each recipe in the plan that has one, by recipe."""
    recipes = [spec.name.removeprefix(LAST_STAGE) for spec in plan.stages if spec.name.startswith(LAST_STAGE)]
    files = {recipe: plan.root / METRICS / f"{recipe}.json" for recipe in recipes}
    return {recipe: said for recipe, path in files.items() if (said := _read(path))}


def _scores(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(name, of the base model, of the tuned one) wherever a recipe's metrics have both; kinds differ in form."""
    before, tuned = metrics.get("zero_shot", metrics.get("before")), metrics.get("tuned")
    if isinstance(before, dict) and isinstance(tuned, dict):
        for name, value in tuned.items():
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if number and not name.endswith(NEVER_SHOWN) and before.get(name) != value:
                yield prefix + name, before.get(name), value
    for name, part in metrics.items():
        if isinstance(part, dict) and name not in ("zero_shot", "before", "tuned"):
            yield from _scores(part, f"{prefix}{name} ")


def _link(root: Path, path: str) -> str:
    """As far as it is there: a link that works on this machine."""
    there = root / path
    return f"[`{path}`]({there.as_uri()})" if there.exists() else f"`{path}` (not made)"


def _manifests(plan: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    for spec in plan.stages:
        for out in spec.outs:
            said = _read(plan.root / out / "manifest.json")
            if "rows_out" in said:
                yield out, said


def _rows(manifest: Mapping[str, Any]) -> str:
    dropped = manifest.get("dropped")
    drops = [f"{count} {_cell(str(reason))}" for reason, count in dropped.items()] if isinstance(dropped, dict) else []
    return f"{manifest.get('rows_in', '')} | {manifest['rows_out']} | {', '.join(drops)}"


def _read(path: Path) -> dict[str, Any]:
    """A JSON object, or nothing where there is none: a page must not fail a run that is done."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
