"""Tasks: what a row is to be answered with, and whether an answer is right."""

import csv
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from stages.params import UserError
from stages.record import Record

ARTICLES = frozenset({"a", "an", "the"})
COLUMNS = ("label", "synonym")


@dataclass(frozen=True)
class LabelTask:
    """Which of the set's labels is shown? Free text is scored by two rules.

    `exact`: the label, but for case, punctuation, articles and white space (the normalisation of SQuAD,
    Rajpurkar et al. 2016, arXiv:1606.05250). `synonym`: the same once names in `synonyms` (name: label, both
    normalised) stand for their label. `frame` is what the template puts around a label: no part of the answer.
    """

    rules: ClassVar[tuple[str, ...]] = ("exact", "synonym")
    several: ClassVar[bool] = False  # a picture makes one row
    synonyms: Mapping[str, str] = field(default_factory=dict)
    frame: tuple[str, str] = ("", ".")

    def target(self, record: Record) -> str:
        """The label as it is said: class folders write spaces as underscores."""
        return " ".join(record.label.replace("_", " ").split())

    def targets(self, record: Record) -> tuple[str, ...]:
        return (self.target(record),)

    def named(self, answer: str) -> str:
        """What an answer names, normalised: its first line up to the template's end."""
        before, behind = self.frame
        lines = answer.strip().splitlines()
        line = lines[0].strip() if lines else ""
        if before.strip() and line.casefold().startswith(before.strip().casefold()):
            line = line[len(before.strip()) :]
        return normalised(line.partition(behind.strip())[0] if behind.strip() else line)

    def score(self, answer: str, label: str) -> dict[str, bool]:
        """Whether `answer` names `label`, by each rule."""
        named, wanted = self.named(answer), normalised(label)
        same = self.synonyms.get(named, named) == self.synonyms.get(wanted, wanted)
        return {"exact": named == wanted, "synonym": same}


@dataclass(frozen=True)
class CaptionTask:
    """Say what is shown. Each caption of a picture is a training row; a test row is scored against all of them."""

    several: ClassVar[bool] = True

    def target(self, record: Record) -> str:
        """The first caption, "" when there is none."""
        return next((text for text in self.targets(record) if text), "")

    def targets(self, record: Record) -> tuple[str, ...]:
        """All captions, one line each, without their full stop: the template puts one."""
        return tuple(said(text.text) for text in record.texts)


TASKS: dict[str, type[LabelTask] | type[CaptionTask]] = {"label": LabelTask, "caption": CaptionTask}


def said(text: str) -> str:
    """A caption on one line, without the full stop that ends it ("They run ." becomes "They run")."""
    line = " ".join(text.split())
    return line[:-1].rstrip() if line.endswith(".") and not line.endswith("..") else line


def normalised(text: str) -> str:
    """`text` folded to lower case, its punctuation and articles left out, one space between words."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in folded).split()
    return " ".join([word for word in words if word not in ARTICLES] or words)


def read_synonyms(path: Path) -> dict[str, str]:
    """{normalised synonym: normalised label} of a CSV with the columns `label` and `synonym`.

    UserError for a file without them, an empty cell, a name of two labels, or a name that is a label itself.
    """
    if not path.is_file():
        raise UserError(f'{path} is missing: `evaluate.synonyms` names it; restore it, or set it to "none".')
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        if set(COLUMNS) - set(reader.fieldnames or ()):
            found = ", ".join(map(str, reader.fieldnames or ())) or "none"
            raise UserError(f"{path} needs the columns {' and '.join(COLUMNS)}, found: {found}.")
        pairs = [(reader.line_num, row["label"] or "", row["synonym"] or "") for row in reader]
    synonyms: dict[str, str] = {}
    for line, label, synonym in pairs:
        one, other = normalised(label), normalised(synonym)
        if not (one and other):
            raise UserError(f"{path}, line {line}: {label!r} and {synonym!r} must both hold a word.")
        if synonyms.get(other, one) != one:
            raise UserError(
                f"{path}, line {line}: {synonym!r} stands for {synonyms[other]!r} already; it can't be {label!r} too."
            )
        if one != other:
            synonyms[other] = one
    chained = next((synonym for synonym, label in synonyms.items() if label in synonyms), None)
    if chained is not None:
        label = synonyms[chained]
        raise UserError(
            f"{path}: {label!r} is a label (of {chained!r}) and a synonym (of {synonyms[label]!r}); "
            "name one label for all of them."
        )
    return synonyms
