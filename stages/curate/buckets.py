"""Rows compared bucket by bucket: those of one bucket, and those of two buckets whose numbers differ in few bits.

Small buckets are compared together, all first with all second rows and so on, in pieces that fit the processor's cache;
large ones each with a matrix of its own. When only groups are asked for, rows that are in one group already aren't
compared with each other, so that many alike (blank pictures, frames of one film) cost little more than as many others.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.curate.bands import Band, Words

Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints]

PIECE = 1 << 17  # rows, or comparisons, at a time
LARGE = 1 << 14  # comparisons between two buckets that are worth a matrix of their own
PIVOTS = 8  # rows of a large bucket that are compared with all of it beforehand


class Bucketed:
    """Rows sorted by their bucket in one band."""

    def __init__(self, words: Words, band: Band, telling: int = 1) -> None:
        """`words`: (words, rows), of which the first `telling` are compared first."""
        from scipy.sparse import coo_array

        keys, rows = band.keys(words), words.shape[1]
        places = coo_array((np.ones(rows, np.int8), (keys, np.arange(rows))), shape=(1 << len(band.bits), rows))
        sorted_ = places.tocsr()  # a counting sort: faster than numpy's sorts
        self._order, self._start = sorted_.indices.astype(np.int64), sorted_.indptr.astype(np.int32)
        self._size = np.diff(self._start)
        self._taken = self._size > 0
        self._filled = np.flatnonzero(self._taken)
        self._masks = band.masks()
        self._current: Callable[[], Ints] | None = None
        self._seen: Ints | None = None
        self._labels: Ints | None = None
        self._joined: NDArray[np.int32] | None = None
        self._first, self._others = [word[self._order] for word in words[:telling]], words[telling:]

    def near(self, radius: int, labels: Callable[[], Ints] | None = None) -> Iterator[Pairs]:
        """Pairs of rows within `radius`, some more than once.

        Given `labels` (equal for rows that are known to be in one group), pairs may be left out that join nothing new.
        """
        if labels is not None:
            for bucket in self._filled[self._size[self._filled] >= LARGE**0.5].tolist():
                yield from self._stars(bucket, radius)
        self._current = labels
        for mask in self._masks:
            one = self._meeting(mask) if mask else self._filled[self._size[self._filled] > 1]
            self._learn()
            if self._joined is not None:
                one = one[(self._joined[one] != self._joined[one ^ mask]) | (self._joined[one] < 0)]
            work = self._size[one].astype(np.int64) * self._size[one ^ mask]
            large = work >= LARGE
            if large.any():
                for bucket in one[large].tolist():
                    yield from self._large(bucket, bucket ^ mask, radius)
                one, work = one[~large], work[~large]
            cuts = np.searchsorted(np.cumsum(work), np.arange(PIECE, work.sum(), PIECE)).tolist()
            for begin, end in zip([0, *cuts], [*cuts, len(one)], strict=True):
                yield self._small(one[begin:end], mask, radius)

    def _learn(self) -> None:
        """Note which rows are in one group by now, and the one group of all of a bucket's rows (-1: several)."""
        if self._current is None or self._current() is self._seen:
            return
        self._seen = self._current()
        self._labels = self._seen[self._order]
        starts = self._start[self._filled]
        lowest, highest = (extreme.reduceat(self._labels, starts) for extreme in (np.minimum, np.maximum))
        self._joined = np.full(len(self._size), -1, np.int32)
        self._joined[self._filled] = np.where(lowest == highest, lowest, -1)

    def _meeting(self, mask: int) -> Ints:
        """Filled buckets whose neighbour, `mask` away and with the higher number, is filled too."""
        shape, above = [], len(self._size)
        for place in reversed(range(mask.bit_length())):
            if mask >> place & 1:
                shape += [above >> (place + 1), 2]
                above = 1 << place
        taken = self._taken.reshape(*shape, above)  # an axis of two for each bit of the mask
        neighbours = np.flip(taken[:, 1], axis=tuple(range(2, len(shape) - 1, 2)))
        place = mask.bit_length() - 1
        found = np.flatnonzero(taken[:, 0] & neighbours)
        return (found >> place << place + 1) | (found & (1 << place) - 1)

    def _small(self, one: Ints, mask: int, radius: int) -> Pairs:
        """Pairs between each bucket of `one` and the bucket that is `mask` away from it."""
        size = self._size[one]
        row = _ranges(self._start[one], size)
        if mask:
            other = one ^ mask
            partner, left = self._start[other].repeat(size), self._size[other].repeat(size)
        else:
            partner, left = row + 1, self._start[one + 1].repeat(size) - row - 1
        return self._near(row.repeat(left), _ranges(partner, left), radius)

    def _large(self, one: int, other: int, radius: int) -> Iterator[Pairs]:
        a, b = (np.arange(self._start[bucket], self._start[bucket + 1]) for bucket in (one, other))
        if self._labels is None:
            yield from self._matrix(a, b, radius, upper=one == other)
            return
        _, where, counts = np.unique(self._labels[a], return_index=True, return_counts=True)
        centre = a[where[np.argmax(counts)]]  # of its group most rows are, and those aren't compared with each other
        for rows, columns in ((a, b), (b, a))[: 1 if one == other else 2]:
            while len(rows):
                self._learn()
                rows = rows[self._labels[rows] != self._labels[centre]]
                height = max(1, 32 * PIECE // len(columns))
                yield from self._matrix(rows[:height], columns, radius)
                rows = rows[height:]

    def _matrix(self, a: Ints, b: Ints, radius: int, upper: bool = False) -> Iterator[Pairs]:
        """Each of `a` against each of `b`; `upper`: a and b are the same rows, and each pair comes once."""
        if not len(a) or not len(b):
            return
        height = max(1, PIECE // len(b))
        for top in range(0, len(a), height):
            rows, columns = a[top : top + height], b[top + 1 :] if upper else b
            if not len(columns):
                return
            apart = _bits_apart((word[rows][:, None], word[columns][None, :]) for word in self._first)
            i, j = np.divmod(np.flatnonzero(apart <= radius), len(columns))
            if upper:
                i, j = i[j >= i], j[j >= i]
            yield self._near(rows[i], columns[j], radius)

    def _stars(self, bucket: int, radius: int) -> Iterator[Pairs]:
        """A few rows of a bucket against all of it: each time the first that is near none of those before."""
        rows = np.arange(self._start[bucket], self._start[bucket + 1])
        for _ in range(PIVOTS):
            if len(rows) < 2:
                return
            pair = self._near(np.full(len(rows) - 1, rows[0]), rows[1:], radius)
            yield pair
            rows = rows[1:][~np.isin(self._order[rows[1:]], pair[1])]

    def _near(self, one: Ints, other: Ints, radius: int) -> Pairs:
        """Those pairs that differ in at most `radius` bits, word by word so that most are settled by the first."""
        differ = _bits_apart((word[one], word[other]) for word in self._first)
        near = np.flatnonzero(differ <= radius)
        one, other, apart = self._order[one[near]], self._order[other[near]], differ[near].astype(np.uint16)
        for word in self._others:
            apart += np.bitwise_count(word[one] ^ word[other])
            near = np.flatnonzero(apart <= radius)
            one, other, apart = one[near], other[near], apart[near]
        return one, other


def _bits_apart(words: Iterator[tuple[Words, Words]]) -> NDArray[Any]:
    """In how many bits the words differ, summed over those of one row."""
    one, other = next(words)
    apart: NDArray[Any] = np.bitwise_count(one ^ other)
    for number, (one, other) in enumerate(words, start=2):
        apart = (apart if number < 4 else apart.astype(np.uint16)) + np.bitwise_count(one ^ other)  # 4 * 64 > 255
    return apart


def _ranges(start: Ints, size: Ints) -> Ints:
    """start[0], start[0] + 1, ... (size[0] of them), then start[1], ..."""
    ends = np.cumsum(size)
    ranges: Ints = (start - ends + size).repeat(size)
    ranges += np.arange(len(ranges))
    return ranges
