"""Export: other tools read what is written, nothing unsafe leaves, and a folder is whole or not there."""

import argparse
import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from exports import LICENCE, record, table, write_table
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.cli import export as command
from stages.formats import FORMATS, cells, exporting, llava, names, sheet, trl
from stages.formats.chat import QUESTION, neutral
from stages.formats.names import file_names
from stages.formats.registry import READERS, WRITERS
from stages.params import UserError
from stages.record import Record, read_rows
from stages.shards import sha256, write_shard

CAPTION_ONLY = ("cc3m", "flickr30k", "llava", "trl")


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same table in every format."""
    root = tmp_path_factory.mktemp("exports")
    folder = table(root / "table")
    for name in FORMATS:
        WRITERS[name](folder, root / name)
    return root


def names_of(exports: Path) -> dict[str, Record]:
    records = read_rows(exports / "table")
    return dict(zip(file_names(records), records, strict=True))


def table_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_format_is_there() -> None:
    assert set(FORMATS) == set(READERS) == set(WRITERS)


@pytest.mark.parametrize("name", FORMATS)
def test_pictures_leave_as_they_are_and_say_whose_they_are(exports: Path, name: str) -> None:
    expected = {one.image.sha256 for one in read_rows(exports / "table") if one.texts or name not in CAPTION_ONLY}
    pictures = sorted((exports / name).rglob("*.png"))
    assert {sha256(path.read_bytes()) for path in pictures} == expected
    rows = table_csv(exports / name / "ATTRIBUTION.csv")
    assert sorted(row["file"] for row in rows) == [path.relative_to(exports / name).as_posix() for path in pictures]
    assert {(row["licence"], row["licence_url"]) for row in rows} == {LICENCE}
    assert {row["caption_authors"] for row in rows} <= {"person:ada", ""}
    assert all(row["url"] and row["page"] and row["date"] == "2025-01-02" for row in rows)
    assert not [path for path in exports.iterdir() if path.name.startswith(".")]


def test_fromage_reads_cc3m(exports: Path) -> None:
    import pandas

    train = pandas.read_csv(exports / "cc3m/cc3m_train.tsv", sep="\t")
    assert list(train.columns) == ["caption", "image"]
    assert [str(text).strip() for text in train["caption"]] == [
        "a red fox , asleep",
        "it sleeps on =SUM(A1)",
        'a "quoted" | piped caption',
        "=HYPERLINK(1)",
        "@home",
    ]
    assert all((exports / "cc3m/cc3m/training" / name).is_file() for name in train["image"])
    test = pandas.read_csv(exports / "cc3m/cc3m_val.tsv", sep="\t")
    assert list(test["caption"]) == ["two lines and a tab", "ünïcode é \U0001f98a"]
    assert all((exports / "cc3m/cc3m/validation" / name).is_file() for name in test["image"])


def test_pandas_reads_flickr30k(exports: Path) -> None:
    import pandas

    rows = pandas.read_csv(exports / "flickr30k/results.csv", sep="|")
    assert list(rows.columns) == ["image_name", " comment_number", " comment"]
    assert list(rows[" comment_number"]) == [0, 1, 0, 1, 2, 0, 0]
    assert list(rows[" comment"])[2] == ' a "quoted" | piped caption'
    lists = {split: (exports / f"flickr30k/{split}.txt").read_text().split() for split in ("train", "test")}
    assert sorted([*lists["train"], *lists["test"]]) == sorted(set(rows["image_name"]))


def test_coco_has_what_its_tools_index(exports: Path) -> None:
    for split, pictures, captions in (("train", 3, 5), ("test", 2, 2)):
        document = json.loads((exports / f"coco/captions_{split}.json").read_text(encoding="utf-8"))
        images = {one["id"]: one for one in document["images"]}
        assert (len(images), len(document["annotations"])) == (pictures, captions)
        assert {one["image_id"] for one in document["annotations"]} <= set(images)
        assert [one["id"] for one in document["annotations"]] == list(range(1, captions + 1))
        assert document["licenses"] == [{"id": 1, "name": LICENCE[0], "url": LICENCE[1]}]
        for one in images.values():
            with Image.open(exports / "coco/images" / one["file_name"]) as picture:
                assert picture.size == (one["width"], one["height"])
            assert one["license"] == 1
            assert one["coco_url"].startswith("http://gallery")


def test_imagefolder_has_one_schema_in_both_splits(exports: Path) -> None:
    kinds = set()
    for split in ("train", "test"):
        lines = (exports / f"imagefolder/{split}/metadata.jsonl").read_text(encoding="utf-8").splitlines()
        for row in map(json.loads, lines):
            assert (exports / "imagefolder" / split / row["file_name"]).is_file()
            assert row["text"] == row["captions"][0]
            kinds.add(
                tuple((key, type(value), len(value) > 0 if key == "captions" else 0) for key, value in row.items())
            )
    assert len(kinds) == 1


def test_chat_formats_ask_about_one_picture(exports: Path) -> None:
    entries = json.loads((exports / "llava/llava_train.json").read_text(encoding="utf-8"))
    assert len({one["id"] for one in entries}) == len(entries) == 5
    for one in entries:
        human, gpt = one["conversations"]
        assert human == {"from": "human", "value": f"<image>\n{QUESTION}"}
        assert gpt["from"] == "gpt"
        assert (exports / "llava/images" / one["image"]).is_file()
    for line in (exports / "trl/train/metadata.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
        assert [part["type"] for message in row["messages"] for part in message["content"]] == ["image", "text", "text"]
        assert all((exports / "trl/train" / file).is_file() for file in row["file_names"])


def test_label_studio_gets_tasks_and_the_interface(exports: Path) -> None:
    tasks = json.loads((exports / "label_studio/tasks.json").read_text(encoding="utf-8"))
    assert sorted(len(task["predictions"]) for task in tasks) == [0, 1, 1, 1, 1]
    config = (exports / "label_studio/labeling_config.xml").read_text()
    for task in tasks:
        assert (exports / "label_studio" / task["data"]["image"].partition("?d=")[2]).is_file()
        for result in (one for prediction in task["predictions"] for one in prediction["result"]):
            assert f'name="{result["from_name"]}"' in config
            assert f'name="{result["to_name"]}"' in config


@pytest.mark.parametrize("on", [True, False])
def test_no_cell_is_a_formula(tmp_path: Path, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not on:
        monkeypatch.setattr(cells, "quoted", str)
        monkeypatch.setattr(sheet, "quoted", str)
    evil = replace(record(1, ["=cmd|' /C calc'!A0", "+1", "-1", "@a"]), label="=1+1")
    evil = replace(evil, source=replace(evil.source, page="=IMPORTXML(1)"))
    out = tmp_path / "out"
    WRITERS["sheet"](write_table(tmp_path / "table", [evil]), out)
    rows = table_csv(out / "captions.csv") + table_csv(out / "ATTRIBUTION.csv")
    starts = {cell[:1] for row in rows for cell in row.values()}
    assert bool(starts & set("=+-@")) is not on


@pytest.mark.parametrize("on", [True, False])
def test_no_caption_holds_a_special_token(tmp_path: Path, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not on:
        monkeypatch.setattr(llava, "neutral", str)
        monkeypatch.setattr(trl, "neutral", str)
    tokens = ["<image>", "</s>", "<start_of_turn>", "<|im_end|>", "[INST]", "[RET]", "<Image>", "<<image>image>"]
    folder = write_table(tmp_path / "table", [record(1, [f"a {token} b" for token in tokens])])
    for name, file in (("llava", "llava_train.json"), ("trl", "train/metadata.jsonl")):
        WRITERS[name](folder, tmp_path / name)
        text = (tmp_path / name / file).read_text(encoding="utf-8")
        found = [token for token in tokens[:-1] if token in text.replace(f"<image>\\n{QUESTION}", "")]
        assert found == ([] if on else tokens[:-1])


@given(st.text(st.sampled_from("<>/|[]imageINST _s"), max_size=40))
def test_a_neutral_text_stays_so(text: str) -> None:
    assert neutral(neutral(text)) == neutral(text)
    assert "<image>" not in neutral(text)
    assert "".join(neutral(text).split()) == "".join(text.split())


RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
ids = st.one_of(
    st.text(max_size=60), st.sampled_from(["A", "a", "../x", "..", ".", "a/b", "a-b", "a b", "CON", "nul", "ü", "-x"])
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ids, unique=True, max_size=12))
def test_file_names_are_safe_and_unlike(row_ids: list[str]) -> None:
    found = file_names([record(1, row_id=row_id) for row_id in row_ids if row_id])
    assert len({name.casefold() for name in found}) == len(found)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,110}\.png", name) for name in found)
    assert not any(RESERVED.fullmatch(name) for name in found)


def test_without_the_digest_names_would_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [record(1, row_id=row_id) for row_id in ("Fox 1", "fox-1", "CON")]
    assert len(set(file_names(rows))) == 3
    monkeypatch.setattr(names, "_name", lambda one, _: f"{one.id.casefold().replace(' ', '-')}.png")
    with pytest.raises(UserError, match="same id"):
        file_names(rows)
    assert RESERVED.fullmatch(names._name(rows[2], 8))


def spoil(layout: exporting.Layout, monkeypatch: pytest.MonkeyPatch) -> exporting.Layout:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    return replace(layout, write=fail)


def test_a_failed_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = table(tmp_path / "table")
    layout = spoil(llava.LAYOUT, monkeypatch)
    with pytest.raises(OSError, match="disk full"):
        exporting.export(layout, folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["table"]

    def in_place(out: Path) -> object:
        from contextlib import nullcontext

        return nullcontext(out)

    monkeypatch.setattr(exporting, "whole", in_place)
    with pytest.raises(OSError, match="disk full"):
        exporting.export(layout, folder, tmp_path / "out")
    assert list((tmp_path / "out").rglob("*.png"))  # half an export that looks like one


def test_two_exports_are_equal_to_the_byte(tmp_path: Path, exports: Path) -> None:
    for name in FORMATS:
        WRITERS[name](exports / "table", tmp_path / name)
        one, two = (
            {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
            for root in (exports / name, tmp_path / name)
        )
        one.pop(Path("captions.xlsx"), None)  # a zip archive with the time in it
        two.pop(Path("captions.xlsx"), None)
        assert one == two


def swap_bytes(folder: Path) -> None:
    one = read_rows(folder)[0]
    write_shard(folder / one.image.shard, [(one.image.member, b"other")])


def fill(folder: Path) -> None:
    (folder.parent / "out").mkdir()
    (folder.parent / "out/mine.txt").touch()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (swap_bytes, "is not the picture that its row names"),
        (fill, "isn't an empty folder"),
        (lambda folder: (folder.parent / "out").touch(), "isn't an empty folder"),
        (lambda folder: (folder / "manifest.json").unlink(), "unfinished or missing"),
        (lambda folder: write_table(folder, [record(1), record(2)]), "none of its 2 rows has a text"),
        (lambda folder: write_table(folder, [record(1, ["a"], split="../../x")]), "is not allowed"),
        (
            lambda folder: write_table(folder, [replace(one := record(1, ["a"]), image=replace(one.image, width=0))]),
            "never decoded",
        ),
    ],
)
def test_what_cannot_be_exported_says_why(tmp_path: Path, change: Callable[[Path], object], says: str) -> None:
    folder = write_table(tmp_path / "table", [record(1, ["a"])])
    change(folder)
    with pytest.raises(UserError, match=says):
        WRITERS["llava"](folder, tmp_path / "out")
    assert not list(tmp_path.glob("**/*.partial"))
    assert not (tmp_path / "out").is_dir() or [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_export_never_lands_in_a_stage_folder(tmp_path: Path) -> None:
    folder = table(tmp_path / "table")
    with pytest.raises(UserError, match="lies inside"):
        WRITERS["coco"](folder, folder / "export")
    (tmp_path / "empty").mkdir()
    assert WRITERS["coco"](folder, tmp_path / "empty").pictures == 5


def test_a_split_that_is_a_path_would_leave_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_table(tmp_path / "table", [record(1, ["a"], split="../escaped")])
    with pytest.raises(UserError, match=r"\.\./escaped"):
        WRITERS["trl"](folder, tmp_path / "out")
    monkeypatch.setattr(exporting, "_split", lambda one: one.split)
    WRITERS["trl"](folder, tmp_path / "out")
    assert list((tmp_path / "escaped").glob("*.png"))


def test_bytes_as_fetched_would_leave_with_all_that_is_in_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = record(1, ["a"])
    folder = write_table(tmp_path / "table", [replace(one, image=replace(one.image, width=0))])
    with pytest.raises(UserError, match="never decoded"):
        WRITERS["coco"](folder, tmp_path / "out")
    monkeypatch.setattr(exporting, "_require_decoded", lambda *_: None)
    assert WRITERS["coco"](folder, tmp_path / "out").pictures == 1


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    return command.command(parser.parse_args(arguments))


def test_the_command_finds_captions_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(Path("data/curate/foxes"), [record(1), record(2)])
    assert run("foxes", "--format", "coco", "--out", "one") == 0
    assert "2 pictures with 0 captions" in capsys.readouterr().out
    table(Path("data/caption/foxes"))
    assert run("foxes", "--format", "llava", "--out", "two") == 0
    said = capsys.readouterr().out
    assert "data/caption/foxes as llava: 4 pictures with 7 captions in two" in said
    assert "1 rows left out: they have no text" in said
    assert run("data/curate/foxes", "--format", "imagefolder", "--out", "three") == 0
    with pytest.raises(UserError, match=r"`cats` is no finished data set.*there is: foxes"):
        run("cats", "--format", "coco", "--out", "four")
    with pytest.raises(UserError, match="no finished data set"):
        run("../foxes", "--format", "coco", "--out", "four")
