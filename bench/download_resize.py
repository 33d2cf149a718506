"""Our side's second half of the download bench: pictures resized to 256 px, while others are still being fetched.

Workers follow the journal, which any process may read, and write tar shards. The module is light on
purpose: each worker imports it.
"""

import io
import os
import sqlite3
import tarfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from PIL import Image

SIZE = 256
# rowid: the order in which rows were committed
QUERY = "SELECT rowid, url, offset, bytes FROM outcomes WHERE rowid > ? AND status = 'fetched' ORDER BY rowid LIMIT 100"


def resized(data: bytes, full: bool) -> bytes:
    """256 x 256 JPEG, quality 95, the rest white: what img2dataset makes with its defaults (`border`, area)."""
    picture = Image.open(io.BytesIO(data))
    if picture.format != "JPEG":
        raise ValueError("no JPEG")
    width, height = picture.size
    scale = SIZE / max(width, height)
    target = (round(width * scale), round(height * scale))
    if not full:
        picture.draft("RGB", target)  # libjpeg decodes to half or a quarter of the size
    small = (picture if picture.mode == "RGB" else picture.convert("RGB")).resize(target, Image.Resampling.BOX)
    page = Image.new("RGB", (SIZE, SIZE), "white")
    page.paste(small, ((SIZE - target[0]) // 2, (SIZE - target[1]) // 2))
    stream = io.BytesIO()
    page.save(stream, "JPEG", quality=95)
    return stream.getvalue()


def follow(scratch: Path, out: Path, worker: int, workers: int, full: bool, fetched: Event) -> None:
    """Resize every `workers`-th fetched picture into one shard, until all are fetched and done."""
    rows = sqlite3.connect(f"file:{scratch / 'journal.sqlite'}?mode=ro", uri=True)
    file = os.open(scratch / "fetched.bytes", os.O_RDONLY)
    last = 0
    with tarfile.open(out / f"{worker}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        while True:
            all_fetched = fetched.is_set()  # asked before the rows are, or the last ones could be missed
            new = rows.execute(QUERY, (last,)).fetchall()
            for row, url, offset, size in new:
                last = row
                if row % workers != worker:
                    continue
                try:
                    data = resized(os.pread(file, size, offset), full)
                except (OSError, ValueError):  # Pillow's words for "no picture"
                    continue
                info = tarfile.TarInfo(url.decode().partition("://")[2].partition("/")[2])
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            if not new and all_fetched:
                return
            if not new:
                time.sleep(0.05)
