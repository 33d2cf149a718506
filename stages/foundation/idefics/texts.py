"""What is said of a scene: captions in several styles, and questions with short answers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.foundation.idefics.scene import Person, Scene, Thing
from stages.foundation.idefics.things import KINDS
from stages.foundation.idefics.words import NUMBERS, PLACES, POSES

KINDS_OF_QUESTIONS = ("object", "colour", "count", "position", "pose", "held", "place", "yes/no")
STYLES = ("sentence", "people first", "terse", "there is", "a picture of")


@dataclass(frozen=True)
class Question:
    """`text` ends with its question mark; `answer` is one to three words without a full stop."""

    kind: str
    text: str
    answer: str


def with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def plural(noun: str) -> str:
    return noun + ("es" if noun.endswith(("x", "ch")) else "s")


def _thing(thing: Thing, count: int = 1) -> str:
    if count > 1:
        return f"{NUMBERS[count]} {thing.colour} {plural(thing.kind)}"
    return with_article(f"{thing.colour} {thing.kind}")


def shared_pose(scene: Scene) -> str:
    """The pose of all people, "" where they differ or there are none."""
    poses = {person.pose for person in scene.people}
    return poses.pop() if len(poses) == 1 else ""


def caption(scene: Scene, style: str, rng: np.random.Generator) -> str:
    """About 8 to 20 words; begins with a capital and ends with a full stop except in the terse style."""
    where = PLACES[scene.place]
    if style == "terse":
        words = [_people_terse(scene)] if scene.people else []
        words += [_thing(scene.thing, scene.count)] if scene.thing else []
        words += [_thing(scene.other)] if scene.other else []
        return ", ".join([*words, scene.place, f"{scene.light} light"])
    what = _people(scene, rng) if scene.people else _things(scene)
    if style == "people first":
        text = f"{what}, {where}"
    elif style == "sentence":
        text = f"{where}, {what}" if rng.random() < 0.5 else f"{what} {where} in {scene.light} light"
    elif style == "there is":
        text = f"{'there are' if len(scene.people) > 1 or scene.count > 1 else 'there is'} {what} {where}"
    else:
        text = f"{rng.choice(['a picture of', 'this image shows', 'a drawing of'])} {what} {where}"
    return text[0].upper() + text[1:] + "."


def _people(scene: Scene, rng: np.random.Generator) -> str:
    first, number, pose = scene.people[0], len(scene.people), shared_pose(scene)
    if number > 1:
        text = f"{NUMBERS[number]} people {pose}" if pose else f"{NUMBERS[number]} people, one {first.pose}"
    else:
        text = f"a person in {with_article(first.shirt)} shirt {first.pose}"
        details = [f"with the arms {first.arms}"]
        details += [f"with {with_article(first.hat)}"] if first.hat != "none" else []
        details += [f"facing {first.facing}"]
        if rng.random() < 0.6:
            text += " " + details[int(rng.integers(len(details)))]
        if first.held:
            text += f" and holding {with_article(f'{first.held_colour} {first.held}')}"
    if scene.thing:
        text += f", {_lies(scene.relation)} {_thing(scene.thing)}"
    return text


def _lies(relation: str) -> str:
    """How the person lies from the thing, said from the thing's relation to the person."""
    return {"left": "right of", "right": "left of", "above": "below", "below": "above", "near": "near"}[relation]


def _people_terse(scene: Scene) -> str:
    first = scene.people[0]
    if len(scene.people) > 1:
        return f"{NUMBERS[len(scene.people)]} people"
    held = f", {first.held}" if first.held else ""
    return f"{first.pose} person, {first.shirt} shirt{held}"


def _things(scene: Scene) -> str:
    assert scene.thing
    if scene.other:
        return f"{_thing(scene.other)} {_of(scene.relation)} {_thing(scene.thing)}"
    return _thing(scene.thing, scene.count)


def _of(relation: str) -> str:
    return f"{relation} of" if relation in ("left", "right") else relation


# What a scene is asked, and what it can be sorted by: name -> (kind of question, wordings, answer or "").
Reading = Callable[[Scene], str]


def _only(scene: Scene) -> Person | None:
    return scene.people[0] if len(scene.people) == 1 else None


def _of_thing(read: Callable[[Thing], str]) -> Reading:
    """A reading of the only kind of thing in a picture without people."""
    return lambda scene: read(scene.thing) if scene.thing and not scene.people and not scene.other else ""


def _of_person(read: Callable[[Person], str]) -> Reading:
    return lambda scene: read(person) if (person := _only(scene)) else ""


READINGS: dict[str, tuple[str, tuple[str, ...], Reading]] = {
    "thing": ("object", ("What object is in this image?", "What thing is in this image?"), _of_thing(lambda t: t.kind)),
    "colour": (
        "colour", ("What colour is in this image?", "What colour is the thing?"), _of_thing(lambda t: t.colour)
    ),
    "shirt": ("colour", ("What colour is the shirt?",), _of_person(lambda p: p.shirt)),
    "count": (
        "count", ("How many things are in this image?",),
        lambda s: NUMBERS[s.count] if not s.people and not s.other else "",
    ),
    "people": (
        "count", ("How many people are in this image?",), lambda s: NUMBERS[len(s.people)] if s.people else "",
    ),
    "pose": (
        "pose", ("What is the person doing?", "What pose is in this image?", "What are the people doing?"), shared_pose,
    ),
    "arms": ("pose", ("How are the arms?", "Where are the arms?"), _of_person(lambda p: p.arms)),
    "facing": ("position", ("Which way is the person facing?",), _of_person(lambda p: p.facing)),
    "held": (
        "held", ("What is the person holding?", "What is in the hand?"), _of_person(lambda p: p.held or "nothing"),
    ),
    "place": ("place", ("What place is in this image?", "Where is this?"), lambda s: s.place),
    "light": ("place", ("What light is in this image?",), lambda s: s.light),
    "hat": ("held", ("What is on the head?",), _of_person(lambda p: p.hat.replace("none", "nothing"))),
}  # fmt: skip


def questions(scene: Scene, rng: np.random.Generator) -> list[Question]:
    """All that a scene is asked, in an order of chance."""
    found = []
    for kind, wordings, read in READINGS.values():
        if answer := read(scene):
            found.append(Question(kind, wordings[int(rng.integers(len(wordings)))], answer))
    found += _about_names(scene)
    found.append(_whether(scene, rng))
    return [found[place] for place in rng.permutation(len(found))]


def _about_names(scene: Scene) -> list[Question]:
    """Questions that name a thing: its colour, number and place."""
    found = []
    person = _only(scene)
    if person and person.held:
        found.append(Question("colour", f"What colour is the {person.held}?", person.held_colour))
    if not scene.thing:
        return found
    kind = scene.thing.kind
    if not (person and person.held == kind):
        found.append(Question("colour", f"What colour is the {kind}?", scene.thing.colour))
    if not scene.people and not scene.other:
        found.append(Question("count", f"How many {plural(kind)} are in this image?", NUMBERS[scene.count]))
    if person:
        found.append(Question("position", f"Where is the {kind}?", scene.relation))
        found.append(Question("object", f"What is {_of(scene.relation)} the person?", kind))
    if scene.other:
        found.append(Question("position", f"Where is the {scene.other.kind}?", scene.relation))
        found.append(Question("colour", f"What colour is the {scene.other.kind}?", scene.other.colour))
        found.append(Question("object", f"What is {_of(scene.relation)} the {kind}?", scene.other.kind))
    return found


def _whether(scene: Scene, rng: np.random.Generator) -> Question:
    """A question for yes or no, as often the one as the other."""
    there = {thing.kind for thing in (scene.thing, scene.other) if thing} | {p.held for p in scene.people if p.held}
    poses = {person.pose for person in scene.people}
    about_pose = bool(poses) and rng.random() < 0.5
    real, all_ = (poses, set(POSES)) if about_pose else (there, set(KINDS))
    yes = bool(real) and rng.random() < 0.5
    choices = sorted(real if yes else all_ - real)
    asked = choices[int(rng.integers(len(choices)))]
    text = f"Is someone {asked} in this image?" if about_pose else f"Is there {with_article(asked)} in this image?"
    return Question("yes/no", text, "yes" if yes else "no")
