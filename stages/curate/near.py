"""Near hashes: exactly those rows whose hashes differ in at most `radius` bits, and the groups that they form.

Equal hashes count as one row. The others are looked up by bands (bands.py) and compared bucket by bucket (buckets.py).
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from stages.curate.bands import Words, plan, sieve, words_of
from stages.curate.buckets import Bucketed
from stages.params import UserError

Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints]

HELD = 1 << 22  # pairs kept before those found twice are dropped


def near_groups(hashes: Sequence[bytes] | NDArray[np.uint8], radius: int) -> Ints:
    """A group's number for each row: its first row's. Rows within `radius` bits share a group, and so do their groups.

    `hashes`: n of the same length, a multiple of 8 bytes, or an array (n, bytes). Memory grows with n, not with pairs.
    """
    rows = _rows(hashes, radius)
    first, place = _distinct(rows)
    groups = _Groups(len(first))
    words = words_of(rows[first])
    for pairs in _found(words, radius, lambda: groups.labels):
        groups.join(*pairs)
    return first[groups.names()][place]


def near_pairs(hashes: Sequence[bytes] | NDArray[np.uint8], radius: int) -> Ints:
    """(pairs, 2) row numbers, the smaller first, sorted; of equal hashes only the first row takes part.

    Memory grows with the number of pairs, which can be n * n / 2: for groups, call `near_groups`.
    """
    rows = _rows(hashes, radius)
    first, _ = _distinct(rows)
    words = words_of(rows[first])
    count, codes, fresh, held = len(first), np.empty(0, np.int64), [np.empty(0, np.int64)], 0
    for one, other in _found(words, radius):
        fresh.append(np.minimum(one, other) * count + np.maximum(one, other))
        held += len(one)
        if held > max(HELD, len(codes)):  # several bands find the same pair
            codes, fresh, held = np.unique(np.concatenate([codes, *fresh])), [], 0
    codes = np.unique(np.concatenate([codes, *fresh]))
    return np.stack([first[codes // max(1, count)], first[codes % max(1, count)]], axis=1)


def _found(words: Words, radius: int, labels: Callable[[], Ints] | None = None) -> Iterator[Pairs]:
    bands = plan(words, radius)
    keys = [band.keys(words) for band in bands]
    for number, band in enumerate(bands):
        first = sieve(words, keys, bands, number, radius)
        yield from Bucketed(words, band, keys[number], first, radius).near(labels)


def _rows(hashes: Sequence[bytes] | NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    if isinstance(hashes, np.ndarray):
        rows = hashes
    else:
        lengths = sorted({len(code) for code in hashes})
        if len(lengths) > 1:
            raise UserError(f"Hashes must have one length, found {', '.join(map(str, lengths))} bytes: hash all anew.")
        rows = np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), lengths[0] if lengths else 8)
    if rows.ndim != 2 or rows.dtype != np.uint8 or rows.shape[1] == 0 or rows.shape[1] % 8:
        raise UserError(f"Hashes must be (n, 8 or 32) bytes, found {rows.shape} of {rows.dtype}.")
    bits = 8 * rows.shape[1]
    if not 0 <= radius < bits:
        raise UserError(f"`radius` = {radius} is not allowed: 0 to {bits - 1} for hashes of {bits} bits.")
    return rows


def _distinct(rows: NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """The first row of each distinct hash, ascending, and for every row the place of its hash in that list."""
    words = np.ascontiguousarray(rows).view(np.uint64)
    if not len(rows):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    mixed = words[:, 0].copy()
    for column in range(1, words.shape[1]):
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + words[:, column]
    order = np.argsort(mixed)
    changes = np.concatenate([[True], mixed[order[1:]] != mixed[order[:-1]]])
    if changes.all():
        return np.arange(len(rows)), np.arange(len(rows))
    equal = np.flatnonzero(~changes)
    if (words[order[equal]] != words[order[equal - 1]]).any():  # two different hashes were mixed to one number
        order = np.lexsort(words.T)
        changes = np.concatenate([[True], (words[order[1:]] != words[order[:-1]]).any(axis=1)])
    first = np.minimum.reduceat(order, np.flatnonzero(changes))
    rank = np.argsort(first)
    ranked, place = np.empty_like(rank), np.empty_like(order)
    ranked[rank] = np.arange(len(rank))
    place[order] = ranked[np.cumsum(changes) - 1]
    return first[rank], place


class _Groups:
    """Rows and the groups they are in so far."""

    def __init__(self, count: int) -> None:
        self.labels = np.arange(count)  # equal for rows of one group, but for pairs that are still held
        self._held: list[Pairs] = []
        self._size = 0

    def join(self, one: Ints, other: Ints) -> None:
        new = self.labels[one] != self.labels[other]
        self._held.append((one[new], other[new]))
        self._size += int(new.sum())
        if self._size > len(self.labels) // 2:
            self.settle()

    def settle(self) -> None:
        """Bring `labels` up to date."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        if self._size:
            one, other = (self.labels[np.concatenate(side)] for side in zip(*self._held, strict=True))
            count = int(self.labels.max()) + 1
            graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(count, count))
            self.labels = connected_components(graph, directed=False)[1].astype(np.int64)[self.labels]
        self._held, self._size = [], 0

    def names(self) -> Ints:
        """For each row the first row of its group."""
        self.settle()
        first = np.zeros(len(self.labels), np.int64)
        first[self.labels[::-1]] = np.arange(len(self.labels))[::-1]
        return first[self.labels]
