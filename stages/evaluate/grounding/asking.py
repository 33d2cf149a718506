"""What a FROMAGe says and finds: embeddings, captions and dialogues, batch by batch, in the order given."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.tokenize.grounding.encode import (
    ANSWER,
    Marks,
    Sample,
    caption_sequence,
    dialogue_sequence,
    retrieval_sequence,
    text_ids,
)
from stages.tokenize.grounding.rows import CaptionRow, DialogueRow

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True)
class Asked:
    """A model with its tokenizer, and how many rows it is given at once."""

    model: Any
    tokenizer: Any
    marks: Marks
    batch_size: int
    max_new_tokens: int

    def texts(self, rows: Sequence[CaptionRow], label: str) -> "np.ndarray":
        """Captions in the shared space, (rows, shared_width), of length 1."""
        samples = [retrieval_sequence(self.marks, row.ids) for row in rows]
        return _joined(self.model.text_embeddings(*self._padded(some)) for some in self._batches(samples, label))

    def pictures(self, features: "np.ndarray") -> "np.ndarray":
        """Pictures in the shared space, (pictures, shared_width), of length 1."""
        import torch

        return _joined([self.model.image_embeddings(torch.from_numpy(features))])

    def captions(self, features: "np.ndarray", label: str) -> list[str]:
        """A greedy caption of each picture; [RET] is out of the question."""
        start = caption_sequence(self.marks, [()]).ids[:-1]  # up to where the caption begins
        said: list[str] = []
        for numbers in self._batches(range(len(features)), label):
            given = [Sample(start, (False,) * len(start)) for _ in numbers]
            said += self._continue(given, features[list(numbers)], stop=self.marks.eos)
        return said

    def dialogues(self, rows: Sequence[DialogueRow], features: "np.ndarray", label: str) -> list[list[str]]:
        """Answers to every question of each dialogue, turn after turn, upon the model's own earlier answers."""
        line_end = text_ids(self.tokenizer, ANSWER.format(answer="x"))[-1]
        answers: list[list[str]] = [[] for _ in rows]
        for turn in range(max(len(row.question_ids) for row in rows)):
            still = [i for i, row in enumerate(rows) if turn < len(row.question_ids)]
            for numbers in self._batches(still, f"{label}, turn {turn + 1}"):
                given = [dialogue_sequence(self.marks, self._so_far(rows[i], answers[i])) for i in numbers]
                for i, answer in zip(numbers, self._continue(given, features[list(numbers)], line_end), strict=True):
                    answers[i].append(answer)
        return answers

    def _so_far(self, row: DialogueRow, answers: list[str]) -> list[tuple[Sequence[int], Sequence[int]]]:
        said = [text_ids(self.tokenizer, ANSWER.format(answer=answer)) for answer in answers]
        return list(zip(row.question_ids[: len(said) + 1], [*said, ()], strict=True))

    def _continue(self, samples: Sequence[Sample], features: "np.ndarray", stop: int) -> list[str]:
        import torch

        answers = self.model.generate(
            *self._padded(samples),
            torch.from_numpy(features),
            max_new_tokens=self.max_new_tokens,
            stop_ids={stop, self.marks.eos},
            min_word_tokens=self.max_new_tokens,
        )
        return [self.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in answers.ids]

    def _padded(self, samples: Sequence[Sample]) -> "tuple[Tensor, Tensor]":
        """input_ids and attention_mask, (n, longest), padded on the left."""
        import torch

        longest = max(len(sample.ids) for sample in samples)
        lacks = [longest - len(sample.ids) for sample in samples]
        ids = [[self.marks.pad] * lack + list(sample.ids) for lack, sample in zip(lacks, samples, strict=True)]
        mask = [[0] * lack + [1] * (longest - lack) for lack in lacks]
        device = self.model.device
        return torch.tensor(ids, device=device), torch.tensor(mask, device=device)

    def _batches(self, rows: Sequence[Any], label: str) -> Iterator[Sequence[Any]]:
        from tqdm import tqdm

        with tqdm(total=len(rows), desc=label, unit="row") as bar:
            for start in range(0, len(rows), self.batch_size):
                yield rows[start : start + self.batch_size]
                bar.update(len(rows[start : start + self.batch_size]))


def _joined(parts: Any) -> "np.ndarray":
    import torch

    with torch.inference_mode():
        return torch.cat([part.float().cpu() for part in parts]).numpy()  # type: ignore[no-any-return]
