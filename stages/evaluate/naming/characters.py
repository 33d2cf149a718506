"""A character model of names: how likely a name is, letter by letter, after those that were trained on.

Interpolated n-grams with Witten and Bell's smoothing (Witten and Bell 1991, IEEE Trans. Inf. Theory 37(4); method C),
down to an even chance of every sign. Texts are decomposed first, so that a Hangul syllable is its two or three letters
and an accent is a sign of its own.
"""

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Self

ORDER = 4  # signs in an n-gram: three behind each
START, END = "\x02", "\x03"


class CharacterModel:
    """Log-probabilities of names in nats; equal texts give equal models, whatever their order."""

    def __init__(self, counts: dict[str, Counter[str]], signs: int) -> None:
        self._counts, self._signs = counts, signs

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """The model of `names`; each counts as often as it comes."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for name in names:
            text = _signs(name)
            for at in range(ORDER - 1, len(text)):
                for behind in range(ORDER):
                    counts[text[at - behind : at]][text[at]] += 1
        return cls(dict(counts), len(counts[""]) + 1)  # one more for every sign that was never seen

    def log_probability(self, name: str) -> float:
        """Of the whole name, its end included."""
        text = _signs(name)
        ends = range(ORDER - 1, len(text))
        return sum(math.log(self._probability(text[end - ORDER + 1 : end], text[end])) for end in ends)

    def per_sign(self, name: str) -> float:
        """`log_probability` over the number of signs, the end among them: names of any length compare."""
        return self.log_probability(name) / (len(_signs(name)) - ORDER + 1)

    def _probability(self, before: str, sign: str) -> float:
        chance = 1 / self._signs
        for length in range(len(before) + 1):
            counts = self._counts.get(before[len(before) - length :])
            if counts is None:
                break  # nothing longer was seen either
            total, kinds = counts.total(), len(counts)
            chance = (counts[sign] + kinds * chance) / (total + kinds)
        return chance


def _signs(name: str) -> str:
    """A name with its edges marked; START alone fills the first n-grams."""
    return START * (ORDER - 1) + unicodedata.normalize("NFD", name.casefold()) + END
