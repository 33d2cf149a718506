"""Drawn creatures: names that follow from attributes, pictures that differ, captions that tell the truth."""

import hashlib
import itertools
import re
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

from stages.creatures import captions, drawing, painter, species, views
from stages.creatures.captions import captions_of
from stages.creatures.chance import Chance, Deck
from stages.creatures.drawing import draw
from stages.creatures.species import MOST, Species, name_of, species_of
from stages.creatures.views import view_of

ALL = species_of(1, MOST)
VALUES = {
    "colour": tuple(species.COLOURS),
    "second_colour": tuple(species.COLOURS),
    "body": tuple(species.BODIES),
    "pattern": species.PATTERNS,
    "ears": species.EARS,
    "horns": species.HORNS,
    "tail": tuple(species.TAILS),
    "wings": ("none", *species.WINGS),
    "eyes": species.EYES,
}
A_CREATURE = Species(
    name="karpavol", body="four-legged", colour="red", second_colour="teal", pattern="spots", ears="long",
    horns="two", tail="curly", wings="feathered", eyes="large",
)  # fmt: skip


def digest(picture: Image.Image) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


def bits_of(picture: Image.Image) -> NDArray[np.bool_]:
    """256 bits: the lowest 16 x 16 frequencies of the grey picture at 64 x 64, against their median."""
    grey = np.asarray(picture.convert("L").resize((64, 64), Image.Resampling.LANCZOS), dtype=np.float64)
    low = dctn(grey)[:16, :16].ravel()
    return np.asarray(low > np.median(low))


# ------------------------------------------------------------------------------------------- species


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_species_are_distinct_and_fewer_are_the_beginning_of_more(seed: int) -> None:
    found = species_of(seed, MOST)
    assert len({one.name for one in found}) == len(found) == MOST
    assert len({tuple(asdict(replace(one, name="")).values()) for one in found}) == MOST
    for count in (0, 1, 150, 399):
        assert species_of(seed, count) == found[:count]
    assert species_of(seed + 1, MOST) != found


@pytest.mark.parametrize("count", [-1, MOST + 1])
def test_a_number_of_species_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=rf"0\.\.{MOST}, found {count}"):
        species_of(1, count)


def test_names_are_pronounceable_and_follow_from_what_one_sees() -> None:
    for one in ALL:
        assert re.fullmatch(r"[a-z]{5,12}", one.name)
        assert not re.search(r"[aeiouy]{3}|[^aeiouy]{4}", one.name)
        assert one.name == name_of(one.colour, one.body, one.tail, one.wings)


def test_a_name_can_be_read_in_one_way_only() -> None:
    endings = [*species.TAILS.values(), *species.WINGS.values()]
    names = ["".join(parts) for parts in itertools.product(species.COLOURS.values(), species.BODIES.values(), endings)]
    assert len(set(names)) == len(names) > 3 * MOST


@pytest.mark.parametrize("count", [150, MOST])
def test_every_value_comes_up_and_about_as_often_as_the_others(count: int) -> None:
    for attribute, values in VALUES.items():
        seen = Counter(getattr(one, attribute) for one in ALL[:count])
        assert set(seen) == set(values), attribute
        if attribute not in ("horns", "wings", "tail"):  # "none" is common there
            assert max(seen.values()) <= 2 * min(seen.values()), (attribute, seen)


def test_combinations_can_be_held_out_whose_values_others_show() -> None:
    """Each pair of a colour and a body is a small part of both, and no attribute tells another."""
    for one, other in itertools.combinations(VALUES, 2):
        pairs = Counter((getattr(creature, one), getattr(creature, other)) for creature in ALL)
        fewest = min(len(set(VALUES[one])), len(set(VALUES[other])))
        assert len(pairs) >= 3 * fewest, (one, other)


def test_second_colours_stand_out() -> None:
    for one in ALL:
        first, second = painter.COLOURS[one.colour], painter.COLOURS[one.second_colour]
        assert sum(abs(a - b) for a, b in zip(first, second, strict=True)) > 100, (one.colour, one.second_colour)


def test_a_deck_deals_every_value_before_any_comes_again() -> None:
    deck = Deck(("a", "b", "c"), Chance("deck"))
    dealt = [deck.deal() for _ in range(9)]
    assert all(sorted(dealt[start : start + 3]) == ["a", "b", "c"] for start in (0, 3, 6))
    with pytest.raises(LookupError):
        deck.deal(lambda card: card == "d")


# ------------------------------------------------------------------------------------------- drawing


def test_the_same_arguments_give_the_same_bytes_also_in_another_process() -> None:
    cases = [(0, 0), (7, 3), (63, 11)]
    here = [digest(draw(ALL[number], view, 1, 96)) for number, view in cases]
    assert here == [digest(draw(ALL[number], view, 1, 96)) for number, view in cases]
    code = (
        "import hashlib; from stages.creatures.species import species_of; from stages.creatures.drawing import draw\n"
        f"for number, view in {cases}:\n"
        "    print(hashlib.sha256(draw(species_of(1, 64)[number], view, 1, 96).tobytes()).hexdigest())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "77"}
    )
    assert answer.stdout.split() == here


@settings(max_examples=40, deadline=None)
@given(st.integers(0, MOST - 1), st.integers(0, 500), st.integers(0, 2**63 - 1), st.sampled_from([64, 97, 256]))
def test_any_view_is_drawn_in_full(number: int, view: int, seed: int, size: int) -> None:
    one = ALL[number]
    picture = draw(one, view, seed, size)
    assert (picture.mode, picture.size) == ("RGB", (size, size))
    plan = view_of(one, view, seed)
    fit = drawing.fit_of(drawing.layers_of(one, plan), plan, 2 * size)
    left, top, right, bottom = fit.box
    assert 0 <= left < right <= 2 * size
    assert 0 <= top < bottom <= 2 * size
    assert max(right - left, bottom - top) > size  # at least half of the picture's side


@pytest.mark.parametrize("attribute", VALUES)
def test_every_value_of_an_attribute_changes_the_picture(attribute: str) -> None:
    values = dict.fromkeys(VALUES[attribute])
    if attribute == "second_colour":
        values.pop(A_CREATURE.colour)
    pictures = {digest(draw(replace(A_CREATURE, **{attribute: value}), 0, 1, 128)) for value in values}
    assert len(pictures) == len(values)


def test_both_colours_are_seen() -> None:
    for one in ALL[::3]:
        plan = view_of(one, 0, 1)
        pixels = np.asarray(draw(one, 0, 1, 128), dtype=np.int16).reshape(-1, 3)
        for colour, least in ((one.colour, 0.01), (one.second_colour, 0.001)):
            lit = np.minimum(255, np.array(painter.COLOURS[colour]) * np.array(drawing.LIGHTS[plan.light]))
            near = np.abs(pixels - lit).max(axis=1) <= 8
            assert near.mean() >= least, (one, colour)


def test_creatures_face_where_the_plan_says() -> None:
    """The eyes of a body seen from the side lie before the trunk's middle."""
    sideways = ("four-legged", "bird-like", "beetle-like", "fish-like", "turtle-like", "snail-like")
    for one in (one for one in ALL if one.body in sideways):
        plan = view_of(one, 0, 1)
        layers = drawing.layers_of(one, plan)
        fit = drawing.fit_of(layers, plan, 512)
        trunk = next(fit.points(shape.points) for shape, marks in layers if marks is not None)
        eyes = [fit.points(shape.points) for shape, _ in layers if shape.paint == "black"]
        ahead = np.mean([x for points in eyes for x, _ in points]) - np.mean([x for x, _ in trunk])
        assert (ahead > 0) == (plan.direction == "right"), one


def test_views_differ_far_more_than_copies_of_one_picture_do() -> None:
    pictures = [draw(one, view, 1, 128) for one in ALL[:30] for view in range(8)]
    bits = np.array([bits_of(picture) for picture in pictures]).astype(np.float32)
    distances = bits @ (1 - bits).T + (1 - bits) @ bits.T
    np.fill_diagonal(distances, 256)
    assert distances.min() > 48
    copies = [bits_of(picture.resize((200, 200), Image.Resampling.BICUBIC)) for picture in pictures[:40]]
    assert max(int((copy != own).sum()) for copy, own in zip(copies, bits[:40] > 0, strict=True)) < 24


def test_a_species_first_views_have_different_scenes_and_places() -> None:
    for one in ALL[:20]:
        plans = [view_of(one, view, 1) for view in range(12)]
        assert {plan.scene for plan in plans} == set(views.SCENES)
        assert len({(int(plan.place[0] * 4), int(plan.place[1] * 3)) for plan in plans}) == 12
        assert len({plan.pose for plan in plans}) >= 3


# ------------------------------------------------------------------------------------------ captions

# what a caption may say only of creatures with this value
TELLS = {
    "wings": {value: phrase.replace("{} ", "") for value, phrase in captions.WINGS.items()},
    "tail": {value: phrase.removeprefix("a ") for value, phrase in captions.TAILS.items()},
    "ears": captions.EARS,
    "horns": {"one": "single horn", "two": "curved horns", "antennae": "antennae", "crest": "crest"},
    "eyes": {value: phrase.removeprefix("a ") for value, phrase in captions.EYES.items()},
    "pattern": {value: value for value in ("spots", "stripes", "belly", "zigzags", "stars")},
}


def told(one: Species, view: int, count: int = captions.MOST) -> list[str]:
    return captions_of(one, view, 1, count)


def test_captions_have_10_to_20_words_and_differ_and_the_first_names_the_creature_first() -> None:
    for one, view in itertools.product(ALL, (0, 5)):
        texts = told(one, view)
        assert len(set(texts)) == captions.MOST
        assert all(10 <= len(text.split()) <= 20 for text in texts), texts
        assert re.split(r"\W", texts[0])[0] == one.name.capitalize()
        assert texts[:3] == captions_of(one, view, 1)
        assert not any("  " in text or "{" in text or "none" in text for text in texts)


def test_captions_name_only_what_the_species_has() -> None:
    for one, view in itertools.product(ALL, (1, 6)):
        for text in told(one, view):
            words = set(re.findall(r"[a-z-]+", text.lower()))
            assert one.colour in words
            assert words & set(species.COLOURS) <= {one.colour, one.second_colour}
            for attribute, phrases in TELLS.items():
                said = {value for value, phrase in phrases.items() if re.search(rf"\b{phrase}", text)}
                assert said <= {getattr(one, attribute)}, (text, one)
            bodies = {body for body, ways in captions.BODIES.items() if any(f" {way} creature" in text for way in ways)}
            assert bodies == {one.body}, text


def test_captions_tell_what_the_name_is_made_of() -> None:
    for one in ALL:
        for text in told(one, 2):
            attribute = "tail" if one.wings == "none" else "wings"
            assert TELLS[attribute][getattr(one, attribute)] in text, text


def test_captions_tell_what_the_view_shows() -> None:
    for one, view in itertools.product(ALL[:120], (0, 3, 4)):
        plan = view_of(one, view, 1)
        for text in told(one, view):
            lower = text.lower()
            assert any(way in lower for way in captions.SCENES[plan.scene]), text
            assert any(re.search(rf"\b{way}\b", lower) for way in captions.POSES[plan.pose]), text
            assert set(re.findall(r"facing (\w+)", lower)) <= {plan.direction}, text
            assert all(f"in {light} light" not in lower for light in drawing.LIGHTS if light != plan.light), text


@pytest.mark.parametrize("count", [0, captions.MOST + 1])
def test_a_number_of_captions_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="number of captions"):
        captions_of(A_CREATURE, 0, 1, count)
