"""The prompt as the model sees it: the mask receipt's rows with the supervised parts marked where they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHOWN = 3  # rows
KINDS = {"align": "caption", "instruct": "conversation"}  # what a task trains on; the receipt has test rows of both

Part = tuple[str, bool]  # text, supervised


@dataclass(frozen=True)
class Example:
    title: str
    parts: tuple[Part, ...]


def examples(receipt: Mapping[str, Any], task: str) -> list[Example]:
    """The first rows of the kind that `task` trains on."""
    name = receipt["template"]["assistant"].partition("{")[0].rstrip()
    own = [row for row in receipt["examples"] if row["kind"] == KINDS[task]]
    return [Example(f"Row {row['id']}", cut(row["text"], row["supervised"], name)) for row in own[:SHOWN]]


def cut(text: str, supervised: str, name: str) -> tuple[Part, ...]:
    """`text` in parts; each supervised one stands behind `name` and ends with the end of sequence.

    `supervised` is all answers in a row. Where one can't be placed without a guess, all follow the whole text.
    """
    parts: list[Part] = []
    rest, left = text, supervised
    while left:
        before, found, after = rest.partition(name)
        shared = _shared(after, left)
        if not found or not shared:
            return ((f"{text}\n", False), (supervised, True))
        parts += [(before + found, False), (left[:shared], True)]
        rest, left = after[shared:], left[shared:]
    return (*parts, (rest, False)) if rest else tuple(parts)


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (mine, theirs) in enumerate(pairs) if mine != theirs), min(len(one), len(other)))
