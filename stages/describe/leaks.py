"""Whether a masked description still gives a name away.

Looked for, in a text that no longer holds the name as `masking` finds it:
- its letters, apart: "P-i-k-a-c-h-u", "Pika chu" (a name of 3 or 4 letters only with every letter by itself);
- a part of it: three quarters of a name of 7 letters or more;
- another spelling: one letter more, less, other, or two swapped, in a name of 6 letters or more (in Hangul one jamo
  in 3 syllables or more).
A word that stands in the descriptions of several lines is an ordinary one and gives nothing away ("seeking", Seaking).
"""

import math
import re
import unicodedata
from collections.abc import Iterable

from stages.describe.folding import folded, words_of
from stages.describe.masking import Name

LEAST_LINES = 3  # with a word in them that is an ordinary one
LEAST_APART = {"letters": 5, "hangul": 3, "kana": 3, "han": 3}
LEAST_SPELT = 3  # letters, each by itself
LEAST_PART, PART = 7, 0.75
LEAST_NEAR = 6
LEAST_NEAR_HANGUL = 3  # syllables


class Ordinary:
    """The words that stand in the descriptions of at least LEAST_LINES lines."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[str, ...]] = {}

    def add(self, line: str, text: str) -> None:
        for word in set(words_of(folded(text))):
            known = self._lines.get(word, ())
            if len(known) < LEAST_LINES and line not in known:
                self._lines[word] = (*known, line)

    def __contains__(self, word: str) -> bool:
        return len(self._lines.get(word, ())) >= LEAST_LINES


def leak(text: str, names: Iterable[Name], ordinary: Ordinary) -> str:
    """What gives a name away in a masked text, "" when nothing does."""
    seen = folded(text)
    words = [word for word in dict.fromkeys(words_of(seen)) if word not in ordinary]
    letters = "".join(words_of(seen))
    by_length: dict[int, list[str]] = {}
    for word in words:
        by_length.setdefault(len(word), []).append(word)
    for name in names:
        if _apart(seen, letters, name):
            return "the name with its letters apart"
        if part := _part(words, name):
            return f"a part of the name: {part}"
        if near := _near(words, by_length, name):
            return f"the name in another spelling: {near}"
    return ""


def _apart(seen: str, letters: str, name: Name) -> bool:
    if name.core not in letters:
        return False
    if len(name.core) >= LEAST_APART[name.script]:
        return True
    spelt = r"[\W_]{1,3}".join(map(re.escape, name.core))
    return len(name.core) >= LEAST_SPELT and re.search(rf"(?<![^\W_]){spelt}(?![^\W_])", seen) is not None


def _part(words: Iterable[str], name: Name) -> str:
    for token in name.parts:
        if name.script != "letters" or len(token) < LEAST_PART:
            continue
        size = math.ceil(len(token) * PART)
        pieces = [token[start : start + size] for start in range(len(token) - size + 1)]
        for word in words:
            if len(word) >= size and any(piece in word for piece in pieces):
                return word
    return ""


def _near(words: Iterable[str], by_length: dict[int, list[str]], name: Name) -> str:
    core = name.core
    if name.script == "letters" and len(core) >= LEAST_NEAR:
        for length in range(len(core) - 1, len(core) + 3):
            for word in by_length.get(length, ()):
                if one_edit(core, word) or (word.endswith("s") and one_edit(core, word[:-1])):
                    return word
    if name.script == "hangul" and len(core) >= LEAST_NEAR_HANGUL:
        jamo = unicodedata.normalize("NFD", core)
        for word in words:
            if len(word) >= len(core) and one_edit(jamo, unicodedata.normalize("NFD", word[: len(core)])):
                return word
    return ""


def one_edit(one: str, other: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours (Damerau 1964), or none, separates them."""
    if abs(len(one) - len(other)) > 1:
        return False
    shorter = min(len(one), len(other))
    start = 0
    while start < shorter and one[start] == other[start]:
        start += 1
    end = 0
    while end < shorter - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    return max(len(left), len(right)) <= 1 or (len(left) == 2 and left == right[::-1])
