"""Curated rows become tokenized ones, each or with a reason; a mask that is not right is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interleaved import CAPTIONS, LABELS, RECIPE, changed, curated, make_processor, picture

from stages.interleaved.model import Views, levels
from stages.interleaved.recipe import InterleavedRecipe
from stages.params import UserError
from stages.record import Record, read_manifest, write_manifest, write_rows
from stages.shards import ShardReader
from stages.tokenize.interleaved import stage
from stages.tokenize.interleaved.encode import Encoder
from stages.tokenize.interleaved.rows import read_tokenized
from stages.tokenize.interleaved.stage import run
from stages.tokenize.interleaved.views import Fit

TOLD = ("Picture {number} has a circle .", "A circle.\n")


@pytest.fixture(scope="module")
def processor() -> Any:
    return make_processor()


@pytest.fixture(autouse=True)
def tokenizer_alone(processor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokenizing needs no weights; the base's folder is written by other tests."""
    monkeypatch.setattr(stage, "load_processor", lambda *_: processor)
    monkeypatch.setenv("JOBLIB_MULTIPROCESSING", "0")  # shards one after another, in this process


def tokenized(folder: Path, recipe: InterleavedRecipe, name: str = "tokenized") -> Path:
    run(recipe, curated=folder / "curated", base=folder, out=folder / name)
    return folder / name


def rewritten(folder: Path, records: list[Record]) -> None:
    (folder / "manifest.json").unlink()
    write_rows(folder / "rows.parquet", records)
    write_manifest(folder, {"stage": "curate", "rows_in": len(records), "rows_out": len(records), "dropped": {}})


def test_a_labelled_picture_is_one_row(tmp_path: Path, processor: Any) -> None:
    records = curated(tmp_path / "curated", 12)
    out = tokenized(tmp_path, RECIPE)
    rows = read_tokenized(out)
    assert [(row.id, row.split, row.label, row.entity) for row in rows] == [
        (record.id, record.split, record.label, record.entity) for record in records
    ]
    assert {row.answer for row in rows} == {f"{label}." for label in LABELS}
    assert all(row.references == (row.label,) for row in rows)
    fit = Fit.of(processor, "squeeze")
    with ShardReader(out) as shards:
        views = Views(shards)
        for number, row in enumerate(rows):
            np.testing.assert_array_equal(views(row.view), levels(fit(picture(number))))
    receipt = json.loads((out / "receipt.json").read_text())
    assert receipt["supervised_tokens"] == sum(len(row.suffix_ids) for row in rows)
    assert read_manifest(out)["rows_in"] == read_manifest(out)["rows_out"] == 12


def test_each_caption_of_a_training_picture_is_a_row_and_a_test_picture_is_one(tmp_path: Path) -> None:
    records = curated(tmp_path / "curated", 8, TOLD)
    rows = read_tokenized(tokenized(tmp_path, CAPTIONS))
    expected = [f"{r.id}/{n}" for r in records if r.split == "train" for n in range(2)]
    assert [row.id for row in rows] == sorted(expected + [r.id for r in records if r.split == "test"])
    by_id = {row.id: row for row in rows}
    assert by_id["row-001/0"].answer == "Picture 1 has a circle."
    assert by_id["row-001/1"].answer == "A circle."
    assert by_id["row-001/0"].view == by_id["row-001/1"].view
    assert by_id["row-006"].references == ("Picture 6 has a circle", "A circle")


def test_what_can_t_be_said_is_dropped_by_name(tmp_path: Path) -> None:
    records = curated(tmp_path / "curated", 8, ("A <image> here.", " ", "A circle."))
    silent = replace(records[0], texts=())
    rewritten(tmp_path / "curated", [silent, *records[1:]])
    out = tokenized(tmp_path, CAPTIONS)
    drops = (out / "drops.csv").read_text().splitlines()[1:]
    train = [record for record in records[1:] if record.split == "train"]
    assert f"{silent.id}/0,nothing to answer," in drops
    assert f"{train[0].id}/0,text holds a special token,<image>" in drops
    assert f"{train[0].id}/1,nothing to answer," in drops
    facts = read_manifest(out)
    assert facts["rows_in"] == facts["rows_out"] + len(drops) == 1 + 3 * len(train) + 2


def test_a_split_without_rows_is_an_error(tmp_path: Path) -> None:
    curated(tmp_path / "curated", 8)
    with pytest.raises(UserError, match="no row of split `train` with something to answer"):
        tokenized(tmp_path, CAPTIONS)  # pictures without captions


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    curated(tmp_path / "curated", 8, TOLD)
    one, two = (tokenized(tmp_path, CAPTIONS, name) for name in ("a", "b"))
    assert read_manifest(one) == read_manifest(two)


def test_a_row_that_would_be_cut_is_refused(processor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tight = changed(RECIPE, "tokenize", max_length=16).tokenize
    with pytest.raises(UserError, match=r"`tokenize\.max_length` is 16: raise it"):
        Encoder(processor, tight).encode("figure skating.")
    monkeypatch.setattr(Encoder, "refuse", lambda *_: None)
    long = Encoder(processor, tight).encode("figure skating.")
    assert len(long.prefix + long.suffix) > 16  # nothing else stands in the way


def with_ids(processor: Any, monkeypatch: pytest.MonkeyPatch, change: Any) -> Encoder:
    """An encoder whose answered rows are changed by `change`."""
    encoder = Encoder(processor, RECIPE.tokenize)
    ids = encoder._ids
    monkeypatch.setattr(
        encoder, "_ids", lambda parts, end=False: change(ids(parts, end)) if end else ids(parts, end), raising=True
    )
    return encoder


def test_a_supervised_prompt_is_refused(processor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def joined(ids: tuple[int, ...]) -> tuple[int, ...]:
        where = len(Encoder(processor, RECIPE.tokenize).prefix()) - 1
        return (*ids[:where], *ids[where + 1 :])  # as if ":" and what follows it were one token

    encoder = with_ids(processor, monkeypatch, joined)
    with pytest.raises(UserError, match="no token of picture or prompt is supervised"):
        encoder.encode("golf.")


@pytest.mark.parametrize("change", [lambda ids: ids[:-1], lambda ids: (*ids[:-2], ids[-1], ids[-1])])
def test_an_answer_without_its_end_or_with_two_is_refused(
    processor: Any, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    with pytest.raises(UserError, match="end of sequence"):
        with_ids(processor, monkeypatch, change).encode("golf.")


def test_a_second_picture_token_is_refused(processor: Any) -> None:
    with pytest.raises(UserError, match="each row has one picture token"):
        Encoder(processor, RECIPE.tokenize).encode("golf <image>.")


def test_examples_that_read_otherwise_are_refused(processor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(processor, RECIPE.tokenize)
    encoder.check_with_processor("golf.")
    monkeypatch.setattr("stages.tokenize.interleaved.encode.interleaved", stuck_together)
    with pytest.raises(UserError, match="the processor makes of the whole list"):
        Encoder(processor, RECIPE.tokenize).check_with_processor("golf.")


def stuck_together(template: Any, shown: Any, answer: str | None = None, examples: Any = ()) -> list[Any]:
    """Prompt and answer as texts of their own: the processor strips the space between them."""
    parts: list[Any] = []
    for one, told in examples:
        parts += [one, template.prompt, f" {told}"]
    return [*parts, shown, template.prompt, *([] if answer is None else [f" {answer}"])]
