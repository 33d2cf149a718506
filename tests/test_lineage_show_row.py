"""One sample's whole life, by whatever name a person has for it."""

import json
import shutil
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealing import TITLE, make_project, picture

from stages.cli import lineage_show
from stages.lineage.reading import open_adapter
from stages.lineage.show.life import lives_text
from stages.lineage.show.row import Life, is_of, lives_of
from stages.lineage.show.shelf import Shelf
from stages.lineage.show.sought import near_to
from stages.params import UserError
from stages.shards import sha256

KEPT, TESTED, UNLICENSED, COPY, GONE = (f"{number:024x}" for number in (0, 7, 8, 9, 16**24 - 1))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("rows"))


@pytest.fixture
def own(project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(project, tmp_path / "project"))


def life_of(project: Path, asked: str, recipe: str = "creatures") -> Life:
    (life,) = lives_of(open_adapter(recipe, project), asked, project)
    return life


def fates(life: Life) -> dict[str, str]:
    return {step.stage: step.fate for step in life.steps}


def facts(life: Life, stage: str) -> list[tuple[str, str]]:
    return [fact for step in life.steps if step.stage == stage for fact in step.facts]


def test_a_row_is_followed_from_its_address_to_the_steps(project: Path) -> None:
    life = life_of(project, KEPT)
    assert fates(life) == {
        "scrape@creatures": "came in",
        "curate@creatures": "kept, split train",
        "caption@creatures": "kept, split train",
        "tokenize@creatures": "2 rows made of it",
        "train@creatures": "trained on 4 times",
        "evaluate@creatures": "predicted",
    }
    source = dict(facts(life, "scrape@creatures"))
    assert source["url"] == "http://gallery0.example.org/creature0/0.png"
    assert source["licence"] == "CC-BY-4.0"
    assert source["parameters"] == f"query = creature0 creature, title = {TITLE}"
    assert facts(life, "caption@creatures") == [
        ("text", "A creature0 seen from the left - person:ana"),
        ("text", "This is creature0 - model:tiny-captioner prompt 12ab34cd"),
    ]
    consumed = pq.read_table(project / "models/trained/creatures/consumed.parquet").to_pylist()
    for name, said in facts(life, "train@creatures"):
        steps = sorted(row["step"] for row in consumed if row["id"] == name)
        assert said == f"at step {', '.join(map(str, steps))}"
    assert life.remarks == ()


@pytest.mark.parametrize(
    "asked",
    [
        f"{KEPT}/1",
        f"{KEPT}/1#2",
        sha256(picture(100)),  # as it came
        sha256(picture(100))[:8],
        sha256(picture(100, size=16)),  # as curate wrote it
    ],
)
def test_a_row_has_several_names(project: Path, asked: str) -> None:
    assert life_of(project, asked) == life_of(project, KEPT)


def test_a_row_that_was_left_out_says_where_and_why(project: Path) -> None:
    assert fates(life_of(project, GONE)) == {"scrape@creatures": "left out", "train@creatures": "never trained on"}
    assert facts(life_of(project, GONE), "scrape@creatures") == [
        ("reason", "gone: HTTP 404"),
        ("detail", "http://gallery1.example.org/gone.png"),
    ]
    for row, reason in ((UNLICENSED, "licence not allowed"), (COPY, "near duplicate")):
        life = life_of(project, row)
        assert fates(life)["scrape@creatures"] == "came in"
        assert fates(life)["curate@creatures"] == "left out"
        assert facts(life, "curate@creatures")[0] == ("reason", reason)


def test_a_test_row_was_never_trained_on(project: Path) -> None:
    assert fates(life_of(project, TESTED))["train@creatures"] == "never trained on"
    assert fates(life_of(project, TESTED))["curate@creatures"] == "kept, split test"


def test_a_drawn_row_tells_what_was_drawn_and_the_parents_steps(project: Path) -> None:
    life = life_of(project, "letters-000003", "more")
    drawn = dict(facts(life, "synthesize@letters"))
    assert (drawn["generator"], drawn["seed"]) == ("plumbline.synthesize/1", "7")
    assert drawn["parameters"] == "word = DELTA, family = Roboto"
    assert fates(life)["train@letters"] == fates(life)["train@more"] == "trained on 2 times"


def test_an_unknown_row_names_near_ones(project: Path) -> None:
    with pytest.raises(UserError, match=r"no row.*near ones: letters-000003, letters-0000"):
        life_of(project, "letters-000003x", "letters")
    with pytest.raises(UserError, match="near ones: letters-000003"):
        life_of(project, "leters-000003", "letters")
    with pytest.raises(UserError, match="none is near"):
        life_of(project, "\x1b[2J", "letters")


def test_a_beginning_of_too_many_asks_for_more(project: Path) -> None:
    with pytest.raises(UserError, match=r"12 rows begin with `letters-`.*letters-000000, .*give more"):
        life_of(project, "letters-", "letters")


def test_a_file_that_is_not_the_sealed_one_is_said(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drops = own / "data/curate/creatures/drops.csv"
    drops.write_text(drops.read_text().replace("licence not allowed", "blocked"))
    told = "data/curate/creatures/drops.csv is NOT THE SEALED ONE: `plumbline lineage verify` says what differs"
    assert told in life_of(own, KEPT).remarks

    def believed(shelf: Shelf, path: Path, *_: object) -> Path:
        return path

    monkeypatch.setattr(Shelf, "_checked", believed)
    assert not life_of(own, UNLICENSED).remarks
    assert facts(life_of(own, UNLICENSED), "curate@creatures")[0] == ("reason", "blocked")


def test_data_that_was_not_pulled_is_said(own: Path) -> None:
    shutil.rmtree(own / "data/scrape")
    (own / "reports/predictions/creatures.jsonl").unlink()
    life = life_of(own, KEPT)
    assert "data/scrape/creatures/rows.parquet is not here: `dvc pull data/scrape/creatures` brings it" in life.remarks
    assert any("reports/predictions/creatures.jsonl is not here" in remark for remark in life.remarks)
    assert fates(life)["train@creatures"] == "trained on 4 times"
    shutil.rmtree(own / "data")
    with pytest.raises(UserError, match=r"none is near \(data/.*is not here"):
        life_of(own, KEPT)


def test_a_torn_table_is_a_word(own: Path) -> None:
    path = own / "data/curate/creatures/rows.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"rows.parquet can't be read"):
        life_of(own, KEPT)


def test_the_text_is_plain_and_narrow(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "200")
    parser = ArgumentParser()
    lineage_show.arguments(parser)
    assert lineage_show.command(parser.parse_args(["creatures", "--row", KEPT])) == 0
    text = capsys.readouterr().out
    assert all(len(line) <= 100 for line in text.split("\n"))
    assert "└─ evaluate@creatures: predicted" in text
    assert lineage_show.command(parser.parse_args(["creatures", "--row", KEPT, "--json"])) == 0
    assert json.loads(capsys.readouterr().out) == [life_of(project, KEPT).document()]


def test_nothing_that_a_row_says_commands_a_terminal(project: Path) -> None:
    life = life_of(project, KEPT)
    step = life.steps[0]
    evil = type(step)("st\x1b[2Jage", "fo\x07lder", "ke\rpt", (("na\x1bme", "va\nl\x1b]0;ue"),))
    text = lives_text([Life("i\x1bd", (evil,), ("rem\x1bark",))])
    assert not any(char < " " for char in text.replace("\n", ""))


@given(row=st.text("ab/#0", min_size=1, max_size=4), tail=st.text("ab/#0", max_size=3))
@settings(max_examples=100)
def test_whose_a_sample_is(row: str, tail: str) -> None:
    assert is_of(row + tail, row) == (tail[:1] in ("", "/", "#"))


@given(known=st.sets(st.text("abc", min_size=1, max_size=6), min_size=1, max_size=20), asked=st.text("abc", max_size=6))
@settings(max_examples=60, deadline=None)
def test_near_ones_are_known_ones(known: set[str], asked: str) -> None:
    near: Callable[..., list[str]] = near_to
    assert set(near(asked, known)) <= known
    assert len(near(asked, known)) <= 3
