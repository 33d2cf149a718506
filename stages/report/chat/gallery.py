"""Test pictures with their conversations or captions and what each method said, chosen by hash and not by hand."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.report.chat.charts import KINDS
from stages.report.page.gallery import Gallery, Thumbnail

CONVERSATIONS, CAPTIONS = 9, 9  # that are shown
ASKED = {
    "before": "before",
    "withheld": "no picture",
    "trained": "trained",
    "own_history": "own answers",
    "usual": "usual",
}
CAPTIONED = {
    "before": "before",
    "withheld": "no picture",
    "trained": "trained",
    "nearest": "nearest",
    "central": "one for all",
}
IN_SIGHT = ("before", "withheld", "trained")  # the rest stands behind a summary

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a method said. `right` is None where an answer is neither right nor wrong: an open question's."""

    title: str
    kind: str
    said: str
    right: bool | None
    ended: bool


@dataclass(frozen=True)
class Turn:
    """A question, its true answer, and what was said; of an open one how near `trained` comes (ROUGE-L, 0 to 1)."""

    question: str
    answer: str
    answers: tuple[Answer, ...]
    more: tuple[Answer, ...]
    near: float | None


@dataclass(frozen=True)
class Conversation:
    thumbnail: Thumbnail
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Caption:
    thumbnail: Thumbnail
    references: tuple[str, ...]
    answers: tuple[Answer, ...]
    more: tuple[Answer, ...]


def conversations(lines: Sequence[Line], gallery: Gallery) -> tuple[list[Conversation], int]:
    """What is shown, and of how many conversations."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line["kind"] == "question":
            found.setdefault(line["conversation"], []).append(line)
    chosen = sorted(found, key=_hash)[:CONVERSATIONS]
    shown = [
        Conversation(gallery.thumbnail(found[name][0]["id"]), tuple(_turn(line) for line in found[name]))
        for name in chosen
    ]
    return shown, len(found)


def captions(lines: Sequence[Line], gallery: Gallery) -> tuple[list[Caption], int]:
    """What is shown, and of how many pictures."""
    own = [line for line in lines if line["kind"] == "caption"]
    chosen = sorted(own, key=lambda line: _hash(line["picture"]))[:CAPTIONS]
    shown = [
        Caption(gallery.thumbnail(line["id"]), tuple(line["references"]), *_answers(line, CAPTIONED)) for line in chosen
    ]
    return shown, len(own)


def _turn(line: Line) -> Turn:
    near = None if line["closed"] else line["marks"]["trained"]
    return Turn(line["question"], line["answer"], *_answers(line, ASKED), near)


def _answers(line: Line, titles: Mapping[str, str]) -> tuple[tuple[Answer, ...], tuple[Answer, ...]]:
    """Those in sight, and the others."""
    marked = line.get("closed", False)
    found = {
        name: Answer(
            title,
            KINDS.get(name, "shallow"),
            line["said"][name],
            line["marks"][name] == 1 if marked else None,
            line["ended"].get(name, True),
        )
        for name, title in titles.items()
        if name in line["said"]
    }
    sight = tuple(found[name] for name in IN_SIGHT if name in found)
    return sight, tuple(one for name, one in found.items() if name not in IN_SIGHT)


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
