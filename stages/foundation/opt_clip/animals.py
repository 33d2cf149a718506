"""The builds that stand: four legs, bird, upright, round, ghost; and the table of all builds. They face right."""

from collections.abc import Callable

import numpy as np

from stages.foundation.opt_clip import low_animals as low
from stages.foundation.opt_clip.anatomy import Animal, Stance, leg
from stages.foundation.opt_clip.geometry import band, oval, polygon, smooth

# length of the trunk, of the legs, of the snout, of the neck; head's radius; thickness of the trunk
FOUR = {
    "cat": (0.62, 0.42, 0.10, 0.10, 0.30, 0.28), "dog": (0.62, 0.46, 0.24, 0.12, 0.28, 0.28),
    "fox": (0.66, 0.36, 0.30, 0.08, 0.27, 0.25), "horse": (0.62, 0.62, 0.30, 0.40, 0.22, 0.27),
    "mouse": (0.50, 0.20, 0.26, 0.00, 0.26, 0.32),
}  # fmt: skip


def _four(kind: str, s: Stance) -> Animal:
    long, length, snout, neck, skull, thick = FOUR[kind]
    w = [1 + 0.12 * v for v in s.wobble]
    long, thick, skull = long * w[0], thick * w[1], skull * w[2]
    length = length * w[3] * (1 - 0.65 * s.crouch)
    swing = 0.16 * s.stride
    head = (long + 0.16, -thick * 0.7 - neck - 0.05, skull)
    trunk = smooth(
        [
            (-long, -thick * 0.7),
            (0, -thick),
            (long, -thick),
            (long * 1.12, 0.05),
            (long * 0.9, thick),
            (0, thick * 0.85),
            (-long, thick * 0.9),
            (-long * 1.1, 0),
        ]
    )
    legs_far = (
        *leg(-long * 0.6, thick * 0.5, length + thick * 0.4, swing, 0.08),
        *leg(long * 0.9, thick * 0.5, length + thick * 0.4, swing, 0.08),
    )
    legs = (
        *leg(-long * 0.85, thick * 0.6, length + thick * 0.4, -swing, 0.09),
        *leg(long * 0.65, thick * 0.6, length + thick * 0.4, -swing, 0.09),
    )
    throat = (band([(long * 0.8, -thick * 0.3), head[:2]], [0.18, 0.15]), "main", "limb")
    nose = (oval(head[0] + skull * 0.75, head[1] + skull * 0.3, snout + 0.08, skull * 0.4), "second", "head")
    return Animal(
        trunk,
        head,
        (-long * 1.02, -thick * 0.4, 200),
        (long * 0.15, -thick * 0.7),
        oval(0, thick * 0.75, long * 0.7, thick * 0.35),
        behind=(*legs_far, throat),
        front=legs,
        snout=(nose,),
    )


def _bird(kind: str, s: Stance) -> Animal:
    w = [1 + 0.12 * v for v in s.wobble]
    neck = {"bird": 0.05, "duck": 0.3, "parrot": 0.15}[kind]
    trunk = smooth(
        [(-0.75 * w[0], -0.1), (-0.2, -0.36), (0.42, -0.3), (0.55 * w[1], 0.05), (0.2, 0.4 * w[2]), (-0.35, 0.28)]
    )
    head = (0.55, -0.42 - neck, 0.27 * w[3])
    throat = (band([(0.35, -0.05), head[:2]], [0.24, 0.16]), "main", "limb")
    length = 0.42 * (1 - 0.7 * s.crouch)
    legs = (*leg(0.0, 0.3, length, 0.18 * s.stride, 0.035), *leg(0.16, 0.3, length, -0.18 * s.stride, 0.035))
    x, y, r = head
    flat = 0.1 if kind == "duck" else 0.0
    beak = (
        polygon(
            (x + r * 0.8, y - 0.1 + flat),
            (x + r + 0.32, y + 0.04),
            (x + r + 0.3 * (flat > 0), y + 0.12),
            (x + r * 0.8, y + 0.15),
        ),
        "second",
        "head",
    )
    return Animal(
        trunk, head, (-0.7, -0.05, 175), (-0.02, -0.18), oval(0.2, 0.2, 0.3, 0.2), behind=(*legs, throat), snout=(beak,)
    )


def _upright(kind: str, s: Stance) -> Animal:
    w = [1 + 0.12 * v for v in s.wobble]
    tall, half = 0.62 * w[0] * (1 - 0.15 * s.crouch), (0.46 if kind != "butterfly" else 0.3) * w[1]
    trunk = smooth(
        [
            (-half * 0.7, -tall * 0.7),
            (0, -tall * 0.85),
            (half * 0.7, -tall * 0.7),
            (half, tall * 0.4),
            (half * 0.6, tall),
            (-half * 0.6, tall),
            (-half, tall * 0.4),
        ]
    )
    head = (0.06, -tall * 0.85, (0.36 if kind != "penguin" else 0.3) * w[2])
    legs = (
        *leg(-half * 0.4, tall * 0.85, 0.24 * (1 - s.crouch * 0.6), 0.14 * s.stride, 0.1),
        *leg(half * 0.4, tall * 0.85, 0.24 * (1 - s.crouch * 0.6), -0.14 * s.stride, 0.1),
    )
    arms = tuple(
        (
            band(
                [
                    (side * half * 0.8, -tall * 0.2),
                    (side * (half + 0.16), 0.1 + 0.12 * s.stride * side),
                    (side * (half + 0.18), 0.26),
                ],
                [0.09, 0.07],
            ),
            "main",
            "limb",
        )
        for side in (-1, 1)
    )
    nose = (
        polygon((0.06, head[1] + 0.04), (0.3, head[1] + 0.12), (0.06, head[1] + 0.2))
        if kind in ("penguin", "owl")
        else oval(0.12, head[1] + 0.14, 0.14, 0.1),
        "second",
        "head",
    )
    return Animal(
        trunk,
        head,
        (-half * 0.8, tall * 0.65, 190),
        (-half * 0.3, -tall * 0.3),
        oval(0.03, tall * 0.25, half * 0.6, tall * 0.55),
        behind=legs,
        front=arms,
        snout=(nose,),
    )


def _round(kind: str, s: Stance) -> Animal:
    w = [1 + 0.1 * v for v in s.wobble]
    trunk = oval(0, 0, 0.66 * w[0], 0.64 * w[1], count=26)
    length = 0.2 * (1 - 0.6 * s.crouch)
    legs = (*leg(-0.2, 0.55, length, 0.12 * s.stride, 0.09), *leg(0.24, 0.55, length, -0.12 * s.stride, 0.09))
    arms = tuple(
        (oval(side * 0.68, 0.12, 0.15, 0.1, 30 * side), "second" if kind == "pufferfish" else "main", "limb")
        for side in (-1, 1)
    )
    beak = ((polygon((0.25, 0.0), (0.5, 0.08), (0.25, 0.16)), "second", "head"),) if kind == "chick" else ()
    return Animal(
        trunk,
        (0.18, -0.2, 0.46),
        (-0.58, 0.28, 180),
        (-0.2, -0.2),
        oval(0.08, 0.3, 0.38, 0.3),
        has_head=False,
        behind=(*legs, *arms),
        snout=beak,
    )


def _ghost(kind: str, s: Stance) -> Animal:
    w = [1 + 0.12 * v for v in s.wobble]
    half, high = 0.46 * w[0], 0.8 * w[1]
    hem = [(half - 2 * half * i / 8, 0.72 if i % 2 else 0.52) for i in range(9)]
    trunk = np.concatenate(
        [
            smooth(
                [(-half, 0.3), (-half * 0.95, -high * 0.5), (0, -high), (half * 0.95, -high * 0.5), (half, 0.3)],
                closed=False,
            ),
            np.asarray(hem),
        ]
    )
    arms = tuple(
        (band([(side * half * 0.85, 0.0), (side * (half + 0.26), -0.08)], [0.1, 0.08]), "main", "limb")
        for side in (-1, 1)
    )
    return Animal(
        trunk,
        (0.06, -high * 0.45, 0.4),
        (-half * 0.8, 0.45, 170),
        (-half * 0.4, -0.1),
        oval(0.04, 0.2, half * 0.6, 0.3),
        has_head=False,
        behind=arms,
    )


BUILT: dict[str, Callable[[str, Stance], Animal]] = {
    "four": _four, "bird": _bird, "upright": _upright, "fish": low.fish, "snake": low.snake, "snail": low.snail,
    "turtle": low.turtle, "beetle": low.beetle, "round": _round, "ghost": _ghost,
}  # fmt: skip
