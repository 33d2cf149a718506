"""Recipes that name: what params.yaml may say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naming import KOREAN_RECIPE, RECIPE, ROW, changed
from pydantic import ValidationError

from stages.naming.recipe import ENGLISH, KOREAN, NamingRecipe


def test_defaults_are_the_english_prompt_and_the_name_alone() -> None:
    assert RECIPE.tokenize.prompt == ENGLISH
    assert RECIPE.tokenize.answer == "{name}"
    assert RECIPE.evaluate.at == (1, 10)
    assert RECIPE.models == (RECIPE.model,)
    assert (RECIPE.features, RECIPE.parent) == ("none", "none")


def test_the_notebooks_prompt_is_data() -> None:
    assert KOREAN_RECIPE.tokenize.prompt == KOREAN
    assert KOREAN.startswith("다음 특성을 살린 포켓몬식 이름을 지어줘:")


def test_steps_and_epochs_together_are_an_error_and_so_is_neither() -> None:
    with pytest.raises(ValidationError, match="`num_train_epochs` or `max_steps`"):
        changed(RECIPE, "train", num_train_epochs=8, max_steps=3000)
    with pytest.raises(ValidationError, match="`num_train_epochs` or `max_steps`"):
        changed(RECIPE, "train", num_train_epochs=None)
    assert changed(RECIPE, "train", num_train_epochs=None, max_steps=3000).train.max_steps == 3000


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"prompt": "Name it."}, "must contain {description} once"),
        ({"prompt": "{description} {description}"}, "must contain {description} once"),
        ({"prompt": "{description.__class__}"}, "must contain {description} once"),
        ({"prompt": "{description!r}"}, "must contain {description} once"),
        ({"prompt": "{description} {name}"}, "no other braces"),
        ({"prompt": "{description} {"}, "no other braces"),
        ({"prompt": "Name it: {description}\n"}, "white space"),
        ({"answer": "{label}"}, "must contain {name} once"),
        ({"answer": " {name}"}, "white space"),
        ({"max_length": 4}, "greater than or equal to 16"),
        ({"languages": ()}, "at least 1"),
        ({"system": "You are a poet."}, "Extra inputs"),
    ],
)
def test_a_template_that_says_something_else_is_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        changed(RECIPE, "tokenize", **values)


@given(before=st.text("ab {}", max_size=8), behind=st.text("ab {}", max_size=8))
def test_every_template_that_is_taken_can_be_filled(before: str, behind: str) -> None:
    try:
        recipe = changed(RECIPE, "tokenize", prompt=f"{before}{{description}}{behind}")
    except ValidationError:
        return
    assert "{x}" in recipe.tokenize.prompt.format(description="{x}")


@pytest.mark.parametrize("at", [(0, 1), (1, 1), ()])
def test_ranks_are_positive_and_distinct(at: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        changed(RECIPE, "evaluate", at=at)


@pytest.mark.parametrize("other", [{"source": "curate"}, {"features": "clip"}, {"parent": "x"}, {"task": "label"}])
def test_a_naming_recipe_reads_described_rows_alone(other: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        NamingRecipe.model_validate(ROW | other)
