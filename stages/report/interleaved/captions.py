"""The page's part on captions: tables from the metrics file and from what people graded."""

from collections.abc import Callable, Mapping
from typing import Any

from stages.evaluate.interleaved.table import CAPTION_METHODS
from stages.evaluate.statistics import p_value
from stages.grading.results import Grades
from stages.report.interleaved.tables import KINDS, Card, Cell, Row, Scored, cell, lead, percent, points

Metrics = Mapping[str, Any]
Text = Callable[[float], str]

MEASURES: dict[str, tuple[str, Text, Text]] = {  # heading, a score as text, a difference as text
    "cider": ("CIDEr", "{:.2f}".format, "{:+.2f}".format),
    "bleu4": ("BLEU-4", "{:.1f}".format, "{:+.1f}".format),
    "rouge_l": ("ROUGE-L", "{:.3f}".format, "{:+.3f}".format),
    "invented_names": ("invented names, %", percent, points),
    "distinct": ("different, %", percent, points),
    "words": ("words", "{:.1f}".format, "{:+.1f}".format),
}
HEADINGS = [heading for heading, _, _ in MEASURES.values()]
MODES = {"zero_shot": "zero-shot", "few_shot": "few-shot", "tuned": "tuned"}


def title_of(method: str) -> str:
    """A method's name for people: 4_shot_2 is the second seed of four examples."""
    if "_shot_" in method:
        shots, _, seed = method.partition("_shot_")
        return f"{shots}-shot, seed {seed}"
    return CAPTION_METHODS.get(method, method)


def scored(metrics: Metrics) -> list[Scored]:
    """Every method, the simplest one first."""
    said = metrics["captioning"]
    shots = sorted((name for name in said if "_shot_" in name), key=_by_number)
    order = [*CAPTION_METHODS, *shots, "tuned"]
    return [Scored(title_of(name), _kind(name), said[name]) for name in order]


def _by_number(method: str) -> tuple[int, int]:
    """A metrics file sorts its keys as text, 16_shot before 2_shot."""
    shots, _, seed = method.partition("_shot_")
    return int(shots), int(seed)


def _kind(method: str) -> str:
    return KINDS.get(method, "few" if "_shot" in method else "shallow")


def head(metrics: Metrics) -> list[Card]:
    """CIDEr of tuned, zero-shot and the best few-shot, and what tuned leads by."""
    said, best = metrics["captioning"], metrics["best_few_shot"]
    _, score, apart = MEASURES["cider"]

    def card(title: str, kind: str, scores: Metrics) -> Card:
        low, high = (score(scores[f"cider_{end}"]) for end in ("low", "high"))
        return Card(title, kind, score(scores["cider"]), f"95 % interval {low} to {high}")

    def over(title: str, scores: Metrics) -> Card:
        low, high = (apart(scores[f"cider_{end}"]) for end in ("low", "high"))
        return Card(f"tuned over {title}", "rival", apart(scores["cider"]), f"paired 95 % interval {low} to {high}")

    return [
        card("tuned", "tuned", said["tuned"]),
        card("zero-shot", "zero", said["zero_shot"]),
        *([card(f"best few-shot: {title_of(best)}", "few", said[best])] if best else []),
        over("zero-shot", metrics["tuned_over"]["zero_shot"]),
        *([over("best few-shot", metrics["tuned_over"]["few_shot"])] if best else []),
    ]


def methods(metrics: Metrics) -> list[Row]:
    return [
        Row(one.title, one.kind, tuple(cell(one.scores, name, score) for name, (_, score, _) in MEASURES.items()))
        for one in scored(metrics)
    ]


def leads(metrics: Metrics) -> list[Row]:
    """What tuned has over each rival on the same pictures."""
    order = [*CAPTION_METHODS, "few_shot"]
    return [
        Row(
            f"best few-shot: {title_of(metrics['best_few_shot'])}" if rival == "few_shot" else title_of(rival),
            _kind(rival),
            tuple(lead(metrics["tuned_over"][rival], name, apart) for name, (_, _, apart) in MEASURES.items()),
        )
        for rival in order
        if rival in metrics["tuned_over"]
    ]


def warnings(metrics: Metrics) -> list[str]:
    """What makes the number say little."""
    said, over = metrics["captioning"], metrics["tuned_over"]
    found = [
        f"{title[0].upper()}{title[1:]} reaches over half of tuned’s CIDEr; what is tuned says little"
        for name, title in CAPTION_METHODS.items()
        if name != "zero_shot" and said[name]["cider"] > said["tuned"]["cider"] / 2
    ]
    rivals = {"zero_shot": "zero-shot", "few_shot": "the best few-shot"}
    found += [
        f"By CIDEr, tuned is not surely better than {title}"
        for name, title in rivals.items()
        if name in over and over[name]["cider_low"] <= 0
    ]
    return found


def signatures(metrics: Metrics) -> list[str]:
    """How sacrebleu counted; one, unless methods were scored apart."""
    return sorted({one["bleu4_signature"] for one in metrics["captioning"].values()})


def graded(grades: Grades) -> list[Row]:
    """A row a mode: right, partly, wrong, and the share right."""
    rows = []
    for mode, one in grades.modes.items():
        counts = [Cell(str(count)) for count in (one.right, one.partly, one.wrong)]
        share = one.share
        shown = Cell(percent(share.mean), f"{percent(share.low)}–{percent(share.high)}") if share else Cell("–")
        rows.append(Row(MODES[mode], _kind(mode), (*counts, shown)))
    return rows


def graded_leads(grades: Grades) -> list[Row]:
    """One mode over another on the rows graded for both: rows, points, McNemar's test."""
    return [
        Row(
            f"{MODES[one]} over {MODES[other]}",
            "",
            (
                Cell(str(found.rows)),
                Cell(points(found.lead.mean), f"{points(found.lead.low)} to {points(found.lead.high)}"),
                Cell(p_value(found.mcnemar.p), f"{found.mcnemar.c} to {found.mcnemar.b}"),
            ),
        )
        for (one, other), found in grades.leads.items()
    ]
