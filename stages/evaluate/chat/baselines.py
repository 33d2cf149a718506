"""What needs no model: the commonest answer to a question's wording, one caption for all, a neighbour's caption."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from stages.evaluate.captions import words
from stages.evaluate.chat.marking import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEGINNING = 3  # words of a question that count where its whole wording is new


class UsualAnswers:
    """The commonest training answer to a question, without looking at the picture.

    By the exact wording; where training lacks that, by its first three words; else the commonest of all. Of equally
    common answers the first in the alphabet.
    """

    def __init__(self, asked: Sequence[tuple[str, str]]) -> None:
        """`asked`: (question, answer) of the training conversations."""
        self.counts: dict[tuple[str, ...], Counter[str]] = {}
        for question, answer in asked:
            for key in _keys(question):
                self.counts.setdefault(key, Counter())[answer] += 1

    def __call__(self, question: str) -> str:
        counts = next((self.counts[key] for key in _keys(question) if key in self.counts), None)
        return min(counts, key=lambda answer: (-counts[answer], answer)) if counts else ""


def _keys(question: str) -> tuple[tuple[str, ...], ...]:
    """From the most to the least particular."""
    said = plain(question).split()
    return (("wording", *said), ("beginning", *said[:BEGINNING]), ("any",))


def central_caption(captions: Sequence[str]) -> str:
    """The caption whose words are most like everyone's: the largest cosine to the mean of all, as sets of words.

    Of equally central ones the first in the alphabet. ValueError for no caption.
    """
    from scipy.sparse import csr_array

    if not captions:
        raise ValueError("no caption to choose from")
    distinct = Counter(captions)
    texts = sorted(distinct)
    known: dict[str, int] = {}
    places, owners = [], []
    for owner, text in enumerate(texts):
        for word in dict.fromkeys(words(text)):
            places.append(known.setdefault(word, len(known)))
            owners.append(owner)
    said = csr_array((np.ones(len(places)), (owners, places)), shape=(len(texts), max(1, len(known))))
    lengths = np.sqrt(np.maximum(1.0, np.asarray(said.sum(axis=1)).ravel()))
    times = np.array([distinct[text] for text in texts], float)
    likeness = (said @ (said.T @ (times / lengths))) / lengths
    return texts[int(np.argmax(np.round(likeness, 9)))]


def nearest(known: "NDArray[np.float32]", asked: "NDArray[np.float32]") -> list[int]:
    """The row of `known` (pictures, width) with the largest cosine to each row of `asked`; the first of equals."""

    def unit(rows: "NDArray[np.float32]") -> "NDArray[np.float32]":
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)

    centre = known.mean(axis=0)  # what all pictures share says nothing about one
    found = unit(asked - centre) @ unit(known - centre).T
    return [int(place) for place in found.argmax(axis=1)]
