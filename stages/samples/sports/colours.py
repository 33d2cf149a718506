"""Named colours, so that a caption can say what was drawn, and their shades."""

from random import Random

from stages.samples.sports.canvas import Colour

NAMED: dict[str, Colour] = {
    "red": (204, 44, 44),
    "blue": (40, 84, 196),
    "green": (44, 146, 66),
    "yellow": (238, 204, 46),
    "orange": (236, 130, 34),
    "purple": (128, 58, 168),
    "pink": (236, 120, 170),
    "white": (244, 244, 240),
    "black": (34, 34, 38),
    "grey": (138, 140, 146),
    "brown": (128, 82, 46),
    "turquoise": (48, 182, 182),
}
SKINS: tuple[Colour, ...] = ((244, 208, 178), (226, 176, 136), (190, 132, 92), (142, 92, 60), (96, 62, 44))
HAIRS: tuple[Colour, ...] = ((40, 30, 26), (92, 58, 34), (206, 164, 84), (150, 74, 34), (160, 160, 160))

SEEN = 110  # `apart` from here on: seen at thumbnail size


def varied(chance: Random, colour: Colour, spread: int = 16) -> Colour:
    """`colour`, each channel moved by up to `spread`."""
    r, g, b = (min(255, max(0, channel + chance.randint(-spread, spread))) for channel in colour)
    return r, g, b


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(one, other, strict=True))
    return r, g, b


def apart(one: Colour, other: Colour) -> float:
    """How far apart two colours look: lightness counts twice, as small things are seen by it."""
    light = sum(one) / 3 - sum(other) / 3
    return 2 * abs(light) + sum(abs(a - z) for a, z in zip(one, other, strict=True)) / 3


def contrasting(chance: Random, against: list[Colour], tries: int = 4) -> tuple[str, Colour]:
    """The first named colour, of a few drawn by chance, that stands out from all of `against`, or else the best.

    The first and not the best: the best is nearly always black or white.
    """
    names = chance.sample(sorted(NAMED), tries)
    name = max(names, key=lambda name: min(SEEN, *(apart(NAMED[name], other) for other in against)))
    return name, varied(chance, NAMED[name], 12)
