"""A canvas in scene units: y goes up, 1 is about a person's height, drawn at twice the size for smooth edges."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]

SUPERSAMPLING = 2


@dataclass(frozen=True)
class Camera:
    """How scene units become pixels: `scale` 1 shows 2 units across; `ground` is where y = 0 lies, 0 the top."""

    scale: float
    across: float
    ground: float
    mirrored: bool
    roll: float  # radians

    @staticmethod
    def chosen(chance: Random) -> "Camera":
        """A camera that has nothing to do with the sport."""
        return Camera(
            scale=chance.uniform(0.9, 1.08),
            across=chance.uniform(0.46, 0.54),
            ground=chance.uniform(0.8, 0.87),
            mirrored=chance.random() < 0.5,
            roll=math.radians(chance.uniform(-4, 4)),
        )


class Canvas:
    """Draws in scene units; `outline` is None for flat pictures, or the colour of a thin line around everything."""

    def __init__(self, size: int, camera: Camera, outline: Colour | None) -> None:
        self.pixels = size * SUPERSAMPLING
        self.image = Image.new("RGB", (self.pixels, self.pixels))
        self.outline = outline
        self.unit = self.pixels / 2 * camera.scale  # pixels a scene unit
        self.edge = max(1, round(self.pixels * 0.0045))
        self._pen = ImageDraw.Draw(self.image)
        cosine, sine = math.cos(camera.roll) * self.unit, math.sin(camera.roll) * self.unit
        side = -1 if camera.mirrored else 1
        across, ground = camera.across * self.pixels, camera.ground * self.pixels
        self._matrix = (side * cosine, sine, across, side * sine, -cosine, ground)

    def pixel(self, point: Point) -> Point:
        """Where a scene point lies on the supersampled picture."""
        a, b, c, d, e, f = self._matrix
        x, y = point
        return a * x + b * y + c, d * x + e * y + f

    def line(self, points: Iterable[Point], width: float, colour: Colour, *, plain: bool = False) -> None:
        """A line with round joints and ends, `width` in scene units; `plain` has no outline and no round ends."""
        places = [self.pixel(point) for point in points]
        thick = max(2, round(width * self.unit))
        if plain:
            self._pen.line(places, fill=colour, width=thick)
            return
        if self.outline is not None:
            self._rounded(places, thick + 2 * self.edge, self.outline)
        self._rounded(places, thick, colour)

    def _rounded(self, places: Sequence[Point], thick: int, colour: Colour) -> None:
        self._pen.line(places, fill=colour, width=thick)
        if thick > 3:
            half = (thick - 1) / 2
            for x, y in places:
                self._pen.ellipse((x - half, y - half, x + half, y + half), fill=colour)

    def shape(self, points: Iterable[Point], colour: Colour, *, plain: bool = False) -> None:
        """A filled polygon."""
        places = [self.pixel(point) for point in points]
        self._pen.polygon(places, fill=colour)
        if self.outline is not None and not plain:
            self._pen.line([*places, places[0]], fill=self.outline, width=self.edge)

    def disc(self, centre: Point, radius: float, colour: Colour, *, plain: bool = False) -> None:
        """A filled circle."""
        x, y = self.pixel(centre)
        r = radius * self.unit
        edge = None if plain else self.outline
        self._pen.ellipse((x - r, y - r, x + r, y + r), fill=colour, outline=edge, width=self.edge)

    def ring(self, centre: Point, radius: float, width: float, colour: Colour) -> None:
        """A circle's line; drawn twice for the outline."""
        x, y = self.pixel(centre)
        r, thick = radius * self.unit, max(2, round(width * self.unit))
        if self.outline is not None:
            r += self.edge
            self._pen.ellipse((x - r, y - r, x + r, y + r), outline=self.outline, width=thick + 2 * self.edge)
            r -= self.edge
        self._pen.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=thick)

    def oval(
        self, centre: Point, rx: float, ry: float, colour: Colour, turn: float = 0, *, plain: bool = False
    ) -> None:
        """A filled ellipse, turned by `turn` degrees."""
        self.shape(oval_points(centre, rx, ry, turn), colour, plain=plain)

    def oval_line(self, centre: Point, rx: float, ry: float, width: float, colour: Colour, turn: float = 0) -> None:
        """An ellipse's line."""
        points = oval_points(centre, rx, ry, turn)
        self.line([*points, points[0]], width, colour)

    def fill(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        """A box in shares of the picture (x and y from the top left), as scenery is: no camera."""
        left, top, right, bottom = (edge * self.pixels for edge in box)
        self._pen.rectangle((left, top, right, bottom), fill=colour)

    def patch(self, points: Iterable[Point], colour: Colour) -> None:
        """A polygon in shares of the picture."""
        self._pen.polygon([(x * self.pixels, y * self.pixels) for x, y in points], fill=colour)

    def spot(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """An upright ellipse in shares of the picture."""
        left, top, right, bottom = (edge * self.pixels for edge in (x - rx, y - ry, x + rx, y + ry))
        self._pen.ellipse((left, top, right, bottom), fill=colour)

    def finished(self) -> Image.Image:
        """The picture at its size."""
        return self.image.reduce(SUPERSAMPLING)


def oval_points(centre: Point, rx: float, ry: float, turn: float, count: int = 22) -> list[Point]:
    """Points of an ellipse around `centre`, turned by `turn` degrees."""
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    points = []
    for step in range(count):
        angle = 2 * math.pi * step / count
        x, y = rx * math.cos(angle), ry * math.sin(angle)
        points.append((centre[0] + x * cosine - y * sine, centre[1] + x * sine + y * cosine))
    return points


def arc_points(centre: Point, radius: float, start: float, end: float, count: int = 14) -> list[Point]:
    """Points of a circle's arc from `start` to `end` degrees (0 is right, 90 is up)."""
    angles = (math.radians(start + (end - start) * step / (count - 1)) for step in range(count))
    return [(centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)) for angle in angles]
