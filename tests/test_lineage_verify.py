import json
import shutil
import sys

import pytest
from verifying import flip, locked_project

from stages.cli import lineage_verify
from stages.lineage.locked import md5_of
from stages.lineage.reading import read_document
from stages.lineage.tensors import Header
from stages.lineage.verify import files, hashing, line, own, settings
from stages.lineage.verify.line import Asked, verify
from stages.shards import shard_of

LETTERS, CREATURES = "models/adapters/letters", "models/adapters/creatures"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    return locked_project(tmp_path_factory.mktemp("sealed"))


@pytest.fixture
def project(sealed, tmp_path, monkeypatch):
    """A copy of the project, and the working folder."""
    monkeypatch.chdir(shutil.copytree(sealed, tmp_path / "tree"))
    return tmp_path / "tree"


def first(report):
    return next(finding for finding in report.findings if finding.kind == report_kind(report))


def report_kind(report):
    return {1: "differs", 2: "unreached"}[report.verdict]


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_an_untouched_line_is_as_sealed(project):
    for name in ("letters", "creatures", "more"):
        report = verify(name)
        assert (report.verdict, report.findings) == (0, ())
        assert verify(name, asked=Asked(threads=1, pictures=True)).findings == ()
    report = verify("creatures")
    assert (report.rows, report.pictures) == (12, 10 + 8 + 8)
    assert {"data/scrape/creatures", "data/captions/creatures.jsonl", "models/base/tiny"} <= set(report.checked)


@pytest.mark.parametrize(
    ("path", "place", "stage", "what"),
    [
        (f"{LETTERS}/adapter_model.safetensors", -1, "seal@letters", "has other tensors"),
        (f"{LETTERS}/adapter_model.safetensors", 60, "seal@letters", "seal in its header"),
        (f"{LETTERS}/loss.csv", 3, "seal@letters", "is not the sealed file"),
        (f"{LETTERS}/README.md", -9, "seal@letters", "is not the card"),
        ("models/trained/letters/plumbline.json", 5, "train@letters", "is not the sealed file"),
        ("data/tokenize/letters/rows.parquet", 50, "tokenize@letters", "is not the sealed file"),
        ("data/curate/letters/manifest.json", 9, "curate@letters", "is not the sealed file"),
        ("data/synthesize/letters/drops.csv", 2, "synthesize@letters", "is not the sealed file"),
        ("data/words/common.txt", 7, "", "is not the sealed file"),
        ("models/base/tiny/model.safetensors", -2, "foundation@tiny", "is not the sealed file"),
        ("reports/seals/letters.json", 0, "seal@letters", "is not the lineage.json of the adapter"),
    ],
)
def test_what_differs_is_named_with_its_stage(project, path, place, stage, what):
    flip(project / path, place)
    report = verify("letters")
    assert report.verdict == 1
    found = first(report)
    assert (found.file, found.stage) == (path, stage)
    assert what in found.what
    assert found.remedy


def test_a_changed_picture_is_named_by_shard_row_and_stage(project):
    row = "letters-000003"
    shard = project / "data/synthesize/letters" / shard_of(row)
    content = shard.read_bytes()
    flip(shard, content.index(f"{row}.png".encode()) + 512 + 40)
    found = first(verify("letters"))
    assert (found.file, found.stage, found.row) == (
        f"data/synthesize/letters/{shard.name}", "synthesize@letters", row,
    )  # fmt: skip
    assert found.expected != found.found
    assert "synthesize@letters" in found.remedy


def test_rows_that_lie_about_their_picture_need_a_look_at_every_picture(project):
    """Sealed as it is, a picture that is not its row's is only seen when pictures are hashed themselves."""
    places = files.places_of_line(read_document(project / LETTERS / "lineage.json"), line.places_of([], project))
    curated = next(place for place in places if place.name == "data/curate/letters")
    shard = next(rel for rel in curated.files if rel.endswith(".tar"))
    flip(curated.file(shard), 600)
    content = hashing.hash_files([curated.file(rel) for rel in curated.files], 1)
    told = dict(curated.files)
    told[shard] = told[shard].model_copy(update={"sha256": content.digests[curated.file(shard)]})
    place = files.Place(curated.name, curated.path, curated.stage, told, "dvc")
    assert list(files.compare(place, content)) == []
    found = next(files.check_pictures([place], content))
    assert found.row.startswith("letters-")


def test_lineage_json_is_compared_with_its_copy_to_name_the_key(project):
    replace(project / LETTERS / "lineage.json", '"threads": 2', '"threads": 3')
    found = first(verify("letters"))
    assert found.file == f"{LETTERS}/lineage.json"
    assert "threads` is 3, the copy in reports/seals has 2" in found.what


def test_what_is_not_in_the_seal_is_named(project, monkeypatch):
    (project / "data/curate/letters/more.csv").write_text("id\n")
    found = first(verify("letters"))
    assert (found.file, found.what) == ("data/curate/letters/more.csv", "lies there, but is not in the seal")
    monkeypatch.setattr(files, "files_below", lambda path: [])
    assert verify("letters").verdict == 0  # without the look around, it passes


def test_a_missing_file_is_a_difference(project):
    (project / "data/curate/letters/drops.csv").unlink()
    found = first(verify("letters"))
    assert (found.file, found.what) == ("data/curate/letters/drops.csv", "is missing")


def test_a_header_in_another_spelling_is_noticed(project, monkeypatch):
    weights = project / LETTERS / "adapter_model.safetensors"
    length = int.from_bytes(weights.read_bytes()[:8], "little")
    header = weights.read_bytes()[8 : 8 + length]
    spelled = header.rstrip() if header.endswith(b" ") else header
    other = spelled.replace(b":", b": ", 1)
    weights.write_bytes(len(other).to_bytes(8, "little") + other + weights.read_bytes()[8 + length :])
    assert "is not spelt" in first(verify("letters")).what
    monkeypatch.setattr(Header, "as_sealed", True)
    assert verify("letters").verdict == 0  # the tensors are the same


def test_the_card_is_written_again_and_compared(project, monkeypatch):
    replace(project / LETTERS / "README.md", "0.9", "0.8")
    assert first(verify("letters")).file == f"{LETTERS}/README.md"
    card = (project / LETTERS / "README.md").read_text()
    monkeypatch.setattr(own, "render_card", lambda lineage: card)
    assert verify("letters").verdict == 0


def test_a_card_of_another_version_is_no_difference(project, monkeypatch):
    monkeypatch.setattr(own, "render_card", lambda lineage: "# another version's words\n")
    assert verify("letters").verdict == 0  # dvc.lock has the folder's digest
    replace(project / LETTERS / "README.md", "0.9", "0.8")
    assert verify("letters").verdict == 1


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("learning_rate: 0.002", "learning_rate: 0.003", "recipes.letters.train.learning_rate"),
        ("dataset: letters", "dataset: lettern", "recipes.letters.dataset"),
        ("prompt: Which letter?", "prompt: which letter?", "recipes.letters.tokenize.prompt"),
        ("threads: 2", "threads: 3", "threads"),
        ("seed: 7", "seed: 8", "synthesize.letters.seed"),
    ],
)
def test_params_that_ask_for_something_else_are_named(project, old, new, key):
    params = project / "params.yaml"
    start, end = params.read_text().split("recipes:") if "dataset" in old else ("", params.read_text())
    assert old in end
    joint = "recipes:" if start else ""
    params.write_text(start + joint + end.replace(old, new, 1))
    report = verify("letters")
    assert report.verdict == 1
    found = first(report)
    assert (found.file, found.what.split("`")[1]) == ("params.yaml", key)
    assert found.expected != found.found
    assert "differs: params.yaml" in lineage_verify.told(report)


def test_paths_of_the_commands_are_compared_too(project, monkeypatch):
    start, rows = (project / "params.yaml").read_text().split("recipes:")
    (project / "params.yaml").write_text(start + "recipes:" + rows.replace("dataset: letters", "dataset: other", 1))
    assert verify("letters").verdict == 1
    monkeypatch.setattr(settings, "_command", lambda *given: iter(()))
    assert verify("letters").verdict == 0  # params alone don't hold the paths


def test_comments_and_other_rows_change_nothing(project):
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text("# a comment\n" + text.replace("endpoint: local", "endpoint: other"))
    assert verify("letters").verdict == 0
    assert verify("creatures").verdict == 1


def test_params_and_code_that_moved_on_with_the_same_bytes_are_notes(project):
    for name in ("params.yaml", "dvc.lock"):
        replace(project / name, "train_images: 8", "train_images: 9")
    (project / "stages/curate/choose.py").write_text("'''Chooses well.'''\n")
    report = verify("letters")
    assert report.verdict == 0
    notes = [(note.file, note.stage, note.what) for note in report.of("note")]
    assert notes == [
        ("dvc.lock", "synthesize@letters", "`synthesize.letters.train_images` moved on from 8 to 9"),
        ("stages/curate/choose.py", "curate@letters", "code moved on since the seal"),
    ]


def test_a_lock_file_that_leads_to_other_bytes_is_a_difference(project):
    lock = (project / "dvc.lock").read_text()
    md5 = md5_of(project / "data/curate/letters")
    (project / "dvc.lock").write_text(lock.replace(md5, md5[::-1]))
    assert first(verify("letters")).file == "dvc.lock"


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml", "dvc.lock"])
def test_a_settings_file_that_is_none_is_named(project, name):
    (project / name).write_text("[")
    assert first(verify("letters")).file == name


@pytest.mark.parametrize("gone", ["data/synthesize/letters", "models/base/tiny"])
def test_what_is_not_here_cannot_be_checked(project, gone):
    shutil.rmtree(project / gone)
    report = verify("letters")
    assert (report.verdict, first(report).file) == (2, gone)
    assert ("dvc pull" if gone.startswith("data") else "git checkout") in first(report).remedy


def test_an_adapter_alone_says_what_it_could_not_reach(project, tmp_path, monkeypatch):
    alone = shutil.copytree(project / LETTERS, tmp_path / "alone" / "letters")
    monkeypatch.chdir(alone.parent)
    report = verify("letters")
    assert report.verdict == 2
    assert "the adapter's own folder was checked, but not its 3 data folders" in first(report).what
    flip(alone / "consumed.parquet", 20)
    assert verify("letters").verdict == 1


def test_a_refused_folder_is_a_difference_with_the_word(project):
    (project / LETTERS / "training_args.bin").write_bytes(b"PK")
    report = verify("letters")
    assert report.verdict == 1
    assert "pickle" in first(report).what


def test_the_command_prints_and_answers_with_the_verdict(project, capsys):
    from argparse import ArgumentParser

    def run(*words):
        parser = ArgumentParser()
        lineage_verify.arguments(parser)
        status = lineage_verify.command(parser.parse_args(["letters", *words]))
        return status, capsys.readouterr().out

    status, out = run()
    assert status == 0
    assert out.startswith("letters: as sealed\nchecked ")
    flip(project / "data/curate/letters/rows.parquet", 50)
    flip(project / "models/base/tiny/config.json", 3)
    status, out = run()
    assert status == 1
    assert "differs: data/curate/letters/rows.parquet, stage curate@letters: is not the sealed file" in out
    assert "models/base/tiny" not in out
    assert "more that differ: `--all` names them" in out
    assert "models/base/tiny/config.json" in run("--all")[1]
    told = json.loads(run("--json")[1])
    assert told["verdict"] == 1
    assert {finding["file"] for finding in told["findings"]} >= {"data/curate/letters/rows.parquet"}


def test_verification_needs_no_torch():
    import subprocess

    code = "import sys, stages.cli.lineage_verify, stages.lineage.verify.line; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
