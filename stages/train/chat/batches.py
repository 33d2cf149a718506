"""Planned rows as Trainer's batches: ids with a label where an answer is, and the pictures' cached patches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.chat.model import inputs_embeds
from stages.features.patches import Patches
from stages.tokenize.chat.rows import TokenizedRow
from stages.train.qlora import answer_loss

IGNORED = -100


@dataclass(frozen=True)
class Rows:
    """The planned rows, in order: a torch map-style dataset."""

    rows: Sequence[TokenizedRow]
    order: Sequence[int]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> dict[str, Any]:
        return {"row": self.rows[self.order[position]], "position": position}


@dataclass(frozen=True)
class Collator:
    """Rows -> input_ids, attention_mask, labels (n, longest) padded on the right, patches (n, patches, width).

    What is padding, and what is learnt, comes from lengths and masks: `pad` may be the end of sequence.
    """

    patches: Patches
    pad: int

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        rows: list[TokenizedRow] = [item["row"] for item in items]
        shape = (len(rows), max(len(row.ids) for row in rows))
        ids, labels = np.full(shape, self.pad, np.int64), np.full(shape, IGNORED, np.int64)
        mask = np.zeros(shape, np.int64)
        for place, row in enumerate(rows):
            length = len(row.ids)
            ids[place, :length], mask[place, :length] = row.ids, 1
            labels[place, :length] = np.where(row.supervised, row.ids, IGNORED)
        arrays = {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": labels,
            "patches": self.patches.of([(row.id, row.picture) for row in rows]),
            "positions": np.array([item["position"] for item in items]),
        }
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def loss_of(model: Any, batch: dict[str, Any]) -> Any:
    """Mean cross-entropy in nats over the supervised tokens of a batch: answers and their ends."""
    embeds = inputs_embeds(model, batch["input_ids"], batch["patches"])
    given = {"inputs_embeds": embeds, "attention_mask": batch["attention_mask"], "labels": batch["labels"]}
    return answer_loss(model, given)
