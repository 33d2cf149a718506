"""who-used: which adapters were trained on something, in which rows, how often, and what to do about it."""

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow
from sealing import commit, make_project, picture
from using import ask, by_recipe, how

from stages.blocklist import Kind
from stages.lineage.used.index import WHERE, Index
from stages.lineage.used.takedown import takedown_of
from stages.params import UserError
from stages.record import read_rows

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project, committed; tests only ask."""
    project = make_project(tmp_path_factory.mktemp("used"))
    (project / "data/blocklist.txt").write_text("# nothing\n", encoding="utf-8")
    commit(project, "Seal three adapters")
    return project


@pytest.mark.parametrize(
    ("x", "kind", "rows"),
    [
        ("http://gallery0.example.org/creature1/2.png", None, {"creatures": 2}),
        ("http://gallery0.example.org/creature1/", None, {"creatures": 2}),
        ("gallery0.example.org", None, {"creatures": 6}),
        ("example.org", None, {"creatures": 12}),
        ("Creature2", None, {"creatures": 4}),
        ("creature3", "entity", {}),  # held out: nothing was learned from it
        ("CC-BY-4.0", None, {"creatures": 6}),
        ("cc0-1.0", None, {"creatures": 6, "letters": 8, "more": 8}),
        ("person:ana", None, {"creatures": 6}),
        ("model:tiny-captioner prompt 12ab34cd", None, {"creatures": 6}),
        ("amber", None, {"letters": 1, "more": 1}),
        ("AMBER", "entity", {"letters": 1, "more": 1}),
        ("Roboto", None, {"letters": 4, "more": 4}),
    ],
)
def test_each_kind_is_recognised_and_counted(project: Path, x: str, kind: Kind | None, rows: dict[str, int]) -> None:
    found = ask(project, x, kind)
    assert {recipe: use.rows for recipe, use in by_recipe(found).items() if use.used} == rows
    assert not found.of(current=False)


def test_rows_come_with_the_steps_that_training_noted(project: Path) -> None:
    for recipe, use in by_recipe(ask(project, "example.org")).items():
        table = pq.read_table(project / f"models/trained/{recipe}/consumed.parquet").to_pylist()
        if recipe != "creatures":
            continue
        noted: dict[str, list[int]] = {}
        for row in table:
            noted.setdefault(row["id"], []).append(row["step"])
        assert {row.id: list(row.steps) for row in use.shown} == {name: sorted(steps) for name, steps in noted.items()}
        assert (use.uses, use.steps, use.first, use.last) == (24, 6, 0, 5)


def test_sums_are_kept_for_names_of_many_rows_and_say_the_same(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stages.lineage.used import adding
    from stages.lineage.used.query import answer, update
    from stages.lineage.used.question import question

    plain = ask(project, "CC0-1.0")
    monkeypatch.setattr(adding, "SUMMED", 1)
    with Index(tmp_path / "index.sqlite") as index:
        seals, why, flaws = update(project, index)
        assert index.db.execute("SELECT count(*) FROM totals").fetchone()[0] > 20
        summed = answer(question("CC0-1.0", None, index, seals), seals, why, flaws, project, index, None)
        assert summed == plain
        few = answer(question("CC0-1.0", None, index, seals), seals, why, flaws, project, index, 2)
        assert [len(use.shown) for use in few.uses] == [2, 2, 2]
        assert [use.rows for use in few.uses] == [use.rows for use in plain.uses]


def test_a_picture_is_found_by_its_bytes_its_digests_and_its_looks(project: Path, tmp_path: Path) -> None:
    (row,) = [row for row in read_rows(project / "data/caption/creatures") if row.id.endswith("4")]
    ids = [f"{row.id}/0", f"{row.id}/1"]
    original = tmp_path / "original.png"
    original.write_bytes(picture(104))
    for x in (original, row.source.sha256, row.image.sha256, row.source.sha256[:12]):
        found = by_recipe(ask(project, x))["creatures"]
        assert [each.id for each in found.shown if each.bits == 0] == ids, x
        assert found.origins == (row.source.sha256,), x  # that is what curation knows it by

    copy = tmp_path / "copy.jpg"
    Pillow.open(BytesIO(picture(104, size=16))).resize((48, 48)).save(copy, quality=90)  # as it is stored, but larger
    near = by_recipe(ask(project, copy))["creatures"]
    assert [each.id for each in near.shown][:2] == ids
    assert row.source.sha256 in near.origins

    other = tmp_path / "other.png"
    Pillow.effect_noise((64, 64), 90).convert("RGB").save(other)
    assert how(ask(project, other)) == {"creatures": "no", "letters": "no", "more": "no"}


@pytest.mark.parametrize(
    ("x", "kind", "word"),
    [
        ("nobody ever", None, "--as url"),
        ("0123456789abcdef", None, "no picture that the index knows"),
        ("http://a b", "host", "host's name alone"),
        ("abc", "sha256", "neither a picture's file"),
    ],
)
def test_what_nobody_knows_is_refused_with_the_remedy(project: Path, x: str, kind: Kind | None, word: str) -> None:
    with pytest.raises(UserError, match=word):
        ask(project, x, kind)


def test_a_file_that_is_no_picture_and_a_name_with_two_meanings_are_refused(project: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(UserError, match="no PNG, JPEG"):
        ask(project, text)
    with Index(project / WHERE) as index:
        index.db.execute("INSERT INTO names (kind, value) VALUES ('author', 'creature0')")
    with pytest.raises(UserError, match=r"entity, author.*--as"):
        ask(project, "creature0")
    assert by_recipe(ask(project, "creature0", "entity"))["creatures"].rows == 4


def test_who_went_on_from_an_adapter_used_what_it_used(project: Path) -> None:
    from dataclasses import replace

    from stages.lineage.used.query import _through_parents

    uses = by_recipe(ask(project, "amber"))
    alone = [uses["letters"], replace(uses["more"], how="no", rows=0), uses["creatures"]]
    assert [use.how for use in _through_parents(alone)] == ["rows", "parent", "no"]


def test_the_way_out_names_the_lines_and_the_recipes(project: Path, tmp_path: Path) -> None:
    way = takedown_of(ask(project, "gallery0.example.org"), project, "asked on\nMonday")
    assert way.lines == ("host gallery0.example.org # asked on Monday",)
    assert way.commands[1] == "dvc repro seal@creatures"
    assert takedown_of(ask(project, "Roboto"), project).recipes == ("letters", "more")
    assert not takedown_of(ask(project, "creature3", "entity"), project).recipes


def test_the_command_answers_without_torch_and_writes_the_line(project: Path) -> None:
    told = (
        "import sys; from stages.cli.lineage_used import arguments, command; import argparse\n"
        "parser = argparse.ArgumentParser(); arguments(parser); command(parser.parse_args())\n"
        "heavy = {'torch', 'transformers', 'dvc', 'pandas', 'prefect'} & set(sys.modules); assert not heavy, heavy\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-c", told, *arguments]
        return subprocess.run(line, cwd=project, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)

    before = (project / "data/blocklist.txt").read_text(encoding="utf-8")
    done = run("person:ana", "--json", "--block", "--why", "she asked")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [one["recipe"] for one in document["adapters"] if one["used"]] == ["creatures"]
    assert document["takedown"]["recipes"] == ["creatures"]
    after = (project / "data/blocklist.txt").read_text(encoding="utf-8")
    assert after == before + "author person:ana # she asked\n"
    done = run("person:ana", "--rows", "1", "--block")
    assert "and 5 more rows" in done.stdout
    assert "has it already" in done.stdout
    assert (project / "data/blocklist.txt").read_text(encoding="utf-8") == after
    (project / "data/blocklist.txt").write_text(before, encoding="utf-8")
