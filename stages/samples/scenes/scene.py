"""What a picture shows: a place and two to five things on a grid of two rows, from one chance."""

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from stages.samples.scenes.catalogue import KINDS, PLACES, Place
from stages.samples.scenes.colours import COLOURS

UPPER, LOWER = 0, 1
MOST = 5  # things


@dataclass(frozen=True)
class Thing:
    """One thing: `column` 0 is the leftmost; everything in the upper row is above the lower row's same column."""

    kind: str
    colour: str
    size: str  # big, small
    column: int
    row: int


@dataclass(frozen=True)
class Scene:
    """`things` from left to right, the upper one first; things of one kind have one colour and one size."""

    place: str
    columns: int
    things: tuple[Thing, ...]

    @property
    def counts(self) -> Counter[str]:
        return Counter(thing.kind for thing in self.things)

    @property
    def singles(self) -> list[Thing]:
        """The things that are the only ones of their kind."""
        counts = self.counts
        return [thing for thing in self.things if counts[thing.kind] == 1]

    @property
    def groups(self) -> list[Thing]:
        """One thing of each kind, in the order of `things`."""
        return list({thing.kind: thing for thing in reversed(self.things)}.values())[::-1]

    @property
    def at(self) -> str:
        return PLACES[self.place].at

    def as_dict(self) -> dict[str, Any]:
        things = [
            {"kind": one.kind, "colour": one.colour, "size": one.size, "column": one.column, "row": one.row}
            for one in self.things
        ]
        return {"place": self.place, "columns": self.columns, "things": things}


def imagine(chance: Random) -> Scene:
    """A scene: two fifths have several things of one kind, the others differ all."""
    place = PLACES[chance.choice(list(PLACES))]
    repeated = chance.choice((2, 2, 3, 3, 4, 4, 5, 5)) if chance.random() < 0.45 else 1
    others = chance.randint(0, MOST - repeated) if repeated > 1 else chance.choice((1, 2, 2, 3, 3))
    names = chance.sample(place.kinds, others + 1)
    if repeated > 3 or sum(KINDS[name].heavy for name in names) > 1:  # the ground holds three
        light = [name for name in place.kinds if not KINDS[name].heavy]
        names = chance.sample(light, others + 1)
    total = repeated + others
    columns = 2 if total <= 3 and chance.random() < 0.5 and not (repeated == 3 and KINDS[names[0]].heavy) else 3
    looks = [(name, _colour(chance, place), chance.choice(("big", "small"))) for name in names]
    wanted = [looks[0]] * repeated + looks[1:]
    return Scene(place.name, columns, tuple(_placed(wanted, columns, chance)))


def _colour(chance: Random, place: Place) -> str:
    return chance.choice([name for name in COLOURS if name not in place.hidden])


def _placed(wanted: list[tuple[str, str, str]], columns: int, chance: Random) -> list[Thing]:
    """Each thing in a cell of its own, heavy ones on the ground; the order of cells is by chance."""
    lower = [(column, LOWER) for column in range(columns)]
    upper = [(column, UPPER) for column in range(columns)]
    chance.shuffle(lower)
    things = []
    for name, colour, size in sorted(wanted, key=lambda look: not KINDS[look[0]].heavy):
        if KINDS[name].heavy:
            cell = lower.pop()
        else:
            free = lower + upper
            cell = chance.choice(free)
            (lower if cell in lower else upper).remove(cell)
        things.append(Thing(name, colour, size, *cell))
    return sorted(things, key=lambda one: (one.column, one.row))
