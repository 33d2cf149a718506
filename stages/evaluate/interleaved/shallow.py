"""What can be answered without a vision-language model: by the usual label, by colours, by a small grey picture."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.evaluate.looks import LOOKS, Looks, nearness
from stages.interleaved.model import Levels, Views
from stages.tokenize.interleaved.rows import TokenizedRow

NEIGHBOURS = 5


def looks_of(rows: Sequence[TokenizedRow], views: Views) -> dict[str, Looks]:
    """{look: (rows, values)} of the rows' fitted pictures."""
    return {name: make(_picture(views(row.view)) for row in rows) for name, make in LOOKS.items()}


def _picture(levels: Levels) -> NDArray[np.uint8]:
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def majority(labels: Sequence[str]) -> str:
    """The most frequent label; of equally frequent ones the first in the alphabet."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label))


def nearest_labels(look: str, known: Looks, labels: Sequence[str], asked: Looks) -> list[str]:
    """Votes of the pictures that look nearest; ties go to the tied label whose picture is nearest."""
    answers = []
    for order in np.argsort(-nearness(look, asked, known), axis=1, kind="stable")[:, :NEIGHBOURS]:
        votes = Counter(labels[place] for place in order)  # keeps the order of first sight: nearest first
        answers.append(max(votes, key=lambda label: votes[label]))
    return answers


def nearest_captions(look: str, known: Looks, captions: Sequence[str], asked: Looks) -> list[str]:
    """The caption of the picture that looks nearest."""
    return [captions[place] for place in nearness(look, asked, known).argmax(1)]
