"""A conversation about one picture with a trained LLaVA: remembered, and answered in words.

The memory is what training showed (stages/chat/templates.py): the picture, then the questions and answers upon it.
A model of this kind was trained on one picture a conversation (Liu et al. 2023, arXiv:2304.08485), so a new picture
starts a new one: what was said about another isn't remembered. Where the language model's positions no longer
suffice, the oldest turns are left out and the picture stays.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.chat.model import llava_of
from stages.chat.trained import Trained
from stages.grounding.conversation import one_line
from stages.params import UserError
from stages.pictures import png_bytes

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from stages.chat import templates


@dataclass(frozen=True)
class Reply:
    """What the model said. `probability` is that of its words and their end; `ended`: not cut at `max_new_tokens`.

    `left_out` turns about this picture no longer fit into the memory.
    """

    text: str
    probability: float
    ended: bool
    left_out: int


@dataclass(frozen=True)
class Turn:
    """One question with its reply."""

    question: str
    given: str | None  # sha256 as PNG of the picture that came with it; from here on it is the one that is talked about
    reply: Reply


class Conversation:
    """Keeps what was said, and the newest picture as the model sees it. `trained` needs its tower."""

    def __init__(self, trained: Trained, *, max_new_tokens: int = 64) -> None:
        self.trained, self.max_new_tokens = trained, max_new_tokens
        self.turns: list[Turn] = []
        self._seen: np.ndarray | None = None

    def ask(self, text: str, picture: "Image.Image | None" = None) -> Reply:
        """Answer `text` upon everything said about the newest picture; line ends and controls in it become spaces.

        UserError, and nothing is remembered: without any picture, for an empty question, one with a control token,
        or one that is too long for the language model.
        """
        from stages.chat.generation import reply

        question = one_line(text)
        if not question:
            raise UserError("The question is empty: write one.")
        if picture is None and self._seen is None:
            raise UserError("There is no picture yet: add the one that you ask about.")
        ids, left_out = self._asked(question, self._about(picture))
        seen = self._seen if picture is None else patches_seen(self.trained, [picture])
        said = reply(
            self.trained.model,
            self.trained.tokenizer,
            [ids],
            seen,
            max_new_tokens=self.max_new_tokens,
            batch_size=1,
            label="answer",
        )[0]
        given = None if picture is None else hashlib.sha256(png_bytes(picture.convert("RGB"))).hexdigest()
        self._seen = seen
        self.turns.append(Turn(question, given, Reply(said.text, said.score, said.ended, left_out)))
        return self.turns[-1].reply

    def reset(self) -> None:
        """Forget everything, the picture too."""
        self.turns.clear()
        self._seen = None

    def transcript(self) -> str:
        """One JSON line a turn."""
        lines = [
            {"question": turn.question, "given_sha256": turn.given, "answer": turn.reply.text}
            | {"probability": turn.reply.probability, "ended": turn.reply.ended, "left_out": turn.reply.left_out}
            for turn in self.turns
        ]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def _about(self, picture: "Image.Image | None") -> list[Turn]:
        """The turns about the newest picture, the one that it came with first; none when `picture` comes now."""
        if picture is not None:
            return []
        first = max(number for number, turn in enumerate(self.turns) if turn.given is not None)
        return self.turns[first:]

    def _asked(self, question: str, about: list[Turn]) -> tuple[tuple[int, ...], int]:
        """What the model reads, and how many of the oldest turns had to be left out for it."""
        alone = prefix_of(self.trained, [(question, None)], self.max_new_tokens)  # refuses what no forgetting helps
        said = [(turn.question, turn.reply.text) for turn in about]
        for left_out in range(len(said)):
            ids = self.trained.templates.prefix([*said[left_out:], (question, None)])
            if _fits(self.trained, ids, self.max_new_tokens):
                return ids, left_out
        return alone, len(said)


def prefix_of(trained: Trained, turns: "Sequence[templates.Turn]", max_new_tokens: int) -> tuple[int, ...]:
    """The ids to answer from; UserError where a question holds a control token, or nothing fits behind it."""
    question = turns[-1][0]
    held = trained.templates.held(question)
    if held:
        raise UserError(
            f"the question {question!r} holds {', '.join(held)}, a control token of the model: leave it out."
        )
    ids = trained.templates.prefix(turns)
    if not _fits(trained, ids, max_new_tokens):
        raise UserError(
            f"the conversation has {len(ids)} tokens with its picture, an answer may have {max_new_tokens}; the "
            f"language model has positions for {_positions(trained)}: shorten it, or lower --max-new-tokens."
        )
    return ids


def patches_seen(trained: Trained, pictures: "list[Image.Image]") -> "np.ndarray":
    """(n, patches, width) in float16, as features are kept: what was trained and evaluated on."""
    from stages.features.patches import patches_of

    if trained.tower is None:
        raise RuntimeError("the model was loaded without its tower")
    return patches_of(trained.tower, pictures).astype("float16")


def _fits(trained: Trained, ids: Sequence[int], max_new_tokens: int) -> bool:
    room = _positions(trained)
    return room is None or len(ids) + max_new_tokens <= room


def _positions(trained: Trained) -> int | None:
    found: int | None = getattr(llava_of(trained.model).config.text_config, "max_position_embeddings", None)
    return found
