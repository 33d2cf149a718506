"""`plumbline doctor --repro`: what it says of two trainings that agree, that differ, or that can't be tried."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.cli import reproducible as module
from stages.cli.reproducible import reproducible

ROOT = Path(__file__).parents[1]
RECIPE = "pokemon_name"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real params.yaml, and folders where the recipe's inputs lie."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    for folder in (f"data/tokenize/{RECIPE}", "data/features/none", "models/base/gemma-tiny", "models/none"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train_as(monkeypatch: pytest.MonkeyPatch, results: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Let the trainings end with these files; the settings that each was started with."""
    seen: list[dict[str, Any]] = []

    def trained(recipe: str, objective: str, inputs: dict[str, Path], place: Path, name: str) -> dict[str, str]:
        seen.append(yaml.safe_load((place / "params.yaml").read_text())["recipes"][recipe]["train"])
        return results[name]

    monkeypatch.setattr(module, "_trained", trained)
    return seen


def test_equal_trainings_are_told_with_their_files(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"adapter_model.safetensors": "a", "loss.csv": "b"}
    seen = train_as(monkeypatch, {"one": files, "two": dict(files)})
    found = reproducible(RECIPE)
    assert (found.state, found.found) == ("ok", f"2 files of two trainings of {RECIPE} (2 steps)")
    assert [(one["max_steps"], one["num_train_epochs"]) for one in seen] == [(2, None)] * 2
    assert yaml.safe_load((project / "params.yaml").read_text())["recipes"][RECIPE]["train"]["max_steps"] is None


@pytest.mark.parametrize("two", [{"weights": "x", "loss.csv": "b"}, {"loss.csv": "b"}])
def test_a_file_that_differs_or_is_missing_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, two: dict[str, str]
) -> None:
    train_as(monkeypatch, {"one": {"weights": "a", "loss.csv": "b"}, "two": two})
    found = reproducible(RECIPE)
    assert found.state == "gap"
    assert "differ in weights" in found.found


def test_without_tokenized_rows_the_remedy_is_the_stage_to_run(project: Path) -> None:
    (project / f"data/tokenize/{RECIPE}").rmdir()
    found = reproducible(RECIPE)
    assert (found.state, found.remedy) == ("gap", f"dvc repro tokenize@{RECIPE}")
