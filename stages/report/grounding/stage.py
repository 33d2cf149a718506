"""Report: one HTML page a recipe that needs no network, no script and no other file."""

import json
from pathlib import Path
from typing import Any

from stages.entry import require
from stages.evaluate.grounding.table import METHODS, SPEAKERS, warnings
from stages.grounding.recipe import GroundingRecipe
from stages.record import read_history, read_rows
from stages.report import curve
from stages.report.grounding import charts, gallery, tables
from stages.report.grounding.receipt import by_kind
from stages.report.page import read_receipt, render
from stages.report.page.facts import drops, flat, sources
from stages.report.page.gallery import Examples, Gallery
from stages.shards import ShardReader

TEMPLATE = Path(__file__).with_name("page.html")
REMEDY = "evaluate writes it; run `dvc repro` for it."


def run(
    params: GroundingRecipe,
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

    `grades` is a placeholder here: its captions are scored, not graded.
    """
    found = json.loads(require(metrics, REMEDY).read_text(encoding="utf-8"))
    lines = require(predictions, REMEDY).read_text(encoding="utf-8").split("\n")
    receipt = read_receipt(tokenized)
    page = render(
        TEMPLATE,
        name=name,
        params=params,
        metrics=found,
        **_scores(found),
        **_examples(curated, [json.loads(line) for line in lines if line]),
        **_dialogue(found),
        curve=curve.read_curve(trained / "loss.csv"),
        plot=(curve.WIDTH, curve.HEIGHT),
        tensors=tables.tensors(trained),
        receipt=receipt,
        by_kind=by_kind(receipt),
        **_data(curated, tokenized),
        **_base(base),
        parameters=flat(params.model_dump(mode="json")),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    _print(name, found)


def _scores(metrics: dict[str, Any]) -> dict[str, Any]:
    scored, shallow = metrics["retrieval"], tables.best_shallow(metrics)
    return {
        "before": scored["before"],
        "tuned": scored["tuned"],
        "clip": scored["clip"],
        "lead": metrics["tuned_over"]["clip"],
        "shallow": scored[shallow],
        "shallow_title": METHODS[shallow],
        "warnings": [line.strip().removeprefix("note: ") for line in warnings(metrics)],
        "measures": list(tables.MEASURES.values()),
        "directions": [
            {
                "key": key,
                "title": title,
                "chart": charts.bar_chart(scored, f"{key}_r1", METHODS),
                "rows": tables.retrieval(metrics, key),
                "leads": tables.leads(metrics, key),
                "queries": scored["tuned"][f"{key}_queries"],
                "gallery": scored["tuned"][f"{key}_gallery"],
            }
            for key, title in tables.DIRECTIONS.items()
        ],
        "bars": (charts.PLOT, charts.ROW),
        "probe": tables.probe(metrics),
        "captioning": tables.captioning(metrics),
        "caption_leads": tables.caption_leads(metrics),
        "signatures": tables.signatures(metrics),
    }


def _dialogue(metrics: dict[str, Any]) -> dict[str, Any]:
    """The chart and the table of answers by turn; None where no test picture has a dialogue."""
    if "dialogue" not in metrics:
        return {"turns": None}
    headings, rows = tables.dialogue(metrics)
    return {
        "turns": headings,
        "speakers": rows,
        "lines": charts.line_chart(metrics["dialogue"], SPEAKERS),
        "area": (charts.WIDTH, charts.HEIGHT),
    }


def _examples(curated: Path, said: list[dict[str, Any]]) -> dict[str, Any]:
    def row_id(row: dict[str, Any]) -> str:
        return str(row["id"])

    with ShardReader(curated) as pictures:
        shown = Gallery(read_rows(curated), pictures)

        def captions(found: bool) -> Examples:
            return shown.examples(gallery.queries(said, found), lambda q: q.row, lambda q: f"{q.row}/{q.place}")

        def described(found: bool) -> Examples:
            return shown.examples(gallery.described(said, found), row_id, row_id)

        talks = [{**row, "dialogue": gallery.marked(row["dialogue"])} for row in said if "dialogue" in row]
        return {
            "found": captions(True),
            "missed": captions(False),
            "described_well": described(True),
            "described_badly": described(False),
            "talks": shown.examples(talks, row_id, lambda row: f"dialogue {row['id']}"),
        }


def _data(curated: Path, tokenized: Path) -> dict[str, Any]:
    records = read_rows(curated)
    return {
        "splits": tables.splits(records),
        "sources": sources(records),
        "authors": tables.authors(records),
        "drops": drops(read_history(tokenized)),
        "raw_facts": flat(read_history(curated)[0]),
    }


def _base(base: Path) -> dict[str, Any]:
    """What an embedded base had seen, and how large its parts are; None for a base that doesn't say."""
    path = base / "material.json"
    if not path.is_file():
        return {"material": None, "sizes": {}}
    material = json.loads(path.read_text(encoding="utf-8"))
    known = {"never": material.get("never", ""), "facts": flat(material, without=("never", "parameters"))}
    return {"material": known, "sizes": material.get("parameters", {})}


def _print(name: str, metrics: dict[str, Any]) -> None:
    scored = metrics["retrieval"]
    before, tuned, clip = (100 * scored[method]["t2i_r1"] for method in ("before", "tuned", "clip"))
    low, high = 100 * scored["tuned"]["t2i_r1_low"], 100 * scored["tuned"]["t2i_r1_high"]
    print(
        f"{name}: text to image R@1 before {before:.1f} % -> tuned {tuned:.1f} % [{low:.1f}, {high:.1f}] "
        f"on {metrics['rows']} held-out pictures; frozen CLIP {clip:.1f} %"
    )
