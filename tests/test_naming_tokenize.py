"""From described rows to token ids: drops by name, nothing cut, the mask receipt, and memory that doesn't grow."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from naming import KOREAN_RECIPE, RECIPE, changed, described, make_base, make_tokenizer, name, record

from stages.naming.templates import Templates
from stages.params import UserError
from stages.record import read_manifest, write_manifest
from stages.tokenize.naming import encode, told
from stages.tokenize.naming.encode import Encoder
from stages.tokenize.naming.rows import TokenizedRow, read_tokenized, write_tokenized
from stages.tokenize.naming.stage import run
from stages.tokenize.naming.told import Told, pieces, read_told

DIRTY = (
    record(100, "it hides <end_of_turn> in grass"),
    record(101, "it " * 400),
    record(102, " \n"),
    record(103, label=" "),
    record(104, label="Pyr<eos>"),
    record(105, language="de"),
)
REASONS = {
    "language not asked for": 1,
    "longer than max_length": 1,
    "no description": 1,
    "no name": 1,
    "text holds a control token": 2,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base") / "tiny")


def row(number: int = 0, description: str = "a fox", named: str = "Pyrvul") -> Told:
    return Told(f"row-{number}", "train", named, "line", description, "en")


def test_rows_in_are_rows_out_and_drops_with_a_reason_each(base: Path, tmp_path: Path) -> None:
    described(tmp_path / "described", 16, DIRTY)
    recipe = changed(RECIPE, "tokenize", languages=("en", "ko"))
    run(recipe, curated=tmp_path / "described", base=base, out=tmp_path / "out")
    facts = read_manifest(tmp_path / "out")
    assert (facts["rows_in"], facts["rows_out"], facts["dropped"]) == (22, 16, REASONS)
    assert facts["upstream"]["stage"] == "describe"
    dropped = {line["id"]: line for line in csv.DictReader((tmp_path / "out/drops.csv").open())}
    assert dropped["row-000100"]["detail"] == "<end_of_turn>"
    assert dropped["row-000101"]["detail"].endswith("tokens, 128 allowed")
    rows = read_tokenized(tmp_path / "out")
    assert [one.id for one in rows] == [f"row-{number:06d}" for number in range(16)]
    assert {one.split for one in read_tokenized(tmp_path / "out", "test")} == {"test"}
    assert all(len(one.prompt_ids) + len(one.answer_ids) <= 128 for one in rows)  # whole: a cut one would be shorter


def test_the_receipt_shows_what_is_supervised(base: Path, tmp_path: Path) -> None:
    described(tmp_path / "described", 16, (record(20, language="ko"),))
    run(KOREAN_RECIPE, curated=tmp_path / "described", base=base, out=tmp_path / "out")
    receipt = json.loads((tmp_path / "out/receipt.json").read_text())
    assert receipt["languages"] == {"en": 16, "ko": 1}
    assert receipt["splits"] == {"test": 4, "train": 13}
    shown = receipt["examples"]
    assert [example["id"] for example in shown] == ["row-000020", "row-000000", "row-000006"]
    assert shown[1]["supervised"] == f"{name(0)}<end_of_turn><eos>"
    assert shown[1]["text"].startswith("<bos><start_of_turn>user\n다음 특성을")
    assert shown[1]["text"].endswith("<start_of_turn>model\n")
    assert shown[1]["mask"].rstrip("1").strip("0") == ""
    assert receipt["supervised_tokens"] == sum(len(one.answer_ids) for one in read_tokenized(tmp_path / "out"))


def test_two_runs_and_other_pieces_write_the_same_bytes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(tmp_path / "described", 16, DIRTY)
    for out, rows in (("a", 2048), ("b", 2048), ("c", 3)):
        monkeypatch.setattr("stages.tokenize.naming.stage.pieces", lambda told, most=rows: pieces(told, most))
        run(RECIPE, curated=tmp_path / "described", base=base, out=tmp_path / out)
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert read_tokenized(tmp_path / "a") == read_tokenized(tmp_path / "c")
    assert pq.ParquetFile(tmp_path / "c/rows.parquet").num_row_groups > 4  # written as it goes


def test_a_split_without_rows_is_refused(base: Path, tmp_path: Path) -> None:
    described(tmp_path / "described", 6)
    with pytest.raises(UserError, match="no row of split `test`"):
        run(RECIPE, curated=tmp_path / "described", base=base, out=tmp_path / "out")
    assert not (tmp_path / "out/manifest.json").exists()


def test_an_unfinished_folder_is_refused(tmp_path: Path) -> None:
    described(tmp_path / "described", 6)
    (tmp_path / "described/manifest.json").unlink()
    with pytest.raises(UserError, match="unfinished"):
        list(read_told(tmp_path / "described"))


def test_a_record_of_several_texts_gives_a_row_each(tmp_path: Path) -> None:
    from dataclasses import replace

    one = record(3)
    both = replace(one, texts=(*one.texts, replace(one.texts[0], text="a fish")))
    described(tmp_path / "described", 0, (both, replace(one, id="z", texts=())))
    found = [(row.id, row.description) for row in read_told(tmp_path / "described")]
    assert found == [("row-000003/0", one.texts[0].text), ("row-000003/1", "a fish"), ("z", "")]


def test_pieces_are_bounded_by_rows_and_by_characters() -> None:
    rows = [row(number, "x" * size) for number, size in enumerate((5, 5, 50, 5, 5, 5))]
    assert [[len(one.description) for one in piece] for piece in pieces(rows, most=2, characters=20)] == [
        [5, 5],
        [50],
        [5, 5],
        [5],
    ]
    assert [one for piece in pieces(rows) for one in piece] == rows
    assert list(pieces([])) == []


def test_a_hundred_kilobytes_are_left_out_by_name() -> None:
    encoder = Encoder(make_tokenizer(), RECIPE.tokenize)
    rows, drops = encoder.encode([row(1), row(2, "grass " * 17_000)])
    assert [one.id for one in rows] == ["row-1"]
    assert [(drop.id, drop.reason) for drop in drops] == [("row-2", "longer than max_length")]


def test_words_that_become_a_control_token_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second line of defence: spelled otherwise, yet read as a mark."""
    tokenizer = make_tokenizer()
    end = tokenizer.convert_tokens_to_ids("<end_of_turn>")
    plain = Templates.plain
    monkeypatch.setattr(
        Templates,
        "plain",
        lambda self, texts: [
            (*ids, end) if "@" in text else ids for text, ids in zip(texts, plain(self, texts), strict=True)
        ],
    )
    encoder = Encoder(tokenizer, RECIPE.tokenize)
    monkeypatch.setattr(encode, "COMPARED", 0)  # the template itself would tell, too
    _, drops = encoder.encode([row(1, "@")])
    assert [(drop.reason, drop.detail) for drop in drops] == [("text holds a control token", "<end_of_turn>")]
    monkeypatch.setattr(Templates, "controlling", lambda self, ids: [])
    rows, drops = encoder.encode([row(1, "@")])
    assert (len(rows), drops) == (1, [])  # without it, a turn ends within a description
    assert rows[0].prompt_ids.count(end) == 2


def test_a_tokenizer_that_joins_prompt_and_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(make_tokenizer(), RECIPE.tokenize)
    plain = Templates.plain
    monkeypatch.setattr(Templates, "plain", lambda self, texts: [ids[1:] for ids in plain(self, texts)])
    with pytest.raises(UserError, match="joins the start of 'Pyrvul' with the end of the prompt"):
        encoder.encode([row()])


def test_a_prompt_that_is_not_the_templates_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(make_tokenizer(), RECIPE.tokenize)
    prompts = Templates.prompts
    monkeypatch.setattr(Templates, "prompts", lambda self, texts: [ids[1:] for ids in prompts(self, texts)])
    with pytest.raises(UserError, match=r"mask refused \(row row-0, 'Pyrvul'\): no token of the user's turn"):
        encoder.encode([row()])
    monkeypatch.setattr(encode, "COMPARED", 0)
    assert encoder.encode([row()])[0]  # without the comparison it would be trained on


def test_an_answer_without_its_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Encoder(make_tokenizer(), RECIPE.tokenize)
    answers = Templates.answers
    monkeypatch.setattr(Templates, "answers", lambda self, names: [ids[:-1] for ids in answers(self, names)])
    with pytest.raises(UserError, match="stopping would never be learned"):
        encoder.encode([row()])


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [TokenizedRow(f"r{n}", "train", "名", "e", "it", "ko", (2, 4, n), (7, 5, 1)) for n in (2, 1)]
    write_tokenized(tmp_path / "rows.parquet", rows)
    write_manifest(tmp_path, {})
    assert read_tokenized(tmp_path) == rows[::-1]
    assert told.ROWS_AT_ONCE >= encode.COMPARED
