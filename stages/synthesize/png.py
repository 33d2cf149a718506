"""Writes palette PNGs whose first and last rows are empty, which most rows of these pictures are.

Empty rows are deflated once per count; the rows with ink are deflated with run lengths, which is
fast and doesn't depend on the machine. The result is one ordinary zlib stream.
"""

import struct
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ZLIB_HEADER = b"\x78\x01"  # deflate, 32 KiB window, fastest
LAST_BLOCK = b"\x03\x00"  # an empty final block
ADLER_MODULUS = 65521


def encode_palette_png(rows: NDArray[np.uint8], above: int, height: int, palette: bytes) -> bytes:
    """A PNG of `height` rows: `above` empty ones (index 0), `rows` (count, width), and empty ones.

    `palette` holds 256 RGB entries.
    """
    count, width = rows.shape
    below = height - above - count
    filtered = np.zeros((count, width + 1), np.uint8)  # each row starts with its filter's number, 0
    filtered[:, 1:] = rows
    inked = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_RLE)
    stream = b"".join(
        (
            ZLIB_HEADER,
            _empty_rows(above, width + 1),
            inked.compress(filtered.data),
            inked.flush(zlib.Z_SYNC_FLUSH),
            _empty_rows(below, width + 1),
            LAST_BLOCK,
            _adler(filtered, above * (width + 1), below * (width + 1)).to_bytes(4, "big"),
        )
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits a pixel, palette
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", stream), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


@lru_cache(maxsize=8192)
def _empty_rows(count: int, stride: int) -> bytes:
    """Deflate blocks of `count` rows of zeros, ending on a byte, so that blocks can be joined."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(bytes(count * stride)) + deflate.flush(zlib.Z_SYNC_FLUSH)


def _adler(filtered: NDArray[np.uint8], zeros_before: int, zeros_after: int) -> int:
    """Adler-32 of zeros, rows, zeros: a zero leaves the low half and adds it to the high half."""
    start = 1 | zeros_before % ADLER_MODULUS << 16
    value = zlib.adler32(filtered.data, start)
    low, high = value & 0xFFFF, value >> 16
    return low | (high + zeros_after * low) % ADLER_MODULUS << 16
