"""The creatures: lines that share element, body and feature, and differ from each other in at least one of them."""

from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from stages.samples.descriptions.attributes import BODIES, COLOURS, ELEMENTS, FEATURES, TEMPERS
from stages.samples.descriptions.naming import in_hangul, name, stem
from stages.samples.descriptions.parameters import Descriptions

MEMBERS = (1, 2, 2, 3)  # of a line, drawn
IRREGULAR = 0.2  # of the lines, where the attribute has a second syllable


@dataclass(frozen=True)
class Creature:
    """One of a line; `number` counts through the set from 1, as `line` does."""

    number: int
    line: int
    stage: int
    name: str
    korean: str
    before: str  # the name of the stage before, "" for the first
    element: str
    body: str
    feature: str
    colour: str
    temper: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def draw_creatures(params: Descriptions) -> list[Creature]:
    """All creatures, line by line; no two have the same name, in Latin letters or in Hangul."""
    chance = Random(f"{params.seed}/lines")
    combinations = [(element, body, feature) for element in ELEMENTS for body in BODIES for feature in FEATURES]
    chance.shuffle(combinations)
    creatures: list[Creature] = []
    taken: set[str] = set()
    line = 0
    for element, body, feature in combinations:
        if line == params.lines:
            break
        found = _line(chance, (element, body, feature), line + 1, len(creatures))
        names = {one.name for one in found} | {one.korean for one in found}
        if names & taken:
            continue
        taken |= names
        creatures += found
        line += 1
    return creatures


def _line(chance: Random, combination: tuple[str, str, str], line: int, before: int) -> list[Creature]:
    element, body, feature = combination
    shared = stem(element, body, (chance.random() < IRREGULAR, chance.random() < IRREGULAR))
    colour, temper = chance.choice(list(COLOURS)), chance.choice(list(TEMPERS))
    found: list[Creature] = []
    for stage in range(1, chance.choice(MEMBERS) + 1):
        called = name(shared, feature, stage)
        younger = found[-1].name if found else ""
        found.append(
            Creature(
                before + stage, line, stage, called, in_hangul(called), younger, element, body, feature, colour, temper
            )
        )
        if chance.random() < 0.5:  # relatives may look and feel different
            colour = chance.choice(list(COLOURS))
            temper = chance.choice(list(TEMPERS))
    return found
