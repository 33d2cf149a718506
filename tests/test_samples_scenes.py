"""The set as it lies on disk: pictures, captions, conversations, and exactly the dirt that was asked for."""

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from curation import curate
from curation import run as run_curate
from ingested import imported
from PIL import Image

from stages.entry import main
from stages.ingest.parameters import Ingest
from stages.params import UserError, check_params
from stages.record import Record, read_manifest, read_rows
from stages.samples.scenes import dirt
from stages.samples.scenes.parameters import Scenes
from stages.samples.scenes.stage import draw_set, run

PARAMS = Scenes(room="scenes", seed=3, pictures=30, smallest_side=64, largest_side=80, dirt=0.47)
PLANTED = 14  # two of each kind
INGEST = Ingest(folder="unused", format="coco", conversations="conversations.json", author="generator:test")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes") / "out"
    draw_set(PARAMS, folder, workers=1)
    return folder


def read(out: Path, name: str) -> Any:
    return json.loads((out / name).read_text(encoding="utf-8"))


def test_pictures_are_squares_of_the_sizes_that_were_asked_for(out: Path) -> None:
    entries = read(out, "drawn.json")[1:]
    assert sorted(path.name for path in (out / "images").iterdir()) == [entry["file"] for entry in entries]
    assert {Path(entry["file"]).suffix for entry in entries} == {".jpg", ".png"}
    for entry in entries:
        picture = Image.open(out / "images" / entry["file"])
        assert picture.size == (entry["side"], entry["side"])
        assert 64 <= entry["side"] <= 80
    assert len({(out / "images" / entry["file"]).read_bytes() for entry in entries}) == len(entries)


def test_captions_are_in_coco_s_layout(out: Path) -> None:
    document = read(out, "captions.json")
    assert set(document) == {"info", "licenses", "images", "annotations"}
    assert len({one["id"] for one in document["annotations"]}) == len(document["annotations"])
    names = {one["id"]: one["file_name"] for one in document["images"]}
    counts = Counter(names[one["image_id"]] for one in document["annotations"])
    there = {path.name for path in (out / "images").iterdir()}
    long = sum(len(one["caption"]) >= dirt.LONG_CAPTION_CHARACTERS for one in document["annotations"])
    assert long == 2
    assert len(set(counts) - there) == 2  # missing pictures
    assert there <= set(counts)
    assert set(counts.values()) <= {5, 6, 7}
    assert sum(counts.values()) == 5 * (30 + 2) + 2


def test_conversations_are_in_llava_s_layout(out: Path) -> None:
    entries = read(out, "conversations.json")
    assert all(set(entry) - {"image"} == {"id", "conversations"} for entry in entries)
    sound = [entry for entry in entries if entry.get("image") and len(entry["conversations"]) % 2 == 0]
    assert {len(entry["conversations"]) // 2 for entry in sound} <= {2, 3, 4, 5}
    firsts = [entry["conversations"][0]["value"] for entry in sound]
    assert any(text.startswith("<image>\n") for text in firsts)
    assert any(text.endswith("\n<image>") for text in firsts)
    assert all(text.count("<image>") == 1 for text in firsts)
    assert read_manifest(out)["conversations"] == len(entries)


def test_the_dirt_is_counted_and_takes_no_good_entry_away(out: Path, tmp_path: Path) -> None:
    assert read_manifest(out)["dirt"] == dict.fromkeys(sorted(dirt.KINDS), 2)
    clean = tmp_path / "clean"
    draw_set(PARAMS.model_copy(update={"dirt": 0.0}), clean, workers=1)
    entries = read(out, "conversations.json")
    assert [entry for entry in read(clean, "conversations.json") if entry not in entries] == []
    assert len(entries) == len(read(clean, "conversations.json")) + PLANTED - 2  # two are captions
    for name in (entry["file"] for entry in read(clean, "drawn.json")[1:]):
        assert (out / "images" / name).read_bytes() == (clean / "images" / name).read_bytes()


def test_ingest_finds_what_was_planted_and_curate_keeps_the_conversations(out: Path, tmp_path: Path) -> None:
    records, drops = imported(INGEST, out, tmp_path / "raw")
    reasons = Counter(drops.values())
    assert len(records) == 30
    assert reasons == {
        "missing picture": 4,  # a row of captions and one conversation each
        "unknown role": 2,
        "two turns of one speaker in a row": 2,
        "no picture named": 2,
        "empty answer": 2,
        "longer than 30000 characters": 2,
        "not in the table": 2,  # drawn.json, manifest.json
    }
    assert all(len(record.texts) == 5 for record in records)
    kept = read_rows(run_curate(curate(source="ingest"), tmp_path / "raw", tmp_path / "curated"))
    assert {record.split for record in kept} == {"train", "test"}
    assert len(kept) == 30
    assert told_of(kept) == told_of(records)
    talks = [turns for told in told_of(kept).values() for turns in told]
    lengths = [len(turn["answer"]) for turns in talks for turn in turns]
    assert sum(length >= dirt.LONG_ANSWER_CHARACTERS for length in lengths) == 2  # for `tokenize` to leave out
    wanted = len(read(out, "conversations.json")) - 2 - 8  # missing pictures, refused entries
    assert len(talks) == wanted


def told_of(records: list[Record]) -> dict[str, list[list[dict[str, str]]]]:
    return {record.source.file: record.source.drawn.get("conversations", []) for record in records}


def test_equal_seeds_give_equal_bytes_with_any_number_of_workers(out: Path, tmp_path: Path) -> None:
    from stages.samples.scenes import stage

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "PICTURES_A_JOB", 7)
        draw_set(PARAMS, tmp_path / "again", workers=2)
    assert read_manifest(tmp_path / "again") == read_manifest(out)
    few = PARAMS.model_copy(update={"pictures": 2})
    draw_set(few, tmp_path / "few", workers=1)  # a picture doesn't depend on how many there are
    for path in (tmp_path / "few/images").iterdir():
        assert path.read_bytes() == (out / "images" / path.name).read_bytes()
    draw_set(few.model_copy(update={"seed": 4}), tmp_path / "other", workers=1)
    assert read_manifest(tmp_path / "other")["files"] != read_manifest(tmp_path / "few")["files"]


def test_shares_of_silent_and_talkative_pictures(tmp_path: Path) -> None:
    silent = PARAMS.model_copy(update={"silent": 1.0, "twice": 0.0, "pictures": 3})
    run(silent, out=tmp_path / "silent")
    assert read(tmp_path / "silent", "conversations.json") == []
    assert read_manifest(tmp_path / "silent")["dirt"] == {}
    draw_set(silent.model_copy(update={"silent": 0.0, "twice": 1.0, "dirt": 0.0}), tmp_path / "twice", workers=1)
    counts = Counter(entry["image"] for entry in read(tmp_path / "twice", "conversations.json"))
    assert set(counts.values()) == {2}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pictures": 1}, "scenes.pictures"),
        ({"largest_side": 100}, "`largest_side` = 100 is less than `smallest_side` = 160"),
        ({"silent": 0.6, "twice": 0.6}, "together at most 1"),
        ({"dirt": 2}, "scenes.dirt"),
    ],
)
def test_parameters_that_cannot_be_drawn(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        check_params(Scenes, {"room": "scenes", "seed": 1, "pictures": 5, **changes}, "samples.scenes")


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = {"room": "scenes", "seed": 1, "pictures": 2, "smallest_side": 64, "largest_side": 64}
    Path("params.yaml").write_text(json.dumps({"samples": {"scenes": row}}))
    main(run, ["--params", "samples.scenes", "--out", "out"])
    stream = io.BytesIO(next(Path("out/images").iterdir()).read_bytes())
    assert Image.open(stream).size == (64, 64)
