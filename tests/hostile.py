"""Makes the files that the decoder must survive, and odd ones that it must take.

A name's first part says what must come of the file: "taken", "refused", or "either" of them.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from stages.curate.decode import Job
from stages.shards import sha256, shard_of, write_shard

PNG = b"\x89PNG\r\n\x1a\n"
SIZE = (48, 32)
SOS, EOI = b"\xff\xda", b"\xff\xd9"


def picture(size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    """Something with edges and slopes."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    drawing = ImageDraw.Draw(image)
    drawing.ellipse((0, 0, size[0] // 2, size[1] // 2), fill=(200, 30, 40))
    drawing.line((0, size[1], size[0], 0), fill=(20, 90, 220), width=2)
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, rows: bytes, depth: int = 8, colour: int = 0, before: bytes = b"", lace: int = 0
) -> bytes:
    """A PNG of `rows` (each with its filter byte), and chunks `before` the pixels; colour 0 is grey, 2 RGB."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, lace))
    return PNG + header + before + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def interlaced(side: int) -> bytes:
    """A grey PNG in Adam7 order."""
    rows = b""
    for left, top, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for y in range(top, side, down):
            line = bytes((x * 3 + y) % 256 for x in range(left, side, across))
            rows += b"\0" + line if line else b""
    return png(side, side, rows, lace=1)


def jobs_of(folder: Path, files: dict[str, bytes]) -> list[Job]:
    """The files in shards, as a stage would hold them; a job's id is its file's name."""
    folder.mkdir(exist_ok=True)
    shards: dict[str, list[tuple[str, bytes]]] = {}
    jobs = []
    for name, data in files.items():
        member = sha256(name.encode())
        shards.setdefault(shard_of(member), []).append((member, data))
        jobs.append(Job(name, folder, shard_of(member), member, sha256(data)))
    for shard, members in shards.items():
        write_shard(folder / shard, members)
    return jobs


VALID: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: saved(picture(), "JPEG", quality=90),
    "progressive": lambda: saved(picture(), "JPEG", quality=90, progressive=True),
    "png": lambda: saved(picture(), "PNG"),
    "palette": lambda: saved(picture().quantize(32), "PNG"),
    "webp": lambda: saved(picture(), "WEBP", quality=90),
    "lossless": lambda: saved(picture(), "WEBP", lossless=True),
    "gif": lambda: saved(picture(), "GIF"),
}


def everything() -> dict[str, bytes]:
    """At least 200 files by name."""
    makers = (odd, truncated, flipped, huge, bombs, checksums, empty, others, disguised, frames, exif, padded)
    return {name: data for maker in makers for name, data in maker()}


def odd() -> Iterator[tuple[str, bytes]]:
    """Valid, and to be taken."""
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        yield f"taken/{kind}", saved(picture(), kind)
        yield f"taken/1x1 {kind}", saved(picture((1, 1)), kind)
        yield f"taken/very wide {kind}", saved(picture((3000, 1)), kind)
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        grey = np.asarray(picture(mode="L")).astype(np.uint16) << 8
        yield f"taken/png of mode {mode}", saved(Image.fromarray(grey) if mode == "I;16" else picture(mode=mode), "PNG")
    for mode in ("L", "CMYK"):
        yield f"taken/jpeg of mode {mode}", saved(picture(mode=mode), "JPEG")
    yield "taken/palette, transparent", saved(picture().quantize(8), "PNG", transparency=bytes(range(0, 256, 32)))
    yield "taken/gif, transparent", saved(picture().quantize(8), "GIF", transparency=2)
    yield "taken/webp, transparent", saved(picture(mode="RGBA"), "WEBP")
    yield "taken/16 bits RGB", png(4, 4, (b"\0" + bytes(range(24))) * 4, depth=16, colour=2)
    yield "taken/interlaced", interlaced(19)
    for number in range(1, 9):
        tags = Image.Exif()
        tags[0x0112] = number
        yield f"taken/orientation {number}", saved(picture(), "JPEG", exif=tags)
    yield "taken/progressive, 4:4:4", saved(picture(), "JPEG", progressive=True, subsampling=0)
    yield "taken/MPO", saved(picture(), "MPO", save_all=True, append_images=[picture()])


def truncated() -> Iterator[tuple[str, bytes]]:
    for kind, make in VALID.items():
        data = make()
        for part in range(1, 13):
            yield f"refused/{kind} cut at {part} of 13", data[: len(data) * part // 13]


def flipped() -> Iterator[tuple[str, bytes]]:
    for kind, make in VALID.items():
        valid = make()
        for seed in range(12):
            data, dice = bytearray(valid), random.Random(seed)
            for _ in range(1 + seed % 4):
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            yield f"either/{kind} with bits flipped {seed}", bytes(data)


def huge() -> Iterator[tuple[str, bytes]]:
    """Small files that claim 900 megapixels."""
    side = 30_000
    yield "refused/huge png", png(side, side, b"")
    gif = saved(picture(), "GIF")
    yield "refused/huge gif", gif[:6] + struct.pack("<HH", side, side) + gif[10:]
    frame = gif.index(b",", 13 + 3 * 2 ** ((gif[10] & 7) + 1))
    yield "refused/huge gif frame", gif[: frame + 5] + struct.pack("<HH", side, side) + gif[frame + 9 :]
    jpeg = saved(picture(), "JPEG")
    start = jpeg.index(b"\xff\xc0")
    yield "refused/huge jpeg", jpeg[: start + 5] + struct.pack(">HH", side, side) + jpeg[start + 9 :]
    extended = b"\0\0\0\0" + 2 * (16_383).to_bytes(3, "little")
    lossless = b"\x2f" + ((16_382 << 14) | 16_382).to_bytes(4, "little") + bytes(20)
    lossy = b"\x30\x01\0\x9d\x01\x2a" + struct.pack("<HH", 16_383, 16_383) + bytes(20)
    for kind, data in ((b"VP8X", extended), (b"VP8L", lossless), (b"VP8 ", lossy)):
        body = b"WEBP" + kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        yield f"refused/huge webp {kind.decode().strip()}", b"RIFF" + struct.pack("<I", len(body)) + body


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that take much memory or time."""
    much = zlib.compress(bytes(60_000_000), 9)
    rows = (b"\0" + bytes(8)) * 8
    yield "refused/zTXt bomb", png(8, 8, rows, before=chunk(b"zTXt", b"a\0\0" + much))
    yield "refused/iTXt bomb", png(8, 8, rows, before=chunk(b"iTXt", b"a\0\1\0\0\0" + much))
    yield "refused/iCCP bomb", png(8, 8, rows, before=chunk(b"iCCP", b"a\0\0" + much))
    megabyte = zlib.compress(bytes(1_000_000), 9)
    many = b"".join(chunk(b"zTXt", b"%d\0\0" % number + megabyte) for number in range(80))
    yield "refused/many zTXt", png(8, 8, rows, before=many)
    yield "either/IDAT bomb", png(8, 8, bytes(60_000_000))
    yield "either/most pixels", png(5000, 5000, bytes(5000 * 626), depth=1)
    yield "either/4 million rows", png(1, 4_000_000, bytes(4_000_000 * 2), depth=1)
    yield "either/webp of 24 megapixels", saved(Image.new("RGB", (6000, 4000), "red"), "WEBP", quality=1, method=0)
    yield "refused/thousands of scans", scans(3000, 30_000)
    yield "either/length of 2 GB", PNG + struct.pack(">I", 0x7FFFFFFF) + b"IHDR" + bytes(30)


def scans(side: int, count: int) -> bytes:
    """A progressive JPEG whose last scan comes `count` times; each one passes over all of its coefficients."""
    data = saved(Image.new("L", (side, side)), "JPEG", progressive=True)
    last = data.rindex(SOS)
    return data[:last] + data[last:-2] * count + EOI


def checksums() -> Iterator[tuple[str, bytes]]:
    data = VALID["palette"]()
    for kind in (b"IHDR", b"PLTE", b"IDAT"):
        place = data.index(kind)
        end = place + 4 + int.from_bytes(data[place - 4 : place], "big")
        yield f"refused/wrong checksum of {kind.decode()}", data[:end] + b"\0\1\2\3" + data[end + 4 :]
    rows = data.index(b"IDAT") + 4
    yield "refused/changed pixels", data[: rows + 12] + bytes([data[rows + 12] ^ 1]) + data[rows + 13 :]


def empty() -> Iterator[tuple[str, bytes]]:
    for width, height in ((0, 0), (0, 5), (5, 0)):
        yield f"refused/png {width} x {height}", png(width, height, b"")
    gif = saved(picture(), "GIF")
    jpeg = saved(picture(), "JPEG")
    start = jpeg.index(b"\xff\xc0")
    yield "either/gif 0 x 0", gif[:6] + bytes(4) + gif[10:]
    yield "refused/jpeg 0 x 0", jpeg[: start + 5] + bytes(4) + jpeg[start + 9 :]
    yield "refused/empty", b""
    yield "refused/a byte", b"\xff"
    yield "refused/NULs", bytes(10_000)
    for name, start_ in (
        ("png", PNG),
        ("jpeg", b"\xff\xd8\xff"),
        ("gif", b"GIF89a"),
        ("webp", b"RIFF\xff\0\0\0WEBPVP8 "),
    ):
        for filler in (b"", b"\0", b"\xff", b"<a>"):
            yield f"refused/{name} of {filler!r} only", start_ + filler * 5000


def others() -> Iterator[tuple[str, bytes]]:
    """Formats that Pillow reads and that aren't allowed; for EPS it would start ghostscript."""
    for kind in (
        "TIFF",
        "BMP",
        "ICO",
        "EPS",
        "PPM",
        "TGA",
        "DDS",
        "JPEG2000",
        "PCX",
        "SGI",
        "IM",
        "PDF",
        "ICNS",
        "SPIDER",
        "AVIF",
    ):
        yield f"refused/{kind}", saved(picture((32, 32), "L" if kind == "SPIDER" else "RGB"), kind)
    yield "refused/PSD", b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 32, 32, 8, 3) + bytes(5000)
    yield "refused/FITS", b"SIMPLE  =                    T".ljust(80) + b"BITPIX  =   8".ljust(80) + b"END".ljust(2720)


def disguised() -> Iterator[tuple[str, bytes]]:
    """No pictures by content, or pictures that are something else as well."""
    page = b"<!doctype html><html><script>alert(1)</script></html>"
    yield "refused/page.jpg", page
    yield "refused/drawing.jpg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    yield "refused/paper.jpg", b"%PDF-1.7\n" + bytes(300)
    yield "refused/archive.jpg", b"PK\3\4" + bytes(300)
    yield "refused/film.jpg", b"\0\0\0\x18ftypmp42" + bytes(3000)
    yield "refused/program.png", b"\x7fELF" + bytes(300)
    yield "refused/gif and script", b"GIF89a/*" + page + b"*/=1;"
    for kind in ("JPEG", "PNG", "GIF", "WEBP"):
        yield f"taken/{kind} and archive", saved(picture(), kind) + b"PK\3\4secret" + page


def frames() -> Iterator[tuple[str, bytes]]:
    """10,000 of them, of which the first one is wanted."""
    gif = saved(picture(mode="P"), "GIF")
    dot = b",\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
    yield "taken/gif of 10,000 frames", gif[:-1] + dot * 10_000 + b";"
    frame = struct.pack(">IIIIHHBB", 8, 8, 0, 0, 1, 10, 0, 0)
    rows = zlib.compress((b"\0" + bytes(8)) * 8)
    parts = [chunk(b"fcTL", struct.pack(">I", 0) + frame), chunk(b"IDAT", rows)]
    for number in range(1, 20_000, 2):
        parts.append(chunk(b"fcTL", struct.pack(">I", number) + frame))
        parts.append(chunk(b"fdAT", struct.pack(">I", number + 1) + rows))
    start = (
        PNG
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
        + chunk(b"acTL", struct.pack(">II", 10_000, 0))
    )
    yield "taken/apng of 10,000 frames", start + b"".join(parts) + chunk(b"IEND", b"")
    others = [picture((16, 16)).rotate(turn) for turn in range(1, 200)]
    yield "taken/webp of 200 frames", saved(picture((16, 16)), "WEBP", save_all=True, append_images=others)


def exif() -> Iterator[tuple[str, bytes]]:
    """Nonsense where cameras write; the pixels are good."""
    jpeg = saved(picture(), "JPEG")
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    nonsense = {
        "noise": random.Random(0).randbytes(4000),
        "a loop": b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + struct.pack("<I", 8),
        "65,535 entries": b"II*\0\x08\0\0\0\xff\xff" + entry * 5000,
        "a huge value": b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x0112, 2, 0xFFFFFFF0, 4) + bytes(4),
        "an offset far away": b"MM\0*\xff\xff\xff\xf0",
        "a turn by 9": b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x0112, 3, 1, 9) + bytes(4),
        "nothing": b"",
    }
    for name, data in nonsense.items():
        segment = b"Exif\0\0" + data
        yield f"taken/exif of {name}", jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def padded() -> Iterator[tuple[str, bytes]]:
    jpeg = saved(picture(), "JPEG")
    comment = b"\xff\xfe\xff\xff" + bytes(65_533)
    yield "taken/15 MB of comments", jpeg[:2] + comment * 230 + jpeg[2:]
    yield "refused/22 MB of comments", jpeg[:2] + comment * 340 + jpeg[2:]
    yield "refused/22 MB at the end", jpeg + bytes(22_000_000)
