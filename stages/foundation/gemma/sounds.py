"""Made-up words, of many shapes of syllable, and words of plain English to work on."""

from typing import TypeVar

import numpy as np

T = TypeVar("T")

ONSETS = (
    "", "b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "y", "z",
    "bl", "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr", "kl", "kr", "pl", "pr", "qu", "sh", "sk", "sl",
    "sm", "sn", "sp", "st", "str", "sw", "th", "tr", "tw", "vr", "wh", "zw",
)  # fmt: skip
VOWELS = ("a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "y", "ai", "ea", "ee", "ie", "io", "oo", "ou", "ua")
CODAS = (
    "", "", "", "b", "ck", "d", "f", "ff", "g", "k", "l", "ll", "lt", "m", "mp", "n", "nd", "ng", "nk", "nt", "p", "r",
    "rd", "rk", "rn", "s", "sh", "sk", "ss", "st", "t", "th", "v", "x", "z",
)  # fmt: skip
HANGUL_FIRST, HANGUL_COUNT = 0xAC00, 11172


def pick(rng: np.random.Generator, values: tuple[T, ...] | list[T]) -> T:
    return values[int(rng.integers(len(values)))]


def syllable(rng: np.random.Generator) -> str:
    """Two letters or more."""
    while True:
        made = pick(rng, ONSETS) + pick(rng, VOWELS) + pick(rng, CODAS)
        if 2 <= len(made) <= 5:
            return made


def syllables(rng: np.random.Generator, least: int = 1, most: int = 4) -> list[str]:
    return [syllable(rng) for _ in range(int(rng.integers(least, most + 1)))]


def made_up_word(rng: np.random.Generator, least: int = 1, most: int = 3) -> str:
    return "".join(syllables(rng, least, most))


def hangul_word(rng: np.random.Generator) -> str:
    """One to four Hangul syllables of any kind; most have no piece of their own and are written in bytes."""
    return "".join(chr(HANGUL_FIRST + int(rng.integers(HANGUL_COUNT))) for _ in range(int(rng.integers(1, 5))))
