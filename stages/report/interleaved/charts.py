"""Bars, lines and heat tables as numbers for inline SVGs: the same metrics give the same bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.report.curve import nice_ticks
from stages.report.interleaved.tables import Scored

PLOT, ROW = 300, 26  # SVG units: width of the bars' area, height of a bar's row
WIDTH, HEIGHT = 880, 260  # of the lines' area
APART = 10  # between the dots of two rules, so that their intervals don't lie on each other
MATRIX, LARGEST, SMALLEST = 860, 24, 9  # width that a heat table aims at; bounds of a cell's side
WITH_NUMBERS = 18  # side from which a cell has room for its count
LONGEST = 24  # letters of a label in a heat table
LETTER = 0.56  # of the font size: a letter's mean width

Ticks = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Bar:
    """A method's score and its interval, in SVG units from the left; `y` is the middle of its row."""

    title: str
    kind: str
    score: float
    y: float
    end: float
    low: float
    high: float


@dataclass(frozen=True)
class BarChart:
    """`chance` is a place, None where there is no such level; ticks as (position, text)."""

    bars: tuple[Bar, ...]
    chance: float | None
    ticks: Ticks
    height: float


def bar_chart(scored: Sequence[Scored], name: str, scale: float = 1, chance: float | None = None) -> BarChart:
    """`name` of each method, times `scale`, on one axis from 0 to the highest interval."""
    ticks = nice_ticks(scale * max(chance or 0, *(one.scores[f"{name}_high"] for one in scored)))

    def at(score: float) -> float:
        return round(PLOT * scale * score / ticks[-1], 1)

    bars = tuple(
        Bar(
            title=one.title,
            kind=one.kind,
            score=scale * one.scores[name],
            y=ROW * (place + 0.5),
            end=at(one.scores[name]),
            low=at(one.scores[f"{name}_low"]),
            high=at(one.scores[f"{name}_high"]),
        )
        for place, one in enumerate(scored)
    )
    axis = tuple((at(tick / scale), f"{tick:g}") for tick in ticks)
    return BarChart(bars, None if chance is None else at(chance), axis, ROW * len(bars))


@dataclass(frozen=True)
class Line:
    """One rule by number of examples: a polyline, a dot (x, y, top, bottom) a number, and each seed's own (x, y).

    The last dot is tuned's: it has no examples and isn't on the line.
    """

    title: str
    rule: str
    points: str
    dots: tuple[tuple[float, float, float, float], ...]
    seeds: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class LineChart:
    lines: tuple[Line, ...]
    x_ticks: Ticks
    y_ticks: Ticks
    wall: float  # between the last number of examples and tuned
    chance: float


def line_chart(metrics: Mapping[str, Any], rules: Mapping[str, str]) -> LineChart:
    """Shares right from 0 to 100 per cent, a line for each of `rules` (rule: title); 0 examples is zero-shot."""
    shots = sorted(int(number) for number in metrics["few_shot"])
    columns = [("0", metrics["zero_shot"]), *((str(one), metrics["few_shot"][str(one)]) for one in shots)]
    columns.append(("tuned", metrics["tuned"]))
    across = [WIDTH * (place + 0.5) / len(columns) for place in range(len(columns))]

    def down(share: float) -> float:
        return round(HEIGHT * (1 - share), 1)

    lines = []
    for number, (rule, title) in enumerate(rules.items()):
        shift = APART * (number - (len(rules) - 1) / 2)
        xs = [round(x + shift, 1) for x in across]
        dots = tuple(
            (x, down(found[rule]), down(found[f"{rule}_high"]), down(found[f"{rule}_low"]))
            for x, (_, found) in zip(xs, columns, strict=True)
        )
        seeds = tuple(
            (x, down(share))
            for x, (_, found) in zip(xs, columns, strict=True)
            for share in found.get(f"{rule}_by_seed", [])
        )
        lines.append(Line(title, rule, " ".join(f"{x},{y}" for x, y, *_ in dots[:-1]), dots, seeds))
    return LineChart(
        lines=tuple(lines),
        x_ticks=tuple((round(x, 1), text) for x, (text, _) in zip(across, columns, strict=True)),
        y_ticks=tuple((down(tick / 100), str(tick)) for tick in range(0, 101, 25)),
        wall=round((across[-2] + across[-1]) / 2, 1),
        chance=down(metrics["chance"]),
    )


@dataclass(frozen=True)
class HeatCell:
    """Pictures of `label` that were answered `answer`: their count and their share of the label's pictures."""

    label: str
    answer: str
    rows: int
    share: float
    x: float
    y: float

    @property
    def kind(self) -> str:
        return "after" if self.label == self.answer else "off"


@dataclass(frozen=True)
class HeatTable:
    """Cells of one side; `rows` and `columns` are (middle, text). `left` and `top`: room for the texts."""

    cells: tuple[HeatCell, ...]
    rows: Ticks
    columns: Ticks
    side: float
    font: float
    left: float
    top: float

    @property
    def numbers(self) -> bool:
        return self.side >= WITH_NUMBERS


def heat_table(confusion: Mapping[str, Mapping[str, int]], last: str = "something else") -> HeatTable:
    """Rows: what is shown; columns: what was answered, in the same order, `last` at the end."""
    answers = sorted({*confusion, *(answer for row in confusion.values() for answer in row)} - {last})
    answers += [last] if any(last in row for row in confusion.values()) else []
    labels = [answer for answer in answers if answer in confusion]
    side = round(min(LARGEST, max(SMALLEST, MATRIX / len(answers))), 1)
    font = min(12.0, side - 1)
    across = {answer: round(side * place, 1) for place, answer in enumerate(answers)}
    down = {label: round(side * place, 1) for place, label in enumerate(labels)}
    cells = tuple(
        HeatCell(label, answer, rows, rows / sum(confusion[label].values()), across[answer], down[label])
        for label in labels
        for answer, rows in sorted(confusion[label].items())
    )
    room = round(font * LETTER * max(len(_short(text)) for text in answers) + 8, 1)
    return HeatTable(
        cells=cells,
        rows=tuple((round(y + side / 2, 1), _short(label)) for label, y in down.items()),
        columns=tuple((round(x + side / 2, 1), _short(answer)) for answer, x in across.items()),
        side=side,
        font=font,
        left=room,
        top=room,
    )


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
