"""Putting captions and questions to a model: with the picture, without it, and upon its own earlier answers."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stages.chat.generation import reply
from stages.chat.model import llava_of
from stages.chat.templates import Templates, Turn
from stages.evaluate.chat.given import Given
from stages.evaluate.chat.rows import Asked
from stages.evaluate.chat.said import Said


@dataclass(frozen=True)
class Respondent:
    """A model that continues conversations about pictures."""

    model: Any
    templates: Templates
    given: Given

    def captions(self, sees: bool = True) -> list[Said]:
        """What it says to the caption prompt, a text a picture."""
        pictures = [one.picture for one in self.given.pictures]
        return self.says([((self.given.prompt, None),)] * len(pictures), pictures, sees, _label("captions", sees))

    def answers(self, sees: bool = True) -> list[Said]:
        """What it answers to each question, the true turns before it given."""
        asked = self.given.asked
        told = [(*one.history, (one.question, None)) for one in asked]
        return self._answers(told, asked, sees, _label("answers", sees))

    def _answers(self, told: Sequence[Sequence[Turn]], asked: Sequence[Asked], sees: bool, label: str) -> list[Said]:
        """Short answers are asked for together, and long ones: a batch takes as long as its longest answer."""
        said: dict[int, Said] = {}
        for closed in (True, False):
            places = [place for place, one in enumerate(asked) if one.closed == closed]
            own = [told[place] for place in places], [asked[place].picture for place in places]
            said.update(zip(places, self.says(*own, sees, label), strict=True))
        return [said[place] for place in range(len(asked))]

    def upon_own(self, first: Sequence[Said]) -> list[Said]:
        """What it answers to each question when its own answers stand before it; `first` are those with true turns.

        To a first question that is the same answer. All conversations' second questions are asked together, then
        all third ones.
        """
        asked = self.given.asked
        said = list(first)
        own: dict[str, tuple[Turn, ...]] = {}
        for turn in range(1, max((one.turn for one in asked), default=0) + 1):
            places = [place for place, one in enumerate(asked) if one.turn == turn]
            if turn > 1:
                told = [self._fitting(own[asked[place].conversation], asked[place]) for place in places]
                answers = self._answers(told, [asked[place] for place in places], True, f"turn {turn}")
                for place, answer in zip(places, answers, strict=True):
                    said[place] = answer
            for place in places:
                one = asked[place]
                own[one.conversation] = (*own.get(one.conversation, ()), (one.question, said[place].text))
        return said

    def _fitting(self, history: tuple[Turn, ...], asked: Asked) -> tuple[Turn, ...]:
        """The conversation without its oldest turns, as far as the model has no positions for all: it may ramble."""
        room = _positions(self.model) - self.given.params.evaluate.max_new_tokens
        turns: tuple[Turn, ...] = (*history, (asked.question, None))
        while len(turns) > 1 and len(self.templates.prefix(turns)) > room:
            turns = turns[1:]
        return turns

    def says(
        self, conversations: Sequence[Sequence[Turn]], pictures: Sequence[str], sees: bool, label: str
    ) -> list[Said]:
        """Greedy answers to the last question of each conversation; `sees=False` leaves the picture's tokens out."""
        if not conversations:
            return []
        prefixes = [sample.ids for sample in self.templates.samples(conversations, picture=sees)]
        settings = self.given.params.evaluate
        replies = reply(
            self.model,
            self.templates.tokenizer,
            prefixes,
            self.given.patches.rows(self.given.pairs(pictures)) if sees else None,
            max_new_tokens=settings.max_new_tokens,
            batch_size=settings.batch_size,
            label=label,
        )
        return [Said(one.text, one.ended) for one in replies]


def _positions(model: Any) -> int:
    """How many tokens the language model tells apart; one that doesn't say takes any number."""
    return int(getattr(llava_of(model).config.text_config, "max_position_embeddings", None) or sys.maxsize)


def _label(what: str, sees: bool) -> str:
    return what if sees else f"{what}, picture withheld"
