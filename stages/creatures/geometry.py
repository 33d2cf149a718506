"""Points and curves of the drawings, in a creature's own units: y downwards, it faces right.

Only + - * / and square roots (which IEEE fixes to the bit) touch the coordinates; sines are
rounded. So every machine computes the same points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

Point = tuple[float, float]
Points = tuple[Point, ...]


@dataclass(frozen=True)
class Shape:
    """A closed outline and the name of its paint; `line`: it is inked along its edge."""

    points: Points
    paint: str
    line: bool = True


@lru_cache(maxsize=720)
def turn(degrees: int) -> Point:
    """Cosine and sine."""
    angle = math.radians(degrees)
    return round(math.cos(angle), 6), round(math.sin(angle), 6)


def towards(x: float, y: float, degrees: float, length: float) -> Point:
    """The point `length` away; 0 degrees is to the right, 90 down."""
    cosine, sine = turn(round(degrees) % 360)
    return x + cosine * length, y + sine * length


def moved(points: Sequence[Point], x: float, y: float, scale: float = 1, degrees: float = 0) -> Points:
    """Turned about the origin, scaled, then shifted."""
    cosine, sine = turn(round(degrees) % 360)
    cosine, sine = cosine * scale, sine * scale
    return tuple((x + px * cosine - py * sine, y + px * sine + py * cosine) for px, py in points)


def ellipse(x: float, y: float, a: float, b: float, degrees: float = 0) -> Points:
    """About (x, y) with half axes a and b, the first one turned by `degrees`."""
    circle = [(a * cosine, b * sine) for cosine, sine in _CIRCLE]
    return moved(circle, x, y, 1, degrees)


_CIRCLE = tuple(turn(degrees) for degrees in range(0, 360, 12))


def curve(knots: Sequence[Point], steps: int = 6) -> Points:
    """A smooth open line through all knots (Catmull-Rom)."""
    ends = [knots[0], *knots, knots[-1]]
    points = [point for span in zip(ends, ends[1:], ends[2:], ends[3:], strict=False) for point in _span(span, steps)]
    return (*points, knots[-1])


def loop(knots: Sequence[Point], steps: int = 6) -> Points:
    """A smooth closed line through all knots."""
    ring = [knots[-1], *knots, knots[0], knots[1]]
    return tuple(
        point for span in zip(ring, ring[1:], ring[2:], ring[3:], strict=False) for point in _span(span, steps)
    )


def _span(span: tuple[Point, Point, Point, Point], steps: int) -> list[Point]:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = span
    points = []
    for a, b, c, d in _weights(steps):
        points.append((a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy))
    return points


@lru_cache(maxsize=16)
def _weights(steps: int) -> tuple[tuple[float, float, float, float], ...]:
    """What each of a span's four knots counts for, at `steps` places between its inner two."""
    shares = (step / steps for step in range(steps))
    return tuple(
        (
            (-t + 2 * t * t - t * t * t) / 2,
            (2 - 5 * t * t + 3 * t * t * t) / 2,
            (t + 4 * t * t - 3 * t * t * t) / 2,
            (-t * t + t * t * t) / 2,
        )
        for t in shares
    )


def ribbon(spine: Sequence[Point], widths: Sequence[float]) -> Points:
    """The band along a line, its half width going evenly through `widths` from the first point to the last."""
    left, right = [], []
    last = len(spine) - 1
    for place, (x, y) in enumerate(spine):
        (ax, ay), (bx, by) = spine[max(0, place - 1)], spine[min(last, place + 1)]
        length = math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay)) or 1.0
        half = _between(widths, place / last)
        nx, ny = (ay - by) / length * half, (bx - ax) / length * half
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return (*left, *reversed(right))


def _between(values: Sequence[float], share: float) -> float:
    place = share * (len(values) - 1)
    low = min(int(place), len(values) - 2)
    return values[low] + (values[low + 1] - values[low]) * (place - low)


def star(x: float, y: float, radius: float, inner: float = 0.45, corners: int = 5, degrees: float = -90) -> Points:
    """A star with `corners` points; `inner`: the notches' radius as a share."""
    half = 180 / corners
    return tuple(
        towards(x, y, degrees + half * corner, radius * (inner if corner % 2 else 1)) for corner in range(2 * corners)
    )


def box_of(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)
