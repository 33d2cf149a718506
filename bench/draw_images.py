"""Pictures a second: `synthesize` against plain Pillow (RGB, ImageDraw, its own PNG writer).

Both draw the same rows (word, font, size, place, ellipse) in one process, in turn, over several
rounds. Plain Pillow is helped where it can be: its fonts are cached, the word is one `text` call and
its ellipse is not smoothed. Times are CPU seconds, so that a busy machine changes them little.

First the gate: our pictures, decoded, must show what Pillow shows when it draws letter by letter
with a supersampled ellipse.
"""

import argparse
import io
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from stages.params import load_params
from stages.synthesize.drawing import LEVELS, Layout, draw, glyph_of, lay_out
from stages.synthesize.parameters import Synthesize
from stages.synthesize.plan import Picture, plan_picture
from stages.synthesize.stage import plan_sides, typefaces_of
from stages.synthesize.words import read_withheld, read_word_list

OVERSAMPLING = 16  # of the gate's ellipse
# what our pictures may differ by from Pillow's, the worst picture counting
LIMITS = {
    "picture": 2.5,  # mean difference over the picture, of 255
    "line": 0.1,  # mean difference of the ellipse's coverage over its line, of full coverage
    "pixel": 0.25,  # the same at its worst pixel: at the tips of an ellipse as narrow as its line
    "type": 0.15,  # mean difference of the type's coverage over its box: hinted at another size
    "ink": 0.15,  # relative difference of the type's summed coverage
    "edge": 3.0,  # distance between the edges of the type's ink, in pixels
}
MEAN_LIMIT = 1.5  # mean difference over all pictures, of 255

Row = tuple[Picture, Layout]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=300, help="rows that each side draws in a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the order within a round alternates")
    parser.add_argument("--section", default="synthesize.circled_letter", help="section of params.yaml")
    parser.add_argument("--words", type=Path, default=Path("data/words"), help="folder of the word lists")
    given = parser.parse_args()
    params = load_params(Synthesize, given.section)
    size, largest = params.image_size, params.largest
    rows = plan_rows(params, given.words, given.pictures)

    if not gate(rows, size, largest):
        return 1
    contenders: dict[str, Callable[[Row], bytes]] = {
        "ours": lambda row: draw(row[0], size, largest)[0],
        "Pillow, defaults": lambda row: plain(*row, size, 6),
        "Pillow, level 1": lambda row: plain(*row, size, 1),
    }
    load = os.getloadavg()
    rates = race(contenders, rows, given.rounds)
    print(f"load average {load[0]:.2f} before, {os.getloadavg()[0]:.2f} after; {len(rows)} pictures a round")
    for name, found in rates.items():
        bytes_ = statistics.mean(len(contenders[name](row)) for row in rows)
        ratios = [ours / other for ours, other in zip(rates["ours"], found, strict=True)]
        spread = f"ours is {statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"
        rate = f"{name:17} {statistics.median(found):7.0f} pictures/s  {bytes_ / 1000:5.1f} kB"
        print(rate if name == "ours" else f"{rate}  {spread}")
    return 0


def plan_rows(params: Synthesize, words: Path, count: int) -> list[Row]:
    """Rows that plain Pillow can draw too: no stretch, weight, blur or slant."""
    plain_params = params.model_copy(update={"stretch": (1.0, 1.0), "weight": (1.0, 1.0), "blur": 0.0, "slanted": 0.0})
    word_list = read_word_list(params.words, words)
    (side, _), *_ = plan_sides(plain_params, word_list, read_withheld(words), typefaces_of(params))
    pictures = [plan_picture(plain_params, side, number) for number in range(count)]
    return [(picture, lay_out(picture, params.image_size, params.largest)) for picture in pictures]


def race(contenders: dict[str, Callable[[Row], bytes]], rows: list[Row], rounds: int) -> dict[str, list[float]]:
    """Pictures per CPU second of each contender in each round, after one warm-up round."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        order = list(contenders) if number % 2 else list(reversed(contenders))
        for name in order:
            started = time.process_time()
            for row in rows:
                contenders[name](row)
            if number:
                rates[name].append(len(rows) / (time.process_time() - started))
    return rates


@lru_cache(maxsize=4096)
def _font(path: Path, em: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), em, layout_engine=ImageFont.Layout.BASIC)


def plain(picture: Picture, layout: Layout, size: int, compress_level: int) -> bytes:
    """The straightforward way: an RGB page, one text, one ellipse, saved."""
    page = Image.new("RGB", (size, size), picture.paper)
    pen = ImageDraw.Draw(page)
    pen.text(layout.pen, picture.word, fill=picture.ink, font=_font(picture.typeface.path, layout.em), anchor="ls")
    pen.ellipse(layout.box, outline=picture.colour, width=max(1, round(layout.line)))
    stream = io.BytesIO()
    page.save(stream, "PNG", compress_level=compress_level)
    return stream.getvalue()


def gate(rows: list[Row], size: int, largest: float) -> bool:
    """Print how far our pictures are from Pillow's; False when any is beyond LIMITS."""
    found = [_differences(picture, layout, size, largest) for picture, layout in rows]
    mean = statistics.mean(each["picture"] for each in found)
    worst = {name: max(each[name] for each in found) for name in LIMITS}
    print(f"gate: {len(rows)} pictures against Pillow's, mean difference {mean:.2f}/255 (limit {MEAN_LIMIT}); worst:")
    print("  " + ", ".join(f"{name} {value:.3f} (limit {LIMITS[name]})" for name, value in worst.items()))
    failed = [name for name, limit in LIMITS.items() if worst[name] > limit]
    passed = not failed and mean <= MEAN_LIMIT
    print("gate: passed" if passed else f"gate: FAILED {', '.join(failed)}")
    return passed


def _differences(picture: Picture, layout: Layout, size: int, largest: float) -> dict[str, float]:
    image = Image.open(io.BytesIO(draw(picture, size, largest)[0]))
    levels = np.asarray(image)  # indices of the palette: type x 16 + line
    our_type, our_line = (levels // LEVELS) / (LEVELS - 1), (levels % LEVELS) / (LEVELS - 1)
    type_, line = type_coverage(picture, layout, size), ellipse_coverage(layout, size)
    expected = _blend(_blend(np.array(picture.paper), picture.ink, type_), picture.colour, line)
    off_line = np.abs(our_line - line)
    return {
        "picture": float(np.abs(np.asarray(image.convert("RGB"), float) - expected).mean()),
        "line": float(off_line.sum() / line.sum()),
        "pixel": float(off_line.max()),
        "type": float(np.abs(our_type - type_).sum() / (layout.extent[0] * layout.extent[1])),
        "ink": float(abs(our_type.sum() / type_.sum() - 1)),
        "edge": float(np.abs(_edges(our_type) - _edges(type_)).max()),
    }


def _edges(cover: NDArray[Any]) -> NDArray[Any]:
    """Left, right, top and bottom of what has a fifth of full coverage or more."""
    columns, rows = (np.flatnonzero((cover >= 0.2).any(axis)) for axis in (0, 1))
    return np.array([columns[0], columns[-1], rows[0], rows[-1]])


def type_coverage(picture: Picture, layout: Layout, size: int) -> NDArray[Any]:
    """The word as Pillow draws it letter by letter at its final size: 0..1, (size, size)."""
    page = Image.new("L", (size, size))
    pen_x, pen_y = layout.pen
    for letter in picture.word:
        mark = Image.new("L", (size, size))
        font = _font(picture.typeface.path, layout.em)
        ImageDraw.Draw(mark).text((pen_x, pen_y), letter, fill=255, font=font, anchor="ls")
        page = Image.fromarray(np.maximum(np.asarray(page), np.asarray(mark)))
        pen_x += glyph_of(picture.typeface.path, letter).advance * layout.scale[0]
    return np.asarray(page) / 255


def ellipse_coverage(layout: Layout, size: int) -> NDArray[Any]:
    """The line as Pillow draws it OVERSAMPLING times larger and averages it: 0..1, (size, size)."""
    left, top = (int(edge) - 2 for edge in layout.box[:2])
    right, bottom = (int(edge) + 3 for edge in layout.box[2:])
    page = Image.new("L", ((right - left) * OVERSAMPLING, (bottom - top) * OVERSAMPLING))
    pen = ImageDraw.Draw(page)
    (x, y), (a, b) = layout.centre, layout.radii
    for grow, fill in ((layout.line / 2, 255), (-layout.line / 2, 0)):
        box = (x - a - grow - left, y - b - grow - top, x + a + grow - left, y + b + grow - top)
        x0, y0, x1, y1 = (round(OVERSAMPLING * edge) for edge in box)
        if min(a, b) + grow > 0:
            pen.ellipse((x0, y0, x1 - 1, y1 - 1), fill=fill)  # Pillow's box includes its last pixels
    cover = np.zeros((size, size))
    seen = np.asarray(page.reduce(OVERSAMPLING)) / 255
    y0, x0 = max(0, -top), max(0, -left)
    y1, x1 = min(size, bottom) - top, min(size, right) - left
    cover[top + y0 : top + y1, left + x0 : left + x1] = seen[y0:y1, x0:x1]
    return cover


def _blend(below: NDArray[Any], colour: tuple[int, int, int], cover: NDArray[Any]) -> NDArray[Any]:
    blend: NDArray[Any] = below * (1 - cover[..., None]) + np.array(colour) * cover[..., None]
    return blend


if __name__ == "__main__":
    sys.exit(main())
