"""What is told of a scene, and its wordings: captions, and lists of what is there."""

from dataclasses import dataclass

import numpy as np

from stages.foundation.clip_phi.scene import Group, Scene
from stages.foundation.clip_phi.words import (
    DIGITS,
    NUMBERS,
    PLACE_NAMES,
    PLACES,
    RELATION_PHRASES,
    SIZES,
    an,
    pick,
    plural,
)  # fmt: skip

SPOKEN_SPOTS = {
    ("left", "middle"): "on the left", ("right", "middle"): "on the right", ("middle", "top"): "at the top",
    ("middle", "bottom"): "at the bottom", ("middle", "middle"): "in the middle", ("left", "top"): "at the top left",
    ("right", "top"): "at the top right", ("left", "bottom"): "at the bottom left",
    ("right", "bottom"): "at the bottom right",
}  # fmt: skip
OPENINGS = (
    "",
    "",
    "",
    "There is {}",
    "This is a picture of {}",
    "A drawing of {}",
    "I see {}",
    "One sees {}",
    "Here is {}",
)


@dataclass(frozen=True)
class Told:
    """The facts of a scene that a text tells; kinds and counts it always tells."""

    scene: Scene
    place: bool
    relation: bool  # of the first two groups
    colours: tuple[bool, ...]
    sizes: tuple[bool, ...]
    spots: tuple[bool, ...]


def everything(scene: Scene) -> Told:
    yes = (True,) * len(scene.groups)
    return Told(scene, True, _is_related(scene), yes, yes, yes)


def _is_related(scene: Scene) -> bool:
    return len(scene.groups) > 1 and bool(scene.relation(*scene.groups[:2]))


def tell(scene: Scene, rng: np.random.Generator, share: float) -> Told:
    """Facts by chance; a relation only where it is clear."""
    number = len(scene.groups)

    def some(of: float) -> tuple[bool, ...]:
        return tuple(bool(rng.random() < of) for _ in range(number))

    related = _is_related(scene) and bool(rng.random() < share)
    return Told(
        scene, bool(rng.random() < share), related, some(0.5 + 0.5 * share), some(0.6 * share), some(0.5 * share)
    )


def counted(count: int, rng: np.random.Generator) -> str:
    return NUMBERS[count] if rng.random() < 0.85 else DIGITS[NUMBERS[count]]


def noun(group: Group, colour: bool, size: bool, rng: np.random.Generator, many: bool | None = None) -> str:
    """Without article or count: "big red balls"."""
    words = [pick(rng, SIZES[group.size])] if size else []
    words += [group.colour] if colour else []
    many = len(group.spots) > 1 if many is None else many
    return " ".join([*words, plural(group.kind) if many else group.kind])


def spoken_spot(group: Group) -> str:
    return SPOKEN_SPOTS[group.across, group.down]


def phrase(told: Told, place: int, rng: np.random.Generator) -> str:
    """A group with its count: "two big red balls on the left"."""
    group = told.scene.groups[place]
    said = noun(group, told.colours[place], told.sizes[place], rng)
    count = len(group.spots)
    alone = f"one {said}" if rng.random() < 0.1 else an(said)
    said = f"{counted(count, rng)} {said}" if count > 1 else alone
    return f"{said} {spoken_spot(group)}" if told.spots[place] else said


def describe(told: Told, rng: np.random.Generator) -> str:
    """One or two sentences that tell just the facts, in any order; begins with a capital, no full stop at its end."""
    scene = told.scene
    places = list(range(len(scene.groups)))
    phrases = {place: phrase(told, place, rng) for place in places}
    if told.relation:
        turned = rng.random() < 0.5
        one, other = (1, 0) if turned else (0, 1)
        relation = scene.relation(scene.groups[one], scene.groups[other])
        if not (told.spots[one] or told.spots[other]):
            phrases[one] = f"{phrases[one]} {pick(rng, RELATION_PHRASES[relation])} {phrases.pop(other)}"
            after = ""
        else:
            verb = "are" if len(scene.groups[one].spots) > 1 else "is"
            names = [noun(scene.groups[n], told.colours[n], False, rng) for n in (one, other)]
            after = f". The {names[0]} {verb} {pick(rng, RELATION_PHRASES[relation])} the {names[1]}"
    else:
        after = ""
    said = _joined([phrases[place] for place in rng.permutation([*phrases])], rng)
    if told.place:
        where = pick(rng, PLACES[scene.place])
        turn = rng.random()
        if turn < 0.6:
            said = f"{said} {where}"
        elif turn < 0.8:
            said = f"{where} there {'are' if said[0].isdigit() or said.split()[0] in NUMBERS[2:] else 'is'} {said}"
        else:
            after += (
                f". {pick(rng, ('The place is', 'It shows', 'Behind is', 'The scene is'))} {PLACE_NAMES[scene.place]}"
            )
    opening = pick(rng, OPENINGS)
    if opening and not said.startswith(("in", "on", "at", "am")):
        said = opening.format(said)
    return said[0].upper() + said[1:] + after


def listed(told: Told, rng: np.random.Generator) -> str:
    """Notes: "red ball, left; two blue cups; beach"."""
    notes = []
    for place in rng.permutation(len(told.scene.groups)):
        group = told.scene.groups[place]
        said = noun(group, told.colours[place], told.sizes[place], rng)
        if len(group.spots) > 1 or rng.random() < 0.15:
            said = f"{counted(len(group.spots), rng)} {said}"
        if told.spots[place]:
            said += f", {spoken_spot(group).removeprefix('on the ').removeprefix('at the ').removeprefix('in the ')}"
        notes.append(said)
    if told.relation:
        one, other = told.scene.groups[:2]
        relation = RELATION_PHRASES[told.scene.relation(one, other)][0]
        notes.append(f"{noun(one, told.colours[0], False, rng)} {relation} {noun(other, told.colours[1], False, rng)}")
    if told.place:
        notes.insert(0 if rng.random() < 0.3 else len(notes), told.scene.place)
    return "; ".join(notes)


def _joined(phrases: list[str], rng: np.random.Generator) -> str:
    if len(phrases) == 1:
        return phrases[0]
    last = pick(rng, (" and ", " and ", " with ", ", and "))
    return ", ".join(phrases[:-1]) + last + phrases[-1]
