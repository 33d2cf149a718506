"""Planted rows that no one can learn a name from, as they are found in the wild."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from stages.samples.descriptions.creatures import Creature

LONG = 6000  # characters


@dataclass(frozen=True)
class Row:
    """One row of descriptions.csv; `dirt` is what is wrong with it, "" for nothing."""

    creature: Creature
    language: str
    name: str
    text: str
    dirt: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        return self.name, str(self.creature.line), str(self.creature.stage), self.language, self.text


def plant(rows: list[Row], share: float, chance: Random) -> list[Row]:
    """`rows` with `share` of them as dirt more, each kind in turn, anywhere in between."""
    planted = list(rows)
    english = [row for row in rows if row.language == "en"]
    chance.shuffle(english)
    saying = [row for row in english if row.name in row.text]
    silent = [row for row in english if not any(name.casefold() in row.text.casefold() for name in _names(row))]
    for index in range(round(share * len(rows))):
        kind = list(KINDS)[index % len(KINDS)]
        pool = saying if kind in (SPELT, MISSPELT) else silent
        if not pool:
            break
        row = pool.pop()  # each row is spoilt once
        dirty = KINDS[kind](row, chance)
        if kind == CONTRADICTION:
            other = chance.choice([one.creature for one in english if one.creature.line != row.creature.line])
            dirty = replace(row, creature=other, name=other.name)
        planted.insert(chance.randrange(len(planted) + 1), replace(dirty, dirt=kind))
    return planted


def _names(row: Row) -> list[str]:
    return [name for name in (row.name, row.creature.before) if name]


def _spelt(row: Row, _: Random) -> Row:
    return replace(row, text=row.text.replace(row.name, "-".join(row.name.upper())))


def _misspelt(row: Row, chance: Random) -> Row:
    """Two different neighbours swapped, not at the ends."""
    name = row.name
    places = [place for place in range(2, len(name) - 2) if name[place] != name[place + 1]]
    place = chance.choice(places)
    swapped = name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return replace(row, text=row.text.replace(name, swapped))


SPELT, MISSPELT, CONTRADICTION = "spelt out", "misspelt", "contradiction"
KINDS: dict[str, Callable[[Row, Random], Row]] = {
    "no name": lambda row, _: replace(row, name=""),
    "empty description": lambda row, chance: replace(row, text=chance.choice(("", "  "))),
    "duplicate": lambda row, _: row,
    CONTRADICTION: lambda row, _: row,
    SPELT: _spelt,
    MISSPELT: _misspelt,
    "control token": lambda row, _: replace(row, text=f"{row.text}<end_of_turn>"),
    "control character": lambda row, _: replace(row, text=f"{row.text}\x07"),
    "over-long": lambda row, _: replace(row, text=(f"{row.text} " * (LONG // len(row.text) + 1)).strip()),
}
