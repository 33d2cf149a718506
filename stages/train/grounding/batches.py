"""Planned rows as Trainer's batches: captions, retrieval texts and dialogues, with their pictures' features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.features.store import Features
from stages.grounding.losses import IGNORED
from stages.grounding.recipe import Train
from stages.tokenize.grounding.encode import Marks, Sample, caption_sequence, dialogue_sequence, retrieval_sequence
from stages.tokenize.grounding.rows import CaptionRow, DialogueRow


@dataclass(frozen=True)
class Rows:
    """The planned rows, in order: a torch map-style dataset."""

    rows: Sequence[CaptionRow]
    order: Sequence[int]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> dict[str, Any]:
        return {"row": self.rows[self.order[position]], "position": position}


@dataclass(frozen=True)
class Collator:
    """Rows -> features (n, width), positions (n,), and per kind of text ids, mask and labels (m, longest).

    `dialogues` are found by caption row id: a row has its caption, its retrieval text, and perhaps a dialogue.

    With probability `interleaved` a batch's captions are concatenated two by two, each after its picture:
    the model learns to read what stands before (Koh et al. 2023, section 3.3).
    """

    marks: Marks
    features: Features
    dialogues: dict[str, DialogueRow]
    settings: Train

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        rows: list[CaptionRow] = [item["row"] for item in items]
        positions = [item["position"] for item in items]
        vectors = torch.from_numpy(self.features.of([(row.id, row.sha256) for row in rows]))
        batch: dict[str, Any] = {"features": vectors, "positions": torch.tensor(positions)}
        weights = self.settings.weights
        if weights.caption:
            batch["caption"] = self.padded(self._captions(rows, positions[0]))
        if weights.retrieval_text or weights.image_to_text or weights.text_to_image:
            batch["retrieval"] = self.padded([retrieval_sequence(self.marks, row.ids) for row in rows])
        asked = [index for index, row in enumerate(rows) if row.id in self.dialogues]
        if weights.dialogue and asked:
            found = [self.dialogues[rows[index].id] for index in asked]
            turns = [list(zip(one.question_ids, one.answer_ids, strict=True)) for one in found]
            batch["dialogue"] = self.padded([dialogue_sequence(self.marks, some) for some in turns])
            batch["dialogue"]["features"] = vectors[asked]
        return batch

    def _captions(self, rows: list[CaptionRow], position: int) -> list[Sample]:
        """One sample a row, or one for two rows; a last odd row stays alone."""
        interleave = np.random.default_rng([self.settings.seed, 1, position]).random() < self.settings.interleaved
        step = 2 if interleave else 1
        return [
            caption_sequence(self.marks, [row.ids for row in rows[i : i + step]]) for i in range(0, len(rows), step)
        ]

    def padded(self, samples: list[Sample]) -> dict[str, Any]:
        """input_ids, attention_mask, labels: (n, longest), padded on the right."""
        import torch

        shape = (len(samples), max(len(sample.ids) for sample in samples))
        ids, labels = np.full(shape, self.marks.pad), np.full(shape, IGNORED)
        mask = np.zeros(shape, int)
        for index, sample in enumerate(samples):
            given, learnt = np.array(sample.ids), np.array(sample.learnt)
            ids[index, : len(given)] = given
            mask[index, : len(given)] = 1
            labels[index, : len(given)] = np.where(learnt, given, IGNORED)
        arrays = {"input_ids": ids, "attention_mask": mask, "labels": labels}
        return {name: torch.from_numpy(array) for name, array in arrays.items()}
