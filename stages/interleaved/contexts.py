"""Which training rows stand before a question as examples, and how they are put there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Literal

import numpy as np
import numpy.typing as npt

from stages.params import UserError
from stages.record import Image
from stages.tokenize.interleaved.rows import TokenizedRow

Choose = Literal["fixed", "random", "nearest"]


@dataclass(frozen=True)
class Vectors:
    """Features of rows: `values[i]` (rows, width) is that of row `ids[i]`."""

    ids: Sequence[str]
    values: npt.NDArray[np.floating]

    @cached_property
    def place(self) -> dict[str, int]:
        return {row: place for place, row in enumerate(self.ids)}

    def of(self, rows: Sequence[str]) -> npt.NDArray[np.float64]:
        """(n, width), of length 1 each; UserError names a row that has none."""
        missing = next((row for row in rows if row not in self.place), None)
        if missing is not None:
            raise UserError(f"row {missing} has no features: examples can't be the nearest; run `dvc repro` for them.")
        found = np.asarray(self.values[[self.place[row] for row in rows]], np.float64)
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(np.divide(found, length, out=np.zeros_like(found), where=length > 0))


@dataclass(frozen=True)
class Contexts:
    """Examples for a question, out of the training rows `rows`; equal seeds choose equally.

    `fixed`: the same for every question. `random`: others for each, by seed and question. Both take a label
    once before any a second time. `nearest`: the most similar pictures by cosine of `vectors`, the nearest one
    last, next to the question (Liu et al. 2021, arXiv:2101.06804).
    A question's own entity never helps it, and no entity stands twice while there are others. The k examples
    are the first k (nearest: the last k) of those for any larger k.
    """

    rows: Sequence[TokenizedRow]
    choose: Choose
    seed: int
    vectors: Vectors | None = None

    def examples(self, question: TokenizedRow, k: int, turn: int = 0) -> list[TokenizedRow]:
        """k rows, in the order in which they stand; `turn` draws others for the same question (training's epochs)."""
        if k == 0:
            return []
        found = self._take(question, k, turn, frozenset())
        if len(found) < k:  # not enough entities: one may stand twice
            found += self._take(question, k - len(found), turn, frozenset(row.id for row in found), repeat=True)
        if len(found) < k:
            raise UserError(
                f"question {question.id} can have {len(found)} examples of other entities, {k} were asked for: "
                "lower `evaluate.shots` or `train.context_examples`, or train on more rows."
            )
        return found[::-1] if self.choose == "nearest" else found

    def _take(
        self, question: TokenizedRow, k: int, turn: int, taken: frozenset[str], repeat: bool = False
    ) -> list[TokenizedRow]:
        """Up to k rows, the best first, whose entities aren't the question's, nor (unless `repeat`) each other's."""
        found: list[TokenizedRow] = []
        barred = {question.entity}
        queues = self._queues(question, turn)
        while queues and len(found) < k:
            for queue in list(queues):
                row = next((row for row in queue if row.entity not in barred and row.id not in taken), None)
                if row is None:
                    queues.remove(queue)
                elif len(found) < k:
                    found.append(row)
                    barred |= set() if repeat else {row.entity}
        return found

    def _queues(self, question: TokenizedRow, turn: int) -> list[Iterator[TokenizedRow]]:
        """Rows in order of preference, one queue a label; they are served by turns."""
        if self.choose == "nearest":
            return [self._by_distance(question)]
        key = [self.seed] if self.choose == "fixed" else [self.seed, turn, _number(question.id)]
        labels = sorted(self._by_label)
        order = np.random.default_rng(key).permutation(len(labels))
        return [_shuffled(self._by_label[labels[i]], [*key, int(i) + 1]) for i in order]

    def _by_distance(self, question: TokenizedRow) -> Iterator[TokenizedRow]:
        if self.vectors is None:
            raise UserError("examples that are `nearest` need features: name a row under `features:` in the recipe.")
        closeness = self._known @ self.vectors.of([question.id])[0]
        return (self.rows[i] for i in np.argsort(-closeness, kind="stable"))

    @cached_property
    def _known(self) -> npt.NDArray[np.float64]:
        assert self.vectors is not None
        return self.vectors.of([row.id for row in self.rows])

    @cached_property
    def _by_label(self) -> dict[str, list[TokenizedRow]]:
        groups: dict[str, list[TokenizedRow]] = {}
        for row in self.rows:
            groups.setdefault(row.label, []).append(row)
        return groups


def with_examples(question: TokenizedRow, examples: Sequence[TokenizedRow]) -> tuple[tuple[int, ...], list[Image]]:
    """Ids of a question behind its examples, ready to be answered, and the views in the order of their marks."""
    told = (token for row in examples for token in row.example_ids)
    ids = (*question.prefix_ids[:1], *told, *question.prefix_ids[1:])
    return ids, [*(row.view for row in examples), question.view]


def _shuffled(rows: Sequence[TokenizedRow], key: list[int]) -> Iterator[TokenizedRow]:
    """`rows` in the order drawn from `key`; nothing is drawn before the first one is asked for."""
    yield from (rows[i] for i in np.random.default_rng(key).permutation(len(rows)))


def _number(name: str) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big")
