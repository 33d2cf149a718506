"""One picture of a sport: its own chance from set, sport and number; then light and noise as a camera adds them."""

from random import Random

import numpy as np
from PIL import Image, ImageFilter

from stages.samples.sports.catalogue import SPORTS
from stages.samples.sports.scene import Facts, Scene


def draw_picture(sport: str, chance: Random, size: int) -> tuple[Image.Image, Facts]:
    """An RGB picture, `size` pixels square, and what is on it."""
    known = SPORTS[sport]
    scene = Scene(sport, chance.choice(known.places), chance, size)
    scene.facts.action = known.draw(scene)
    return _photographed(scene.canvas.finished(), chance), scene.facts


def _photographed(picture: Image.Image, chance: Random) -> Image.Image:
    """`picture` with uneven light, a cast, sensor noise, and at times a little blur."""
    if chance.random() < 0.3:
        picture = picture.filter(ImageFilter.BoxBlur(chance.uniform(0.3, 0.9)))
    size = picture.width
    numbers = np.random.default_rng(chance.getrandbits(64))
    slope = np.linspace(-1, 1, size, dtype=np.float32)
    across, down, gain = (chance.uniform(*span) for span in ((-0.2, 0.2), (-0.2, 0.2), (0.72, 1.2)))
    light = gain * (1 + across * slope[None, :] + down * slope[:, None])
    cast = np.array([chance.uniform(0.88, 1.12) for _ in range(3)], dtype=np.float32)
    grain = numbers.standard_normal((size, size), dtype=np.float32) * np.float32(chance.uniform(0, 9))
    grain += np.float32(chance.uniform(-14, 22))
    pixels = np.asarray(picture, dtype=np.float32)
    pixels = pixels * (light.astype(np.float32)[:, :, None] * cast) + grain[:, :, None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
