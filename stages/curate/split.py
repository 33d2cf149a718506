"""Which rows stay and on which side, from the rows alone: pure decisions, no pictures are opened."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field

from stages.foundation.paligemma2.withheld import is_test_family, is_test_word
from stages.params import Params, UserError
from stages.record import Drop, Record

WITHHELD = "withheld benchmark word"
NOT_MARKED = "label is not the marked letter"
CONTRADICTORY = "contradictory labels"
TEST_WORD = "test word in a training font"
TEST_FONT = "training word in a test font"
DUPLICATE = "exact duplicate"


class Curate(Params):
    """How rows are split: by words and fonts (circled letters), or by whole entities (anything else)."""

    split: Literal["words_and_fonts", "entities"]
    test_share: float = Field(default=0.2, gt=0, lt=1)  # `entities` only


@dataclass(frozen=True)
class _Row:
    """A row and what its source says was drawn."""

    record: Record
    drawn: dict[str, Any]

    @property
    def word(self) -> str:
        return str(self.drawn.get("word", self.record.entity))


def decide(params: Curate, records: Iterable[Record], withheld: frozenset[str]) -> tuple[list[Record], list[Drop]]:
    """Kept rows with `split` filled, and drops; every row is in exactly one of them.

    `withheld` holds case-folded words. Raises UserError for rows that the split cannot be read off.
    """
    rows = [_Row(record, record.source.drawn) for record in sorted(records, key=lambda record: record.id)]
    drops: list[Drop] = []
    sound = []
    for row in rows:
        if row.word.casefold() in withheld:
            drops.append(Drop(row.record.id, WITHHELD, row.word))
        elif not _label_is_marked(row):
            detail = f"{row.record.label!r} is not letter {row.drawn['index']} of {row.word!r}"
            drops.append(Drop(row.record.id, NOT_MARKED, detail))
        else:
            sound.append(row)

    labels: dict[str, set[str]] = defaultdict(set)
    for row in sound:
        labels[row.record.image.sha256].add(row.record.label)
    kept: dict[str, Record] = {}
    for row in sound:
        record, digest = row.record, row.record.image.sha256
        side = _side(params, row)
        if len(labels[digest]) > 1:
            drops.append(Drop(record.id, CONTRADICTORY, ", ".join(sorted(labels[digest]))))
        elif side not in ("train", "test"):
            drops.append(Drop(record.id, side, f"{row.word}, {row.drawn['family']}"))
        elif digest in kept:
            drops.append(Drop(record.id, DUPLICATE, f"of {kept[digest].id}"))
        else:
            kept[digest] = replace(record, split=side)
    return list(kept.values()), drops


def crossings(params: Curate, records: Iterable[Record]) -> list[str]:
    """What stands on both sides though it must not: entities, and with `words_and_fonts` words and families."""
    sides: dict[str, set[str]] = defaultdict(set)
    for record in records:
        sides[f"entity {record.entity.casefold()}"].add(record.split)
        if params.split == "words_and_fonts":
            drawn = record.source.drawn
            sides[f"word {drawn['word'].casefold()}"].add(record.split)
            sides[f"family {drawn['family'].casefold()}"].add(record.split)
    return sorted(name for name, splits in sides.items() if len(splits) > 1)


def _label_is_marked(row: _Row) -> bool:
    """False when the row says which letter is marked and its label is another one."""
    if "word" not in row.drawn or "index" not in row.drawn:
        return True
    word, index = row.word, int(row.drawn["index"])
    return 0 <= index < len(word) and word[index] == row.record.label


def _side(params: Curate, row: _Row) -> str:
    """ "train" or "test", or the reason why the row can be on neither."""
    if params.split == "entities":
        digest = hashlib.sha256(b"plumbline-entity:" + row.record.entity.casefold().encode()).digest()
        return "test" if int.from_bytes(digest[:8], "big") < params.test_share * 2**64 else "train"
    missing = {"word", "family"} - set(row.drawn)
    if missing:
        raise UserError(
            f"row {row.record.id} has no {' and no '.join(sorted(missing))} in its source, which `split: "
            "words_and_fonts` needs: set `split: entities` in this recipe's `curate`."
        )
    test_word, test_family = is_test_word(row.word), is_test_family(str(row.drawn["family"]))
    if test_word == test_family:
        return "test" if test_word else "train"
    return TEST_WORD if test_word else TEST_FONT
