"""The scenes, drawings and texts that the small CLIP and Phi learn from."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.foundation.clip_phi import documents, prefix, telling
from stages.foundation.clip_phi.architecture import END, GRID
from stages.foundation.clip_phi.asking import questions
from stages.foundation.clip_phi.canvas import MAPPED, SIDE
from stages.foundation.clip_phi.documents import FORMATS, MOST_QUESTIONS, document, every_wording
from stages.foundation.clip_phi.drawing import draw
from stages.foundation.clip_phi.facts import FACTS, facts_of, neighbour
from stages.foundation.clip_phi.prefix import FEW, vectors_of
from stages.foundation.clip_phi.prose import prose_paragraphs
from stages.foundation.clip_phi.scene import Group, Scene, draw_scene
from stages.foundation.clip_phi.telling import Told, describe, everything, listed, tell
from stages.foundation.clip_phi.vision import UNSEEN, alt_text, at_patches
from stages.foundation.clip_phi.words import COLOURS, DIGITS, KINDS, NUMBERS, PLACES, RELATION_PHRASES, SIZES, plural

PROSE = ["Return a plain sentence that is long enough to be read by anyone who wants to read it."]
BALLS = Group("ball", "red", "small", 0.1, ((0.15, 0.4), (0.2, 0.7)))
CUP = Group("cup", "blue", "big", 0.2, ((0.75, 0.55),))
SCENE = Scene("beach", (BALLS, CUP))


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_every_scene_can_be_drawn(seed: int) -> None:
    scene = draw_scene(np.random.default_rng(seed))
    picture, spots = draw(scene, np.random.default_rng(seed))
    assert picture.shape == (SIDE, SIDE, 3)
    assert picture.dtype == np.uint8
    assert spots.shape == (MAPPED, MAPPED)
    assert set(np.unique(spots)) <= set(range(len(scene.groups) + 1))
    assert (spots > 0).any()
    np.testing.assert_array_equal(picture, draw(scene, np.random.default_rng(seed))[0])


def test_scenes_show_every_kind_colour_place_size_and_count() -> None:
    rng = np.random.default_rng(0)
    scenes = [draw_scene(rng) for _ in range(1500)]
    groups = [group for scene in scenes for group in scene.groups]
    assert {group.kind for group in groups} == set(KINDS)
    assert {group.colour for group in groups} == set(COLOURS)
    assert {scene.place for scene in scenes} == set(PLACES)
    assert {len(group.spots) for group in groups} == {1, 2, 3, 4, 5}
    assert {group.size for group in groups} == {"small", "big"}
    assert all(scene.count(group.kind) <= 5 for scene in scenes for group in scene.groups)
    assert any(len(scene.of_kind(scene.groups[0].kind)) == 2 for scene in scenes)


def test_like_things_lie_apart() -> None:
    rng = np.random.default_rng(1)
    for scene in (draw_scene(rng) for _ in range(300)):
        for group in scene.groups:
            spots = np.array(group.spots)
            far = np.linalg.norm(spots[:, None] - spots[None], axis=-1) + 9 * np.eye(len(spots))
            assert far.min() >= 1.8 * group.radius


def test_facts_are_of_the_whole_picture() -> None:
    assert facts_of(SCENE, BALLS) == {
        "kind": "ball", "colour": "red", "size": "small", "count": "two", "across": "left", "down": "middle",
        "place": "beach", "relation": "left", "neighbour": "cup",
    }  # fmt: skip
    assert facts_of(SCENE, CUP)["relation"] == "right"
    assert facts_of(SCENE, None) == {"kind": "ground", "place": "beach"}
    assert neighbour(Scene("sea", (CUP,)), CUP) is None


def test_patches_tell_what_fills_them() -> None:
    spots = np.zeros((MAPPED, MAPPED), np.uint8)
    cell = MAPPED // GRID
    spots[:cell, cell : 2 * cell] = 1  # the first row's second patch
    spots[cell : cell + 1, :cell] = 2  # a thin strip in the second row's first patch
    told = dict(zip(FACTS, at_patches(spots, SCENE), strict=True))
    assert told["kind"][1] == FACTS["kind"].index("ball")
    assert told["colour"][1] == FACTS["colour"].index("red")
    assert told["kind"][GRID] == 0
    assert told["colour"][GRID] == UNSEEN
    assert (told["place"] == FACTS["place"].index("beach")).all()


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_description_and_a_list_tell_their_facts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    told = tell(draw_scene(rng), rng, float(rng.random()))
    for text in (describe(told, rng), listed(told, rng)):
        words = text.casefold().replace(",", " ").replace(";", " ").replace(".", " ").split()
        for place, group in enumerate(told.scene.groups):
            many = len(group.spots) > 1
            assert (plural(group.kind) if many else group.kind) in words
            assert group.colour in words or not told.colours[place]
            assert {*SIZES[group.size]} & {*words} or not told.sizes[place]
            number = NUMBERS[len(group.spots)]
            assert {number, DIGITS[number]} & {*words} or not many
        if told.place:
            assert told.scene.place in words or any(phrase in text.casefold() for phrase in PLACES[told.scene.place])
        if told.relation:
            assert any(phrase in text for phrases in RELATION_PHRASES.values() for phrase in phrases)


def _claims(scene: Scene, most: int, turns: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(0)
    return [pair for _ in range(turns) for pair in questions(everything(scene), rng, most)]


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("What colour are the balls?", {"red", "the balls are red"}),
        ("How many balls are there?", {"two", "2", "there are two balls", "there are 2 balls"}),
        ("Is the cup big or small?", {"big", "the cup is big"}),
        ("Is the cup right of the balls?", {"yes", "yes, the cup is right of the balls"}),
        ("Is the cup above the balls?", {"no", "no, the cup is right of the balls"}),
        ("On which side are the balls?", {"left", "the balls are on the left"}),
        ("Which thing is blue?", {"the cup", "cup", "the cup is blue"}),
        ("Is it at sea?", {"no", "no, it is on a beach"}),
    ],
)
def test_answers_are_true(question: str, answers: set[str]) -> None:
    given_ = {answer.casefold().rstrip(".") for asked, answer in _claims(SCENE, 6, 1500) if asked == question}
    assert given_
    assert given_ <= answers


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_only_what_is_told_is_asked(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = draw_scene(rng)
    nothing = (False,) * len(scene.groups)
    asked = questions(Told(scene, False, False, nothing, nothing, nothing), rng, MOST_QUESTIONS)
    assert 1 <= len({question for question, _ in asked}) == len(asked) <= MOST_QUESTIONS
    for question, answer in asked:
        assert not {*COLOURS, "big", "small", "left"} & {*answer.casefold().rstrip(".").replace(",", "").split()}
        assert "colour" not in question


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_vectors_tell_every_group_at_its_patches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = draw_scene(rng)
    few, whole = vectors_of(scene, rng, 0.0), [vectors_of(scene, rng, 1.0) for _ in range(12)]
    assert len(scene.groups) <= len(few) <= FEW
    assert any(len(told) == GRID * GRID for told in whole)
    for told in (few, *whole):
        allowed = [set(facts_of(scene, group).items()) for group in (None, *scene.groups)]
        assert all(any(set(vector) <= facts for facts in allowed) for vector in told)


def test_without_leaving_out_each_group_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix, "LEFT_OUT", 0.0)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scene = draw_scene(rng)
        told = [set(vector) for vector in vectors_of(scene, rng, 0.0)]
        assert all(set(facts_of(scene, group).items()) in told for group in scene.groups)


def test_documents_are_of_every_kind_and_end() -> None:
    drawn = [document(np.random.default_rng(n), PROSE) for n in range(400)]
    assert {one.kind for one in drawn} == set(documents.SHARES)
    assert all(one.text.endswith(END) for one in drawn)
    assert all((None, documents.UNDECIDED) in one.pieces for one in drawn if one.soft)
    assert all(any(before + "" in one.text for one in drawn) for before, _, _ in FORMATS)
    assert any(one.text.startswith("USER: ") for one in drawn)


def test_documents_grow() -> None:
    def longest(progress: float) -> int:
        drawn = [document(np.random.default_rng(n), PROSE, progress) for n in range(200)]
        return max(len(one.text) for one in drawn if one.kind == "questions")

    assert longest(0.0) < longest(1.0) / 1.5


def test_prose_is_sentences() -> None:
    paragraphs = prose_paragraphs()
    assert len(paragraphs) > 500
    assert all(60 <= len(text) <= 420 and "\n" not in text for text in paragraphs)


def test_alt_texts_and_wordings() -> None:
    rng = np.random.default_rng(3)
    assert max(len(alt_text(draw_scene(rng), rng).split()) for _ in range(300)) <= 45
    assert END not in "".join(every_wording(rng, PROSE, 100))


def test_a_relation_is_told_where_it_is_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    close = Scene("room", (BALLS, Group("cat", "grey", "small", 0.1, ((0.2, 0.5),))))
    rng: Any = np.random.default_rng(0)
    assert not any(tell(close, rng, 1.0).relation for _ in range(20))
    assert all(tell(SCENE, rng, 1.0).relation for _ in range(20))
    assert telling.spoken_spot(BALLS) == "on the left"
