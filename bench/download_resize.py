"""Our side's second half of the download bench: pictures resized to 256 px, while others are still being fetched.

    python -m bench.download_resize SCRATCH OUT WORKER WORKERS PICTURES

Workers follow the journal, which any process may read, and write tar shards, until standard input ends.
The module is light on purpose, and imports nothing of ours: a worker may run in the peer's environment.
"""

import io
import os
import select
import sqlite3
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

SIZE = 256
QUALITY = 95
LOOK_EVERY = 0.05  # seconds
# rowid: the order in which rows were committed
QUERY = """SELECT rowid, url, offset, bytes FROM outcomes
WHERE rowid > ? AND rowid % ? = ? AND status = 'fetched' ORDER BY rowid LIMIT 50"""
Resize = Callable[[bytes], bytes]


def resizer(pictures: str) -> Resize:
    """Makes 256 x 256 JPEGs, quality 95, the rest white: what img2dataset does with its defaults (`border`).

    scaled: decoded at half or a quarter of the size where that is enough, by simplejpeg and OpenCV; draft: the
    same by Pillow alone; full: decoded at full size, by Pillow.
    """
    if pictures == "scaled":
        return Scaled()
    return lambda data: by_pillow(data, full=pictures == "full")


class Scaled:
    """Decodes into one buffer and resizes into one page, again and again: fresh memory costs a fault every 4 kB."""

    def __init__(self) -> None:
        import cv2  # type: ignore[import-not-found,unused-ignore]
        import numpy as np
        import simplejpeg  # type: ignore[import-not-found,unused-ignore]

        cv2.setNumThreads(1)
        self._cv2, self._jpeg = cv2, simplejpeg
        self._page = np.empty((SIZE, SIZE, 3), np.uint8)
        self._buffer = bytearray()

    def __call__(self, data: bytes) -> bytes:
        try:
            height, width, _, _ = self._jpeg.decode_jpeg_header(data)
            target = fitted(width, height)
            part = next(part for part in (8, 4, 2, 1) if part == 1 or max(width, height) >= part * SIZE)
            least = (-(-height // part), -(-width // part))
            if len(self._buffer) < 3 * least[0] * least[1]:
                self._buffer = bytearray(3 * least[0] * least[1])
            pixels = self._jpeg.decode_jpeg(data, "RGB", min_height=least[0], min_width=least[1], buffer=self._buffer)
        except ValueError:
            return by_pillow(data, full=False)  # CMYK, say
        self._page.fill(255)
        left, top = (SIZE - target[0]) // 2, (SIZE - target[1]) // 2
        # what is left to shrink is less than a half: two pixels by two weigh in, so that nothing is skipped
        way = self._cv2.INTER_LINEAR if max(width, height) >= SIZE else self._cv2.INTER_LANCZOS4
        place = self._page[top : top + target[1], left : left + target[0]]
        self._cv2.resize(pixels, target, dst=place, interpolation=way)
        encoded: bytes = self._jpeg.encode_jpeg(self._page, QUALITY, "RGB", "420")
        return encoded


def by_pillow(data: bytes, full: bool) -> bytes:
    """The same with Pillow alone; OSError or ValueError when `data` is no JPEG."""
    from PIL import Image

    picture = Image.open(io.BytesIO(data))
    if picture.format != "JPEG":
        raise ValueError("no JPEG")
    target = fitted(*picture.size)
    if not full:
        picture.draft("RGB", target)  # libjpeg decodes to half or a quarter of the size
    small = (picture if picture.mode == "RGB" else picture.convert("RGB")).resize(target, Image.Resampling.BOX)
    page = Image.new("RGB", (SIZE, SIZE), "white")
    page.paste(small, ((SIZE - target[0]) // 2, (SIZE - target[1]) // 2))
    stream = io.BytesIO()
    page.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def fitted(width: int, height: int) -> tuple[int, int]:
    """Width and height such that the longer side is 256."""
    scale = SIZE / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def follow(scratch: Path, out: Path, worker: int, workers: int, resize: Resize) -> None:
    """Resize every `workers`-th fetched picture into one shard, until standard input ends and all are done."""
    rows = sqlite3.connect(f"file:{scratch / 'journal.sqlite'}?mode=ro", uri=True)
    file = os.open(scratch / "fetched.bytes", os.O_RDONLY)
    last, all_fetched = 0, False
    with tarfile.open(out / f"{worker}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        while True:
            new = rows.execute(QUERY, (last, workers, worker)).fetchall()
            for row, url, offset, size in new:
                last = row
                try:
                    data = resize(os.pread(file, size, offset))
                except (OSError, ValueError):  # Pillow's words for "no picture"
                    continue
                info = tarfile.TarInfo(url.decode().partition("://")[2].partition("/")[2])
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            if new:
                continue
            if all_fetched:  # known before the rows were asked for, or the last ones could be missed
                return
            all_fetched = bool(select.select([sys.stdin], [], [], LOOK_EVERY)[0])


if __name__ == "__main__":
    follow(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), resizer(sys.argv[5]))
