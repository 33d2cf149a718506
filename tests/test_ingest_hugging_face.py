"""Ingest of a data set of `datasets`, from local copies of every kind; nothing is decoded, no path leads out."""

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingested import HTML, imported, pictures, stored

from stages.ingest.parameters import Ingest
from stages.ingest.stage import run
from stages.params import UserError

PARAMS = Ingest(folder="unused", format="hugging_face")
CAPTIONS = Ingest(folder="unused", format="hugging_face", label_column="", text_column="caption", entity_column="who")
REVISION = "0123456789" * 4
CELL = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def test_without_the_library_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)  # as if it weren't installed
    with pytest.raises(UserError, match=r"`format: hugging_face` needs .* run `pip install datasets`"):
        run(PARAMS, source=tmp_path, out=tmp_path / "out")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("datasets")


def a_set(library: Any, tmp_path: Path) -> Any:
    """Six pictures of two classes, with two captions each."""
    files = sorted(
        pictures(tmp_path / "in", [f"{c}/{n}.jpg" for c in ("bobsled", "luge") for n in range(3)]).rglob("*.jpg")
    )
    cells = [
        {
            "image": {"bytes": file.read_bytes(), "path": f"{file.parent.name} {file.name}"},
            "label": number // 3,
            "caption": [f"Caption {number}.", "Another."],
            "who": f"person {number}",
        }
        for number, file in enumerate(files)
    ]
    features = {
        "image": library.Image(),
        "label": library.ClassLabel(names=["bobsled", "luge"]),
        "caption": library.Sequence(library.Value("string")),
        "who": library.Value("string"),
    }
    return library.Dataset.from_list(cells, features=library.Features(features))


def test_each_kind_of_local_copy(library: Any, tmp_path: Path) -> None:
    data = a_set(library, tmp_path)
    data.save_to_disk(tmp_path / "saved")
    (tmp_path / "parquet").mkdir()
    data.to_parquet(tmp_path / "parquet/train-00000-of-00001.parquet")
    for kind in ("saved", "parquet", "in"):
        records, drops = imported(PARAMS, tmp_path / kind, tmp_path / f"{kind} out")
        assert drops == {}
        assert sorted(record.label for record in records) == ["bobsled"] * 3 + ["luge"] * 3
        for record in records:
            file = record.source.file.removeprefix("train/").replace(" ", "/")
            assert stored(tmp_path / f"{kind} out", record) == (tmp_path / "in" / file).read_bytes()
            assert str(tmp_path) not in repr(record)


def test_splits_captions_and_entities(library: Any, tmp_path: Path) -> None:
    data = a_set(library, tmp_path)
    library.DatasetDict({"train": data, "test": data.select([5, 0])}).save_to_disk(tmp_path / "saved")
    records, _ = imported(CAPTIONS, tmp_path / "saved", tmp_path / "out")
    assert len(records) == 8
    assert {record.label for record in records} == {""}
    tested = CAPTIONS.model_copy(update={"split": "test"})
    records, _ = imported(tested, tmp_path / "saved", tmp_path / "out")
    assert {record.entity: [text.text for text in record.texts] for record in records} == {
        "person 5": ["Caption 5.", "Another."],
        "person 0": ["Caption 0.", "Another."],
    }
    assert {record.source.file for record in records} == {"test/luge 2.jpg", "test/bobsled 0.jpg"}


def hostile(tmp_path: Path) -> Path:
    folder = pictures(tmp_path / "hostile", ["own.bin"])
    picture = (folder / "own.bin").read_bytes()
    (tmp_path / "outside.jpg").write_bytes(picture)
    cells = [
        ({"bytes": picture}, "a"),
        ({"path": "own.bin"}, "b"),
        ({"path": str(tmp_path / "outside.jpg")}, "b"),
        ({"path": "../outside.jpg"}, "b"),
        ({"path": "gone.jpg"}, "b"),
        ({}, "b"),
        (None, "b"),
        ({"bytes": HTML}, "b"),
        ({"bytes": b""}, "b"),
        ({"bytes": picture}, None),
    ]
    rows = [{"image": image, "label": label} for image, label in cells]
    table = pa.Table.from_pylist(rows, schema=pa.schema([("image", CELL), ("label", pa.string())]))
    pq.write_table(table, folder / "train.parquet")
    return folder


def test_each_bad_row_has_its_reason(library: Any, tmp_path: Path) -> None:
    records, drops = imported(PARAMS, hostile(tmp_path), tmp_path / "out")
    assert [record.source.drawn["row"] for record in sorted(records, key=lambda record: record.label)] == [1, 2]
    reasons = {int(detail.split(":")[0].removeprefix("row ")): reason for detail, reason in drops.items()}
    leaves, missing = "path leaves the folder", "missing picture"
    kinds = [
        leaves,
        leaves,
        missing,
        missing,
        missing,
        "not a PNG, JPEG, WEBP or GIF picture",
        "empty file",
        "empty label",
    ]
    assert reasons == dict(enumerate(kinds, start=3))


def test_a_path_would_lead_out(library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.ingest.hugging_face.os.path.commonpath", lambda paths: paths[1])
    records, drops = imported(PARAMS, hostile(tmp_path), tmp_path / "out")
    assert len(records) == 4
    assert "path leaves the folder" not in drops.values()


@pytest.mark.parametrize(
    ("kind", "keys", "says"),
    [
        ("none", {}, "is no folder: give the one that holds the data set"),
        ("empty", {}, r"empty can't be read by `datasets` .*: give a data set's folder"),
        ("saved", {"split": "dev"}, "`split` = dev isn't in .*: it has train"),
        ("saved", {"image_column": "photo"}, "`image_column` = photo is no column .* has: image, label"),
        ("saved", {"label_column": "kind"}, "`label_column` = kind is no column"),
        ("saved", {"image_column": "label"}, "`image_column` = label holds no pictures but ClassLabel"),
    ],
)
def test_a_set_that_cannot_be_used(library: Any, tmp_path: Path, kind: str, keys: dict[str, str], says: str) -> None:
    (tmp_path / "empty").mkdir()
    a_set(library, tmp_path).save_to_disk(tmp_path / "saved")
    with pytest.raises(UserError, match=says):
        run(PARAMS.model_copy(update=keys), source=tmp_path / kind, out=tmp_path / "out")


def test_the_hub_is_asked_for_one_commit(library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub itself can't be reached from here: what is asked of it is."""
    data, asked = a_set(library, tmp_path), []

    def load_dataset(*names: str, revision: str, cache_dir: str) -> Any:
        asked.append((*names, revision, Path(cache_dir).relative_to(tmp_path).as_posix()))
        return library.DatasetDict({"train": data})

    monkeypatch.setattr(library, "load_dataset", load_dataset)
    params = PARAMS.model_copy(update={"hub_id": "owner/sports", "revision": REVISION})
    records, _ = imported(params, tmp_path / "no folder", tmp_path / "out")
    assert len(records) == 6
    assert asked == [("owner/sports", None, REVISION, "out/scratch")]
