"""A thing's own layer: shapes in a unit box (y down, the ground at 1), lit as if they were a little round."""

import math
from collections.abc import Iterable
from random import Random
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from stages.samples.scenes.colours import Colour, shade

Point = tuple[float, float]
MARGIN = 0.06  # of the box, around it, for the outline


class Brush:
    """Draws one thing on a transparent layer, `pixels` wide and high inside the margin."""

    def __init__(self, pixels: int, chance: Random) -> None:
        self.chance = chance
        self.unit = pixels
        self.offset = round(pixels * MARGIN)
        side = pixels + 2 * self.offset
        self.layer = Image.new("RGBA", (side, side))
        self._pen = ImageDraw.Draw(self.layer)

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        self._pen.polygon([self._pixel(point) for point in points], fill=colour)

    def oval(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self._pen.ellipse((*self._pixel((left, top)), *self._pixel((right, bottom))), fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.oval(x - radius, y - radius, x + radius, y + radius, colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, rounding: float = 0) -> None:
        corners = (*self._pixel((left, top)), *self._pixel((right, bottom)))
        self._pen.rounded_rectangle(corners, rounding * self.unit, fill=colour)

    def line(self, points: Iterable[Point], width: float, colour: Colour) -> None:
        """A line with round joints and ends."""
        places = [self._pixel(point) for point in points]
        thick = max(1, round(width * self.unit))
        self._pen.line(places, fill=colour, width=thick)
        half = (thick - 1) / 2
        for x, y in places if thick > 2 else ():
            self._pen.ellipse((x - half, y - half, x + half, y + half), fill=colour)

    def arc(self, x: float, y: float, radius: Point, span: Point, width: float, colour: Colour) -> None:
        """Part of an ellipse's line, between two angles in degrees (0 is right, 90 is down)."""
        start, end = (math.radians(angle) for angle in span)
        angles = (start + (end - start) * step / 16 for step in range(17))
        self.line([(x + radius[0] * math.cos(a), y + radius[1] * math.sin(a)) for a in angles], width, colour)

    def finished(self, outline: Colour, light: Point, turn: float) -> Image.Image:
        """The layer with light from the direction `light`, a grain of its own, and a dark line around it."""
        layer = (
            self.layer.rotate(turn, Image.Resampling.BICUBIC, center=self._pixel((0.5, 0.9))) if turn else self.layer
        )
        alpha = layer.getchannel("A")
        shaded = self._lit(layer, alpha, light)
        edge = max(3, round(self.unit * 0.012) * 2 + 1)
        grown = alpha.filter(ImageFilter.MaxFilter(edge))
        framed = Image.new("RGBA", layer.size, (*shade(outline, 0.42), 0))
        framed.putalpha(grown)
        framed.alpha_composite(shaded)
        return framed

    def _lit(self, layer: Image.Image, alpha: Image.Image, light: Point) -> Image.Image:
        pixels = np.asarray(layer.convert("RGB"), dtype=np.float32)
        height = np.asarray(alpha.filter(ImageFilter.GaussianBlur(self.unit * 0.07)), dtype=np.float32) / 255
        down, across = np.gradient(height)
        slope: Any = (light[0] * across + light[1] * down) * self.unit * 0.11
        slope += np.linspace(0.05, -0.09, len(height), dtype=np.float32)[:, None]
        numbers = np.random.default_rng(self.chance.getrandbits(64))
        coarse = numbers.standard_normal((14, 14), dtype=np.float32) * 0.035
        slope += np.asarray(Image.fromarray(coarse).resize(layer.size, Image.Resampling.BICUBIC))
        lit = pixels * (1 + np.clip(slope, -0.55, 0.5))[:, :, None] + (np.clip(slope, 0, 0.6) * 46)[:, :, None]
        shaded = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)).convert("RGBA")
        shaded.putalpha(alpha)
        return shaded

    def _pixel(self, point: Point) -> Point:
        return self.offset + point[0] * self.unit, self.offset + point[1] * self.unit
