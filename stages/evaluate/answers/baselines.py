"""What can be scored without looking well: if these come near the tuned model, the task is too easy."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

THUMBNAIL = (64, 16)  # width, height in pixels
NEIGHBOURS = 5
ROWS_AT_ONCE = 128


def majority(labels: Sequence[str]) -> str:
    """The most frequent label; of equally frequent ones the first in the alphabet."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label))


def white(size: tuple[int, int]) -> "Image.Image":
    """An empty view of (width, height): what the blind model is shown."""
    from PIL import Image

    return Image.new("RGB", size, "white")


def thumbnails(pictures: "Iterable[Image.Image]") -> np.ndarray:
    """Grey thumbnails, uint8 (rows, 16 * 64)."""
    from PIL import Image

    grey = [np.asarray(one.convert("L").resize(THUMBNAIL, Image.Resampling.BOX)).ravel() for one in pictures]
    return np.stack(grey) if grey else np.empty((0, THUMBNAIL[0] * THUMBNAIL[1]), np.uint8)


def nearest_labels(known: np.ndarray, labels: Sequence[str], asked: np.ndarray, k: int = NEIGHBOURS) -> list[str]:
    """k-nearest-neighbour votes of uint8 `known` (rows, pixels) for each row of `asked`.

    Ties go to the tied label whose nearest row is nearest. Squared distances are whole numbers that
    float64 holds exactly, so neither threads nor the BLAS in use change a vote.
    """
    answers: list[str] = []
    known_squares = (known.astype(np.int64) ** 2).sum(1)
    for start in range(0, len(asked), ROWS_AT_ONCE):
        some = asked[start : start + ROWS_AT_ONCE].astype(float)
        products = np.concatenate(
            [some @ known[i : i + 4096].astype(float).T for i in range(0, len(known), 4096)], axis=1
        )
        distances = known_squares - 2 * products  # the asked row's own square is the same for all
        for order in np.argsort(distances, axis=1, kind="stable")[:, :k]:
            votes = Counter(labels[i] for i in order)  # keeps the order of first sight: nearest first
            answers.append(max(votes, key=lambda label: votes[label]))
    return answers
