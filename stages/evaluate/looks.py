"""What pictures look like at a glance: their colours, a small grey picture. Whole numbers, so that orders are exact."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

Looks = NDArray[np.int64]

HISTOGRAM_SIDE, LEVELS = 64, 4  # pixels a side that are counted; levels a channel, so 64 colours
THUMBNAIL_SIDE = 16


def colour_histograms(pictures: Iterable[NDArray[np.uint8]]) -> Looks:
    """Pixels of each of 4 x 4 x 4 colours, (pictures, 64), of RGB pictures (height, width, 3)."""
    rows = []
    for picture in pictures:
        level = _resized(picture, HISTOGRAM_SIDE, "RGB").astype(np.int64) * LEVELS // 256
        colours = (level[..., 0] * LEVELS + level[..., 1]) * LEVELS + level[..., 2]
        rows.append(np.bincount(colours.ravel(), minlength=LEVELS**3))
    return np.array(rows, np.int64).reshape(-1, LEVELS**3)


def thumbnails(pictures: Iterable[NDArray[np.uint8]]) -> Looks:
    """Grey thumbnails, (pictures, 256), of RGB pictures (height, width, 3)."""
    rows = [_resized(picture, THUMBNAIL_SIDE, "L").ravel() for picture in pictures]
    return np.array(rows, np.int64).reshape(-1, THUMBNAIL_SIDE**2)


def _resized(picture: NDArray[np.uint8], side: int, mode: str) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).convert(mode).resize((side, side), Image.Resampling.BOX))


LOOKS: Mapping[str, Callable[[Iterable[NDArray[np.uint8]]], Looks]] = {
    "histogram": colour_histograms,
    "thumbnail": thumbnails,
}


def nearness(look: str, one: Looks, other: Looks) -> Looks:
    """How alike pictures are, (ones, others): shared pixels of histograms, or minus the squared distance of thumbnails.

    The shared pixels are Swain and Ballard's histogram intersection (1991, "Color indexing").
    """
    if look == "histogram":
        return np.array([np.minimum(row, other).sum(1) for row in one], np.int64).reshape(len(one), len(other))
    return np.array([-((row - other) ** 2).sum(1) for row in one], np.int64).reshape(len(one), len(other))
