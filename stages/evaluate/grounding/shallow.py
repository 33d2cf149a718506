"""Retrieval and captions without a model: words by TF-IDF, pictures by colours or by a grey thumbnail.

A text is answered by the looks of the training pictures whose captions are nearest, a picture by the captions of the
training pictures that look nearest. If these come near the tuned model, the task is too easy. Looks are whole
numbers, and cosines are rounded, so neither threads nor the BLAS in use change an order.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stages.evaluate.grounding.captions import words

Looks = NDArray[np.int64]
Floats = NDArray[np.float64]

NEIGHBOURS = 5
HISTOGRAM_SIDE, LEVELS = 64, 4  # pixels a side that are counted; levels a channel, so 64 colours
THUMBNAIL_SIDE = 16
DECIMALS = 9


@dataclass(frozen=True)
class Split:
    """One split: its pictures by their looks, its captions, and the number of the picture that each belongs to."""

    looks: Mapping[str, Looks]  # one of LOOKS -> (pictures, values)
    captions: tuple[str, ...]
    owners: NDArray[np.int64]


def colour_histograms(pictures: Iterable[NDArray[np.uint8]]) -> Looks:
    """Pixels of each of 4 x 4 x 4 colours, (pictures, 64), of RGB pictures (height, width, 3)."""
    rows = []
    for picture in pictures:
        level = _resized(picture, HISTOGRAM_SIDE, "RGB").astype(np.int64) * LEVELS // 256
        colours = (level[..., 0] * LEVELS + level[..., 1]) * LEVELS + level[..., 2]
        rows.append(np.bincount(colours.ravel(), minlength=LEVELS**3))
    return np.array(rows, np.int64).reshape(-1, LEVELS**3)


def thumbnails(pictures: Iterable[NDArray[np.uint8]]) -> Looks:
    """Grey thumbnails, (pictures, 256), of RGB pictures (height, width, 3)."""
    rows = [_resized(picture, THUMBNAIL_SIDE, "L").ravel() for picture in pictures]
    return np.array(rows, np.int64).reshape(-1, THUMBNAIL_SIDE**2)


def _resized(picture: NDArray[np.uint8], side: int, mode: str) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).convert(mode).resize((side, side), Image.Resampling.BOX))


LOOKS: Mapping[str, Callable[[Iterable[NDArray[np.uint8]]], Looks]] = {
    "histogram": colour_histograms,
    "thumbnail": thumbnails,
}


def nearness(look: str, one: Looks, other: Looks) -> Looks:
    """How alike pictures are, (ones, others): shared pixels of histograms, or minus the squared distance of thumbnails.

    The shared pixels are Swain and Ballard's histogram intersection (1991, "Color indexing").
    """
    if look == "histogram":
        return np.array([np.minimum(row, other).sum(1) for row in one], np.int64).reshape(len(one), len(other))
    return np.array([-((row - other) ** 2).sum(1) for row in one], np.int64).reshape(len(one), len(other))


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
