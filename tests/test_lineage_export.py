"""`plumbline lineage export`: in-toto, OpenLineage and the card, each read back by the standard's own library."""

import argparse
import copy
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from sealing import commit, make_project, seal

from stages.cli import lineage_export
from stages.lineage.export import card, in_toto, open_lineage, sealed
from stages.lineage.export.sealed import open_sealed
from stages.params import UserError
from stages.shards import sha256_of_file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("export"))


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def export(monkeypatch: pytest.MonkeyPatch, project: Path, *words: str) -> int:
    """The command, as typed in the project's root."""
    parser = argparse.ArgumentParser()
    lineage_export.arguments(parser)
    monkeypatch.chdir(project)
    return lineage_export.command(parser.parse_args(words))


def validate(statement: dict[str, Any]) -> Any:
    """The provenance, after the library's own checks; unknown keys and wrong types are refused."""
    parsed = json_format.ParseDict(statement, statement_pb2.Statement())
    Statement.copy_from_pb(parsed).validate()
    predicate = json_format.MessageToDict(parsed.predicate)
    return json_format.ParseDict(predicate, provenance_pb2.Provenance())


def test_the_statement_is_provenance_that_the_in_toto_library_reads(made: Path) -> None:
    adapter = open_sealed("creatures", made)
    statement = in_toto.statement(adapter)
    provenance = validate(statement)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert {one["name"]: one["digest"]["sha256"] for one in statement["subject"]} == {
        path.name: sha256_of_file(path)
        for path in adapter.folder.iterdir()  # README.md and lineage.json too
    }
    assert provenance.build_definition.external_parameters["recipe"] == "creatures"
    assert provenance.run_details.metadata.invocation_id == adapter.lineage.seal


def test_the_library_refuses_a_statement_that_is_none(made: Path) -> None:
    statement = in_toto.statement(open_sealed("creatures", made))
    wrong = copy.deepcopy(statement)
    wrong["predicate"]["buildDefinition"]["materials"] = []
    with pytest.raises(json_format.ParseError, match="materials"):
        validate(wrong)
    del statement["subject"][0]["digest"]
    with pytest.raises(ValueError, match="digest"):
        validate(statement)


def test_dependencies_are_the_files_themselves_down_to_the_scraped_shards(made: Path) -> None:
    statement = in_toto.statement(open_sealed("creatures", made))
    found = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    files = {one["name"]: one["digest"]["sha256"] for one in found if "sha256" in one["digest"]}
    assert all(sha256_of_file(made / name) == digest for name, digest in files.items())
    assert {"data/scrape/creatures/rows.parquet", "data/captions/creatures.jsonl", "models/base/tiny/config.json"} <= (
        set(files)
    )
    assert any(name.startswith("data/scrape/creatures/") and name.endswith(".tar") for name in files)
    between = {one["name"] for one in statement["predicate"]["runDetails"]["byproducts"]}
    assert "data/curate/creatures/manifest.json" in between
    assert not between & set(files)


def test_a_parent_adapter_is_a_dependency(made: Path) -> None:
    found = in_toto.statement(open_sealed("more", made))["predicate"]["buildDefinition"]["resolvedDependencies"]
    parents = [one["name"] for one in found if one.get("annotations", {}).get("role") == "parent"]
    assert "models/trained/letters/adapter_model.safetensors" in parents


def test_commit_and_end_come_from_the_run_record_and_the_host_stays_at_home(project: Path) -> None:
    revision = commit(project, "all")
    seal(project, "letters")
    path = next((project / ".scratch/runs").glob(f"{open_sealed('letters', project).lineage.adapter.digest}.json"))
    runs = json.loads(path.read_text())
    runs[-1]["host"] = "a-private-host"
    path.write_text(json.dumps(runs))
    adapter = open_sealed("letters", project)
    statement = in_toto.statement(adapter)
    assert {"name": "source", "digest": {"gitCommit": revision}, "annotations": {"role": "commit", "dirty": False}} in (
        statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    )
    finished = validate(statement).run_details.metadata.finished_on.ToJsonString()
    assert finished == runs[-1]["finished"].replace("+00:00", "Z")
    assert "a-private-host" not in in_toto.write(adapter) + open_lineage.write(adapter)


def test_without_a_run_record_there_is_no_time(project: Path) -> None:
    for path in (project / ".scratch/runs").iterdir():
        path.unlink()
    adapter = open_sealed("letters", project)
    metadata = in_toto.statement(adapter)["predicate"]["runDetails"]["metadata"]
    assert metadata == {"invocationId": adapter.lineage.seal}
    with pytest.raises(UserError, match="needs a time"):
        open_lineage.write(adapter)


def test_records_of_another_seal_are_not_used_and_broken_ones_refused(project: Path) -> None:
    lineage = open_sealed("letters", project).lineage
    path = project / f".scratch/runs/{lineage.adapter.digest}.json"
    runs = json.loads(path.read_text())
    path.write_text(json.dumps([{**runs[-1], "seal": "0" * 64}]))
    assert open_sealed("letters", project).run is None
    path.write_text('{"seal": 3}')
    with pytest.raises(UserError, match="no list of run records"):
        open_sealed("letters", project)


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json", "lineage.json", "loss.csv"])
def test_an_adapter_that_differs_from_its_seal_is_not_spoken_for(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = project / "models/adapters/letters" / name
    if name == "lineage.json":
        path.write_text(path.read_text().replace('"exact": 0.9', '"exact": 0.99'))
    elif name == "adapter_config.json":
        path.write_text(path.read_text() + " ")
    else:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match="it is not exported"):
        open_sealed("letters", project)
    monkeypatch.setattr(sealed, "check_own", lambda *_: [])
    assert validate(in_toto.statement(open_sealed("letters", project)))  # a statement for a file nobody sealed


def test_events_are_those_of_the_openlineage_client(made: Path, tmp_path: Path) -> None:
    from openlineage.client.transport.file import FileConfig, FileTransport

    adapter = open_sealed("creatures", made)
    assert adapter.run is not None
    transport = FileTransport(FileConfig(log_file_path=str(tmp_path / "events"), append=True))
    for event in open_lineage.events(adapter.lineage, adapter.run):
        transport.emit(event)
    assert (tmp_path / "events").read_text() == open_lineage.write(adapter)
    events = [json.loads(line) for line in open_lineage.write(adapter).splitlines()]
    assert [event["job"]["name"] for event in events[:-2]] == [stage.name for stage in adapter.lineage.stages]
    assert [event["eventType"] for event in events[-2:]] == ["START", "COMPLETE"]
    assert events[-1]["run"] == events[-2]["run"]
    curate = next(event for event in events if event["job"]["name"] == "curate@creatures")
    read = {one["name"]: one["facets"] for one in curate["inputs"]}
    manifest = sha256_of_file(made / "data/scrape/creatures/manifest.json")
    assert read["data/scrape/creatures"]["version"]["datasetVersion"] == f"sha256:{manifest}"
    assert not any(name.startswith("stages/") for name in read)


def test_the_card_is_the_sealed_one(made: Path) -> None:
    adapter = open_sealed("letters", made)
    assert card.write(adapter) == (adapter.folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("---\nbase_model", "---\n- [base_model", "no model card"),
        ("\nlibrary_name:", "\nlibrary:", "library_name"),
        ("\nmodel-index:\n- name:", "\nmodel-index:\n- named:", "no model card|model-index"),
        ("SEAL", "0" * 64, "another adapter's card"),
    ],
)
def test_a_card_that_the_hub_would_not_read_is_refused(project: Path, old: str, new: str, complaint: str) -> None:
    adapter = open_sealed("letters", project)
    path = adapter.folder / "README.md"
    path.write_text(path.read_text().replace(adapter.lineage.seal if old == "SEAL" else old, new))
    with pytest.raises(UserError, match=complaint):
        card.write(adapter)


@pytest.mark.parametrize("form", lineage_export.FORMATS)
def test_the_command_writes_the_same_bytes_without_places_or_torch(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    loaded = "torch" in sys.modules
    for name in ("first", "second"):
        assert export(monkeypatch, made, "creatures", "--format", form, "--out", str(tmp_path / name)) == 0
    first = (tmp_path / "first").read_text()
    assert first == (tmp_path / "second").read_text()
    assert str(made) not in first
    assert str(Path.home()) not in first or Path.home() == Path("/")
    assert f"as {form} in" in capsys.readouterr().out
    assert ("torch" in sys.modules) == loaded


def test_the_command_refuses_what_it_cannot_write(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="is a folder"):
        export(monkeypatch, made, "letters", "--format", "card", "--out", str(tmp_path))
    with pytest.raises(UserError, match="--creator is for"):
        export(monkeypatch, made, "letters", "--format", "card", "--out", str(tmp_path / "x"), "--creator", "A")
    with pytest.raises(UserError, match="neither a folder nor a sealed recipe"):
        export(monkeypatch, made, "nobody", "--format", "card", "--out", str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()
