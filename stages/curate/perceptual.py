"""Perceptual hashes (first version)."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image as PillowImage


def perceptual_hash(picture: "PillowImage.Image", bits: int) -> bytes:
    from PIL import Image as Pillow
    from scipy.fft import dctn

    side = {64: 8, 256: 16}[bits]
    grey = np.asarray(picture.convert("L").resize((64, 64), Pillow.Resampling.BILINEAR), np.float32)
    low = dctn(grey, norm="ortho")[:side, :side].ravel()
    return np.packbits(low > np.median(low)).tobytes()


def oriented_hashes(picture: "PillowImage.Image", bits: int) -> tuple[bytes, ...]:
    from PIL import Image as Pillow

    turned = [picture] + [picture.transpose(how) for how in Pillow.Transpose]
    return tuple(perceptual_hash(each, bits) for each in turned)
