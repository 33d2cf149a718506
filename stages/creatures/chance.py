"""Chance that is the same on every machine and under every Python."""

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A stream of choices that depends on its key alone.

    Built on `random.Random(str)` and `.random()` only: the one pair whose sequence Python promises
    to keep. `choice` and `shuffle` may change between versions.
    """

    def __init__(self, *key: str | int) -> None:
        self._next = random.Random("/".join(map(str, key))).random

    def below(self, count: int) -> int:
        return int(self._next() * count)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._next()

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + self.below(high - low + 1)

    def happens(self, share: float) -> bool:
        return self._next() < share

    def pick(self, values: Sequence[T]) -> T:
        return values[self.below(len(values))]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        cards = list(values)
        for last in range(len(cards) - 1, 0, -1):
            other = self.below(last + 1)
            cards[last], cards[other] = cards[other], cards[last]
        return cards


class Deck:
    """Deals values evenly: each one once before any comes again, but for those not allowed just then."""

    def __init__(self, values: Sequence[str], chance: Chance) -> None:
        self._values, self._chance = values, chance
        self._cards: list[str] = []

    def deal(self, allowed: Callable[[str], bool] = lambda card: True) -> str:
        """The next allowed card; LookupError when none of the values is allowed."""
        for _ in range(2):
            for place, card in enumerate(self._cards):
                if allowed(card):
                    return self._cards.pop(place)
            self._cards.extend(self._chance.shuffled(self._values))
        raise LookupError("none of the deck's values is allowed")
