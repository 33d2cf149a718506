"""The canvas of one drawing: the picture at twice its size, and beside it a small map of what lies where."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from stages.foundation.opt_clip.geometry import Points, turned
from stages.foundation.opt_clip.words import (
    COMPANY,
    EARS,
    EYES,
    HORNS,
    PLAIN_SHAPES,
    SHAPES,
    TAILS,
    THINGS,
    WINGS,
    Colour,
)

SIDE = 96  # pixels of a finished picture
FINE = 2  # painted pixels for one of the finished picture, each way
MAPPED = 48  # side of the map
# What the map tells apart; 0 is the scenery.
LABELS = (
    "scenery", *(f"trunk {build}" for build in (*SHAPES, *THINGS, *PLAIN_SHAPES)),
    *(f"beside {thing}" for thing in COMPANY), "head", "limb",
    *(f"ears {ears}" for ears in EARS), *(f"horns {horns}" for horns in HORNS), *(f"tail {tail}" for tail in TAILS),
    *(f"wings {wings}" for wings in WINGS), *(f"eyes {eyes}" for eyes in EYES),
)  # fmt: skip
NUMBER = {label: number for number, label in enumerate(LABELS)}


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one."""
    red, green, blue = (int(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def varied(rng: np.random.Generator, colour: Colour, reach: int) -> Colour:
    """The colour, each channel and the whole of it moved by chance."""
    moves = rng.integers(-reach, reach + 1, 3) + rng.integers(-reach, reach + 1)
    red, green, blue = (min(255, max(0, int(level + move))) for level, move in zip(colour, moves, strict=True))
    return red, green, blue


class Canvas:
    """Shapes come in units of their own; `place` says how units become painted pixels."""

    def __init__(self, background: Image.Image, line: int, ink: Colour | None) -> None:
        """`line`: width of the ink around shapes in painted pixels; without `ink` there is none."""
        self.image, self.line, self.ink = background, line, ink
        self.side = background.width
        self.pen = ImageDraw.Draw(background, "RGBA")
        self.map = Image.new("L", (MAPPED, MAPPED))
        self._map_pen = ImageDraw.Draw(self.map)
        self.place(self.side / 2, self.side / 2, self.side / 2)

    def place(self, x: float, y: float, scale: float, flip: bool = False, degrees: float = 0) -> None:
        """From now on a shape's (0, 0) lies at painted (x, y), its unit is `scale` pixels, turned, then mirrored."""
        self._x, self._y, self._degrees = x, y, degrees
        self._scale = np.array([-scale if flip else scale, scale])

    def pixels(self, points: Points) -> Points:
        found: Points = turned(points, self._degrees) * self._scale + (self._x, self._y)
        return found

    def fill(self, points: Points, colour: tuple[int, ...], label: str = "", line: bool = True) -> None:
        """One flat shape; with a label it is entered on the map."""
        painted = self.pixels(points)
        flat: list[float] = painted.ravel().tolist()
        self.pen.polygon(flat, fill=colour)
        if line and self.ink:
            self.pen.line([*flat, *flat[:4]], fill=self.ink, width=self.line)
        if label:
            self._map_pen.polygon((painted * (MAPPED / self.side)).ravel().tolist(), fill=NUMBER[label])

    def fill_patterned(
        self, points: Points, colour: Colour, second: Colour, marks: Sequence[Points], label: str, shaded: bool
    ) -> None:
        """A shape with marks in the second colour inside it, darker below on some drawings, then inked."""
        self.fill(points, colour, label, line=False)
        flat: list[float] = self.pixels(points).ravel().tolist()
        if marks or shaded:
            inside = Image.new("L", self.image.size)
            ImageDraw.Draw(inside).polygon(flat, fill=255)
        if marks:
            marked = Image.new("L", self.image.size)
            pen: Any = ImageDraw.Draw(marked)
            for mark in marks:
                pen.polygon(self.pixels(mark).ravel().tolist(), fill=255)
            self.image.paste(second, (0, 0), ImageChops.multiply(inside, marked))
        if shaded:
            raised = ImageChops.offset(inside, self.side // 40, -self.side // 22)
            shade = ImageChops.subtract(inside, raised)
            self.image.paste((16, 10, 40), (0, 0), shade.point(_FAINT))
        if self.ink:
            self.pen.line([*flat, *flat[:4]], fill=self.ink, width=self.line)

    def finished(self) -> tuple[np.ndarray, np.ndarray]:
        """(SIDE x SIDE x 3, MAPPED x MAPPED), uint8: the picture, and the map of numbers into LABELS."""
        return np.asarray(self.image.reduce(FINE)), np.asarray(self.map)


_FAINT = [level // 4 for level in range(256)]
