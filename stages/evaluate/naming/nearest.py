"""What can be named without a model: after the training descriptions that read most alike, by TF-IDF.

Words and pairs of words; a term counts 1 + log of its count, times log of (1 + descriptions) over (1 + those with it),
plus 1; vectors of length one (Manning, Raghavan and Schütze 2008, section 6.4, with smoothed document frequencies).
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stages.evaluate.naming.names import edit_similarities, normalised

WORD = re.compile(r"\w+(?:['’-]\w+)*")
NEIGHBOURS = 20  # training descriptions that the kernel-weighted version listens to
SHORTEST, LONGEST = 2, 3  # n-grams of letters that make two names alike, their edges marked
ROWS_AT_ONCE = 256  # of the similarity matrix: 100,000 training rows make 100 MB

Matrix = NDArray[np.float32]


class Descriptions:
    """Training descriptions as sparse TF-IDF vectors."""

    def __init__(self, places: dict[str, int], weights: NDArray[np.float64], vectors: Any) -> None:
        self._places, self._weights, self._vectors = places, weights, vectors

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        counted = [terms(text) for text in texts]
        found = Counter(term for one in counted for term in one)
        places = {term: place for place, term in enumerate(sorted(found))}
        weights = np.array([math.log((1 + len(texts)) / (1 + found[term])) + 1 for term in places])
        return cls(places, weights, _vectors(counted, places, weights))

    def nearness(self, texts: Sequence[str]) -> Matrix:
        """Cosines, 0 to 1, (texts, training descriptions)."""
        asked = _vectors([terms(text) for text in texts], self._places, self._weights)
        return np.asarray((asked @ self._vectors.T).toarray(), np.float32)


def terms(text: str) -> Counter[str]:
    """Words and pairs of words, without case."""
    words = WORD.findall(text.casefold())
    return Counter(words) + Counter(f"{one} {other}" for one, other in pairwise(words))


def by_nearest(known: Descriptions, taught: Sequence[str], asked: Sequence[str], names: Sequence[str]) -> Matrix:
    """Scores of `names`, (asked, names): the nearest description's name first, the others as they resemble it.

    `taught` has each training description's name; resembling is edit similarity.
    """
    nearest = [int(row.argmax()) for rows in _blocks(known, asked) for row in rows]
    plain = [normalised(name) for name in names]
    alike = {at: edit_similarities(normalised(taught[at]), plain) for at in sorted(set(nearest))}
    return np.array([alike[at] for at in nearest], np.float32)


def by_kernel(known: Descriptions, taught: Sequence[str], asked: Sequence[str], names: Sequence[str]) -> Matrix:
    """Scores of `names`, (asked, names): over the nearest descriptions, nearness times likeness of their names.

    Likeness is the cosine of counts of letter n-grams, so that a name of two neighbours' syllables scores high.
    """
    distinct = sorted(set(taught))
    alike = likeness(distinct, names)
    row_of = {name: row for row, name in enumerate(distinct)}
    owners = np.array([row_of[name] for name in taught])
    scores = []
    for rows in _blocks(known, asked):
        for row in rows:
            near = np.argsort(-row, kind="stable")[:NEIGHBOURS]
            scores.append(row[near] @ alike[owners[near]])
    return np.array(scores, np.float32)


def likeness(names: Sequence[str], others: Sequence[str]) -> Matrix:
    """Cosines of letter n-grams, 0 to 1, (names, others)."""
    counted = [[_letters(name) for name in some] for some in (names, others)]
    grams = {gram for some in counted for one in some for gram in one}
    places = {gram: place for place, gram in enumerate(sorted(grams))}
    weights = np.ones(len(places))
    one, other = (_vectors(some, places, weights) for some in counted)
    return np.asarray((one @ other.T).toarray(), np.float32)


def _letters(name: str) -> Counter[str]:
    text = f"^{normalised(name)}$"
    return Counter(text[at : at + size] for size in range(SHORTEST, LONGEST + 1) for at in range(len(text) - size + 1))


def _blocks(known: Descriptions, asked: Sequence[str]) -> Iterator[Matrix]:
    return (known.nearness(asked[start : start + ROWS_AT_ONCE]) for start in range(0, len(asked), ROWS_AT_ONCE))


def _vectors(counted: Sequence[Counter[str]], places: dict[str, int], weights: NDArray[np.float64]) -> Any:
    """Sparse rows of length one; a text without a known term is all zeros."""
    from scipy.sparse import csr_array

    columns: list[int] = []
    values, ends = [], [0]
    for one in counted:
        known = {places[term]: 1 + math.log(count) for term, count in one.items() if term in places}
        row = np.array([value * weights[place] for place, value in known.items()])
        values.append(row / (np.linalg.norm(row) or 1))
        columns.extend(known)
        ends.append(len(columns))
    flat = np.concatenate(values) if values else np.zeros(0)
    shape = (len(counted), len(places))
    return csr_array((flat.astype(np.float32), np.array(columns, np.int64), np.array(ends)), shape)
