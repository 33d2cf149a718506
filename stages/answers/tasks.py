"""Tasks: what a recipe asks, what it should answer, and how an answer is scored."""

import re
from dataclasses import dataclass
from typing import ClassVar, Protocol

from stages.record import Record


class Task(Protocol):
    """Prompt, target and score of one kind of recipe; `rules` names the scores, the main one first."""

    rules: ClassVar[tuple[str, ...]]
    classes: ClassVar[tuple[str, ...]]

    def target(self, record: Record) -> str:
        """The label that a right answer names."""
        ...

    def score(self, answer: str, label: str) -> dict[str, bool]:
        """Whether `answer` names `label`, by each rule."""
        ...


@dataclass(frozen=True)
class LetterTask:
    """Which letter is circled? Scored by both rules that BlindTest's harnesses use.

    `exact`: what stands in the first {}, else the first letter of the answer, case-sensitive
    (VLMEvalKit). `first_letter`: the first letter found, case-folded (lmms-eval).
    """

    rules: ClassVar[tuple[str, ...]] = ("exact", "first_letter")
    classes: ClassVar[tuple[str, ...]] = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

    def target(self, record: Record) -> str:
        return record.label

    def score(self, answer: str, label: str) -> dict[str, bool]:
        return {"exact": self.named(answer) == label, "first_letter": first_letter(answer).lower() == label.lower()}

    @staticmethod
    def named(answer: str) -> str:
        """The letter an answer names, case kept: inside the first {}, else its first letter."""
        braces = re.search(r"\{([^{}]*)\}", answer)
        return braces.group(1).strip() if braces else first_letter(answer)


def first_letter(answer: str) -> str:
    """The first letter a-z or A-Z in `answer`, "" when there is none."""
    found = re.search(r"[A-Za-z]", answer)
    return found.group(0) if found else ""


TASKS: dict[str, Task] = {"letter": LetterTask()}
