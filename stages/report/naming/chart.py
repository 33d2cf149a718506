"""R@k by k as polylines for an inline SVG: the same metrics give the same bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.evaluate.naming.table import BASELINES, TITLES
from stages.report.curve import nice_ticks
from stages.report.naming.tables import percent

WIDTH, HEIGHT = 820, 300  # of the plot area, in SVG units
LISTED = (1, 2, 5, 10, 20, 50)  # the k of the table below the chart

Ticks = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Line:
    """One method: a polyline in plot coordinates (y downwards); `method` names its class."""

    method: str
    title: str
    points: str


@dataclass(frozen=True)
class Chart:
    """`marks` are the k that the recipe asks for, as places; `listed` the rows of a table, under `headings`."""

    lines: tuple[Line, ...]
    x_ticks: Ticks
    y_ticks: Ticks
    marks: Ticks
    headings: tuple[str, ...]
    listed: tuple[tuple[str, ...], ...]


def recall_chart(metrics: Mapping[str, Any]) -> Chart:
    """From k = 1 to 50, or to as many as there are names; tuned is the last line, drawn over the others."""
    methods = metrics["ranking"]["methods"]
    longest = len(methods["tuned"]["curve"])
    highest = max(max(methods[name]["curve"]) for name in (*BASELINES, "tuned"))
    y_ticks = nice_ticks(100 * highest) if highest > 0 else [0.0, 100.0]

    def across(k: int) -> float:
        return round(WIDTH * (k - 1) / max(1, longest - 1), 1)

    def down(share: float) -> float:
        return round(HEIGHT * (1 - 100 * share / y_ticks[-1]), 1)

    shown = [k for k in LISTED if k <= longest]
    lines = tuple(
        Line(
            method=name,
            title=TITLES[name],
            points=" ".join(f"{across(k)},{down(share)}" for k, share in enumerate(methods[name]["curve"], start=1)),
        )
        for name in (*BASELINES, "tuned")
    )
    return Chart(
        lines=lines,
        x_ticks=tuple((across(k), str(k)) for k in (1, 10, 20, 30, 40, 50) if k <= longest),
        y_ticks=tuple((down(tick / 100), f"{tick:g}") for tick in y_ticks),
        marks=tuple((across(k), str(k)) for k in metrics["at"] if 1 < k < longest),
        headings=("method", *(f"R@{k}" for k in shown)),
        listed=tuple(
            (TITLES[name], *(percent(methods[name]["curve"][k - 1]) for k in shown))
            for name in ("tuned", *BASELINES[::-1])
        ),
    )
