"""What is done to one picture in a worker of the sandbox; imported there before its memory is limited."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image, ImageCms, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

from stages.curate.decode import Facts, Reencoded
from stages.curate.perceptual import oriented_hashes, perceptual_hash
from stages.curate.sandbox import Limits, Quarantine
from stages.pictures import Decoded, RefusedPictureError, decode, png_bytes

MEASURED_SIDE = 256  # pixels: about what the models see of a picture, so blur that they can't see doesn't count
ENOUGH_FOR_FACTS = 1024  # pixels of the longest side: a larger JPEG need not be decoded in full


def facts(data: bytes, limits: Limits, bits: int | None, oriented: bool) -> Facts | Quarantine:
    """The facts about one file; `bits` and `oriented` as in `stages.curate.decode.inspect`."""
    decoded = _decoded(data, limits, ENOUGH_FOR_FACTS)
    if isinstance(decoded, Quarantine):
        return decoded
    grey = measured_grey(decoded.picture)
    hashes: tuple[bytes, ...] = ()
    if bits is not None:
        hashes = oriented_hashes(decoded.picture, bits) if oriented else (perceptual_hash(decoded.picture, bits),)
    return Facts(decoded.width, decoded.height, decoded.format, len(data), sharpness(grey), contrast(grey), hashes)


def reencoded(data: bytes, limits: Limits, longest_side: int | None) -> Reencoded | Quarantine:
    """One file as a clean PNG, at most `longest_side` pixels (None: in full size)."""
    decoded = _decoded(data, limits, None if longest_side is None else 2 * longest_side)
    if isinstance(decoded, Quarantine):
        return decoded
    picture = decoded.picture
    if longest_side is not None and max(decoded.width, decoded.height) > longest_side:
        picture = picture.resize(fitted(decoded.width, decoded.height, longest_side), Image.Resampling.LANCZOS)
    return Reencoded(png_bytes(picture), picture.width, picture.height)


def _decoded(data: bytes, limits: Limits, at_least: int | None) -> Decoded | Quarantine:
    try:
        return decode(io.BytesIO(data), limits.most_pixels, at_least)
    except RefusedPictureError as refused:
        return Quarantine(refused.reason, refused.detail)


def fitted(width: int, height: int, longest_side: int) -> tuple[int, int]:
    """(width, height) scaled so that the longer one is `longest_side`, the other one rounded, at least 1."""
    longest = max(width, height)
    return tuple(max(1, (side * longest_side + longest // 2) // longest) for side in (width, height))  # type: ignore[return-value]


def measured_grey(picture: Image.Image) -> NDArray[np.int64]:
    """Greys 0 to 255, (height, width), of a copy whose longest side is MEASURED_SIDE."""
    size = fitted(picture.width, picture.height, MEASURED_SIDE)
    grey = picture.convert("L").resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(grey).astype(np.int64)


def sharpness(grey: NDArray[np.int64]) -> float:
    """Variance of the Laplacian over the picture, edges repeated: low where nothing is sharp.

    Pech-Pacheco, Cristobal, Chamorro-Martinez and Fernandez-Valdivia, "Diatom autofocusing in brightfield
    microscopy: a comparative study", ICPR 2000, with the Laplacian of four neighbours.
    """
    padded = np.pad(grey, 1, mode="edge")
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return _variance(neighbours - 4 * grey)


def contrast(grey: NDArray[np.int64]) -> float:
    """Standard deviation of the greys: 0 for a blank picture, at most 127.5."""
    return float(np.sqrt(_variance(grey)))


def _variance(values: NDArray[np.int64]) -> float:
    """Exact up to the last division, so that it is the same on every machine."""
    count, total, squares = values.size, int(values.sum()), int((values * values).sum())
    return (count * squares - total * total) / (count * count)
