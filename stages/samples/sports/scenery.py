"""What is behind a sport: grounds, skies, walls, onlookers and things that lie about. None of it tells the sport."""

from random import Random

from stages.samples.sports.canvas import Canvas, Colour
from stages.samples.sports.colours import NAMED, SKINS, mixed, varied

# Each place with its grounds by name: on purpose, places share colours, so that a colour does not tell the sport.
GROUNDS: dict[str, dict[str, Colour]] = {
    "hall": {
        "brown": (168, 120, 74), "blue": (62, 108, 176), "green": (74, 140, 92), "grey": (152, 154, 160),
        "red": (170, 74, 66), "yellow": (212, 182, 112), "white": (222, 222, 218), "purple": (120, 92, 150),
    },
    "field": {
        "green": (84, 150, 70), "brown": (150, 110, 72), "yellow": (198, 180, 98), "grey": (150, 150, 144),
        "blue": (72, 120, 168), "red": (168, 86, 64), "white": (216, 216, 210), "orange": (206, 136, 80),
    },
    "water": {
        "blue": (52, 112, 190), "green": (62, 138, 110), "grey": (128, 142, 156), "turquoise": (66, 176, 184),
        "brown": (132, 112, 82), "purple": (104, 98, 154), "white": (206, 220, 226), "orange": (204, 142, 96),
    },
    "snow": {
        "white": (238, 242, 246), "blue": (152, 182, 222), "grey": (178, 184, 192), "pink": (226, 186, 196),
        "yellow": (226, 212, 160), "purple": (156, 144, 188), "orange": (222, 174, 136), "turquoise": (164, 210, 212),
    },
    "ice": {
        "white": (226, 234, 240), "blue": (136, 172, 214), "grey": (170, 178, 186), "turquoise": (150, 202, 208),
        "purple": (162, 150, 196), "yellow": (216, 206, 164), "pink": (216, 178, 194), "green": (150, 196, 168),
    },
}  # fmt: skip
SKIES: tuple[Colour, ...] = (
    (142, 190, 234), (90, 146, 214), (196, 208, 218), (160, 166, 176), (238, 196, 156),
    (228, 160, 150), (60, 70, 110), (226, 226, 206), (176, 158, 200), (120, 186, 190),
)  # fmt: skip
LEAVES: tuple[Colour, ...] = ((46, 96, 52), (90, 120, 50), (176, 110, 44), (34, 70, 60), (120, 130, 110))


def draw_scenery(canvas: Canvas, chance: Random, place: str, ground: Colour, back: Colour, horizon: float) -> str:
    """Fill the picture: `back` above `horizon` (a share of the height), `ground` below; returns what is behind."""
    canvas.fill((0, 0, 1, horizon), back)
    canvas.fill((0, horizon, 1, 1), ground)
    _bands(canvas, chance, ground, horizon)
    indoors = place == "hall" or (place == "ice" and chance.random() < 0.6)
    behind = chance.choice(INDOORS if indoors else OUTDOORS)
    behind[1](canvas, chance, horizon, back)
    if place == "water":
        _waves(canvas, chance, ground, horizon)
    if place == "ice":
        canvas.fill((0, horizon - 0.05, 1, horizon + 0.015), varied(chance, chance.choice(list(NAMED.values())), 30))
    for _ in range(chance.choice((0, 0, 1, 2))):
        _litter(canvas, chance, horizon, floating=place == "water")
    return behind[0]


def _bands(canvas: Canvas, chance: Random, ground: Colour, horizon: float) -> None:
    """Light and dark stripes of the ground, as mowing, boards or shadows make."""
    shade = mixed(ground, chance.choice(((0, 0, 0), (255, 255, 255))), chance.uniform(0.04, 0.16))
    if chance.random() < 0.5:
        top = horizon
        while top < 1:
            deep = chance.uniform(0.02, 0.1)
            canvas.fill((0, top, 1, top + deep / 2), shade)
            top += deep
    elif chance.random() < 0.6:
        x, lean, wide = chance.uniform(-0.6, 0), chance.uniform(-0.5, 0.5), chance.uniform(0.05, 0.2)
        while x < 1.6:
            canvas.patch([(x, horizon), (x + wide, horizon), (x + wide + lean, 1), (x + lean, 1)], shade)
            x += 2 * wide


def _waves(canvas: Canvas, chance: Random, ground: Colour, horizon: float) -> None:
    light = mixed(ground, (255, 255, 255), 0.35)
    for _ in range(chance.randint(8, 22)):
        x, y = chance.random(), chance.uniform(horizon + 0.03, 1)
        wide = 0.02 + 0.09 * (y - horizon)
        canvas.fill((x - wide, y, x + wide, y + 0.006), light)


def _trees(canvas: Canvas, chance: Random, horizon: float, back: Colour) -> None:
    leaves, pointed = varied(chance, chance.choice(LEAVES)), chance.random() < 0.5
    for _ in range(chance.randint(3, 9)):
        x, high = chance.random(), chance.uniform(0.1, 0.32)
        wide, shade = high * chance.uniform(0.25, 0.45), varied(chance, leaves, 14)
        canvas.fill((x - 0.01, horizon - high * 0.4, x + 0.01, horizon), (92, 66, 44))
        if pointed:
            canvas.patch(
                [(x - wide, horizon - high * 0.2), (x, horizon - high), (x + wide, horizon - high * 0.2)], shade
            )
        else:
            canvas.spot(x, horizon - high * 0.65, wide * 0.8, high * 0.4, shade)


def _hills(canvas: Canvas, chance: Random, horizon: float, back: Colour) -> None:
    for _ in range(chance.randint(2, 5)):
        x, high, wide = chance.random(), chance.uniform(0.1, 0.36), chance.uniform(0.15, 0.45)
        shade = mixed(back, varied(chance, chance.choice(LEAVES + SKIES), 20), 0.6)
        canvas.patch([(x - wide, horizon), (x, horizon - high), (x + wide, horizon)], shade)


def _houses(canvas: Canvas, chance: Random, horizon: float, back: Colour) -> None:
    x = chance.uniform(-0.1, 0.2)
    while x < 1:
        wide, high = chance.uniform(0.1, 0.22), chance.uniform(0.1, 0.4)
        wall = mixed(varied(chance, chance.choice(list(NAMED.values())), 40), back, 0.4)
        canvas.fill((x, horizon - high, x + wide, horizon), wall)
        for row in range(int(high / 0.08)):
            canvas.fill(
                (x + 0.02, horizon - high + 0.02 + row * 0.08, x + wide - 0.02, horizon - high + 0.05 + row * 0.08),
                mixed(wall, (20, 24, 40), 0.45),
            )
        x += wide + chance.uniform(0.0, 0.2)


def _crowd(canvas: Canvas, chance: Random, horizon: float, back: Colour) -> None:
    high = chance.uniform(0.1, 0.28)
    canvas.fill((0, horizon - high, 1, horizon), mixed(back, (30, 30, 40), chance.uniform(0.2, 0.6)))
    for row in range(int(high / 0.055)):
        for seat in range(chance.randint(9, 16)):
            x, y = seat / 14 + chance.uniform(-0.02, 0.02), horizon - 0.015 - row * 0.055
            canvas.fill((x - 0.017, y - 0.01, x + 0.017, y + 0.015), chance.choice(list(NAMED.values())))
            canvas.spot(x, y - 0.02, 0.012, 0.014, chance.choice(SKINS))


def _windows(canvas: Canvas, chance: Random, horizon: float, back: Colour) -> None:
    pane, wide = varied(chance, chance.choice(SKIES)), chance.uniform(0.08, 0.2)
    x, top = chance.uniform(-0.1, 0.1), chance.uniform(0.02, 0.1)
    while x < 1:
        canvas.fill((x, top, x + wide, horizon - chance.uniform(0.08, 0.12)), pane)
        x += wide * chance.uniform(1.3, 1.8)


def _banners(canvas: Canvas, chance: Random, horizon: float, back: Colour) -> None:
    for _ in range(chance.randint(2, 5)):
        x, y, wide = chance.random(), chance.uniform(0.02, max(0.03, horizon - 0.15)), chance.uniform(0.08, 0.25)
        canvas.fill(
            (x, y, x + wide, y + chance.uniform(0.05, 0.12)), mixed(chance.choice(list(NAMED.values())), back, 0.3)
        )


def _nothing(canvas: Canvas, chance: Random, horizon: float, back: Colour) -> None:
    if chance.random() < 0.5:
        for _ in range(chance.randint(1, 4)):
            x, y = chance.random(), chance.uniform(0.03, max(0.05, horizon - 0.1))
            canvas.spot(x, y, chance.uniform(0.05, 0.12), chance.uniform(0.02, 0.04), mixed(back, (255, 255, 255), 0.5))


OUTDOORS = (("trees", _trees), ("hills", _hills), ("houses", _houses), ("a crowd", _crowd), ("the open sky", _nothing))
INDOORS = (("a crowd", _crowd), ("large windows", _windows), ("banners", _banners), ("a plain wall", _nothing))


def _litter(canvas: Canvas, chance: Random, horizon: float, *, floating: bool) -> None:
    """One thing that has nothing to do with any sport: a cone, a bag, a box, a bottle; on water a buoy or a bird."""
    colour, size = varied(chance, chance.choice(list(NAMED.values())), 25), chance.uniform(0.02, 0.04)
    x, y = chance.choice((chance.uniform(0.02, 0.2), chance.uniform(0.8, 0.98))), chance.uniform(horizon + 0.08, 0.96)
    kind = chance.randrange(3)
    if floating:
        canvas.spot(x, y, size, size * 0.6, colour)
        canvas.fill((x - size * 0.2, y - size * 1.6, x + size * 0.2, y), mixed(colour, (0, 0, 0), 0.3))
    elif kind == 0:
        canvas.patch([(x - size, y), (x, y - 2 * size), (x + size, y)], colour)
    elif kind == 1:
        canvas.fill((x - size, y - size, x + size, y), colour)
        canvas.fill((x - size, y - size * 0.6, x + size, y - size * 0.4), mixed(colour, (255, 255, 255), 0.5))
    else:
        canvas.fill((x - size * 0.35, y - 2 * size, x + size * 0.35, y), colour)
