"""The places: what is behind, a floor, and marks that mean nothing."""

import numpy as np

from stages.foundation.clip_phi.canvas import Canvas, box, mixed, oval, polygon, varied
from stages.foundation.clip_phi.words import Colour

# (top, bottom) of what is behind, (far, near) of the floor
PAINTS: dict[str, tuple[Colour, Colour, Colour, Colour]] = {
    "room": ((226, 212, 188), (236, 224, 206), (186, 138, 92), (158, 110, 70)),
    "street": ((170, 200, 228), (220, 228, 234), (116, 116, 122), (88, 88, 94)),
    "beach": ((130, 196, 240), (190, 224, 242), (244, 226, 172), (222, 194, 136)),
    "meadow": ((146, 200, 242), (222, 238, 242), (146, 200, 92), (94, 166, 72)),
    "forest": ((120, 150, 112), (96, 130, 92), (104, 116, 66), (72, 86, 46)),
    "sea": ((150, 204, 240), (216, 234, 244), (56, 136, 190), (30, 92, 156)),
    "snow": ((176, 198, 222), (222, 232, 242), (250, 251, 255), (222, 230, 242)),
    "night": ((14, 18, 48), (34, 40, 84), (40, 46, 66), (24, 28, 44)),
}


def paint_ground(canvas: Canvas, place: str, rng: np.random.Generator) -> None:
    level = float(rng.uniform(0.2, 0.7))
    top, bottom, far, near = (varied(rng, colour, 14) for colour in PAINTS[place])
    if place == "room" and rng.random() < 0.6:  # walls come in many paints
        wall: Colour = tuple(int(c) for c in rng.integers(150, 245, 3))  # type: ignore[assignment]
        top, bottom = wall, mixed(wall, (255, 255, 255), 0.25)
    canvas.fade(top, bottom, 0, level)
    _behind(canvas, place, level, rng)
    canvas.fade(far, near, level, 1)
    _on_floor(canvas, place, level, near, rng)


def _behind(canvas: Canvas, place: str, level: float, rng: np.random.Generator) -> None:
    if place == "room":
        if rng.random() < 0.6:
            x, y = rng.uniform(0.05, 0.7), rng.uniform(0.02, max(0.03, level - 0.3))
            canvas.fill(box(x, y, x + 0.22, y + 0.2), (196, 224, 240), (250, 250, 250))
            canvas.fill(box(x + 0.105, y, x + 0.115, y + 0.2), (250, 250, 250))
        canvas.fill(box(0, level - 0.025, 1, level), (120, 92, 70))
    elif place == "street":
        x = float(rng.uniform(-0.1, 0))
        while x < 1:
            wide, high = rng.uniform(0.14, 0.3), rng.uniform(0.1, 0.9) * level
            wall = varied(rng, ((176, 150, 130), (150, 156, 168), (190, 180, 160))[int(rng.integers(3))], 12)
            canvas.fill(box(x, level - high, x + wide, level), wall)
            for pane in np.arange(x + 0.03, x + wide - 0.03, 0.06):
                canvas.fill(box(pane, level - high * 0.8, pane + 0.03, level - high * 0.55), (222, 226, 210))
            x += float(wide) + 0.01
    elif place == "forest":
        for x in rng.uniform(0, 1, 9):
            canvas.fill(box(x - 0.02, 0, x + 0.02, level + 0.03), varied(rng, (88, 70, 54), 12))
        for x in rng.uniform(0, 1, 7):
            canvas.fill(oval(x, rng.uniform(0, 0.12), 0.14, 0.1), varied(rng, (58, 98, 56), 12))
    elif place == "beach":
        canvas.fade((70, 156, 204), (120, 194, 222), max(0.0, level - 0.14), level)
    elif place == "night":
        for x, y in rng.uniform(0, 1, (14, 2)):
            canvas.fill(oval(x, y * level, 0.005, 0.005, 6), (236, 236, 220))
        if rng.random() < 0.6:
            canvas.fill(oval(rng.uniform(0.1, 0.9), rng.uniform(0.06, 0.2), 0.05, 0.05), (240, 236, 200))
    elif place == "sea":
        for x in rng.uniform(0, 1, 3):
            canvas.fill(oval(x, rng.uniform(0.03, 0.2), 0.12, 0.035), (255, 255, 255, 190))
    else:  # meadow, snow: hills
        tone = mixed(PAINTS[place][2], (90, 130, 130), 0.35)
        for x in rng.uniform(0, 1, 3):
            canvas.fill(
                polygon((x - 0.35, level + 0.02), (x, level - rng.uniform(0.04, 0.2)), (x + 0.35, level + 0.02)), tone
            )


def _on_floor(canvas: Canvas, place: str, level: float, near: Colour, rng: np.random.Generator) -> None:
    light, dark = mixed(near, (255, 255, 255), 0.35), mixed(near, (30, 30, 20), 0.25)
    if place == "sea":
        for _ in range(14):
            x, y = rng.uniform(0, 1), rng.uniform(level + 0.02, 1)
            canvas.fill(box(x - rng.uniform(0.03, 0.12), y, x + 0.06, y + 0.012), light)
    elif place == "street":
        for x in np.arange(rng.uniform(-0.1, 0.1), 1, 0.24):
            canvas.fill(box(x, level + (1 - level) * 0.5, x + 0.12, level + (1 - level) * 0.5 + 0.02), (236, 236, 226))
    elif place == "room":
        for y in np.linspace(level, 1, 6)[1:-1]:
            canvas.fill(box(0, y, 1, y + 0.006), dark)
    else:
        count = 26 if place in ("meadow", "forest") else 12
        for x, y in zip(rng.uniform(0, 1, count), rng.uniform(level + 0.02, 1, count), strict=True):
            if place == "meadow":
                canvas.fill(polygon((x, y), (x + 0.006, y - 0.04), (x + 0.014, y)), dark)
            else:
                canvas.fill(oval(x, y, 0.014, 0.008, 6), varied(rng, light if rng.random() < 0.5 else dark, 14))
