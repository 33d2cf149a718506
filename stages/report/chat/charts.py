"""Bars as numbers for inline SVGs: one bar a method, or a few side by side for each kind of question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.report.curve import nice_ticks

PLOT = 300  # SVG units: width of the bars' area
BAR, GAP = 16, 10  # heights of a bar alone in its row, and of what is between rows
THIN = 9  # height of a bar beside others
KINDS = {"before": "before", "trained": "after", "withheld": "few", "own_history": "own"}  # colours; others: shallow
BESIDE = ("usual", "before", "withheld", "trained")  # that stand side by side


@dataclass(frozen=True)
class Bar:
    """In SVG units from the left and from the top; `low` and `high` are None where there is no interval."""

    kind: str
    said: str
    y: float
    height: float
    end: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Group:
    """What stands in one row; `y` is its middle."""

    title: str
    y: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Chart:
    """Ticks as (position, text)."""

    groups: tuple[Group, ...]
    ticks: tuple[tuple[float, str], ...]
    height: float


def by_method(methods: Mapping[str, Any], titles: Mapping[str, str], name: str, scale: float, digits: int) -> Chart:
    """`name` of each method, times `scale`, with its interval, on one axis from 0 to the highest."""
    titles = {key: title for key, title in titles.items() if key in methods}
    ticks = nice_ticks(scale * max(methods[key][f"{name}_high"] for key in titles))
    groups = []
    for row, (key, title) in enumerate(titles.items()):
        top = row * (BAR + GAP) + GAP / 2
        score, low, high = (methods[key][f"{name}{end}"] for end in ("", "_low", "_high"))
        said = f"{scale * score:.{digits}f}"
        bar = Bar(
            KINDS.get(key, "shallow"),
            said,
            top,
            BAR,
            *(round(PLOT * scale * value / ticks[-1], 1) for value in (score, low, high)),
        )
        groups.append(Group(title, top + BAR / 2, (bar,)))
    return _chart(groups, ticks)


def by_group(groups: Mapping[str, Mapping[str, Any]]) -> Chart:
    """Shares right of each group of questions, 0 to 100 per cent, methods side by side."""
    rows, top = [], GAP / 2
    for title, found in groups.items():
        names = [name for name in BESIDE if name in found]
        bars = tuple(
            Bar(
                KINDS.get(name, "shallow"),
                f"{100 * found[name]:.0f}",
                top + THIN * place,
                THIN,
                round(PLOT * found[name], 1),
            )
            for place, name in enumerate(names)
        )
        height = THIN * len(bars)
        rows.append(Group(f"{title} ({found['rows']})", top + height / 2, bars))
        top += height + GAP
    return _chart(rows, [0.0, 25.0, 50.0, 75.0, 100.0])


def _chart(groups: Sequence[Group], ticks: Sequence[float]) -> Chart:
    axis = tuple((round(PLOT * tick / ticks[-1], 1), f"{tick:g}") for tick in ticks)
    last = groups[-1].bars[-1] if groups else None
    return Chart(tuple(groups), axis, last.y + last.height + GAP / 2 if last else 0)
