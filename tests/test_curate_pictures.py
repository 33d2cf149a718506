"""Pictures from outside, from their bytes to what leaves: decoded apart, re-encoded, grouped, split, on a sheet."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from curation import a_table, curate, encoded, fetched, run, scene
from PIL import Image as PillowImage

from stages.curate import writing
from stages.curate.decode import Quarantine
from stages.record import Record, facts_of, read_history, read_manifest, read_rows, write_manifest, write_rows
from stages.shards import ShardReader, sha256, shard_of

PARAMS = curate(near_duplicates={"bits": 64, "radius": 6}, licences="known", pictures={"longest_side": 80})
ENTITIES = ("lynx", "otter", "heron", "newt")  # on both sides of the split


def exif() -> PillowImage.Exif:
    found = PillowImage.Exif()
    found[0x010E] = "taken at home"
    found[0x0112] = 6  # lies on its side
    return found


def a_scrape(folder: Path) -> tuple[Path, dict[str, bytes]]:
    """A raw table with two pictures an entity and one of each thing that can be wrong."""
    pictures = {f"{entity}{n}": encoded(scene(10 * i + n)) for i, entity in enumerate(ENTITIES) for n in range(2)}
    entities = {name: name[:-1] for name in pictures}
    odd = {
        "lynx-larger": encoded(scene(0, (288, 216)), quality=95),
        "lynx-grey": encoded(scene(1).convert("L"), quality=60),
        "otter-html": b"<html>not here any more</html>",
        "otter-cut": pictures["otter0"][: len(pictures["otter0"]) // 2],
        "heron-again": pictures["heron0"],
        "newt-as-lynx": pictures["newt1"],
        "newt-lying": encoded(scene(99), exif=exif()),
        "newt-free": encoded(scene(98)),
    }
    rows = [fetched(name, entities[name], data) for name, data in pictures.items()]
    rows += [fetched(name, name.split("-")[0], data) for name, data in odd.items()]
    rows = [replace(row, entity="lynx", label="lynx") if row.id == "newt-as-lynx" else row for row in rows]
    rows = [
        replace(row, source=replace(row.source, licence="unknown")) if row.id == "newt-free" else row for row in rows
    ]
    return a_table(folder, rows, pictures | odd), pictures | odd


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    raw, _ = a_scrape(tmp_path_factory.mktemp("scrape") / "raw")
    return run(PARAMS, raw, raw.with_name("out"))


def dropped(folder: Path) -> dict[str, str]:
    with (folder / "drops.csv").open(encoding="utf-8", newline="") as stream:
        return {row["id"]: row["reason"] for row in csv.DictReader(stream)}


def test_each_fault_has_its_reason_and_the_best_copy_stays(curated: Path) -> None:
    drops = dropped(curated)
    unreadable = {drops.pop("otter-html"), drops.pop("otter-cut")}
    assert len(unreadable & {"unreadable picture", "not a PNG, JPEG, WEBP or GIF picture"}) == 2
    assert drops == {
        "lynx0": "near duplicate",  # a larger one came
        "lynx-grey": "near duplicate",
        "heron0": "exact duplicate",
        "newt1": "contradictory labels",
        "newt-as-lynx": "contradictory labels",
        "newt-free": "licence not allowed",
    }


def test_what_leaves_is_small_upright_png_without_exif_and_keeps_where_it_came_from(curated: Path) -> None:
    rows = {row.id: row for row in read_rows(curated)}
    assert (rows["newt-lying"].image.width, rows["newt-lying"].image.height) == (60, 80)
    assert {(row.image.width, row.image.height) for row in rows.values()} == {(80, 60), (60, 80)}
    with ShardReader(curated) as reader:
        for row in rows.values():
            data = reader.read(row.image.shard, row.image.member, row.image.sha256)
            assert (row.image.shard, row.image.member) == (shard_of(row.id), f"{row.id}.png")
            assert b"taken at home" not in data
            with PillowImage.open(io.BytesIO(data)) as picture:
                assert (picture.format, picture.mode, picture.size) == (
                    "PNG",
                    "RGB",
                    (row.image.width, row.image.height),
                )
            assert row.origin != row.image.sha256
    assert not (curated / "reencoded").exists()


def test_the_manifest_says_what_happened(curated: Path) -> None:
    manifest = read_manifest(curated)
    rows = read_rows(curated)
    assert manifest["rows_in"] == manifest["rows_out"] + sum(manifest["dropped"].values()) == 16
    assert manifest["splits"] == {split: sum(row.split == split for row in rows) for split in ("train", "test")}
    assert manifest["entities"]["train"] + manifest["entities"]["test"] == len(ENTITIES)
    assert manifest["licences"] == {"CC-BY-4.0": len(rows)}
    assert manifest["groups"] == {
        "contradictory": 2,
        "exact_copies": 1,
        "groups": 4,
        "kept": 3,
        "near_copies": 2,
        "rows": 8,
    }
    assert manifest["decisions"] == {"applied": {}, "not_applied": []}
    assert [facts["stage"] for facts in read_history(curated)] == ["raw", "curate"]
    assert set(manifest["files"]) >= {"rows.parquet", "drops.csv", "groups.csv", "sheet.html"}


def test_groups_list_every_copy_with_its_digest(curated: Path, tmp_path: Path) -> None:
    _, pictures = a_scrape(tmp_path / "raw")
    with (curated / "groups.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["id"]: row["role"] for row in rows if row["id"].startswith("lynx")} == {
        "lynx0": "merged",
        "lynx-larger": "kept",
        "lynx1": "kept",
        "lynx-grey": "merged",
    }
    assert all(row["sha256"] == sha256(pictures[row["id"]]) for row in rows)
    assert len({row["group"] for row in rows}) == 4


def test_a_second_run_and_another_number_of_workers_give_the_same_bytes(
    curated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 5)
    monkeypatch.setattr("stages.curate.sandbox.JOBS_A_WORKER", 1)
    raw, _ = a_scrape(tmp_path / "raw")
    again = run(PARAMS, raw, tmp_path / "out")
    assert (again / "manifest.json").read_bytes() == (curated / "manifest.json").read_bytes()


def plain_rows(folder: Path, **more: bytes) -> Path:
    """Three entities with a picture each, and `more` of a fourth."""
    pictures = {f"{entity}0": encoded(scene(10 * i)) for i, entity in enumerate(ENTITIES[:3])} | more
    rows = [fetched(name, name[:-1] if name.endswith("0") else "newt", data) for name, data in pictures.items()]
    return a_table(folder, rows, pictures)


def test_files_that_hold_the_same_pixels_are_one_picture_without_any_hash(tmp_path: Path) -> None:
    bare, commented = encoded(scene(50)), encoded(scene(50), comment=b"the same pixels")
    raw = plain_rows(tmp_path / "raw", one=bare, two=commented)
    out = run(curate(), raw, tmp_path / "out")
    assert sorted(dropped(out).values()) == ["exact duplicate"]
    rows = read_rows(out)
    assert len({row.image.sha256 for row in rows}) == len(rows) == 4


def test_where_the_best_copy_fails_another_one_steps_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = encoded(scene(50, (288, 216))), encoded(scene(50))
    raw = plain_rows(tmp_path / "raw", one=large, two=small)
    real = writing.reencode

    def failing(*given: Any) -> Any:
        for digest, result in real(*given):
            yield digest, Quarantine("takes too long to decode", "over 10 s") if digest == sha256(large) else result

    monkeypatch.setattr(writing, "reencode", failing)
    assert dropped(run(PARAMS, raw, tmp_path / "out")) == {"one": "takes too long to decode"}


def test_our_own_pngs_are_copied_and_only_looked_at_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {f"{entity}0": encoded(scene(10 * i), "PNG") for i, entity in enumerate(ENTITIES)}
    data["newt1"] = encoded(scene(30).resize((64, 48)), "PNG")

    def own(name: str) -> Record:
        row = fetched(name, name[:-1], data[name])
        size = (64, 48) if name == "newt1" else (96, 72)
        return replace(row, image=replace(row.image, width=size[0], height=size[1], member=f"{name}.png"))

    raw = a_table(tmp_path / "raw", [own(name) for name in data], data)
    out = run(curate(source="ingest", near_duplicates={"bits": 64, "radius": 6}), raw, tmp_path / "near")
    assert dropped(out) == {"newt1": "near duplicate"}
    assert {row.id: row.image.sha256 for row in read_rows(out)} == {
        n: sha256(d) for n, d in data.items() if n != "newt1"
    }

    monkeypatch.setattr(writing, "inspect", lambda *_: pytest.fail("nobody asked"))
    monkeypatch.setattr(writing, "reencode", lambda *_: pytest.fail("nobody asked"))
    out = run(curate(source="synthesize"), raw, tmp_path / "plain")
    assert len(read_rows(out)) == 5
    assert not (out / "sheet.html").exists()


def test_a_crossing_of_copies_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second line behind tied entities: the stage stops rather than write a leak."""
    raw, _ = a_scrape(tmp_path / "raw")
    rows = [replace(row, label="x", entity=f"{row.entity}{row.id}") for row in read_rows(raw)]
    digests = {row.id: row.origin for row in rows}
    decisions = tmp_path / "decisions.csv"
    pair = f"{digests['lynx0']},different,{digests['lynx-larger']},Ada,\n"
    decisions.write_text(f"sha256,decision,other,by,note\n{pair}")
    write_rows(raw / "rows.parquet", rows)
    write_manifest(raw, facts_of(raw))
    run(PARAMS, raw, tmp_path / "out", decisions=decisions)
    tied: Mapping[str, str] = {row.entity.casefold(): row.entity.casefold() for row in rows}
    monkeypatch.setattr("stages.curate.decide.components", lambda *_: tied)
    monkeypatch.setattr(
        "stages.curate.decide.side_by_entity", lambda entity, _: "test" if "larger" in entity else "train"
    )
    with pytest.raises(RuntimeError, match="1 names are in both splits: group "):
        run(PARAMS, raw, tmp_path / "again", decisions=decisions)
    assert not (tmp_path / "again").exists()


def test_bytes_from_outside_are_decoded_in_the_sandbox_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, pictures = a_scrape(tmp_path / "raw")
    opened = []
    real = PillowImage.open

    def watched(source: Any, *given: Any, **named: Any) -> Any:
        opened.append(source.getvalue())
        return real(source, *given, **named)

    monkeypatch.setattr(PillowImage, "open", watched)
    run(PARAMS, raw, tmp_path / "out")
    assert opened, "thumbnails, from PNGs that the sandbox made"
    assert not set(opened) & set(pictures.values())
