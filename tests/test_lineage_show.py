"""What is told of an adapter: as a tree that a person reads, as JSON, and nothing that a stranger could command."""

import json
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sealing import make_project

from stages.cli import lineage, lineage_show
from stages.lineage.form import parse_lineage, seal_of
from stages.lineage.reading import Opened, open_adapter
from stages.lineage.show import tree
from stages.lineage.show.runs import run_of
from stages.lineage.show.text import text_of
from stages.lineage.show.tree import asks_of, told_of
from stages.params import UserError


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("show"))


@pytest.fixture
def alone(project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(project / "models/adapters/creatures", tmp_path / "creatures"))


def given(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    lineage_show.arguments(parser)
    return parser.parse_args(arguments)


def changed(folder: Path, change: Callable[[Any], None]) -> Opened:
    """The adapter with another lineage.json, whose seal fits again."""
    document = json.loads((folder / "lineage.json").read_text())
    change(document)
    document["seal"] = seal_of(document)
    (folder / "lineage.json").write_text(json.dumps(document))
    return open_adapter(folder)


def test_the_head_says_first_what_someone_who_answers_for_a_model_asks(project: Path) -> None:
    text = text_of(told_of(open_adapter("creatures", project)))
    head = text.split("\n\n")[0].split("\n")
    names = [line[2:16].strip() for line in head[1:] if line[2:16].strip()]
    assert names == [
        "digest", "seal", "trained on", "pictures", "licences", "hosts", "written by", "left out", "started from",
        "ran on", "on test rows",
    ]  # fmt: skip
    for said in (
        "creatures: grounding, task retrieval",
        "6 rows of data/caption/creatures, as 12 samples, 24 times in all, in 6 steps",
        "CC-BY-4.0 (3): credit",
        "CC0-1.0 (3): nothing asked",
        "gallery0.example.org (3), gallery1.example.org (3)",
        "model:tiny-captioner prompt 12ab34cd (6), person:ana (6)",
        "3 rows; the reasons stand in the tree",
        "fits this document and stands in the weights",
        "exact 0.8000 [0.6000, 0.9500]   base alone 0.1000",
        "linux x86_64, cpu, 2 threads, Python 3.11.9, torch 2.9.0, peft 0.21.2",
    ):
        assert said in text


def test_the_tree_leads_from_the_adapter_to_its_sources(project: Path) -> None:
    below = text_of(told_of(open_adapter("creatures", project))).split("\n\n")[1]
    places = [
        below.index(said)
        for said in (
            "models/trained/creatures  <- train@creatures",
            "data/tokenize/creatures  <- tokenize@creatures",
            "data/caption/creatures  <- caption@creatures",
            "data/curate/creatures  <- curate@creatures",
            "10 rows in, 8 out, 2 left out",
            "1  licence not allowed",
            "1  near duplicate",
            "data/scrape/creatures  <- scrape@creatures",
            "1  gone: HTTP 404",
        )
    ]
    assert places == sorted(places)


def test_seeds_generators_and_the_parent_are_told(project: Path) -> None:
    text = text_of(told_of(open_adapter("more", project)))
    letters = open_adapter("letters", project).lineage.adapter.digest
    assert "plumbline.synthesize/1 seed 7 (8)" in text
    assert f"letters (models/trained/letters), digest {letters}" in " ".join(text.split())
    assert "synthesize.letters.seed = 7" in text
    assert text.count("<- curate@letters") == 2  # once with its inputs, once to see above
    assert "data/curate/letters  <- curate@letters  (see above)" in text


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("name", ["letters", "creatures", "more"])
def test_what_is_said_wraps_at_the_width(project: Path, name: str, width: int) -> None:
    assert all(len(line) <= width for line in text_of(told_of(open_adapter(name, project)), width=width).split("\n"))


def test_a_changed_document_and_anothers_weights_are_said_at_once(alone: Path, project: Path) -> None:
    assert told_of(open_adapter(alone)).whole
    stranger = changed(alone, lambda document: document["data"]["licences"].update({"CC0-1.0": 6, "CC-BY-4.0": 0}))
    assert "fits this document, but is NOT THE ONE IN THE WEIGHTS" in text_of(told_of(stranger))
    document = json.loads((alone / "lineage.json").read_text()) | {"task": "another"}
    (alone / "lineage.json").write_text(json.dumps(document))
    assert "DOES NOT FIT this document" in text_of(told_of(open_adapter(alone)))


def test_texts_of_the_lineage_cannot_command_a_terminal(project: Path) -> None:
    """What `reading` would refuse is spelt out here too, whoever calls."""
    document = json.loads((project / "models/adapters/creatures/lineage.json").read_text())
    document["data"]["hosts"] = {"evil\x1b[2J.example.org": 3}
    document["data"]["drops"][0]["dropped"] = {"gone\r\x1b]0;x\x07": 1}
    opened = Opened(project / "models/adapters/creatures", parse_lineage(json.dumps(document).encode(), "here"))
    text = text_of(told_of(opened))
    assert "\x1b" not in text
    assert "evil\\x1b[2J.example.org" in text
    assert "\x1b" not in json.dumps(told_of(opened).document())


def test_a_circle_ends(alone: Path) -> None:
    def circle(document: Any) -> None:
        scrape = next(stage for stage in document["stages"] if stage["name"] == "scrape@creatures")
        scrape["deps"] = ["data/caption/creatures"]

    assert "(see above)" in text_of(told_of(changed(alone, circle)))


def test_a_line_without_end_is_refused(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def long_line(document: Any) -> None:
        curate = next(stage for stage in document["stages"] if stage["name"] == "curate@creatures")
        out = {**document["outs"]["data/curate/creatures"], "files": {"x": {"sha256": "0" * 64, "bytes": 1}}}
        for number in range(600):
            link = {"outs": [f"data/x/{number}"], "deps": [f"data/x/{number + 1}"], "code": {}}
            document["stages"].append({**curate, **link, "name": f"x@{number}"})
            document["outs"][f"data/x/{number}"] = out
        curate["deps"] = ["data/x/0"]

    opened = changed(alone, long_line)
    with pytest.raises(UserError, match="more than 100 deep"):
        told_of(opened)
    monkeypatch.setattr(tree, "DEEPEST", 10**9)
    with pytest.raises(RecursionError):
        told_of(opened)


@pytest.mark.parametrize(
    ("licence", "asks"),
    [
        ("CC-BY-4.0", "credit"),
        ("cc by-sa 4.0", "credit; share alike"),
        ("CC-BY-NC-SA-4.0", "credit; no commercial use; share alike"),
        ("CC0-1.0", "nothing asked"),
        ("unknown", "NOT KNOWN: ask before you use it"),
        ("", "NOT KNOWN: ask before you use it"),
        ("All rights reserved", ""),
    ],
)
def test_what_a_licence_asks_for(licence: str, asks: str) -> None:
    assert asks_of(licence) == asks


def test_json_holds_the_document_and_what_was_made_of_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    assert lineage_show.command(given("creatures", "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    sealed = json.loads((project / "models/adapters/creatures/lineage.json").read_text())
    told = document.pop("told")
    assert document == sealed
    assert (told["whole"], told["in_weights"]) == (True, True)
    assert told["dropped"]["data/curate/creatures: near duplicate"] == 1
    assert told["tree"]["inputs"][0]["path"] == "data/tokenize/creatures"


def test_the_run_is_told_where_this_machine_has_its_record(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(project)
    digest = open_adapter("letters").lineage.adapter.digest
    assert lineage_show.command(given("letters")) == 0
    assert "made at       commit" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    assert lineage_show.command(given(str(project / "models/adapters/letters"))) == 0
    assert "made at" not in capsys.readouterr().out
    (tmp_path / ".scratch/runs").mkdir(parents=True)
    (tmp_path / f".scratch/runs/{digest}.json").write_text("[{")
    with pytest.raises(UserError, match="no valid JSON"):
        run_of(digest, tmp_path)


def test_every_command_is_there_and_none_brings_torch(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    lineage.arguments(parser)
    for name, module in lineage.COMMANDS.items():
        assert (module.__doc__ or "").strip()
        with pytest.raises(SystemExit):
            parser.parse_args([name, "--help"])
        assert "ADAPTER" in capsys.readouterr().out or name in ("who-used", "diff")
    code = "import sys, stages.cli.lineage; print({'torch', 'pandas', 'pyarrow', 'dvc', 'peft'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_html_stands_alone(project: Path) -> None:
    with pytest.raises(UserError, match="leave out --json and --row"):
        lineage_show.command(given(str(project / "models/adapters/letters"), "--html", "x.html", "--json"))
