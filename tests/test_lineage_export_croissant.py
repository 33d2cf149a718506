"""`plumbline lineage export --format croissant`: read, checked and turned into records by mlcroissant."""

import json
import logging
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image
from sealing import make_project

from stages.lineage.export import croissant, croissant_rows
from stages.lineage.export.sealed import open_sealed
from stages.params import UserError
from stages.record import read_rows, write_rows
from stages.shards import sha256_of_file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("croissant"))


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.fixture(scope="module")
def mlc(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The library, with its cache of unpacked shards in a folder of the tests (it reads this once, when imported)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROISSANT_CACHE", str(tmp_path_factory.mktemp("cache")))
        import mlcroissant
    return mlcroissant


def written(project: Path, name: str, creator: str | None = None) -> Path:
    out = project / f"{name}.croissant.json"
    out.write_text(croissant.write(open_sealed(name, project), project, out, creator)[0])
    return out


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """mlcroissant gives texts as bytes."""
    texts = {key: value.decode() if isinstance(value, bytes) else value for key, value in record.items()}
    return {key: [one.decode() for one in value] if isinstance(value, list) else value for key, value in texts.items()}


def test_mlcroissant_finds_no_fault(mlc: ModuleType, made: Path, caplog: pytest.LogCaptureFixture) -> None:
    issues = mlc.Dataset(str(written(made, "creatures", "A Museum"))).metadata.ctx.issues
    assert not issues.errors
    assert [text for text in issues.warnings if "datePublished" not in text] == []
    assert not [one for one in caplog.records if "not standard" in one.message and one.levelno >= logging.WARNING]


def test_mlcroissant_does_find_faults(mlc: ModuleType, made: Path) -> None:
    document = json.loads(written(made, "creatures").read_text())
    document["recordSet"][1]["field"][0]["source"]["fileObject"]["@id"] = "nothing.parquet"
    with pytest.raises(mlc.ValidationError):
        mlc.Dataset(document)


def test_the_rows_are_those_of_the_table(mlc: ModuleType, made: Path) -> None:
    dataset = mlc.Dataset(str(written(made, "creatures")))
    found = [plain(record) for record in dataset.records("rows")]
    rows = read_rows(made / "data/caption/creatures")
    assert [record["rows/id"] for record in found] == [row.id for row in rows]
    for record, row in zip(found, rows, strict=True):
        assert record["rows/image_sha256"] == row.image.sha256
        assert record["rows/text"] == [text.text for text in row.texts]
        assert record["rows/author"] == [text.author for text in row.texts]
        assert (record["rows/licence"], record["rows/url"]) == (row.source.licence, row.source.url)
        assert (record["rows/split"], record["rows/entity"]) == (row.split, row.entity)


def test_the_pictures_come_out_of_the_shards_beside_their_rows(mlc: ModuleType, made: Path) -> None:
    dataset = mlc.Dataset(str(written(made, "letters")))
    found = [plain(record) for record in dataset.records("pictures_of_rows")]
    rows = {row.id: row for row in read_rows(made / "data/curate/letters")}
    assert {record["pictures_of_rows/id"] for record in found} == set(rows)
    for record in found:
        assert isinstance(record["pictures_of_rows/picture"], Image.Image)
        assert record["pictures_of_rows/label"] == rows[record["pictures_of_rows/id"]].label


def test_a_shard_that_changed_since_is_noticed_by_the_reader(mlc: ModuleType, project: Path) -> None:
    dataset = mlc.Dataset(str(written(project, "creatures")))
    path = project / "data/caption/creatures/rows.parquet"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(Exception, match="Download"):
        list(dataset.records("rows"))


def test_every_file_has_its_digest_and_size(made: Path) -> None:
    out = written(made, "creatures")
    files = [one for one in json.loads(out.read_text())["distribution"] if one["@type"] == "cr:FileObject"]
    listed = {(out.parent / one["contentUrl"]).resolve(): one for one in files}
    folder = made / "data/caption/creatures"
    assert set(listed) == {path.resolve() for path in folder.iterdir() if path.name != "manifest.json"}
    for path, one in listed.items():
        assert one["sha256"] == sha256_of_file(path)
        assert one["contentSize"] == f"{path.stat().st_size} B"


def test_licences_are_rolled_up_and_provenance_goes_back_to_the_scrape(made: Path) -> None:
    document = croissant.description(open_sealed("creatures", made), made, made / "x.json")
    assert document["license"] == ["https://creativecommons.org/licenses/by/4.0/"] * 2  # the fixture's CC0 links it too
    assert "CC-BY-4.0 4, CC0-1.0 4" in document["description"]
    labels = [one["prov:label"] for one in document["prov:wasGeneratedBy"]]
    assert labels == ["scrape@creatures", "curate@creatures", "caption@creatures"]
    sources = [one["@id"].rpartition(":")[2] for one in document["prov:wasDerivedFrom"]]
    assert sha256_of_file(made / "data/scrape/creatures/manifest.json") in sources
    assert document["rai:machineAnnotationTools"] == ["model:tiny-captioner prompt 12ab34cd"]
    assert any("near duplicate 1" in line for line in document["rai:dataPreprocessingProtocol"])


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        (("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"), "https://creativecommons.org/licenses/by/4.0/"),
        (("CC0-1.0", ""), "https://spdx.org/licenses/CC0-1.0.html"),
        (("", ""), {"@type": "sc:CreativeWork", "name": "unknown"}),
        (("our own", ""), {"@type": "sc:CreativeWork", "name": "our own"}),
    ],
)
def test_a_licence_is_an_address_or_a_name(licence: tuple[str, str], expected: Any) -> None:
    assert croissant._licence(*licence) == expected


def test_the_day_is_the_snapshots_and_never_todays(tmp_path: Path) -> None:
    folder = tmp_path / "caption"
    folder.mkdir()
    facts = {"stage": "caption", "upstream": {"stage": "curate", "upstream": {"snapshot": "2026-11-21"}}}
    (folder / "manifest.json").write_text(json.dumps(facts))
    assert croissant_rows.snapshot_of(folder) == "2026-11-21"
    (folder / "manifest.json").write_text('{"stage": "caption"}')
    assert croissant_rows.snapshot_of(folder) is None


def test_what_croissant_asks_for_and_nobody_knows_is_named(made: Path) -> None:
    adapter = open_sealed("letters", made)
    assert croissant.write(adapter, made, made / "x.json", None)[1] == ["creator", "datePublished"]
    text, unknown = croissant.write(adapter, made, made / "x.json", "A Museum")
    assert unknown == ["datePublished"]
    assert json.loads(text)["creator"] == {"@type": "sc:Organization", "name": "A Museum"}


def test_outside_the_project_the_files_are_to_lie_beside_the_description(made: Path, tmp_path: Path) -> None:
    inside = croissant.description(open_sealed("letters", made), made, made / "exports/x.json")
    outside = croissant.description(open_sealed("letters", made), made, tmp_path / "x.json")
    assert inside["distribution"][0]["contentUrl"].startswith("../data/curate/letters/")
    assert outside["distribution"][0]["contentUrl"] == outside["distribution"][0]["name"]


def test_other_data_than_the_sealed_are_not_described(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, adapter = project / "data/curate/letters", open_sealed("letters", project)
    write_rows(folder / "rows.parquet", read_rows(folder)[1:])
    with pytest.raises(UserError, match="is not the one"):
        croissant.description(adapter, project, project / "x.json")
    sealed = adapter.lineage.outs["data/curate/letters"]
    monkeypatch.setattr(croissant_rows, "sha256_of_file", lambda path: sealed.files[path.name].sha256)
    assert croissant.description(adapter, project, project / "x.json")["description"].startswith("10 rows")  # were 11


@pytest.mark.parametrize("name", ["rows.parquet", "manifest.json"])
def test_data_that_are_not_here_are_asked_for(project: Path, name: str) -> None:
    (project / "data/curate/letters" / name).unlink()
    with pytest.raises(UserError, match=r"dvc pull .*data/curate/letters"):
        croissant.description(open_sealed("letters", project), project, project / "x.json")
