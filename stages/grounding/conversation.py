"""A conversation with a trained FROMAGe: text and pictures in any order, remembered, answered in words and pictures.

The memory is one interleaved sequence, of the parts that training showed (stages/tokenize/grounding/encode.py):

    <bos> [picture] Q: ...\\nA: ...\\n [picture] Q: ...\\nA: ...[RET] picture\\n ...

A picture stands before the question that it came with. Where the model says [RET], the picture that is found
stands behind it and is remembered like any other (Koh et al. 2023, arXiv:2301.13823, section 5).
"""

import hashlib
import json
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stages.grounding.build import Trained
from stages.grounding.index import EmbeddingIndex
from stages.params import UserError
from stages.pictures import png_bytes
from stages.tokenize.grounding.encode import ANSWER, QUESTION, Marks, retrieval_sequence, text_ids

if TYPE_CHECKING:
    from PIL import Image

Vectors = NDArray[np.float32]

MOST_FACTOR = 10.0  # on [RET]'s logit; the released code uses 1.0 to 1.3
AT_ONCE = 4096  # pictures a step, when embeddings are made
SEPARATORS = {"Cc", "Cs", "Zl", "Zp"}  # categories of Unicode: controls, halves of characters, line and paragraph ends


@dataclass(frozen=True)
class Pictures:
    """The pictures that can be found: their embeddings by id, and the features that the model reads of them."""

    index: EmbeddingIndex
    pooled: Vectors  # (pictures, vision_width), in the index's order

    @classmethod
    def of(cls, model: Any, pooled: Vectors, ids: Sequence[str]) -> "Pictures":
        """`pooled` is the tower's output (pictures, vision_width); UserError as of `EmbeddingIndex.build`."""
        import torch

        if not len(pooled):
            raise UserError("There are no pictures to find: name a folder with one at least.")
        with torch.inference_mode():
            steps = [torch.from_numpy(pooled[start : start + AT_ONCE]) for start in range(0, len(pooled), AT_ONCE)]
            embedded = torch.cat([model.image_embeddings(step).float().cpu() for step in steps]).numpy()
        return cls(EmbeddingIndex.build(embedded, ids), pooled)

    def features_of(self, picture: str) -> Vectors:
        row: Vectors = self.pooled[self._places[picture]]
        return row

    @cached_property
    def _places(self) -> dict[str, int]:
        return {one: place for place, one in enumerate(self.index.ids)}


@dataclass(frozen=True)
class Reply:
    """What the model said. `picture` is the id of what it found; `score` is that picture's cosine (-1 to 1).

    `asked` without a picture means that all of them were shown before, or that there are none.
    `probability` is that of the answer's words and its end. `left_out` turns no longer fit into the memory.
    """

    text: str
    picture: str | None
    score: float | None
    asked: bool
    probability: float
    left_out: int


@dataclass(frozen=True)
class Turn:
    """One question with its reply, and as the model reads both later: ids, and features of its pictures in order."""

    question: str
    given: str | None  # sha256 of the given picture as PNG
    reply: Reply
    ids: tuple[int, ...]
    features: tuple[Vectors, ...]


class Conversation:
    """Keeps what was said and shown. `pictures` is None where there is nothing to find."""

    def __init__(self, trained: Trained, pictures: Pictures | None, *, max_new_tokens: int = 32) -> None:
        self.trained, self.pictures, self.max_new_tokens = trained, pictures, max_new_tokens
        self.marks = Marks.of(trained.tokenizer, trained.model.config.visual_tokens)
        self.line_end = self._ids(ANSWER.format(answer="x"))[-1]
        self.turns: list[Turn] = []

    def ask(self, text: str, picture: "Image.Image | None" = None, *, ret_scale_factor: float = 1.0) -> Reply:
        """Answer `text` upon everything remembered; line ends and control characters in it become spaces.

        `ret_scale_factor` multiplies [RET]'s logit (stages/grounding/generation.py). UserError for an empty
        question, one that is too long for the language model, or a factor out of range; nothing is remembered then.
        """
        import torch

        question = one_line(text)
        if not question:
            raise UserError("The question is empty: write one, with or without a picture.")
        if not (math.isfinite(ret_scale_factor) and 0 <= ret_scale_factor <= MOST_FACTOR):
            raise UserError(f"`ret_scale_factor` = {ret_scale_factor} is not allowed: 0 to {MOST_FACTOR:g}.")
        shown = () if picture is None else self.marks.picture
        asked = (*shown, *self._ids(QUESTION.format(question=question)))
        seen = () if picture is None else (self.trained.tower.pooled([picture])[0],)
        kept = self._remembered(len(asked))
        ids = (*self.marks.bos, *(token for turn in kept for token in turn.ids), *asked)
        features = [*(one for turn in kept for one in turn.features), *seen]
        answers = self.trained.model.generate(
            torch.tensor([ids]),
            features=torch.from_numpy(np.stack(features)) if features else None,
            max_new_tokens=self.max_new_tokens,
            stop_ids={self.line_end, self.marks.eos},
            ret_scale_factor=ret_scale_factor,
        )
        said = self.trained.tokenizer.decode(answers.ids[0], skip_special_tokens=True).strip()
        wanted = answers.retrieval[0]
        found, score = (None, None) if wanted is None else self._nearest(wanted.float().cpu().numpy())
        left_out = len(self.turns) - len(kept)
        probability = min(1.0, math.exp(answers.logs[0]))
        reply = Reply(said, found, score, wanted is not None, probability, left_out)
        given = None if picture is None else hashlib.sha256(png_bytes(picture.convert("RGB"))).hexdigest()
        self.turns.append(self._turn(question, given, reply, asked, seen))
        return reply

    def find(self, text: str, k: int = 5) -> list[tuple[str, float]]:
        """The `k` pictures (id, cosine) nearest to `text`, best first, whatever was shown or said before."""
        import torch

        if self.pictures is None:
            raise UserError("There are no pictures to find: name a folder of them.")
        sample = retrieval_sequence(self.marks, self._ids(searched(text)))
        room = self._positions()
        if room is not None and len(sample.ids) > room:
            raise UserError(f"The text has {len(sample.ids)} tokens; the language model has positions for {room}.")
        with torch.inference_mode():
            query = self.trained.model.text_embeddings(torch.tensor([sample.ids])).float().cpu().numpy()
        ids, scores = self.pictures.index.search(query, k)
        return list(zip(ids[0], (float(score) for score in scores[0]), strict=True))

    def reset(self) -> None:
        """Forget everything."""
        self.turns.clear()

    def transcript(self) -> str:
        """One JSON line a turn."""
        lines = [
            {"question": turn.question, "given_sha256": turn.given, "answer": turn.reply.text}
            | {"picture": turn.reply.picture, "score": turn.reply.score, "probability": turn.reply.probability}
            | {"left_out": turn.reply.left_out}
            for turn in self.turns
        ]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def _nearest(self, embedding: Vectors) -> tuple[str | None, float | None]:
        """The picture nearest to `embedding` (shared_width,) that wasn't shown yet, and its cosine."""
        if self.pictures is None:
            return None, None
        before = {turn.reply.picture for turn in self.turns if turn.reply.picture is not None}
        ids, scores = self.pictures.index.search(embedding[None], 1, without=before)
        return (ids[0][0], float(scores[0][0])) if ids[0] else (None, None)

    def _turn(
        self, question: str, given: str | None, reply: Reply, asked: tuple[int, ...], seen: tuple[Vectors, ...]
    ) -> Turn:
        """A turn without a found picture is tokenized as training tokenized it."""
        if reply.picture is None or self.pictures is None:
            return Turn(question, given, reply, (*asked, *self._ids(ANSWER.format(answer=reply.text))), seen)
        words = self._ids(f" {reply.text}") if reply.text else ()
        ids = (*asked, *words, self.marks.ret, *self.marks.picture, self.line_end)
        return Turn(question, given, reply, ids, (*seen, self.pictures.features_of(reply.picture)))

    def _remembered(self, asked: int) -> list[Turn]:
        """The newest whole turns for which the positions suffice, beside `asked` tokens and the answer."""
        positions = self._positions()
        if positions is None:
            return list(self.turns)
        room = positions - len(self.marks.bos) - asked - self.max_new_tokens
        if room < 0:
            raise UserError(
                f"The question has {asked} tokens with its picture, an answer may have {self.max_new_tokens}; the "
                f"language model has positions for {positions}: ask a shorter question."
            )
        kept: list[Turn] = []
        for turn in reversed(self.turns):
            room -= len(turn.ids)
            if room < 0:
                break
            kept.append(turn)
        return kept[::-1]

    def _positions(self) -> int | None:
        found: int | None = getattr(self.trained.model.language.config, "max_position_embeddings", None)
        return found

    def _ids(self, text: str) -> tuple[int, ...]:
        return text_ids(self.trained.tokenizer, text)


def one_line(text: str) -> str:
    """`text` without line ends and controls: a line end inside a question could forge the model's own answer."""
    return " ".join("".join(" " if unicodedata.category(char) in SEPARATORS else char for char in text).split())


def searched(text: str) -> str:
    """What is looked for, as one line; UserError when that is empty."""
    line = one_line(text)
    if not line:
        raise UserError("The text to find a picture for is empty: describe the picture.")
    return line
