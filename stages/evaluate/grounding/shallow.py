"""Retrieval and captions without a model: words by TF-IDF, pictures by colours or by a grey thumbnail.

A text is answered by the looks of the training pictures whose captions are nearest, a picture by the captions of the
training pictures that look nearest. If these come near the tuned model, the task is too easy. Looks are whole
numbers, and cosines are rounded, so neither threads nor the BLAS in use change an order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stages.evaluate.captions import words
from stages.evaluate.looks import Looks, nearness

Floats = NDArray[np.float64]

NEIGHBOURS = 5
DECIMALS = 9


@dataclass(frozen=True)
class Split:
    """One split: its pictures by their looks, its captions, and the number of the picture that each belongs to."""

    looks: Mapping[str, Looks]  # one of LOOKS -> (pictures, values)
    captions: tuple[str, ...]
    owners: NDArray[np.int64]


def pictures_by_text(train: Split, test: Split, look: str, k: int = NEIGHBOURS) -> Looks:
    """Similarity (test captions, test pictures): to the mean looks of the k training captions that are nearest."""
    known, asked = _tfidf(train.captions, train.captions), _tfidf(train.captions, test.captions)
    cosines = np.round((asked @ known.T).toarray(), DECIMALS)
    nearest = _nearest(cosines, k)
    expected = train.looks[look][train.owners[nearest]].sum(1)  # k times the mean: whole numbers
    return nearness(look, expected, nearest.shape[1] * test.looks[look])


def captions_by_picture(train: Split, test: Split, look: str, k: int = NEIGHBOURS) -> Floats:
    """Similarity (test pictures, test captions): to the captions of the k training pictures that look nearest."""
    known, offered = _tfidf(train.captions, train.captions), _tfidf(train.captions, test.captions)
    nearest = _nearest(nearness(look, test.looks[look], train.looks[look]), k)
    chosen = np.zeros((len(nearest), len(train.looks[look])))
    np.put_along_axis(chosen, nearest, 1.0, axis=1)
    return np.asarray(np.round((chosen[:, train.owners] @ known) @ offered.T.toarray(), DECIMALS))


def nearest_captions(train: Split, test: Split, look: str) -> list[str]:
    """For each test picture, the first caption of the training picture that looks nearest."""
    captioned, first = np.unique(train.owners, return_index=True)
    near = nearness(look, test.looks[look], train.looks[look][captioned])
    return [train.captions[first[best]] for best in near.argmax(1)]


def typical_captions(train: Split, test: Split) -> Floats:
    """How usual each test caption is, by its mean cosine to the training captions: all that a blind reader has."""
    known, offered = _tfidf(train.captions, train.captions), _tfidf(train.captions, test.captions)
    return np.round(np.asarray(offered @ known.mean(0).T).ravel(), DECIMALS)


def typical_pictures(train: Split, test: Split, look: str) -> Looks:
    """How usual each test picture looks, by its nearness to the training pictures' mean: no text is read."""
    mean = np.round(train.looks[look].mean(0)).astype(np.int64)
    return np.asarray(nearness(look, mean[None], test.looks[look])[0])


def blind(prior: ArrayLike, queries: int) -> Floats:
    """Similarity (queries, items) of one who doesn't see the query: each gets the same order of the gallery."""
    return np.tile(np.asarray(prior, float), (queries, 1))


def _nearest(similarity: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Columns of the k highest values of each row; of equal ones the first column first."""
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def _tfidf(fitted_on: Sequence[str], texts: Sequence[str]) -> Any:
    """TF-IDF of `texts`, a sparse (texts, words) matrix of unit rows; words and frequencies are of `fitted_on`.

    Smoothed as in scikit-learn: idf = ln((1 + n) / (1 + df)) + 1. Words that `fitted_on` lacks count for nothing.
    """
    from scipy.sparse import csr_array, diags_array

    read = [set(words(text)) for text in fitted_on]
    column = {word: at for at, word in enumerate(sorted(set().union(*read)))}
    frequency = np.zeros(len(column))
    for one in read:
        frequency[[column[word] for word in one]] += 1
    idf = np.log((1 + len(read)) / (1 + frequency)) + 1

    cells = [(row, column[word]) for row, text in enumerate(texts) for word in words(text) if word in column]
    rows, columns = np.array(cells, np.int64).reshape(-1, 2).T
    counts = csr_array((np.ones(len(cells)), (rows, columns)), shape=(len(texts), len(column)))
    counts.sum_duplicates()
    weighted = counts @ diags_array(idf)
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(1)).ravel())
    return (diags_array(1 / np.where(lengths > 0, lengths, 1)) @ weighted).tocsr()
