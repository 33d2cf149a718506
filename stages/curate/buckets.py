"""Rows compared bucket by bucket: those of one bucket, and those of two buckets whose numbers differ in few bits.

A large bucket is compared with all its neighbours at once, as a matrix; small ones together, all first with all second
rows and so on, in pieces that fit the processor's cache. When only groups are asked for, rows that are in one group
already aren't compared with each other, so that many alike (blank pictures, frames of one film) cost little more than
as many others.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.curate.bands import Band, Keys, Sieve, Words

Ints = NDArray[np.int64]
Pairs = tuple[Ints, Ints]

AT_ONCE = 1 << 20  # comparisons of small buckets
FEW = 1 << 10  # rows that aren't worth a pass
PIECE = 1 << 16  # comparisons of a large one
LARGE = 64  # rows of a bucket that are worth a matrix of their own
PIVOTS = 8  # rows of a large bucket that are compared with all of it beforehand


class Bucketed:
    """Rows sorted by their bucket in one band."""

    def __init__(self, words: Words, band: Band, keys: Keys, sieve: Sieve, radius: int) -> None:
        """`words`: (words, rows). Pairs are found that differ in at most `radius` bits and pass the sieve."""
        from scipy.sparse import coo_array

        rows = words.shape[1]
        places = coo_array((np.ones(rows, np.int8), (keys, np.arange(rows))), shape=(1 << len(band.bits), rows))
        sorted_ = places.tocsr()  # a counting sort: faster than numpy's sorts
        self._order, self._start = sorted_.indices.astype(np.int64), sorted_.indptr.astype(np.int32)
        self._size = np.diff(self._start)
        self._filled = np.flatnonzero(self._size)
        self._left = self._size > 0  # buckets that aren't compared with all others yet
        self._masks = np.array(band.masks())
        self._current: Callable[[], Ints] | None = None
        self._seen: Ints | None = None
        self._labels: Ints | None = None
        self._joined: NDArray[np.int32] | None = None
        self._words, self._radius = words, radius
        self._sieve, self._allowed = [numbers[self._order] for numbers in sieve.numbers], sieve.allowed

    def near(self, labels: Callable[[], Ints] | None = None) -> Iterator[Pairs]:
        """Pairs of near rows, some more than once; each near pair is found in one band at least.

        Given `labels` (equal for rows that are known to be in one group), pairs may be left out that join nothing new.
        """
        large = self._filled[self._size[self._filled] >= LARGE]
        if labels is not None:
            for bucket in large[self._size[large] >= 2 * LARGE].tolist():
                rows = np.arange(self._start[bucket], self._start[bucket + 1])
                yield from self._matrix(rows[:: -(-len(rows) // PIVOTS)], rows, self._limits(0, len(rows)))
        self._current = labels
        for bucket in large[np.argsort(-self._size[large], kind="stable")].tolist():
            yield from self._large(bucket)
            self._left[bucket] = False
        for mask in self._masks.tolist():
            one, other = self._meeting(mask)
            self._learn()
            if self._joined is not None:
                joined = self._joined[one]
                apart = np.flatnonzero((joined != self._joined[other]) | (joined < 0))
                one, other = one[apart], other[apart]
            sizes = self._size[one], self._size[other]
            work = np.cumsum(sizes[0] * sizes[1].astype(np.int64))
            cuts = np.searchsorted(work, np.arange(AT_ONCE, work[-1] if len(work) else 0, AT_ONCE)).tolist()
            for begin, end in zip([0, *cuts], [*cuts, len(one)], strict=True):
                part = slice(begin, end)
                yield self._small(
                    self._start[one[part]], self._start[other[part]], sizes[0][part], sizes[1][part], mask
                )

    def _learn(self) -> None:
        """Note which rows are in one group by now, and the one group of all of a bucket's rows (-1: several)."""
        if self._current is None or self._current() is self._seen:
            return
        self._seen = self._current()
        if len(self._seen) == self._seen.max(initial=-1) + 1:
            return  # all in groups of their own
        self._labels = self._seen[self._order]
        starts = self._start[self._filled]
        lowest, highest = (extreme.reduceat(self._labels, starts) for extreme in (np.minimum, np.maximum))
        self._joined = np.full(len(self._size), -1, np.int32)
        self._joined[self._filled] = np.where(lowest == highest, lowest, -1)

    def _meeting(self, mask: int) -> Pairs:
        """Buckets that are left whose neighbour, `mask` away and with the higher number, is left too; and those."""
        if not mask:
            several = self._filled[self._left[self._filled] & (self._size[self._filled] > 1)]
            return several, several
        shape, above = [], len(self._size)
        for place in reversed(range(mask.bit_length())):
            if mask >> place & 1:
                shape += [above >> (place + 1), 2]
                above = 1 << place
        left = self._left.reshape(*shape, above)  # an axis of two for each bit of the mask
        neighbours = np.flip(left[:, 1], axis=tuple(range(2, len(shape) - 1, 2)))
        place = mask.bit_length() - 1
        found = np.flatnonzero(left[:, 0] & neighbours)
        found = (found >> place << place + 1) | (found & (1 << place) - 1)
        return found, found ^ mask

    def _small(self, one: Ints, other: Ints, sizes: Ints, others: Ints, mask: int) -> Pairs:
        """Pairs between buckets and those `mask` away from them, given their starts and sizes."""
        row = _ranges(one, sizes)
        partner, count = other.repeat(sizes), others.repeat(sizes)
        if not mask:
            partner, count = row + 1, count - row + partner - 1
        most_first = np.argsort((LARGE - count).astype(np.uint16), kind="stable")  # a counting sort
        row, partner, count = row[most_first], partner[most_first], count[most_first]
        mine, allowed = [numbers[row] for numbers in self._sieve], self._allowed - mask.bit_count()
        found: list[Pairs] = []

        def compare(rows: Any, partners: Ints) -> None:
            pairs = zip(mine, self._sieve, strict=True)
            passed = np.flatnonzero(_bits_apart((a[rows], b[partners]) for a, b in pairs) <= allowed)
            found.append((row[rows][passed], partners[passed]))

        left = len(row) - np.cumsum(np.bincount(count))  # rows of which there is a first, a second, ... partner
        passes = int(np.searchsorted(-left, -FEW))
        for number, rows in enumerate(left[:passes].tolist()):
            compare(slice(rows), partner[:rows] + number)
        rest = count[: left[passes]] - passes if passes < len(left) else count[:0]
        compare(np.arange(len(rest)).repeat(rest), _ranges(partner[: len(rest)] + passes, rest))
        one, other = (np.concatenate(side) for side in zip(*found, strict=True))
        return self._near(one, other)

    def _large(self, bucket: int) -> Iterator[Pairs]:
        """Pairs of a bucket's rows, and between them and those of its neighbours that are left."""
        self._learn()
        neighbours = bucket ^ self._masks[self._masks > 0]
        neighbours = neighbours[self._left[neighbours]]
        sizes = self._size[neighbours]
        rows, others = np.arange(self._start[bucket], self._start[bucket + 1]), _ranges(self._start[neighbours], sizes)
        allowed = self._limits(np.bitwise_count(neighbours ^ bucket), sizes)
        centre, known = self._centre(rows), rows[:0]
        while len(rows):
            self._learn()
            if self._labels is not None:  # those of the centre's group aren't compared with each other
                same = self._labels[rows] == self._labels[centre]
                rows, known = rows[~same], np.concatenate([known, rows[same]])
            columns = np.concatenate([rows, known, others])
            limits = np.concatenate([self._limits(0, len(rows) + len(known)), allowed])
            height = max(1, 64 * PIECE // len(columns))
            yield from self._matrix(rows[:height], columns, limits, upper=True)
            rows = rows[height:]
        if self._labels is not None:
            apart = self._labels[others] != self._labels[centre]
            yield from self._matrix(known, others[apart], allowed[apart])

    def _centre(self, rows: Ints) -> int:
        """One of the rows, of the group that most of them are in."""
        if self._labels is None:
            return int(rows[0])
        _, where, counts = np.unique(self._labels[rows], return_index=True, return_counts=True)
        return int(rows[where[np.argmax(counts)]])

    def _limits(self, apart: Any, counts: Any) -> NDArray[Any]:
        """In how many bits of the sieve rows may differ whose bucket numbers differ in `apart`, `counts` times each."""
        kind = np.min_scalar_type(self._allowed)
        return (self._allowed - np.atleast_1d(apart).astype(np.int64)).astype(kind).repeat(counts)

    def _matrix(self, rows: Ints, columns: Ints, limits: NDArray[Any], upper: bool = False) -> Iterator[Pairs]:
        """Each row against each column; `upper`: the rows are the first columns too, and each pair comes once."""
        height = max(1, PIECE // max(1, len(columns)))
        for top in range(0, len(rows), height):
            some, others = rows[top : top + height], columns[top + 1 if upper else 0 :]
            if not len(others):
                return
            apart = _bits_apart((numbers[some][:, None], numbers[others][None, :]) for numbers in self._sieve)
            i, j = np.divmod(np.flatnonzero(apart <= limits[len(columns) - len(others) :]), len(others))
            if upper:
                i, j = i[j >= i], j[j >= i]
            yield self._near(some[i], others[j])

    def _near(self, one: Ints, other: Ints) -> Pairs:
        """Those pairs that differ in at most `radius` bits, word by word so that most are settled by the first."""
        one, other, apart = self._order[one], self._order[other], np.zeros(len(one), np.uint16)
        for word in self._words:
            apart += np.bitwise_count(word[one] ^ word[other])
            near = np.flatnonzero(apart <= self._radius)
            one, other, apart = one[near], other[near], apart[near]
        return one, other


def _bits_apart(words: Iterator[tuple[NDArray[Any], NDArray[Any]]]) -> NDArray[Any]:
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
