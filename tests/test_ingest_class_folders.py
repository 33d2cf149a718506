"""Ingest of class folders: labels from names, types from content, dirt with reasons, and contradictions for curate."""

import io
import os
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from curation import curate
from curation import run as run_curate
from hypothesis import given
from hypothesis import strategies as st
from ingested import HTML, imported, picture, pictures, stored
from PIL import Image
from pydantic import ValidationError

from stages.curate import copies
from stages.ingest import packing
from stages.ingest.class_folders import label_of
from stages.ingest.packing import flaw_of
from stages.ingest.parameters import Ingest
from stages.ingest.stage import run
from stages.params import UserError
from stages.record import read_rows
from stages.shards import members, sha256, write_shard

PARAMS = Ingest(folder="unused", format="class_folders", licence="CC0-1.0", author="Ada")
NFD = "canoe\u0301ing"


def test_names_become_labels_and_bytes_stay(tmp_path: Path) -> None:
    names = [
        "log_rolling/1.jpg",
        "log_rolling/no suffix",
        "tug of war /deep/er/x.PNG.tmp",
        f"{NFD}/été.png",
        "x__y/1.JPG",
    ]
    source = pictures(tmp_path / "in", names)
    records, drops = imported(PARAMS, source, tmp_path / "out")
    assert drops == {}
    by_name = {record.source.file: record for record in records}
    assert by_name.keys() == set(names)
    labels = ["log rolling", "log rolling", "tug of war", "canoéing", "x y"]
    assert [by_name[name].label for name in names] == labels
    for name, record in by_name.items():
        data = (source / name).read_bytes()
        assert stored(tmp_path / "out", record) == data
        assert record.image.sha256 == record.entity == sha256(data)
        assert [(text.text, text.author) for text in record.texts] == [(record.label, "Ada")]
        assert (record.source.kind, record.source.importer) == ("folder", packing.IMPORTER)


def test_published_splits_are_kept_beside_the_row(tmp_path: Path) -> None:
    names = [f"{split}/{label}/1.jpg" for split in ("train", "Valid", "test") for label in ("bobsled", "luge")]
    source = pictures(tmp_path / "in", [*names, "sports.csv", "train/stray.jpg", "predict/1.jpg"])
    records, drops = imported(PARAMS, source, tmp_path / "out")
    assert Counter(record.label for record in records) == {"bobsled": 3, "luge": 3}
    assert Counter(record.source.drawn["split"] for record in records) == {"train": 2, "Valid": 2, "test": 2}
    assert drops == dict.fromkeys(["sports.csv", "train/stray.jpg", "predict/1.jpg"], "not in a class folder")
    plain = pictures(tmp_path / "plain", ["test/1.jpg", "exam/1.jpg"])  # a class that is called like a split
    assert {row.label for row in imported(PARAMS, plain, tmp_path / "plain out")[0]} == {"test", "exam"}


def test_a_row_keeps_its_id_when_others_come_and_go(tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", ["a/1.jpg", "b/1.jpg"])
    before, _ = imported(PARAMS, source, tmp_path / "one")
    pictures(source, ["a/0.jpg", "0/1.jpg"])
    after, _ = imported(PARAMS, source, tmp_path / "two")
    assert {row.id: row.source.file for row in before}.items() <= {row.id: row.source.file for row in after}.items()
    run(PARAMS, source=source, out=tmp_path / "again")
    two, again = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("two", "again"))
    assert two == again
    assert str(tmp_path).encode() not in b"".join(two.values())


def test_dirt_is_dropped_by_what_it_is(tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", ["a/1.jpg", "b/1.jpg", "a/.ipynb_checkpoints/1.jpg", "__MACOSX/b/._1.jpg"])
    dirt = {
        "html.jpg": HTML,
        "page.png": b"\xef\xbb\xbf \n<html>",
        "empty.jpg": b"",
        "text.gif": "Grüße".encode(),
        "cut.gif": b"x" * (packing.START - 1) + "ü".encode(),
        "vector.svg": b'<?xml version="1.0"?><svg/>',
        "model.h5": b"\x89HDF\r\n\x1a\n",
        "noise.jpg": b"\x00\x01\xfe\xff",
        "new.avif": b"\0\0\0\x20ftypavif",
        "bitmap.jpg": b"BM1234",
    }
    for name, data in dirt.items():
        (source / "a" / name).write_bytes(data)
    os.mkfifo(source / "b/pipe.jpg")
    records, drops = imported(PARAMS, source, tmp_path / "out")
    assert len(records) == 2
    kinds = ["HTML", "HTML", "text", "text", "SVG or other XML", "HDF5", "unknown binary", "ISO media (avif)", "BMP"]
    named = [f"a/{name}: {kind}" for name, kind in zip((n for n in dirt if n != "empty.jpg"), kinds, strict=True)]
    assert drops == {
        **dict.fromkeys(named, packing.NO_PICTURE),
        "a/empty.jpg": "empty file",
        "a/.ipynb_checkpoints/1.jpg": "in a hidden folder",
        "__MACOSX/b/._1.jpg": "in a hidden folder",
        "b/pipe.jpg": "no file",
    }


def test_links_are_followed_inside_the_folder_only(tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", ["a/1.jpg", "b/1.jpg"])
    picture(tmp_path / "secret/1.jpg")
    links = {
        "a/inside.jpg": "1.jpg",
        "a/outside.jpg": tmp_path / "secret/1.jpg",
        "a/round": "..",
        "c": tmp_path / "secret",
        "a/loop.jpg": "loop.jpg",
        "a/ping.jpg": "pong.jpg",
        "a/pong.jpg": "ping.jpg",
        "a/gone.jpg": "none.jpg",
    }
    for name, target in links.items():
        (source / name).symlink_to(target)
    records, drops = imported(PARAMS, source, tmp_path / "out")
    assert {row.source.file for row in records} == {"a/1.jpg", "b/1.jpg", "a/inside.jpg"}
    leaves, broken = "path leaves the folder", "broken link"
    assert drops == {
        "a/outside.jpg": leaves,
        "c": leaves,
        "a/round": "link to a folder",
        **dict.fromkeys(["a/loop.jpg", "a/ping.jpg", "a/pong.jpg", "a/gone.jpg"], broken),
    }


def test_a_web_page_would_get_in_unlooked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pictures(tmp_path / "in", ["a/1.jpg", "b/1.jpg"])
    (source / "a/html.jpg").write_bytes(HTML)
    monkeypatch.setattr(packing, "flaw_of", lambda _: "")
    records, _ = imported(PARAMS, source, tmp_path / "out")
    assert HTML in [stored(tmp_path / "out", record) for record in records]


def test_a_link_would_lead_out_unlooked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pictures(tmp_path / "in", ["a/1.jpg", "b/1.jpg"])
    (source / "a/outside.jpg").symlink_to(picture(tmp_path / "secret.jpg"))
    monkeypatch.setattr("stages.ingest.listing._link_flaw", lambda *_: "")
    assert len(imported(PARAMS, source, tmp_path / "out")[0]) == 3


def peak_of(source: Path, out: Path) -> int:
    tracemalloc.start()
    try:
        run(PARAMS, source=source, out=out)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_large_file_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pictures(tmp_path / "in", ["a/1.jpg", "b/1.jpg"])
    run(PARAMS, source=source, out=tmp_path / "out")  # imports what it needs
    os.truncate(source / "a/1.jpg", size := 24 << 20)
    assert peak_of(source, tmp_path / "out") < size // 4
    whole = packing._append
    monkeypatch.setattr(packing, "_append", lambda t, o, stream, n: whole(t, o, io.BytesIO(stream.read()), n))
    assert peak_of(source, tmp_path / "out") > size


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "is empty: put the pictures there"),
        (["1.jpg"], "no file in a class folder: put the pictures of each class"),
        (["a/1.jpg", "a/2.jpg"], r"2 usable pictures with 1 label \(a\); at least 2 .* a folder of its own"),
    ],
)
def test_a_folder_that_cannot_be_used(tmp_path: Path, names: list[str], says: str) -> None:
    source = tmp_path / "in"
    source.mkdir()
    with pytest.raises(UserError, match=says):
        run(PARAMS, source=pictures(source, names), out=tmp_path / "out")
    with pytest.raises(UserError, match=r"`folder` = .*none is no folder"):
        run(PARAMS, source=tmp_path / "none", out=tmp_path / "out")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UserError, match="is no folder"):
        run(PARAMS, source=tmp_path / "loop", out=tmp_path / "out")


def test_a_class_of_web_pages_only_is_found_out_after_looking(tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", ["a/1.jpg", "b/1.jpg"])
    (source / "b/1.jpg").write_bytes(HTML)
    with pytest.raises(UserError, match=r"1 usable pictures with 1 label \(a\).*1 x not a PNG"):
        run(PARAMS, source=source, out=tmp_path / "out")
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_file_that_changes_meanwhile_is_no_silent_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pictures(tmp_path / "in", ["a/1.jpg", "b/1.jpg"])
    with (source / "a/1.jpg").open("ab") as stream:
        stream.write(bytes(100_000))  # more than is read ahead
    whole = packing.flaw_of

    def shorten(start: bytes) -> str:
        os.truncate(source / "a/1.jpg", 20)
        return whole(start)

    monkeypatch.setattr(packing, "flaw_of", shorten)
    with pytest.raises(UserError, match=r"a/1.jpg can't be read to its end .* copy it anew"):
        run(PARAMS, source=source, out=tmp_path / "out")


def test_shards_are_those_that_the_shared_writer_makes(tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", [f"{label}/{number}" for label in "ab" for number in range(40)])
    imported(PARAMS, source, tmp_path / "out")
    for shard in (tmp_path / "out").glob("*.tar"):
        write_shard(tmp_path / "again.tar", members(shard))
        assert shard.read_bytes() == (tmp_path / "again.tar").read_bytes()


def dirty(tmp_path: Path) -> Path:
    """Classes with copies inside and across, a cut file, a 16-bit one and a turned one."""
    source = pictures(
        tmp_path / "in", [f"{label}/{n}.jpg" for label in ("bobsled", "luge", "tug_of_war") for n in range(6)]
    )
    (source / "luge/stolen.png").write_bytes((source / "bobsled/0.jpg").read_bytes())
    (source / "luge/twin.jpg").write_bytes((source / "luge/1.jpg").read_bytes())
    (source / "luge/cut.jpg").write_bytes((source / "luge/2.jpg").read_bytes()[:300])
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(source / "bobsled/turned", "JPEG", "blue", exif=exif)
    return source


def test_curate_decodes_merges_copies_and_drops_contradictions(tmp_path: Path) -> None:
    rows, _ = imported(PARAMS, dirty(tmp_path), tmp_path / "raw")
    out = run_curate(curate(source="ingest"), tmp_path / "raw", tmp_path / "curated")
    name_of = {row.id: row.source.file for row in rows}
    drops = {}
    for line in (out / "drops.csv").read_text(encoding="utf-8").splitlines()[1:]:
        row_id, reason, detail = line.split(",", 2)
        drops[name_of[row_id]] = (reason, detail.strip('"'))
    assert drops.keys() - {"luge/1.jpg", "luge/twin.jpg"} == {"bobsled/0.jpg", "luge/stolen.png", "luge/cut.jpg"}
    for name in ("bobsled/0.jpg", "luge/stolen.png"):
        assert drops[name] == (copies.CONTRADICTORY, "bobsled, luge")
    assert drops["luge/cut.jpg"][0] == "unreadable picture"
    (twin,) = drops.keys() & {"luge/1.jpg", "luge/twin.jpg"}
    assert drops[twin][0] == copies.DUPLICATE
    kept = {row.source.file: row for row in read_rows(out)}
    assert (kept["bobsled/turned"].image.width, kept["bobsled/turned"].image.height) == (8, 12)
    assert all(row.image.width and row.origin in {r.origin for r in rows} for row in kept.values())


def test_without_that_door_both_labels_would_be_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(PARAMS, dirty(tmp_path), tmp_path / "raw")
    monkeypatch.setattr("stages.curate.decide.contradictions", lambda *_: [])
    out = run_curate(curate(source="ingest"), tmp_path / "raw", tmp_path / "curated")
    assert {row.source.file for row in read_rows(out)} & {"bobsled/0.jpg", "luge/stolen.png"}


@pytest.mark.parametrize(
    "keys",
    [
        {"entity_column": "x"},
        {"text_column": "x"},
        {"table": "x.csv"},
        {"split": "train"},
        {"format": "table", "label_column": ""},
        {"format": "hugging_face", "hub_id": "a/b"},
        {"format": "hugging_face", "hub_id": "a/b", "revision": "main"},
        {"format": "folders"},
    ],
)
def test_keys_without_effect_are_refused(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Ingest.model_validate({"folder": "x", "format": "class_folders", **keys})


@given(st.text())
def test_a_label_is_stable(name: str) -> None:
    label = label_of(name)
    assert label == label_of(label) == label.strip()
    assert "_" not in label
    label.encode()


@given(st.binary(max_size=600))
def test_any_start_is_named(start: bytes) -> None:
    assert isinstance(flaw_of(start), str)
