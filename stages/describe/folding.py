"""One spelling for all spellings of a text, and where each of its characters came from."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

APOSTROPHES = "'’‘ʼ`´＇"
VOICE_MARKS = "\u3099\u309a"  # of Kana
_RUNS = re.compile("(?P<plain>[\x00-\x7f]+|[가-힣]+|[\u30a1-\u30f6]+|[\u4e00-\u9fff]+)|.", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Folded:
    """`text` without case, accents, width and invisible characters; character i stems from `at[i]` of the original."""

    text: str
    at: Sequence[int]


def fold(text: str) -> Folded:
    """`text` (in NFC) folded character by character."""
    if text.isascii():
        return Folded(text.lower(), range(len(text)))
    pieces: list[str] = []
    at: list[int] = []
    for run in _RUNS.finditer(text):
        if run.lastgroup is not None:
            pieces.append(run[0].lower())
            at += range(run.start(), run.end())
            continue
        for one in _fold(run[0]):
            if one not in VOICE_MARKS:
                pieces.append(one)
                at.append(run.start())
            elif pieces:  # half-width Kana have it as a character of its own
                pieces[-1] = pieces[-1][:-1] + unicodedata.normalize("NFC", pieces[-1][-1] + one)[0]
    return Folded("".join(pieces), at)


def folded(text: str) -> str:
    """The folded text alone, of a text in any form."""
    return text.lower() if text.isascii() else fold(unicodedata.normalize("NFC", text)).text


def words_of(text: str) -> list[str]:
    """The words of a folded text, without punctuation."""
    return _WORD.findall(text)


def is_hangul(character: str) -> bool:
    return "가" <= character <= "힣"


def is_kana(character: str) -> bool:
    return "\u3040" <= character <= "\u30ff" or "\u31f0" <= character <= "\u31ff"


def in_hiragana(text: str) -> str:
    return "".join(chr(ord(c) - 0x60) if "\u30a1" <= c <= "\u30f6" else c for c in text)


def is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character > "\U00020000"


@lru_cache(maxsize=1 << 16)
def _fold(character: str) -> str:
    if is_hangul(character):  # NFD would take it apart: a short name would be found in half a syllable
        return character
    if character in APOSTROPHES:
        return "'"
    whole = unicodedata.normalize("NFKC", character).casefold()
    return "".join(map(_plain, whole))


def _plain(character: str) -> str:
    """Without accents; Kana keep their voice marks, and Hangul stays whole, for these make other letters."""
    if character in VOICE_MARKS or is_hangul(character) or is_kana(character):
        return character
    return "".join(c for c in unicodedata.normalize("NFD", character) if not _is_silent(c))


def _is_silent(character: str) -> bool:
    """Marks on letters, and what takes no place at all (zero-width characters, soft hyphens, variation selectors)."""
    return unicodedata.category(character) in ("Mn", "Me", "Cf")
