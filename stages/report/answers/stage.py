"""Report: one HTML page a recipe that needs no network, no script and no other file."""

import json
from pathlib import Path
from typing import Any

from stages.answers.recipe import AnswerRecipe
from stages.answers.tasks import TASKS
from stages.evaluate.answers.published import (
    BENCHMARK,
    CHANCE,
    PUBLISHED,
    SEED_NOTEBOOK,
    SOURCE,
    WORDS,
    not_the_same_rows,
)
from stages.evaluate.answers.table import SHALLOW, too_shallow
from stages.evaluate.statistics import p_value
from stages.record import read_history, read_rows
from stages.report import curve
from stages.report.answers import gallery, tables
from stages.report.page import read_receipt, render
from stages.shards import ShardReader

TEMPLATE = Path(__file__).with_name("page.html")


def run(
    params: AnswerRecipe,
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

    `grades` is a placeholder here: an answer is right or wrong.
    """
    rule = TASKS[params.task].rules[0]
    found = json.loads(metrics.read_text(encoding="utf-8"))
    said = [json.loads(line) for line in predictions.read_text(encoding="utf-8").split("\n") if line]
    records = read_rows(curated)
    history = read_history(curated)
    with ShardReader(curated) as pictures:
        by_id = {record.id: record for record in records}
        wrong = gallery.cards(gallery.choose(said, rule, right=False), by_id, pictures)
        right = gallery.cards(gallery.choose(said, rule, right=True), by_id, pictures)
    page = render(
        TEMPLATE,
        name=name,
        rule=rule,
        metrics=found,
        methods=_methods(found, rule),
        p_value=p_value(found["mcnemar"]["p"]),
        too_shallow=too_shallow(found, rule),
        published=PUBLISHED,
        published_words=WORDS,
        published_chance=CHANCE,
        published_source=f"{BENCHMARK}: {SOURCE}",
        seed_notebook=SEED_NOTEBOOK,
        curve=curve.read_curve(trained / "loss.csv"),
        plot=(curve.WIDTH, curve.HEIGHT),
        wrong=wrong,
        right=right,
        wrong_rows=sum(not row["tuned_correct"][rule] for row in said),
        confusions=tables.confusions(said, rule),
        breakdowns=tables.breakdowns(found),
        receipt=read_receipt(tokenized),
        splits=tables.split_counts(records),
        sources=tables.sources(records),
        raw_facts=tables.flat(history[0]),
        drops=tables.drops(history),
        material=_material(base),
        model=params.model,
        prompt=params.tokenize.prompt,
        parameters=tables.flat(params.model_dump(mode="json")),
        **_labels(found),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    before, after = found["zero_shot"], found["tuned"]
    print(
        f"{name}: zero-shot {100 * before[rule]:.1f} % -> tuned {100 * after[rule]:.1f} % "
        f"[{100 * after[f'{rule}_low']:.1f}, {100 * after[f'{rule}_high']:.1f}] on {found['rows']} held-out rows"
    )


def _labels(metrics: dict[str, Any]) -> dict[str, str]:
    """What the page may call its data."""
    pictures, withheld = metrics["pictures"], metrics["held_out"]
    return {"pictures": pictures, "held_out": withheld, "caveat": not_the_same_rows(pictures, withheld)}


def _methods(metrics: dict[str, Any], rule: str) -> list[dict[str, Any]]:
    """Rows of the before/after table: title, share, interval or None, kind (its colour)."""
    rows: list[dict[str, Any]] = [{"title": f"chance (1 of {metrics['classes']})", "share": metrics["chance"]}]
    if "chance_in_word" in metrics:
        rows.append({"title": "chance, if the word is known", "share": metrics["chance_in_word"]})
    scored = [(title, metrics, key, "shallow") for key, title in SHALLOW.items()]
    scored += [("zero-shot", metrics["zero_shot"], rule, "before"), ("tuned", metrics["tuned"], rule, "after")]
    for title, values, key, kind in scored:
        interval = values[f"{key}_low"], values[f"{key}_high"]
        rows.append({"title": title, "share": values[key], "interval": interval, "kind": kind})
    return [{"interval": None, "kind": "shallow", **row} for row in rows]


def _material(base: Path) -> dict[str, Any] | None:
    """What an embedded base had seen; None for a base that doesn't say."""
    path = base / "material.json"
    if not path.is_file():
        return None
    material = json.loads(path.read_text(encoding="utf-8"))
    known = ("tasks", "font_families", "never")
    return {
        "tasks": sorted(material.get("tasks", {}).items()),
        "font_families": material.get("font_families", []),
        "never": material.get("never", ""),
        "facts": tables.flat(material, without=known),
    }
