"""Outlines of the drawings as arrays of points (n, 2): y downwards, things face right, about two units across."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

Points = np.ndarray[Any, np.dtype[np.float64]]


@lru_cache(maxsize=8)
def _circle(count: int) -> Points:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def turned(points: Points, degrees: float) -> Points:
    angle = np.radians(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    found: Points = points @ np.array([[cosine, sine], [-sine, cosine]])
    return found


def oval(x: float, y: float, a: float, b: float, degrees: float = 0, count: int = 18) -> Points:
    points = _circle(count) * (a, b)
    return (turned(points, degrees) if degrees else points) + (x, y)


@lru_cache(maxsize=4)
def _spline(steps: int) -> Points:
    """(steps, 4): the weights of a Catmull-Rom span's four knots."""
    t = np.arange(steps) / steps
    return 0.5 * np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], axis=1)


def smooth(knots: Sequence[tuple[float, float]], closed: bool = True, steps: int = 4) -> Points:
    """A smooth line through all knots."""
    given = np.asarray(knots, float)
    ends = (given[-1:], given[:2]) if closed else (given[:1], given[-1:])
    ring = np.concatenate([ends[0], given, ends[1]])
    spans = np.stack([ring[:-3], ring[1:-2], ring[2:-1], ring[3:]], axis=1)
    points = (_spline(steps) @ spans).reshape(-1, 2)
    return points if closed else np.concatenate([points, given[-1:]])


def band(line: Points | Sequence[tuple[float, float]], widths: Sequence[float]) -> Points:
    """A ribbon along a line; its half widths go evenly from the line's start to its end."""
    spine = np.asarray(line, float)
    along = np.gradient(spine, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    half = np.interp(np.linspace(0, 1, len(spine)), np.linspace(0, 1, len(widths)), widths)[:, None]
    side = along[:, ::-1] * (1, -1) * half
    return np.concatenate([spine + side, (spine - side)[::-1]])


def star(x: float, y: float, radius: float, inner: float = 0.45, corners: int = 5, degrees: float = -90) -> Points:
    points = _circle(2 * corners).copy()
    points[1::2] *= inner
    return turned(points, degrees) * radius + (x, y)


def polygon(*points: tuple[float, float]) -> Points:
    return np.asarray(points, float)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    return polygon((left, top), (right, top), (right, bottom), (left, bottom))
