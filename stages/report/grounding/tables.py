"""Tables of the page, from the metrics file, the curated rows and the trained adapter."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.entry import require
from stages.evaluate.grounding.table import METHODS, SPEAKERS
from stages.grounding.adapter import WEIGHTS
from stages.params import UserError
from stages.record import Record
from stages.report.grounding.charts import kind_of, turns_of

SHALLOW = ("blind", "thumbnail", "histogram")  # of METHODS, those without a model
DIRECTIONS = {"t2i": "Text to image", "i2t": "Image to text"}
MEASURES = {"r1": "R@1", "r5": "R@5", "r10": "R@10", "mrr": "MRR", "ndcg": "NDCG"}
CAPTIONERS = {
    "thumbnail": "caption of the nearest thumbnail",
    "histogram": "caption of the nearest colours",
    "unseen": "tuned, without the picture",
    "before": "before training",
    "tuned": "tuned",
}


@dataclass(frozen=True)
class Cell:
    """A value as text, and its 95 % interval as text; "" where it has none."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class Row:
    """One method's line of a table; `kind` is its colour."""

    title: str
    kind: str
    cells: tuple[Cell, ...]


def retrieval(metrics: Mapping[str, Any], direction: str) -> list[Row]:
    """Chance, then every method: R@1, R@5, R@10, MRR, NDCG and the median rank."""
    scored = metrics["retrieval"]
    by_chance = [_plain(name, scored["tuned"][f"{direction}_{name}_chance"]) for name in MEASURES]
    rows = [Row("chance", "none", (*map(Cell, by_chance), Cell("–")))]
    for method, title in METHODS.items():
        if method in scored:
            cells = [_cell(scored[method], f"{direction}_{name}", name) for name in MEASURES]
            cells.append(Cell(f"{scored[method][f'{direction}_median_rank']:g}"))
            rows.append(Row(title, kind_of(method), tuple(cells)))
    return rows


def leads(metrics: Mapping[str, Any], direction: str) -> list[Row]:
    """What tuned has over each rival on the same queries."""
    over = metrics["tuned_over"]
    return [
        Row(METHODS[rival], kind_of(rival), tuple(_cell(over[rival], f"{direction}_{m}", m, "+") for m in MEASURES))
        for rival in METHODS
        if rival in over
    ]


def _cell(scores: Mapping[str, float], key: str, measure: str, sign: str = "") -> Cell:
    low, high = (_plain(measure, scores[f"{key}_{end}"], sign) for end in ("low", "high"))
    return Cell(_plain(measure, scores[key], sign), f"{low} to {high}" if sign else f"{low}–{high}")


def _plain(measure: str, value: float, sign: str = "") -> str:
    """Recall in per cent, a mean of ranks as it is."""
    return f"{100 * value:{sign}.1f}" if measure.startswith("r") else f"{value:{sign}.3f}"


def captioning(metrics: Mapping[str, Any]) -> list[Row]:
    """BLEU-4 (0 to 100), CIDEr (0 to 10), share of different captions, words, share repeated from training."""
    said = metrics["captioning"]
    return [
        Row(
            title,
            kind_of(method),
            (
                *_bleu_and_cider(said[method]),
                Cell(f"{100 * said[method]['caption_distinct']:.1f}"),
                Cell(f"{said[method]['caption_mean_words']:.1f}"),
                Cell(f"{100 * said[method]['caption_repeated']:.1f}"),
            ),
        )
        for method, title in CAPTIONERS.items()
        if method in said
    ]


def caption_leads(metrics: Mapping[str, Any]) -> list[Row]:
    said = metrics["captioning"]
    return [
        Row(title, kind_of(rival), _bleu_and_cider(said[f"tuned_over_{rival}"], "+"))
        for rival, title in CAPTIONERS.items()
        if f"tuned_over_{rival}" in said
    ]


def _bleu_and_cider(scores: Mapping[str, Any], sign: str = "") -> tuple[Cell, ...]:
    between = " to " if sign else "–"
    return tuple(
        Cell(
            f"{scores[name]:{sign}.{digits}f}",
            f"{scores[f'{name}_low']:{sign}.{digits}f}{between}{scores[f'{name}_high']:{sign}.{digits}f}",
        )
        for name, digits in (("bleu4", 1), ("cider", 2))
    )


def signatures(metrics: Mapping[str, Any]) -> list[str]:
    """How sacrebleu counted; one, unless methods were scored apart."""
    return sorted({one["bleu4_signature"] for one in metrics["captioning"].values() if "bleu4_signature" in one})


def dialogue(metrics: Mapping[str, Any]) -> tuple[list[str], list[Row]]:
    """(headings, a row a speaker): right answers by turn in per cent, and the answers that were asked for."""
    scored = metrics["dialogue"]
    columns = [*turns_of(scored), "all"]
    rows = [
        Row(
            title,
            kind_of(name),
            tuple(
                Cell(f"{100 * one['mean']:.1f}", f"{100 * one['low']:.1f}–{100 * one['high']:.1f}")
                for one in (scored[name][column] for column in columns)
            ),
        )
        for name, title in SPEAKERS.items()
        if name in scored
    ]
    rows.append(Row("answers asked for", "none", tuple(Cell(str(scored["tuned"][column]["n"])) for column in columns)))
    return [column.replace("_", " ") for column in columns], rows


def best_shallow(metrics: Mapping[str, Any]) -> str:
    """The method without a model that comes nearest to tuned, text to image."""
    scored = metrics["retrieval"]
    return max((name for name in SHALLOW if name in scored), key=lambda name: scored[name]["t2i_r1"])


def probe(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a linear probe reads off the frozen features, or why there is none."""
    found = metrics.get("probe", {})
    if "probe_map" not in found:
        return [("left out", found["left_out"])] if "left_out" in found else []

    def line(key: str) -> str:
        low, high, chance = (100 * found[f"{key}_{end}"] for end in ("low", "high", "chance"))
        return f"{100 * found[key]:.1f} % ({low:.1f}–{high:.1f}); by chance {chance:.1f} %"

    return [
        ("mean average precision", line("probe_map")),
        ("F1", line("probe_f1")),
        ("words", f"{found['probe_words']:g}"),
        ("penalty", f"{found['probe_penalty']:g}"),
    ]


def splits(records: list[Record]) -> list[tuple[str, int, int, int]]:
    """(split, pictures, entities, captions)"""
    by_split: dict[str, list[Record]] = {}
    for record in records:
        by_split.setdefault(record.split or "(none)", []).append(record)
    return [
        (split, len(rows), len({row.entity for row in rows}), sum(len(row.texts) for row in rows))
        for split, rows in sorted(by_split.items(), reverse=True)
    ]


def authors(records: list[Record]) -> list[tuple[str, int]]:
    """(author, captions)"""
    return sorted(Counter(text.author for record in records for text in record.texts).items())


def tensors(trained: Path) -> list[tuple[str, str, int]]:
    """(name, shape, values) of what training wrote."""
    from safetensors import SafetensorError, safe_open

    path = require(trained / WEIGHTS, "train writes it; run `dvc repro` for it.")
    try:
        with safe_open(path, framework="numpy") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in sorted(file.keys())}
    except SafetensorError as error:
        raise UserError(f"{path} can't be read as safetensors ({error}): train anew.") from error
    return [(name, " × ".join(map(str, shape)) or "one number", math.prod(shape)) for name, shape in shapes.items()]
