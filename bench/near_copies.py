"""How the perceptual hashes do: copies found, and different pictures taken for one.

The pictures: drawn creatures, of which no two may be taken for one (a species' other views aren't its copies), and
plain figures on flat grounds, the hardest for a hash of frequencies.
"""

import io
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from stages.creatures.drawing import draw
from stages.creatures.species import species_of
from stages.curate.perceptual import oriented_hashes, perceptual_hash

Picture = Image.Image
Change = Callable[[Picture], Picture]
RADII = {64: 4, 256: 23}
SPECIES, VIEWS, FIGURES, SIZE = 160, 8, 320, 256
LEAST_FOUND, MOST_MERGED = 0.99, 0.001
ORIENTED = 240  # pictures that the slower option is tried on


def saved(format_: str, **how: int) -> Change:
    def change(picture: Picture) -> Picture:
        stream = io.BytesIO()
        picture.save(stream, format_, **how)
        return Image.open(stream).convert("RGB")

    return change


def resized(factor: float, how: Image.Resampling = Image.Resampling.LANCZOS) -> Change:
    return lambda picture: picture.resize((round(picture.width * factor), round(picture.height * factor)), how)


def cropped(left: float, top: float, right: float, bottom: float) -> Change:
    def change(picture: Picture) -> Picture:
        width, height = picture.size
        return picture.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))

    return change


def both(first: Change, then: Change) -> Change:
    return lambda picture: then(first(picture))


def grey(picture: Picture) -> Picture:
    return picture.convert("L").convert("RGB")


COPIES: dict[str, Change] = {
    **{f"resize {factor}": resized(factor) for factor in (0.25, 0.33, 0.5, 0.75, 1.5, 2)},
    "resize 0.25, nearest": resized(0.25, Image.Resampling.NEAREST),
    "resize 0.5, nearest": resized(0.5, Image.Resampling.NEAREST),
    **{f"JPEG {quality}": saved("JPEG", quality=quality) for quality in (30, 50, 75, 95)},
    **{f"WEBP {quality}": saved("WEBP", quality=quality) for quality in (30, 80)},
    "PNG": saved("PNG"),
    "GIF": saved("GIF"),
    "grey": grey,
    "grey, JPEG 30": both(grey, saved("JPEG", quality=30)),
    "resize 0.5, JPEG 50": both(resized(0.5), saved("JPEG", quality=50)),
    "resize 0.25, JPEG 30": both(resized(0.25), saved("JPEG", quality=30)),
    "resize 2, JPEG 30": both(resized(2), saved("JPEG", quality=30)),
    "resize 0.25, GIF": both(resized(0.25), saved("GIF")),
}
OTHERS: dict[str, Change] = {
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "turned 90": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "turned 180": lambda picture: picture.transpose(Image.Transpose.ROTATE_180),
    "turned 5": lambda picture: picture.rotate(5, Image.Resampling.BICUBIC, fillcolor="white"),
    "mirrored, JPEG 30": both(ImageOps.mirror, saved("JPEG", quality=30)),
    "crop 5 % in all": cropped(0.025, 0.025, 0.975, 0.975),
    "crop 12 % in all": cropped(0.06, 0.06, 0.94, 0.94),
    "crop 20 % in all": cropped(0.1, 0.1, 0.9, 0.9),
    "crop 30 % in all": cropped(0.15, 0.15, 0.85, 0.85),
    "crop 5 % at left": cropped(0.05, 0, 1, 1),
    "crop 8 % at top": cropped(0, 0.08, 1, 1),
    "crop 15 % at right": cropped(0, 0, 0.85, 1),
    "crop 10 % at a corner": cropped(0, 0.1, 0.9, 1),
    "crop 10 %, 5 % at a corner": cropped(0.1, 0.05, 1, 1),
    "mirrored, crop 12 %": both(ImageOps.mirror, cropped(0.06, 0.06, 0.94, 0.94)),
}


def figure(number: int) -> Picture:
    """A few ellipses on a flat ground, mirrored left to right in every second picture."""
    random = np.random.default_rng([1, number])
    page = Image.new("RGB", (2 * SIZE, 2 * SIZE), tuple(int(v) for v in random.integers(0, 256, 3)))
    pen = ImageDraw.Draw(page)
    for _ in range(int(random.integers(2, 6))):
        (x, y), (a, b) = random.uniform(0.2, 0.8, 2) * 2 * SIZE, random.uniform(0.02, 0.3, 2) * SIZE
        colour = tuple(int(v) for v in random.integers(0, 256, 3))
        for centre in (x, 2 * SIZE - x) if number % 2 else (x,):
            pen.ellipse((centre - a, y - b, centre + a, y + b), fill=colour)
    return page.reduce(2)


def report_quality() -> int:
    creatures = [draw(species, view, 1, SIZE) for species in species_of(1, SPECIES) for view in range(VIEWS)]
    figures = [figure(number) for number in range(FIGURES)]
    passed = True
    for name, pictures in (("creatures", creatures), ("figures", figures)):
        for bits, radius in RADII.items():
            passed &= _report(f"{name}, {bits} bits, radius {radius}", pictures, bits, radius, held=bits == 256)
    _report_oriented(creatures[:: len(creatures) // ORIENTED], 256, RADII[256])
    print("passed" if passed else "FAILED at 256 bits")
    return 0 if passed else 1


def _report(name: str, pictures: list[Picture], bits: int, radius: int, held: bool) -> bool:
    own = _bits([perceptual_hash(picture, bits) for picture in pictures])
    apart = _apart(own, own)[np.triu_indices(len(own), 1)]
    merged = float((apart <= radius).mean())
    nearest = int(apart.min())
    print(f"{name}: {len(own)} pictures, {int((apart <= radius).sum())} of {len(apart)} pairs taken for one", end="")
    print(f" ({merged:.4%}), the nearest two differ in {nearest} bits")
    worst = 1.0
    for change_name, change in {**COPIES, **OTHERS}.items():
        copies = _bits([perceptual_hash(change(picture), bits) for picture in pictures])
        bits_apart = (copies != own).sum(axis=1)
        found = float((bits_apart <= radius).mean())
        worst = min(worst, found) if change_name in COPIES else worst
        usual, most = int(np.quantile(bits_apart, 0.99)), int(bits_apart.max())
        print(f"  {change_name:28} found {found:7.2%}  bits: 99 % within {usual:3}, all within {most:3}", flush=True)
    return not held or (worst >= LEAST_FOUND and merged <= MOST_MERGED)


def _report_oriented(pictures: list[Picture], bits: int, radius: int) -> None:
    own = [oriented_hashes(picture, bits) for picture in pictures]
    apart = _nearest(own, own)[np.triu_indices(len(own), 1)]
    print(
        f"with the option, {bits} bits, radius {radius}: {len(own)} creatures with {len(own[0])} hashes each,", end=""
    )
    print(
        f" {int((apart <= radius).sum())} of {len(apart)} pairs taken for one, the nearest in {int(apart.min())} bits"
    )
    for name, change in OTHERS.items():
        copies = [oriented_hashes(change(picture), bits) for picture in pictures]
        nearest = [int(_nearest([one], [other])[0, 0]) for one, other in zip(own, copies, strict=True)]
        print(f"  {name:28} found {np.mean(np.array(nearest) <= radius):7.2%}", flush=True)


def _bits(hashes: list[bytes]) -> NDArray[np.uint8]:
    return np.unpackbits(np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), -1), axis=1)


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Bits in which each of `one` differs from each of `other`."""
    a, b = (2 * side.astype(np.float32) - 1 for side in (one, other))
    apart: NDArray[np.int64] = np.rint((one.shape[1] - a @ b.T) / 2).astype(np.int64)
    return apart


def _nearest(one: list[tuple[bytes, ...]], other: list[tuple[bytes, ...]]) -> NDArray[np.int64]:
    """The same between pictures with several hashes each: the least of all their pairs."""
    flat = [_bits([code for codes in side for code in codes]) for side in (one, other)]
    apart = _apart(*flat).reshape(len(one), len(one[0]), len(other), len(other[0]))
    nearest: NDArray[np.int64] = apart.min(axis=(1, 3))
    return nearest


if __name__ == "__main__":
    sys.exit(report_quality())
