"""Names as text: when two are the same, how alike they are, and whether an answer is one name at all."""

import re
import unicodedata
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

JOINTS = frozenset("'’ʼ-‐‑")  # inside a name: Farfetch'd, Ho-Oh
AROUND = " \t\r\n\"'“”„‘’«»*.,:;!?()[]`"


def normalised(name: str) -> str:
    """One spelling of a name: composed, without case, quotes and points around it, and with one kind of joint."""
    text = unicodedata.normalize("NFKC", name).strip(AROUND).casefold()
    text = re.sub(r"[’ʼ]", "'", re.sub(r"[‐‑]", "-", text))
    return unicodedata.normalize("NFC", re.sub(r"\s+", " ", text))


def is_one_name(answer: str, known: Collection[str] = ()) -> bool:
    """Whether `answer` is exactly one name: one word of letters of any script, joints between them.

    A list, a sentence or a name in a sentence is none. Real names with a space or a digit (Mr. Mime) count when
    `known` has them, normalised.
    """
    text = unicodedata.normalize("NFC", answer.strip())
    if not text:
        return False
    inner = [sign for sign in text if sign not in JOINTS]
    lettered = all(unicodedata.category(sign)[0] in "LM" for sign in inner)
    if lettered and text[0] not in JOINTS and text[-1] not in JOINTS:
        return True
    return "\n" not in text and "," not in text and normalised(text) in known


def script_of(name: str) -> str:
    """The script of the first letter, as Unicode names it: LATIN, HANGUL, CJK; "" for a name without letters."""
    letter = next((sign for sign in name if sign.isalpha()), None)
    return "" if letter is None else unicodedata.name(letter, "").split(" ")[0]


def edit_distances(name: str, others: Sequence[str]) -> NDArray[np.int64]:
    """Levenshtein's distance from `name` to each of `others`, (others,): all of them at once, one letter a step."""
    longest = max((len(other) for other in others), default=0)
    letters = np.zeros((len(others), longest), np.int64)
    for row, other in enumerate(others):
        letters[row, : len(other)] = [ord(sign) for sign in other]
    before = np.tile(np.arange(longest + 1), (len(others), 1))
    for step, sign in enumerate(name, start=1):
        now = np.empty_like(before)
        now[:, 0] = step
        replaced = before[:, :-1] + (letters != ord(sign))
        for at in range(longest):
            now[:, at + 1] = np.minimum(np.minimum(now[:, at], before[:, at + 1]) + 1, replaced[:, at])
        before = now
    lengths = np.array([len(other) for other in others], np.int64)
    return before[np.arange(len(others)), lengths]


def edit_similarities(name: str, others: Sequence[str]) -> NDArray[np.float64]:
    """1 - Levenshtein's distance over the longer length, 0 to 1, (others,); 1 for two empty texts."""
    lengths = np.array([max(len(name), len(other), 1) for other in others], float)
    return np.asarray(1 - edit_distances(name, others) / lengths, float)


def edit_similarity(name: str, other: str) -> float:
    """`edit_similarities` of one pair, both normalised."""
    return float(edit_similarities(normalised(name), [normalised(other)])[0])
