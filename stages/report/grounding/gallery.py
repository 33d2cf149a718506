"""What is shown of pictures: where their captions found them, what was said of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.evaluate.grounding.dialogue import same_answer

FIRST = 1.0  # the expected rank of a query whose own item comes first for certain


@dataclass(frozen=True)
class Query:
    """One caption of a test picture with the rank of that picture by each method."""

    row: str
    place: int
    caption: str
    ranks: Mapping[str, float]


def queries(predictions: list[dict[str, Any]], found: bool) -> list[Query]:
    """Every caption whose picture comes first by the tuned model (or doesn't)."""
    every = [
        Query(row["id"], place, caption, {name: row[f"{name}_ranks"][place] for name in ("clip", "before", "tuned")})
        for row in predictions
        for place, caption in enumerate(row["captions"])
    ]
    return [query for query in every if (query.ranks["tuned"] <= FIRST) == found]


def described(predictions: list[dict[str, Any]], found: bool) -> list[dict[str, Any]]:
    """The pictures that the tuned model ranks first for one of their captions (or for none)."""
    return [row for row in predictions if (min(row["tuned_ranks"]) <= FIRST) == found]


def marked(dialogue: list[dict[str, str]]) -> list[dict[str, Any]]:
    """A dialogue's turns with whether each answer is right, by the rule of the scores."""
    return [
        {**turn, **{f"{name}_right": same_answer(turn[name], turn["answer"]) for name in ("before", "tuned")}}
        for turn in dialogue
    ]
