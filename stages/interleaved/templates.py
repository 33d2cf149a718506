"""The one place where pictures and text are put in a row: training, zero-shot and few-shot all read from it.

The list is what IdeficsProcessor takes. One text stands between two pictures: the processor strips the
spaces of each text, so that a prompt and an answer given apart would stick together ("Answer:golf.").
"""

from collections.abc import Sequence
from typing import TypeVar

from stages.interleaved.recipe import FIELDS, Tokenize

Picture = TypeVar("Picture")


def interleaved(
    template: Tokenize, picture: Picture, answer: str | None = None, examples: Sequence[tuple[Picture, str]] = ()
) -> list[Picture | str]:
    """Pictures and texts by turns: the (picture, answer) `examples`, then `picture` with its answer, or asked."""
    parts: list[Picture | str] = []
    for shown, told in examples:
        parts += [shown, answered(template, told) + template.separator]
    return [*parts, picture, template.prompt if answer is None else answered(template, answer)]


def answered(template: Tokenize, answer: str) -> str:
    """The prompt and what it is answered with; a prompt that ends its line needs no space behind it."""
    return f"{template.prompt}{'' if template.prompt[-1].isspace() else ' '}{answer}"


def fill(template: Tokenize, task: str, target: str) -> str:
    """The answer that is trained on: `tokenize.answer` with the task's own field filled in."""
    return template.answer.format(**{FIELDS[task]: target})


def frame(template: Tokenize, task: str) -> tuple[str, str]:
    """What `tokenize.answer` puts before and behind its field: ("", ".") for "{label}."."""
    before, _, behind = fill(template, task, "\0").partition("\0")
    return before, behind


def stops(template: Tokenize, task: str) -> tuple[str, ...]:
    """Texts at which an answer is over, for a model that never learned to end it: its full stop, or its line's end."""
    behind = frame(template, task)[1]
    return (behind, "\n") if behind.strip() else ("\n",)
