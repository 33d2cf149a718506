"""Perceptual hashes: pictures that look the same differ in few bits, whatever their size, format and compression.

The signs of a picture's lowest frequencies, as Zauner's pHash (2010, "Implementation and benchmarking of perceptual
image hash functions"), with three changes that planted copies asked for (bench/near_duplicates.py):

- Bit k says "coefficient k is above t", not "above the median". In drawings with a symmetric figure or a flat ground
  many coefficients are nearly 0, and there noise alone would choose the bits. t is the median of the absolute values,
  and at least what the coarsest JPEG leaves as noise, so that small coefficients are 0 on both sides.
- The frequencies are the lowest by their length, not a square: the square's corner is the first to go in a small copy.
- The mean isn't among them: it says how bright a picture is, not what is on it.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stages.params import UserError

if TYPE_CHECKING:
    from PIL import Image as PillowImage

Floats = NDArray[np.float64]

WIDTHS = (64, 256)
SIDE = 64  # pixels that a picture is reduced to, whatever its shape
FREQUENCIES = 24  # in each direction; the 256 lowest lie within 18
NOISE = 0.05  # of a coefficient, in grey levels (0..255) of its mean amplitude
LARGEST = 512  # pixels a side from which variants are cut
KEPT = (0.95, 0.9, 0.85, 0.8, 0.75)  # of each side, by the crops around the middle
CUTS = (0.05, 0.1, 0.15)  # of a side, by the crops at one edge
CORNER = 0.1  # of both sides, by the crops at two edges


def perceptual_hash(picture: "PillowImage.Image", bits: int) -> bytes:
    """`bits` (64 or 256) of a picture; compare two by the number of bits in which they differ.

    A quarter of the bits is 1, so unrelated pictures differ in about 3/8 of them. Up to 23 of 256 bits (4 of 64) make
    a copy. Of a blank picture nothing is left: all bits are 0.
    """
    return _hash(_coefficients(_reduced(picture.convert("L"))), bits)


def oriented_hashes(picture: "PillowImage.Image", bits: int) -> tuple[bytes, ...]:
    """The picture's own hash first, then those of its flipped and turned selves (7) and of crops of it (21).

    A flipped, turned or cropped copy's own hash is near one of them, if the crop is near one of `_boxes`.
    """
    grey = picture.convert("L")
    own = _coefficients(_reduced(grey))
    grey.thumbnail((LARGEST, LARGEST))
    odd = (-1.0) ** np.arange(FREQUENCIES)  # a flip changes the sign of the odd frequencies
    turned = [own * rows[:, None] * columns for rows in (odd**0, odd) for columns in (odd**0, odd)]
    crops = [_coefficients(_reduced(grey, box)) for box in _boxes()]
    return tuple(_hash(each, bits) for each in [*turned, *(each.T for each in turned), *crops])


def _reduced(grey: "PillowImage.Image", box: tuple[float, float, float, float] = (0, 0, 1, 1)) -> Floats:
    """A part of a grey picture, `box` in shares of its sides, as (SIDE, SIDE) grey levels."""
    from PIL import Image as Pillow

    width, height = grey.size
    left, top, right, bottom = box
    part = (left * width, top * height, right * width, bottom * height)
    return np.asarray(grey.resize((SIDE, SIDE), Pillow.Resampling.BILINEAR, box=part), np.float64)


def _boxes() -> list[tuple[float, float, float, float]]:
    """Crops around the middle, at each edge, and at each corner: left, top, right and bottom in shares of the sides."""
    around = [((1 - kept) / 2, (1 - kept) / 2, (1 + kept) / 2, (1 + kept) / 2) for kept in KEPT]
    edges = [box for cut in CUTS for box in ((cut, 0, 1, 1), (0, cut, 1, 1), (0, 0, 1 - cut, 1), (0, 0, 1, 1 - cut))]
    far = 1 - CORNER
    return [*around, *edges, (0, 0, far, far), (CORNER, 0, 1, far), (0, CORNER, far, 1), (CORNER, CORNER, 1, 1)]


def _coefficients(levels: Floats) -> Floats:
    """The lowest frequencies of the cosine transform (DCT-II), (FREQUENCIES, FREQUENCIES), [0, 0] the mean."""
    waves = _waves()
    # rounded: whether two equal coefficients come out equal must not hang on the order of a machine's additions
    found: Floats = np.round(waves @ levels @ waves.T / SIDE, 6)
    return found


@cache
def _waves() -> Floats:
    frequency, place = np.mgrid[:FREQUENCIES, :SIDE]
    waves: Floats = np.cos(np.pi * frequency * (2 * place + 1) / (2 * SIDE)) * np.sqrt(2 / SIDE)
    waves[0] = np.sqrt(1 / SIDE)
    return waves


@cache
def _lowest(bits: int) -> NDArray[np.int64]:
    """Places of the `bits` lowest frequencies, the mean left out, in a flattened (FREQUENCIES, FREQUENCIES)."""
    if bits not in WIDTHS:
        raise UserError(f"`bits` = {bits} is not allowed: {' or '.join(map(str, WIDTHS))}.")
    down, across = np.mgrid[:FREQUENCIES, :FREQUENCIES]
    order: NDArray[np.int64] = np.lexsort((across.ravel(), down.ravel(), (down**2 + across**2).ravel()))
    return order[1 : bits + 1]


def _hash(coefficients: Floats, bits: int) -> bytes:
    low = coefficients.ravel()[_lowest(bits)]
    return np.packbits(low > _threshold(low)).tobytes()


def _threshold(low: Floats) -> float:
    return max(float(np.median(np.abs(low))), NOISE)
