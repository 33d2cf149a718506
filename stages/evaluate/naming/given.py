"""What is evaluated: held-out rows, every name there is, and where the models are."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from stages.evaluate.naming.names import normalised
from stages.naming.recipe import NamingRecipe
from stages.tokenize.naming.rows import TokenizedRow


@dataclass(frozen=True)
class Names:
    """All names of training and test rows, one a spelling (`normalised`), in alphabetical order.

    `new` are the columns of names that no training row has.
    """

    texts: tuple[str, ...]
    new: tuple[int, ...]
    columns: dict[str, int]

    @classmethod
    def of(cls, train: Sequence[TokenizedRow], test: Sequence[TokenizedRow]) -> Self:
        taught = {normalised(row.name) for row in train}
        found: dict[str, TokenizedRow] = {}
        for row in sorted([*train, *test], key=lambda row: (row.name, row.id)):
            found.setdefault(normalised(row.name), row)
        spellings = sorted(found)
        return cls(
            texts=tuple(found[one].name for one in spellings),
            new=tuple(column for column, one in enumerate(spellings) if one not in taught),
            columns={one: column for column, one in enumerate(spellings)},
        )

    def column(self, name: str) -> int:
        return self.columns[normalised(name)]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Given:
    """`ranked`: the places in `test` of the rows whose true name is ranked among all names."""

    params: NamingRecipe
    base: Path
    trained: Path
    train: list[TokenizedRow]
    test: list[TokenizedRow]
    names: Names
    ranked: list[int]

    @property
    def entities(self) -> list[str]:
        return [row.entity for row in self.test]

    @property
    def true_columns(self) -> list[int]:
        return [self.names.column(row.name) for row in self.test]


def balanced(rows: Sequence[TokenizedRow], most: int | None, seed: int) -> list[int]:
    """Places of at most `most` rows, as many of each entity as of every other as far as they go; all of them for None.

    Which ones follows from their ids and the seed, so that one more row elsewhere changes little.
    """
    if most is None or len(rows) <= most:
        return list(range(len(rows)))
    own: dict[str, list[int]] = defaultdict(list)
    for place in sorted(range(len(rows)), key=lambda place: _draw(rows[place].id, seed)):
        own[rows[place].entity].append(place)
    turns = [(turn, _draw(entity, seed), place) for entity, places in own.items() for turn, place in enumerate(places)]
    return sorted(place for *_, place in sorted(turns)[:most])


def _draw(text: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()
