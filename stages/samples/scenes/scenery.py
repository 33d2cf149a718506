"""The places, drawn before the things: none of them shows anything that a question could ask for."""

import math
from collections.abc import Callable

from stages.samples.scenes.canvas import Canvas
from stages.samples.scenes.colours import Colour, mixed, shade, varied

WOOD: Colour = (150, 104, 62)
SKY: tuple[Colour, Colour] = ((120, 176, 226), (206, 228, 240))


def draw_place(canvas: Canvas, place: str) -> None:
    """Fill the canvas with the scenery of `place`."""
    _DRAWN[place](canvas)


def _sky(canvas: Canvas, horizon: float, clouds: int = 4) -> None:
    top, bottom = (varied(canvas.chance, colour, 0.1) for colour in SKY)
    canvas.gradient(0, horizon, top, bottom)
    for _ in range(canvas.chance.randint(0, clouds)):
        x, y = canvas.chance.uniform(0, 1), canvas.chance.uniform(0.03, 0.6 * horizon)
        for _ in range(5):
            dx, dy, r = canvas.near(0, 0.09), canvas.near(0, 0.012), canvas.chance.uniform(0.02, 0.045)
            canvas.oval(x + dx - 1.6 * r, y + dy - r, x + dx + 1.6 * r, y + dy + r, (240, 245, 249))


def _room(canvas: Canvas) -> None:
    walls = ((226, 214, 190), (200, 214, 222), (222, 200, 196), (206, 216, 194), (214, 206, 224))
    wall = varied(canvas.chance, canvas.chance.choice(walls), 0.06)
    floor = canvas.near(0.68, 0.04)
    canvas.gradient(0, floor, shade(wall, 1.08), shade(wall, 0.92))
    if canvas.chance.random() < 0.5:  # stripes of wallpaper
        for step in range(0, 21, 2):
            canvas.box(step / 20 - 0.012, 0, step / 20 + 0.012, floor, shade(wall, 0.93))
    canvas.grain(0, floor, 2, 2, 2)
    wood = varied(canvas.chance, WOOD, 0.12)
    canvas.gradient(floor, 1, shade(wood, 0.85), shade(wood, 1.12))
    for step in range(5):  # boards
        y = floor + (1 - floor) * (step / 5) ** 1.3
        canvas.line([(0, y), (1, y)], 0.005, shade(wood, 0.66))
        for _ in range(2):
            x = canvas.chance.uniform(0, 1)
            canvas.line([(x, y), (x + 0.02, y + (1 - floor) / 5)], 0.004, shade(wood, 0.7))
    canvas.grain(floor, 1, 7, 14, 1)
    canvas.box(0, floor - 0.025, 1, floor, shade(wall, 1.5))


def _street(canvas: Canvas) -> None:
    kerb = canvas.near(0.66, 0.03)
    brick = varied(canvas.chance, canvas.chance.choice(((164, 120, 100), (186, 170, 148), (150, 138, 134))), 0.1)
    canvas.box(0, 0, 1, kerb, shade(brick, 1.12))
    rows = 22
    for row in range(rows):
        top = kerb * row / rows
        for column in range(-1, 10):
            left = column / 9 + (row % 2) / 18
            tone = shade(brick, canvas.chance.uniform(0.86, 1.04))
            canvas.box(left + 0.004, top + 0.003, left + 0.107, top + kerb / rows - 0.003, tone)
    canvas.grain(0, kerb, 4, 2, 2)
    canvas.gradient(kerb, kerb + 0.1, (176, 174, 170), (160, 158, 154))
    for step in range(6):
        x = step / 5
        canvas.line([(x, kerb), (1.4 * x - 0.2, kerb + 0.1)], 0.005, (130, 128, 126))
    canvas.gradient(kerb + 0.1, 1, (92, 92, 98), (76, 76, 82))
    canvas.box(0, kerb + 0.1, 1, kerb + 0.118, (206, 204, 198))
    for step in range(3):
        x = step / 2.5 + canvas.near(0, 0.03)
        canvas.polygon([(x, 0.965), (x + 0.2, 0.965), (x + 0.19, 0.985), (x - 0.01, 0.985)], (226, 222, 206))
    canvas.grain(kerb + 0.1, 1, 8)


def _beach(canvas: Canvas) -> None:
    horizon, shore = canvas.near(0.3, 0.03), canvas.near(0.46, 0.03)
    _sky(canvas, horizon)
    canvas.gradient(horizon, shore + 0.04, (52, 122, 176), (130, 196, 206))
    canvas.grain(horizon, shore, 8, 10, 1)
    sand = varied(canvas.chance, (228, 202, 148), 0.07)
    wave = [(step / 24, shore + 0.012 * math.sin(step * 0.9 + canvas.near(0, 0.4))) for step in range(25)]
    canvas.polygon([*wave, (1, 1), (0, 1)], (244, 246, 240))
    canvas.polygon([*((x, y + 0.018) for x, y in wave), (1, 1), (0, 1)], shade(sand, 0.86))
    canvas.polygon([*((x, y + 0.05) for x, y in wave), (1, 1), (0, 1)], sand)
    canvas.grain(shore + 0.05, 1, 7)
    canvas.grain(shore + 0.05, 1, 5, 24, 5)


def _meadow(canvas: Canvas) -> None:
    horizon = canvas.near(0.42, 0.04)
    _sky(canvas, horizon + 0.06)
    for layer, tone in enumerate(((136, 176, 122), (116, 166, 92))):
        height, phase = 0.05 - 0.02 * layer, canvas.chance.uniform(0, 6)
        hill = [(step / 24, horizon + 0.04 * layer - height * math.sin(step * 0.3 + phase)) for step in range(25)]
        canvas.polygon([*hill, (1, 1), (0, 1)], varied(canvas.chance, tone, 0.08))
    grass = varied(canvas.chance, (104, 164, 72), 0.1)
    canvas.gradient(horizon + 0.1, 1, shade(grass, 1.12), shade(grass, 0.82))
    canvas.grain(horizon + 0.1, 1, 8, 6, 3)
    _blades(canvas, horizon + 0.12, grass, 240)


def _blades(canvas: Canvas, top: float, colour: Colour, count: int) -> None:
    for _ in range(count):
        x, y = canvas.chance.uniform(0, 1), canvas.chance.uniform(top, 1.02)
        length = 0.02 + 0.04 * (y - top)
        tone = shade(colour, canvas.chance.uniform(0.7, 1.25))
        canvas.line([(x, y), (x + canvas.near(0, 0.014), y - length)], 0.005, tone)


def _forest(canvas: Canvas) -> None:
    ground = canvas.near(0.62, 0.03)
    canvas.gradient(0, ground, (38, 70, 46), (112, 140, 96))
    for depth in range(3):
        tone = mixed((104, 124, 92), (62, 48, 36), depth / 2)
        for _ in range(7 - 2 * depth):
            x, half = canvas.chance.uniform(-0.02, 1.02), 0.012 + 0.013 * depth
            foot = ground + 0.02 * depth
            canvas.polygon([(x - half, 0), (x + half, 0), (x + 1.3 * half, foot), (x - 1.3 * half, foot)], tone)
            canvas.line([(x - half * 0.4, 0), (x - half * 0.6, foot)], 0.006, shade(tone, 1.12))
    for _ in range(90):  # leaves overhead
        x, y = canvas.chance.uniform(0, 1), abs(canvas.chance.gauss(0, 0.08))
        r = canvas.chance.uniform(0.02, 0.05)
        canvas.oval(x - r, y - r, x + r, y + 0.7 * r, shade((56, 102, 52), canvas.chance.uniform(0.6, 1.15)))
    soil = varied(canvas.chance, (104, 92, 56), 0.1)
    canvas.gradient(ground, 1, shade(soil, 0.85), shade(soil, 1.05))
    canvas.grain(ground, 1, 9, 3, 2)
    _blades(canvas, ground + 0.01, (84, 122, 58), 110)


def _sea(canvas: Canvas) -> None:
    horizon = canvas.near(0.24, 0.04)
    _sky(canvas, horizon, 3)
    water = varied(canvas.chance, canvas.chance.choice(((36, 100, 150), (30, 122, 146), (44, 92, 136))), 0.08)
    canvas.gradient(horizon, 1, shade(water, 1.2), shade(water, 0.78))
    canvas.grain(horizon, 1, 9, 16, 2)
    for _ in range(70):
        y = horizon + 0.02 + (1 - horizon) * canvas.chance.random() ** 1.4
        x, reach = canvas.chance.uniform(0, 1), 0.02 + 0.07 * (y - horizon)
        crest = [(x + reach * k / 4, y - 0.006 * math.sin(k * math.pi / 4) * (1 + 2 * y)) for k in range(5)]
        canvas.line(crest, 0.006, shade(water, canvas.chance.choice((1.3, 1.45, 0.8))))


def _snow(canvas: Canvas) -> None:
    horizon = canvas.near(0.44, 0.04)
    canvas.gradient(0, horizon + 0.08, varied(canvas.chance, (150, 174, 200), 0.1), (214, 224, 234))
    peaks = [(step / 5, canvas.near(horizon - (0.16 if step % 2 else 0.03), 0.03)) for step in range(6)]
    canvas.polygon([*peaks, (1, 1), (0, 1)], (176, 192, 212))
    for x, y in peaks[1::2]:
        canvas.polygon([(x, y), (x + 0.07, y + 0.06), (x + 0.01, y + 0.045), (x - 0.06, y + 0.06)], (238, 243, 248))
    phase = canvas.chance.uniform(0, 6)
    drift = [(step / 24, horizon + 0.05 - 0.02 * math.sin(step * 0.35 + phase)) for step in range(25)]
    canvas.polygon([*drift, (1, 1), (0, 1)], (226, 233, 242))
    canvas.gradient(horizon + 0.1, 1, (226, 233, 242), (240, 244, 248))
    canvas.grain(horizon + 0.08, 1, 5, 22, 8)
    for _ in range(canvas.chance.randint(30, 110)):  # flakes
        x, y, r = canvas.chance.uniform(0, 1), canvas.chance.uniform(0, 1), canvas.chance.uniform(0.003, 0.008)
        canvas.oval(x - r, y - r, x + r, y + r, (250, 252, 255))


def _night(canvas: Canvas) -> None:
    ground = canvas.near(0.62, 0.04)
    canvas.gradient(0, ground, varied(canvas.chance, (14, 18, 46), 0.15), (44, 52, 96))
    for _ in range(60):  # far away: points of light
        x, y, r = canvas.chance.uniform(0, 1), canvas.chance.uniform(0, ground), canvas.chance.uniform(0.0015, 0.0035)
        canvas.oval(x - r, y - r, x + r, y + r, (226, 230, 250))
    x, y = canvas.chance.choice((0.07, 0.93)), canvas.near(0.09, 0.02)
    canvas.oval(x - 0.055, y - 0.055, x + 0.055, y + 0.055, (240, 238, 216))
    canvas.oval(x - 0.025, y - 0.065, x + 0.075, y + 0.035, (20, 25, 56))
    soil = varied(canvas.chance, (46, 54, 66), 0.1)
    canvas.gradient(ground, 1, shade(soil, 0.8), shade(soil, 1.1))
    canvas.grain(ground, 1, 6, 3, 2)


_DRAWN: dict[str, Callable[[Canvas], None]] = {
    "a room": _room,
    "a street": _street,
    "a beach": _beach,
    "a meadow": _meadow,
    "a forest": _forest,
    "the sea": _sea,
    "the snow": _snow,
    "the night": _night,
}
