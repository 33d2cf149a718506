"""The whole chain, two training steps long, through `dvc repro` in a fresh project; then `plumbline predict`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def call(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks, with fewer pictures and two training steps, built once."""
    root = tmp_path_factory.mktemp("chain") / "project"
    root.mkdir()
    for name in (
        "stages",
        "data/words",
        "data/decisions",
        "data/dialogues",
        "data/synonyms",
        "data/grades",
        "models/base",
    ):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "data/features").mkdir()
    tracked = ("dvc.yaml", "dvc.lock", "params.yaml", ".dvcignore", ".gitignore")
    placeholders = ("data/features/none", "models/none", "data/blocklist.txt")
    for name in (*tracked, *placeholders):
        shutil.copy(ROOT / name, root / name)
    yaml = YAML()
    params = yaml.load(root / "params.yaml")
    params["threads"] = 1
    params["synthesize"]["circled_letter"].update(train_images=120, test_images=40)
    params["recipes"]["circled_letter"]["train"].update(
        num_train_epochs=None, max_steps=2, per_device_train_batch_size=8
    )
    yaml.dump(params, root / "params.yaml")
    assert call("git", "init", "-q", cwd=root).returncode == 0
    assert call("dvc", "init", "-q", cwd=root).returncode == 0
    done = call("dvc", "repro", "report@circled_letter", cwd=root)
    assert done.returncode == 0, done.stdout + done.stderr
    # the tracked base is up to date in a fresh clone
    assert "Stage 'foundation@paligemma2-tiny' didn't change" in done.stdout
    return root


def test_the_chain_ends_with_metrics_a_page_and_an_adapter(project: Path) -> None:
    metrics = json.loads((project / "reports/metrics/circled_letter.json").read_text())
    assert metrics["rows"] == 40
    assert 0 <= metrics["zero_shot"]["exact_low"] <= metrics["zero_shot"]["exact"] <= metrics["zero_shot"]["exact_high"]
    predictions = (project / "reports/predictions/circled_letter.jsonl").read_text().splitlines()
    assert len(predictions) == 40
    page = (project / "reports/html/circled_letter.html").read_text()
    assert "default-src 'none'" in page
    assert (project / "models/trained/circled_letter/adapter_model.safetensors").is_file()


def test_no_word_and_no_font_of_the_test_rows_was_trained_on(project: Path) -> None:
    from stages.record import read_rows

    rows = read_rows(project / "data/curate/circled_letter")
    base = json.loads((project / "models/base/paligemma2-tiny/material.json").read_text())
    for key in ("word", "family"):
        train, test = ({r.source.drawn[key].casefold() for r in rows if r.split == side} for side in ("train", "test"))
        assert test
        assert not train & test
    assert not {r.source.drawn["family"] for r in rows if r.split == "test"} & set(base["font_families"])


def test_a_second_repro_runs_nothing(project: Path) -> None:
    done = call("dvc", "repro", "report@circled_letter", cwd=project)
    assert "Data and pipelines are up to date." in done.stdout
    assert "Running stage" not in done.stdout


def test_predict_names_an_unreadable_file_and_loses_nothing(project: Path) -> None:
    folder = project / "pictures"
    folder.mkdir()
    for name in ("a.png", "c.jpg"):
        Image.new("RGB", (64, 32), "white").save(folder / name)
    (folder / "b.png").write_bytes(b"<html>no picture</html>")
    words = ["predict", "models/trained/circled_letter", "--images", "pictures", "--out", "answers.jsonl"]
    done = call(sys.executable, "-m", "stages.cli", *words, cwd=project)
    assert done.returncode == 1
    assert "b.png" in done.stderr
    assert "Traceback" not in done.stderr
    lines = [json.loads(line) for line in (project / "answers.jsonl").read_text().splitlines()]
    assert [Path(line["input"]).name for line in lines] == ["a.png", "b.png", "c.jpg"]
    assert [line["output"] is None for line in lines] == [False, True, False]
    assert all(0 <= line["score"] <= 1 for line in lines if line["output"] is not None)
