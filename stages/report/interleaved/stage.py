"""Report: one HTML page a recipe that needs no network, no script and no other file."""

import json
from pathlib import Path
from typing import Any

from stages.entry import require
from stages.evaluate.interleaved.table import RULES
from stages.evaluate.interleaved.table import warnings as label_warnings
from stages.grading.results import read_grades
from stages.interleaved.recipe import InterleavedRecipe
from stages.params import UserError
from stages.record import Record, read_history, read_rows
from stages.report import curve
from stages.report.interleaved import captions, charts, gallery, labels, tables
from stages.report.page import read_receipt, render
from stages.report.page.facts import drops, flat, sources
from stages.report.page.gallery import Gallery
from stages.shards import ShardReader

TEMPLATE = Path(__file__).with_name("page.html")
REMEDY = "evaluate writes it; run `dvc repro` for it."
BAR_CHARTS = {"cider": 1.0, "invented_names": 100.0}  # measure: scale of its axis


def run(
    params: InterleavedRecipe,
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

    `grades` is the folder with what people said of the captions; a recipe that nobody graded has no file there.
    """
    found = json.loads(require(metrics, REMEDY).read_text(encoding="utf-8"))
    if found.get("task") != params.task:
        raise UserError(
            f"{metrics} is of task {found.get('task')!r}, the recipe's is {params.task!r}: run `dvc repro` for both."
        )
    text = require(predictions, REMEDY).read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.split("\n") if line]
    records = read_rows(curated)
    with ShardReader(curated) as pictures:
        shown = Gallery(records, pictures)
        if params.task == "label":
            part = _labels(found, lines, shown)
        else:
            part = _captions(found, lines, shown) | _grades(grades / f"{name}.jsonl", predictions)
    page = render(
        TEMPLATE,
        name=name,
        params=params,
        metrics=found,
        **part,
        bars=(charts.PLOT, charts.ROW),
        curve=curve.read_curve(trained / "loss.csv"),
        plot=(curve.WIDTH, curve.HEIGHT),
        receipt=read_receipt(tokenized),
        **_data(found, records, curated, tokenized),
        material=_material(base),
        parameters=flat(params.model_dump(mode="json")),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    _print(name, found)


def _labels(metrics: dict[str, Any], lines: list[dict[str, Any]], shown: Gallery) -> dict[str, Any]:
    rules = {rule: RULES[rule] for rule in labels.rules(metrics)}
    scored, chance = labels.scored(metrics), metrics["chance"]
    headings, rows = labels.by_rule(metrics)
    return {
        "cards": labels.head(metrics),
        "warnings": [line.strip().removeprefix("note: ") for line in label_warnings(metrics)],
        "rules": rules,
        "rule_means": labels.MEANS,
        "rule_headings": headings,
        "rule_rows": rows,
        "charts": [
            (rule, title, charts.bar_chart(scored, rule, 100, chance))
            for rule, title in rules.items()
            if rule in labels.CHARTED
        ],
        "methods": labels.methods(metrics),
        "shots": charts.line_chart(metrics, rules),
        "area": (charts.WIDTH, charts.HEIGHT),
        "classes": labels.classes(metrics),
        "heat": {kind: charts.heat_table(metrics["confusion"][kind]) for kind in ("tuned", "zero_shot")},
        "pairs": labels.pairs(metrics),
        "groups": gallery.labelled(lines, shown, metrics["rule"], metrics.get("best_shots", 0)),
    }


def _captions(metrics: dict[str, Any], lines: list[dict[str, Any]], shown: Gallery) -> dict[str, Any]:
    scored = captions.scored(metrics)
    return {
        "cards": captions.head(metrics),
        "warnings": captions.warnings(metrics),
        "headings": captions.HEADINGS,
        "charts": [
            (measure, captions.MEASURES[measure][0], charts.bar_chart(scored, measure, scale))
            for measure, scale in BAR_CHARTS.items()
        ],
        "methods": captions.methods(metrics),
        "leads": captions.leads(metrics),
        "signatures": captions.signatures(metrics),
        "best_title": captions.title_of(metrics["best_few_shot"]),
        "group": gallery.captioned(lines, shown),
    }


def _grades(log: Path, predictions: Path) -> dict[str, Any]:
    grades = read_grades(log, predictions)
    return {
        "grades": grades,
        "graded": captions.graded(grades),
        "graded_leads": captions.graded_leads(grades),
    }


def _data(metrics: dict[str, Any], records: list[Record], curated: Path, tokenized: Path) -> dict[str, Any]:
    return {
        "pictures": metrics["pictures"],
        "splits": tables.splits(records),
        "sources": sources(records),
        "authors": tables.authors(records),
        "drops": drops(read_history(tokenized)),
        "raw_facts": flat(read_history(curated)[0]),
    }


def _material(base: Path) -> dict[str, Any] | None:
    """What an embedded base had seen; None for a base that doesn't say."""
    path = base / "material.json"
    if not path.is_file():
        return None
    material = json.loads(path.read_text(encoding="utf-8"))
    return {"never": material.get("never", ""), "facts": flat(material, without=("never",))}


def _print(name: str, metrics: dict[str, Any]) -> None:
    if metrics["task"] == "label":
        rule = metrics["rule"]
        scores, scale, unit, digits = metrics, 100, " %", 1
    else:
        rule, scores, scale, unit, digits = "cider", metrics["captioning"], 1, "", 2
    before, after, low, high = (
        f"{scale * value:.{digits}f}"
        for value in (scores["zero_shot"][rule], *(scores["tuned"][f"{rule}{end}"] for end in ("", "_low", "_high")))
    )
    title = RULES.get(rule, "CIDEr")
    print(
        f"{name}: {title}, zero-shot {before}{unit} -> tuned {after}{unit} [{low}, {high}] "
        f"on {metrics['rows']} held-out pictures"
    )
