"""How a grounding adapter (FROMAGe) is asked: a picture's caption, an answer about it, or pictures for a text."""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stages.cli.questions import Line, Question, Refused, prepared_or_refused
from stages.params import UserError
from stages.pictures import open_picture

if TYPE_CHECKING:
    from torch import Tensor

    from stages.grounding.build import Trained

    Prepared = tuple[str | None, Tensor]  # the prompt; the picture as the tower reads it, (3, height, width)

MAX_NEW_TOKENS = 32


@dataclass(frozen=True)
class Answer:
    """What was said, and its probability (0 to 1) with its end; [RET] was out of the question."""

    text: str
    score: float


def checked_prompt(prompt: str) -> str:
    """A question as one line; UserError when it is empty."""
    from stages.grounding.conversation import one_line

    if not one_line(prompt):
        raise UserError("the prompt is empty: ask something, or leave it out for a caption of each picture.")
    return one_line(prompt)


def checked_text(text: str) -> str:
    """What --find looks for, as one line."""
    from stages.grounding.conversation import searched

    return searched(text)


def load(
    given: argparse.Namespace,
) -> "tuple[Callable[[Question], Prepared], Callable[[list[Prepared]], list[Answer]]]":
    """The two halves of an answer: a question as the model sees it, and what the model says to a batch."""
    trained = _trained(given)
    start = lru_cache(_Start(trained, given.max_new_tokens))

    def prepare(question: Question) -> "Prepared":
        prompt = None if question.prompt is None else checked_prompt(question.prompt)
        start(prompt)  # a prompt that is too long is an error of its own line
        return prompt, trained.tower.pixels([open_picture(question.path)])[0]

    def ask(batch: "list[Prepared]") -> list[Answer]:
        answers: dict[int, Answer] = {}
        # Rows of one batch stop at the same ids, so captions (which end at <eos>) and answers are kept apart.
        for captions in (True, False):
            rows = [row for row, (prompt, _) in enumerate(batch) if (prompt is None) == captions]
            for at in range(0, len(rows), given.batch_size):
                some = rows[at : at + given.batch_size]
                prompts = [start(batch[row][0]) for row in some]
                said = _said(trained, prompts, [batch[row][1] for row in some], captions, given.max_new_tokens)
                answers.update(zip(some, said, strict=True))
        return [answers[row] for row in range(len(batch))]

    return prepare, ask


def ranking(given: argparse.Namespace, text: str, questions: Sequence[Question]) -> Iterator[Line]:
    """The best `--top` pictures for `text`, best first; then a line for each that couldn't be read."""
    import numpy as np

    from stages.grounding.conversation import Conversation, Pictures

    trained = _trained(given)
    names: list[str] = []
    pooled: list[Any] = []
    errors: list[Line] = []
    for question in questions:
        one = prepared_or_refused(question, lambda asked: trained.tower.pooled([open_picture(asked.path)]))
        if isinstance(one, Refused):
            errors.append({"input": text, "output": None, "score": None, "error": f"{question.input}: {one.why}"})
        else:
            names.append(str(question.input))
            pooled.append(one)
    if names:
        pictures = Pictures.of(trained.model, np.concatenate(pooled), names)
        for name, score in Conversation(trained, pictures).find(text, given.top):
            yield {"input": text, "output": name, "score": round(score, 6)}
    yield from errors


def _trained(given: argparse.Namespace) -> "Trained":
    from stages.bases import pick_device
    from stages.grounding.build import load_trained

    return load_trained(given.adapter, given.base_dir, pick_device(given.device))


class _Start:
    """The ids from which an answer (a caption without prompt) goes on, as in training."""

    def __init__(self, trained: "Trained", max_new_tokens: int) -> None:
        from stages.tokenize.grounding.encode import Marks

        self.tokenizer = trained.tokenizer
        self.marks = Marks.of(trained.tokenizer, trained.model.config.visual_tokens)
        self.positions: int | None = getattr(trained.model.language.config, "max_position_embeddings", None)
        self.max_new_tokens = max_new_tokens

    def __call__(self, prompt: str | None) -> tuple[int, ...]:
        from stages.tokenize.grounding.encode import QUESTION, caption_sequence, dialogue_sequence, text_ids

        if prompt is None:
            ids = caption_sequence(self.marks, [()]).ids[:-1]
        else:
            ids = dialogue_sequence(self.marks, [(text_ids(self.tokenizer, QUESTION.format(question=prompt)), ())]).ids
        if self.positions is not None and len(ids) + self.max_new_tokens > self.positions:
            raise UserError(
                f"the prompt has {len(ids)} tokens with its picture, an answer may have {self.max_new_tokens}; the "
                f"language model has positions for {self.positions}: shorten it, or lower --max-new-tokens."
            )
        return ids


def _said(
    trained: "Trained", prompts: Sequence[tuple[int, ...]], pixels: "list[Tensor]", captions: bool, max_new_tokens: int
) -> list[Answer]:
    """One batch, padded on the left."""
    import torch

    from stages.tokenize.grounding.encode import ANSWER, Marks, text_ids

    marks = Marks.of(trained.tokenizer, trained.model.config.visual_tokens)
    line_end = text_ids(trained.tokenizer, ANSWER.format(answer="x"))[-1]
    longest = max(map(len, prompts))
    answers = trained.model.generate(
        torch.tensor([[marks.pad] * (longest - len(ids)) + list(ids) for ids in prompts]),
        torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in prompts]),
        pixel_values=torch.stack(pixels),
        max_new_tokens=max_new_tokens,
        stop_ids={marks.eos} if captions else {line_end, marks.eos},
        min_word_tokens=max_new_tokens,  # never [RET]: a line has no room for a picture
    )
    texts = [trained.tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in answers.ids]
    scores = [round(min(1.0, math.exp(log)), 6) for log in answers.logs]
    return [Answer(text, score) for text, score in zip(texts, scores, strict=True)]
