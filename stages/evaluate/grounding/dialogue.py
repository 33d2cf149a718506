"""Dialogues scored turn by turn: does the answer name what was asked for, upon the model's own earlier answers?"""

import re
from collections import Counter
from collections.abc import Sequence

from stages.tokenize.grounding.rows import DialogueRow

MOST_TURNS = 5  # turns that are told apart; later ones count in the whole


def same_answer(said: str, answer: str) -> bool:
    """Equal but for case, a leading article, punctuation at the end, and space."""
    return _plain(said) == _plain(answer)


def _plain(text: str) -> str:
    bare = re.sub(r"[.,;!?\s]+$", "", " ".join(text.casefold().split()))
    return re.sub(r"^(a|an|the)\s+", "", bare)


def right(rows: Sequence[DialogueRow], said: Sequence[Sequence[str]]) -> list[list[bool]]:
    """One flag a turn of each dialogue."""
    return [
        [same_answer(*pair) for pair in zip(answers, row.answers, strict=True)]
        for row, answers in zip(rows, said, strict=True)
    ]


def usual_answers(train: Sequence[DialogueRow], asked: Sequence[DialogueRow]) -> list[list[str]]:
    """The commonest training answer to each question, by its wording, without looking at the picture.

    A wording that training lacks gets the commonest answer of all; of equally common ones the first in
    the alphabet.
    """
    by_question: dict[str, Counter[str]] = {}
    everything: Counter[str] = Counter()
    for row in train:
        for question, answer in zip(row.questions, row.answers, strict=True):
            by_question.setdefault(question, Counter())[answer] += 1
            everything[answer] += 1
    usual = {question: _commonest(counts) for question, counts in by_question.items()}
    other = _commonest(everything) if everything else ""
    return [[usual.get(question, other) for question in row.questions] for row in asked]


def _commonest(counts: Counter[str]) -> str:
    return min(counts, key=lambda answer: (-counts[answer], answer))


def by_turn(flags: Sequence[Sequence[bool]], entities: Sequence[str]) -> dict[str, tuple[list[float], list[str]]]:
    """{turn_1: (values, entities), ..., all: ...}: what an interval is taken over, a row a turn."""
    found: dict[str, tuple[list[float], list[str]]] = {}
    for row, entity in zip(flags, entities, strict=True):
        for turn, flag in enumerate(row, start=1):
            names = [f"turn_{turn}", "all"] if turn <= MOST_TURNS else ["all"]
            for name in names:
                values, owners = found.setdefault(name, ([], []))
                values.append(float(flag))
                owners.append(entity)
    return dict(sorted(found.items()))
