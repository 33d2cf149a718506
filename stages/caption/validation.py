"""What a caption may be: errors keep it from being saved, hints are advice. Pure, and the same for every way in.

Captions are data. What a model could take for a control token, or a terminal or page for a command, is refused
here rather than changed on the way, so that the log, the table and what is learned say the same.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stages.caption.parameters import CaptionParams

ADVISED = (10, 20)  # words, after the captions of Sharma et al. 2018 (Conceptual Captions, ACL)
MOST_CHARACTERS = 1000
SAME_START = 3  # words: two captions of one picture that start alike say little more than one

EMPTY = "empty"
LONE_SPACE = "space at the start or the end"
LINE_BREAK = "more than one line"
CONTROL = "control character"
BIDI = "character that turns the writing direction"
INVISIBLE = "invisible character"
BROKEN = "broken encoding"
TOKEN = "control token"
ADDRESS = "web address or file name"
TOO_SHORT = "too few words"
TOO_LONG = "too long"
DUPLICATE = "caption of another picture"
TWICE = "already a caption of this picture"

BIDI_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
JOINERS = frozenset("\u200c\u200d")  # invisible as well, but Persian, Hindi and emoji are spelt with them
# Any <word>: <image>, </s>, <start_of_turn>, <loc0001>, <|im_end|>; and the two bracketed kinds, [INST] and <<SYS>>.
CONTROL_TOKEN = re.compile(
    r"<[^<>\s]{1,60}>|<\||\|>|\[/?(?:INST|IMG|RET|SYS|AVAILABLE_TOOLS|TOOL_CALLS)\d*\]", re.IGNORECASE
)
WEB_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.-]*://|\bwww\.\w|\b[\w.+-]+@[\w-]+\.\w|\b[\w-]+\.(?:com|org|net|edu|gov|info|io|jpe?g|png)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Flaw:
    """Why a text can't be a caption: one of the reasons above, and what was found."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


def same(text: str) -> str:
    """What two captions have in common that differ in upper and lower case at most."""
    return unicodedata.normalize("NFC", text.casefold())


def unsafe(text: str) -> list[Flaw]:
    """What makes a text unfit to be stored, shown or learned from, whatever it says."""
    if not text.strip():
        return [Flaw(EMPTY)]
    flaws = [_character(char) for char in dict.fromkeys(text)]
    plain = unicodedata.normalize("NFKC", "".join(char for char in text if unicodedata.category(char) != "Cf"))
    if token := CONTROL_TOKEN.search(text) or CONTROL_TOKEN.search(plain):
        flaws.append(Flaw(TOKEN, repr(token[0])))
    return [flaw for flaw in flaws if flaw is not None]


def flaws_of(params: CaptionParams, text: str) -> list[Flaw]:
    """Everything that keeps `text` from being a caption, as far as the text alone tells."""
    flaws = unsafe(text)
    if flaws and flaws[0].reason == EMPTY:
        return flaws
    if text != text.strip():
        flaws.append(Flaw(LONE_SPACE))
    if address := WEB_ADDRESS.search(text):
        flaws.append(Flaw(ADDRESS, repr(address[0])))
    words = len(text.split())
    if words < params.shortest:
        flaws.append(Flaw(TOO_SHORT, f"{words}, at least {params.shortest}"))
    if words > params.longest:
        flaws.append(Flaw(TOO_LONG, f"{words} words, at most {params.longest}"))
    elif len(text) > MOST_CHARACTERS:
        flaws.append(Flaw(TOO_LONG, f"{len(text)} characters, at most {MOST_CHARACTERS}"))
    return flaws


def hints_of(text: str, name: str, earlier: Sequence[str]) -> list[str]:
    """Advice on style: `name` is what the picture shows, `earlier` its captions so far."""
    shortest, longest = ADVISED
    words = text.split()
    hints = []
    if words and not shortest <= len(words) <= longest:
        hints.append(f"{len(words)} words: {shortest} to {longest} say enough and no more")
    if name and words and same(name) not in same(text):
        hints.append(f"name it: “{name}”")
    elif name and words and not earlier and same(name) not in same(" ".join(words[: len(words) // 2 + 1])):
        hints.append(f"name it first: start with “{name}”")
    if any(_start(text) == _start(other) for other in earlier if len(words) >= SAME_START):
        hints.append("vary: another caption of this picture starts in the same way")
    return hints


def _start(text: str) -> list[str]:
    return same(text).split()[:SAME_START]


def _character(char: str) -> Flaw | None:
    named = f"U+{ord(char):04X}"
    category = unicodedata.category(char)
    if char in "\n\r\v\f\x85\u2028\u2029":
        return Flaw(LINE_BREAK, named)
    if char in BIDI_MARKS:
        return Flaw(BIDI, named)
    if category == "Cc":
        return Flaw(CONTROL, named)
    if category in ("Cs", "Co") or char == "\ufffd":
        return Flaw(BROKEN, named)
    if category == "Cf" and char not in JOINERS:
        return Flaw(INVISIBLE, named)
    return None


class Known:
    """Every caption so far, to find the one that another picture has already."""

    def __init__(self, captions: Iterable[tuple[str, str]] = ()) -> None:
        self._pictures: dict[str, list[str]] = {}
        for sha256, text in captions:
            self.add(sha256, text)

    def add(self, sha256: str, text: str) -> None:
        self._pictures.setdefault(same(text), []).append(sha256)

    def remove(self, sha256: str, text: str) -> None:
        self._pictures[same(text)].remove(sha256)

    def clash(self, sha256: str, text: str) -> Flaw | None:
        """The flaw of a text that this or another picture has already."""
        found = self._pictures.get(same(text), [])
        if sha256 in found:
            return Flaw(TWICE)
        return Flaw(DUPLICATE, f"picture {found[0][:12]}") if found else None
