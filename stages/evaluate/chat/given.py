"""What is evaluated: held-out pictures, their captions and conversations, and what baselines may know of training."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.chat.recipe import ChatRecipe
from stages.evaluate.chat.rows import Asked, Captioned, captioned, turns
from stages.features.patches import Patches
from stages.params import UserError
from stages.record import Record
from stages.tokenize.chat.rows import TokenizedRow, open_tokenized, read_tokenized

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 2  # captioned pictures: CIDEr weighs words by how many pictures have them, of one it says nothing
AT_ONCE = 512  # pictures whose patches are in memory to be pooled


@dataclass(frozen=True)
class Given:
    """`captions` has (picture, caption) of every training caption, `answers` (question, answer) of every turn.

    `records` holds the curated rows by their picture's sha256.
    """

    params: ChatRecipe
    pictures: list[Captioned]
    asked: list[Asked]
    captions: list[tuple[str, str]]
    answers: list[tuple[str, str]]
    patches: Patches
    records: Mapping[str, Record]

    @property
    def prompt(self) -> str:
        """What captions are asked with."""
        return self.params.tokenize.caption_prompts[0]

    def pairs(self, pictures: Iterable[str]) -> list[tuple[str, str]]:
        """(row id, sha256) of pictures, as features are asked for."""
        return [(self.records[digest].id, digest) for digest in pictures]


def read_given(params: ChatRecipe, tokenized: Path, records: Sequence[Record], patches: Patches) -> Given:
    """The rows of both splits; UserError when there is nothing to ask or no training caption to compare with.

    Where the rows are conversations only, the pictures' own captions are the references.
    """
    rows = _few(read_tokenized(tokenized, "test"), params.evaluate.pictures)
    known = {record.image.sha256: record for record in records}
    pictures = captioned(rows) or list(_of_records({row.picture for row in rows}, known))
    asked = turns(rows) if params.task == "instruct" else []
    if len(pictures) < FEWEST and not asked:
        raise UserError(
            f"{tokenized} has {len(pictures)} captioned pictures of split test, {FEWEST} or more are needed: look at "
            "its drops.csv and that of its curated set, or raise `test_share` there."
        )
    captions = _captions(tokenized, known)
    if pictures and not captions:
        raise UserError(f"{tokenized} has no caption of split train, test pictures have: look at its drops.csv.")
    return Given(
        params, pictures if len(pictures) >= FEWEST else [], asked, captions, _answers(tokenized), patches, known
    )


def _few(rows: list[TokenizedRow], pictures: int | None) -> list[TokenizedRow]:
    """All rows of as many pictures. A sha256 says nothing of its picture, so the smallest ones are a fair draw."""
    kept = set(sorted({row.picture for row in rows})[:pictures])
    return [row for row in rows if row.picture in kept]


def _of_records(pictures: set[str], known: Mapping[str, Record]) -> Iterator[Captioned]:
    for picture in sorted(pictures, key=lambda digest: known[digest].id):
        record = known[picture]
        if record.texts:
            yield Captioned(picture, record.entity, tuple(text.text for text in record.texts))


def _captions(tokenized: Path, known: Mapping[str, Record]) -> list[tuple[str, str]]:
    rows = open_tokenized(tokenized, "train", "caption")
    if len(rows):
        answers = (answers[-1] for answers in rows.column("answers"))
        return list(zip(rows.column("picture"), answers, strict=True))
    train = [record for record in known.values() if record.split == "train"]
    return [(record.image.sha256, text.text) for record in train for text in record.texts]


def _answers(tokenized: Path) -> list[tuple[str, str]]:
    rows = open_tokenized(tokenized, "train", "conversation")
    told = zip(rows.column("questions"), rows.column("answers"), strict=True)
    return [pair for questions, answers in told for pair in zip(questions, answers, strict=True)]


def pooled(given: Given, pictures: Sequence[str]) -> "NDArray[np.float32]":
    """The mean of each picture's patches, (pictures, width)."""
    found = []
    for start in range(0, len(pictures), AT_ONCE):
        patches = given.patches.of(given.pairs(pictures[start : start + AT_ONCE]))
        found.append(np.asarray(patches, np.float32).mean(axis=1))
    return np.concatenate(found)
