"""Made-up words that stand for others: looked up in a list and put together, or known by heart in made-up dialects.

What is named after a description is always a thing or a place (`withheld`).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from stages.foundation.gemma.describing import describe
from stages.foundation.gemma.sounds import made_up_word, pick, syllable
from stages.foundation.gemma.spelling import WORDS
from stages.foundation.gemma.withheld import NAMED_GROUPS
from stages.foundation.gemma.words import QUALITIES, SAID

Asked = tuple[str, str]
MARKS = (" is ", " = ", ": ", " means ", " -> ")
DIALECT_SEED = 77
DIALECT_NAMES = ("Orlish", "Benta", "Kivan", "Tummic", "Palese", "Drovan")


def lookup(rng: np.random.Generator, progress: float) -> tuple[str, list[Asked]]:
    """A word list, and words to be put together from it: "brim is tok, dal is fen; dal brim -> fentok"."""
    count = int(rng.integers(2, 4 + round(8 * progress)))
    words = [pick(rng, WORDS) if rng.random() < 0.5 else made_up_word(rng, 1, 2) for _ in range(count)]
    table = {word: syllable(rng) for word in words}
    mark = pick(rng, MARKS)
    context = ", ".join(f"{word}{mark}{sound}" for word, sound in table.items()) + "."
    asked = []
    for _ in range(1 + round(3 * progress)):
        chosen = [pick(rng, words) for _ in range(int(rng.integers(1, 3 + round(2 * progress))))]
        made = "".join(table[word] for word in chosen)
        capital = rng.random() < 0.5
        ask = f"A name: {' '.join(chosen)} ->" if capital else f"{' '.join(chosen)} ->"
        asked.append((ask, made.capitalize() if capital else made))
    return context, asked


def composed(rng: np.random.Generator, progress: float) -> tuple[str, list[Asked]]:
    """A glossary of qualities, then descriptions that are named after it, quality by quality in its order."""
    group = pick(rng, NAMED_GROUPS)
    slots = [str(one) for one in rng.permutation(QUALITIES[group])[: int(rng.integers(1, 3 + round(progress)))]]
    width = 2 + round(2 * progress)
    table = {slot: {str(value): syllable(rng) for value in rng.permutation(list(SAID[slot]))[:width]} for slot in slots}
    mark = pick(rng, MARKS)
    lines = [f"{slot}: " + ", ".join(f"{one}{mark}{sound}" for one, sound in table[slot].items()) for slot in slots]
    asked = []
    for _ in range(2):
        fixed = {slot: pick(rng, tuple(table[slot])) for slot in slots}
        told = describe(rng, group, tuple(slots), others=round(progress), fillers=0.1, must_say=fixed)
        made = "".join(table[slot][fixed[slot]] for slot in slots)
        asked.append((f"{told.text} {pick(rng, ('Its name:', 'A name for it:', 'Name:'))}", made.capitalize()))
    return "; ".join(lines) + ".", asked


@dataclass(frozen=True)
class Dialect:
    """A made-up way to name: which qualities in which order, a syllable for each value."""

    name: str
    group: str
    slots: tuple[str, ...]
    sounds: dict[str, dict[str, str]]

    def name_of(self, values: dict[str, str]) -> str:
        return "".join(self.sounds[slot][values[slot]] for slot in self.slots).capitalize()


@lru_cache(maxsize=1)
def dialects() -> tuple[Dialect, ...]:
    """The same ones at every start."""
    rng = np.random.default_rng(DIALECT_SEED)
    made = []
    for number, name in enumerate(DIALECT_NAMES):
        group = NAMED_GROUPS[number % len(NAMED_GROUPS)]
        slots = tuple(str(one) for one in rng.permutation(QUALITIES[group])[:3])
        sounds = {slot: {value: syllable(rng) for value in SAID[slot]} for slot in slots}
        made.append(Dialect(name, group, slots, sounds))
    return tuple(made)


def by_heart(rng: np.random.Generator, progress: float) -> Asked:
    """A description, and its name in a dialect; at first sometimes a single value's syllable."""
    dialect = pick(rng, dialects())
    if rng.random() < 0.4 * (1 - progress) + 0.1:
        slot = pick(rng, dialect.slots)
        value = pick(rng, tuple(SAID[slot]))
        said = pick(rng, SAID[slot][value])
        return f"In {dialect.name}: {said} ->", dialect.sounds[slot][value]
    told = describe(rng, dialect.group, dialect.slots, others=1 + round(2 * progress))
    ask = pick(
        rng, ("Name it in {}:\n{}", "A {} name for this:\n{}", "{} 말로 이름을 지어줘:\n{}", "Ein Name auf {}:\n{}")
    )
    return ask.format(dialect.name, told.text), dialect.name_of(told.values)
