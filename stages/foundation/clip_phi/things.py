"""Outlines of the things, about two units across, y downwards; each in one main colour with shades of it.

A thing has several builds, so that its name stands for more than one outline.
"""

from collections.abc import Callable

import numpy as np

from stages.foundation.clip_phi.canvas import Points, box, moved, oval, polygon, turned

Piece = tuple[Points, str]  # outline, paint: main, dark, light, ink
Choice = float  # 0..1, by chance: which build, or a proportion


def _star(corners: int, inner: float) -> Points:
    angles = np.arange(2 * corners) * np.pi / corners
    lengths = np.where(np.arange(2 * corners) % 2, inner, 1.0)
    return np.stack([np.sin(angles) * lengths, -np.cos(angles) * lengths], axis=1)


def _ball(c: Choice) -> list[Piece]:
    found: list[Piece] = [(oval(0, 0, 0.9, 0.9, 26), "main")]
    if c < 0.35:
        found += [(oval(-0.3, -0.35, 0.24, 0.2), "light")]
    elif c < 0.6:
        found += [(box(-0.88, -0.18, 0.88, 0.18), "light")]
    elif c < 0.8:
        found += [(oval(0, 0, 0.34, 0.9), "dark")]
    return found


def _box(c: Choice) -> list[Piece]:
    if c < 0.5:
        lid = polygon((-0.85, -0.4), (-0.45, -0.8), (0.9, -0.8), (0.6, -0.4))
        side = polygon((0.6, -0.4), (0.9, -0.8), (0.9, 0.4), (0.6, 0.85))
        return [(box(-0.85, -0.4, 0.6, 0.85), "main"), (lid, "light"), (side, "dark")]
    return [(box(-0.85, -0.7, 0.85, 0.75), "main"), (box(-0.14, -0.7, 0.14, 0.75), "dark")]


def _cup(c: Choice) -> list[Piece]:
    taper = 0.1 + 0.2 * c
    handle = oval(0.5, 0, 0.42, 0.38)
    body = polygon((-0.7, -0.7), (0.5, -0.7), (0.5 - taper, 0.8), (-0.7 + taper, 0.8))
    return [(handle, "main"), (oval(0.5, 0, 0.22, 0.2), "light"), (body, "main"), (oval(-0.1, -0.7, 0.6, 0.14), "dark")]


def _book(c: Choice) -> list[Piece]:
    if c < 0.5:
        left = polygon((0, -0.5), (-0.95, -0.65), (-0.95, 0.5), (0, 0.65))
        return [(left, "main"), (left * (-1, 1), "light"), (box(-0.04, -0.52, 0.04, 0.66), "ink")]
    return [(box(-0.6, -0.85, 0.7, 0.85), "light"), (box(-0.68, -0.85, 0.6, 0.78), "main"),
            (box(-0.35, -0.55, 0.35, -0.3), "light")]  # fmt: skip


def _chair(c: Choice) -> list[Piece]:
    back: list[Piece] = [(box(-0.55, -0.95, -0.38, 0.95), "main"), (box(0.38, 0.1, 0.55, 0.95), "main")]
    if c < 0.5:
        return [*back, (box(-0.55, 0, 0.6, 0.2), "main"), (box(-0.4, 0.3, -0.25, 0.9), "dark")]
    seat = polygon((-0.6, 0.05), (0.6, 0.05), (0.7, 0.3), (-0.7, 0.3))
    return [(box(-0.55, -0.95, 0.55, -0.35), "main"), *back, (box(0.38, -0.9, 0.55, 0.1), "main"), (seat, "dark")]


def _table(c: Choice) -> list[Piece]:
    if c < 0.5:
        legs: list[Piece] = [(box(x - 0.08, -0.1, x + 0.08, 0.75), "dark") for x in (-0.75, 0.75)]
        return [*legs, (box(-1, -0.3, 1, -0.05), "main")]
    return [(box(-0.1, -0.1, 0.1, 0.7), "dark"), (oval(0, 0.7, 0.45, 0.12), "dark"), (oval(0, -0.2, 1, 0.26), "main")]


def _lamp(c: Choice) -> list[Piece]:
    shade = polygon((-0.3 - 0.1 * c, -0.95), (0.3 + 0.1 * c, -0.95), (0.65, -0.15), (-0.65, -0.15))
    return [(box(-0.07, -0.2, 0.07, 0.8), "dark"), (oval(0, 0.82, 0.42, 0.13), "dark"), (shade, "main"),
            (box(-0.65, -0.24, 0.65, -0.15), "light")]  # fmt: skip


def _tree(c: Choice) -> list[Piece]:
    trunk: Piece = (box(-0.13, 0.2, 0.13, 1), "ink")
    if c < 0.4:
        tops = [polygon((0, top), (0.75, top + 0.8), (-0.75, top + 0.8)) for top in (-0.95, -0.5)]
        return [trunk, *((top, "main") for top in tops)]
    if c < 0.7:
        return [trunk, (oval(0, -0.3, 0.75, 0.68), "main"), (oval(0.2, -0.1, 0.2, 0.16), "dark")]
    return [trunk, *((oval(x, y, 0.48, 0.44), "main") for x, y in ((-0.4, 0.0), (0.4, 0.0), (0, -0.45)))]


def _flower(c: Choice) -> list[Piece]:
    stalk: list[Piece] = [(box(-0.06, 0, 0.06, 1), "stalk"), (oval(0.25, 0.6, 0.24, 0.09), "stalk")]
    count = 5 if c < 0.5 else 7
    angles = np.arange(count) * 2 * np.pi / count
    leaves: list[Piece] = [(oval(0.42 * np.sin(a), -0.35 - 0.42 * np.cos(a), 0.27, 0.27, 12), "main") for a in angles]
    return [*stalk, *leaves, (oval(0, -0.35, 0.22, 0.22), "dark" if c < 0.5 else "light")]


def _house(c: Choice) -> list[Piece]:
    high = -0.2 + 0.2 * c
    found: list[Piece] = [
        (box(-0.75, high, 0.75, 0.9), "main"),
        (polygon((-0.98, high), (0, -0.95), (0.98, high)), "dark"),
    ]
    return [*found, (box(-0.5, high + 0.25, -0.12, high + 0.6), "light"), (box(0.15, 0.3, 0.48, 0.9), "ink")]


def _car(c: Choice) -> list[Piece]:
    cabin = polygon((-0.55, -0.1), (-0.35 + 0.1 * c, -0.55), (0.3, -0.55), (0.6, -0.1))
    panes: list[Piece] = [(polygon((-0.4, -0.12), (-0.25, -0.45), (0, -0.45), (0, -0.12)), "light"),
                          (polygon((0.1, -0.12), (0.1, -0.45), (0.26, -0.45), (0.44, -0.12)), "light")]  # fmt: skip
    wheels: list[Piece] = [(oval(x, 0.42, 0.23, 0.23), "ink") for x in (-0.52, 0.52)]
    return [(cabin, "main"), *panes, (box(-0.98, -0.12, 0.98, 0.38), "main"), *wheels]


def _boat(c: Choice) -> list[Piece]:
    hull = polygon((-0.98, 0.35), (0.98, 0.35), (0.65, 0.85), (-0.65, 0.85))
    if c < 0.6:
        sail = polygon((0.02, -0.95), (0.02, 0.22), (0.8, 0.22))
        return [(box(-0.05, -0.95, 0.02, 0.4), "ink"), (sail, "main"), (sail * (-0.7, 0.9), "light"), (hull, "main")]
    return [(box(-0.45, -0.1, 0.3, 0.36), "light"), (box(-0.1, -0.55, 0.12, -0.1), "dark"), (hull, "main")]


def _fish(c: Choice) -> list[Piece]:
    tail = polygon((-0.4, 0), (-0.98, -0.48), (-0.85, 0), (-0.98, 0.48))
    fin = polygon((-0.2, -0.3), (0.1, -0.7 - 0.15 * c), (0.35, -0.3))
    return [(tail, "main"), (fin, "dark"), (oval(0.15, 0, 0.72, 0.44), "main"),
            (oval(0.55, -0.1, 0.09, 0.09, 10), "ink"), (oval(0.05, 0.08, 0.2, 0.1), "dark")]  # fmt: skip


def _bird(c: Choice) -> list[Piece]:
    beak = polygon((0.72, -0.45), (1.0, -0.33), (0.7, -0.25))
    tail = polygon((-0.5, 0.05), (-0.98, -0.12 - 0.3 * c), (-0.95, 0.28))
    wing = moved(turned(oval(0, 0, 0.42, 0.2), 20), -0.15, -0.02 - 0.35 * (c > 0.6))
    return [(box(-0.02, 0.3, 0.04, 0.85), "ink"), (box(0.16, 0.3, 0.22, 0.85), "ink"), (tail, "dark"),
            (oval(-0.02, 0.1, 0.6, 0.4), "main"), (oval(0.48, -0.36, 0.29, 0.28), "main"), (beak, "beak"),
            (wing, "dark"), (oval(0.55, -0.42, 0.06, 0.06, 8), "ink")]  # fmt: skip


def _cat(c: Choice) -> list[Piece]:
    ears: list[Piece] = [(polygon((x - 0.2, -0.45), (x, -0.98), (x + 0.2, -0.45)), "main") for x in (0.24, 0.64)]
    tail = moved(turned(oval(0, 0, 0.1, 0.5), 20 + 20 * c), -0.7, -0.15)
    legs: list[Piece] = [(box(x - 0.09, 0.4, x + 0.09, 0.92), "main") for x in (-0.5, -0.2, 0.15, 0.42)]
    face: list[Piece] = [(oval(x, -0.4, 0.07, 0.09, 8), "ink") for x in (0.33, 0.58)]
    return [(tail, "main"), *legs, (oval(-0.1, 0.25, 0.62, 0.36), "main"), *ears,
            (oval(0.44, -0.34, 0.38, 0.34), "main"), *face, (oval(0.46, -0.22, 0.06, 0.04, 8), "light")]  # fmt: skip


def _dog(c: Choice) -> list[Piece]:
    tail = moved(turned(oval(0, 0, 0.08, 0.36), -35), -0.8, -0.2)
    legs: list[Piece] = [(box(x - 0.1, 0.2, x + 0.1, 0.95), "main") for x in (-0.58, -0.3, 0.25, 0.5)]
    ear = moved(turned(oval(0, 0, 0.13, 0.34), -10 * c), 0.36, -0.3)
    return [(tail, "main"), *legs, (box(-0.7, -0.22, 0.6, 0.38), "main"), (oval(0.55, -0.5, 0.32, 0.3), "main"),
            (oval(0.85, -0.4, 0.22, 0.15), "main"), (oval(1.0, -0.45, 0.07, 0.06, 8), "ink"), (ear, "dark"),
            (oval(0.62, -0.58, 0.06, 0.06, 8), "ink")]  # fmt: skip


def _star_thing(c: Choice) -> list[Piece]:
    return [(_star(5, 0.4 + 0.12 * c), "main")] + ([(_star(5, 0.45) * 0.5, "light")] if c > 0.6 else [])


def _kite(c: Choice) -> list[Piece]:
    low = 0.35 + 0.2 * c
    string = polygon((0, low), (0.22, 0.7), (0.1, 1.0), (0.16, 1.0), (0.28, 0.7), (0.05, low))
    bows: list[Piece] = [(polygon((0.1, y), (0.34, y - 0.1), (0.34, y + 0.1)), "dark") for y in (0.62, 0.85)]
    return [(string, "ink"), *bows, (polygon((0, -0.98), (0.6, -0.3), (0, low), (-0.6, -0.3)), "main"),
            (polygon((0, -0.98), (0.6, -0.3), (0, -0.3)), "light"),
            (polygon((0, low), (-0.6, -0.3), (0, -0.3)), "dark")]  # fmt: skip


BUILT: dict[str, Callable[[Choice], list[Piece]]] = {
    "ball": _ball, "box": _box, "cup": _cup, "book": _book, "chair": _chair, "table": _table, "lamp": _lamp,
    "tree": _tree, "flower": _flower, "house": _house, "car": _car, "boat": _boat, "fish": _fish, "bird": _bird,
    "cat": _cat, "dog": _dog, "star": _star_thing, "kite": _kite,
}  # fmt: skip
ANY_WAY_UP = {"ball": 180.0, "star": 36.0, "kite": 40.0, "fish": 20.0, "book": 30.0, "bird": 12.0, "flower": 15.0}
