"""One drawing: the picture at twice its size, and a small map of which group's things lie where."""

from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from stages.foundation.clip_phi.words import Colour

SIDE = 96  # pixels of a finished picture
FINE = 2  # painted pixels for one of the finished picture, each way
WIDE = SIDE * FINE
MAPPED = 48  # side of the map; 0 is the ground, n the n-th group
Points = np.ndarray[Any, np.dtype[np.float64]]


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def varied(rng: np.random.Generator, colour: Colour, reach: int) -> Colour:
    """The colour, each channel and the whole of it moved by chance."""
    moves = rng.integers(-reach, reach + 1, 3) + rng.integers(-reach, reach + 1)
    red, green, blue = (min(255, max(0, int(level + move))) for level, move in zip(colour, moves, strict=True))
    return red, green, blue


def oval(x: float, y: float, a: float, b: float, count: int = 20) -> Points:
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + a * np.cos(angles), y + b * np.sin(angles)], axis=1)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], float)


def polygon(*points: tuple[float, float]) -> Points:
    return np.array(points, float)


def moved(points: Points, x: float, y: float) -> Points:
    found: Points = points + np.array([x, y])
    return found


def turned(points: Points, degrees: float) -> Points:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    found: Points = points @ np.array([[cosine, sine], [-sine, cosine]])
    return found


class Canvas:
    """Shapes come in shares of the picture's side (0..1 each way, y downwards)."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (WIDE, WIDE))
        self.pen = ImageDraw.Draw(self.image, "RGBA")
        self.map = Image.new("L", (MAPPED, MAPPED))
        self._map_pen = ImageDraw.Draw(self.map)

    def fade(self, top: Colour, bottom: Colour, start: float = 0.0, end: float = 1.0) -> None:
        """From one colour to the other between two heights."""
        strip = Image.new("RGB", (1, 2))
        strip.putdata([top, bottom])
        first, last = int(start * WIDE), int(np.ceil(end * WIDE))
        if last > first:
            self.image.paste(strip.resize((WIDE, last - first), Image.Resampling.BILINEAR), (0, first))

    def fill(self, points: Points, colour: tuple[int, ...], ink: Colour | None = None, group: int = 0) -> None:
        """One flat shape; with ink it has an outline; with a group it is on the map."""
        flat: list[float] = (points * WIDE).ravel().tolist()
        self.pen.polygon(flat, fill=colour)
        if ink:
            self.pen.line([*flat, *flat[:2]], fill=ink, width=2)
        if group:
            self._map_pen.polygon((points * MAPPED).ravel().tolist(), fill=group, outline=group)

    def marked(self, points: Points, marks: list[Points], colour: Colour) -> None:
        """Marks inside a shape."""
        inside, there = Image.new("L", self.image.size), Image.new("L", self.image.size)
        ImageDraw.Draw(inside).polygon((points * WIDE).ravel().tolist(), fill=255)
        pen = ImageDraw.Draw(there)
        for mark in marks:
            pen.polygon((mark * WIDE).ravel().tolist(), fill=255)
        self.image.paste(colour, (0, 0), ImageChops.multiply(inside, there))

    def finished(self, light: tuple[float, float, float], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(SIDE x SIDE x 3, MAPPED x MAPPED), uint8: the lit picture and the map.

        As a camera's: light uneven, at times blur, on half of all pictures grain.
        """
        image = self.image.reduce(FINE)
        if rng.random() < 0.25:
            image = image.filter(ImageFilter.BoxBlur(float(rng.uniform(0.3, 0.9))))
        slope = np.linspace(-1, 1, SIDE, dtype=np.float32)
        across, down = rng.uniform(-0.13, 0.13, 2).astype(np.float32)
        shade = 1 + across * slope[None, :] + down * slope[:, None]
        picture = np.asarray(image, np.float32) * np.asarray(light, np.float32) * shade[..., None]
        if rng.random() < 0.5:
            grain = rng.standard_normal((SIDE, SIDE, 1), dtype=np.float32)
            picture += grain * np.float32(rng.uniform(1, 9)) + np.float32(rng.uniform(-10, 10))
        return np.clip(picture, 0, 255).astype(np.uint8), np.asarray(self.map)
