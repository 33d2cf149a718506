"""Everyday things and plain shapes: an outline that takes the pattern, and the pieces around it."""

import numpy as np

from stages.foundation.opt_clip.anatomy import Piece
from stages.foundation.opt_clip.geometry import Points, band, box, oval, polygon, smooth, star

Thing = tuple[Points, list[Piece], list[Piece]]  # main outline, pieces behind, pieces in front


def thing(kind: str) -> Thing:
    """The parts of one of `words.THINGS` or `words.PLAIN_SHAPES`, all within -1..1."""
    if kind in SIMPLE:
        return SIMPLE[kind], [], []
    main, behind, front = COMPOSED[kind]
    label = f"trunk {kind}"
    return main, [(*piece, label) for piece in behind], [(*piece, label) for piece in front]


_HEART = smooth(
    [(0, -0.4), (0.4, -0.75), (0.85, -0.4), (0.5, 0.25), (0, 0.8), (-0.5, 0.25), (-0.85, -0.4), (-0.4, -0.75)]
)
_CLOUD = smooth([(-0.7, -0.2), (-0.4, -0.8), (0.2, -0.9), (0.7, -0.5), (0.7, 0), (0, 0.2), (-0.6, 0.1)])
SIMPLE: dict[str, Points] = {
    "circle": oval(0, 0, 0.8, 0.8, count=30),
    "square": box(-0.75, -0.75, 0.75, 0.75),
    "triangle": polygon((0, -0.85), (0.85, 0.7), (-0.85, 0.7)),
    "star": star(0, 0, 0.95),
    "heart": _HEART,
    "diamond": polygon((0, -0.95), (0.65, 0), (0, 0.95), (-0.65, 0)),
    "cross": polygon(
        (-0.25, -0.85),
        (0.25, -0.85),
        (0.25, -0.25),
        (0.85, -0.25),
        (0.85, 0.25),
        (0.25, 0.25),
        (0.25, 0.85),
        (-0.25, 0.85),
        (-0.25, 0.25),
        (-0.85, 0.25),
        (-0.85, -0.25),
        (-0.25, -0.25),
    ),
}
COMPOSED: dict[str, tuple[Points, list[tuple[Points, str]], list[tuple[Points, str]]]] = {
    "house": (
        box(-0.65, -0.15, 0.65, 0.8),
        [],
        [
            (polygon((-0.85, -0.15), (0, -0.85), (0.85, -0.15)), "second"),
            (box(-0.12, 0.3, 0.18, 0.8), "dark"),
            (box(-0.5, 0.1, -0.25, 0.35), "bright"),
        ],
    ),
    "tree": (_CLOUD, [(box(-0.12, 0.0, 0.14, 0.9), "dark")], []),
    "car": (
        smooth(
            [
                (-0.95, 0.35),
                (-0.9, 0.0),
                (-0.5, -0.08),
                (-0.3, -0.45),
                (0.3, -0.45),
                (0.5, -0.08),
                (0.95, 0.05),
                (0.95, 0.35),
            ]
        ),
        [],
        [
            (oval(-0.5, 0.4, 0.2, 0.2), "ink"),
            (oval(0.5, 0.4, 0.2, 0.2), "ink"),
            (box(-0.2, -0.35, 0.2, -0.08), "bright"),
        ],
    ),
    "boat": (
        polygon((-0.9, 0.2), (0.9, 0.2), (0.6, 0.65), (-0.6, 0.65)),
        [(box(-0.04, -0.9, 0.04, 0.2), "dark")],
        [
            (polygon((0.1, -0.85), (0.75, 0.08), (0.1, 0.08)), "second"),
            (polygon((-0.1, -0.6), (-0.55, 0.08), (-0.1, 0.08)), "light"),
        ],
    ),
    "cup": (
        polygon((-0.6, -0.5), (0.5, -0.5), (0.4, 0.6), (-0.5, 0.6)),
        [(band(smooth([(0.4, -0.3), (0.85, -0.2), (0.8, 0.2), (0.35, 0.3)], closed=False), [0.08]), "second")],
        [(oval(-0.05, -0.5, 0.55, 0.1), "dark")],
    ),
    "kite": (
        polygon((0.2, -0.95), (0.75, -0.3), (0.0, 0.5), (-0.45, -0.45)),
        [(band(smooth([(0, 0.5), (-0.3, 0.65), (-0.1, 0.8), (-0.5, 0.95)], closed=False), [0.03]), "second")],
        [(polygon((-0.35, 0.55), (-0.2, 0.65), (-0.35, 0.75)), "second")],
    ),
    "rocket": (
        smooth([(0, -0.95), (0.32, -0.4), (0.3, 0.45), (-0.3, 0.45), (-0.32, -0.4)]),
        [
            (polygon((-0.3, 0.1), (-0.65, 0.6), (-0.25, 0.5)), "second"),
            (polygon((0.3, 0.1), (0.65, 0.6), (0.25, 0.5)), "second"),
            (polygon((-0.2, 0.5), (0, 0.95), (0.2, 0.5)), "bright"),
        ],
        [(oval(0, -0.3, 0.14, 0.14), "bright")],
    ),
    "umbrella": (
        np.concatenate(
            [
                smooth([(-0.9, -0.05), (-0.6, -0.6), (0, -0.85), (0.6, -0.6), (0.9, -0.05)], closed=False),
                np.array([(0.45, -0.2), (0, -0.05), (-0.45, -0.2)]),
            ]
        ),
        [
            (box(-0.035, -0.2, 0.035, 0.75), "dark"),
            (band(smooth([(0, 0.7), (0.1, 0.9), (0.25, 0.75)], closed=False), [0.035]), "dark"),
        ],
        [],
    ),
    "flower": (
        oval(0, -0.35, 0.24, 0.24),
        [
            (box(-0.04, -0.3, 0.04, 0.95), "dark"),
            *[
                (oval(0.4 * np.cos(a), -0.35 + 0.4 * np.sin(a), 0.22, 0.22, count=12), "second")
                for a in np.arange(6) * np.pi / 3
            ],
        ],
        [],
    ),
    "balloon": (
        oval(0, -0.3, 0.5, 0.6, count=26),
        [(band(smooth([(0, 0.3), (0.1, 0.6), (-0.05, 0.95)], closed=False), [0.02]), "dark")],
        [(polygon((0, 0.28), (0.1, 0.4), (-0.1, 0.4)), "second")],
    ),
    "hat": (
        smooth([(-0.5, 0.3), (-0.45, -0.5), (0, -0.62), (0.45, -0.5), (0.5, 0.3)]),
        [(oval(0, 0.36, 0.95, 0.2), "main")],
        [(box(-0.5, 0.08, 0.5, 0.26), "second")],
    ),
    "apple": (
        smooth([(0, -0.4), (0.5, -0.6), (0.8, -0.1), (0.4, 0.65), (0, 0.55), (-0.4, 0.65), (-0.8, -0.1), (-0.5, -0.6)]),
        [(box(-0.04, -0.85, 0.05, -0.35), "dark")],
        [(oval(0.25, -0.75, 0.24, 0.1, -20), "second")],
    ),
    "lamp": (
        polygon((-0.3, -0.85), (0.3, -0.85), (0.65, -0.1), (-0.65, -0.1)),
        [(box(-0.06, -0.1, 0.06, 0.8), "dark"), (oval(0, 0.8, 0.4, 0.1), "second")],
        [],
    ),
    "tent": (
        polygon((0, -0.7), (0.95, 0.6), (-0.95, 0.6)),
        [],
        [
            (polygon((0, -0.2), (0.3, 0.6), (-0.3, 0.6)), "dark"),
            (polygon((0, -0.95), (0.3, -0.82), (0, -0.7)), "second"),
        ],
    ),
    "bell": (
        smooth([(0, -0.75), (0.35, -0.5), (0.45, 0.2), (0.75, 0.5), (-0.75, 0.5), (-0.45, 0.2), (-0.35, -0.5)]),
        [(oval(0, 0.62, 0.16, 0.16), "dark")],
        [(oval(0, -0.78, 0.12, 0.12), "second")],
    ),
    "book": (
        box(-0.65, -0.8, 0.6, 0.8),
        [(box(-0.55, -0.75, 0.7, 0.85), "light")],
        [(box(-0.65, -0.8, -0.5, 0.8), "second")],
    ),
    "mushroom": (
        smooth([(-0.85, 0.0), (-0.6, -0.6), (0, -0.85), (0.6, -0.6), (0.85, 0.0), (0, 0.15)]),
        [(smooth([(-0.25, 0), (0.25, 0), (0.3, 0.85), (-0.3, 0.85)]), "light")],
        [],
    ),
    "ball": (
        oval(0, 0, 0.75, 0.75, count=30),
        [],
        [(band(smooth([(-0.7, -0.1), (0, 0.2), (0.7, -0.1)], closed=False), [0.05]), "second")],
    ),
}
