"""Examples before a question: never its own entity, balanced, nested, and the same for the same seed."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.interleaved.contexts import Contexts, Vectors, with_examples
from stages.params import UserError
from stages.record import Image
from stages.tokenize.interleaved.rows import TokenizedRow

CHOICES = ("fixed", "random", "nearest")


def row(number: int, label: str = "golf", entity: str = "") -> TokenizedRow:
    view = Image(f"{number:064x}", "0.tar", f"{number}.png", 8, 8)
    name = f"row-{number:03d}"
    return TokenizedRow(
        name, "train", label, entity or name, label, (label,), (1, 8, 5), (number, 2), (8, 5, number), view
    )


def rows(count: int, labels: int = 4, a_scene: int = 1) -> list[TokenizedRow]:
    return [row(number, f"sport {number % labels}", f"scene {number // a_scene}") for number in range(count)]


def contexts(known: list[TokenizedRow], choose: Any = "random", seed: int = 1, others: Any = ()) -> Contexts:
    ids = [one.id for one in [*known, *others]]
    return Contexts(known, choose, seed, Vectors(ids, np.random.default_rng(0).normal(size=(len(ids), 6))))


@pytest.mark.parametrize("choose", CHOICES)
@given(count=st.integers(12, 40), labels=st.integers(1, 6), a_scene=st.integers(1, 3), k=st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_a_question_is_never_helped_by_its_own_entity(
    choose: str, count: int, labels: int, a_scene: int, k: int
) -> None:
    known = rows(count, labels, a_scene)
    made = contexts(known, choose)
    for question in known[:3]:
        found = made.examples(question, k)
        assert len({one.id for one in found}) == len(found) == k
        assert question.entity not in {one.entity for one in found}
        if k < len({one.entity for one in known}):
            assert len({one.entity for one in found}) == k
        assert made.examples(question, k) == contexts(known, choose).examples(question, k)


@pytest.mark.parametrize("choose", CHOICES)
def test_fewer_examples_are_the_first_of_more(choose: str) -> None:
    known = rows(30)
    made, question = contexts(known, choose), known[7]
    most = made.examples(question, 8)
    for k in range(8):
        assert made.examples(question, k) == (most[8 - k :] if choose == "nearest" else most[:k])


@pytest.mark.parametrize("choose", ["fixed", "random"])
def test_labels_come_by_turns(choose: str) -> None:
    made = contexts(rows(40, labels=4), choose)
    question = replace(row(99), entity="another")
    assert set(Counter(one.label for one in made.examples(question, 8)).values()) == {2}
    assert len({one.label for one in made.examples(question, 4)}) == 4


def test_fixed_is_one_choice_for_all_and_random_one_for_each() -> None:
    asked = [replace(row(100 + i), entity=f"asked {i}") for i in range(6)]
    fixed, other = contexts(rows(40), "fixed"), contexts(rows(40), "fixed", seed=2)
    assert len({tuple(one.id for one in fixed.examples(question, 4)) for question in asked}) == 1
    assert fixed.examples(asked[0], 4) != other.examples(asked[0], 4)
    drawn = contexts(rows(40))
    assert len({tuple(one.id for one in drawn.examples(question, 4)) for question in asked}) == 6
    assert drawn.examples(asked[0], 4, turn=1) != drawn.examples(asked[0], 4)


def test_the_nearest_example_stands_next_to_the_question() -> None:
    known = rows(5)
    question = replace(row(9), entity="another")
    values = np.array([[1, 0], [0.9, 0.1], [0, 1], [-1, 0], [0.5, 0.5], [2, 0.02]])
    made = Contexts(known, "nearest", 1, Vectors([*(one.id for one in known), question.id], values))
    assert [one.id for one in made.examples(question, 3)] == ["row-004", "row-001", "row-000"]
    kin = replace(question, entity=known[0].entity)
    assert [one.id for one in made.examples(kin, 2)] == ["row-004", "row-001"]


def test_nearest_needs_features_of_every_row() -> None:
    question = row(9)
    with pytest.raises(UserError, match="name a row under `features:`"):
        Contexts(rows(5), "nearest", 1).examples(question, 1)
    with pytest.raises(UserError, match="row-009 has no features"):
        contexts(rows(5), "nearest").examples(question, 1)


def test_an_entity_stands_twice_only_when_there_is_no_other() -> None:
    known = rows(6, a_scene=3)  # two scenes of three pictures
    question = known[0]
    found = contexts(known).examples(question, 2)
    assert [one.entity for one in found] == ["scene 1", "scene 1"]
    with pytest.raises(UserError, match="can have 3 examples of other entities, 4 were asked for"):
        contexts(known).examples(question, 4)


def test_a_question_behind_its_examples_keeps_pictures_and_marks_in_step() -> None:
    question, examples = row(3), [row(4), row(5)]
    ids, views = with_examples(question, examples)
    assert ids == (1, 8, 5, 4, 8, 5, 5, 8, 5)
    assert views == [examples[0].view, examples[1].view, question.view]
    assert with_examples(question, []) == (question.prefix_ids, [question.view])
