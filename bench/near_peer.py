"""The peer of bench/near_duplicates.py: faiss's binary indexes, in an interpreter that has faiss and numpy.

Started by it with a folder that holds `rows.npy`. Finds which exact index is fastest here, then answers each line on
stdin with one run of it. Exact: a multi-hash of h bands finds every pair within h * (flips + 1) - 1 bits. An IVF index
is exact only when it visits all its lists, which is the flat one's work.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np

QUERIES = 2000  # to judge an index by
Index = Callable[[], Any]


def main(folder: Path, radius: int, threads: int) -> None:
    faiss.omp_set_num_threads(threads)
    rows = np.load(folder / "rows.npy")
    name, make = min(
        (judged(name, make, rows, radius) for name, make in indexes(rows.shape[1] * 8, radius, len(rows))),
        key=lambda found: found[0],
    )[1:]
    say(fastest=name)
    for line in sys.stdin:
        started = time.perf_counter()
        index = make()
        index.add(rows)
        limits, _, found = index.range_search(rows, radius + 1)  # below, not up to
        seconds = time.perf_counter() - started
        if line.strip() == "keep":
            one = np.repeat(np.arange(len(rows)), np.diff(limits).astype(np.int64))
            np.save(folder / "pairs.npy", np.unique(np.stack([one, found], axis=1)[one < found], axis=0))
        say(seconds=seconds)


def indexes(bits: int, radius: int, count: int) -> list[tuple[str, Index]]:
    """Exact ones only; bands narrower than the number of rows asks for are hopeless and left out."""
    made: list[tuple[str, Index]] = [("IndexBinaryFlat", lambda: faiss.IndexBinaryFlat(bits))]
    for flips in range(3):
        bands = radius // (flips + 1) + 1
        least = int(np.log2(count)) - 4
        for wide in sorted({least, least + 2, least + 4, least + 5, bits // bands}):
            if least <= wide <= min(bits // bands, 32):
                made.append(
                    (f"IndexBinaryMultiHash({bands} x {wide} bits, {flips} flips)", multi(bits, bands, wide, flips))
                )
    return made


def multi(bits: int, bands: int, wide: int, flips: int) -> Index:
    def make() -> Any:
        index = faiss.IndexBinaryMultiHash(bits, bands, wide)
        index.nflip = flips
        return index

    return make


def judged(name: str, make: Index, rows: Any, radius: int) -> tuple[float, str, Index]:
    started = time.perf_counter()
    index = make()
    index.add(rows)
    built = time.perf_counter() - started
    index.range_search(rows[:QUERIES], radius + 1)
    seconds = built + (time.perf_counter() - started - built) * len(rows) / min(QUERIES, len(rows))
    say(index=name, estimate=round(seconds, 1))
    return seconds, name, make


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
