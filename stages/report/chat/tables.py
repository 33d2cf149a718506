"""The page's tables, from the metrics file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stages.evaluate.chat.said import ASKED, CAPTIONED
from stages.evaluate.statistics import p_value
from stages.record import Record
from stages.report.chat.charts import KINDS

Metrics = Mapping[str, Any]
Text = Callable[[float], str]


@dataclass(frozen=True)
class Cell:
    """A value as text and its 95 % interval as text; "" for what it lacks."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a table; `kind` is its colour."""

    title: str
    kind: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Card:
    """One figure of the page's head."""

    title: str
    kind: str
    value: str
    below: str


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def points(share: float) -> str:
    """A difference of two shares."""
    return f"{100 * share:+.1f}"


CAPTION_MEASURES: dict[str, tuple[str, Text, Text]] = {  # heading, a score as text, a difference as text
    "cider": ("CIDEr", "{:.2f}".format, "{:+.2f}".format),
    "bleu4": ("BLEU-4", "{:.1f}".format, "{:+.1f}".format),
    "rouge_l": ("ROUGE-L", "{:.3f}".format, "{:+.3f}".format),
    "distinct": ("different, %", percent, points),
    "words": ("words", "{:.1f}".format, "{:+.1f}".format),
}
ANSWER_MEASURES: dict[str, tuple[str, Text, Text]] = {
    "exact": ("closed: exact, %", percent, points),
    "f1": ("closed: token F1, %", percent, points),
    "rouge_l": ("open: ROUGE-L", "{:.3f}".format, "{:+.3f}".format),
}


def head(metrics: Metrics) -> list[Card]:
    """The step's main figure before, after and without the picture, and how often it stops."""
    part, measure, measures, title = _main(metrics)
    _, score, apart = measures[measure]
    unit = " %" if measure == "exact" else ""
    cards = [
        Card(title.format(name), kind, score(found[measure]) + unit, _between(found, measure, score))
        for name, kind, found in (
            ("trained", "tuned", part["methods"]["trained"]),
            ("before", "zero", part["methods"]["before"]),
        )
    ]
    lead = part["leads"]["withheld"]
    below = f"points; paired {_between(lead, measure, apart)}" if unit else f"paired {_between(lead, measure, apart)}"
    cards.append(Card("with minus without the picture", "few", apart(lead[measure]), below))
    stops = metrics["stopping"]["answers" if metrics["questions"] else "captions"]["trained"]
    cards.append(Card("ends by itself", "rival", f"{percent(stops['ended'])} %", f"{_loops(stops)} in a loop"))
    return cards


def _main(metrics: Metrics) -> tuple[Metrics, str, Mapping[str, tuple[str, Text, Text]], str]:
    """What the step is about: closed questions where there are any, else captions."""
    questions = metrics["questions"]
    if questions and questions["closed"]:
        return questions, "exact", ANSWER_MEASURES, "{}: closed questions right"
    if metrics["captions"]:
        return metrics["captions"], "cider", CAPTION_MEASURES, "{}: CIDEr of captions"
    return questions, "rouge_l", ANSWER_MEASURES, "{}: ROUGE-L of open questions"


def _between(found: Metrics, measure: str, text: Text) -> str:
    return f"95 % interval {text(found[f'{measure}_low'])} to {text(found[f'{measure}_high'])}"


def _loops(stops: Metrics) -> str:
    return f"{percent(stops['looping'])} %"


def methods(found: Metrics, captions: bool) -> list[Row]:
    """Every method, the simplest one first."""
    titles, measures = (CAPTIONED, CAPTION_MEASURES) if captions else (ASKED, ANSWER_MEASURES)
    return [
        Row(title, KINDS.get(name, "shallow"), _cells(found["methods"][name], measures, 1, "–"))
        for name, title in titles.items()
        if name in found["methods"]
    ]


def leads(found: Metrics, captions: bool) -> list[Row]:
    """What trained has over each rival on the same rows; McNemar's test where there are closed questions."""
    titles, measures = (CAPTIONED, CAPTION_MEASURES) if captions else (ASKED, ANSWER_MEASURES)
    rows = []
    for name in titles:
        if name not in found["leads"]:
            continue
        cells = _cells(found["leads"][name], measures, 2, " to ")
        if not captions and name in found["mcnemar"]:
            test = found["mcnemar"][name]
            cells += (Cell(p_value(test["p"]), f"{test['c']} newly right, {test['b']} newly wrong"),)
        rows.append(Row(titles[name], KINDS.get(name, "shallow"), cells))
    return rows


def _cells(
    scores: Metrics, measures: Mapping[str, tuple[str, Text, Text]], which: int, between: str
) -> tuple[Cell, ...]:
    cells = []
    for name, texts in measures.items():
        text: Text = texts[which]  # type: ignore[assignment]
        if name in scores:
            low, high = (text(scores[f"{name}_{end}"]) for end in ("low", "high"))
            cells.append(Cell(text(scores[name]), f"{low}{between}{high}"))
        else:
            cells.append(Cell("–"))
    return tuple(cells)


def headings(captions: bool) -> list[str]:
    return [heading for heading, _, _ in (CAPTION_MEASURES if captions else ANSWER_MEASURES).values()]


def groups(found: Metrics) -> tuple[list[str], dict[str, list[Row]]]:
    """Headings, and {what they are told apart by: rows} of closed questions."""
    names = [name for name in ASKED if name in found["methods"]]
    told = {
        title: [
            Row(name, "", (Cell(str(one["rows"])), *(Cell(percent(one[method])) for method in names)))
            for name, one in groups.items()
        ]
        for title, groups in (("kind of question", found["by_kind"]), ("turn", found["by_turn"]))
    }
    return ["questions", *(ASKED[name] for name in names)], told


def stopping(metrics: Metrics) -> list[Row]:
    return [
        Row(
            f"{what}, {ASKED[name]}",
            KINDS.get(name, ""),
            (Cell(str(one["rows"])), *(Cell(percent(one[share])) for share in ("ended", "looping", "empty"))),
        )
        for what, methods in metrics["stopping"].items()
        for name in ASKED
        if (one := methods.get(name)) is not None
    ]


def splits(records: list[Record]) -> list[tuple[str, tuple[int, ...]]]:
    """(split, (pictures, entities, captions, conversations, turns))"""
    by_split: dict[str, list[Record]] = {}
    for record in records:
        by_split.setdefault(record.split or "(none)", []).append(record)
    found: list[tuple[str, tuple[int, ...]]] = []
    for split, rows in sorted(by_split.items(), reverse=True):
        told = [turns for row in rows for turns in row.source.drawn.get("conversations", [])]
        captions = sum(len(row.texts) for row in rows)
        entities = len({row.entity for row in rows})
        found.append((split, (len(rows), entities, captions, len(told), sum(map(len, told)))))
    return found
