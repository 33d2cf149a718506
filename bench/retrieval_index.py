"""Exact search for [RET]'s pictures: the product's matrix product against faiss's exact index, in turns.

    python -m bench.retrieval_index [OUT.json]

Needs `faiss-cpu` beside the project's packages; both use as many threads as OMP_NUM_THREADS says.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss  # type: ignore[import-not-found]
import numpy as np

from stages.grounding.index import EmbeddingIndex

SIZES, BATCHES, WIDTH, NEAREST = (1_000, 10_000, 100_000, 1_000_000), (1, 64), 256, 5
LEAST_ROUNDS, SECONDS = 7, 6.0


def unit_rows(random: np.random.Generator, count: int) -> np.ndarray:
    rows = random.standard_normal((count, WIDTH), np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(index: EmbeddingIndex, flat: Any, query: np.ndarray) -> dict[str, float]:
    """Median and least seconds of each, and the median ratio of paired rounds, whose order alternates."""

    def ours() -> tuple[list[list[str]], np.ndarray]:
        return index.search(query, NEAREST)

    def theirs() -> tuple[np.ndarray, np.ndarray]:
        return flat.search(query, NEAREST)  # type: ignore[no-any-return]

    found, (_, places) = ours()[0], theirs()
    same = np.mean([[str(place) for place in row] == ids for row, ids in zip(places, found, strict=True)])
    if same < 1:
        raise SystemExit(f"only {same:.1%} of the queries found the same pictures")
    pairs: list[tuple[float, float]] = []
    start = time.perf_counter()
    while len(pairs) < LEAST_ROUNDS or (time.perf_counter() - start < SECONDS and len(pairs) < 1000):
        if len(pairs) % 2:
            pairs.append((seconds(ours), seconds(theirs)))
        else:
            pairs.append((seconds(theirs), seconds(ours))[::-1])
    own, other = (list(column) for column in zip(*pairs, strict=True))
    return {
        "rounds": len(pairs),
        "ours_s": statistics.median(own),
        "faiss_s": statistics.median(other),
        "ours_over_faiss": statistics.median(one / two for one, two in pairs),
        "ours_least_s": min(own),
        "faiss_least_s": min(other),
    }


def main() -> None:
    random = np.random.default_rng(1)
    queries = unit_rows(random, max(BATCHES))
    results = []
    for size in SIZES:
        embeddings = unit_rows(random, size)
        index = EmbeddingIndex.build(embeddings, [str(number) for number in range(size)])
        flat = faiss.IndexFlatIP(WIDTH)
        flat.add(embeddings)
        for batch in BATCHES:
            result = {"pictures": size, "queries": batch, **compare(index, flat, queries[:batch])}
            results.append(result)
            print(
                f"{size:>9,} pictures, {batch:>2} queries: median {result['ours_s'] * 1e3:.3f} ms, "
                f"faiss {result['faiss_s'] * 1e3:.3f} ms, ours / faiss {result['ours_over_faiss']:.2f}; "
                f"least {result['ours_least_s'] * 1e3:.3f} and {result['faiss_least_s'] * 1e3:.3f} ms "
                f"({result['rounds']} rounds)",
                flush=True,
            )
    if len(sys.argv) > 1:
        report = {"width": WIDTH, "nearest": NEAREST, "faiss": faiss.__version__, "results": results}
        Path(sys.argv[1]).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
