"""Sets a word, circles one letter and fits both to a square picture.

Type is rendered once per font and letter at TYPE_SIZE (the BlindTest's 96 pixels per em), set by
advances without kerning, and scaled down with the whole word. The picture's pixels are indices of
a palette: 16 levels of type coverage x 16 levels of the ellipse's, so only the rows with ink are
ever computed, a byte a pixel.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageFont

from stages.synthesize.plan import Picture
from stages.synthesize.png import encode_palette_png

TYPE_SIZE = 96  # pixels per em at which glyphs are rendered
MARGIN = 8  # pixels at TYPE_SIZE around the type, so that blur is not cut
EDGE = 3  # final pixels at the picture's edge that stay empty
THINNEST = 1.6  # final pixels of the ellipse's line, so that blur doesn't wash it out
LEVELS = 16  # of coverage; type x ellipse fill a palette of 256


@dataclass(frozen=True)
class Glyph:
    """Coverage 0..255 (rows, columns) at TYPE_SIZE, its corner from pen and baseline, the advance."""

    cover: NDArray[np.uint8]
    left: int
    top: int
    advance: float


@dataclass(frozen=True)
class Layout:
    """Where everything lies, in final pixels, y downwards."""

    em: float
    scale: tuple[float, float]  # final pixels per pixel at TYPE_SIZE
    corner: tuple[int, int]  # the type's box, with its margin
    extent: tuple[int, int]
    pen: tuple[float, float]  # the first letter's pen, on the baseline
    centre: tuple[float, float]
    radii: tuple[float, float]  # of the line's middle
    line: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the ellipse, its line included."""
        (x, y), (a, b), half = self.centre, self.radii, self.line / 2
        return x - a - half, y - b - half, x + a + half, y + b + half


def draw(picture: Picture, size: int, largest: float) -> tuple[bytes, Layout]:
    """The picture as a PNG of size x size pixels, and its layout."""
    layout = lay_out(picture, size, largest)
    rows, above = render(picture, layout, size)
    return encode_palette_png(rows, above, size, palette(picture)), layout


@lru_cache(maxsize=16384)
def glyph_of(font: Path, letter: str, slant: float = 0.0) -> Glyph:
    """One letter at TYPE_SIZE, slanted about its baseline; OSError when the font file is gone or broken."""
    face = _face(font)
    mask, (left, top) = face.getmask2(letter, mode="L", anchor="ls")
    cover = np.asarray(mask, dtype=np.uint8).reshape(mask.size[1], mask.size[0])
    glyph = Glyph(cover, left, top, face.getlength(letter))
    return _slanted(glyph, slant) if slant else glyph


def _slanted(glyph: Glyph, slant: float) -> Glyph:
    """The glyph with each row moved right by `slant` times its height above the baseline."""
    rows, columns = glyph.cover.shape
    moved = (-slant * glyph.top, -slant * (glyph.top + rows - 1))  # of the first and the last row
    start, width = math.floor(min(moved)), columns + math.ceil(max(moved)) - math.floor(min(moved))
    back = (1, slant, start + slant * glyph.top, 0, 1, 0)  # where an output pixel comes from
    image = Image.fromarray(glyph.cover).transform(
        (width, rows), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR
    )
    return Glyph(np.asarray(image), glyph.left + start, glyph.top, glyph.advance)


@lru_cache(maxsize=64)
def _face(font: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font), TYPE_SIZE, layout_engine=ImageFont.Layout.BASIC)


@dataclass(frozen=True)
class _Setting:
    """A word at TYPE_SIZE: glyphs with their pens, and the box of all ink with MARGIN around it."""

    glyphs: list[Glyph]
    pens: list[float]
    box: tuple[int, int, int, int]


def _set_word(picture: Picture) -> _Setting:
    glyphs = [glyph_of(picture.typeface.path, letter, picture.slant) for letter in picture.word]
    pens = [0.0]
    for glyph in glyphs:
        pens.append(pens[-1] + glyph.advance)
    placed = list(zip(glyphs, pens, strict=False))
    left = min(int(pen) + glyph.left for glyph, pen in placed) - MARGIN
    top = min(glyph.top for glyph in glyphs) - MARGIN
    right = max(int(pen) + glyph.left + glyph.cover.shape[1] for glyph, pen in placed) + MARGIN
    bottom = max(glyph.top + glyph.cover.shape[0] for glyph in glyphs) + MARGIN
    return _Setting(glyphs, pens, (left, top, right, bottom))


def lay_out(picture: Picture, size: int, largest: float) -> Layout:
    """Fit word plus padding to the picture's width, no em above `largest` of it, all ink inside."""
    setting = _set_word(picture)
    left, top, right, bottom = setting.box
    glyph, pen = setting.glyphs[picture.index], setting.pens[picture.index]
    rows, columns = glyph.cover.shape
    x = int(pen) + glyph.left + columns / 2
    y = glyph.top + rows / 2 + picture.offset[1] * TYPE_SIZE
    # from here on in pixels at TYPE_SIZE after stretching
    x, left, right = (
        x * picture.stretch + picture.offset[0] * TYPE_SIZE,
        math.floor(left * picture.stretch),
        math.ceil(right * picture.stretch),
    )
    line = picture.thickness / 100 * TYPE_SIZE
    a, b = glyph.advance / 2 * picture.stretch * picture.ellipse_scale, rows / 2 * picture.ellipse_scale
    box = (
        min(left, x - a - line / 2),
        min(top, y - b - line / 2),
        max(right, x + a + line / 2),
        max(bottom, y + b + line / 2),
    )
    padding = picture.padding / picture.font_size * TYPE_SIZE
    width = setting.pens[-1] * picture.stretch + 2 * padding
    scale = min(
        size / width,
        largest * size / TYPE_SIZE,
        (size - 2 * EDGE) / (box[2] - box[0]),
        (size - 2 * EDGE) / (box[3] - box[1]),
    )

    pen_x = padding * scale + picture.place[0] * (size - width * scale)
    pen_x = min(max(pen_x, EDGE - box[0] * scale), size - EDGE - box[2] * scale)
    pen_y = EDGE - box[1] * scale + picture.place[1] * (size - 2 * EDGE - (box[3] - box[1]) * scale)
    corner = math.floor(pen_x + left * scale), math.floor(pen_y + top * scale)
    set_width, set_height = setting.box[2] - setting.box[0], setting.box[3] - setting.box[1]
    extent = max(1, round(set_width * picture.stretch * scale)), max(1, round(set_height * scale))
    # whole pixels now: the ellipse follows the type to where it really lies
    scale_x, scale_y = extent[0] / set_width, extent[1] / set_height
    pen_x, pen_y = corner[0] - setting.box[0] * scale_x, corner[1] - setting.box[1] * scale_y
    return Layout(
        em=TYPE_SIZE * scale,
        scale=(scale_x, scale_y),
        corner=corner,
        extent=extent,
        pen=(pen_x, pen_y),
        centre=(pen_x + x / picture.stretch * scale_x, pen_y + y * scale_y),
        radii=(a * scale, b * scale),
        line=max(THINNEST, line * scale),
    )


def render(picture: Picture, layout: Layout, size: int) -> tuple[NDArray[np.uint8], int]:
    """Palette indices of the rows with ink, (rows, size), and how many empty rows lie above them."""
    type_ = _set_type(picture, layout)
    mark, (mark_x, mark_y) = _ellipse(layout, 1 + 2 * picture.blur, size)
    x, y = layout.corner
    first = min(y, mark_y)
    last = max(y + type_.shape[0], mark_y + mark.shape[0])
    rows = np.zeros((last - first, size), np.uint8)
    rows[y - first : y - first + type_.shape[0], x : x + type_.shape[1]] = type_
    rows[mark_y - first : mark_y - first + mark.shape[0], mark_x : mark_x + mark.shape[1]] |= mark
    return rows, first


def _set_type(picture: Picture, layout: Layout) -> NDArray[np.uint8]:
    """The word's coverage in the high four bits, at its final size."""
    setting = _set_word(picture)
    left, top, right, bottom = setting.box
    cover = np.zeros((bottom - top, right - left), np.uint8)
    for glyph, pen in zip(setting.glyphs, setting.pens, strict=False):
        x, y = int(pen) + glyph.left - left, glyph.top - top
        spot = cover[y : y + glyph.cover.shape[0], x : x + glyph.cover.shape[1]]
        np.maximum(spot, glyph.cover, out=spot)  # italics reach into their neighbours
    image = Image.fromarray(cover).resize(layout.extent, Image.Resampling.BILINEAR)
    if picture.blur:
        image = image.filter(ImageFilter.BoxBlur(picture.blur))
    return np.asarray(image.point(_levels_of_type(picture.weight)))


@lru_cache(maxsize=1024)
def _levels_of_type(weight: float) -> list[int]:
    return [round((LEVELS - 1) * (cover / 255) ** weight) * LEVELS for cover in range(256)]


def _ellipse(layout: Layout, soft: float, size: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The line's coverage in the low four bits on its own box, and that box's corner."""
    left, top, right, bottom = layout.box
    x0, y0 = max(0, math.floor(left - soft)), max(0, math.floor(top - soft))
    x1, y1 = min(size, math.ceil(right + soft)), min(size, math.ceil(bottom + soft))
    x = np.arange(x0, x1, dtype=np.float32) + np.float32(0.5 - layout.centre[0])
    y = np.arange(y0, y1, dtype=np.float32)[:, None] + np.float32(0.5 - layout.centre[1])
    (a, b), half = layout.radii, layout.line / 2
    cover = _inside(x, y, a + half, b + half, soft)
    if min(a, b) > half:
        cover -= _inside(x, y, a - half, b - half, soft)
    np.clip(cover, 0, 1, out=cover)
    return (cover * (LEVELS - 1) + 0.5).astype(np.uint8), (x0, y0)


def _inside(x: NDArray[Any], y: NDArray[Any], a: float, b: float, soft: float) -> NDArray[Any]:
    """Coverage of a filled ellipse: its implicit function over the gradient's norm is the distance.

    That is exact to first order at the edge, which is all that a ramp `soft` pixels wide sees.
    """
    x2, y2 = (x / a) ** 2, (y / b) ** 2
    distance = x2 + y2
    distance -= 1
    slope = x2 / a**2 + y2 / b**2
    np.maximum(slope, 1e-12, out=slope)
    np.sqrt(slope, out=slope)
    distance /= slope
    distance *= -0.5 / soft
    distance += 0.5
    return np.clip(distance, 0, 1, out=distance)


def palette(picture: Picture) -> bytes:
    """256 RGB entries: paper under type under the line, by coverage (type x 16 + line)."""
    share = np.linspace(0, 1, LEVELS)[:, None]
    page = (1 - share) * np.array(picture.paper) + share * np.array(picture.ink)
    blend = (1 - share) * page[:, None, :] + share * np.array(picture.colour)
    return bytes(np.rint(blend).astype(np.uint8))
