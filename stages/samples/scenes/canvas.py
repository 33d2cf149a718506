"""The picture under way: scenery in shares of the side (y down), things over it, then light as a camera has it."""

from collections.abc import Iterable
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from stages.samples.scenes.brush import Point
from stages.samples.scenes.colours import Colour

SUPERSAMPLING = 3


class Canvas:
    """A square of `side` pixels when it is finished, drawn at three times that."""

    def __init__(self, side: int, chance: Random) -> None:
        self.chance = chance
        self.numbers = np.random.default_rng(chance.getrandbits(64))
        self.pixels = side * SUPERSAMPLING
        self.image = Image.new("RGB", (self.pixels, self.pixels))
        self._pen = ImageDraw.Draw(self.image)

    def near(self, value: float, spread: float) -> float:
        """`value`, a little off."""
        return value + self.chance.uniform(-spread, spread)

    def gradient(self, top: float, bottom: float, start: Colour, end: Colour) -> None:
        """A band over the whole width, from one colour down to another."""
        first, last = round(top * self.pixels), round(bottom * self.pixels)
        if last <= first:
            return
        step = np.linspace(0, 1, last - first, dtype=np.float32)[:, None]
        column = (1 - step) * np.array(start, dtype=np.float32) + step * np.array(end, dtype=np.float32)
        band = Image.fromarray(column.astype(np.uint8)[:, None, :])
        self.image.paste(band.resize((self.pixels, last - first)), (0, first))

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        self._pen.polygon([self._pixel(point) for point in points], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self._pen.rectangle((*self._pixel((left, top)), *self._pixel((right, bottom))), fill=colour)

    def oval(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self._pen.ellipse((*self._pixel((left, top)), *self._pixel((right, bottom))), fill=colour)

    def line(self, points: Iterable[Point], width: float, colour: Colour) -> None:
        places = [self._pixel(point) for point in points]
        self._pen.line(places, fill=colour, width=max(1, round(width * self.pixels)), joint="curve")

    def grain(self, top: float, bottom: float, strength: float, across: float = 1, down: float = 1) -> None:
        """Noise in a band, `strength` in grey levels; its specks are `across` x `down` finished pixels large."""
        first, last = round(top * self.pixels), round(bottom * self.pixels)
        height = last - first
        wide = max(2, round(self.pixels / (across * SUPERSAMPLING)))
        high = max(2, round(height / (down * SUPERSAMPLING)))
        coarse = self.numbers.standard_normal((high, wide), dtype=np.float32) * np.float32(strength)
        noise = Image.fromarray(coarse).resize((self.pixels, height), Image.Resampling.BICUBIC)
        band = (0, first, self.pixels, last)
        pixels = np.asarray(self.image.crop(band), dtype=np.float32) + np.asarray(noise)[:, :, None]
        self.image.paste(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), band)

    def shadow(self, x: float, y: float, rx: float, ry: float, darkness: float) -> None:
        """A soft dark ellipse."""
        mask = Image.new("L", (round(3 * rx * self.pixels), round(4 * ry * self.pixels)))
        width, height = mask.size
        ImageDraw.Draw(mask).ellipse((width / 6, height / 4, width * 5 / 6, height * 3 / 4), fill=round(255 * darkness))
        mask = mask.filter(ImageFilter.GaussianBlur(ry * self.pixels * 0.4))
        corner = (round(x * self.pixels - width / 2), round(y * self.pixels - height / 2))
        self.image.paste((12, 14, 20), (*corner, corner[0] + width, corner[1] + height), mask)

    def paste(self, layer: Image.Image, left: float, top: float) -> None:
        self.image.paste(layer, (round(left * self.pixels), round(top * self.pixels)), layer)

    def finished(self) -> Image.Image:
        """The picture at its size, with uneven light, a slight cast, and a sensor's noise."""
        picture = self.image.reduce(SUPERSAMPLING)
        if self.chance.random() < 0.25:
            picture = picture.filter(ImageFilter.BoxBlur(self.chance.uniform(0.2, 0.5)))
        side = picture.width
        slope = np.linspace(-1, 1, side, dtype=np.float32)
        across, down, gain = (self.chance.uniform(*span) for span in ((-0.07, 0.07), (-0.07, 0.07), (0.9, 1.08)))
        light = gain * (1 + across * slope[None, :] + down * slope[:, None])
        cast = np.array([self.chance.uniform(0.97, 1.03) for _ in range(3)], dtype=np.float32)
        noise = self.numbers.standard_normal((side, side), dtype=np.float32) * np.float32(self.chance.uniform(1, 5))
        pixels = np.asarray(picture, dtype=np.float32) * (light.astype(np.float32)[:, :, None] * cast)
        return Image.fromarray(np.clip(pixels + noise[:, :, None], 0, 255).astype(np.uint8))

    def _pixel(self, point: Point) -> Point:
        return point[0] * self.pixels, point[1] * self.pixels
