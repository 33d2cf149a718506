"""Pictures from outside: the format read off the content, the size off the header, then the pixels.

What comes out is plain sRGB pixels, upright, on white; EXIF, GPS position, colour profile, comments
and anything appended to the file stay behind.
"""

import io
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image as PillowImage

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MOST_PIXELS = 50_000_000  # decoded: 200 MB in Pillow's 4 bytes a pixel; a 100 kB PNG can claim 900 megapixels
SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
ORIENTATION = 0x0112  # EXIF 2.32, table 4
RUN_LENGTHS = 3  # zlib's Z_RLE: every zlib gives the same bytes, and photographs get no larger by it
STRIP = 256  # rows that are laid on white at once


@dataclass
class RefusedPictureError(Exception):
    """A file that is no usable picture: one of a few reasons, and what was found."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


@dataclass(frozen=True)
class Decoded:
    """A picture of mode RGB, the file's format (one of FORMATS), and the file's own size once upright."""

    picture: "PillowImage.Image"
    format: str
    width: int
    height: int


def looks_like_picture(path: Path) -> bool:
    """Whether the first bytes are those of one of FORMATS; the name isn't asked."""
    with path.open("rb") as stream:
        start = stream.read(12)
    return start.startswith(SIGNATURES) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def open_picture(source: Path | IO[bytes], most_pixels: int = MOST_PIXELS) -> "PillowImage.Image":
    """The picture that `decode` gives, in full size; RefusedPictureError when it can't be had."""
    try:
        return decode(source, most_pixels).picture
    except MemoryError:
        raise RefusedPictureError("needs too much memory") from None


def decode(source: Path | IO[bytes], most_pixels: int = MOST_PIXELS, at_least: int | None = None) -> Decoded:
    """The first frame of a file or stream as upright RGB on white.

    RefusedPictureError when it can't be had, MemoryError when there is too little memory for it.
    The size is checked before a pixel is decoded. `at_least` is a number of pixels that is enough for
    the longest side: a larger JPEG is then decoded at a half, a quarter or an eighth of its size.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own bomb warning starts at 89 megapixels, above ours
        try:
            with source.open("rb") if isinstance(source, Path) else nullcontext(source) as stream:
                return _decode(stream, most_pixels, at_least)
        except (RefusedPictureError, MemoryError):
            raise
        except Exception as error:  # a broken file makes Pillow raise nearly anything
            raise RefusedPictureError("unreadable picture", _named(error)) from error


def png_bytes(picture: "PillowImage.Image") -> bytes:
    """The pixels alone as PNG; equal pixels give equal bytes on every machine."""
    from PIL import Image as Pillow

    bare = Pillow.new(picture.mode, picture.size)  # leaves `info` (EXIF, ICC, text) behind
    bare.paste(picture)
    stream = io.BytesIO()
    bare.save(stream, format="PNG", compress_level=6, compress_type=RUN_LENGTHS)
    return stream.getvalue()


def _decode(stream: IO[bytes], most_pixels: int, at_least: int | None) -> Decoded:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    start = stream.read(30)
    stream.seek(0)
    _check_size(*_webp_size(start), most_pixels)
    try:
        picture = Pillow.open(stream, formats=FORMATS)
    except Pillow.DecompressionBombError:
        raise RefusedPictureError("too many pixels", f"over {most_pixels}") from None
    except UnidentifiedImageError:
        raise RefusedPictureError("not a PNG, JPEG, WEBP or GIF picture") from None
    with picture:
        kind = picture.format if picture.format in FORMATS else "JPEG"  # MPO: several JPEGs in one, the first is ours
        width, height = picture.size
        _check_size(width, height, most_pixels)
        if kind == "PNG":
            _check_png(stream)
        if at_least is not None:
            _draft(picture, at_least)
        picture.load()
        orientation = _orientation(picture)
        upright = _upright(_rgb(picture), orientation)
    upright.info = {}
    return Decoded(upright, kind, *((height, width) if orientation >= 5 else (width, height)))


def _check_size(width: int, height: int, most_pixels: int) -> None:
    if width * height > most_pixels:
        raise RefusedPictureError("too many pixels", f"{width} x {height}, over {most_pixels}")
    if width < 1 or height < 1:
        raise RefusedPictureError("unreadable picture", f"{width} x {height} pixels")


def _webp_size(start: bytes) -> tuple[int, int]:
    """What the first 30 bytes of a WEBP claim, 1 x 1 for any other file (RFC 9649, sections 2.5 to 2.7).

    Pillow's WEBP decoder makes room for all pixels before it tells how many there are.
    """
    kind, data = start[12:16], start[20:].ljust(10, b"\0")
    if start[:4] != b"RIFF" or start[8:12] != b"WEBP":
        return 1, 1
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    return 1, 1


def _check_png(stream: IO[bytes]) -> None:
    """Raise when a chunk's checksum is wrong or the end is missing: Pillow fills up what is lost and says nothing."""
    from PIL import Image as Pillow

    position = stream.tell()
    stream.seek(0)
    Pillow.open(stream, formats=("PNG",)).verify()
    stream.seek(position)


def _draft(picture: "PillowImage.Image", at_least: int) -> None:
    """Let libjpeg leave out detail while it decodes; for other formats this does nothing."""
    scale = max(picture.size) / at_least
    if scale >= 2:
        picture.draft(None, (max(1, int(picture.width / scale)), max(1, int(picture.height / scale))))


def _orientation(picture: "PillowImage.Image") -> int:
    """EXIF's orientation, 1 to 8; 1 (upright) where there is none, or none that can be read."""
    try:
        orientation = picture.getexif().get(ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # EXIF is thrown away anyhow: nonsense in it is no reason to lose the pixels
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _upright(picture: "PillowImage.Image", orientation: int) -> "PillowImage.Image":
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return picture.transpose(turns[orientation]) if orientation in turns else picture


def _rgb(picture: "PillowImage.Image") -> "PillowImage.Image":
    """As RGB on white; at most two copies are in memory at once."""
    from PIL import Image as Pillow

    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I;16"):  # Pillow's own conversion clips 16 bits at 255: all white
        import numpy as np

        picture = Pillow.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    elif picture.mode not in ("L", "RGB", "CMYK"):
        picture = picture.convert("RGB")
    picture = _srgb(picture, profile) if profile else picture
    if picture.mode == "RGBA":
        return _on_white(picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _srgb(picture: "PillowImage.Image", profile: bytes) -> "PillowImage.Image":
    """The colours that `profile` means, in sRGB; a profile that is broken or for other pixels is ignored.

    Phones write Display P3, and CMYK means little without its profile; models are trained on sRGB.
    """
    from PIL import ImageCms

    to = "RGBA" if picture.mode == "RGBA" else "RGB"
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in (given.profile.profile_description or ""):
            return picture
        converted = ImageCms.profileToProfile(picture, given, ImageCms.createProfile("sRGB"), outputMode=to)
    except (ImageCms.PyCMSError, OSError):
        return picture
    return converted or picture


def _on_white(layer: "PillowImage.Image") -> "PillowImage.Image":
    from PIL import Image as Pillow

    picture = Pillow.new("RGB", layer.size)
    for top in range(0, layer.height, STRIP):  # three whole layers would take 12 bytes a pixel
        strip = layer.crop((0, top, layer.width, min(top + STRIP, layer.height)))
        white = Pillow.new("RGBA", strip.size, "white")
        picture.paste(Pillow.alpha_composite(white, strip).convert("RGB"), (0, top))
    return picture


def _named(error: Exception) -> str:
    """The error in one line; Pillow's texts can hold an object's address, which differs from run to run."""
    text = str(error).split(" at 0x")[0].split("\n")[0]
    return f"{type(error).__name__}: {text}"
