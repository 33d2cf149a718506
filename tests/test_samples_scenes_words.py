"""Captions and answers against what was drawn: true, unambiguous, and not to be guessed from the question."""

import re
from collections import Counter, defaultdict
from random import Random

import numpy as np
import pytest

from stages.samples.scenes.brush import Brush
from stages.samples.scenes.captions import captions_of
from stages.samples.scenes.catalogue import KINDS, PLACES
from stages.samples.scenes.colours import COLOURS
from stages.samples.scenes.conversations import conversation_of
from stages.samples.scenes.picture import draw_picture
from stages.samples.scenes.scene import LOWER, MOST, UPPER, Scene, Thing, imagine

SCENES = [imagine(Random(f"test/{number}")) for number in range(600)]
TALKS = [(scene, conversation_of(scene, Random(f"talk/{number}"))) for number, scene in enumerate(SCENES)]
SINGULAR = {kind.plural: kind.name for kind in KINDS.values()}
NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
KIND = "(" + "|".join([*KINDS, *SINGULAR]) + ")"
COLOUR = "(" + "|".join(COLOURS) + ")"


def named(scene: Scene, word: str) -> list[Thing]:
    return [thing for thing in scene.things if thing.kind == SINGULAR.get(word, word)]


def test_scenes_have_two_to_five_things_that_suit_their_place() -> None:
    totals = Counter(len(scene.things) for scene in SCENES)
    assert set(totals) == {2, 3, 4, 5}
    assert {scene.place for scene in SCENES} == set(PLACES)
    assert {thing.kind for scene in SCENES for thing in scene.things} == set(KINDS)
    assert {max(scene.counts.values()) for scene in SCENES} == {1, 2, 3, 4, 5}
    for scene in SCENES:
        assert len({(thing.column, thing.row) for thing in scene.things}) == len(scene.things) <= MOST
        for thing in scene.things:
            assert thing.kind in PLACES[scene.place].kinds
            assert thing.colour not in PLACES[scene.place].hidden
            assert thing.row == LOWER or not KINDS[thing.kind].heavy
            assert 0 <= thing.column < scene.columns
            assert all((one.colour, one.size) == (thing.colour, thing.size) for one in named(scene, thing.kind))


def test_captions_are_five_different_true_ones() -> None:
    starts = set()
    for number, scene in enumerate(SCENES):
        captions = captions_of(scene, Random(f"captions/{number}"))
        assert len(set(captions)) == 5
        starts |= {" ".join(caption.split()[:2]) for caption in captions}
        for caption in captions:
            assert caption[0].isupper()
            assert caption.endswith(".")
            assert 4 <= len(caption.split()) <= 20
            assert_phrases_are_true(scene, caption)
    assert len(starts) > 60


def assert_phrases_are_true(scene: Scene, text: str) -> None:
    """Every "two big red balls" in it is there; so is the place, where one is named; nothing else is."""
    text = text.lower()
    for place in PLACES.values():
        if re.search(rf"\b({place.name}|{place.at})\b", text):
            assert place.name == scene.place, text
    phrases = re.findall(rf"\b(a|an|one|two|three|four|five)( big| small)?( {COLOUR})? {KIND}\b", text)
    words = [word for word in re.findall(r"[a-z]+", text) if word in KINDS or word in SINGULAR]
    if " the " not in f" {text}":
        assert len(phrases) == len(words) or not phrases, text
    for number, size, colour, _, kind in phrases:
        things = named(scene, kind)
        assert len(things) == NUMBERS[number] or (NUMBERS[number] == 1 and things and "one of them" in text), text
        assert not size.strip() or things[0].size == size.strip(), text
        assert not colour.strip() or things[0].colour == colour.strip(), text


def answer_to(scene: Scene, question: str) -> str | None:
    """The answer, worked out from the scene alone; None for an open question."""
    if found := re.fullmatch(rf"What (?:colour (?:is|are)|is the colour of) the {KIND}\?", question):
        return only({thing.colour for thing in named(scene, found[1])})
    if found := re.fullmatch(rf"How many {KIND} (?:are there|can you see|are in the picture)\?", question):
        return [word for word, count in NUMBERS.items() if count == len(named(scene, found[1]))][-1]
    if found := re.fullmatch(
        rf"What (?:is|do you see) (?:to the )?(left of|right of|above|below) the {KIND}\?", question
    ):
        (thing,) = named(scene, found[2])
        kind = only([other.kind for other in scene.things if beside(other, found[1], thing)])
        return f"a {kind}"
    if question in ("Which place is this?", "What place does the picture show?", "What is in the background?"):
        return scene.place
    if found := re.fullmatch(rf"(?:Which|What) thing is {COLOUR}\?", question):
        return f"the {only([thing.kind for thing in scene.things if thing.colour == found[1]])}"
    if found := re.fullmatch(rf"(?:Is|Are) the {KIND} (?:big or small|small or big)\?", question):
        return only({thing.size for thing in named(scene, found[1])})
    if found := re.fullmatch(rf"(?:Is there|Can you see) an? {KIND}(?: in the picture)?\?", question):
        return "yes" if named(scene, found[1]) else "no"
    if found := re.fullmatch(rf"(?:Is|Are) the {KIND} {COLOUR}\?", question):
        return "yes" if only({thing.colour for thing in named(scene, found[1])}) == found[2] else "no"
    if found := re.fullmatch(rf"Is the {KIND} (left of|right of|above|below) the {KIND}\?", question):
        (one,), (other,) = named(scene, found[1]), named(scene, found[3])
        return "yes" if beside(one, found[2], other) else "no"
    return None


def beside(one: Thing, relation: str, other: Thing) -> bool:
    if relation in ("left of", "right of"):
        return one.column < other.column if relation == "left of" else one.column > other.column
    return (one.row, other.row) == ((UPPER, LOWER) if relation == "above" else (LOWER, UPPER))


def only(found: list[str] | set[str]) -> str:
    (one,) = found  # a ValueError here: the question has several answers, or none
    return one


def test_every_closed_answer_is_the_only_true_one() -> None:
    kinds: Counter[str] = Counter()
    for scene, turns in TALKS:
        assert 2 <= len(turns) <= 5
        assert len({question for question, _ in turns}) == len(turns)
        for question, answer in turns:
            right = answer_to(scene, question)
            kinds["open" if right is None else "closed"] += 1
            if right is None:
                assert len(answer.split()) > 3
                assert_phrases_are_true(scene, answer)
            else:
                assert answer == right, (scene, question)
                assert len(answer.split()) <= 3
    assert kinds["open"] > 0.1 * kinds.total()
    assert kinds["closed"] > 0.6 * kinds.total()


def test_open_descriptions_say_what_is_where() -> None:
    """Relations and sizes of the second and third sentence."""
    seen = 0
    for scene, turns in TALKS:
        for _, answer in turns:
            for one, relation, other in re.findall(
                rf"The {KIND} is (left of|right of|above|below) the {KIND}\.", answer
            ):
                assert answer_to(scene, f"Is the {one} {relation} the {other}?") == "yes"
                seen += 1
            for kind, size in re.findall(rf"The {KIND} (?:is|are) (big|small)\.", answer):
                assert named(scene, kind)[0].size == size
    assert seen > 40


def test_no_answer_is_given_away_by_an_earlier_turn() -> None:
    """A thing's colour, number or presence is neither said before nor asked twice."""
    for _, turns in TALKS:
        for number, (question, answer) in enumerate(turns):
            before = " ".join(f"{q} {a}" for q, a in turns[:number]).lower()
            if found := re.match(rf"(?:Is there|Can you see) an? {KIND}\b", question):
                assert not re.search(rf"\b({found[1]}|{KINDS[found[1]].plural})\b", before)
            if (found := re.match(rf"How many {KIND}\b", question)) and answer == "one":
                assert not re.search(rf"\bthe {SINGULAR[found[1]]}\b", before)
            if re.search(r"place|background", question):
                assert not re.search("|".join(PLACES), before)


def test_the_usual_answer_to_a_question_is_seldom_right() -> None:
    """By the question's form, with kinds and colours left out: the prior of a model that sees no picture."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for _, turns in TALKS:
        for question, answer in turns:
            if len(answer.split()) <= 3:
                answers[re.sub(COLOUR, "C", re.sub(rf"\b{KIND}\b", "X", question))][answer] += 1
    usual = sum(found.most_common(1)[0][1] for found in answers.values())
    assert usual < 0.45 * sum(found.total() for found in answers.values())
    said = Counter(answer for found in answers.values() for answer in found.elements())
    assert 0.8 < said["yes"] / said["no"] < 1.25
    assert all(share < 0.25 * said.total() for share in said.values())
    colours = [said[colour] for colour in COLOURS]
    assert max(colours) < 2 * min(colours)


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_thing_has_the_colour_that_it_is_called_by(kind: str) -> None:
    """The usual colour of its layer is nearer to its own name's than to any other's."""
    for name, colour in COLOURS.items():
        brush = Brush(90, Random(kind + name))
        KINDS[kind].draw(brush, colour)
        layer = np.asarray(brush.layer)
        pixels = layer[layer[:, :, 3] == 255][:, :3].astype(int)
        own = np.abs(pixels - np.array(colour)).sum(axis=1) < 150
        assert own.mean() > 0.25, (kind, name)


@pytest.mark.parametrize("place", list(PLACES))
def test_things_stand_out_from_their_place(place: str) -> None:
    """The picture with a thing differs from the one without, where the thing is."""
    thing = Thing("ball", "red", "big", 1, LOWER)
    empty = np.asarray(draw_picture(Scene(place, 3, ()), Random("same"), 96)).astype(int)
    shown = np.asarray(draw_picture(Scene(place, 3, (thing,)), Random("same"), 96)).astype(int)
    differs = np.abs(shown - empty).sum(axis=2) > 120
    assert differs[55:90, 32:64].mean() > 0.3
    redder = shown[60:85, 38:58, 0].mean() - shown[60:85, 38:58, 2].mean()
    assert redder > 60
