"""Which bits of a hash to look candidates up by: bands, after the pigeonhole principle.

Two hashes that differ in at most r bits differ in at most r // m bits in at least one of m disjoint bands (Norouzi et
al. 2012, "Fast search in Hamming space with multi-index hashing"). With r = m * t + a it is enough to look for t bits
in a + 1 of the bands, and for t - 1 in the others: more than r bits would differ otherwise. This holds for bands over
any bits, so they are dealt from those that split the rows best, and bits that say little are left out.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

WIDEST = 22  # bits of a band: a table of 4 million buckets
SAMPLE = 4096  # rows that the bits are judged by
MOST_MASKS = 4000
# nanoseconds, rough: only the choice between plans hangs on them, never the result
SORT, LOOK_UP, CLEAR, COMPARE = 150.0, 6.0, 2.0, 6.0


@dataclass(frozen=True)
class Band:
    """Bits (numbered from the first byte's highest) that make up a bucket's number, and how many may differ in it."""

    bits: tuple[int, ...]
    radius: int

    def masks(self) -> list[int]:
        """Every difference between two bucket numbers that has to be looked at."""
        return [sum(1 << bit for bit in chosen) for size in range(self.radius + 1) for chosen in _chosen(self, size)]

    def keys(self, words: Words) -> NDArray[np.uint32]:
        """The rows' bucket numbers; `words` as `words_of` gives them, (words, rows)."""
        keys = np.zeros(words.shape[1], np.uint32)
        for start in range(0, len(keys), 1 << 14):  # what is worked on stays in the cache
            part = slice(start, start + (1 << 14))
            for place, bit in enumerate(self.bits):
                shifted = words[bit // 64, part] >> np.uint64(63 - bit % 64)
                keys[part] |= (shifted.astype(np.uint32) & np.uint32(1)) << np.uint32(place)
        return keys


def _chosen(band: Band, size: int) -> combinations[tuple[int, ...]]:
    return combinations(range(len(band.bits)), size)


def words_of(rows: NDArray[np.uint8]) -> Words:
    """(rows, bytes) as (words, rows): bit 0 of a hash is the highest of its first word."""
    return np.ascontiguousarray(rows).view(">u8").astype(np.uint64).T.copy()


def plan(words: Words, radius: int) -> list[Band]:
    """The bands that are likely to cost least on these rows. Which are chosen never changes what is found."""
    count = words.shape[1]
    width = 64 * len(words)
    spread = spread_of(words)
    order = np.lexsort((np.arange(width), -spread))
    best: tuple[float, int, int] = (_cost([np.empty(0)], [0], count), 1, 0)
    for bands in range(1, min(radius + 1, width) + 1):
        for wide in range(4, min(WIDEST, width // bands) + 1):
            radii = _radii(bands, radius)
            if comb(wide, min(max(radii), wide)) > MOST_MASKS:
                continue
            dealt = [spread[order[band : bands * wide : bands]] for band in range(bands)]
            best = min(best, (_cost(dealt, radii, count), bands, wide))
    _, bands, wide = best
    if not wide:
        return [Band((), 0)]  # few rows: each against each
    dealt_bits = [tuple(order[band : bands * wide : bands].tolist()) for band in range(bands)]
    return [Band(bits, near) for bits, near in zip(dealt_bits, _radii(bands, radius), strict=True)]


def spread_of(words: Words) -> NDArray[np.float64]:
    """How likely two rows differ in each bit: 0 where nearly all rows agree, 0.5 where a bit halves them."""
    sample = words[:, :: max(1, words.shape[1] // SAMPLE)]
    bits = np.unpackbits(sample.T.astype(">u8").copy().view(np.uint8).reshape(sample.shape[1], -1), axis=1)
    share = bits.mean(axis=0)
    spread: NDArray[np.float64] = 2 * share * (1 - share)
    return spread


@cache
def _radii(bands: int, radius: int) -> tuple[int, ...]:
    each, more = divmod(radius, bands)
    return tuple(each if band <= more else each - 1 for band in range(bands))


def _cost(dealt: list[NDArray[np.float64]], radii: list[int] | tuple[int, ...], count: int) -> float:
    """Nanoseconds, as if bits were independent of each other."""
    total = 0.0
    for spread, radius in zip(dealt, radii, strict=True):
        buckets = 1 << len(spread)
        masks = sum(comb(len(spread), size) for size in range(radius + 1))
        apart = np.zeros(radius + 1)  # chance that two rows differ in 0, 1, ... of the band's bits
        apart[0] = 1.0
        for chance in spread:
            apart[1:] = apart[1:] * (1 - chance) + apart[:-1] * chance
            apart[0] *= 1 - chance
        compared = float(count) * count / 2 * float(apart.sum())
        total += SORT * count + CLEAR * buckets + LOOK_UP * masks * min(count, buckets) + COMPARE * compared
    return total
