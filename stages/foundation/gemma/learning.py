"""The model and the loss of one step."""

from itertools import pairwise
from typing import Any

import numpy as np

from stages.foundation.gemma.architecture import make_model
from stages.foundation.gemma.documents import Document, document
from stages.foundation.gemma.training import Schedule

LONGEST = 224  # tokens of a training document
GROWING = 0.5  # share of the steps in which documents grow to full length
ROUNDED = 32  # widths are multiples of this: each new shape costs a compilation of its kernels
BATCHES = 3  # documents of like length go together: padding costs as text does


class Learning:
    """Draws its own documents: other ones in each process."""

    def __init__(self, tokenizer: Any, schedule: Schedule, rank: int = 0) -> None:
        import torch

        torch.manual_seed(schedule.seed)
        self.tokenizer, self.schedule, self.rank = tokenizer, schedule, rank
        self.model = make_model(tokenizer).train()

    def loss(self, step: int) -> Any:
        """Weighted mean cross-entropy of the step's documents."""
        rng = np.random.default_rng([self.schedule.seed, step, self.rank])
        progress = min(1.0, step / (GROWING * self.schedule.steps))
        rows = self.encoded([document(rng, progress) for _ in range(self.schedule.batch)])
        rows.sort(key=lambda row: len(row[0]))
        cuts = [round(len(rows) * part / BATCHES) for part in range(BATCHES + 1)]
        losses = [self._loss_of(rows[start:end]) for start, end in pairwise(cuts) if end > start]
        return sum(loss for loss, _ in losses) / sum(weight for _, weight in losses)

    def encoded(self, documents: list[Document]) -> list[tuple[list[int], list[float]]]:
        """Ids from <bos> to <eos> with each one's weight; a longer document loses its end, and <eos> with it."""
        texts = [text for one in documents for text, _ in one.pieces]
        ids = iter(self.tokenizer(texts, add_special_tokens=False)["input_ids"])
        rows = []
        for one in documents:
            row, weights = [self.tokenizer.bos_token_id], [0.0]
            for _, weight in one.pieces:
                piece = next(ids)
                row += piece
                weights += [weight] * len(piece)
            row.append(self.tokenizer.eos_token_id)
            weights.append(weights[-1])
            rows.append((row[:LONGEST], weights[:LONGEST]))
        return rows

    def _loss_of(self, rows: list[tuple[list[int], list[float]]]) -> tuple[Any, float]:
        """(weighted sum of cross-entropies, weights). Padding is on the right, where nothing looks."""
        import torch
        import torch.nn.functional as functional

        width = -(-max(len(row) for row, _ in rows) // ROUNDED) * ROUNDED
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([row + [pad] * (width + 1 - len(row)) for row, _ in rows])
        weighed = torch.tensor([weights[1:] + [0.0] * (width + 1 - len(weights)) for _, weights in rows])
        hidden = self.model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        logits = self.model.lm_head(hidden).float()
        losses = functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        return (losses * weighed.flatten()).sum(), float(weighed.sum())
