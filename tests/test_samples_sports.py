"""The set as it lies on disk: folders, names, formats, captions, and exactly the dirt that was asked for."""

import hashlib
import io
import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stages.entry import main
from stages.params import UserError, check_params
from stages.record import read_manifest
from stages.samples.sports.catalogue import SPORTS
from stages.samples.sports.parameters import Sports
from stages.samples.sports.plan import folder_of, plan_files
from stages.samples.sports.stage import draw_set, run

PARAMS = Sports(
    room="sports", seed=3, pictures=6, captioned=40, image_size=64, duplicates=0.1, contradictory=0.05, broken=0.05
)
ORIGINALS = 6 * 32


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sports") / "out"
    draw_set(PARAMS, folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def entries(out: Path) -> list[dict[str, Any]]:
    return list(json.loads((out / "drawn.json").read_text(encoding="utf-8"))["files"])


def test_every_sport_has_a_folder_and_every_file_an_entry(out: Path, entries: list[dict[str, Any]]) -> None:
    folders = {path.name for path in (out / "classes").iterdir()}
    assert {folder.replace("_", " ") for folder in folders} == set(SPORTS)
    assert any("_" in folder for folder in folders)
    assert any(" " in folder for folder in folders)
    pictures = [path for part in ("classes", "captioned/images") for path in (out / part).rglob("*") if path.is_file()]
    assert sorted(path.relative_to(out).as_posix() for path in pictures) == [entry["file"] for entry in entries]


def test_the_dirt_is_what_the_parameters_ask_for(out: Path, entries: list[dict[str, Any]]) -> None:
    dirt = Counter(entry["dirt"] for entry in entries if "dirt" in entry)
    broken = round(0.05 * ORIGINALS)
    assert dirt["duplicate"] == round(0.1 * ORIGINALS)
    assert dirt["contradictory"] == round(0.05 * ORIGINALS)
    assert dirt["html"] + dirt["truncated"] == broken
    assert abs(dirt["html"] - dirt["truncated"]) <= 1
    clean = [entry for entry in entries if "dirt" not in entry and "captions" not in entry]
    assert len(clean) == ORIGINALS
    assert read_manifest(out)["dirt"] == dict(dirt)


def test_copies_are_exact_and_lie_where_they_should(out: Path, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        if "copy_of" not in entry:
            continue
        copy, original = out / entry["file"], out / entry["copy_of"]
        assert copy.read_bytes() == original.read_bytes()
        assert (copy.parent == original.parent) == (entry["dirt"] == "duplicate")


def test_broken_files_do_not_open_and_all_others_do(out: Path, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        data = (out / entry["file"]).read_bytes()
        if entry.get("dirt") == "html":
            assert data.startswith(b"<!DOCTYPE html>")
        elif entry.get("dirt") == "truncated":
            with pytest.raises(OSError, match=r"(?i)truncated|cannot identify"):
                Image.open(io.BytesIO(data)).load()
        else:
            picture = Image.open(io.BytesIO(data))
            picture.load()
            assert picture.size == (64, 64)


def test_apart_from_planted_copies_no_picture_is_there_twice(out: Path, entries: list[dict[str, Any]]) -> None:
    digests = [
        hashlib.sha256((out / entry["file"]).read_bytes()).digest()
        for entry in entries
        if entry.get("dirt") not in ("duplicate", "contradictory", "html")
    ]
    assert len(set(digests)) == len(digests)  # so a captioned picture is never among the classes


def test_names_are_as_in_the_wild() -> None:
    files = plan_files(Sports(room="sports", seed=1, pictures=80, captioned=0))
    assert len({file.path.casefold() for file in files}) == len(files)  # also where case does not count
    suffixes = Counter(Path(file.name).suffix for file in files)
    assert {".jpg", ".jpeg", ".JPG", ".png", ".webp"} <= set(suffixes)
    assert any("." not in file.name for file in files)
    right = {"JPEG": (".jpg", ".jpeg"), "PNG": (".png",), "WEBP": (".webp",)}
    assert any("." in file.name and Path(file.name).suffix.lower() not in right[file.format] for file in files)
    assert any(not file.name.isascii() for file in files)
    assert all(unicodedata.is_normalized("NFC", file.name) and "/" not in file.name for file in files)


def test_captions_are_in_flickr30k_format(out: Path, entries: list[dict[str, Any]]) -> None:
    lines = (out / "captioned" / "captions.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "image_name| comment_number| comment"
    rows = [line.split("| ") for line in lines[1:]]
    extra = [row for row in rows if len(row) > 3]
    assert len(rows) == 5 * 40
    assert len(extra) == round(len(rows) / 200) == read_manifest(out)["extra_separators"]
    captions = {Path(entry["file"]).name: entry["captions"] for entry in entries if "captions" in entry}
    assert len(captions) == 40
    for name, number, *comment in rows:
        assert " ".join("| ".join(comment).replace("| ", "").split()) == captions[name][int(number)]
        assert (out / "captioned" / "images" / name).is_file()
    planted = {(Path(entry["file"]).name, number) for entry in entries for number in entry.get("extra_separator", [])}
    assert planted == {(row[0], int(row[1])) for row in extra}


def test_captioned_sports_take_turns(entries: list[dict[str, Any]]) -> None:
    sports = Counter(entry["sport"] for entry in entries if "captions" in entry)
    assert set(sports) == set(SPORTS)
    assert max(sports.values()) - min(sports.values()) <= 1


def test_two_workers_write_the_same_bytes(out: Path, tmp_path: Path) -> None:
    draw_set(PARAMS, tmp_path / "other", workers=2)
    assert (tmp_path / "other" / "manifest.json").read_bytes() == (out / "manifest.json").read_bytes()


def test_another_seed_is_another_set_and_a_half_written_folder_is_cleared(out: Path, tmp_path: Path) -> None:
    small = Sports(room="sports", seed=4, pictures=2, captioned=0, image_size=64)
    left_over = tmp_path / "out" / "classes" / "golf" / "old.jpg"
    left_over.parent.mkdir(parents=True)
    left_over.write_bytes(b"old")
    run(small, out=tmp_path / "out")
    assert not left_over.exists()
    assert not (tmp_path / "out" / "captioned").exists()
    first = {file["sha256"] for name, file in read_manifest(out)["files"].items() if name.startswith("classes")}
    other = {file["sha256"] for name, file in read_manifest(tmp_path / "out")["files"].items() if "classes" in name}
    assert not first & other


def test_the_command_reads_its_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = "{room: sports, seed: 1, pictures: 2, captioned: 1, image_size: 64}"
    Path("params.yaml").write_text(f"samples:\n  sports: {section}\n", encoding="utf-8")
    main(run, ["--params", "samples.sports", "--out", "drawn"])
    assert read_manifest(Path("drawn"))["captioned"] == 1


def test_folder_names_depend_on_the_seed_alone() -> None:
    assert {folder_of(seed, "table tennis") for seed in range(20)} == {"table tennis", "table_tennis"}
    assert folder_of(1, "table tennis") == folder_of(1, "table tennis")


@pytest.mark.parametrize(
    ("key", "value"),
    [("room", "chess"), ("pictures", 1), ("captioned", -1), ("image_size", 32), ("duplicates", 0.6), ("broken", -0.1)],
)
def test_a_wrong_parameter_is_named(key: str, value: object) -> None:
    values = {"room": "sports", "seed": 1, "pictures": 4, "captioned": 2, key: value}
    with pytest.raises(UserError, match=f"samples.sports.{key}"):
        check_params(Sports, values, "samples.sports")
