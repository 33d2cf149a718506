"""Which rows are trained on, with which examples before them, and the batches that Trainer is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stages.interleaved.contexts import Contexts, with_examples
from stages.interleaved.model import Inputs, Sample, Views
from stages.tokenize.interleaved.rows import TokenizedRow


@dataclass(frozen=True)
class Rows:
    """The planned rows, in order, each with its examples: a torch map-style dataset."""

    rows: list[TokenizedRow]
    order: list[int]
    contexts: Contexts
    examples: int

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> dict[str, Any]:
        row = self.rows[self.order[position]]
        examples = self.contexts.examples(row, self.examples, turn=position // len(self.rows))
        return {"row": row, "examples": examples, "position": position}


@dataclass(frozen=True)
class Collator:
    """Rows -> IDEFICS's inputs with labels on each row's own answer, padded on the right, and positions."""

    inputs: Inputs
    views: Views

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        batch = self.inputs([self._sample(item["row"], item["examples"]) for item in items], side="right")
        return batch | {"positions": torch.tensor([item["position"] for item in items])}

    def _sample(self, row: TokenizedRow, examples: Sequence[TokenizedRow]) -> Sample:
        ids, views = with_examples(row, examples)
        return Sample((*ids, *row.suffix_ids), [self.views(view) for view in views], learnt=len(row.suffix_ids))
