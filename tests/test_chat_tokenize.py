"""Captions and conversations of curated pictures as token rows: what comes out, and what is left out by name."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chatting import ALIGN, END, INSTRUCT, PATCHES, changed, make_base, retold, scene, turns, write_curated

from stages.chat.templates import Templates
from stages.params import UserError
from stages.record import Record, read_manifest
from stages.tokenize.chat import encode
from stages.tokenize.chat import stage as room
from stages.tokenize.chat.rows import TokenizedRow, open_tokenized, read_tokenized
from stages.tokenize.chat.stage import run

ASKED = turns(("What is it?", "A box."))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("tokens") / "base")


def tokens(recipe: Any, base: Path, root: Path, records: list[Record]) -> list[TokenizedRow]:
    """The rows that `recipe` makes of `records`; the books are checked on the way."""
    write_curated(root / "curated", records)
    run(recipe, curated=root / "curated", base=base, out=root / "out")
    rows, facts = read_tokenized(root / "out"), read_manifest(root / "out")
    with (root / "out" / "drops.csv").open(newline="") as stream:
        drops = list(csv.DictReader(stream))
    assert facts["rows_in"] == facts["rows_out"] + len(drops)
    assert facts["rows_out"] == sum(len(row.questions) for row in rows)
    assert sum(facts["dropped"].values()) == len(drops)
    return rows


def drops_of(root: Path) -> dict[str, tuple[str, str]]:
    with (root / "out" / "drops.csv").open(newline="") as stream:
        return {line["id"]: (line["reason"], line["detail"]) for line in csv.DictReader(stream)}


def test_align_learns_captions_and_keeps_both_kinds_of_test_pictures(base: Path, tmp_path: Path) -> None:
    records = [scene(number) for number in range(4)]
    rows = {row.id: row for row in tokens(ALIGN, base, tmp_path, records)}
    assert set(rows) == {f"scene-000{n}/{k}" for n in range(3) for k in range(2)} | {"scene-0003", "scene-0003/t0"}
    first, test = rows["scene-0000/0"], rows["scene-0003"]
    assert (first.split, first.kind, first.answers) == ("train", "caption", ("A red box.",))
    assert first.questions == ALIGN.tokenize.caption_prompts
    assert first.picture == records[0].image.sha256
    assert (test.split, test.references) == ("test", ("A green ball.", "There is a green ball."))
    talk = rows["scene-0003/t0"]
    assert (talk.questions, talk.references) == (("What colour is it?", "Is it a ball?"), ("Yes.",))
    assert len(first.ids) == len(first.supervised)
    receipt = json.loads((tmp_path / "out" / "receipt.json").read_text())
    assert receipt["rows"] == {"test caption": 1, "test conversation": 1, "train caption": 6}
    assert receipt["tokens_a_picture"] == PATCHES
    assert receipt["examples"][0]["supervised"] == f" A red box.{END}"


def test_instruct_learns_conversations_and_rows_are_read_by_split_and_kind(base: Path, tmp_path: Path) -> None:
    records = [scene(0, [ASKED, turns(("And?", "No."))]), *(scene(number) for number in range(1, 4))]
    rows = tokens(INSTRUCT, base, tmp_path, records)
    assert [row.id for row in rows if row.split == "train"] == [
        "scene-0000/t0", "scene-0000/t1", "scene-0001/t0", "scene-0002/t0",
    ]  # fmt: skip
    opened = open_tokenized(tmp_path / "out", "test", "caption")
    assert [row.id for row in opened] == ["scene-0003"] == opened.column("id")
    whole = open_tokenized(tmp_path / "out")
    assert list(whole) == rows
    assert whole[-1] == rows[-1]
    assert list(whole[1:3]) == rows[1:3]
    with pytest.raises(IndexError):
        whole[len(rows)]


def test_captions_a_picture_and_prompts_are_chosen_alike_each_time(base: Path, tmp_path: Path) -> None:
    prompts = ("Describe it.", "What is shown?", "Caption:")
    recipe = changed(ALIGN, "tokenize", captions_a_picture=1, caption_prompts=prompts)
    rows = tokens(recipe, base, tmp_path / "a", [scene(number) for number in range(24)])
    assert sum(row.split == "train" for row in rows) == 18
    asked = {row.id: row.questions[0] for row in rows if row.split == "train"}
    assert set(asked.values()) == set(prompts)
    fewer = tokens(recipe, base, tmp_path / "b", [scene(number) for number in range(4)])
    assert {row.id: row.questions[0] for row in fewer if row.split == "train"}.items() <= asked.items()
    assert {row.questions[0] for row in rows if row.kind == "caption" and row.split == "test"} == {prompts[0]}


def test_a_turn_that_can_t_be_used_goes_with_all_behind_it(base: Path, tmp_path: Path) -> None:
    long, special = "x" * 61, "see <IMAGE>"
    bad = {
        0: turns(("Fine?", "Yes."), ("Tell all.", long), ("And?", "No.")),
        1: turns((special, "Yes.")),
        2: turns(("What?", f"It ends {END} here.")),
        4: turns((" ", "Yes."), ("And?", "No.")),
        5: turns(("Why?", "  ")),
        6: turns(("One.", "1"), ("Two " * 100, "2")),
    }
    records = [scene(number, [bad[number]] if number in bad else None) for number in range(9)]
    records[8] = retold(records[8], conversations=[])
    rows = {row.id: row for row in tokens(INSTRUCT, base, tmp_path, records)}
    assert drops_of(tmp_path) == {
        "scene-0000/t0#2": (encode.TOO_LONG, "61 characters"),
        "scene-0000/t0#3": (encode.BEHIND, encode.TOO_LONG),
        "scene-0001/t0#1": (encode.HOLDS_SPECIAL, "<image>"),
        "scene-0002/t0#1": (encode.HOLDS_SPECIAL, END),
        "scene-0004/t0#1": (encode.EMPTY_QUESTION, ""),
        "scene-0004/t0#2": (encode.BEHIND, encode.EMPTY_QUESTION),
        "scene-0005/t0#1": (encode.EMPTY_ANSWER, ""),
        "scene-0006/t0#1": (encode.OVER, drops_of(tmp_path)["scene-0006/t0#1"][1]),
        "scene-0006/t0#2": (encode.OVER, drops_of(tmp_path)["scene-0006/t0#1"][1]),
        "scene-0008": ("no conversation", ""),
    }
    assert rows["scene-0000/t0"].questions == ("Fine?",)
    assert rows["scene-0000/t0"].references == ("Yes.",)


def test_any_length_is_allowed_when_the_recipe_says_so(base: Path, tmp_path: Path) -> None:
    records = [scene(0, [turns(("Tell all.", "x" * 61))]), *(scene(number) for number in range(1, 4))]
    recipe = changed(INSTRUCT, "tokenize", longest_answer=None)
    assert "scene-0000/t0" in {row.id for row in tokens(recipe, base, tmp_path, records)}


def test_a_hundred_kilobytes_of_caption_are_left_out(base: Path, tmp_path: Path) -> None:
    records = [retold(scene(0), captions=["a ball " * 15000, "A ball."]), *(scene(number) for number in range(1, 4))]
    records[3] = retold(records[3], captions=["b" * 100_000, "", "A box."])
    rows = {row.id: row for row in tokens(ALIGN, base, tmp_path, records)}
    assert "scene-0000/0" not in rows
    assert rows["scene-0000/1"].answers == ("A ball.",)
    assert rows["scene-0003"].references == ("A box.",)
    assert drops_of(tmp_path) == {"scene-0000/0": (encode.TOO_LONG, "104999 characters")}


def test_a_test_picture_whose_captions_all_fail_is_named(base: Path, tmp_path: Path) -> None:
    records = [scene(number) for number in range(8)]
    records[3] = retold(records[3], captions=["", "<image>"])
    records[7] = retold(records[7], captions=["fine"])
    rows = {row.id for row in tokens(ALIGN, base, tmp_path, records)}
    assert "scene-0003" not in rows
    assert "scene-0003/t0" in rows
    assert drops_of(tmp_path) == {"scene-0003/0": (encode.EMPTY_ANSWER, "")}


def test_a_picture_on_both_sides_is_refused(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [scene(number) for number in range(4)]
    records.append(replace(records[0], id="scene-0000-again", split="test"))
    with pytest.raises(UserError, match=r"scene-0000-again: its picture .* is in both splits"):
        tokens(ALIGN, base, tmp_path / "a", records)
    monkeypatch.setattr(room.Book, "note_side", lambda *_: None)
    rows = tokens(ALIGN, base, tmp_path / "b", records)
    sides = [{row.picture for row in rows if row.split == split} for split in ("train", "test")]
    assert sides[0] & sides[1]  # the test would show what training showed


def test_masks_are_checked_before_anything_is_trained_on(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Templates._sample

    def endless(self: Templates, *given: Any) -> Any:
        sample = plain(self, *given)
        learnt = zip(sample.ids, sample.supervised, strict=True)
        return replace(sample, supervised=tuple(yes and token != self.end for token, yes in learnt))

    monkeypatch.setattr(Templates, "_sample", endless)
    with pytest.raises(UserError, match="end of sequence"):
        tokens(ALIGN, base, tmp_path / "a", [scene(number) for number in range(4)])
    assert not (tmp_path / "a" / "out" / "manifest.json").exists()  # unfinished: nothing trains on it
    monkeypatch.setattr(Templates, "require_sound", lambda *_: None)
    monkeypatch.setattr(Templates, "require_prefixes", lambda *_: None)
    rows = tokens(ALIGN, base, tmp_path / "b", [scene(number) for number in range(4)])
    assert not any(row.supervised[-1] for row in rows)  # stopping would never be learnt


def test_a_set_without_what_the_task_needs_is_refused(base: Path, tmp_path: Path) -> None:
    silent = [retold(scene(number), conversations=[]) for number in range(4)]
    with pytest.raises(UserError, match="no conversation of split `train`"):
        tokens(INSTRUCT, base, tmp_path / "a", silent)
    assert tokens(ALIGN, base, tmp_path / "b", silent)  # captions are enough for align
    with pytest.raises(UserError, match="no caption of split `test`"):
        tokens(ALIGN, base, tmp_path / "c", [scene(number) for number in range(3)])


def test_conversations_of_another_form_are_refused(base: Path, tmp_path: Path) -> None:
    for number, wrong in enumerate(([{"question": "a", "answer": "b"}], [[{"question": "a"}]], [[["a", "b"]]], 3)):
        records = [retold(scene(0), conversations=wrong), scene(3)]
        with pytest.raises(UserError, match="row scene-0000: `conversations`"):
            tokens(INSTRUCT, base, tmp_path / str(number), records)


def test_rows_are_the_same_however_many_are_read_at_once(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [scene(number) for number in range(10)]
    rows = tokens(INSTRUCT, base, tmp_path / "a", records)
    assert rows == tokens(INSTRUCT, base, tmp_path / "b", records)
    for name in ("rows.parquet", "manifest.json", "receipt.json"):
        assert (tmp_path / "a/out" / name).read_bytes() == (tmp_path / "b/out" / name).read_bytes()
    monkeypatch.setattr(encode, "READ_AT_ONCE", 3)
    assert rows == tokens(INSTRUCT, base, tmp_path / "c", records)
