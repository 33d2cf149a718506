"""Draws a scene: its ground, the small things beside, the thing or animal, its light."""

from collections.abc import Iterable

import numpy as np
from PIL import Image

from stages.foundation.opt_clip import parts
from stages.foundation.opt_clip.anatomy import Piece, Stance
from stages.foundation.opt_clip.animals import BUILT
from stages.foundation.opt_clip.canvas import Canvas, mixed, varied
from stages.foundation.opt_clip.geometry import Points, oval, turned
from stages.foundation.opt_clip.scene import Scene
from stages.foundation.opt_clip.scenery import WIDE, paint_scenery
from stages.foundation.opt_clip.things import thing
from stages.foundation.opt_clip.words import COLOURS

LIGHT = {
    "even": (1.0, 1.0, 1.0), "bright": (1.1, 1.1, 1.08), "warm": (1.07, 0.98, 0.86),
    "cool": (0.88, 0.97, 1.07), "dim": (0.7, 0.7, 0.74),
}  # fmt: skip
# tilt in degrees, both ends; height above the ground in units, both ends
MOVES = {
    "still": ((-8, 8), (0, 0)), "standing": ((-6, 6), (0, 0)), "walking": ((-6, 8), (0, 0)),
    "resting": ((-3, 3), (0, 0)), "crawling": ((-6, 6), (0, 0)), "leaping": ((-30, 12), (0.35, 1.0)),
    "floating": ((-12, 12), (0.25, 0.8)), "gliding": ((-28, 26), (0.4, 1.1)), "flying": ((-32, 20), (0.6, 1.4)),
    "swimming": ((-34, 34), (0.3, 1.3)),
}  # fmt: skip
Layer = tuple[Points, str, str, bool]  # outline, paint, label, takes the pattern


def draw(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(SIDE x SIDE x 3, MAPPED x MAPPED) uint8: the picture and the map of what lies where (canvas.LABELS)."""
    (least, most), (low, high) = MOVES[scene.pose]
    tilt, lift = rng.uniform(least, most), rng.uniform(low, high)
    layers, belly = _layers(scene, rng)
    every = turned(np.concatenate([layer[0] for layer in layers]), tilt)
    (left, top), (right, bottom) = every.min(axis=0), every.max(axis=0)
    wide, tall = right - left, bottom - top
    scale = WIDE * rng.uniform(0.5, 0.95) / (0.7 * max(wide, tall) + 0.3 * min(wide, tall))
    scale = min(scale, 0.95 * WIDE / wide, 0.95 * WIDE / tall)
    flip = scene.direction == "left"
    x0 = rng.uniform(0.02 * WIDE, 0.98 * WIDE - wide * scale)
    y0 = rng.uniform(0.02 * WIDE, 0.98 * WIDE - tall * scale)
    x = x0 + (right if flip else -left) * scale
    y = y0 - top * scale
    ground = min(0.98, (y0 + (tall + lift) * scale) / WIDE)
    level = max(0.14, ground - rng.uniform(0.03, 0.33))

    image = paint_scenery(scene.scenery, level, rng)
    colour, second = varied(rng, COLOURS[scene.colour], 13), varied(rng, COLOURS[scene.second], 13)
    ink = None if rng.random() < 0.2 else mixed(colour, (10, 8, 20), rng.uniform(0.6, 0.95))
    canvas = Canvas(image, int(rng.integers(2, 5)), ink)
    if scene.scenery not in ("wall", "blur", "underwater") and rng.random() < 0.8:
        canvas.place(x0 + wide * scale / 2, ground * WIDE, wide * scale * 0.4)
        canvas.fill(oval(0, 0, 1, 0.16), (16, 14, 30, 80), line=False)
    _draw_company(scene, canvas, level, rng)
    canvas.place(x, y, scale, flip, tilt)
    paints = _paints(colour, second, ink)
    shaded = rng.random() < 0.7
    for points, paint, label, patterned in layers:
        if patterned:
            found = parts.marks(scene.pattern, points, belly, rng)
            canvas.fill_patterned(points, colour, second, found, label, shaded)
        else:
            canvas.fill(points, paints[paint], label)
    return _lit(canvas, scene.light)


def _paints(
    colour: tuple[int, int, int], second: tuple[int, int, int], ink: tuple[int, int, int] | None
) -> dict[str, tuple[int, ...]]:
    return {
        "main": colour, "second": second, "dark": mixed(colour, (14, 10, 26), 0.6), "light": (240, 226, 196),
        "bright": mixed(second, (255, 255, 255), 0.5), "veil": (*mixed(second, (255, 255, 255), 0.4), 165),
        "white": (250, 250, 250), "ink": ink or (20, 18, 28),
    }  # fmt: skip


def _layers(scene: Scene, rng: np.random.Generator) -> tuple[list[Layer], Points]:
    """From the back to the front, and the belly's outline."""
    label = f"trunk {scene.family if scene.family in BUILT else scene.kind}"
    if scene.family in ("thing", "shape"):
        main, behind, front = thing(scene.kind)
        return [*_plain(behind), (main, "main", label, True), *_plain(front)], oval(0, 0.3, 0.3, 0.2)
    stride = rng.uniform(0.5, 1) * (1 if rng.random() < 0.5 else -1)
    stance = Stance(
        stride=float(stride if scene.pose in ("walking", "leaping") else stride * 0.2),
        crouch=float(rng.uniform(0.7, 1)) if scene.pose == "resting" else 0.0,
        wobble=tuple(rng.uniform(-1, 1, 8)),
    )
    animal = BUILT[scene.family](scene.kind, stance)
    lift = float(rng.uniform(20, 50) if scene.pose == "flying" else rng.uniform(-20, 35))
    x, y = animal.wings
    far = parts.wing(scene.wings, (x + 0.1, y), lift, far=True)
    near = parts.wing(scene.wings, (x, y), lift, far=False)
    if scene.family in ("upright", "round", "ghost") and rng.random() < 0.7:  # seen from the front: one on either side
        far = [(points * (-1, 1) + (0.06, 0), paint, text) for points, paint, text in near]
        behind, before = [*far, *near], []
    else:
        behind, before = far, near
    top = [*parts.ears(scene.ears, animal.head), *parts.horns(scene.horns, animal.head)]
    face = [*animal.snout, *parts.eyes(scene.eyes, animal.head, float(rng.uniform(-0.8, 1)))]
    layers = _plain([*behind, *parts.tail(scene.tail, animal.tail, float(rng.uniform(-26, 30))), *animal.behind])
    if not animal.has_head:
        layers += _plain(top)
    layers += [(animal.trunk, "main", label, True), *_plain([*animal.front, *before])]
    if animal.has_head:
        hx, hy, r = animal.head
        layers += [*_plain(top), (oval(hx, hy, r, r), "main", "head", False)]
    return [*layers, *_plain(face)], animal.belly


def _plain(pieces: Iterable[Piece]) -> list[Layer]:
    return [(*piece, False) for piece in pieces]


def _draw_company(scene: Scene, canvas: Canvas, level: float, rng: np.random.Generator) -> None:
    """Small things in a row on the ground, or before the wall."""
    paints = _paints(COLOURS[scene.company_colour], COLOURS[scene.company_colour], canvas.ink)
    size = WIDE * rng.uniform(0.065, 0.1)
    start = rng.uniform(0.1, max(0.12, 1.05 - 0.22 * scene.company_count))
    for place in range(scene.company_count):
        main, behind, front = thing(scene.company)
        across, down = start + 0.22 * place, min(0.9, level + rng.uniform(0.02, 0.2))
        canvas.place(WIDE * across, WIDE * down, size)
        for points, paint, _ in [*behind, (main, "main", ""), *front]:
            canvas.fill(points, paints[paint], f"beside {scene.company}")


def _lit(canvas: Canvas, light: str) -> tuple[np.ndarray, np.ndarray]:
    picture, labels = canvas.finished()
    table = np.minimum(255, np.arange(256)[:, None] * np.array(LIGHT[light])).astype(np.uint8)
    lit = np.stack([table[picture[..., channel], channel] for channel in range(3)], axis=-1)
    return lit, labels


def as_image(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(picture)
