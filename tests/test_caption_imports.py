"""Captions from files, from drawn attributes and from models; the command's ways in beside the page."""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from captions import ADA, PARAMS, curated, good, line, origin

from stages.caption.imports import from_file, from_predictions
from stages.caption.log import open_log, read_log
from stages.caption.offers import Offer, captions, drafts
from stages.caption.stand_ins import A_PICTURE, stand_ins
from stages.caption.state import state_of
from stages.caption.validation import flaws_of
from stages.cli.__main__ import main
from stages.creatures.captions import GENERATOR
from stages.params import UserError
from stages.pictures import RefusedPictureError, open_picture
from stages.record import Record, Source
from stages.scrape.parameters import Catalogue
from stages.scrape.service.catalogue import build

CATALOGUE = Catalogue(seed=3, species=6, views=4)
Command = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a curated set of four pets and their caption row."""
    monkeypatch.chdir(tmp_path)
    rows = {
        "scrape": {"drawn": {"queries": "drawn", "endpoint": "local", "catalogue": CATALOGUE.model_dump()}},
        "curate": {"pets": {"source": "ingest", "dataset": "pets"}, "drawn": {"source": "scrape", "dataset": "drawn"}},
        "caption": {"pets": {"dataset": "pets", "log": "pets"}, "drawn": {"dataset": "drawn", "log": "drawn"}},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(rows))
    curated(tmp_path / "data/curate/pets", 4)
    return tmp_path


@pytest.fixture
def command(project: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `plumbline caption ...`; returns what it printed. `status` is the expected exit status."""

    def run(*arguments: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) if status else nullcontext() as end:
            main(["caption", *arguments])
        captured = capsys.readouterr()
        assert end is None or end.value.code == status, captured
        return captured.out + captured.err

    return run


def tsv(project: Path, *rows: tuple[str, str]) -> str:
    path = project / "given.tsv"
    path.write_text("".join(f"{caption}\t{name}\n" for caption, name in rows), encoding="utf-8")
    return str(path)


def test_a_file_is_imported_once(project: Path, command: Command) -> None:
    given = tsv(
        project,
        (good(0), "http://pets.test/0.png"),
        (good(1), "1.png"),
        (good(1, " too"), "row-0001"),
        (good(0).upper(), "http://pets.test/3.png"),
        ("<image> a hostile caption here", "row-0002"),
        (good(2), "nowhere.png"),
    )
    said = command("pets", "--import", given, "--format", "cc3m", "--author", "Ben", status=1)
    assert "3 written" in said
    assert "3 refused" in said
    assert "line 5: control token: '<image>'" in said
    assert "line 6: unknown picture" in said
    assert "line 4: caption of another picture" in said
    lines, _ = read_log(project / "data/captions/pets.jsonl")
    assert {one.author for one in lines} == {"import:cc3m:given.tsv:Ben"}
    assert [(one.sha256, one.text) for one in lines] == [
        (origin(0), good(0)),
        (origin(1), good(1)),
        (origin(1), good(1, " too")),
    ]
    said = command("pets", "--import", given, "--format", "cc3m", status=1)
    assert "0 written" in said
    assert "3 there already" in said
    assert read_log(project / "data/captions/pets.jsonl")[0] == lines


def test_an_import_changes_nothing_that_a_person_wrote(tmp_path: Path) -> None:
    records = curated(tmp_path / "pets", 2)
    path = tmp_path / "given.json"
    images = [{"id": 5, "file_name": "0.png"}, {"id": 6, "file_name": "1.png"}]
    notes = [{"id": 1, "image_id": 5, "caption": good(0).lower()}, {"id": 2, "image_id": 6, "caption": good(1)}]
    path.write_text(json.dumps({"images": images, "annotations": notes}))
    with open_log(tmp_path / "pets.jsonl") as log:
        log.append(line(0, "caption", good(0)), line(1, "reject"))
        offers, refused = from_file(path, "coco", records, None)
        accepted = captions(PARAMS, offers, log)
        log.append(*accepted.lines)
        state = state_of(log.lines)
    assert refused == accepted.refused == []
    assert (len(accepted.lines), accepted.already) == (1, 1)
    assert accepted.lines[0].author == "import:coco:given.json:unknown"
    assert [one.text for one in state.of(origin(0)).captions] == [good(0)]
    assert state.of(origin(1)).decision == "reject"


def predictions(project: Path) -> str:
    path = project / "answers.jsonl"
    rows: list[Any] = [
        {"input": "0.png", "output": "a red circle", "score": 0.5},
        {"input": "1.png", "output": None, "score": None, "error": "unreadable picture"},
        {"input": "2.png", "output": "<eos>", "score": 0.5},
        {"input": "gone.png", "output": "a red circle", "score": 0.5},
        7,
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def test_drafts_come_from_predictions_and_stay_drafts(project: Path, command: Command) -> None:
    log = project / "data/captions/pets.jsonl"
    with open_log(log) as opened:
        opened.append(line(0, "caption", good(0)))
    said = command("pets", "--drafts", predictions(project), "--model", "tiny", status=1)
    assert "1 written" in said
    assert "4 refused" in said
    *_, draft = read_log(log)[0]
    assert (draft.action, draft.text, draft.kind) == ("draft", "a red circle", "model")
    assert draft.author.startswith("model:tiny@")
    picture = state_of(read_log(log)[0]).of(origin(0))
    assert [one.author for one in picture.counted(["person", "model"])] == [ADA]
    assert "0 written" in command("pets", "--drafts", predictions(project), "--model", "tiny", status=1)


def test_a_draft_can_be_hostile_and_is_refused(tmp_path: Path) -> None:
    with open_log(tmp_path / "pets.jsonl") as log:
        accepted = drafts(
            [Offer(origin(0), "\u202ea b c", "model:m@1#2"), Offer(origin(0), "short", "model:m@1#2")], log
        )
    assert [one.text for one in accepted.lines] == ["short"]
    assert accepted.refused[0].reason.startswith("character that turns the writing direction")


def drawn(folder: Path) -> list[Record]:
    """The catalogue's pictures as records, without copies; what the pictures look like doesn't matter here."""
    entries = [entry for entry in build(CATALOGUE) if not entry.copy_of]
    records = curated(folder, len(entries))
    return [
        Record(one.id, one.image, (), entry.species, entry.species, Source("url", "x", entry.url, sha256=one.origin))
        for one, entry in zip(records, entries, strict=True)
    ]


def test_stand_ins_say_what_they_are_and_come_once(tmp_path: Path) -> None:
    records = drawn(tmp_path / "drawn")
    with open_log(tmp_path / "drawn.jsonl") as log:
        accepted = captions(PARAMS, stand_ins(CATALOGUE, records, log), log)
        assert accepted.refused == []
        log.append(*accepted.lines)
        again = captions(PARAMS, stand_ins(CATALOGUE, records, log), log)
        state = state_of(log.lines)
    assert {one.author for one in accepted.lines} == {f"generator:{GENERATOR} seed 3"}
    assert (again.lines, again.already) == ([], len(accepted.lines))
    for record in records:
        texts = [one.text for one in state.of(record.origin).captions]
        assert len(texts) == A_PICTURE
        assert texts[0].casefold().startswith(record.label.casefold())
        assert not any(flaws_of(PARAMS, text) for text in texts)


def test_stand_ins_are_for_drawn_creatures_only(project: Path, command: Command) -> None:
    assert "no set of drawn creatures" in command("pets", "--stand-ins", status=1)
    curated(project / "data/curate/drawn", 2)
    assert "none of these pictures was drawn" in command("drawn", "--stand-ins", status=1)


def test_status_counts(project: Path, command: Command) -> None:
    with open_log(project / "data/captions/pets.jsonl") as log:
        log.append(line(0, "caption", good(0)), line(1, "reject"), line(2, "draft", "a", "model:m@1#2"))
        log.append(line(9, "skip"), line(3, "skip"))
    said = command("pets", "--status")
    for part in (
        "5 lines",
        "3 of 4 pictures decided",
        "1 skipped",
        "1 rejected",
        "1 wait with a draft",
        "person:Ada: 1",
    ):
        assert part in said
    assert "1 pictures of the log are not in the curated set" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none"], "no row `caption.none`"),
        (["pets", "--import", "x.tsv"], "go together"),
        (["pets", "--format", "coco"], "go together"),
        (["pets", "--import", "x.tsv", "--format", "cc3m"], "x.tsv is missing"),
        (["pets", "--drafts", "x.jsonl"], "x.jsonl is missing"),
        (["pets", "--author", "\u202e", "--port", "0"], "author"),
        (["drawn", "--status"], "unfinished or missing"),
    ],
)
def test_mistakes_are_one_line(command: Command, arguments: list[str], says: str) -> None:
    said = command(*arguments, status=1)
    assert says in said
    assert said.startswith("error: ")


def test_a_torn_line_is_reported_when_it_is_cut(project: Path, command: Command) -> None:
    log = project / "data/captions/pets.jsonl"
    log.parent.mkdir(parents=True)
    log.write_bytes(line(0, "skip").encoded() + b'{"sha256": "ab\x1b[31m')
    assert 'incomplete last line, which was never acknowledged: b\'{"sha256": "ab\\x1b[31m\'' in command(
        "pets", "--import", tsv(project, (good(1), "row-0001")), "--format", "cc3m"
    )
    assert len(read_log(log)[0]) == 2


def test_from_predictions_needs_no_model_name(tmp_path: Path) -> None:
    records = curated(tmp_path / "pets", 1)
    path = tmp_path / "answers.jsonl"
    path.write_text('{"input": "0.png", "output": "a red circle"}\n')
    (offer,), refused = from_predictions(path, records, None)
    assert offer.author.startswith("model:answers@")
    assert refused == []


def test_nothing_is_written_for_an_author_that_cannot_stand_in_a_log(tmp_path: Path) -> None:
    with open_log(tmp_path / "pets.jsonl") as log, pytest.raises(UserError, match="can't be written"):
        captions(PARAMS, [Offer(origin(0), good(0), "nobody")], log)


def test_an_adapter_drafts_what_nobody_captioned(
    project: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is left out here (`predict` has its own tests): what goes in and what becomes of the answers."""
    adapter = project / "models/trained/pets"
    adapter.mkdir(parents=True)
    (adapter / "adapter_model.safetensors").write_bytes(b"weights")
    (adapter / "plumbline.json").write_text('{"objective": "answers"}')
    asked: list[Any] = []

    def load(given: Any, facts: Any) -> Any:
        def prepare(question: Any) -> Any:
            if question.input == origin(3):
                raise RefusedPictureError("unreadable picture")
            return question, open_picture(question.path).size

        def ask(batch: Any) -> Any:
            asked.extend(batch)
            return [SimpleNamespace(text=f" a pet, {number} ", score=0.5) for number, _ in enumerate(batch)]

        assert (given.adapter, given.max_new_tokens) == (Path("models/trained/pets"), 64)
        return prepare, ask

    facts = SimpleNamespace(tokenize=SimpleNamespace(prompt="caption en"))
    monkeypatch.setattr("stages.cli.drafts.predict_answers.read_facts", lambda _: facts)
    monkeypatch.setattr("stages.cli.drafts.predict_answers.load", load)
    with open_log(project / "data/captions/pets.jsonl") as log:
        log.append(line(0, "caption", good(0)))
    said = command("pets", "--drafts", "models/trained/pets", status=1)
    assert "2 written" in said
    assert "refused: no answer (row-0003: unreadable picture)" in said
    assert [(question.input, question.prompt, size) for question, size in asked] == [
        (origin(1), "caption en", (48, 48)),
        (origin(2), "caption en", (48, 48)),
    ]
    drafts = read_log(project / "data/captions/pets.jsonl")[0][1:]
    assert [one.text for one in drafts] == ["a pet, 0", "a pet, 1"]
    assert {re.sub("[0-9a-f]{12}", "…", one.author) for one in drafts} == {"model:pets@…#…"}
