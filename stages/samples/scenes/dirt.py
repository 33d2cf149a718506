"""What goes wrong in sets that people made: entries planted beside the good ones, of every kind equally many."""

from random import Random
from typing import Any

Entry = dict[str, Any]  # of conversations.json

MISSING, ROLE, TWO_QUESTIONS = "missing picture", "unknown role", "two questions in a row"
NO_PICTURE, EMPTY, LONG_ANSWER, LONG_CAPTION = "no picture named", "empty answer", "long answer", "long caption"
KINDS = (MISSING, ROLE, TWO_QUESTIONS, NO_PICTURE, EMPTY, LONG_ANSWER, LONG_CAPTION)
LONG_ANSWER_CHARACTERS = 6_000  # no model here takes that much, though nothing else is wrong with it
LONG_CAPTION_CHARACTERS = 100_000


def kinds_planted(pictures: int, share: float) -> list[str]:
    """The kind of each planted entry: the kinds take turns."""
    return [KINDS[number % len(KINDS)] for number in range(round(share * pictures))]


def spoilt(entry: Entry, kind: str, chance: Random) -> Entry:
    """A copy of a sound conversation's entry with the flaw `kind`."""
    turns = [dict(turn) for turn in entry["conversations"]]
    answers = range(1, len(turns), 2)
    if kind == ROLE:
        turns[chance.choice(answers)]["from"] = chance.choice(("bot", "narrator", "tool"))
    elif kind == TWO_QUESTIONS:
        at = chance.choice(answers)
        turns.insert(at, {"from": "human", "value": "And what else?"})
    elif kind == EMPTY:
        turns[chance.choice(answers)]["value"] = chance.choice(("", " ", "\n"))
    elif kind == LONG_ANSWER:
        turns[-1]["value"] = repeated(turns[-1]["value"], LONG_ANSWER_CHARACTERS)
    spoilt_entry = {**entry, "conversations": turns}
    if kind == NO_PICTURE:
        del spoilt_entry["image"]
    return spoilt_entry


def repeated(text: str, characters: int) -> str:
    """A text that goes round in circles, as generated ones at times do."""
    return " ".join([text] * (1 + characters // (len(text) + 1)))
