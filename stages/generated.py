"""What models say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """Generated text, and the probability that the model gave it (its end included), 0 to 1."""

    text: str
    score: float
