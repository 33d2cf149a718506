"""Intervals and tests over rows that come in groups: pictures of one word are not independent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS_AT_ONCE = 64  # resamples in memory at a time


@dataclass(frozen=True)
class Interval:
    """A mean over rows, and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """Discordant pairs: `b` right before and wrong after, `c` wrong before and right after; two-sided exact p."""

    b: int
    c: int
    p: float


def mean_interval(values: Sequence[float], entities: Sequence[str], samples: int, seed: int) -> Interval:
    """Mean of `values` (one a row) with the percentile interval of resampling whole entities.

    Cluster bootstrap (Davison and Hinkley 1997, section 3.8): entities are drawn with replacement and
    bring all their rows. Differences of two methods on the same rows give the paired interval.
    """
    if not values:
        raise ValueError("no rows to take a mean of")
    _, owner = np.unique(np.asarray(entities), return_inverse=True)
    totals = np.bincount(owner, weights=np.asarray(values, float))
    counts = np.bincount(owner)
    rng = np.random.default_rng(seed)
    means: list[np.ndarray] = []
    for start in range(0, samples, DRAWS_AT_ONCE):
        drawn = rng.integers(len(totals), size=(min(DRAWS_AT_ONCE, samples - start), len(totals)))
        means.append(totals[drawn].sum(1) / counts[drawn].sum(1))
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Interval(float(np.mean(values)), float(low), float(high))


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> McNemar:
    """McNemar's exact test on paired rows (it takes rows as independent)."""
    from scipy.stats import binomtest

    b = sum(old and not new for old, new in zip(before, after, strict=True))
    c = sum(new and not old for old, new in zip(before, after, strict=True))
    return McNemar(b, c, float(binomtest(b, b + c).pvalue) if b + c else 1.0)


def p_value(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}"
