"""The loss curve as numbers for an inline SVG: the same loss.csv gives the same bytes."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from stages.entry import require
from stages.params import UserError

WIDTH, HEIGHT = 720, 260  # of the plot area, in SVG units
MOST_POINTS = 400  # longer runs are drawn as means of neighbouring steps
MOST_SMOOTHED = 7  # points on either side


@dataclass(frozen=True)
class Curve:
    """Two polylines in plot coordinates (y downwards), and ticks as (position, text)."""

    points: str
    smooth: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    first: float
    last: float
    steps: int
    left_out: int  # logged steps whose loss is not finite


def read_curve(path: Path) -> Curve:
    """The curve of a loss.csv with the columns step and loss."""
    with require(path, "train writes it; run `dvc repro` for it.").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    try:
        known = [(float(row["step"]), float(row["loss"])) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} needs the columns step and loss with numbers ({error!r}): train anew.") from error
    finite = [(step, loss) for step, loss in known if math.isfinite(loss)]
    if not finite:
        raise UserError(f"{path} has no step with a finite loss: lower `train.learning_rate`, and train anew.")
    return _curve(finite, len(known) - len(finite))


def _curve(known: list[tuple[float, float]], left_out: int) -> Curve:
    bundle = math.ceil(len(known) / MOST_POINTS)
    bundles = [known[i : i + bundle] for i in range(0, len(known), bundle)]
    drawn = [(_mean([step for step, _ in some]), _mean([loss for _, loss in some])) for some in bundles]
    x_ticks, y_ticks = nice_ticks(known[-1][0]), nice_ticks(max(loss for _, loss in drawn))
    right, top = max(x_ticks[-1], known[-1][0]) or 1, y_ticks[-1]
    losses = [loss for _, loss in drawn]
    half = min(MOST_SMOOTHED, len(losses) // 20)
    smooth = [_mean(losses[max(0, i - half) : i + half + 1]) for i in range(len(losses))]

    def polyline(values: list[float]) -> str:
        pairs = zip(drawn, values, strict=True)
        return " ".join(f"{WIDTH * step / right:.1f},{HEIGHT * (1 - loss / top):.1f}" for (step, _), loss in pairs)

    return Curve(
        points=polyline(losses),
        smooth=polyline(smooth),
        x_ticks=tuple((round(WIDTH * tick / right, 1), f"{tick:g}") for tick in x_ticks),
        y_ticks=tuple((round(HEIGHT * (1 - tick / top), 1), f"{tick:g}") for tick in y_ticks),
        first=known[0][1],
        last=smooth[-1],
        steps=round(known[-1][0]),
        left_out=left_out,
    )


def nice_ticks(top: float) -> list[float]:
    """From 0 to at least `top` in three to six steps of 1, 2 or 5 times a power of ten."""
    if top <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(top))
    step = next(step for step in (power / 5, power / 2, power, 2 * power) if top / step <= 5.5)
    return [round(i * step, 10) for i in range(math.ceil(round(top / step, 9)) + 1)]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
