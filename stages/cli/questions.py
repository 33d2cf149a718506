"""What `plumbline predict` is asked about: the pictures of a folder, or a file's rows; and a line for each answer."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from stages.params import UserError
from stages.pictures import RefusedPictureError, looks_like_picture

Line = dict[str, str | float | None]
P = TypeVar("P")

ROWS_AT_ONCE = 512  # prepared pictures in memory: 77 MB at 224 x 224
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")


class Said(Protocol):
    """An answer and its probability (0 to 1)."""

    @property
    def text(self) -> str: ...

    @property
    def score(self) -> float: ...


@dataclass(frozen=True)
class Question:
    """One input: its name in the output, its picture's path, its prompt (None: the default); or what is wrong."""

    input: str | None
    path: Path
    prompt: str | None
    error: str = ""


@dataclass(frozen=True)
class Refused:
    """Why a question can't be asked."""

    why: str


def questions_in_folder(folder: Path, prompt: str | None, recursive: bool = False) -> list[Question]:
    """A question for every picture: by its content, or by its suffix (then an unreadable one is an error)."""
    if not folder.is_dir():
        raise UserError(f"--images {folder} is no folder; for one list of files use --rows.")
    found = folder.rglob("*") if recursive else folder.iterdir()
    paths = sorted(path for path in found if path.is_file() and not path.name.startswith("."))
    questions = [_question(path, path.relative_to(folder).as_posix(), prompt) for path in paths]
    pictures = [question for question in questions if question is not None]
    if not pictures:
        raise UserError(f"--images {folder} holds no PNG, JPEG, WEBP or GIF picture; --recursive looks below it too.")
    return pictures


def _question(path: Path, name: str, prompt: str | None) -> Question | None:
    """None for a file that is no picture by name nor by content: a table beside the pictures, say."""
    try:
        if path.suffix.lower() in SUFFIXES or looks_like_picture(path):
            return Question(name, path, prompt)
    except OSError as error:
        return Question(name, path, prompt, f"can't be opened: {error.strerror}")
    return None


def questions_in_rows(path: Path, prompt: str | None) -> list[Question]:
    """A question a line; a line without a prompt gets `prompt`, a broken one stays as an error."""
    if not path.is_file():
        raise UserError(f'--rows {path} is missing: a file of lines {{"image": path, "prompt": text}}.')
    lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    if not lines:
        raise UserError(f"--rows {path} is empty.")
    return [_row_question(path, number, line, prompt) for number, line in enumerate(lines, start=1)]


def _row_question(path: Path, number: int, line: bytes, prompt: str | None) -> Question:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Question(None, path, "", f"row {number} is no JSON")
    if not isinstance(row, dict) or not isinstance(row.get("image"), str):
        return Question(None, path, "", f'row {number} has no text "image"')
    asked = row.get("prompt", prompt)
    if ("prompt" in row or asked is not None) and not isinstance(asked, str):
        return Question(row["image"], path, "", f'row {number}: "prompt" must be text')
    return Question(row["image"], path.parent / row["image"], asked)


def answer_lines(
    questions: Sequence[Question], prepare: Callable[[Question], P], ask: Callable[[list[P]], Sequence[Said]]
) -> Iterator[Line]:
    """A line a question, in order; what can't be prepared becomes a line with its error, and is not asked."""
    for start in range(0, len(questions), ROWS_AT_ONCE):
        chunk = questions[start : start + ROWS_AT_ONCE]
        prepared = [prepared_or_refused(question, prepare) for question in chunk]
        answers = iter(ask([one for one in prepared if not isinstance(one, Refused)]))
        for question, one in zip(chunk, prepared, strict=True):
            if isinstance(one, Refused):
                yield {"input": question.input, "output": None, "score": None, "error": one.why}
            else:
                said = next(answers)
                yield {"input": question.input, "output": said.text, "score": said.score}


def prepared_or_refused(question: Question, prepare: Callable[[Question], P]) -> P | Refused:
    """The question as the model sees it, or why it can't be asked."""
    if question.error:
        return Refused(question.error)
    try:
        return prepare(question)
    except (RefusedPictureError, UserError) as error:
        return Refused(str(error))
