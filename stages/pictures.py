"""Pictures from outside: the format read off the content, the size off the header, then the pixels.

What comes out is plain RGB pixels; EXIF, GPS position, colour profile and anything appended to the
file stay behind.
"""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image as PillowImage

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MOST_PIXELS = 50_000_000  # decoded: 150 MB as RGB; a 100 kB PNG can claim 900 megapixels
SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")


@dataclass
class RefusedPictureError(Exception):
    """A file that is no usable picture: one of a few reasons, and what was found."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


def looks_like_picture(path: Path) -> bool:
    """Whether the first bytes are those of one of FORMATS; the name isn't asked."""
    with path.open("rb") as stream:
        start = stream.read(12)
    return start.startswith(SIGNATURES) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def open_picture(path: Path, most_pixels: int = MOST_PIXELS) -> "PillowImage.Image":
    """The file's first frame as upright RGB on white; RefusedPictureError when it can't be had.

    The size is checked before a pixel is decoded.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own bomb warning starts at 89 megapixels, above ours
        try:
            picture = Pillow.open(path, formats=FORMATS)
        except Pillow.DecompressionBombError:
            raise RefusedPictureError("too many pixels", f"over {most_pixels}") from None
        except UnidentifiedImageError:
            raise RefusedPictureError("not a PNG, JPEG, WEBP or GIF picture") from None
        except Exception as error:  # a broken header makes Pillow raise nearly anything
            raise RefusedPictureError("unreadable picture", _named(error)) from error
        with picture:
            if picture.width * picture.height > most_pixels:
                raise RefusedPictureError("too many pixels", f"{picture.width} x {picture.height}, over {most_pixels}")
            try:
                picture.load()
                return _rgb(ImageOps.exif_transpose(picture))
            except Exception as error:  # as above, for broken pixel data
                raise RefusedPictureError("unreadable picture", _named(error)) from error


def png_bytes(picture: "PillowImage.Image") -> bytes:
    """The pixels alone as PNG; equal pixels give equal bytes."""
    from PIL import Image as Pillow

    bare = Pillow.frombytes(picture.mode, picture.size, picture.tobytes())  # leaves `info` (EXIF, ICC, text) behind
    stream = io.BytesIO()
    bare.save(stream, format="PNG")
    return stream.getvalue()


def _rgb(picture: "PillowImage.Image") -> "PillowImage.Image":
    from PIL import Image as Pillow

    if picture.mode.startswith("I;16"):  # Pillow's own conversion clips 16 bits at 255: all white
        import numpy as np

        picture = Pillow.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Pillow.alpha_composite(Pillow.new("RGBA", layer.size, "white"), layer)
    return picture.convert("RGB")


def _named(error: Exception) -> str:
    """The error in one line; Pillow's texts can hold an object's address, which differs from run to run."""
    text = str(error).split(" at 0x")[0].split("\n")[0]
    return f"{type(error).__name__}: {text}"
