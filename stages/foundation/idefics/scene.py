"""A scene is what a picture shows, in words; `draw_scene` makes one up, keeping clear of what is withheld."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from stages.foundation.idefics.things import HELD, KINDS, LONG, SUPPORTS
from stages.foundation.idefics.withheld import is_arrangement
from stages.foundation.idefics.words import ARMS, BALLS, COLOURS, HATS, LIGHTS, PLACES, POSES, RELATIONS


@dataclass(frozen=True)
class Person:
    """`held` is "" for nothing."""

    pose: str
    arms: str
    shirt: str
    trousers: str
    hat: str
    held: str
    held_colour: str
    facing: str


@dataclass(frozen=True)
class Thing:
    kind: str
    colour: str
    pattern: str  # of a ball


@dataclass(frozen=True)
class Scene:
    """People, or none; `count` times the thing, or None; the other thing lies `relation` of the first (or the person).

    With people the thing lies `relation` of the first person ("near" when there are several).
    """

    place: str
    light: str
    people: tuple[Person, ...]
    thing: Thing | None
    count: int
    other: Thing | None
    relation: str


def _one(values: Iterable[str], rng: np.random.Generator) -> str:
    choices = tuple(values)
    return str(choices[int(rng.integers(len(choices)))])


def draw_thing(rng: np.random.Generator, kinds: tuple[str, ...] = KINDS) -> Thing:
    return Thing(_one(kinds, rng), _one(COLOURS, rng), _one(BALLS, rng))


def _person(rng: np.random.Generator) -> Person:
    held = _one(HELD, rng) if rng.random() < 0.5 else ""
    arms = _one([name for name in ARMS if not held or name not in ("on the hips", "back")], rng)
    return Person(
        _one(POSES, rng), arms, _one(COLOURS, rng), _one(COLOURS, rng), _one(HATS, rng), held, _one(COLOURS, rng),
        _one(("left", "right"), rng),
    )  # fmt: skip


def draw_scene(rng: np.random.Generator) -> Scene:
    """Two thirds are of people. Drawn again for as long as a sport's arrangement comes out."""
    while True:
        scene = _people(rng) if rng.random() < 0.67 else _things(rng)
        if not shows_arrangement(scene):
            return scene


def shows_arrangement(scene: Scene) -> bool:
    beside = scene.thing.kind if scene.thing else ""
    return any(is_arrangement(scene.place, beside, scene.relation, one.held, one.arms) for one in scene.people)


def _people(rng: np.random.Generator) -> Scene:
    number = int(rng.choice([1, 1, 1, 1, 2, 2, 3]))
    first = _person(rng)
    people = [first]
    for _ in range(number - 1):  # half of all groups do the same
        other = _person(rng)
        people.append(Person(first.pose, first.arms, *_rest(other)) if rng.random() < 0.5 else other)
    relation = _one(RELATIONS, rng) if number == 1 else "near"
    upright = first.pose not in ("lying", "upside down", "jumping")
    if relation == "below" and not upright:
        relation = "left"
    kinds = SUPPORTS if relation == "below" else tuple(kind for kind in KINDS if kind not in LONG)
    thing = draw_thing(rng, kinds) if rng.random() < 0.6 else None
    return Scene(
        _one(PLACES, rng), _one(LIGHTS, rng), tuple(people), thing, int(thing is not None), None,
        relation if thing else "",
    )  # fmt: skip


def _rest(person: Person) -> tuple[str, str, str, str, str, str]:
    return person.shirt, person.trousers, person.hat, person.held, person.held_colour, person.facing


def _things(rng: np.random.Generator) -> Scene:
    thing = draw_thing(rng)
    place, light = _one(PLACES, rng), _one(LIGHTS, rng)
    if rng.random() < 0.5:
        return Scene(place, light, (), thing, int(rng.integers(1, 6)), None, "")
    other = draw_thing(rng)
    while other.kind == thing.kind:
        other = draw_thing(rng)
    return Scene(place, light, (), thing, 1, other, _one(RELATIONS, rng))
