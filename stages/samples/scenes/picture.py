"""A scene as a picture: the place, shelves for what can't fly, and every thing with its shadow."""

from random import Random

from PIL import Image

from stages.samples.scenes.brush import MARGIN, Brush
from stages.samples.scenes.canvas import Canvas
from stages.samples.scenes.catalogue import KINDS
from stages.samples.scenes.colours import COLOURS, Colour, shade, varied
from stages.samples.scenes.scene import LOWER, UPPER, Scene, Thing
from stages.samples.scenes.scenery import WOOD, draw_place

BIG, SMALL = 0.32, 0.18  # of the picture's side
FEET = {UPPER: 0.44, LOWER: 0.92}
ROPE: Colour = (206, 190, 156)


def draw_picture(scene: Scene, chance: Random, side: int) -> Image.Image:
    """An RGB picture, `side` pixels square."""
    canvas = Canvas(side, chance)
    draw_place(canvas, scene.place)
    light = (canvas.chance.uniform(-0.8, 0.8), canvas.chance.uniform(0.5, 0.9))
    width = 1 / scene.columns
    feet = {row: canvas.near(level, 0.015) for row, level in FEET.items()}
    wood = varied(chance, WOOD, 0.15)
    for thing in scene.things:
        if thing.row == UPPER and not KINDS[thing.kind].flying:
            _shelf(canvas, (thing.column + 0.5) * width, width, feet[UPPER], wood, hung=scene.place == "a room")
    for thing in sorted(scene.things, key=lambda one: one.row):
        _thing(canvas, thing, width, feet[thing.row], light, afloat=scene.place == "the sea")
    return canvas.finished()


def _shelf(canvas: Canvas, x: float, width: float, top: float, wood: Colour, *, hung: bool) -> None:
    """A board at the wall, or one on two ropes: posts would make a table of it."""
    half = 0.47 * width
    for dx in (-0.88 * half, 0.88 * half):
        if hung:
            bracket = [(x + dx - 0.008, top), (x + dx + 0.008, top), (x + dx + 0.008, top + 0.05)]
            canvas.polygon(bracket, shade(wood, 0.6))
        else:
            canvas.line([(x + dx, 0), (x + dx, top)], 0.007, ROPE)
    canvas.box(x - half, top - 0.008, x + half, top + 0.008, shade(wood, 1.15))
    canvas.box(x - half, top + 0.006, x + half, top + 0.02, shade(wood, 0.75))


def _thing(
    canvas: Canvas, thing: Thing, width: float, foot: float, light: tuple[float, float], *, afloat: bool
) -> None:
    kind, chance = KINDS[thing.kind], canvas.chance
    size = min((BIG if thing.size == "big" else SMALL) * chance.uniform(0.93, 1.04), 0.98 * width)
    slack = max(0.0, 0.5 * (width - size) - 0.01)
    x = (thing.column + 0.5) * width + chance.uniform(-slack, slack)
    on_ground = thing.row == LOWER
    if on_ground:
        foot += chance.uniform(-0.03, 0.03)
    elif kind.flying:
        foot -= chance.uniform(0, 0.06)
    pixels = round(size * canvas.pixels)
    brush = Brush(pixels, chance)
    colour = varied(chance, COLOURS[thing.colour])
    kind.draw(brush, colour)
    turn = chance.uniform(-18, 18) if kind.flying and not on_ground else chance.uniform(-3, 3)
    layer = brush.finished(colour, light, turn)
    if chance.random() < 0.5:
        layer = layer.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if afloat and on_ground:
        canvas.shadow(x, foot - 0.01, 0.55 * size, 0.035, 0.5)
    elif on_ground or not kind.flying:
        canvas.shadow(x, foot - 0.004, 0.5 * size, 0.022 if on_ground else 0.01, 0.55)
    canvas.paste(layer, x - size / 2 - MARGIN * size, foot - size - MARGIN * size)
    if afloat and on_ground:
        for dx in (-0.3, 0.05, 0.32):
            y = foot - 0.004 + chance.uniform(-0.006, 0.006)
            canvas.line([(x + (dx - 0.16) * size, y), (x + (dx + 0.16) * size, y)], 0.007, (196, 222, 234))
