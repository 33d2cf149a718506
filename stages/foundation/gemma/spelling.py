"""Work on words letter by letter: say again, spell, put together, join beginnings, blend, rhyme, add an ending."""

from collections.abc import Callable

import numpy as np

from stages.foundation.gemma.sounds import CODAS, ONSETS, VOWELS, hangul_word, made_up_word, pick, syllables
from stages.foundation.gemma.words import KINDS, SAID

WORDS = tuple(sorted({word for kinds in KINDS.values() for word in kinds} | {w for v in SAID.values() for w in v}))
COUNTS = {1: "one", 2: "two", 3: "three"}
Asked = tuple[str, str]


def _word(rng: np.random.Generator, least: int = 1) -> str:
    return made_up_word(rng, least) if rng.random() < 0.7 else pick(rng, WORDS)


def again(rng: np.random.Generator) -> Asked:
    if rng.random() < 0.12:
        word = hangul_word(rng)
        return pick(rng, (f"다시 말해줘: {word}", f"Again: {word}")), word
    words = [_word(rng) for _ in range(int(rng.integers(1, 4)))]
    if rng.random() < 0.3:
        words = [word.capitalize() for word in words]
    text = ", ".join(words)
    ways = ("Say again: {}", "Again: {}", "Repeat: {}", "Noch einmal: {}", "다음 말을 다시 써줘: {}")
    return pick(rng, ways).format(text), text


def spelt(rng: np.random.Generator) -> Asked:
    word, mark = _word(rng), pick(rng, ("-", " "))
    return pick(rng, (f"Spell {word} with '{mark}':", f"The letters of {word}, '{mark}' between:")), mark.join(word)


def unspelt(rng: np.random.Generator) -> Asked:
    word = _word(rng)
    return pick(rng, ("Put together: {}", "As one word: {}", "Setze zusammen: {}")).format(
        pick(rng, ("-", " ")).join(word)
    ), word


def put_together(rng: np.random.Generator) -> Asked:
    """Syllables to a word; a capital where asked."""
    parts = syllables(rng, 2, 4)
    word = "".join(parts)
    given = pick(rng, ("-", " + ", ", ", " ")).join(parts)
    if rng.random() < 0.5:
        return pick(
            rng, ("A name of: {}", "Join to a name: {}", "Ein Name aus: {}", "다음 글자로 이름을 지어줘: {}")
        ).format(given), word.capitalize()
    return pick(rng, ("Put together: {}", "As one word: {}", "Join: {}")).format(given), word


def beginnings(rng: np.random.Generator) -> Asked:
    words, count = [_word(rng, 2) for _ in range(int(rng.integers(2, 5)))], int(rng.integers(2, 4))
    joined = "".join(word[:count] for word in words)
    given = ", ".join(words)
    if count == 2 and rng.random() < 0.5:
        return f"Join the first parts of: {given}", joined
    return f"Join the first {COUNTS[count]} letters of: {given}", joined


def blended(rng: np.random.Generator) -> Asked:
    """The first half of one, rounded up, and the second half of the other."""
    one, other = _word(rng, 2), _word(rng, 2)
    return f"Blend: {one} + {other}", one[: (len(one) + 1) // 2] + other[len(other) // 2 :]


def ends(rng: np.random.Generator) -> Asked:
    word, count = _word(rng, 2), int(rng.integers(1, 4))
    letters = "letter" if count == 1 else "letters"
    if rng.random() < 0.5:
        return f"First {COUNTS[count]} {letters} of {word}?", word[:count]
    return f"Last {COUNTS[count]} {letters} of {word}?", word[-count:]


def rhymed(rng: np.random.Generator) -> Asked:
    """Another beginning before the same vowel."""
    tail, old, new = pick(rng, VOWELS) + pick(rng, CODAS[3:]), pick(rng, ONSETS[1:]), pick(rng, ONSETS[1:])
    return f"A rhyme on {old}{tail} with {new}-:", new + tail


def capital(rng: np.random.Generator) -> Asked:
    word = _word(rng)
    return f"With a capital: {word}", word.capitalize()


def ending(rng: np.random.Generator) -> Asked:
    """A stem and a rule of endings."""
    stem = made_up_word(rng, 1, 2)
    sizes = [str(one) for one in rng.permutation(["young", "small", "grown", "large", "old", "great"])[:3]]
    rule = {size: pick(rng, VOWELS) + pick(rng, CODAS) for size in sizes}
    size = pick(rng, sizes)
    rules = ", ".join(f"{one} -{end}" for one, end in rule.items())
    return f"Stem {stem}; {rules}. The {size} one:", stem + rule[size]


def listed(rng: np.random.Generator) -> Asked:
    """A list that shares a stem goes on: with the same stem, and an ending asked for."""
    stem, ends_ = made_up_word(rng, 1, 2), syllables(rng, 3, 5)
    return f"{', '.join(stem + end for end in ends_[:-1])}; next -{ends_[-1]}:", stem + ends_[-1]


TASKS: dict[str, tuple[Callable[[np.random.Generator], Asked], int]] = {
    "again": (again, 3), "spelt": (spelt, 2), "unspelt": (unspelt, 2), "put_together": (put_together, 5),
    "beginnings": (beginnings, 3), "blended": (blended, 1), "ends": (ends, 2), "rhymed": (rhymed, 1),
    "capital": (capital, 1), "ending": (ending, 2), "listed": (listed, 1),
}  # fmt: skip
