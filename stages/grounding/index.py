"""The pictures that [RET] may answer with: their embeddings, searched exactly by inner product.

One matrix product and a partial sort: bench/retrieval_index.py compares it with faiss's exact index (IndexFlatIP).
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stages.params import UserError

Vectors = NDArray[np.float32]

AT_ONCE = 1 << 24  # scores in memory at a time (64 MiB)
FEW = 8  # queries


@dataclass(frozen=True)
class EmbeddingIndex:
    """`embeddings` (pictures, width), float32, and the id of each picture, in the same order."""

    embeddings: Vectors
    ids: tuple[str, ...]

    @classmethod
    def build(cls, embeddings: ArrayLike, ids: Sequence[str]) -> "EmbeddingIndex":
        """An index over `embeddings` (n, width); for cosines, give rows of length 1.

        UserError for no pictures, another shape, values that aren't finite, an id that is missing or comes twice.
        """
        rows = np.ascontiguousarray(embeddings, np.float32)
        if rows.ndim != 2 or not rows.size:
            raise UserError(f"An index needs embeddings of shape (pictures, width), at least one; found {rows.shape}.")
        if len(ids) != len(rows):
            raise UserError(f"{len(rows)} embeddings, but {len(ids)} ids: give each picture's id, in the same order.")
        if broken := np.flatnonzero(~np.isfinite(rows).all(1)).tolist():
            raise UserError(
                f"The embedding of picture {ids[broken[0]]} holds values that are not finite ({len(broken)} such "
                "pictures): compute its features anew."
            )
        if len(set(ids)) != len(ids):
            twice, _ = Counter(ids).most_common(1)[0]
            raise UserError(f"Picture {twice} is in the index more than once: give each picture once.")
        rows.flags.writeable = False
        return cls(rows, tuple(ids))

    def search(self, query: ArrayLike, k: int, without: Collection[str] = ()) -> tuple[list[list[str]], Vectors]:
        """The `k` nearest pictures of each row of `query` (m, width): ids, and their scores (m, found), best first.

        Pictures in `without` (those that a conversation has shown) are never found, so there may be fewer than `k`,
        or none; ids that the index doesn't know don't matter there. Of equal scores the earlier picture comes first.
        UserError for another width, values that aren't finite, or a `k` below 1.
        """
        asked = np.asarray(query, np.float32)
        width = self.embeddings.shape[1]
        if asked.ndim != 2 or asked.shape[1] != width:
            raise UserError(f"A query must have the index's shape (queries, {width}); found {asked.shape}.")
        if not np.isfinite(asked).all():
            raise UserError("The query's embedding holds values that are not finite: nothing can be near it.")
        if k < 1:
            raise UserError(f"`k` = {k} is not allowed: ask for one picture or more.")
        hidden = self._places(without)
        found = min(k, len(self.ids) - len(hidden))
        if not found:
            return [[] for _ in asked], np.empty((len(asked), 0), np.float32)
        step = max(1, AT_ONCE // len(self.ids))
        places, scores = [], []
        for start in range(0, len(asked), step):
            products = self._products(asked[start : start + step])
            products[:, hidden] = -np.inf
            best = _highest(products, found)
            places += best
            scores += [row[order] for row, order in zip(products, best, strict=True)]
        return [[self.ids[at] for at in order] for order in places], np.array(scores, np.float32).reshape(-1, found)

    def _products(self, asked: Vectors) -> Vectors:
        """Scores (queries, pictures). For few queries, a pass for each beats the matrix product (it copies rows)."""
        if len(asked) <= FEW:
            return np.asarray(np.vecdot(self.embeddings, asked[:, None, :]), np.float32)
        return asked @ self.embeddings.T

    def _places(self, without: Collection[str]) -> list[int]:
        hidden = set(without)
        return [at for at, one in enumerate(self.ids) if one in hidden] if hidden else []


def _highest(scores: Vectors, count: int) -> list[NDArray[np.int64]]:
    """Of each row, the places of the `count` highest scores, best first, equal ones in order.

    Only what reaches the last of them is sorted: a full sort would cost many times more.
    """
    last = scores.shape[1] - count
    least = np.partition(scores, last, axis=1)[:, last]
    best = []
    for row, level in zip(scores, least, strict=True):
        reached = np.flatnonzero(row >= level)
        best.append(reached[np.argsort(-row[reached], kind="stable")[:count]])
    return best
