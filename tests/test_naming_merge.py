"""An adapter merged into its base: measured against what was trained, whole or not there at all."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from naming import RECIPE, changed, described, description, make_base

from stages import merging
from stages.adapter import attach
from stages.cli import merge as sub_command
from stages.merging import merge
from stages.merging_bases import family_of
from stages.naming.generation import generate
from stages.naming.model import load_in, load_tokenizer
from stages.naming.templates import Templates
from stages.params import UserError
from stages.recipe import Model
from stages.tokenize.naming.stage import run as tokenize
from stages.train.naming.stage import run as train

Trained = tuple[Path, Path, Path]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """(base, adapter, another adapter of the same base): two steps each, of different seeds."""
    root = tmp_path_factory.mktemp("merge")
    base = make_base(root / "base/tiny")
    described(root / "described", 16)
    tokenize(RECIPE, curated=root / "described", base=base, out=root / "tokenized")
    (root / "params.yaml").write_text(yaml.safe_dump({"threads": 1}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for seed in (1, 2):
            steps = {"num_train_epochs": None, "max_steps": 2, "learning_rate": 0.05}
            recipe = changed(RECIPE, "train", seed=seed, **steps)
            out = root / f"adapter-{seed}"
            train(recipe, tokenized=root / "tokenized", features=root, base=base, parent=root, out=out)
    return base, root / "adapter-1", root / "adapter-2"


def test_a_merged_model_answers_as_base_and_adapter_did(trained: Trained, tmp_path: Path) -> None:
    base, adapter, _ = trained
    report = merge(base, RECIPE.model, adapter, tmp_path / "merged")
    assert report.onto == "dequantised"
    assert report.merged.largest <= 1e-4
    assert report.merged.agree == 1.0
    assert report.other_base.largest > 100 * report.merged.largest  # NF4's own error, which the original lacks
    assert {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "merge.json"} <= {
        path.name for path in (tmp_path / "merged").iterdir()
    }
    assert json.loads((tmp_path / "merged/merge.json").read_text())["merged"]["largest"] == report.merged.largest
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]

    tokenizer = load_tokenizer(tmp_path / "merged", Model(id="merged"))
    templates = Templates(tokenizer, RECIPE.tokenize)
    stops = json.loads((tmp_path / "merged/generation_config.json").read_text())["eos_token_id"]
    assert stops == list(templates.stop_ids)
    plain: Any = {"quantisation": "none", "double": False, "dtype": "float32", "device": "cpu"}
    prompts = [templates.prompt_ids(description(number)) for number in range(3)]
    family = family_of(base, RECIPE.model, adapter)
    beside = family.quantised()
    merging.as_float32(beside, family.unquantised())
    said = generate(attach(beside, adapter), tokenizer, prompts, max_new_tokens=3)
    merged = load_in(tmp_path / "merged", Model(id="merged"), **plain)
    assert [one.text for one in generate(merged, tokenizer, prompts, max_new_tokens=3)] == [one.text for one in said]


def test_the_original_base_is_another_model_and_refused(trained: Trained, tmp_path: Path) -> None:
    base, adapter, _ = trained
    with pytest.raises(UserError, match=r"tolerance 0\.001.*--onto dequantised"):
        merge(base, RECIPE.model, adapter, tmp_path / "merged", onto="original")
    assert list(tmp_path.iterdir()) == []
    report = merge(base, RECIPE.model, adapter, tmp_path / "merged", onto="original", tolerance=100.0)
    assert report.merged.largest > 0.001  # wanted by name, it is written and says so
    assert report.other_base.largest <= 1e-4


def test_a_merge_in_bfloat16_differs_by_its_rounding(trained: Trained, tmp_path: Path) -> None:
    base, adapter, _ = trained
    with pytest.raises(UserError, match=r"--dtype float32"):
        merge(base, RECIPE.model, adapter, tmp_path / "merged", dtype="bfloat16", tolerance=1e-4)
    report = merge(base, RECIPE.model, adapter, tmp_path / "merged", dtype="bfloat16")
    assert 1e-4 < report.merged.largest <= 0.5


def test_a_merge_of_another_adapter_is_refused_and_without_the_comparison_written(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, adapter, wrong = trained
    right = merging._merged
    monkeypatch.setattr(merging, "_merged", lambda family, _, weights, onto: right(family, wrong, weights, onto))
    with pytest.raises(UserError, match=r"differs from base \+ adapter: a logit by up to"):
        merge(base, RECIPE.model, adapter, tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(merging, "compared", lambda expected, found: merging.Difference(0.0, 1.0))
    assert merge(base, RECIPE.model, adapter, tmp_path / "merged").merged.largest == 0.0


def test_not_a_number_is_no_agreement(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, adapter, _ = trained
    monkeypatch.setattr(merging, "compared", lambda expected, found: merging.Difference(float("nan"), 0.0))
    with pytest.raises(UserError, match="differs"):
        merge(base, RECIPE.model, adapter, tmp_path / "merged", tolerance=1e9)


def test_an_adapter_of_another_base_is_refused(trained: Trained, tmp_path: Path) -> None:
    base, adapter, _ = trained
    with pytest.raises(UserError, match="was trained on tiny"):
        merge(base, Model(id="other"), adapter, tmp_path / "merged")


def test_a_folder_with_something_in_it_is_left_alone(trained: Trained, tmp_path: Path) -> None:
    base, adapter, _ = trained
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(UserError, match="isn't an empty folder"):
        merge(base, RECIPE.model, adapter, tmp_path)
    assert (tmp_path / "kept").read_text() == "mine"


@pytest.mark.parametrize("objective", ["grounding", "chat"])
def test_an_adapter_with_more_than_lora_is_refused(trained: Trained, tmp_path: Path, objective: str) -> None:
    base, adapter, _ = trained
    other = tmp_path / "other"
    shutil.copytree(adapter, other)
    facts = json.loads((other / "plumbline.json").read_text()) | {"objective": objective}
    (other / "plumbline.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="can't become one model; allowed: naming, answers, interleaved"):
        family_of(base, RECIPE.model, other)
    (other / "plumbline.json").write_text("[]")
    with pytest.raises(UserError, match="is not what `train` writes"):
        family_of(base, RECIPE.model, other)


def test_the_command_says_what_was_measured(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    base, adapter, _ = trained
    parser = argparse.ArgumentParser()
    sub_command.arguments(parser)
    given = [str(adapter), "--out", str(tmp_path / "merged"), "--base-dir", str(base.parent)]
    assert sub_command.command(parser.parse_args(given)) == 0
    said = capsys.readouterr().out
    assert "merged onto the dequantised base as float32" in said
    assert "largest difference of a logit from base + adapter" in said
    with pytest.raises(UserError, match="--tolerance"):
        sub_command.command(parser.parse_args([*given, "--tolerance", "-1"]))
    with pytest.raises(UserError, match=r"plumbline\.json is missing"):
        sub_command.command(parser.parse_args(["nothing", "--out", str(tmp_path / "x")]))
