"""Paints shapes onto a picture at twice its size, which smooths their edges when it is halved."""

from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw

from stages.creatures.geometry import Points, box_of

Colour = tuple[int, int, int]
Pixels = list[tuple[int, int]]

FINE = 2  # pixels painted for one pixel of the picture, each way

COLOURS: dict[str, Colour] = {
    "red": (214, 40, 44), "orange": (245, 130, 28), "yellow": (250, 212, 44), "green": (66, 168, 64),
    "teal": (24, 158, 158), "blue": (44, 98, 222), "purple": (132, 62, 184), "pink": (250, 138, 186),
    "brown": (130, 80, 42), "grey": (140, 144, 152), "white": (246, 246, 242), "black": (48, 46, 54),
}  # fmt: skip
FIXED: dict[str, Colour] = {
    "white": (252, 252, 252), "black": (22, 20, 28), "bone": (242, 228, 196),
    "maw": (112, 24, 34), "tongue": (240, 120, 124),
}  # fmt: skip


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def palette_of(colour: str, second: str) -> dict[str, tuple[int, ...]]:
    main, other = COLOURS[colour], COLOURS[second]
    ink = mixed(main, (16, 10, 28), 0.78)
    if colour == "black":
        ink = (12, 10, 16)
    return {
        **FIXED,
        "main": main,
        "second": other,
        "deep": mixed(main, (20, 14, 40), 0.28),
        "bright": mixed(other, (255, 255, 255), 0.45),
        "veil": (*mixed(other, (255, 255, 255), 0.3), 165),
        "ink": ink,
    }


class Painter:
    """A canvas, a species' paints, and the width of the ink in painted pixels."""

    def __init__(self, image: Image.Image, palette: dict[str, tuple[int, ...]], line: int) -> None:
        self.image, self.palette, self.line = image, palette, line
        self._draw = ImageDraw.Draw(image, "RGBA")

    def paint(self, points: Points, paint: str, line: bool) -> None:
        """One flat part."""
        pixels = whole(points)
        self._draw.polygon(pixels, fill=self.palette[paint])
        if line:
            self._outline(pixels)

    def paint_solid(self, outline: Points, pattern: Sequence[Points]) -> None:
        """A part in the main colour with a pattern in the second, shaded to look round, then inked."""
        pixels = whole(outline)
        self._draw.polygon(pixels, fill=self.palette["main"])
        left, top, right, bottom = (int(edge) for edge in box_of(pixels))
        corner, extent = (left, top), (right - left + 1, bottom - top + 1)
        if pattern:
            inside, marks = Image.new("1", extent), Image.new("1", extent)
            ImageDraw.Draw(inside).polygon(_shifted(pixels, left, top), fill=1)
            pen = ImageDraw.Draw(marks)
            for points in pattern:
                pen.polygon(_shifted(whole(points), left, top), fill=1)
            self._fill(self.palette["second"], corner, ImageChops.logical_and(inside, marks))
        away = max(2, min(extent) // 9)
        self._shade(pixels, corner, extent, away, (18, 8, 48), 84)
        self._shade(pixels, corner, extent, -away // 2, (255, 255, 255), 70)
        self._outline(pixels)

    def _shade(
        self, pixels: Pixels, corner: tuple[int, int], extent: tuple[int, int], away: int, tint: Colour, strength: int
    ) -> None:
        """A crescent along the edge that faces away from, or to, the light from above."""
        mask = Image.new("L", extent)
        pen = ImageDraw.Draw(mask)
        pen.polygon(_shifted(pixels, *corner), fill=strength)
        pen.polygon(_shifted(pixels, corner[0] + away // 2, corner[1] + away), fill=0)
        self._fill(tint, corner, mask)

    def _fill(self, colour: tuple[int, ...], corner: tuple[int, int], mask: Image.Image) -> None:
        left, top = corner
        self.image.paste(colour, (left, top, left + mask.width, top + mask.height), mask)

    def _outline(self, pixels: Pixels) -> None:
        self._draw.line([*pixels, pixels[0], pixels[1]], fill=self.palette["ink"], width=self.line)


def whole(points: Points) -> Pixels:
    return [(round(x), round(y)) for x, y in points]


def _shifted(pixels: Pixels, x: int, y: int) -> Pixels:
    return [(px - x, py - y) for px, py in pixels]
