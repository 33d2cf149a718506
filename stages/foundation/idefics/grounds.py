"""Grounds of the pictures: what is behind, a floor, and marks that mean nothing."""

import numpy as np

from stages.foundation.idefics.canvas import Canvas, Points, band, box, mixed, oval, polygon, varied
from stages.foundation.idefics.words import Colour

# (top, bottom) of what is behind, (far, near) of the floor
PAINTS: dict[str, tuple[Colour, Colour, Colour, Colour]] = {
    "grass": ((140, 196, 240), (222, 236, 240), (140, 196, 90), (92, 160, 70)),
    "water": ((150, 200, 236), (226, 238, 244), (60, 140, 196), (36, 104, 170)),
    "snow": ((150, 178, 210), (214, 226, 238), (250, 250, 255), (212, 224, 240)),
    "sand": ((140, 200, 240), (232, 240, 246), (246, 228, 178), (214, 184, 130)),
    "road": ((164, 198, 226), (222, 228, 232), (120, 120, 124), (92, 92, 98)),
    "hall": ((206, 198, 186), (226, 220, 210), (206, 156, 100), (176, 124, 74)),
    "ice": ((190, 206, 220), (222, 232, 240), (224, 240, 248), (186, 216, 234)),
    "sky": ((84, 150, 224), (160, 204, 240), (186, 218, 244), (220, 236, 248)),
    "mat": ((196, 196, 206), (216, 216, 222), (90, 130, 180), (70, 106, 160)),
    "forest": ((150, 186, 146), (126, 166, 124), (120, 132, 76), (82, 96, 54)),
}


def paint_ground(canvas: Canvas, place: str, level: float, rng: np.random.Generator) -> None:
    """Fill the canvas; the floor begins at `level` (share of the height)."""
    top, bottom, far, near = PAINTS[place]
    if place == "mat":
        far = near = varied(rng, ((70, 110, 170), (170, 60, 60), (70, 140, 100))[int(rng.integers(3))], 12)
    top, bottom, far, near = (varied(rng, colour, 16) for colour in (top, bottom, far, near))
    canvas.fade(top, bottom, 0, level)
    _behind(canvas, place, level, rng)
    canvas.fade(far, near, level, 1)
    _on_floor(canvas, place, level, near, rng)
    for _ in range(int(rng.choice([0, 0, 0, 1, 2, 3]))):
        _mark(canvas, level, rng)


def _behind(canvas: Canvas, place: str, level: float, rng: np.random.Generator) -> None:
    if place == "forest":
        for x in rng.uniform(0, 1, 6):
            canvas.fill(box(x - 0.03, 0, x + 0.03, level + 0.02), varied(rng, (112, 92, 72), 12))
    elif place in ("grass", "road", "sand", "snow") and rng.random() < 0.6:
        tone = mixed(PAINTS[place][2], (90, 120, 130), 0.5)
        for x in rng.uniform(0, 1, 3):
            height = rng.uniform(0.06, 0.3)
            canvas.fill(polygon((x - 0.3, level + 0.02), (x, level - height), (x + 0.3, level + 0.02)), tone)
    elif place == "sky":
        for x, y in rng.uniform(0, 1, (4, 2)):
            canvas.fill(oval(x, y, 0.14, 0.05), (255, 255, 255, 190))
    elif place in ("hall", "ice", "mat") and rng.random() < 0.6:
        for x in np.arange(rng.uniform(0, 0.1), 1, rng.uniform(0.14, 0.3)):
            canvas.fill(box(x, level * 0.2, x + rng.uniform(0.01, 0.1), level * 0.6), varied(rng, (170, 176, 190), 30))


def _on_floor(canvas: Canvas, place: str, level: float, near: Colour, rng: np.random.Generator) -> None:
    light = mixed(near, (255, 255, 255), 0.35)
    if place == "water":
        for _ in range(8):
            x, y = rng.uniform(0, 1), rng.uniform(level + 0.02, 1)
            canvas.fill(box(x - rng.uniform(0.03, 0.14), y, x + 0.08, y + 0.012), light)
    elif place in ("grass", "snow", "sand", "forest"):
        for x, y in zip(rng.uniform(0, 1, 12), rng.uniform(level + 0.02, 1, 12), strict=True):
            canvas.fill(oval(x, y, 0.012, 0.008, 6), varied(rng, light, 20))
    elif place == "hall":
        for x in np.linspace(-0.2, 1.2, 8):
            canvas.fill(band((0.5 + (x - 0.5) * 0.6, level), (x, 1), 0.003, 0.005), mixed(near, (60, 30, 10), 0.3))
    elif place == "road":
        for x in np.arange(0.05, 1, 0.24):
            canvas.fill(box(x, level + (1 - level) * 0.5, x + 0.12, level + (1 - level) * 0.5 + 0.02), (236, 236, 226))


def _mark(canvas: Canvas, level: float, rng: np.random.Generator) -> None:
    """A line, a patch or a post anywhere: what stands in a picture without being spoken of."""
    colour = tuple(int(c) for c in rng.integers(0, 256, 3)) if rng.random() < 0.5 else (246, 246, 246)
    x, y = rng.uniform(0, 1), rng.uniform(level, 1)
    shape: Points
    turn = rng.random()
    if turn < 0.5:
        shape = band((x, y), (rng.uniform(0, 1), rng.uniform(level, 1)), 0.006, 0.01)
    elif turn < 0.75:
        wide, high = rng.uniform(0.05, 0.3, 2)
        shape = box(x - wide, y - high / 4, x + wide, y + high / 4)
    else:
        shape = box(x, rng.uniform(0, level), x + rng.uniform(0.01, 0.05), y)
    canvas.fill(shape, colour)
