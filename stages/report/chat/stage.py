"""Report: one HTML page a recipe that needs no network, no script and no other file."""

import json
from pathlib import Path
from typing import Any

from stages.chat.recipe import ChatRecipe
from stages.entry import require
from stages.evaluate.chat.said import ASKED, CAPTIONED
from stages.evaluate.chat.table import warnings
from stages.params import UserError
from stages.record import Record, read_history, read_rows
from stages.report import curve
from stages.report.chat import charts, gallery, tables
from stages.report.chat.receipt import examples
from stages.report.page import read_receipt, render
from stages.report.page.facts import drops, flat, sources
from stages.report.page.gallery import Gallery
from stages.shards import ShardReader

TEMPLATE = Path(__file__).with_name("page.html")
REMEDY = "evaluate writes it; run `dvc repro` for it."


def run(
    params: ChatRecipe,
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

    `grades` is a placeholder: nobody grades these answers.
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
        shown = _shown(lines, Gallery(records, pictures))
    receipt = read_receipt(tokenized)
    page = render(
        TEMPLATE,
        name=name,
        params=params,
        metrics=found,
        cards=tables.head(found),
        warnings=warnings(found),
        **_questions(found["questions"]),
        **_captions(found["captions"]),
        stopping=tables.stopping(found),
        **shown,
        plot_width=charts.PLOT,
        curve=curve.read_curve(trained / "loss.csv"),
        plot=(curve.WIDTH, curve.HEIGHT),
        receipt=receipt,
        receipt_facts=flat(receipt, without=("examples",)),
        examples=examples(receipt, params.task),
        **_data(found, records, curated, tokenized),
        material=_material(base),
        parameters=flat(params.model_dump(mode="json")),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page, encoding="utf-8")
    trained_card, before = tables.head(found)[:2]
    print(f"{name}: {trained_card.title} {trained_card.value} ({trained_card.below}), before {before.value}")


def _shown(lines: list[dict[str, Any]], pictures: Gallery) -> dict[str, Any]:
    conversations, all_conversations = gallery.conversations(lines, pictures)
    captions, all_captions = gallery.captions(lines, pictures)
    return {
        "conversations": conversations,
        "all_conversations": all_conversations,
        "captions": captions,
        "all_captions": all_captions,
    }


def _questions(found: dict[str, Any] | None) -> dict[str, Any]:
    if not found:
        return {"answer_charts": [], "answer_methods": [], "answer_leads": [], "group_rows": {}, "group_headings": []}
    drawn = []
    if found["closed"]:
        drawn.append(
            ("Closed questions right, per cent", charts.by_method(found["methods"], ASKED, "exact", 100, 1), True)
        )
        drawn.append(("The same by kind of question, per cent", charts.by_group(found["by_kind"]), False))
    headings, rows = tables.groups(found) if found["closed"] else ([], {})
    return {
        "answer_charts": drawn,
        "answer_headings": tables.headings(captions=False),
        "answer_methods": tables.methods(found, captions=False),
        "answer_leads": tables.leads(found, captions=False),
        "group_headings": headings,
        "group_rows": rows,
    }


def _captions(found: dict[str, Any] | None) -> dict[str, Any]:
    if not found:
        return {"caption_chart": None, "caption_methods": [], "caption_leads": []}
    return {
        "caption_chart": charts.by_method(found["methods"], CAPTIONED, "cider", 1, 2),
        "caption_headings": tables.headings(captions=True),
        "caption_methods": tables.methods(found, captions=True),
        "caption_leads": tables.leads(found, captions=True),
        "signatures": sorted({one["bleu4_signature"] for one in found["methods"].values()}),
    }


def _data(metrics: dict[str, Any], records: list[Record], curated: Path, tokenized: Path) -> dict[str, Any]:
    return {
        "pictures": metrics["pictures"],
        "splits": tables.splits(records),
        "sources": sources(records),
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
