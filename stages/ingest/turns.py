"""One entry of LLaVA-Instruct's JSON: a picture and what was asked and answered about it, or the reason why not.

Nothing is changed on the way but white space: a text that a model could take for a control token, or for the next
speaker of its prompt, is refused. Line breaks stay: long answers have paragraphs.
https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from stages.caption.validation import unsafe
from stages.formats.captioned import MOST_CHARACTERS, Flaw, clean, shown

QUESTION, ANSWER = "question", "answer"
SPEAKERS = {"human": QUESTION, "user": QUESTION, "gpt": ANSWER, "assistant": ANSWER}
PLACE = "<image>"  # where the picture goes in a question

# Letters and marks of which nothing unsafe can be made, also not by normalising them: nearly all texts.
ORDINARY = re.compile(r"[\n !-;=>-Z\\^-{}~£°À-ÿ‘’“”–—…]*")
SPEAKER = re.compile(r"\b(?:USER|ASSISTANT|HUMAN|GPT|SYSTEM)\s*:|(?im:^\W{0,4}(?:user|assistant|human|gpt|system)\s*:)")


@dataclass(frozen=True)
class Conversation:
    """`turns` are pairs of texts; the picture's place was in the question of the turn `image_in_turn` (from 0)."""

    picture: str
    turns: tuple[tuple[str, str], ...]
    image_in_turn: int
    number: int  # of the entry, from 1

    def as_list(self) -> list[dict[str, str]]:
        """As `Source.parameters` holds it."""
        return [{QUESTION: question, ANSWER: answer} for question, answer in self.turns]


class _RefusedError(Exception):
    """An entry that is no conversation: the reason, and what was found."""

    def __init__(self, reason: str, found: object = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.found = shown(found)


def conversation_of(number: int, entry: object) -> Conversation | Flaw:
    """The conversation that an entry of the list is, or its flaw."""
    try:
        return _conversation(number, entry)
    except _RefusedError as refused:
        return Flaw(number, refused.reason, refused.found)


def _conversation(number: int, entry: object) -> Conversation:
    if not isinstance(entry, dict) or not isinstance(entry.get("conversations"), list):
        raise _RefusedError("malformed entry", entry)
    said = entry["conversations"]
    picture = _picture(entry)
    if not said:
        raise _RefusedError("no turns", picture)
    texts = [_text(index, turn) for index, turn in enumerate(said)]
    if len(texts) % 2:
        raise _RefusedError("ends with a question", texts[-1])
    places = [index for index, text in enumerate(texts) for _ in range(text.count(PLACE))]
    if len(places) != 1:
        reason = f"several {PLACE}" if places else f"no {PLACE} in a question"
        raise _RefusedError(reason, f"{len(places)} in {len(texts)} turns")
    if places[0] % 2:
        raise _RefusedError(f"{PLACE} in an answer", texts[places[0]])
    texts[places[0]] = " ".join(part.strip() for part in texts[places[0]].split(PLACE)).strip()
    for index, text in enumerate(texts):
        _check(text, ANSWER if index % 2 else QUESTION)
    return Conversation(picture, tuple(zip(texts[::2], texts[1::2], strict=True)), places[0] // 2, number)


def _picture(entry: dict[str, Any]) -> str:
    picture = entry.get("image")
    if isinstance(picture, list):
        if len(picture) > 1:
            raise _RefusedError("several pictures", picture)
        picture = picture[0] if picture else None
    if not isinstance(picture, str) or not clean(picture):
        raise _RefusedError("no picture named", "" if picture is None else picture)
    if len(picture) > MOST_CHARACTERS:
        raise _RefusedError(f"longer than {MOST_CHARACTERS} characters", picture)
    return clean(picture)


def _text(index: int, turn: object) -> str:
    """What turn `index` says, if it is that speaker's turn."""
    if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
        raise _RefusedError("malformed turn", turn)
    role = turn.get("from")
    if not isinstance(role, str) or role not in SPEAKERS:
        raise _RefusedError("unknown role", role)
    if SPEAKERS[role] != (ANSWER if index % 2 else QUESTION):
        raise _RefusedError("two turns of one speaker in a row" if index else "starts with an answer", turn["value"])
    text: str = turn["value"]
    if len(text) > MOST_CHARACTERS:
        raise _RefusedError(f"longer than {MOST_CHARACTERS} characters", text)
    return text.replace("\r\n", "\n").replace("\t", " ").strip()


def _check(text: str, what: str) -> None:
    if not text:
        raise _RefusedError(f"empty {what}")
    plain = text
    if not ORDINARY.fullmatch(text):
        if flaws := unsafe(text.replace("\n", " ")):
            raise _RefusedError(flaws[0].reason, flaws[0].detail or text)
        plain = unicodedata.normalize("NFKC", "".join(char for char in text if unicodedata.category(char) != "Cf"))
    if ":" in plain and (mark := SPEAKER.search(plain)):
        raise _RefusedError("mark of a speaker", mark[0])
