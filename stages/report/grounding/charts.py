"""Bars and lines as numbers for inline SVGs: the same metrics give the same bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.report.curve import nice_ticks

PLOT, ROW = 250, 26  # SVG units: width of the bars' area, height of a bar's row
WIDTH, HEIGHT = 920, 240  # of the lines' area, in SVG units

Ticks = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Bar:
    """A method's share and its interval, in SVG units from the left; `y` is the middle of its row."""

    title: str
    kind: str
    share: float
    y: float
    end: float
    low: float
    high: float


@dataclass(frozen=True)
class BarChart:
    """Bars of one measure, the place of the chance level, and ticks as (position, text)."""

    bars: tuple[Bar, ...]
    chance: float
    chance_at: float
    ticks: Ticks
    height: float


@dataclass(frozen=True)
class Line:
    """One speaker's shares by turn: a polyline, and a dot with its interval (x, y, top, bottom) a turn."""

    title: str
    kind: str
    points: str
    dots: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class LineChart:
    lines: tuple[Line, ...]
    x_ticks: Ticks
    y_ticks: Ticks


def bar_chart(scored: Mapping[str, Mapping[str, float]], key: str, titles: Mapping[str, str]) -> BarChart:
    """`key` of every method in `scored`, in the order of `titles`, on one scale from 0 to the highest interval."""
    shown = [name for name in titles if name in scored]
    chance = scored["tuned"][f"{key}_chance"]
    ticks = nice_ticks(100 * max(chance, *(scored[name][f"{key}_high"] for name in shown)))

    def at(share: float) -> float:
        return round(PLOT * 100 * share / ticks[-1], 1)

    bars = tuple(
        Bar(
            title=titles[name],
            kind=kind_of(name),
            share=scored[name][key],
            y=ROW * (place + 0.5),
            end=at(scored[name][key]),
            low=at(scored[name][f"{key}_low"]),
            high=at(scored[name][f"{key}_high"]),
        )
        for place, name in enumerate(shown)
    )
    axis = tuple((at(tick / 100), f"{tick:g}") for tick in ticks)
    return BarChart(bars, chance, at(chance), axis, ROW * len(shown))


def line_chart(scored: Mapping[str, Mapping[str, Any]], titles: Mapping[str, str]) -> LineChart:
    """Shares of right answers by turn, from 0 to 100 per cent; `all` is no turn and stays in the table."""
    turns = turns_of(scored)
    across = {turn: round(WIDTH * (place + 0.5) / len(turns), 1) for place, turn in enumerate(turns)}

    def down(share: float) -> float:
        return round(HEIGHT * (1 - share), 1)

    lines = []
    for name, title in titles.items():
        if name not in scored:
            continue
        known = [(across[turn], scored[name][turn]) for turn in turns if turn in scored[name]]
        dots = tuple((x, down(one["mean"]), down(one["high"]), down(one["low"])) for x, one in known)
        lines.append(Line(title, name, " ".join(f"{x},{y}" for x, y, *_ in dots), dots))
    return LineChart(
        lines=tuple(lines),
        x_ticks=tuple((x, turn.removeprefix("turn_")) for turn, x in across.items()),
        y_ticks=tuple((down(tick / 100), str(tick)) for tick in range(0, 101, 25)),
    )


def turns_of(scored: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """turn_1, turn_2, ...: without `all`."""
    return [turn for turn in scored["tuned"] if turn != "all"]


def kind_of(method: str) -> str:
    """Which colour a method has."""
    return {"tuned": "after", "before": "before", "clip": "clip"}.get(method, "shallow")
