"""The colours that things have: named, and a little different in each picture."""

import colorsys
from random import Random

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (206, 38, 42),
    "orange": (242, 134, 28),
    "yellow": (246, 212, 48),
    "green": (50, 152, 66),
    "blue": (42, 92, 204),
    "purple": (126, 58, 168),
    "pink": (245, 142, 182),
    "brown": (122, 76, 42),
    "black": (38, 37, 40),
    "white": (241, 241, 237),
    "grey": (142, 144, 148),
}


def varied(chance: Random, colour: Colour, spread: float = 0.05) -> Colour:
    """`colour` with hue, saturation and brightness moved a little, so that its name stays true."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    hue = (hue + chance.uniform(-0.2, 0.2) * spread) % 1
    saturation = min(1.0, max(0.0, saturation * (1 + chance.uniform(-spread, spread))))
    value = min(1.0, max(0.0, value * (1 + chance.uniform(-spread, spread))))
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def shade(colour: Colour, factor: float) -> Colour:
    """Darker below 1; above 1 mixed with white (2 is white)."""
    if factor <= 1:
        return mixed((0, 0, 0), colour, factor)
    return mixed(colour, (255, 255, 255), factor - 1)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def trim(colour: Colour, factor: float = 0.62) -> Colour:
    """A shade for details that shows on dark colours too."""
    return shade(colour, factor) if sum(colour) > 180 else shade(colour, 1.3)
