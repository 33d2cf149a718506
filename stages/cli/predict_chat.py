"""How a chat adapter (CLIP + Phi as in LLaVA) is asked: one question a picture, or a conversation about one picture."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.cli.questions import Line, Question
from stages.params import UserError
from stages.pictures import RefusedPictureError, open_picture

if TYPE_CHECKING:
    from PIL import Image

    from stages.chat.build import Facts
    from stages.chat.generation import Reply
    from stages.chat.templates import Turn
    from stages.chat.trained import Trained

    Prepared = tuple[tuple[int, ...], Image.Image]  # token ids up to the answer; the picture
    Ask = Callable[[list[Prepared]], list[Reply]]

MAX_NEW_TOKENS = 64


def read_facts(adapter: Path) -> "Facts":
    """plumbline.json of a chat adapter; UserError when it is missing or doesn't fit."""
    from stages.chat.build import read_facts as read

    return read(adapter)


def checked_prompt(prompt: str) -> str:
    """A question without space around it; UserError when it is empty."""
    if not prompt.strip():
        raise UserError("the question is empty: ask something, or leave it out for a caption of each picture.")
    return prompt.strip()


def load(given: argparse.Namespace, facts: "Facts") -> "tuple[Callable[[Question], Prepared], Ask]":
    """The two halves of an answer: a question as the model sees it, and what the model says to a batch."""
    from stages.chat.conversation import patches_seen, prefix_of

    trained = _trained(given)
    default = facts.tokenize.caption_prompts[0]

    @lru_cache
    def prefix(prompt: str) -> tuple[int, ...]:
        return prefix_of(trained, ((checked_prompt(prompt), None),), given.max_new_tokens)

    def prepare(question: Question) -> "Prepared":
        return prefix(default if question.prompt is None else question.prompt), open_picture(question.path)

    def ask(batch: "list[Prepared]") -> "list[Reply]":
        answers: list[Reply] = []
        for start in range(0, len(batch), given.batch_size):
            some = batch[start : start + given.batch_size]
            patches = patches_seen(trained, [picture for _, picture in some])
            answers += _replies(trained, [ids for ids, _ in some], patches, given)
        return answers

    return prepare, ask


def talk(given: argparse.Namespace) -> Iterator[Line]:
    """A line for each of `--text` about `--image`; every question stands behind those before it and their answers."""
    texts = [checked_prompt(text) for text in given.text or []]
    if not texts:
        raise UserError("--image FILE needs a question: --text TEXT, again for each further one.")
    try:
        picture = open_picture(given.image)
    except RefusedPictureError as error:
        raise UserError(f"--image {given.image}: {error}") from error
    from stages.chat.conversation import patches_seen, prefix_of

    trained = _trained(given)
    patches = patches_seen(trained, [picture])
    history: tuple[Turn, ...] = ()
    for text in texts:
        ids = prefix_of(trained, (*history, (text, None)), given.max_new_tokens)
        said = _replies(trained, [ids], patches, given)[0]
        history = (*history, (text, said.text))
        yield {"input": str(given.image), "prompt": text, "output": said.text, "score": said.score}


def _trained(given: argparse.Namespace) -> "Trained":
    from stages.bases import pick_device
    from stages.chat.trained import load_trained

    return load_trained(given.adapter, given.base_dir, pick_device(given.device), tower=True)


def _replies(
    trained: "Trained", prefixes: Sequence[Sequence[int]], patches: Any, given: argparse.Namespace
) -> "list[Reply]":
    from stages.chat.generation import reply

    return reply(
        trained.model,
        trained.tokenizer,
        prefixes,
        patches,
        max_new_tokens=given.max_new_tokens,
        batch_size=given.batch_size,
        label="predict",
    )
