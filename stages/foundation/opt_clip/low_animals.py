"""The builds that lie low or float: fish, snake, snail, turtle, beetle."""

import numpy as np

from stages.foundation.opt_clip.anatomy import Animal, Stance, leg
from stages.foundation.opt_clip.geometry import band, box, oval, polygon, smooth


def fish(kind: str, s: Stance) -> Animal:
    w = [1 + 0.12 * v for v in s.wobble]
    thick = {"fish": 0.5, "whale": 0.55, "shark": 0.34}[kind] * w[0]
    trunk = smooth(
        [
            (-0.9 * w[1], 0),
            (-0.3, -thick * 0.85),
            (0.35, -thick),
            (0.9, -thick * 0.15),
            (0.8, thick * 0.4),
            (0.2, thick),
            (-0.4, thick * 0.7),
        ]
    )
    fin = (polygon((-0.2, -thick * 0.8), (-0.3, -thick - 0.3), (0.25, -thick * 0.9)), "second", "limb")
    low = (polygon((0.0, thick * 0.4), (-0.3, thick + 0.15), (-0.05, thick * 0.8)), "second", "limb")
    return Animal(
        trunk,
        (0.55, -0.1 * thick, thick * 0.62),
        (-0.8, 0, 180),
        (-0.05, -thick * 0.5),
        oval(0.1, thick * 0.75, 0.55, thick * 0.35),
        has_head=False,
        behind=(fin,),
        front=(low,),
    )


def snake(kind: str, s: Stance) -> Animal:
    w = [1 + 0.2 * v for v in s.wobble]
    bend = 0.18 if kind == "snake" else 0.1
    thick = (0.15 if kind == "snake" else 0.2) * w[0]
    rise = (0.6 if kind == "snake" else 0.3) * (1 - 0.6 * s.crouch) * w[1]
    line = smooth(
        [
            (-1.0, 0.4),
            (-0.6, 0.4 - bend * w[2]),
            (-0.2, 0.4),
            (0.2, 0.4 - bend * w[3] * 0.5),
            (0.5, 0.25),
            (0.52, 0.35 - rise),
        ],
        closed=False,
    )
    trunk = band(line, [thick * 0.45, thick, thick * 1.1, thick * 0.95])
    return Animal(
        trunk,
        (0.6, 0.3 - rise, thick * 1.65),
        (-0.95, 0.4, 190),
        (0.2, 0.15),
        band(line + np.array((0.0, thick * 0.7)), [thick * 0.4, thick * 0.5]),
    )


def snail(kind: str, s: Stance) -> Animal:
    w = [1 + 0.12 * v for v in s.wobble]
    foot = smooth(
        [(-0.95, 0.55), (-0.4, 0.3), (0.4, 0.3), (0.62, -0.2), (0.88, -0.15), (0.85, 0.45), (0.6, 0.58), (-0.5, 0.6)]
    )
    shell = oval(-0.12, -0.08, 0.52 * w[0], 0.5 * w[1], count=24)
    turn = np.linspace(0, 4.2 * np.pi, 26)
    coil = np.stack([-0.12 + 0.02 * turn * np.cos(turn), -0.08 + 0.02 * turn * np.sin(turn)], axis=1) * (1, 1)
    spiral = (band(coil, [0.02, 0.03]), "dark", "")
    sole = (box(-0.9, 0.5, 0.75, 0.6), "second", "limb")
    return Animal(
        shell,
        (0.76, -0.25, 0.25 * w[2]),
        (-0.85, 0.5, 190),
        (-0.1, -0.4),
        oval(-0.12, 0.22, 0.36, 0.16),
        behind=((foot, "main", "limb"), sole),
        front=(spiral,),
    )


def turtle(kind: str, s: Stance) -> Animal:
    w = [1 + 0.12 * v for v in s.wobble]
    high = 0.52 * w[0]
    shell = smooth(
        [(-0.72 * w[1], 0.2), (-0.5, -high * 0.6), (0, -high), (0.5, -high * 0.6), (0.7 * w[1], 0.2), (0, 0.3)]
    )
    length = 0.32 * (1 - 0.6 * s.crouch)
    legs = tuple(
        piece
        for x, side in ((-0.5, 1), (-0.3, -1), (0.3, 1), (0.5, -1))
        for piece in leg(x, 0.18, length, 0.12 * s.stride * side, 0.11)
    )
    throat = (band([(0.5, 0.12), (0.85, -0.05)], [0.14, 0.13]), "main", "limb")
    rim = (smooth([(-0.76, 0.16), (0, 0.24), (0.76, 0.16), (0.7, 0.3), (0, 0.36), (-0.7, 0.3)]), "second", "limb")
    return Animal(
        shell,
        (0.92, -0.14, 0.26 * w[2]),
        (-0.7, 0.18, 180),
        (0, -high * 0.6),
        oval(0, 0.1, 0.5, 0.14),
        behind=(*legs, throat),
        front=(rim,),
    )


def beetle(kind: str, s: Stance) -> Animal:
    w = [1 + 0.12 * v for v in s.wobble]
    high = (0.42 if kind == "beetle" else 0.5) * w[0]
    shell = smooth(
        [(-0.85 * w[1], 0.18), (-0.5, -high * 0.75), (0.05, -high), (0.5, -high * 0.5), (0.56, 0.2), (-0.2, 0.28)]
    )
    length = 0.36 * (1 - 0.6 * s.crouch)
    legs = tuple(
        (
            band(
                [
                    (x, 0.15),
                    (x + 0.06 + 0.08 * s.stride * side, 0.2 + length / 2),
                    (x + 0.12 * s.stride * side - 0.04, 0.2 + length),
                ],
                [0.04, 0.03],
            ),
            "dark",
            "limb",
        )
        for x, side in ((-0.5, 1), (-0.1, -1), (0.3, 1))
    )
    seam = (band(smooth([(-0.8, 0.1), (-0.2, -0.05), (0.5, -0.1)], closed=False), [0.015, 0.02]), "dark", "")
    return Animal(
        shell,
        (0.68, -0.04, 0.27 * w[2]),
        (-0.8, 0.1, 180),
        (-0.1, -high * 0.7),
        oval(-0.1, 0.14, 0.55, 0.14),
        behind=legs,
        front=(seam,),
    )
