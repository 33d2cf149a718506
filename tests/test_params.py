"""Params are typed and frozen, and a mistake is named with its key, its value and what is allowed."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.answers.recipe import AnswerRecipe, Tokenize
from stages.params import Params, UserError, check_params, load_params

ROOT = Path(__file__).parents[1]


def recipe_row() -> dict[str, object]:
    return dict(yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"]["circled_letter"])


def test_the_shipped_recipe_is_valid_and_frozen() -> None:
    recipe = load_params(AnswerRecipe, "recipes.circled_letter", ROOT / "params.yaml")
    with pytest.raises(ValidationError):
        recipe.train.seed = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("train", "learning_rat", 0.1, ["recipes.x.train.learning_rat", "not a parameter", "learning_rate"]),
        ("train", "lora_rank", -1, ["recipes.x.train.lora_rank", "-1", "greater than 0"]),
        ("train", "quantisation", "int3", ["recipes.x.train.quantisation", "'int3'", "'nf4' or 'none'"]),
        ("train", "max_steps", 10, ["recipes.x.train", "either `num_train_epochs` or `max_steps`"]),
        ("tokenize", "prompt", "<image>What?", ["recipes.x.tokenize", "must not hold <image>"]),
        ("tokenize", "answer", "{word}", ["recipes.x.tokenize", "`answer` may use {label} only"]),
        ("model", "id", "google/paligemma2-3b-pt-224", ["needs a pinned revision", "huggingface.co/google"]),
    ],
)
def test_a_wrong_param_names_key_value_and_what_is_allowed(
    section: str, key: str, value: object, said: list[str]
) -> None:
    row = recipe_row()
    row[section] = {**row[section], key: value}  # type: ignore[dict-item]
    with pytest.raises(UserError) as caught:
        check_params(AnswerRecipe, row, "recipes.x")
    for words in said:
        assert words in str(caught.value)


def test_a_missing_section_lists_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("recipes: {letters: {}}\n")
    with pytest.raises(UserError, match=r"no section `recipes.lettres`; there is: letters"):
        load_params(AnswerRecipe, "recipes.lettres", tmp_path / "params.yaml")
    with pytest.raises(UserError, match="is missing"):
        load_params(AnswerRecipe, "recipes", tmp_path / "none.yaml")


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=12))
def test_an_answer_template_is_accepted_only_with_its_label(template: str) -> None:
    try:
        accepted = Tokenize(prompt="What?", answer=template).answer
    except ValidationError:
        return
    assert "k" in accepted.format(label="k")


def test_an_unknown_key_is_refused_by_every_params_class() -> None:
    class Plain(Params):
        seed: int = 1

    with pytest.raises(UserError, match=r"`plain.sed` is not a parameter; allowed here: seed"):
        check_params(Plain, {"sed": 2}, "plain")


def test_a_stage_ends_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(
        "curate: {x: {source: ingest, dataset: x, decisions: none, split: by_moon}}\n"
    )
    words = ["--params", "curate.x", "--raw", "r", "--words", "w", "--decisions", "d", "--blocklist", "b", "--out", "o"]
    done = subprocess.run(
        [sys.executable, "-m", "stages.curate", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: params.yaml: `curate.x.split` = 'by_moon' is not allowed")
    assert "Traceback" not in done.stderr
