"""What the tables of both tasks are made of, and who stands in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stages.record import Record

KINDS = {"zero_shot": "before", "tuned": "after"}  # which colour a method has


@dataclass(frozen=True)
class Cell:
    """A value as text, its 95 % interval as text, and what else belongs to it; "" for what it lacks."""

    value: str
    interval: str = ""
    more: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a table; `kind` is its colour."""

    title: str
    kind: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Card:
    """One figure of the page's head."""

    title: str
    kind: str
    value: str
    below: str


@dataclass(frozen=True)
class Scored:
    """A method and what it scored: name, name_low, name_high of every measure."""

    title: str
    kind: str
    scores: Mapping[str, Any]


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def points(share: float) -> str:
    """A difference of two shares."""
    return f"{100 * share:+.1f}"


def cell(
    scores: Mapping[str, Any], name: str, text: Callable[[float], str], between: str = "–", more: str = ""
) -> Cell:
    low, high = (text(scores[f"{name}_{end}"]) for end in ("low", "high"))
    return Cell(text(scores[name]), f"{low}{between}{high}", more)


def lead(scores: Mapping[str, Any], name: str, text: Callable[[float], str] = points) -> Cell:
    """A paired difference; a minus sign and a dash would read badly side by side."""
    return cell(scores, name, text, between=" to ")


def splits(records: list[Record]) -> list[tuple[str, int, int, int, int]]:
    """(split, pictures, entities, classes, texts)"""
    by_split: dict[str, list[Record]] = {}
    for record in records:
        by_split.setdefault(record.split or "(none)", []).append(record)
    return [
        (
            split,
            len(rows),
            len({row.entity for row in rows}),
            len({row.label for row in rows} - {""}),
            sum(len(row.texts) for row in rows),
        )
        for split, rows in sorted(by_split.items(), reverse=True)
    ]


def authors(records: list[Record]) -> list[tuple[str, int]]:
    """(author, texts)"""
    counts: dict[str, int] = {}
    for text in (text for record in records for text in record.texts):
        counts[text.author] = counts.get(text.author, 0) + 1
    return sorted(counts.items())
