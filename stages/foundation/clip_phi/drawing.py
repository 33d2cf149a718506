"""Draws a scene: its place, then its groups' things."""

import numpy as np

from stages.foundation.clip_phi.canvas import Canvas, mixed, turned, varied
from stages.foundation.clip_phi.grounds import paint_ground
from stages.foundation.clip_phi.scene import Group, Scene
from stages.foundation.clip_phi.things import ANY_WAY_UP, BUILT
from stages.foundation.clip_phi.words import COLOURS, Colour

LIGHTS = ((1.0, 1.0, 1.0), (1.08, 1.07, 1.04), (1.06, 0.99, 0.9), (0.91, 0.98, 1.06), (0.82, 0.82, 0.85))
STALK, BEAK, INK = (66, 120, 52), (236, 160, 50), (40, 36, 40)


def draw(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(SIDE x SIDE x 3, MAPPED x MAPPED), uint8: the picture; 0 or the number of the group (from 1) that lies there."""
    canvas = Canvas()
    paint_ground(canvas, scene.place, rng)
    spots = [(number, spot) for number, group in enumerate(scene.groups, start=1) for spot in group.spots]
    looks = [_looks(group, rng) for group in scene.groups]
    for place in rng.permutation(len(spots)):
        number, spot = spots[int(place)]
        _draw_thing(canvas, scene.groups[number - 1], number, spot, looks[number - 1], rng)
    return canvas.finished(LIGHTS[int(rng.integers(len(LIGHTS)))], rng)


def _looks(group: Group, rng: np.random.Generator) -> tuple[float, Colour, bool]:
    """What like things share: build, colour, whether they are outlined."""
    return float(rng.random()), varied(rng, COLOURS[group.colour], 11), bool(rng.random() < 0.6)


def _draw_thing(
    canvas: Canvas, group: Group, number: int, spot: tuple[float, float], looks: tuple[float, Colour, bool],
    rng: np.random.Generator,
) -> None:  # fmt: skip
    build, main, inked = looks
    paints = {
        "main": main, "dark": mixed(main, (20, 16, 24), 0.45), "light": mixed(main, (255, 255, 255), 0.6),
        "ink": INK, "stalk": varied(rng, STALK, 14), "beak": BEAK,
    }  # fmt: skip
    ink = mixed(main, (10, 8, 20), 0.7) if inked else None
    scale = group.radius * rng.uniform(0.94, 1.06) * rng.uniform((0.92, 0.92), (1.08, 1.08))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    degrees = float(rng.uniform(-1, 1)) * ANY_WAY_UP.get(group.kind, 6.0)
    pieces = BUILT[group.kind](build)
    if rng.random() < 0.2:  # it throws a shadow
        x, y = spot
        canvas.fill(np.array([(x - scale[0], y + scale[1]), (x, y + 0.85 * scale[1]), (x + scale[0], y + scale[1]),
                              (x, y + 1.12 * scale[1])]), (20, 20, 30, 70))  # fmt: skip
    for piece, paint in pieces:
        placed = turned(piece, degrees) * (flip, 1.0) * scale + spot
        canvas.fill(placed, paints[paint], ink if paint in ("main", "light", "dark") else None, number)
        if paint == "main" and build > 0.85 and piece is pieces[0][0]:
            lines = [placed.mean(axis=0) + scale * (0.4 * step, 0) + _STRIPE * scale for step in range(-2, 3)]
            canvas.marked(placed, lines, paints["dark"])


_STRIPE = np.array([(-0.06, -1.1), (0.06, -1.1), (0.06, 1.1), (-0.06, 1.1)])
