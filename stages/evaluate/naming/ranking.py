"""Where the true name stands among all names: ranks from scores, and what they come to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.evaluate.metrics import DIGITS
from stages.evaluate.statistics import Interval, mean_interval

Scores = NDArray[np.floating[Any]]
CURVE = 50  # the largest k that the curve of R@k goes to


def ranks(scores: Scores, true: Sequence[int], seed: int) -> NDArray[np.int64]:
    """1 for a true name that nothing beats, (rows,); `scores` (rows, names), `true` a column each row.

    Equal scores are put in a random order, the same for every method: a constant score ranks as chance does.
    """
    order = np.random.default_rng(seed).random(scores.shape)
    rows = np.arange(len(true))
    mine, my_turn = scores[rows, true][:, None], order[rows, true][:, None]
    better = (scores > mine) | ((scores == mine) & (order < my_turn))
    return np.asarray(better.sum(1) + 1, np.int64)


def best(scores: Scores, count: int) -> NDArray[np.int64]:
    """The columns of the `count` highest scores of each row, the highest first, (rows, count)."""
    return np.asarray(np.argsort(-scores, axis=1, kind="stable")[:, :count], np.int64)


def recall(found: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """1 where the true name is among the first `k`, (rows,)."""
    return np.asarray(found <= k, float)


def recall_curve(found: NDArray[np.int64], names: int) -> list[float]:
    """R@1 to R@50 (or to as many as there are names)."""
    return [round(float(recall(found, k).mean()), DIGITS) for k in range(1, min(CURVE, names) + 1)]


def chance(names: int, at: Sequence[int]) -> dict[str, Any]:
    """What a random order of `names` names reaches."""
    found = {f"r_at_{k}": min(1.0, k / names) for k in at}
    curve = [round(k / names, DIGITS) for k in range(1, min(CURVE, names) + 1)]
    return {**found, "mrr": float((1 / np.arange(1, names + 1)).mean()), "median_rank": (names + 1) / 2, "curve": curve}


def scored(
    found: NDArray[np.int64], names: int, at: Sequence[int], entities: Sequence[str], samples: int, seed: int
) -> dict[str, Any]:
    """R@k and the mean reciprocal rank with intervals over entities, the median rank, and the curve of R@k."""
    result: dict[str, Any] = {}
    for k in at:
        result |= named(f"r_at_{k}", mean_interval(recall(found, k).tolist(), entities, samples, seed))
    result |= named("mrr", mean_interval((1 / found).tolist(), entities, samples, seed))
    return {**result, "median_rank": float(np.median(found)), "curve": recall_curve(found, names)}


def named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
