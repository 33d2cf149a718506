"""Perceptual hashes: copies stay near, other pictures far, and turned or cropped ones are found when asked for."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from stages.creatures.drawing import draw
from stages.creatures.species import species_of
from stages.curate.perceptual import oriented_hashes, perceptual_hash

RADIUS = 23  # of 256 bits, as in params.yaml
PICTURES = [draw(species, view, 1, 192) for species in species_of(5, 24) for view in (0, 3)]


def saved(picture: Image.Image, how: str, **options: int) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, how, **options)
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")


def scaled(picture: Image.Image, share: float) -> Image.Image:
    return picture.resize((round(picture.width * share), round(picture.height * share)), Image.Resampling.LANCZOS)


def cropped(picture: Image.Image, share: float) -> Image.Image:
    edge = round(picture.width * (1 - share) / 2)
    return picture.crop((edge, edge, picture.width - edge, picture.height - edge))


def bits(code: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(code, np.uint8))


def apart(one: bytes, other: bytes) -> int:
    return int((bits(one) != bits(other)).sum())


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "a third": lambda picture: scaled(picture, 1 / 3),
    "twice": lambda picture: scaled(picture, 2),
    "jpeg 30": lambda picture: saved(picture, "JPEG", quality=30),
    "webp 40": lambda picture: saved(picture, "WEBP", quality=40),
    "gif": lambda picture: saved(picture, "GIF"),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "half, jpeg 40, grey": lambda picture: saved(scaled(picture.convert("L"), 0.5), "JPEG", quality=40),
}
TURNED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turned": lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
    "upside down": lambda picture: picture.transpose(Image.Transpose.ROTATE_180),
    "cropped": lambda picture: cropped(picture, 0.87),
}


@pytest.mark.parametrize("name", list(COPIES))
def test_copies_are_within_the_radius(name: str) -> None:
    distances = [apart(perceptual_hash(p, 256), perceptual_hash(COPIES[name](p), 256)) for p in PICTURES]
    assert sum(distance <= RADIUS for distance in distances) >= 0.99 * len(distances), sorted(distances)[-3:]


def test_other_pictures_are_far_beyond_it() -> None:
    codes = np.array([bits(perceptual_hash(picture, 256)) for picture in PICTURES], np.int16)
    distances = (codes[:, None] != codes[None]).sum(axis=2)
    np.fill_diagonal(distances, 256)
    assert distances.min() > 1.5 * RADIUS


@pytest.mark.parametrize("name", list(TURNED))
def test_turned_and_cropped_copies_are_found_by_the_option_only(name: str) -> None:
    plain, oriented = 0, 0
    for picture in PICTURES[::2]:
        code = perceptual_hash(TURNED[name](picture), 256)
        plain += apart(perceptual_hash(picture, 256), code) <= RADIUS
        oriented += min(apart(own, code) for own in oriented_hashes(picture, 256)) <= RADIUS
    assert oriented == len(PICTURES[::2])
    assert plain <= 0.1 * len(PICTURES[::2])


@pytest.mark.parametrize("width", [64, 256])
def test_a_hash_has_its_width_and_its_own_comes_first(width: int) -> None:
    code = perceptual_hash(PICTURES[0], width)
    assert len(code) == width // 8
    assert oriented_hashes(PICTURES[0], width)[0] == code
    assert perceptual_hash(PICTURES[0].copy(), width) == code


def test_a_blank_picture_has_an_empty_hash_whatever_its_colour() -> None:
    assert {perceptual_hash(Image.new("RGB", (90, 60), colour), 256) for colour in ("white", "navy")} == {bytes(32)}
