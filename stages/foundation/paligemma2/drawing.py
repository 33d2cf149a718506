"""Draws one line of reading material: a word, perhaps with one letter marked, as a 60 x 240 strip.

Marks are open or filled: underline, overline, bars, arrow, dot, highlight, strike, another ink.
Never a circle, an oval or any closed ring around a letter: that is a recipe's task, not the base's.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEIGHT, WIDTH = 60, 240  # the strip that the base sees, in pixels
# Mean and deviation of drawn strips: mostly paper. With SigLIP's 0.5 and 0.5 the paper outweighs the type.
PIXEL_MEAN, PIXEL_STD = 0.93, 0.22
EM = 44  # pixels per em at which words are set, before they are fitted to the strip
ASPECT = 8  # a trimmed line is padded to at least this width over height, so that letters keep their size

INKS = {"red": (214, 30, 36), "blue": (34, 72, 214), "green": (22, 140, 60),
        "orange": (240, 130, 16), "purple": (134, 44, 170), "grey": (120, 120, 120)}  # fmt: skip
MARKS = ("underline", "overline", "bars", "arrow", "dot", "highlight", "strike", "ink")


@dataclass(frozen=True)
class Line:
    """What is drawn: `mark` None, or one of MARKS on letter `index` in colour `ink`."""

    word: str
    font: Path
    mark: str | None = None
    index: int = 0
    ink: str = "red"


@lru_cache(maxsize=8192)
def _glyph(font: Path, letter: str) -> tuple[np.ndarray, int, int, float]:
    """Coverage 0..255 (rows, columns), left bearing, top above the baseline, advance; in pixels."""
    face = _face(font)
    mask, (left, top) = face.getmask2(letter, mode="L", anchor="ls")
    cover = np.asarray(mask, dtype=np.uint8).reshape(mask.size[1], mask.size[0])
    return cover, left, top, face.getlength(letter)


@lru_cache(maxsize=256)
def _face(font: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font), EM)


@lru_cache(maxsize=64)
def _weight_curve(gamma: float) -> list[int]:
    return [round(255 * (level / 255) ** gamma) for level in range(256)]


def draw(line: Line, rng: np.random.Generator, whole_line: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Set the word, mark it, trim it and fit it to the strip.

    Returns the strip, uint8 (HEIGHT, WIDTH, 3), and where each letter's advance starts and ends on
    it, float (letters, 2) in pixels. Trimmed to the ink, or to the type's full height when `whole_line`.
    """
    cover, boxes = _set_type(line, spacing=rng.normal(0, 0.02) * EM)
    type_ = Image.fromarray(cover).point(_weight_curve(round(rng.uniform(0.6, 1.5), 1)))
    paper = tuple(rng.integers(225, 256, 3).tolist()) if rng.random() < 0.3 else (255, 255, 255)
    ink = tuple(rng.integers(0, 90, 3).tolist()) if rng.random() < 0.3 else (0, 0, 0)
    left_edge, top_edge = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right_edge, bottom_edge = max(box[2] for box in boxes), max(box[3] for box in boxes)
    if whole_line:
        top_edge, bottom_edge = min(top_edge, 2 * EM - int(0.75 * EM)), max(bottom_edge, 2 * EM + EM // 5)

    page = Image.new("RGB", type_.size, paper)
    _, y0, _, y1, pen0, pen1 = boxes[line.index]
    if line.mark == "highlight":
        grow = int(rng.integers(0, 6))
        tint = tuple(round(0.45 * level + 0.55 * 255) for level in INKS[line.ink])
        page.paste(tint, (pen0 - grow // 2, y0 - grow, pen1 + grow // 2, y1 + grow))
        top_edge, bottom_edge = min(top_edge, y0 - grow), max(bottom_edge, y1 + grow)
    page.paste(ink, (0, 0), type_)
    if line.mark == "ink":
        page.paste(paper, (pen0, 0, pen1, page.height))
        page.paste(INKS[line.ink], (pen0, 0), type_.crop((pen0, 0, pen1, page.height)))

    if line.mark not in (None, "ink", "highlight"):
        box = _draw_mark(ImageDraw.Draw(page), line, boxes[line.index], (top_edge, bottom_edge), rng)
        left_edge, right_edge = min(left_edge, box[0]), max(right_edge, box[2])
        top_edge, bottom_edge = min(top_edge, box[1]), max(bottom_edge, box[3])
    if rng.random() < 0.2:
        _scribble(ImageDraw.Draw(page), (left_edge, top_edge, right_edge, bottom_edge), rng)

    slack = rng.uniform(0.0, 0.10, 4) if rng.random() < 0.7 else np.zeros(4)
    tall, wide = bottom_edge - top_edge, right_edge - left_edge
    frame = (
        left_edge - 2 - slack[0] * wide,
        top_edge - 2 - slack[1] * 2 * tall,
        right_edge + 2 + slack[2] * wide,
        bottom_edge + 2 + slack[3] * 2 * tall,
    )
    strip, shift, scale = _fit(page, frame, paper, rng)
    return strip, (np.array([box[4:6] for box in boxes], float) + shift) * scale


def _set_type(line: Line, spacing: float) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """The word's coverage (3 EM rows) and, for each letter, its ink box and its pen's start and end."""
    glyphs = [_glyph(line.font, letter) for letter in line.word]
    pens = np.cumsum([0.0, *(glyph[3] + spacing for glyph in glyphs)])
    margin, base = EM, 2 * EM  # room for marks on every side; y of the baseline
    cover = np.zeros((3 * EM, int(pens[-1]) + 2 * margin), np.uint8)
    boxes: list[tuple[int, ...]] = []
    for (shape, left, top, advance), pen in zip(glyphs, pens, strict=False):
        x, y = margin + int(pen) + left, base + top
        rows, columns = shape.shape
        spot = cover[y : y + rows, x : x + columns]
        np.maximum(spot, shape[: spot.shape[0], : spot.shape[1]], out=spot)
        boxes.append((x, y, x + columns, y + rows, margin + int(pen), margin + int(pen + advance)))
    return cover, boxes


def _draw_mark(
    pen: ImageDraw.ImageDraw, line: Line, box: tuple[int, ...], edges: tuple[int, int], rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Draw an open mark on one letter; returns the box it fills."""
    x0, y0, x1, y1, pen0, pen1 = box
    top, bottom = edges
    colour, thick = INKS[line.ink], int(rng.integers(2, 7))
    middle, gap = (x0 + x1) // 2, int(rng.integers(1, 8))
    if line.mark in ("underline", "overline"):
        near = rng.random() < 0.5  # below this letter, or below the whole line of type
        y = (y1 if near else bottom) + gap if line.mark == "underline" else (y0 if near else top) - gap - thick
        drawn = (pen0, y, pen1, y + thick)
        pen.rectangle(drawn, fill=colour)
    elif line.mark == "bars":
        grow = int(rng.integers(0, 8))
        drawn = (x0 - gap - thick, y0 - grow, x1 + gap + thick, y1 + grow)
        pen.rectangle((drawn[0], drawn[1], drawn[0] + thick, drawn[3]), fill=colour)
        pen.rectangle((drawn[2] - thick, drawn[1], drawn[2], drawn[3]), fill=colour)
    elif line.mark == "strike":
        slope = int(rng.integers(-14, 15))
        drawn = (pen0, (y0 + y1) // 2 - abs(slope), pen1, (y0 + y1) // 2 + abs(slope))
        pen.line((pen0, (y0 + y1) // 2 - slope, pen1, (y0 + y1) // 2 + slope), fill=colour, width=thick)
    else:  # arrow and dot stand above or below
        above = rng.random() < 0.5
        tip = (y0 if rng.random() < 0.5 else top) - gap if above else (y1 if rng.random() < 0.5 else bottom) + gap
        away = -1 if above else 1
        if line.mark == "dot":
            radius = int(rng.integers(3, 7))
            y = tip + away * radius
            drawn = (middle - radius, y - radius, middle + radius, y + radius)
            pen.ellipse(drawn, fill=colour)
        else:
            long, head = int(rng.integers(12, 26)), int(rng.integers(5, 9))
            end = tip + away * long
            pen.line((middle, tip + away * head // 2, middle, end), fill=colour, width=thick)
            pen.polygon(
                [(middle, tip), (middle - head, tip + away * head), (middle + head, tip + away * head)], fill=colour
            )
            drawn = (middle - head, min(tip, end), middle + head, max(tip, end))
    return drawn


def _scribble(pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], rng: np.random.Generator) -> None:
    """A stroke that means nothing, so that reading learns to look past what crosses the type."""
    left, top, right, bottom = box
    points = [(int(rng.integers(left, right + 1)), int(rng.integers(top, bottom + 1)))]
    for _ in range(int(rng.integers(1, 3))):
        x, y = points[-1]
        points.append((x + int(rng.normal(0, 0.6 * EM)), y + int(rng.normal(0, 0.4 * EM))))
    pen.line(points, fill=INKS[str(rng.choice(list(INKS)))], width=int(rng.integers(1, 5)), joint="curve")


def _fit(
    page: Image.Image, frame: tuple[float, ...], paper: tuple[int, ...], rng: np.random.Generator
) -> tuple[np.ndarray, int, float]:
    """Cut `frame` out of the page (paper outside it) and fit it to the strip, now and then blurred.

    Returns the strip and how x on the page becomes x on the strip: (x + shift) * scale.
    """
    left, top, right, bottom = (round(v) for v in frame)
    lack = max(0, ASPECT * (bottom - top) - (right - left))
    shift = int(lack * (0.5 if rng.random() < 0.5 else rng.random()))
    cut = Image.new("RGB", (right - left + lack, bottom - top), paper)
    cut.paste(page, (shift - left, -top))
    if rng.random() < 0.4:
        scale = rng.uniform(0.45, 0.9)
        cut = cut.resize((max(8, int(cut.width * scale)), max(8, int(cut.height * scale))), Image.Resampling.BILINEAR)
    strip = np.asarray(cut.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    return strip, shift - left, WIDTH / (right - left + lack)
