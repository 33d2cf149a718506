"""What every method said, and the order in which tables name the methods."""

from collections.abc import Sequence
from dataclasses import dataclass

MODELS = ("before", "trained", "withheld", "own_history")  # what a model said; all others are baselines
ASKED = {  # methods that answer questions
    "usual": "usual answer to the wording",
    "before": "before",
    "withheld": "trained, picture withheld",
    "own_history": "trained, upon its own answers",
    "trained": "trained",
}
CAPTIONED = {  # methods that caption
    "central": "one caption for all",
    "nearest": "caption of the nearest picture",
    "before": "before",
    "withheld": "trained, picture withheld",
    "trained": "trained",
}


@dataclass(frozen=True)
class Said:
    """A text, and whether the model ended it by itself; a baseline's text is whole."""

    text: str
    ended: bool = True


def quoted(texts: Sequence[str]) -> list[Said]:
    """A baseline's texts."""
    return [Said(text) for text in texts]
