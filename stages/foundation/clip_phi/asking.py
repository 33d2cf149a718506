"""Questions that what is told of a scene answers, each with a short answer and one in a whole sentence."""

from collections.abc import Callable

import numpy as np

from stages.foundation.clip_phi.scene import Group, Scene
from stages.foundation.clip_phi.telling import Told, counted, noun, spoken_spot
from stages.foundation.clip_phi.words import (
    COLOURS,
    KINDS,
    NUMBERS,
    PLACE_NAMES,
    PLACES,
    RELATION_PHRASES,
    RELATIONS,
    SIZES,
    an,
    pick,
    plural,
)  # fmt: skip

Asked = tuple[str, str, str]  # question, short answer, answer in a sentence
LONG = 0.25  # of the documents, the share whose questions are answered in sentences


def questions(told: Told, rng: np.random.Generator, most: int) -> list[tuple[str, str]]:
    """Half of `most` questions up to all, answered, none twice; a document's answers are of one style."""
    long, wanted = rng.random() < LONG, int(rng.integers((most + 1) // 2, most + 1))
    capital, stop = rng.random() < 0.4, rng.random() < 0.4
    found: dict[str, str] = {}
    for _ in range(40 + 4 * wanted):
        asked = _ONE_OF[int(rng.integers(len(_ONE_OF)))](told, rng)
        if asked is None or asked[0] in found:
            continue
        question, short, sentence = asked
        answer = sentence if long else short
        answer = answer[0].upper() + answer[1:] if capital or long else answer
        found[question] = answer + ("." if stop or long else "")
        if len(found) == wanted:
            break
    return list(found.items())


def _known(told: Told, which: tuple[bool, ...], rng: np.random.Generator) -> Group | None:
    """A group by chance of which this is told, and whose kind no other group is of."""
    scene = told.scene
    groups = [g for g, is_told in zip(scene.groups, which, strict=True) if is_told and len(scene.of_kind(g.kind)) == 1]
    return groups[int(rng.integers(len(groups)))] if groups else None


def _the(group: Group, rng: np.random.Generator) -> tuple[str, str]:
    """("the balls", "are")"""
    return f"the {noun(group, False, False, rng)}", "are" if len(group.spots) > 1 else "is"


def _colour(told: Told, rng: np.random.Generator) -> Asked | None:
    group = _known(told, told.colours, rng)
    if not group:
        return None
    the, are = _the(group, rng)
    wordings = ("What colour {are} {the}?", "What is the colour of {the}?", "Which colour {do} {the} have?",
                "What color {are} {the}?")  # fmt: skip
    question = pick(rng, wordings).format(the=the, are=are, do="do" if are == "are" else "does")
    return question, group.colour, f"{the} {are} {group.colour}"


def _colour_of_two(told: Told, rng: np.random.Generator) -> Asked | None:
    """Is it this colour, or is it this one or that one?"""
    group = _known(told, told.colours, rng)
    if not group:
        return None
    the, are = _the(group, rng)
    other = _unlike(group.colour, tuple(COLOURS), rng)
    turn = rng.random()
    if turn < 0.35:
        pair = [str(c) for c in rng.permutation([group.colour, other])]
        return f"{are.capitalize()} {the} {pair[0]} or {pair[1]}?", group.colour, f"{the} {are} {group.colour}"
    said = group.colour if turn < 0.68 else other
    return _yes_or_no(f"{are.capitalize()} {the} {said}?", said == group.colour, f"{the} {are} {group.colour}")


def _count(told: Told, rng: np.random.Generator) -> Asked | None:
    group = told.scene.groups[int(rng.integers(len(told.scene.groups)))]
    count = told.scene.count(group.kind)
    number, nouns = counted(count, rng), plural(group.kind)
    wordings = ("How many {} are there?", "How many {} do you see?", "How many {} are in the picture?",
                "What is the number of {}?", "Count the {}.", "How many {} can be seen?")  # fmt: skip
    is_are = f"there is {number} {group.kind}" if count == 1 else f"there are {number} {nouns}"
    return pick(rng, wordings).format(nouns), number, is_are


def _count_checked(told: Told, rng: np.random.Generator) -> Asked | None:
    group = told.scene.groups[int(rng.integers(len(told.scene.groups)))]
    count = told.scene.count(group.kind)
    said = count if rng.random() < 0.5 else int(_unlike(str(count), ("1", "2", "3", "4", "5"), rng))
    things = f"{NUMBERS[said]} {plural(group.kind) if said > 1 else group.kind}"
    true = f"{NUMBERS[count]} {plural(group.kind) if count > 1 else group.kind}"
    sentence = f"there {'are' if count > 1 else 'is'} {true}"
    return _yes_or_no(f"{'Are' if said > 1 else 'Is'} there {things}?", said == count, sentence)


def _place(told: Told, rng: np.random.Generator) -> Asked | None:
    if not told.place:
        return None
    wordings = ("Where is this?", "What place is this?", "What is the place?", "Where does the scene take place?",
                "What kind of place is shown?", "What is behind?", "Where are we?")  # fmt: skip
    name = PLACE_NAMES[told.scene.place]
    short = pick(rng, (name, told.scene.place, pick(rng, PLACES[told.scene.place])))
    return pick(rng, wordings), short, f"it is {pick(rng, PLACES[told.scene.place])}"


def _place_checked(told: Told, rng: np.random.Generator) -> Asked | None:
    if not told.place:
        return None
    own = told.scene.place
    said = own if rng.random() < 0.5 else _unlike(own, tuple(PLACES), rng)
    wordings = ("Is this {}?", "Is it {}?", "Is the scene {}?")
    return _yes_or_no(pick(rng, wordings).format(pick(rng, PLACES[said])), said == own, f"it is {PLACES[own][0]}")


def _spot(told: Told, rng: np.random.Generator) -> Asked | None:
    group = _known(told, told.spots, rng)
    if not group:
        return None
    the, are = _the(group, rng)
    if rng.random() < 0.4 and group.across != "middle":
        question = pick(rng, ("{Are} {the} on the left or on the right?", "On which side {are} {the}?"))
        question = question.format(Are=are.capitalize(), are=are, the=the)
        return question, group.across, f"{the} {are} on the {group.across}"
    question = pick(rng, ("Where {} {}?", "Where in the picture {} {}?")).format(are, the)
    return question, spoken_spot(group), f"{the} {are} {spoken_spot(group)}"


def _size(told: Told, rng: np.random.Generator) -> Asked | None:
    group = _known(told, told.sizes, rng)
    if not group:
        return None
    the, are = _the(group, rng)
    if rng.random() < 0.5:
        said = pick(rng, ("big", "small"))
        return _yes_or_no(f"{are.capitalize()} {the} {said}?", said == group.size, f"{the} {are} {group.size}")
    wordings = ("What size {are} {the}?", "How big {are} {the}?", "{Are} {the} big or small?")
    return pick(rng, wordings).format(are=are, Are=are.capitalize(), the=the), group.size, f"{the} {are} {group.size}"


def _present(told: Told, rng: np.random.Generator) -> Asked | None:
    kinds = {group.kind for group in told.scene.groups}
    said = pick(rng, tuple(sorted(kinds))) if rng.random() < 0.5 else _unlike(kinds, KINDS, rng)
    many = rng.random() < 0.3
    question = pick(rng, ("Are there any {}?", "Do you see any {}?") if many else ("Is there {}?", "Can you see {}?"))
    things = plural(said) if many else an(said)
    there = f"there {'are' if told.scene.count(said) > 1 else 'is'} {NUMBERS[told.scene.count(said)]} {said}"
    there = there.replace(said, plural(said)) if told.scene.count(said) > 1 else there
    return _yes_or_no(question.format(things), said in kinds, there)


def _which(told: Told, rng: np.random.Generator) -> Asked | None:
    """The thing of a colour, or of a size, that is the only one of it."""
    by_size = rng.random() < 0.25
    values = [group.size if by_size else group.colour for group in told.scene.groups]
    place = int(rng.integers(len(values)))
    if not all(told.sizes if by_size else told.colours) or values.count(values[place]) > 1:
        return None
    group, value = told.scene.groups[place], values[place]
    value = pick(rng, SIZES[value]) if by_size else value
    the, are = _the(group, rng)
    wordings = ("Which thing is {}?", "What is {}?", "Which of the things is {}?", "What {} thing is there?")
    short = pick(rng, (the, group.kind if are == "is" else plural(group.kind)))
    return pick(rng, wordings).format(value), short, f"{the} {are} {value}"


def _related(told: Told, rng: np.random.Generator) -> Asked | None:
    if not told.relation or len(told.scene.groups) < 2:
        return None
    one, other = told.scene.groups[:2] if rng.random() < 0.5 else told.scene.groups[1::-1]
    relation = told.scene.relation(one, other)
    if not relation or one.kind == other.kind:
        return None
    (the, are), (the_other, _) = _the(one, rng), _the(other, rng)
    sentence = f"{the} {are} {RELATION_PHRASES[relation][0]} {the_other}"
    turn = rng.random()
    if turn < 0.4 and len(told.scene.groups) == 2:
        wordings = ("What is {} {}?", "Which thing is {} {}?", "What do you see {} {}?")
        said = pick(rng, wordings).format(pick(rng, RELATION_PHRASES[relation]), the_other)
        return said, pick(rng, (the, one.kind if are == "is" else plural(one.kind))), sentence
    if turn < 0.6:
        return f"Where {are} {the}, seen from {the_other}?", RELATION_PHRASES[relation][0], sentence
    said = relation if rng.random() < 0.5 else _unlike(relation, RELATIONS, rng)
    question = f"{are.capitalize()} {the} {pick(rng, RELATION_PHRASES[said])} {the_other}?"
    return _yes_or_no(question, said == relation, sentence)


def _what(told: Told, rng: np.random.Generator) -> Asked | None:
    """What is there, in order of size: all of it."""
    scene: Scene = told.scene
    said = []
    for group, colour in zip(scene.groups, told.colours, strict=True):
        words, count = noun(group, colour, False, rng), len(group.spots)
        said.append(an(words) if count == 1 else f"{NUMBERS[count]} {words}")
    wordings = (
        "What is there?",
        "What do you see?",
        "What can be seen?",
        "Which things are there?",
        "Name the things.",
    )
    short = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
    return pick(rng, wordings), short, f"one sees {short}"


def _yes_or_no(question: str, true: bool, sentence: str) -> Asked:
    return question, "yes" if true else "no", f"{'yes' if true else 'no'}, {sentence}"


def _unlike(own: str | set[str], values: tuple[str, ...], rng: np.random.Generator) -> str:
    kept = {own} if isinstance(own, str) else own
    return pick(rng, tuple(value for value in values if value not in kept))


_ONE_OF: tuple[Callable[[Told, np.random.Generator], Asked | None], ...] = (
    _colour, _colour, _colour_of_two, _count, _count, _count_checked, _place, _place_checked, _spot, _size, _present,
    _present, _which, _which, _related, _related, _what,
)  # fmt: skip
