"""What a run of the download bench left behind: pictures lost, there twice, and how near each is to its original."""

import io
import json
import math
import statistics
import tarfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.download_resize import SIZE, fitted
from bench.download_server import PICTURES, RECOVERABLE, render
from stages.scrape.download import Journal

COMPARED = 40  # of the server's pictures; each has many addresses
LEAST_OF_PEER = 1.0  # dB that ours may be below the peer


def examined(out: Path, paths: list[str], sides: tuple[int, int]) -> dict[str, float]:
    """How many recoverable pictures aren't there as 256 x 256, how many are there more than once, and `psnr`:
    the median over COMPARED originals, in dB, against these decoded in full and reduced with Lanczos."""
    there: Counter[str] = Counter()
    near: dict[int, float] = {}
    for path, data in _pictures(out):
        picture = Image.open(io.BytesIO(data))
        picture.load()
        if picture.size != (SIZE, SIZE):
            continue
        there[path] += 1
        number = int(path.rpartition("/")[2].partition(".")[0]) % PICTURES
        if number < COMPARED and number not in near:
            near[number] = psnr(picture, number, sides)
    wanted = [path for path in paths if path.split("/")[1] in RECOVERABLE]
    return {
        "lost": sum(not there[path] for path in wanted),
        "twice": sum(count > 1 for count in there.values()),
        "psnr": round(statistics.median(near.values()), 2) if near else 0.0,
    }


def _pictures(out: Path) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every picture in the tar shards; img2dataset has the path in a JSON file beside it."""
    for shard in sorted(out.glob("*.tar")):
        urls: dict[str, str] = {}
        pictures: dict[str, bytes] = {}
        with tarfile.open(shard) as tar:
            for info in tar:
                stream = tar.extractfile(info)
                data = stream.read() if stream else b""
                if info.name.endswith(".json"):
                    urls[info.name.removesuffix(".json")] = json.loads(data)["url"].split("/", 3)[3]
                elif info.name.endswith(".jpg"):
                    pictures[info.name] = data
        for name, data in pictures.items():
            yield urls.get(name.removesuffix(".jpg"), name), data


def psnr(picture: Image.Image, number: int, sides: tuple[int, int]) -> float:
    """In dB, over what isn't border: `picture` against the server's picture `number`."""
    wanted = _reference(number, sides)
    height, width = wanted.shape[:2]
    left, top = (SIZE - width) // 2, (SIZE - height) // 2
    found = np.asarray(picture.convert("RGB"), dtype=np.float64)[top : top + height, left : left + width]
    error = float(np.mean((found - wanted) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


@cache
def _reference(number: int, sides: tuple[int, int]) -> NDArray[np.float64]:
    original = Image.open(io.BytesIO(render(number, sides))).convert("RGB")
    small = original.resize(fitted(*original.size), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.float64)


def missing_rows(scratch: Path, urls: list[str]) -> list[str]:
    """The recoverable URLs that were not fetched."""
    with Journal(scratch) as journal:
        fetched = {row.url for row in journal.rows() if row.status == "fetched"}
    return [url for url in urls if url.split("/")[4] in RECOVERABLE and url not in fetched]
