"""Tokenized rows as Trainer's batches: padded ids, labels on the answer alone, normalised pictures."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.shards import ShardReader
from stages.tokenize.answers.rows import TokenizedRow

IGNORED = -100


@dataclass(frozen=True)
class Rows:
    """The planned rows, in order: a torch map-style dataset."""

    rows: list[TokenizedRow]
    order: list[int]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> dict[str, Any]:
        return {"row": self.rows[self.order[position]], "position": position}


@dataclass(frozen=True)
class Collator:
    """Rows -> input_ids, attention_mask, token_type_ids, labels (n, longest), pixel_values, positions.

    Padded on the right: PaliGemma counts positions from the left, padding or not.
    """

    processor: Any
    views: ShardReader

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        rows: list[TokenizedRow] = [item["row"] for item in items]
        width = max(len(row.prefix_ids) + len(row.suffix_ids) for row in rows)
        shape = (len(rows), width)
        ids = np.full(shape, self.processor.tokenizer.pad_token_id)
        mask, kinds, labels = np.zeros(shape, int), np.zeros(shape, int), np.full(shape, IGNORED)
        for index, row in enumerate(rows):
            start, end = len(row.prefix_ids), len(row.prefix_ids) + len(row.suffix_ids)
            ids[index, :end] = row.prefix_ids + row.suffix_ids
            mask[index, :end] = 1
            kinds[index, start:end] = 1
            labels[index, start:end] = row.suffix_ids
        pictures = [row.picture(self.views) for row in rows]
        pixels = self.processor.image_processor(pictures, do_resize=False, return_tensors="pt")["pixel_values"]
        arrays = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds, "labels": labels}
        batch = {name: torch.from_numpy(array) for name, array in arrays.items()}
        return batch | {"pixel_values": pixels, "positions": torch.tensor([item["position"] for item in items])}
