"""Report: one HTML page a recipe that needs no network, no script and no other file."""

import json
from pathlib import Path
from typing import Any

from stages.entry import require
from stages.evaluate.naming.table import TITLES, warnings
from stages.naming.recipe import NamingRecipe
from stages.params import UserError
from stages.record import Record, read_history, read_rows
from stages.report import curve
from stages.report.naming import chart, examples, tables
from stages.report.page import read_receipt, render
from stages.report.page.facts import drops, flat, sources

TEMPLATE = Path(__file__).with_name("page.html")
REMEDY = "evaluate writes it; run `dvc repro` for it."


def run(
    params: NamingRecipe,
    *,
    name: str,
    curated: Path,
    tokenized: Path,
    base: Path,
    trained: Path,
    metrics: Path,
    predictions: Path,
    grades: Path,
    out: Path,
) -> None:
    """Write the page of recipe `name` to `out`; the same inputs give the same bytes.

    `grades` is a placeholder: names are right or wrong, nobody grades them.
    """
    found = json.loads(require(metrics, REMEDY).read_text(encoding="utf-8"))
    if found.get("task") != params.task:
        raise UserError(
            f"{metrics} is of task {found.get('task')!r}, the recipe's is {params.task!r}: run `dvc repro` for both."
        )
    text = require(predictions, REMEDY).read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.split("\n") if line]
    records = read_rows(curated)
    _require_same_rows(predictions, lines, records)
    page = render(
        TEMPLATE,
        name=name,
        params=params,
        metrics=found,
        warnings=warnings(found),
        **_scores(found),
        groups=examples.groups(lines),
        inventions=examples.inventions(lines),
        curve=curve.read_curve(trained / "loss.csv"),
        plot=(curve.WIDTH, curve.HEIGHT),
        receipt=read_receipt(tokenized),
        splits=tables.splits(records),
        sources=sources(records),
        drops=drops(read_history(tokenized)),
        raw_facts=flat(read_history(curated)[0]),
        material=_material(base),
        parameters=flat(params.model_dump(mode="json")),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    _print(name, found)


def _scores(metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        "cards": tables.cards(metrics),
        "headings": tables.headings(metrics),
        "methods": tables.methods(metrics),
        "lead_headings": tables.lead_headings(metrics),
        "leads": tables.leads(metrics),
        "chart": chart.recall_chart(metrics),
        "area": (chart.WIDTH, chart.HEIGHT),
        "among_new": tables.among_new(metrics),
        "answers": tables.answers(metrics),
        "invented": tables.invented(metrics),
        "invented_headings": ["answers", *(f"{title}, %" for title in tables.INVENTED.values()), "different, %"],
        "rules": tables.rules(metrics),
        "languages": tables.languages(metrics),
    }


def _require_same_rows(predictions: Path, lines: list[dict[str, Any]], records: list[Record]) -> None:
    """A row with several descriptions is id/0, id/1."""
    known = {record.id for record in records}
    for line in lines:
        if line["id"] not in known and line["id"].rpartition("/")[0] not in known:
            raise UserError(
                f"{predictions} names {line['id']}, which the described set lacks: run `dvc repro` for both."
            )


def _material(base: Path) -> dict[str, Any] | None:
    """What an embedded base had seen; None for a base that doesn't say."""
    path = base / "material.json"
    if not path.is_file():
        return None
    material = json.loads(path.read_text(encoding="utf-8"))
    return {"never": material.get("never", ""), "facts": flat(material, without=("never",))}


def _print(name: str, metrics: dict[str, Any]) -> None:
    measure, methods = tables.main_of(metrics), metrics["ranking"]["methods"]
    best = tables.best_baseline(metrics)
    before, beside, after, low, high = (
        tables.percent(share)
        for share in (
            methods["zero_shot"][measure],
            methods[best][measure],
            *(methods["tuned"][f"{measure}{end}"] for end in ("", "_low", "_high")),
        )
    )
    print(
        f"{name}: true name in the {tables.cut(metrics)} of {metrics['names']}, zero-shot {before} % -> "
        f"tuned {after} % [{low}, {high}], {TITLES[best]} {beside} %, on {metrics['rows']} held-out descriptions"
    )
