"""`lineage diff`: what is named as changed between two adapters, and where each side may come from."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest
from diffing import SEAL, commit, put_into_cache, row, seal, sealed_commit, toy_project, write_data, write_predictions
from flowing import git, usual_environment

from stages.cli import lineage_diff
from stages.lineage.diff.compare import compare
from stages.lineage.diff.facts import changes, param_changes
from stages.lineage.diff.sides import open_side
from stages.lineage.diff.text import text_of
from stages.lineage.form import Lineage
from stages.params import UserError
from stages.record import Drop, Record

ENVIRONMENT = {
    "python": "3.11.2",
    "platform": "linux x86_64",
    "device": {"kind": "cpu", "name": None},
    "threads": 2,
    "packages": {"numpy": "2.0", "torch": "2.9"},
}
OTHER = {**ENVIRONMENT, "device": {"kind": "cuda", "name": "X"}, "packages": {"numpy": "2.1", "peft": "0.18"}}
TEST = [f"t{n:02}" for n in range(40)]
FIRST = [row(f"r{n}") for n in range(6)]
SECOND = [
    row("r0"),
    row("r1", texts=("better words",)),
    row("r2", split="test"),
    row("r3", label="new", image="e" * 64),
    row("r9"),
]
DROPPED = [Drop("r4", "near duplicate", "of r0")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return toy_project(tmp_path / "toy")


def data(root: Path, rows: list[Record], drops: list[Drop]) -> dict[str, Any]:
    """The fields of a seal that say which rows there were."""
    outs = write_data(root, rows, drops)
    counted = {"folder": "data/curate/toy", "rows_in": len(rows) + len(drops), "rows_out": len(rows)}
    counted["dropped"] = {drop.reason: 1 for drop in drops}
    base = json.loads((root / SEAL).read_text())["data"] if (root / SEAL).is_file() else seal(root).document()["data"]
    return {"outs": outs, "data": {**base, "drops": [counted]}}


def two_commits(root: Path) -> None:
    """Tags `a` and `b`; the rows of `a` are in the tree's place only while `a` is sealed, as after any rebuild."""
    write_predictions(root, {name: number % 2 == 0 for number, name in enumerate(TEST)})
    sealed_commit(root, "begin", environment=ENVIRONMENT, **data(root, FIRST, []))
    git(root, "tag", "a")
    (root / "stages/curate.py").write_text("# other code\n")
    commit(root, "Curate otherwise")
    (root / "data/words/list.txt").write_text("others")
    write_predictions(root, {name: number % 4 != 1 for number, name in enumerate(TEST)})
    sealed_commit(root, "Go on", environment=OTHER, **data(root, SECOND, DROPPED))
    git(root, "tag", "b")


def test_everything_that_changed_is_named(project: Path) -> None:
    two_commits(project)
    found = compare(open_side("toy@a", project), open_side("b:toy", project))
    assert [one.key for one in found.data.inputs] == ["data/words/list.txt"]
    assert [(one.path, one.what, one.stages) for one in found.code] == [("stages/curate.py", "changed", ("curate",))]
    assert [one.subject for one in found.commits or []] == ["Curate otherwise"]
    assert [(one.key, one.only) for one in found.environment or []] == [
        ("device.kind", ""),
        ("device.name", ""),
        ("packages.numpy", ""),
        ("packages.peft", "B"),
        ("packages.torch", "A"),
    ]
    assert [(one.key, one.b) for one in found.data.drops] == [("data/curate/toy: near duplicate", 1)]
    assert found.data.folders == ["data/curate/toy"]
    assert "rows.parquet as it was lies neither in the tree nor in DVC's cache" in found.data.rows.unknown
    assert found.score is not None
    assert (found.score.a, found.score.b) == (0.5, 0.75)
    assert found.score.paired is None
    assert "sealed is 0.5" in found.score.unknown
    text = text_of(found)
    assert "numpy   2.0 -> 2.1" in text
    assert "Curate otherwise" in text
    assert "no paired interval" in text
    assert max(map(len, text.splitlines())) <= 100
    json.dumps(found.document())


def test_rows_of_an_old_seal_come_from_the_cache_by_digest(project: Path) -> None:
    """Each row's change with its reason. A cache object with other bytes is not taken for the rows."""
    first = data(project, FIRST, [])
    folder = project / "data/curate/toy"
    names = ("rows.parquet", "drops.csv")
    listed = [{"relpath": name, "md5": put_into_cache(project, folder / name)} for name in names]
    index = project / "index.dir"
    index.write_text(json.dumps(listed))
    whole = put_into_cache(project, index)
    objects = project / ".dvc/cache/files/md5" / whole[:2]
    (objects / whole[2:]).rename(objects / f"{whole[2:]}.dir")
    first["outs"]["data/curate/toy"]["md5"] = f"{whole}.dir"
    sealed_commit(project, "begin", **first)
    git(project, "tag", "a")
    sealed_commit(project, "go on", **data(project, SECOND, DROPPED))

    rows = compare(open_side("toy@a", project), open_side("toy", project)).data.rows
    assert (rows.a, rows.b, rows.same, rows.unknown) == (6, 5, 1, "")
    assert {(kind.what, kind.why, kind.count, kind.ids) for kind in rows.kinds} == {
        ("removed", "B dropped it: near duplicate (data/curate/toy)", 1, ("r4",)),
        ("removed", "not among what B began with (data/curate/toy)", 1, ("r5",)),
        ("added", "not among what A began with (data/curate/toy)", 1, ("r9",)),
        ("re-captioned", "other texts", 1, ("r1",)),
        ("moved", "train -> test", 1, ("r2",)),
        ("other label", "", 1, ("r3",)),
        ("other picture", "", 1, ("r3",)),
    }
    text = text_of(compare(open_side("toy@a", project), open_side("toy", project)))
    assert "1 moved: train -> test" in text

    kept = project / ".dvc/cache/files/md5" / listed[0]["md5"][:2] / listed[0]["md5"][2:]
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    assert "neither in the tree" in compare(open_side("toy@a", project), open_side("toy", project)).data.rows.unknown


def test_params_are_compared_by_dotted_key_and_two_recipes_by_place(project: Path) -> None:
    a = seal(project)
    document = a.document()
    document["stages"][0]["params"] = {"curate.other": {"keep": 3, "new": [1, 2]}}
    document["stages"][1]["params"] = {"recipes.mine": document["stages"][1]["params"]["recipes.toy"]}
    found = {one.key: (one.a, one.b, one.only) for one in param_changes(a, Lineage.model_validate(document))}
    assert found == {"curate.*.keep": (2, 3, ""), "curate.*.new": (None, [1, 2], "B")}


def test_a_value_that_only_looks_equal_is_a_change() -> None:
    assert [one.key for one in changes({"x": 1, "y": 1, "z": None}, {"x": True, "y": 1})] == ["x", "z"]
    assert changes({"z": None}, {})[0].document() == {"key": "z", "a": None}


def test_the_same_adapter_has_no_difference(project: Path) -> None:
    sealed_commit(project, "begin")
    found = compare(open_side("toy", project), open_side("toy@HEAD", project))
    assert found.same
    assert "the same adapter" in text_of(found)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("toy@nowhere", "no revision"),
        ("toy@--output=x", "no revision"),
        ("../toy@HEAD", "neither a folder nor a recipe"),
        ("toy@", "neither a folder nor a recipe"),
        (":toy", "neither a folder nor a recipe"),
        ("another", "no adapter `another`"),
        ("toy@begin", "commits that changed it: "),
    ],
)
def test_what_is_no_adapter_is_refused_with_a_remedy(project: Path, argument: str, said: str) -> None:
    commit(project, "begin")
    git(project, "tag", "begin")
    sealed_commit(project, "seal")
    with pytest.raises(UserError, match=said):
        open_side(argument, project)


def test_the_commit_of_a_seal_is_that_which_brought_it(project: Path) -> None:
    first = sealed_commit(project, "begin")
    (project / "more.txt").write_text("later")
    commit(project, "later")
    side = open_side("toy", project)
    assert side.commit == first
    assert side.notes == ()
    lineage = seal(project, seeds={"x.seed": 1})
    assert open_side("toy", project).commit is None
    record = project / ".scratch/runs" / f"{lineage.adapter.digest}.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps([{"seal": lineage.seal, "commit": first, "dirty": False}]))
    assert open_side("toy", project).commit == first
    record.write_text(json.dumps([{"seal": lineage.seal, "commit": first, "dirty": True}]))
    side = open_side("toy", project)
    assert side.commit is None
    assert "weren't committed" in side.notes[0]


def test_a_lineage_that_was_changed_is_compared_and_said_to_be(project: Path) -> None:
    seal(project)
    path = project / SEAL
    path.write_text(path.read_text().replace('"task": "letter"', '"task": "other"'))
    assert "changed after it was sealed" in open_side("toy", project).notes[0]


def test_control_characters_of_a_stranger_do_not_reach_the_terminal(project: Path) -> None:
    a = sealed_commit(project, "begin")
    document = seal(project).document()
    document["stages"][0]["params"] = {"curate.toy": {"keep": "\x1b[2J\u202eevil"}}
    seal(project, stages=document["stages"])
    text = text_of(compare(open_side(f"toy@{a}", project), open_side("toy", project)))
    assert "evil" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_command_prints_text_or_json(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    two_commits(project)
    monkeypatch.chdir(project)
    parser = argparse.ArgumentParser()
    lineage_diff.arguments(parser)
    with usual_environment():
        assert lineage_diff.command(parser.parse_args(["toy@a", "toy"])) == 0
        assert capsys.readouterr().out.startswith("A  toy@a   recipe toy   seal ")
        lineage_diff.command(parser.parse_args(["toy@a", "toy@b", "--json"]))
    document = json.loads(capsys.readouterr().out)
    assert document["metrics"]["headline"]["b"] == 0.75
    assert document["code"]["commits"][0]["only"] == "B"
