"""The page's part on labels: tables and figures from the metrics file."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from stages.evaluate.interleaved.table import LABEL_METHODS, RULES
from stages.evaluate.statistics import p_value
from stages.report.interleaved.tables import KINDS, Card, Cell, Row, Scored, cell, lead, percent, points

ONE_COLUMN = 12  # classes in a table; more stand in two columns
CHARTED = ("exact", "closed")  # rules that get a picture; synonyms are seldom said, the tables have them
PAIRS = 15  # most confused pairs that are listed
MEANS = {
    "exact": "the label itself, but for case, articles and punctuation",
    "synonym": "as exact, and a synonym counts as its label",
    "closed": "no free text: the likeliest of the labels",
}

Metrics = Mapping[str, Any]


@dataclass(frozen=True)
class Class:
    """A class before and after; `worse` where the base was right more often."""

    label: str
    rows: int
    zero_shot: float
    tuned: float
    worse: bool

    @property
    def change(self) -> str:
        return points(self.tuned - self.zero_shot)


@dataclass(frozen=True)
class Pair:
    """How often pictures of `label` were answered with `answer`, another one."""

    label: str
    answer: str
    rows: int
    zero_shot: int
    tuned: int


def rules(metrics: Metrics) -> list[str]:
    return [rule for rule in RULES if rule in metrics["tuned"]]


def scored(metrics: Metrics) -> list[Scored]:
    """Every method that answered, the simplest one first."""
    shallow = [Scored(title, "shallow", metrics[name]) for name, title in LABEL_METHODS.items()]
    shots = [Scored(f"{shots}-shot", "few", found) for shots, found in few_shot(metrics)]
    zero_shot = Scored("zero-shot", KINDS["zero_shot"], metrics["zero_shot"])
    return [*shallow, zero_shot, *shots, Scored("tuned", KINDS["tuned"], metrics["tuned"])]


def few_shot(metrics: Metrics) -> list[tuple[int, Metrics]]:
    """(examples, scores), by number: a metrics file sorts its keys as text, 16 before 2."""
    return sorted((int(shots), found) for shots, found in metrics["few_shot"].items())


def best_few_shot(metrics: Metrics) -> tuple[str, Metrics] | None:
    if "best_shots" not in metrics:
        return None
    return f"{metrics['best_shots']}-shot", metrics["few_shot"][str(metrics["best_shots"])]


def head(metrics: Metrics) -> list[Card]:
    """By the main rule: tuned, zero-shot, the best few-shot, the lift and its test."""
    rule, best = metrics["rule"], best_few_shot(metrics)

    def card(title: str, kind: str, scores: Metrics) -> Card:
        low, high = (percent(scores[f"{rule}_{end}"]) for end in ("low", "high"))
        return Card(title, kind, f"{percent(scores[rule])} %", f"95 % interval {low} to {high}")

    lift, test = metrics["lift"], metrics["mcnemar"][rule]
    low, high = (points(lift[f"{rule}_{end}"]) for end in ("low", "high"))
    return [
        card("tuned", "tuned", metrics["tuned"]),
        card("zero-shot", "zero", metrics["zero_shot"]),
        *([card(f"best few-shot, {best[0]}", "few", best[1])] if best else []),
        Card("tuned over zero-shot", "rival", points(lift[rule]), f"points, paired 95 % interval {low} to {high}"),
        Card(
            "McNemar’s exact test",
            "rival test",
            p_value(test["p"]),
            f"{test['c']} rows newly right, {test['b']} newly wrong; rows taken as independent",
        ),
    ]


def by_rule(metrics: Metrics) -> tuple[list[str], list[Row]]:
    """(headings, a row a rule): zero-shot, best few-shot, tuned, what tuned leads by, and McNemar's test."""
    best = best_few_shot(metrics)
    headings = ["zero-shot", *([best[0]] if best else []), "tuned", "over zero-shot"]
    headings += [*([f"over {best[0]}"] if best else []), "McNemar, over zero-shot"]
    rows = []
    for rule in rules(metrics):
        test = metrics["mcnemar"][rule]
        cells = [cell(metrics["zero_shot"], rule, percent)]
        cells += [cell(best[1], rule, percent)] if best else []
        cells += [cell(metrics["tuned"], rule, percent), lead(metrics["lift"], rule)]
        cells += [lead(metrics["over_few_shot"], rule)] if best else []
        cells.append(Cell(p_value(test["p"]), f"{test['c']} newly right, {test['b']} newly wrong"))
        rows.append(Row(RULES[rule], "", tuple(cells)))
    return headings, rows


def methods(metrics: Metrics) -> list[Row]:
    """Per cent right by every method and rule; few-shot is a mean of seeds, each seed's own value below it."""
    chance = percent(metrics["chance"])
    rows = [Row(f"chance (1 of {metrics['classes']})", "", tuple(Cell(chance) for _ in rules(metrics)))]
    for one in scored(metrics):
        cells = tuple(cell(one.scores, rule, percent, more=_seeds(one.scores, rule)) for rule in rules(metrics))
        rows.append(Row(one.title, one.kind, cells))
    return rows


def _seeds(scores: Metrics, rule: str) -> str:
    each = scores.get(f"{rule}_by_seed", [])
    return "by seed " + " · ".join(map(percent, each)) if each else ""


def classes(metrics: Metrics) -> list[list[Class]]:
    """Those that got worse first, the largest loss at the top; then the weakest ones. In one column or two."""
    worse = list(metrics["worse"])
    every = [
        Class(label, one["rows"], one["zero_shot"], one["tuned"], label in worse)
        for label, one in metrics["by_label"].items()
    ]

    def place(one: Class) -> tuple[int, float, str]:
        return (worse.index(one.label), 0.0, "") if one.worse else (len(worse), one.tuned, one.label)

    ordered = sorted(every, key=place)
    most = len(ordered) if len(ordered) <= ONE_COLUMN else ceil(len(ordered) / 2)
    return [ordered[start : start + most] for start in range(0, len(ordered), most)]


def pairs(metrics: Metrics) -> list[Pair]:
    """What the tuned model takes for something else, most often first; then what the base did."""
    tuned, base = metrics["confusion"]["tuned"], metrics["confusion"]["zero_shot"]
    found = [
        Pair(label, answer, sum(row.values()), base[label].get(answer, 0), row.get(answer, 0))
        for label, row in tuned.items()
        for answer in sorted({*row, *base[label]} - {label})
    ]
    return sorted(found, key=lambda pair: (-pair.tuned, -pair.zero_shot, pair.label, pair.answer))[:PAIRS]
