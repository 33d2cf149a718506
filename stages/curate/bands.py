"""Which bits of a hash to look candidates up by: bands, after the pigeonhole principle.

Two hashes that differ in at most r bits differ in at most r // m bits in at least one of m disjoint bands (Norouzi et
al. 2012, "Fast search in Hamming space with multi-index hashing"). With r = m * t + a it is enough to look for t bits
in a + 1 of the bands, and for t - 1 in the others: more than r bits would differ otherwise. This holds for bands over
any bits, so they are dealt from those that split the rows best, and bits that say little are left out.

Of the bands that find a pair one is enough, and for one of them the bands that follow it, in a ring, differ in few bits
as well (Qin and Xiao 2018, "Pigeonring: a principle for faster thresholded similarity search"): so nearly every
candidate is settled by one small number, the `Sieve`'s.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb, exp, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Keys = NDArray[np.uint32]

SIEVE = 32  # bits of a sieve
WIDEST = 24  # bits of a band: tables of 16 million buckets
SAMPLE = 4096  # rows that the bits are judged by
# nanoseconds, rough: only the choice between plans hangs on them, never the result
SORT, PASS, LOOK_UP, MEET, COMPARE = 80.0, 60_000.0, 0.6, 35.0, 3.0


@dataclass(frozen=True)
class Band:
    """Bits (numbered from the first word's highest) that make up a bucket's number, and how many may differ in it."""

    bits: tuple[int, ...]
    radius: int

    def masks(self) -> list[int]:
        """Every difference between two bucket numbers that has to be looked at."""
        places = range(len(self.bits))
        sizes = range(self.radius + 1)
        return [sum(1 << place for place in some) for size in sizes for some in combinations(places, size)]

    def keys(self, words: Words) -> Keys:
        """The rows' bucket numbers; `words` as `words_of` gives them, (words, rows)."""
        keys = np.zeros(words.shape[1], np.uint32)
        for start in range(0, len(keys), 1 << 14):  # what is worked on stays in the cache
            part = slice(start, start + (1 << 14))
            for place, bit in enumerate(self.bits):
                shifted = words[bit // 64, part] >> np.uint64(63 - bit % 64)
                keys[part] |= (shifted.astype(np.uint32) & np.uint32(1)) << np.uint32(place)
        return keys


@dataclass(frozen=True)
class Sieve:
    """Numbers (each (rows,)) to compare candidates by first: pairs that differ in more than `allowed` bits are dropped.

    The bits in which their bucket numbers differ count too.
    """

    numbers: list[NDArray[Any]]
    allowed: int


def sieve(words: Words, keys: list[Keys], bands: list[Band], band: int, radius: int) -> Sieve:
    """What a pair that `bands[band]` finds must pass. Of each near pair some band's sieve lets it pass.

    Say that of band k's bits d[k] differ, and t[k] is its radius. The d[k] - t[k] - 1 sum up to less than 0 over all
    bands, as at most `radius` bits differ and the t[k] + 1 sum up to more. So somewhere in the ring there is a band
    from which on they sum up to less than 0 over any number of bands (the cycle lemma, Dvoretzky and Motzkin 1947).
    """
    followers = [*range(band + 1, len(bands)), *range(band)]
    bits, allowed, numbers = 0, bands[band].radius, np.zeros(words.shape[1], np.uint32)
    for follower in followers:
        if bits < SIEVE:
            numbers |= keys[follower] << np.uint32(bits)  # those beyond 32 bits are shifted out
            bits += len(bands[follower].bits)
            allowed += bands[follower].radius + 1
    if bits >= SIEVE and sum(each.radius + 1 for each in bands) > radius:
        return Sieve([numbers], allowed)
    # no ring: whole words, which may hold the bucket's bits again
    return Sieve(list(words[: telling_words(words, radius)]), radius + bands[band].radius)


def words_of(rows: NDArray[np.uint8]) -> Words:
    """(rows, bytes) as (words, rows), those words first in which rows differ most; it changes no distance."""
    words = np.ascontiguousarray(rows).view(">u8").astype(np.uint64).T.copy()
    telling_first = np.argsort(-spread_of(words).reshape(len(words), 64).sum(axis=1), kind="stable")
    return words[telling_first] if (np.diff(telling_first) < 0).any() else words


def plan(words: Words, radius: int) -> list[Band]:
    """The bands that are likely to cost least on these rows. Which are chosen never changes what is found."""
    count, width = words.shape[1], 64 * len(words)
    if count < 2:  # nothing to compare
        return []
    spread = spread_of(words)
    order = np.lexsort((np.arange(width), -spread))
    best = (COMPARE * count * count / 2, 1, 0)  # one band of no bits: each row against each
    for bands in range(1, min(radius + 1, width) + 1):
        for wide in range(1, min(WIDEST, width // bands) + 1):
            differs = float(spread[order[: bands * wide]].mean())
            best = min(best, (_cost(count, wide, _radii(bands, radius), differs), bands, wide))
    _, bands, wide = best
    if not wide:
        return [Band((), 0)]
    dealt = [tuple(order[band : bands * wide : bands].tolist()) for band in range(bands)]
    return [Band(bits, near) for bits, near in zip(dealt, _radii(bands, radius), strict=True)]


def spread_of(words: Words) -> NDArray[np.float64]:
    """How likely two rows differ in each bit: 0 where nearly all rows agree, 0.5 where a bit halves them."""
    sample = words[:, :: max(1, words.shape[1] // SAMPLE)]
    bits = np.unpackbits(sample.T.astype(">u8").copy().view(np.uint8).reshape(-1, 8 * len(words)), axis=1)
    share = bits.mean(axis=0) if len(bits) else np.zeros(64 * len(words))
    spread: NDArray[np.float64] = 2 * share * (1 - share)
    return spread


def telling_words(words: Words, radius: int) -> int:
    """How many words it takes until two unrelated rows nearly always differ in more than `radius` bits of them."""
    spread = spread_of(words)
    for count in range(1, len(words)):
        some = spread[: 64 * count]
        if some.sum() - 2 * sqrt((some * (1 - some)).sum()) > radius:
            return count
    return len(words)


def _radii(bands: int, radius: int) -> tuple[int, ...]:
    each, more = divmod(radius, bands)
    return (each,) * (more + 1) + (each - 1,) * (bands - more - 1)


def _cost(count: int, wide: int, radii: tuple[int, ...], differs: float) -> float:
    """Nanoseconds, as if bits were independent and each differed between two rows with the chance `differs`."""
    buckets, total = 1 << wide, 0.0
    filled = 1 - exp(-count / buckets)
    for radius in set(radii):
        masks = [comb(wide, size) for size in range(radius + 1)]
        shared = sum(many * differs**size * (1 - differs) ** (wide - size) for size, many in enumerate(masks))
        compared = COMPARE * count * count / 2 * min(1.0, shared)
        looked_up = sum(masks) * (PASS + buckets * (LOOK_UP + MEET * filled**2 / 2))
        total += radii.count(radius) * (SORT * count + looked_up + compared)
    return total
