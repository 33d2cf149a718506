"""Putting the same questions to a model in several ways: alone, behind examples, without its picture."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any, overload

import numpy as np

from stages.bases import compute_as_in_training
from stages.evaluate.closed import score_labels
from stages.interleaved.contexts import with_examples
from stages.interleaved.generation import Asked, answer
from stages.interleaved.model import Inputs, Levels, Sample, Views
from stages.interleaved.sight import Sight
from stages.record import Image
from stages.tokenize.interleaved.rows import TokenizedRow

Examples = Callable[[TokenizedRow], list[TokenizedRow]]


@dataclass(frozen=True)
class Questions(Sequence[Asked]):
    """One question a row, its pictures read when it is asked. `blind`: every picture is a grey one."""

    rows: Sequence[TokenizedRow]
    examples: Examples
    views: Views
    blind: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Asked: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Asked]: ...
    def __getitem__(self, place: int | slice) -> Asked | Sequence[Asked]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        row = self.rows[place]
        ids, pictures = with_examples(row, self.examples(row))
        return ids, [self._picture(one) for one in pictures]

    def _picture(self, view: Image) -> Levels:
        return grey(view.height, view.width) if self.blind else self.views(view)


@lru_cache(maxsize=8)
def grey(height: int, width: int) -> Levels:
    """A picture that shows nothing: what the blind model sees."""
    return np.full((3, height, width), 128, np.uint8)


def no_examples(_: TokenizedRow) -> list[TokenizedRow]:
    return []


@dataclass(frozen=True)
class Respondent:
    """A model that answers questions in words, or by choosing among labels. Once it has changed, make another."""

    model: Any
    processor: Any
    batch_size: int
    max_new_tokens: int
    stops: tuple[str, ...]
    sight: Sight = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sight", Sight(self.model, Inputs(self.processor)))

    def says(self, questions: Sequence[Asked], label: str) -> list[str]:
        """What it writes, greedily, to each question. `label` names the progress bar."""
        answers = answer(
            self.model,
            self.processor,
            questions,
            batch_size=self.batch_size,
            max_new_tokens=self.max_new_tokens,
            stops=self.stops,
            sight=self.sight,
            label=label,
        )
        return [one.text for one in answers]

    def chooses(self, questions: Sequence[Asked], labels: Sequence[Sequence[int]], label: str) -> list[int]:
        """The place of the likeliest of `labels`, given as token ids, after each question."""
        from tqdm import tqdm

        self.model.eval()
        compute_as_in_training(self.model)
        order = sorted(range(len(questions)), key=lambda i: len(questions[i][0]))
        batches = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
        found = (self._choose([questions[i] for i in some], labels) for some in tqdm(batches, desc=label))
        by_place = dict(zip(order, chain.from_iterable(found), strict=True))
        return [by_place[i] for i in range(len(questions))]

    def _choose(self, asked: Sequence[Asked], labels: Sequence[Sequence[int]]) -> Iterator[int]:
        """One batch."""
        import torch

        samples = [Sample(ids, list(pictures)) for ids, pictures in asked]  # type: ignore[arg-type]
        given = self.sight.inputs.text(samples, side="left")
        name = "perceiver_embeddings" if self.model.config.use_resampler else "image_encoder_embeddings"
        with torch.inference_mode():
            inputs = {key: tensor.to(self.model.device) for key, tensor in given.items() if key != "labels"}
            inputs[name] = self.sight(samples)
            yield from score_labels(self.model, inputs, labels).argmax(1).tolist()
