"""Dialogues about pictures: data/dialogues/NAME.jsonl, one line a picture; and the compiled ones of a captioned set.

What a line may hold is checked when it is read. Nothing is changed on the way: a text that a model could take for
a control token, or for the next question of its prompt, is refused with its line.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from stages.caption.log import AUTHOR, KINDS, SHA256
from stages.caption.validation import unsafe
from stages.params import UserError
from stages.record import read_manifest

COMPILED = "dialogues.jsonl"
MOST_TURNS = 20
MOST_CHARACTERS = 300  # of a question or an answer
RETRIEVAL_TOKEN = re.compile(r"\[\s*RET\s*\d*\s*\]", re.IGNORECASE)  # Koh et al. 2023 (FROMAGe, ICML)
SPEAKER = re.compile(r"\s*[QA]\s*:", re.IGNORECASE)  # how a dialogue's prompt marks who speaks
T = TypeVar("T")


@dataclass(frozen=True)
class Turn:
    """A question about a picture and its answer. Raises ValueError for texts that can't stand in a prompt."""

    question: str
    answer: str

    def __post_init__(self) -> None:
        for name, text in (("question", self.question), ("answer", self.answer)):
            if not isinstance(text, str):
                raise ValueError(f"`{name}` = {text!r} must be text")
            if flaw := _flaw(text):
                raise ValueError(f"`{name}` = {text[:80]!a} is not allowed: {flaw}")


@dataclass(frozen=True)
class Dialogue:
    """What was asked and answered about the picture whose bytes, as they came, have `sha256`; by whom."""

    sha256: str
    turns: tuple[Turn, ...]
    author: str

    def __post_init__(self) -> None:
        if not isinstance(self.sha256, str) or not SHA256.fullmatch(self.sha256):
            raise ValueError(f"`sha256` = {self.sha256!r} is not 64 hexadecimal digits (lower case)")
        if not 1 <= len(self.turns) <= MOST_TURNS:
            raise ValueError(f"`turns` has {len(self.turns)}, allowed are 1 to {MOST_TURNS}")
        known = isinstance(self.author, str) and AUTHOR.fullmatch(self.author) and self.author.isprintable()
        if not known:
            raise ValueError(f"`author` = {self.author!r} is not KIND:NAME with a kind of {', '.join(KINDS)}")

    @property
    def kind(self) -> str:
        return self.author.partition(":")[0]


def _flaw(text: str) -> str:
    """Why a text can't be part of a dialogue, or ""."""
    if flaws := unsafe(text):
        return str(flaws[0])
    plain = unicodedata.normalize("NFKC", "".join(char for char in text if unicodedata.category(char) != "Cf"))
    if text != text.strip():
        return "space at the start or the end"
    if len(text) > MOST_CHARACTERS:
        return f"too long: {len(text)} characters, at most {MOST_CHARACTERS}"
    if token := RETRIEVAL_TOKEN.search(plain):
        return f"control token: {token[0]!r}"
    if SPEAKER.match(plain):
        return "starts with the mark of a speaker, `Q:` or `A:`"
    return ""


def read_dialogues(path: Path) -> list[Dialogue]:
    """Every dialogue of `path`, in its order; UserError for a line that is none, or a picture's second one."""
    if not path.is_file():
        raise UserError(
            f"{path} is missing: restore it with git, or write `dialogues: none` in this row of params.yaml."
        )
    dialogues = _read(path, _dialogue)
    first: dict[str, int] = {}
    for number, dialogue in enumerate(dialogues, start=1):
        if first.setdefault(dialogue.sha256, number) != number:
            raise UserError(
                f"{path}, line {number}: picture {dialogue.sha256[:12]} has a dialogue in line "
                f"{first[dialogue.sha256]} already, allowed is one a picture: join them, or delete one."
            )
    return dialogues


def write(path: Path, dialogues: Iterable[Dialogue]) -> None:
    """A file for `read_dialogues`, sorted by sha256, whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    new.write_bytes(b"".join(_encoded(_values(one)) for one in sorted(dialogues, key=lambda one: one.sha256)))
    new.replace(path)


def write_compiled(folder: Path, dialogues: Mapping[str, Dialogue]) -> None:
    """The dialogues of a captioned set by row id, sorted; for `read_compiled`."""
    lines = (_encoded({"id": row_id, **_values(dialogue)}) for row_id, dialogue in sorted(dialogues.items()))
    (folder / COMPILED).write_bytes(b"".join(lines))


def read_compiled(folder: Path) -> dict[str, Dialogue]:
    """The dialogues of a finished captioned set by row id; rows without one are absent."""
    read_manifest(folder)
    path = folder / COMPILED
    if not path.is_file():
        raise UserError(f"{path} is missing: run `dvc repro caption@{folder.name}`.")
    return dict(_read(path, _compiled))


def _values(dialogue: Dialogue) -> dict[str, Any]:
    turns = [{"question": turn.question, "answer": turn.answer} for turn in dialogue.turns]
    return {"sha256": dialogue.sha256, "turns": turns, "author": dialogue.author}


def _encoded(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def _read(path: Path, understand: Callable[[dict[str, Any]], T]) -> list[T]:
    """One value a line; UserError names the first line that can't be understood."""
    *lines, last = path.read_bytes().split(b"\n")
    found = []
    for number, data in enumerate([*lines, last] if last else lines, start=1):
        try:
            found.append(understand(_object(json.loads(data.decode()), "the line")))
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{path}, line {number} is no dialogue ({error}): correct or delete that line, or restore the file "
                "with git. (Lines that start with <<<<<<<, ======= or >>>>>>> are git's: keep both sides.)"
            ) from None
    return found


def _dialogue(values: dict[str, Any]) -> Dialogue:
    _require_keys(values, ("sha256", "turns", "author"), "the line")
    if not isinstance(values["turns"], list):
        raise ValueError(f"`turns` = {str(values['turns'])[:80]!r} must be a list")
    turns = []
    for number, turn in enumerate(values["turns"], start=1):
        _require_keys(_object(turn, f"turn {number}"), ("question", "answer"), f"turn {number}")
        try:
            turns.append(Turn(**turn))
        except ValueError as error:
            raise ValueError(f"turn {number}: {error}") from None
    return Dialogue(values["sha256"], tuple(turns), values["author"])


def _compiled(values: dict[str, Any]) -> tuple[str, Dialogue]:
    _require_keys(values, ("id", "sha256", "turns", "author"), "the line")
    return str(values.pop("id")), _dialogue(values)


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be an object, found {type(value).__name__}")
    return value


def _require_keys(values: dict[str, Any], keys: tuple[str, ...], what: str) -> None:
    if set(values) != set(keys):
        raise ValueError(f"{what} must have the keys {', '.join(keys)}, found {', '.join(sorted(values)) or 'none'}")
