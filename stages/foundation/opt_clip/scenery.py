"""Grounds of the pictures: a sky and a floor in varying colours, and a few marks that tell the place."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from stages.foundation.opt_clip.canvas import FINE, SIDE, mixed, varied
from stages.foundation.opt_clip.geometry import Points, box, oval, polygon, smooth
from stages.foundation.opt_clip.words import Colour

WIDE = SIDE * FINE


class Ground:
    """A picture to paint on with coordinates in 0..1; `level`: where its floor begins."""

    def __init__(self, level: float, rng: np.random.Generator) -> None:
        self.image = Image.new("RGB", (WIDE, WIDE))
        self.pen = ImageDraw.Draw(self.image, "RGBA")
        self.level, self.rng = level, rng

    def fade(self, top: Colour, bottom: Colour, start: float = 0.0, end: float = 1.0) -> None:
        """From one colour to the other; both vary."""
        strip = Image.new("RGB", (1, 2))
        strip.putdata([varied(self.rng, top, 16), varied(self.rng, bottom, 16)])
        first, last = int(start * WIDE), int(np.ceil(end * WIDE))
        if last > first:
            self.image.paste(strip.resize((WIDE, last - first), Image.Resampling.BILINEAR), (0, first))

    def fill(self, points: Points, colour: tuple[int, ...]) -> None:
        self.pen.polygon((points * WIDE).ravel().tolist(), fill=colour)

    def near(self, colour: Colour) -> Colour:
        return varied(self.rng, colour, 14)

    def some(self, low: int, high: int) -> range:
        return range(int(self.rng.integers(low, high + 1)))

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def ridge(self, colour: Colour, height: float, jagged: bool = False) -> None:
        """Hills or peaks behind the floor."""
        tops = [(x, self.level - self.between(0.1, 1) * height) for x in np.linspace(-0.2, 1.2, 6)]
        points = [(-0.3, self.level + 0.04), *tops, (1.3, self.level + 0.04)]
        self.fill(np.asarray(points) if jagged else smooth(points), self.near(colour))

    def disc(self, colour: Colour, low: float, high: float) -> None:
        radius = self.between(low, high)
        self.fill(oval(self.between(0.1, 0.9), self.between(0.08, max(0.1, self.level - 0.1)), radius, radius), colour)


def paint_scenery(name: str, level: float, rng: np.random.Generator) -> Image.Image:
    """A square ground of WIDE pixels whose floor begins at `level` (share of its height)."""
    ground = Ground(level, rng)
    SCENES[name](ground)
    return ground.image


def _wall(g: Ground) -> None:
    tone = int(g.rng.integers(100, 245))
    colour = varied(g.rng, (tone, tone, tone), 20)
    g.fill(box(0, 0, 1, 1), colour)


def _blur(g: Ground) -> None:
    corners = Image.new("RGB", (2, 2))
    corners.putdata([tuple(int(c) for c in g.rng.integers(70, 256, 3)) for _ in range(4)])
    g.image.paste(corners.resize((WIDE, WIDE), Image.Resampling.BICUBIC))


def _studio(g: Ground) -> None:
    tone = g.near((180, 178, 180))
    g.fade(mixed(tone, (30, 30, 40), 0.3), tone, 0, g.level)
    g.fade(mixed(tone, (20, 20, 30), 0.4), mixed(tone, (250, 250, 250), 0.3), g.level, 1)
    x, y, wide = g.between(0, 1), g.between(-0.1, 0.3), g.between(0.25, 0.45)
    for ring in (1.0, 0.7, 0.45, 0.25):
        g.fill(oval(x, y, wide * ring, wide * ring), (255, 255, 245, 34))


def _meadow(g: Ground) -> None:
    g.fade((130, 190, 240), (220, 236, 240), 0, g.level)
    g.ridge((140, 190, 120), 0.15)
    g.fade((150, 204, 96), (96, 164, 70), g.level, 1)
    for _ in g.some(10, 26):
        x, y = g.between(0, 1), g.between(g.level + 0.03, 1)
        petals = varied(g.rng, (230, 190, 190), 60)
        g.fill(oval(x, y, 0.014, 0.014, count=8), petals)


def _forest(g: Ground) -> None:
    g.fade((176, 206, 170), (150, 184, 144), 0, g.level)
    for _ in g.some(4, 9):
        x, half = g.between(0, 1), g.between(0.015, 0.055)
        g.fill(box(x - half, -0.02, x + half, g.level + 0.04), g.near((112, 92, 72)))
    for _ in g.some(4, 9):
        g.fill(oval(g.between(0, 1), g.between(-0.06, 0.12), g.between(0.12, 0.26), 0.12), g.near((74, 130, 72)))
    g.fade((132, 146, 86), (84, 100, 58), g.level, 1)


def _beach(g: Ground) -> None:
    g.fade((130, 196, 240), (226, 240, 248), 0, g.level)
    g.disc((255, 246, 190), 0.05, 0.09)
    g.fade((40, 130, 180), (110, 200, 210), max(0.0, g.level - g.between(0.1, 0.24)), g.level)
    g.fade((248, 230, 184), (216, 186, 132), g.level, 1)
    g.fill(box(-0.1, g.level - 0.012, 1.1, g.level + 0.012), (250, 250, 250))
    for _ in g.some(0, 3):
        x, y = g.between(0, 1), g.between(0.04, 0.3)
        g.fill(oval(x, y, 0.13, 0.04), (255, 255, 255, 200))


def _night(g: Ground) -> None:
    g.fade((22, 28, 74), (80, 80, 136), 0, g.level)
    for _ in g.some(16, 44):
        g.fill(oval(g.between(0, 1), g.between(0, g.level), 0.008, 0.008, count=5), (255, 252, 224))
    g.disc((250, 244, 210), 0.05, 0.12)
    g.ridge((54, 56, 100), 0.18)
    g.fade((72, 92, 108), (44, 54, 84), g.level, 1)


def _underwater(g: Ground) -> None:
    g.fade((130, 222, 232), (30, 104, 160))
    for _ in g.some(1, 4):
        x, wide, lean = g.between(0, 1), g.between(0.03, 0.12), g.between(-0.3, 0.3)
        beam = polygon((x, 0), (x + wide, 0), (x + 2 * wide + lean, 1), (x + lean, 1))
        g.fill(beam, (255, 255, 255, 42))
    g.fill(
        smooth([(-0.2, 1.3), (-0.2, 0.9), (0.4, g.between(0.84, 0.96)), (1.2, 0.9), (1.2, 1.3)]),
        g.near((204, 196, 156)),
    )
    for _ in g.some(2, 7):
        x, tall = g.between(0, 1), g.between(0.1, 0.4)
        g.fill(polygon((x - 0.02, 1), (x + 0.03, 0.95 - tall), (x + 0.02, 1)), g.near((50, 128, 96)))
    for _ in g.some(6, 18):
        x, y, radius = g.between(0, 1), g.between(0, 0.9), g.between(0.007, 0.022)
        g.fill(oval(x, y, radius, radius, count=9), (255, 255, 255, 120))


def _desert(g: Ground) -> None:
    g.fade((160, 204, 228), (250, 234, 200), 0, g.level)
    g.disc((255, 240, 170), 0.05, 0.1)
    g.ridge((222, 172, 122), 0.2)
    g.fade((242, 208, 148), (212, 160, 100), g.level, 1)
    for _ in g.some(1, 3):
        x, tall, y = g.between(0, 1), g.between(0.1, 0.26), g.level + g.between(0, 0.08)
        green = g.near((92, 148, 92))
        g.fill(box(x - 0.025, y - tall, x + 0.025, y), green)
        g.fill(
            polygon(
                (x, y - tall * 0.5),
                (x + 0.08, y - tall * 0.5),
                (x + 0.08, y - tall * 0.9),
                (x + 0.05, y - tall * 0.9),
                (x + 0.05, y - tall * 0.36),
                (x, y - tall * 0.36),
            ),
            green,
        )


def _snow(g: Ground) -> None:
    g.fade((150, 174, 206), (216, 226, 238), 0, g.level)
    if g.rng.random() < 0.6:
        g.ridge((136, 150, 176), 0.3, jagged=True)
    g.fade((248, 250, 255), (200, 214, 234), g.level, 1)
    for _ in g.some(0, 3):
        x, tall, y = g.between(0, 1), g.between(0.15, 0.35), g.level + g.between(0, 0.06)
        g.fill(polygon((x - tall * 0.3, y), (x, y - tall), (x + tall * 0.3, y)), g.near((80, 118, 108)))
    for _ in g.some(18, 46):
        g.fill(oval(g.between(0, 1), g.between(0, 1), 0.009, 0.009, count=6), (255, 255, 255, 225))


def _sunset(g: Ground) -> None:
    g.fade((116, 88, 156), (254, 186, 124), 0, g.level)
    radius = g.between(0.08, 0.2)
    g.fill(oval(g.between(0.1, 0.9), g.level - g.between(0, 0.08), radius, radius), (255, 230, 146))
    for _ in g.some(1, 5):
        g.fill(oval(g.between(0, 1), g.between(0.04, g.level), g.between(0.12, 0.3), 0.02), (250, 168, 156, 170))
    g.ridge((110, 80, 120), 0.15)
    g.fade((164, 118, 118), (104, 78, 98), g.level, 1)


def _cave(g: Ground) -> None:
    g.fade((112, 106, 116), (158, 150, 152), 0, g.level)
    x, y = g.between(0.15, 0.85), g.level - g.between(0.1, 0.25)
    g.fill(
        smooth([(x - 0.2, y + 0.12), (x - 0.14, y - 0.14), (x + 0.06, y - 0.18), (x + 0.2, y + 0.1)]), (230, 236, 222)
    )
    g.fade((142, 132, 128), (90, 82, 88), g.level, 1)
    for _ in g.some(3, 9):
        x, half = g.between(0, 1), g.between(0.02, 0.08)
        g.fill(polygon((x - half, -0.01), (x + half, -0.01), (x, g.between(0.1, 0.36))), g.near((82, 76, 88)))


def _room(g: Ground) -> None:
    paper = varied(g.rng, (214, 200, 180), 34)
    g.fade(paper, paper, 0, g.level)
    for x in np.arange(g.between(0, 0.1), 1, g.between(0.1, 0.2)):
        g.fill(box(x, 0, x + 0.012, g.level), mixed(paper, (90, 70, 60), 0.25))
    g.fade((150, 104, 70), (120, 80, 52), g.level, 1)
    g.fill(oval(0.5, g.level / 2 + 0.5, 0.45, (1 - g.level) / 3), varied(g.rng, (150, 90, 90), 50))


def _street(g: Ground) -> None:
    g.fade((160, 196, 226), (220, 228, 232), 0, g.level)
    x = g.between(-0.2, 0.0)
    while x < 1:
        wide, tall = g.between(0.16, 0.3), g.between(0.25, 0.6)
        top = max(0.02, g.level - tall)
        g.fill(box(x, top, x + wide, g.level), varied(g.rng, (176, 140, 122), 36))
        for row in np.arange(top + 0.05, g.level - 0.06, 0.13):
            for column in (0.2, 0.6):
                left = x + column * wide
                g.fill(box(left, row, left + wide * 0.2, row + 0.06), (236, 232, 170))
        x += wide
    g.fade((128, 128, 132), (96, 96, 102), g.level, 1)


def _mountains(g: Ground) -> None:
    g.fade((126, 176, 226), (224, 236, 244), 0, g.level)
    g.ridge((132, 136, 152), 0.5, jagged=True)
    g.ridge((104, 112, 120), 0.34, jagged=True)
    g.fade((130, 150, 100), (94, 112, 76), g.level, 1)


def _farm(g: Ground) -> None:
    g.fade((150, 200, 236), (228, 238, 240), 0, g.level)
    g.fade((206, 190, 110), (166, 140, 76), g.level, 1)
    wood = g.near((140, 100, 64))
    for x in np.arange(g.between(0, 0.1), 1, 0.16):
        g.fill(box(x, g.level - 0.16, x + 0.035, g.level + 0.06), wood)
    for y in (-0.12, -0.04):
        g.fill(box(0, g.level + y, 1, g.level + y + 0.03), wood)


SCENES: dict[str, Callable[[Ground], None]] = {
    "wall": _wall, "blur": _blur, "studio": _studio, "meadow": _meadow, "forest": _forest, "beach": _beach,
    "night": _night, "underwater": _underwater, "desert": _desert, "snow": _snow, "sunset": _sunset, "cave": _cave,
    "room": _room, "street": _street, "mountains": _mountains, "farm": _farm,
}  # fmt: skip
