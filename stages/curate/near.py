"""Near hashes: exactly those rows whose hashes differ in at most `radius` bits, and the groups that they form.

Equal hashes count as one row. The others are looked up by bands (stages/curate/bands.py): sorted into buckets, then
compared within a bucket and with the buckets few bits away, in pieces that fit the processor's cache. Where many rows
share a bucket (blank pictures, frames of one film), rows that are already in one group aren't compared again.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from stages.curate.bands import Band, Words, plan, words_of
from stages.params import UserError

Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints]

PIECE = 1 << 16  # rows, or comparisons, at a time
LARGE = 1 << 14  # comparisons between two buckets that are worth a matrix of their own
HELD = 1 << 22  # pairs kept before they are boiled down
PIVOTS = 8  # rows of a large bucket that all of it is compared with beforehand


def near_groups(hashes: Sequence[bytes] | NDArray[np.uint8], radius: int) -> Ints:
    """A group's number for each row: its first row's. Rows within `radius` bits share a group, and so do their groups.

    `hashes`: n of the same length, a multiple of 8 bytes, or an array (n, bytes). Memory grows with n, not with pairs.
    """
    rows = _rows(hashes, radius)
    first, place = _distinct(rows)
    groups = _Groups(len(first))
    words = words_of(rows[first])
    for band in plan(words, radius):
        for pairs in _Bucketed(words, band).near(radius, groups):
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
    for band in plan(words, radius):
        for one, other in _Bucketed(words, band).near(radius, None):
            fresh.append(np.minimum(one, other) * count + np.maximum(one, other))
            held += len(one)
            if held > max(HELD, len(codes)):  # several bands find the same pair
                codes, fresh, held = np.unique(np.concatenate([codes, *fresh])), [], 0
    codes = np.unique(np.concatenate([codes, *fresh]))
    return np.stack([first[codes // max(1, count)], first[codes % max(1, count)]], axis=1)


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
    if not 0 <= radius < 8 * rows.shape[1]:
        raise UserError(f"`radius` = {radius} is not allowed: 0 to {8 * rows.shape[1] - 1} for {8 * rows.shape[1]} bits.")
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
    starts = np.concatenate([[True], mixed[order[1:]] != mixed[order[:-1]]])
    changes = np.concatenate([[True], (words[order[1:]] != words[order[:-1]]).any(axis=1)])
    if (changes != starts).any():  # two different hashes were mixed to one number
        order = np.lexsort(words.T)
        changes = np.concatenate([[True], (words[order[1:]] != words[order[:-1]]).any(axis=1)])
    first = np.minimum.reduceat(order, np.flatnonzero(changes))
    place = np.empty(len(rows), np.int64)
    rank = np.argsort(first)
    ranked = np.empty_like(rank)
    ranked[rank] = np.arange(len(rank))
    place[order] = ranked[np.cumsum(changes) - 1]
    return first[rank], place


class _Groups:
    """Rows and the groups they are in so far."""

    def __init__(self, count: int) -> None:
        self._labels = np.arange(count)
        self._held: list[Pairs] = []
        self._size = 0

    def join(self, one: Ints, other: Ints) -> None:
        self._held.append((one, other))
        self._size += len(one)
        if self._size > HELD:
            self.labels()

    def labels(self) -> Ints:
        """A number for each row, equal for rows that are joined."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        if self._size:
            one, other = (self._labels[np.concatenate(side)] for side in zip(*self._held, strict=True))
            count = int(self._labels.max()) + 1
            graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(count, count))
            self._labels = connected_components(graph, directed=False)[1].astype(np.int64)[self._labels]
        self._held, self._size = [], 0
        return self._labels

    def names(self) -> Ints:
        """For each row the first row of its group."""
        labels = self.labels()
        first = np.zeros(len(labels), np.int64)
        first[labels[::-1]] = np.arange(len(labels))[::-1]
        return first[labels]


class _Bucketed:
    """Rows sorted by their bucket in one band."""

    def __init__(self, words: Words, band: Band) -> None:
        self.band = band
        keys = band.keys(words)
        self.order = np.argsort(keys, kind="stable")
        self.keys = keys[self.order]
        self.words = words[:, self.order]
        self.size = np.bincount(keys, minlength=1 << len(band.bits)).astype(np.int32)
        self.start = np.zeros(len(self.size) + 1, np.int64)
        np.cumsum(self.size, out=self.start[1:])
        self.filled = np.flatnonzero(self.size)

    def near(self, radius: int, groups: _Groups | None) -> Iterator[Pairs]:
        """Pairs of rows within `radius`, some more than once; given `groups`, only so many that the groups come out."""
        if groups is not None:
            yield from self._stars(radius)
        labels = groups.labels()[self.order] if groups is not None and self._crowded else None
        for mask in self.band.masks():
            if mask:
                one = self.filled[(self.filled ^ mask) > self.filled]
                one = one[self.size[one ^ mask] > 0]
            else:
                one = self.filled[self.size[self.filled] > 1]
            other = one ^ mask
            large = self.size[one].astype(np.int64) * self.size[other] >= LARGE
            for pairs in self._between_small(one[~large], other[~large], radius):
                yield self.order[pairs[0]], self.order[pairs[1]]
            for a, b in zip(one[large].tolist(), other[large].tolist(), strict=True):
                for pairs in self._between_large(a, b, radius, labels):
                    yield self.order[pairs[0]], self.order[pairs[1]]
