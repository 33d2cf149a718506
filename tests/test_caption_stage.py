"""The caption stage: curated rows and a log in, rows with texts out, and nothing lost on the way."""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from captions import ADA, AT, PARAMS, curated, good, line
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.caption import stage
from stages.caption.log import Line
from stages.caption.parameters import CaptionParams
from stages.caption.stage import run
from stages.params import UserError, check_params
from stages.record import Record, Text, read_history, read_manifest, read_rows
from stages.shards import ShardReader

ROOT = Path(__file__).parents[1]
BLOCKLIST = ROOT / "data" / "blocklist.txt"
MODEL = "model:tiny@1#2"
FILE = "import:coco:captions.json:Ben"
DRAWN = "generator:plumbline.creatures/1 seed 1"


def captioned(
    folder: Path,
    lines: list[Line],
    count: int = 4,
    tail: bytes = b"",
    texts: tuple[Text, ...] = (),
    blocklist: Path | None = None,
    **changed: Any,
) -> tuple[list[Record], dict[str, str]]:
    """Run the stage over `count` pictures; returns its rows, and the reason by id of every drop."""
    source, log, out = folder / "curated", folder / "pets.jsonl", folder / "out"
    dialogues = folder / "dialogues.jsonl"
    dialogues.touch()
    if not source.exists():
        curated(source, count, texts=texts)
    log.write_bytes(b"".join(one.encoded() for one in lines) + tail)
    run(
        check_params(CaptionParams, {**PARAMS.model_dump(), **changed}, "caption.pets"),
        curated=source,
        log=log,
        dialogues=dialogues,
        blocklist=blocklist or BLOCKLIST,
        out=out,
    )
    with (out / "drops.csv").open(encoding="utf-8", newline="") as stream:
        return read_rows(out), {row["id"]: row["reason"] for row in csv.DictReader(stream)}


def texts(records: list[Record]) -> dict[str, list[tuple[str, str]]]:
    return {record.id: [(text.text, text.author) for text in record.texts] for record in records}


def test_rows_get_their_texts_and_authors(tmp_path: Path) -> None:
    lines = [line(0, "caption", good(0)), line(1, "caption", good(1), FILE), line(1, "caption", good(1, " too"), FILE)]
    records, drops = captioned(tmp_path, [*lines, line(2, "reject"), line(99, "caption", good(9))])
    assert texts(records) == {
        "row-0000": [(good(0), ADA)],
        "row-0001": [(good(1), FILE), (good(1, " too"), FILE)],
    }
    assert drops == {"row-0002": "rejected by a person", "row-0003": "no caption"}
    facts = read_manifest(tmp_path / "out")
    assert (facts["rows_in"], facts["rows_out"], facts["captions"], facts["orphans"]) == (4, 2, 3, 1)
    assert facts["authors"] == {FILE: 2, ADA: 1}
    assert [one["stage"] for one in read_history(tmp_path / "out")] == ["curate", "caption"]


def test_everything_else_of_a_row_and_its_picture_stays(tmp_path: Path) -> None:
    records, _ = captioned(tmp_path, [line(number, "caption", good(number)) for number in range(4)])
    before = {record.id: record for record in read_rows(tmp_path / "curated")}
    with ShardReader(tmp_path / "curated") as old, ShardReader(tmp_path / "out") as new:
        for record in records:
            image = record.image
            data = new.read(image.shard, image.member, image.sha256)
            assert data == old.read(image.shard, image.member)
            assert (record.source, record.split, image) == (
                before[record.id].source,
                before[record.id].split,
                before[record.id].image,
            )


def test_two_runs_are_equal_to_the_byte_and_tell_nothing_of_the_machine(tmp_path: Path) -> None:
    lines = [line(number, "caption", good(number)) for number in range(4)]
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        captioned(tmp_path / name, lines)
        found.append({path.name: path.read_bytes() for path in (tmp_path / name / "out").iterdir()})
    assert found[0] == found[1]
    content = b"".join(found[0].values())
    assert str(tmp_path).encode() not in content
    assert AT[:10].encode() not in content


def test_a_persons_words_are_not_mixed_with_others(tmp_path: Path) -> None:
    lines = [
        line(0, "draft", good(0, " says a model"), MODEL),
        line(0, "caption", good(0, " says a generator"), DRAWN),
        line(0, "caption", good(0)),
        line(0, "caption", good(0, " says a file"), FILE),
        line(0, "draft", good(0, " says it again"), MODEL),
        line(1, "draft", good(1), MODEL),
        line(1, "caption", good(1, " says a generator"), DRAWN),
    ]
    everybody = {"authors": ["model", "generator", "import", "person"]}
    records, _ = captioned(tmp_path, lines, **everybody)
    assert texts(records) == {"row-0000": [(good(0), ADA)], "row-0001": [(good(1, " says a generator"), DRAWN)]}
    lines += [line(0, "undo"), line(1, "undo", author=DRAWN)]
    records, _ = captioned(tmp_path, lines, **everybody)
    assert texts(records) == {"row-0000": [(good(0, " says a file"), FILE)], "row-0001": [(good(1), MODEL)]}


def test_drafts_count_only_where_they_are_asked_for(tmp_path: Path) -> None:
    lines = [line(number, "draft", good(number), MODEL) for number in range(4)]
    with pytest.raises(UserError, match="no picture of the test split has captions"):
        captioned(tmp_path, lines)
    assert not (tmp_path / "out").exists()
    records, _ = captioned(tmp_path, lines, authors=["model"])
    assert len(records) == 4


def test_least_most_and_skipped(tmp_path: Path) -> None:
    lines = [line(number, "caption", good(number, more)) for number in (0, 1) for more in ("", " too", " three")]
    lines += [line(2, "caption", good(2)), line(2, "skip"), line(3, "skip")]
    records, drops = captioned(tmp_path, lines, least=2, most=2)
    assert [len(record.texts) for record in records] == [2, 2]
    assert drops == {"row-0002": "too few captions", "row-0003": "skipped by a person"}


@pytest.mark.parametrize(
    "hostile",
    [
        "<image> Pet2 is a blue circle",
        "Pet2 </s> is blue here",
        "Pet2 <start_of_turn>user",
        "two words",
        "\u202ePet2 is blue",
    ],
)
def test_hostile_captions_are_left_out_with_a_reason_and_never_changed(
    tmp_path: Path, hostile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [line(number, "caption", good(number)) for number in (0, 1)]
    lines += [line(2, "caption", hostile), line(0, "caption", hostile)]
    records, drops = captioned(tmp_path, lines)
    assert texts(records) == {"row-0000": [(good(0), ADA)], "row-0001": [(good(1), ADA)]}
    assert drops == {"row-0002": "no usable caption", "row-0003": "no caption"}
    with (tmp_path / "out/left_out.csv").open(encoding="utf-8", newline="") as stream:
        left_out = list(csv.DictReader(stream))
    assert [(row["id"], row["text"]) for row in left_out] == [("row-0000", hostile), ("row-0002", hostile)]
    assert sum(read_manifest(tmp_path / "out")["left_out"].values()) == 2
    monkeypatch.setattr(stage, "flaws_of", lambda *_: [])
    records, _ = captioned(tmp_path, lines)
    assert (hostile, ADA) in texts(records)["row-0002"]  # the check is what keeps it out


def test_formulas_in_captions_are_quoted_in_the_csv(tmp_path: Path) -> None:
    lines = [line(number, "caption", good(number)) for number in (0, 1)]
    captioned(tmp_path, [*lines, line(2, "caption", "=HYPERLINK(1) <x>")])
    assert "'=HYPERLINK(1) <x>" in (tmp_path / "out/left_out.csv").read_text()


def test_existing_texts_are_kept_only_when_asked(tmp_path: Path) -> None:
    lines = [line(number, "caption", good(number)) for number in (0, 1)]
    records, drops = captioned(tmp_path, lines, texts=(Text("A", "Cy"), Text("<eos>", "Cy")))
    assert (texts(records)["row-0000"], len(drops)) == ([(good(0), ADA)], 2)
    records, drops = captioned(tmp_path, lines, keep_existing=True)
    assert texts(records)["row-0000"] == [("A", "Cy"), (good(0), ADA)]
    assert texts(records)["row-0003"] == [("A", "Cy")]
    assert drops == {}


def test_a_torn_last_line_does_not_count_and_stays(tmp_path: Path) -> None:
    lines = [line(number, "caption", good(number)) for number in (0, 1)]
    tail = line(2, "caption", good(2)).encoded()[:90]
    records, _ = captioned(tmp_path, lines, tail=tail)
    assert len(records) == 2
    assert (tmp_path / "pets.jsonl").read_bytes().endswith(tail)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "pets.jsonl").unlink(), "is missing"),
        (lambda folder: (folder / "pets.jsonl").write_text("nonsense\n"), "line 1"),
        (lambda folder: (folder / "pets.jsonl").write_text(""), "no picture of the test split"),
        (lambda folder: (folder / "curated/manifest.json").unlink(), "unfinished"),
    ],
)
def test_what_cannot_be_used_says_so(tmp_path: Path, spoil: Any, says: str) -> None:
    captioned(tmp_path, [line(number, "caption", good(number)) for number in range(4)])
    spoil(tmp_path)
    with pytest.raises(UserError, match=says):
        run(
            PARAMS,
            curated=tmp_path / "curated",
            log=tmp_path / "pets.jsonl",
            dialogues=tmp_path / "dialogues.jsonl",
            blocklist=BLOCKLIST,
            out=tmp_path / "new",
        )
    assert not (tmp_path / "new/manifest.json").exists()


def test_a_swapped_picture_is_found(tmp_path: Path) -> None:
    captioned(tmp_path, lines := [line(number, "caption", good(number)) for number in range(4)])
    shard = next((tmp_path / "curated").glob("*.tar"))
    data = bytearray(shard.read_bytes())
    data[512 + 60] ^= 1  # in the first picture
    shard.write_bytes(data)
    with pytest.raises(UserError, match="is not the picture"):
        captioned(tmp_path, lines)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"authors": ["person", "person"]}, "each kind once"),
        ({"authors": ["robot"]}, "robot"),
        ({"authors": []}, "authors"),
        ({"least": 3, "most": 2}, "below `least`"),
        ({"shortest": 9, "longest": 2}, "below `shortest`"),
        ({"least": 0}, "least"),
        ({"fewest": 1}, "fewest"),
    ],
)
def test_wrong_parameters_are_named(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        check_params(CaptionParams, {**PARAMS.model_dump(), **changed}, "caption.pets")


actions = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["caption", "skip", "reject", "undo", "draft"]),
        st.sampled_from([good(1), good(2), "<image> no", "no", "a\u202eb c d", "one more caption of any kind"]),
        st.sampled_from([ADA, "person:Ben"]),
    ),
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(actions, st.integers(1, 2), st.booleans())
def test_rows_in_are_rows_out_and_drops(steps: list[Any], least: int, keep: bool) -> None:
    lines = [line(number, "caption", good(number, more)) for number in (4, 5) for more in ("", " too")]
    for number, action, text, author in steps:
        if action == "draft":
            lines.append(line(number % 4, action, text, MODEL))
        else:
            lines.append(line(number % 4, action, text if action == "caption" else "", author))
    with tempfile.TemporaryDirectory() as name:
        records, drops = captioned(Path(name), lines, 6, least=least, keep_existing=keep)
        assert sorted([*(record.id for record in records), *drops]) == [f"row-{number:04d}" for number in range(6)]
        assert all(len(record.texts) >= least for record in records)
        facts = json.loads((Path(name) / "out/manifest.json").read_text())
        assert facts["rows_in"] == facts["rows_out"] + sum(facts["dropped"].values())
        assert facts["captions"] == sum(facts["authors"].values()) == sum(len(record.texts) for record in records)
        written = {(one.sha256, one.text, one.author) for one in lines}
        assert {(r.origin, t.text, t.author) for r in records for t in r.texts} <= written


def test_the_stage_loads_no_page() -> None:
    loaded = "import sys, stages.caption.stage as s; print([n for n in ('gradio', 'PIL') if n in sys.modules])"
    said = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == "[]"


def test_a_blocked_author_counts_for_nothing_and_the_next_kind_does(tmp_path: Path) -> None:
    lines = [
        line(0, "caption", good(0)),
        line(0, "caption", good(1), FILE),
        line(1, "caption", good(2)),
        line(2, "reject"),
    ]
    lines.append(line(3, "caption", good(3), FILE))
    blocklist = tmp_path / "blocklist.txt"
    blocklist.write_text(f"author {ADA}\n", encoding="utf-8")
    records, drops = captioned(tmp_path, lines, blocklist=blocklist)
    assert texts(records) == {"row-0000": [(good(1), FILE)], "row-0003": [(good(3), FILE)]}
    assert drops == {"row-0001": "no caption", "row-0002": "rejected by a person"}
    assert read_manifest(tmp_path / "out")["left_out"] == {"blocklisted": 2}
