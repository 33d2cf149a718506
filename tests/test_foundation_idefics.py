"""The drawings and texts that idefics-tiny learns from, and what it must never see."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.foundation.idefics import documents
from stages.foundation.idefics import scene as scenes_module
from stages.foundation.idefics.architecture import GRID
from stages.foundation.idefics.canvas import MAPPED, SIDE, Entry
from stages.foundation.idefics.documents import END, PICTURE, context, made_up_word, single, sorted_by_made_up_words
from stages.foundation.idefics.drawing import draw
from stages.foundation.idefics.scene import Person, Scene, draw_scene, shows_arrangement
from stages.foundation.idefics.targets import AT_PATCHES, PARTS, UNSEEN, at_patches
from stages.foundation.idefics.texts import KINDS_OF_QUESTIONS, READINGS, STYLES, caption, questions
from stages.foundation.idefics.things import KINDS
from stages.foundation.idefics.withheld import speaks_of_withheld
from stages.foundation.idefics.words import COLOURS, PLACES, POSES

SPORTS = (
    "archery", "badminton", "basketball", "bobsled", "luge", "bowling", "boxing", "canoeing", "rowing", "cycling",
    "diving", "fencing", "figure skating", "football", "golf", "rings", "high jump", "pole vault", "hockey", "judo",
    "log rolling", "tug of war", "sailing", "skateboarding", "skiing", "snowboarding", "surfing", "swimming",
    "table tennis", "tennis", "volleyball", "weightlifting",
)  # fmt: skip


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    rng = np.random.default_rng(0)
    return [draw_scene(rng) for _ in range(2500)]


@given(st.integers(0, 10**6))
@settings(max_examples=80, deadline=None)
def test_every_scene_can_be_drawn(seed: int) -> None:
    scene = draw_scene(np.random.default_rng(seed))
    picture, spots, entries = draw(scene, np.random.default_rng(seed))
    assert picture.shape == (SIDE, SIDE, 3)
    assert picture.dtype == np.uint8
    assert spots.shape == (MAPPED, MAPPED)
    assert spots.max() < len(entries)
    assert {entry.part for entry in entries} <= set(PARTS)
    again, _, _ = draw(scene, np.random.default_rng(seed))
    np.testing.assert_array_equal(picture, again)


def test_scenes_show_all_that_there_is_a_word_for(scenes: list[Scene]) -> None:
    assert {scene.place for scene in scenes} == set(PLACES)
    assert {scene.thing.kind for scene in scenes if scene.thing} == set(KINDS)
    assert {person.pose for scene in scenes for person in scene.people} == set(POSES)
    assert {scene.thing.colour for scene in scenes if scene.thing} == set(COLOURS)


def test_no_scene_is_a_sport_s_arrangement(scenes: list[Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(shows_arrangement(scene) for scene in scenes)
    monkeypatch.setattr(scenes_module, "shows_arrangement", lambda _: False)
    rng = np.random.default_rng(0)
    assert any(shows_arrangement(draw_scene(rng)) for _ in range(300))


def test_no_text_is_about_a_sport(scenes: list[Scene]) -> None:
    rng = np.random.default_rng(1)
    texts = [single(0, scene, rng, 9).text for scene in scenes]
    texts += [caption(scene, style, rng) for scene in scenes[:500] for style in STYLES]
    texts += [context(scenes[place : place + 24], rng).text for place in range(300)]
    assert not [text for text in texts if speaks_of_withheld(text)]
    assert all(speaks_of_withheld(f"Someone does {sport}.") for sport in SPORTS)
    assert not speaks_of_withheld("A board lies on a table below a boat, a sled and a paddle; skin, ringside, login")


def test_without_the_rule_a_made_up_word_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    assert not any(speaks_of_withheld(made_up_word(rng)) for _ in range(3000))
    monkeypatch.setattr(documents, "speaks_of_withheld", lambda _: False)
    assert any(speaks_of_withheld(made_up_word(rng)) for _ in range(3000))


def test_answers_are_short_and_captions_speak_of_what_is_there(scenes: list[Scene]) -> None:
    rng = np.random.default_rng(3)
    asked = [question for scene in scenes for question in questions(scene, rng)]
    assert {question.kind for question in asked} == set(KINDS_OF_QUESTIONS)
    assert all(1 <= len(question.answer.split()) <= 3 and question.text.endswith("?") for question in asked)
    for scene in scenes[:400]:
        texts = {style: caption(scene, style, rng) for style in STYLES}
        assert all(4 <= len(text.split()) <= 32 for text in texts.values())
        assert all(re.search(rf"\b{scene.place}\b", text) for text in texts.values())
        things = [thing for thing in (scene.thing, scene.other) if thing]
        assert all(thing.kind in text for thing in things for text in texts.values())


def test_yes_and_no_are_as_frequent(scenes: list[Scene]) -> None:
    rng = np.random.default_rng(4)
    said = [one.answer for scene in scenes for one in questions(scene, rng) if one.kind == "yes/no"]
    assert 0.35 < np.mean([answer == "yes" for answer in said]) < 0.6


def test_patches_name_what_fills_them() -> None:
    person = Person("running", "up", "red", "blue", "none", "cup", "green", "left")
    scene = Scene("grass", "even", (person,), None, 0, None, "")
    spots = np.zeros((MAPPED, MAPPED), np.uint8)
    cell = MAPPED // GRID
    spots[:cell, cell : 2 * cell] = 1  # the first row's second patch
    spots[cell : cell + 1, :2] = 1  # a thin strip in the second row's first patch
    entries = [Entry("ground", ""), Entry("trunk", "red", 0)]
    found = dict(zip(AT_PATCHES, at_patches(spots, entries, scene), strict=True))
    assert found["part"][1] == PARTS.index("trunk")
    assert (found["part"] == PARTS.index("ground")).sum() == GRID * GRID - 1
    assert found["pose"][1] == list(POSES).index("running")
    assert found["colour"][1] == list(COLOURS).index("red")
    assert (found["pose"] == UNSEEN).sum() == GRID * GRID - 1


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_made_up_word_counts_from_its_second_time_on(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = [draw_scene(rng) for _ in range(32)]
    document = sorted_by_made_up_words(found, rng)
    assert len(document.weights) == len(document.text)
    assert document.text.count(PICTURE) == len(document.pictures) == len(set(document.pictures))
    counted = [place for place, weight in enumerate(document.weights) if weight == documents.ANSWER]
    assert counted
    last = document.text[: -len(END)].rsplit(" ", 1)[1]
    assert document.weights[-len(END) - 1] == documents.ANSWER
    assert f" {last}" in document.text[: document.text.rindex(PICTURE)] or "What" in document.text
    assert document.weights[: len(documents.START + PICTURE)] == [0.0] * len(documents.START + PICTURE)


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_the_word_asked_for_was_shown(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = [draw_scene(rng) for _ in range(32)]
    sorting = documents.choose_sorting(found, rng, 2, 3)
    if sorting is None:
        return
    *examples, (query, group) = sorting.shown
    assert len(examples) == 3
    assert {number for _, number in examples} == {0, 1}
    read = READINGS[sorting.by][2]
    same = {read(found[number]) for number, other in examples if other == group}
    assert same == {read(found[query])}
    assert len(set(sorting.words)) == 2
