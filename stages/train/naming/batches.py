"""The batches that Trainer is given, and the loss on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stages.tokenize.naming.rows import TokenizedRow
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
    """Rows -> input_ids, attention_mask, labels (rows, longest), padded on the right; and positions."""

    pad: int

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        rows: list[TokenizedRow] = [item["row"] for item in items]
        shape = (len(rows), max(len(row.prompt_ids) + len(row.answer_ids) for row in rows))
        ids, mask = torch.full(shape, self.pad), torch.zeros(shape, dtype=torch.long)
        labels = torch.full(shape, IGNORED)
        for place, row in enumerate(rows):
            whole = torch.tensor([*row.prompt_ids, *row.answer_ids])
            ids[place, : len(whole)], mask[place, : len(whole)] = whole, 1
            labels[place, : len(whole)] = torch.tensor(supervised(row))
        positions = torch.tensor([item["position"] for item in items])
        return {"input_ids": ids, "attention_mask": mask, "labels": labels, "positions": positions}


def supervised(row: TokenizedRow) -> list[int]:
    """What each place of a row is trained to say: nothing in the user's turn, all of the model's with its end."""
    return [*(IGNORED for _ in row.prompt_ids), *row.answer_ids]


def naming_loss(model: Any, inputs: dict[str, Any]) -> Any:
    """Mean cross-entropy over supervised tokens, as the model's own loss.

    A model whose logits are capped (Gemma 2) computes it itself: `answer_loss` reads the head alone.
    """
    inner = getattr(model, "module", model)
    if getattr(inner.config.get_text_config(), "final_logit_softcapping", None) is None:
        return answer_loss(model, inputs)
    return model(**inputs, use_cache=False).loss
