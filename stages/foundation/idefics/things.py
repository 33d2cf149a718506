"""Outlines of single things, about two units across, y downwards; every thing in one main colour with shades."""

from collections.abc import Callable

import numpy as np

from stages.foundation.idefics.canvas import Points, band, box, moved, oval, polygon

Piece = tuple[Points, str]  # outline, paint: main, dark, light


def _ball(pattern: str) -> list[Piece]:
    found: list[Piece] = [(oval(0, 0, 0.8, 0.8, 24), "main")]
    if pattern == "striped":
        found += [(box(-0.72, -0.24, 0.72, 0.24), "light")]
    elif pattern == "dotted":
        found += [(oval(x, y, 0.17, 0.17, 8), "dark") for x, y in ((0, 0), (0.42, 0.3), (-0.42, 0.3), (0, -0.5))]
    elif pattern == "checked":
        found += [(polygon((0, 0), (0, -0.8), (0.6, -0.5), (0.78, 0)), "dark")]
        found += [(polygon((0, 0), (0, 0.8), (-0.6, 0.5), (-0.78, 0)), "dark")]
    return found


def _ring(outer: float, inner: float, height: float = 1.0) -> Points:
    """One outline out and back in, so that what lies behind is seen through it."""
    rim, hole = oval(0, 0, outer, outer * height, 24), oval(0, 0, inner, inner * height, 24)
    return np.concatenate([rim, rim[:1], hole[:1], hole[::-1]])


def _wave() -> Points:
    x = np.linspace(-1, 1, 14)
    y = 0.22 * np.sin(x * 6)
    return np.concatenate([np.stack([x, y - 0.06], 1), np.stack([x, y + 0.06], 1)[::-1]])


def _legs(top: float, wide: float, thin: float = 0.07) -> list[Piece]:
    return [(box(x - thin, top, x + thin, 0.8), "dark") for x in (-wide, wide)]


def _grid(left: float, top: float, right: float, bottom: float) -> list[Piece]:
    lines: list[Piece] = [(box(x - 0.02, top, x + 0.02, bottom), "main") for x in np.linspace(left, right, 8)]
    return lines + [(box(left, y - 0.02, right, y + 0.02), "main") for y in np.linspace(top, bottom, 5)]


SHAPES: dict[str, Callable[[], list[Piece]]] = {
    "stick": lambda: [(box(-0.05, -1, 0.05, 1), "main")],
    "pole": lambda: [(box(-0.035, -1.7, 0.035, 1.3), "main")],
    "rope": lambda: [(_wave(), "main")],
    "board": lambda: [(oval(0, 0, 1, 0.13), "main"), (oval(0, -0.03, 0.8, 0.04), "light")],
    "boat": lambda: [
        (polygon((-1, -0.15), (1, -0.15), (0.7, 0.35), (-0.7, 0.35)), "main"), (box(-0.8, -0.2, 0.8, -0.1), "dark"),
    ],
    "sled": lambda: [
        (box(-0.8, -0.12, 0.8, 0.02), "main"), (box(-0.9, 0.25, 0.8, 0.32), "dark"),
        (band((0.8, 0.28), (1, 0.02), 0.04, 0.04), "dark"), *[(box(x, 0, x + 0.08, 0.28), "dark") for x in (-0.5, 0.4)],
    ],
    "wheel": lambda: [
        (_ring(0.8, 0.62), "main"), (box(-0.03, -0.7, 0.03, 0.7), "dark"), (box(-0.7, -0.03, 0.7, 0.03), "dark"),
    ],
    "table": lambda: [*_legs(0, 0.75), (box(-1, -0.18, 1, 0.02), "main")],
    "net": lambda: _grid(-1, -0.5, 1, 0.5),
    "hoop": lambda: [(_ring(0.8, 0.68, 0.95), "main")],
    "flag": lambda: [
        (box(-0.55, -1, -0.47, 1), "dark"), (polygon((-0.5, -1), (0.7, -0.85), (0.6, -0.3), (-0.5, -0.35)), "main"),
    ],
    "box": lambda: [(box(-0.7, -0.6, 0.7, 0.7), "main"), (box(-0.7, -0.6, 0.7, -0.42), "light")],
    "bar": lambda: [(box(-1, -0.06, 1, 0.06), "main")],
    "barrel": lambda: [
        (polygon((-0.45, -0.8), (0.45, -0.8), (0.62, 0), (0.45, 0.8), (-0.45, 0.8), (-0.62, 0)), "main"),
        (box(-0.55, -0.5, 0.55, -0.4), "dark"), (box(-0.55, 0.4, 0.55, 0.5), "dark"),
    ],
    "tree": lambda: [(box(-0.12, 0, 0.12, 1), "dark"), (oval(0, -0.35, 0.7, 0.65), "main")],
    "house": lambda: [
        (box(-0.75, -0.2, 0.75, 0.8), "main"), (polygon((-0.95, -0.2), (0, -0.95), (0.95, -0.2)), "dark"),
        (box(-0.15, 0.25, 0.2, 0.8), "light"),
    ],
    "cup": lambda: [
        (polygon((-0.5, -0.6), (0.4, -0.6), (0.3, 0.6), (-0.4, 0.6)), "main"), (box(0.36, -0.4, 0.72, -0.28), "main"),
        (box(0.6, -0.4, 0.72, 0.2), "main"), (box(0.3, 0.1, 0.72, 0.22), "main"),
    ],
    "bag": lambda: [(box(-0.6, -0.3, 0.6, 0.7), "main"), (moved(_ring(0.34, 0.24), 0, -0.4), "dark")],
    "bench": lambda: [*_legs(0.2, 0.7), (box(-1, 0.1, 1, 0.28), "main"), (box(-1, -0.35, 1, -0.18), "main")],
    "ladder": lambda: [
        *[(box(x - 0.05, -1, x + 0.05, 1), "main") for x in (-0.3, 0.3)],
        *[(box(-0.3, y - 0.04, 0.3, y + 0.04), "dark") for y in np.linspace(-0.8, 0.8, 6)],
    ],
    "bucket": lambda: [
        (polygon((-0.55, -0.3), (0.55, -0.3), (0.4, 0.7), (-0.4, 0.7)), "main"),
        (moved(_ring(0.5, 0.43), 0, -0.3), "dark"),
    ],
    "umbrella": lambda: [
        (box(-0.04, -0.3, 0.04, 0.9), "dark"), (oval(0, -0.3, 0.9, 0.6)[9:], "main"), (box(0, 0.82, 0.2, 0.9), "dark"),
    ],
    "chair": lambda: [
        *_legs(0.1, 0.42), (box(-0.5, 0, 0.5, 0.14), "main"), (box(-0.5, -0.85, -0.36, 0.1), "main"),
    ],
    "lamp": lambda: [
        (box(-0.05, -0.3, 0.05, 0.8), "dark"),
        (polygon((-0.3, -0.9), (0.3, -0.9), (0.55, -0.2), (-0.55, -0.2)), "main"),
        (box(-0.35, 0.75, 0.35, 0.85), "dark"),
    ],
    "kite": lambda: [
        (polygon((0, -0.9), (0.55, -0.2), (0, 0.6), (-0.55, -0.2)), "main"),
        (band((0, 0.6), (0.3, 1), 0.03, 0.03), "dark"),
    ],
    "door": lambda: [(box(-0.45, -0.9, 0.45, 0.9), "main"), (oval(0.28, 0.05, 0.07, 0.07, 8), "light")],
    "bottle": lambda: [(box(-0.28, -0.2, 0.28, 0.8), "main"), (box(-0.1, -0.75, 0.1, -0.2), "main")],
    "book": lambda: [(box(-0.7, -0.5, 0, 0.5), "main"), (box(0.02, -0.5, 0.7, 0.5), "light")],
    "drum": lambda: [(box(-0.7, -0.3, 0.7, 0.5), "main"), (oval(0, -0.3, 0.7, 0.22), "light")],
    "star": lambda: [
        (polygon(*[
            (float(r * np.sin(a)), float(-r * np.cos(a)))
            for r, a in zip([0.85, 0.36] * 5, np.arange(10) * np.pi / 5, strict=True)
        ]), "main"),
    ],
    "fence": lambda: [
        *[(box(x - 0.08, -0.5, x + 0.08, 0.7), "main") for x in np.linspace(-0.9, 0.9, 6)],
        (box(-1, -0.2, 1, -0.05), "dark"),
    ],
    "sign": lambda: [(box(-0.05, 0, 0.05, 1), "dark"), (box(-0.65, -0.8, 0.65, 0), "main")],
    "cone": lambda: [(polygon((0, -0.8), (0.5, 0.7), (-0.5, 0.7)), "main"), (box(-0.25, 0, 0.25, 0.2), "light")],
    "paddle": lambda: [(oval(0, -0.55, 0.36, 0.45), "main"), (box(-0.07, -0.15, 0.07, 0.8), "dark")],
    "tent": lambda: [
        (polygon((0, -0.7), (1, 0.7), (-1, 0.7)), "main"), (polygon((0, -0.2), (0.3, 0.7), (-0.3, 0.7)), "dark"),
    ],
    "gate": lambda: [
        *[(box(x - 0.06, -0.7, x + 0.06, 0.8), "main") for x in (-0.8, 0.8)], (box(-0.86, -0.75, 0.86, -0.63), "main"),
    ],
    "stair": lambda: [(box(-0.8 + 0.4 * n, 0.5 - 0.35 * n, 0.8, 0.8 - 0.35 * n), "main") for n in range(4)],
    "rock": lambda: [
        (polygon((-0.9, 0.6), (-0.6, -0.2), (0, -0.5), (0.6, -0.25), (0.9, 0.6)), "main"),
        (polygon((-0.4, 0), (0, -0.35), (0.4, -0.1)), "light"),
    ],
    "hammer": lambda: [(box(-0.06, -0.5, 0.06, 0.9), "dark"), (box(-0.4, -0.85, 0.4, -0.45), "main")],
}  # fmt: skip
KINDS = ("ball", *SHAPES)
HELD = (
    "ball", "stick", "pole", "rope", "flag", "cup", "bag", "umbrella", "paddle", "box", "bottle", "book", "hammer",
    "bar", "board", "sign", "lamp", "bucket",
)  # fmt: skip
SMALL = {"cup", "bottle", "book", "hammer", "bag", "ball", "bucket", "star"}
SUPPORTS = ("box", "bench", "table", "barrel", "board", "stair", "rock", "drum", "chair")
LONG = {"stick", "pole", "bar", "board", "rope", "paddle"}


def outline(kind: str, pattern: str) -> list[Piece]:
    """Pieces from back to front. `pattern` is a ball's; other things ignore it."""
    return _ball(pattern) if kind == "ball" else SHAPES[kind]()
