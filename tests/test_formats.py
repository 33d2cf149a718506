"""Captions from outside: each format as others write it, and what we write comes back."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exports import record, write_table
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stages.formats import cells
from stages.formats.captioned import MOST_CHARACTERS, Captioned, Flaw, Item, clean
from stages.formats.chat import neutral
from stages.formats.names import file_names
from stages.formats.registry import READERS, WRITERS
from stages.params import UserError
from stages.record import read_rows


def texts_of(items: list[Item]) -> list[tuple[str, str]]:
    return [(one.picture, one.caption) for one in items if isinstance(one, Captioned)]


def flaws_of(items: list[Item]) -> list[tuple[int, str]]:
    return [(one.line, one.reason) for one in items if isinstance(one, Flaw)]


def read(name: str, path: Path, content: str | bytes | object) -> list[Item]:
    """Write `content` (JSON unless it is text) and read it as format `name`."""
    if not isinstance(content, str | bytes):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return READERS[name](path)


# what is written comes back


def annotated(out: Path) -> Path:
    """What Label Studio exports after somebody accepted every pre-annotation."""
    tasks = json.loads((out / "tasks.json").read_text(encoding="utf-8"))
    done = [
        {"id": number, "data": task["data"], "annotations": [{**one, "completed_by": 3} for one in task["predictions"]]}
        for number, task in enumerate(tasks)
    ]
    (out / "export.json").write_text(json.dumps(done), encoding="utf-8")
    return out / "export.json"


FILES: dict[str, Callable[[Path], list[Path]]] = {  # what to read of an export
    "imagefolder": lambda out: [out],
    "cc3m": lambda out: sorted(out.glob("*.tsv")),
    "coco": lambda out: sorted(out.glob("captions_*.json")),
    "flickr30k": lambda out: [out / "results.csv"],
    "label_studio": lambda out: [annotated(out)],
    "sheet": lambda out: [out / "captions.csv"],
    "xlsx": lambda out: [out / "captions.xlsx"],
    "llava": lambda out: sorted(out.glob("llava_*.json")),
    "trl": lambda out: [out],
}
NASTY = ["=1+1", "'=x", "''-x", "'tis", " | ", "|", '"', '""', '"a" b', ' "a|b" ', "a,b;c", "\t x\n", "#N/A", "\u2028x"]
NASTY += [
    "\x00",
    "<image>\n</s>",
    "\ud800x",
    "\ufffe",
    "e\u0301",
    "\ufeffx",
    "\x85x",
    "_x0041_",
    "TRUE",
    "1.0",
    "é" * 9000,
]
captions = st.lists(
    st.lists(st.one_of(st.text(max_size=30), st.sampled_from(NASTY)), min_size=1, max_size=3), min_size=1, max_size=3
)


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(texts=[NASTY[:9], NASTY[9:], ["é" * (MOST_CHARACTERS - 1)]])
@given(texts=captions)
def test_what_is_written_comes_back(name: str, texts: list[list[str]]) -> None:
    kind = "sheet" if name == "xlsx" else name
    with tempfile.TemporaryDirectory() as root:
        safe = [[text.encode("utf-8", "replace").decode() for text in group] for group in texts]  # as Parquet holds it
        given_records = [record(i, group, ("train", "test")[i % 2]) for i, group in enumerate(safe)]
        folder = write_table(Path(root) / "table", given_records)
        records = read_rows(folder)
        wanted = [
            (file, neutral(clean(text.text)) if name in ("llava", "trl") else clean(text.text))
            for one, file in zip(records, file_names(records), strict=True)
            for text in one.texts
            if clean(text.text)
        ]
        out = Path(root) / "out"
        if not wanted and name in ("cc3m", "flickr30k", "llava", "trl"):
            with pytest.raises(UserError, match="none of its"):
                WRITERS[kind](folder, out)
            return
        WRITERS[kind](folder, out)
        items = [item for file in FILES[name](out) for item in READERS[kind](file)]
        found = [(picture.rpartition("/")[2], caption) for picture, caption in texts_of(items)]
        assert sorted(found) == sorted(wanted)
        assert {reason for _, reason in flaws_of(items)} <= {"empty caption", "not annotated"}


@given(st.text())
def test_a_quoted_cell_is_no_formula_and_comes_back(text: str) -> None:
    assert cells.plain(cells.quoted(text)) == text
    assert cells.quoted(text)[:1] not in ("=", "+", "-", "@", "\t", "\r")


# each format as others write it


def test_cc3m_with_and_without_a_header(tmp_path: Path) -> None:
    fromage = "caption\timage\nauthor : a life -- in pictures\t0_1595581236\n\nno picture\t\nthe player\t3_28\textra\n"
    items = read("cc3m", tmp_path / "a.tsv", fromage)
    assert texts_of(items) == [("0_1595581236", "author : a life -- in pictures")]
    assert flaws_of(items) == [(4, "no picture named"), (5, "malformed row")]
    google = '"a sign" says\thttp://a.test/1.jpg\r\n"quoted"\thttp://a.test/2.jpg\n'
    assert [caption for _, caption in texts_of(read("cc3m", tmp_path / "b.tsv", google))] == [
        '"a sign" says',
        '"quoted"',
    ]
    named = texts_of(read("cc3m", tmp_path / "c.tsv", "\ufeffurl\tcaption\nhttp://a.test/1.jpg\ta dog\n"))
    assert named == [("http://a.test/1.jpg", "a dog")]
    assert read("cc3m", tmp_path / "d.tsv", "\n \n") == []


def test_coco_captions_and_results(tmp_path: Path) -> None:
    document = {
        "images": [{"id": 5, "file_name": "COCO_val2014_000000000005.jpg"}, "no object"],
        "annotations": [
            {"id": 1, "image_id": 5, "caption": "a dog"},
            {"id": 2, "image_id": "5", "caption": "a cat "},
            {"id": 3, "image_id": 6, "caption": "lost"},
            {"id": 4, "image_id": 5, "bbox": [0, 0, 1, 1]},
            {"id": 5, "image_id": 5, "caption": "  "},
            {"id": 6, "image_id": 5, "caption": ["a", "b"]},
            {"id": 7, "caption": "whose?"},
            7,
        ],
    }
    items = read("coco", tmp_path / "a.json", document)
    assert texts_of(items) == [("COCO_val2014_000000000005.jpg", "a dog"), ("COCO_val2014_000000000005.jpg", "a cat")]
    assert flaws_of(items) == [
        (3, "unknown image_id"),
        (4, "no caption"),
        (5, "empty caption"),
        (6, "caption is no text"),
        (7, "no picture named"),
        (8, "malformed entry"),
    ]
    results = [{"image_id": 404464, "caption": "black and white photo"}]
    assert texts_of(read("coco", tmp_path / "b.json", results)) == [("404464", "black and white photo")]
    with pytest.raises(UserError, match="no COCO captions file"):
        read("coco", tmp_path / "c.json", {"images": []})


def test_flickr30k_with_its_broken_row(tmp_path: Path) -> None:
    content = (
        "image_name| comment_number| comment\n"
        "1000092795.jpg| 0| Two young guys with shaggy hair look at their hands .\n"
        "1000092795.jpg| 1| a | b || c\n"
        "2199200615.jpg| 4   A dog runs across the grass .\n"
        '1.jpg|2|"so ""quoted"" | cell"\n'
        '1.jpg| 3| "not" a cell\n'
    )
    items = read("flickr30k", tmp_path / "results.csv", content)
    assert [caption for _, caption in texts_of(items)] == [
        "Two young guys with shaggy hair look at their hands .",
        "a | b || c",
        'so "quoted" | cell',
        '"not" a cell',
    ]
    assert flaws_of(items) == [(4, "malformed row")]


def region(text: object, field: str = "caption", kind: str = "textarea") -> dict[str, Any]:
    return {"from_name": field, "to_name": "image", "type": kind, "value": {"text": text}}


def test_label_studio_exports(tmp_path: Path) -> None:
    def task(data: object, *annotations: object) -> dict[str, object]:
        return {"data": data, "annotations": annotations, "predictions": [{"result": [region(["a draft"])]}]}

    ada = {"id": 1, "email": "ada@example.org"}
    items = read(
        "label_studio",
        tmp_path / "a.json",
        [
            task(
                {"image": "/data/upload/3/0a1b2c3d-fox.png"}, {"completed_by": 7, "result": [region(["a fox", "red"])]}
            ),
            task(
                {"captioning": "/data/local-files/?d=images/owl.png"}, {"completed_by": ada, "result": [region("owl")]}
            ),
            task({"image": "x.png"}, {"was_cancelled": True, "result": [region(["no"])]}),
            task({"image": "x.png"}),
            task({"image": "x.png"}, {"result": [region(["cat"], "choice", "choices")]}, "broken"),
            task({"image": "x.png"}, {"result": [region(["skip me"], "notes"), region(["take me"])]}),
            task({"sound": "x.wav"}, {"result": [region(["whose"])]}),
            "no task",
        ],
    )
    assert texts_of(items) == [
        ("fox.png", "a fox"),
        ("fox.png", "red"),
        ("images/owl.png", "owl"),
        ("x.png", "take me"),
    ]
    assert [one.author for one in items if isinstance(one, Captioned)] == ["7", "7", "ada@example.org", ""]
    assert flaws_of(items) == [
        (3, "annotation cancelled"),
        (4, "not annotated"),
        (5, "no text"),
        (5, "malformed entry"),
        (7, "no picture named"),
        (8, "malformed entry"),
    ]


def test_label_studio_json_min(tmp_path: Path) -> None:
    entries = [
        {"captioning": "http://a.test/1.jpg", "caption": "one", "annotator": 2, "id": 1},
        {"image": "2.png", "caption": ["two", "three"]},
        {"image": "3.png", "caption": [{"text": ["four", "five"]}, {"text": "six"}]},
        {"image": "4.png"},
        {"captioning": "http://a.test/5.jpg"},
    ]
    items = read("label_studio", tmp_path / "min.json", entries)
    assert [caption for _, caption in texts_of(items)] == ["one", "two", "three", "four", "five", "six"]
    assert flaws_of(items) == [(4, "no text"), (5, "no text")]


def test_llava_and_trl(tmp_path: Path) -> None:
    turns = [
        {"from": "human", "value": "<image>\nWhat?"},
        {"from": "gpt", "value": "a dog"},
        {"from": "gpt", "value": ""},
    ]
    entries = [{"image": "1.jpg", "conversations": turns}, {"conversations": turns[:2]}, {"image": "2.jpg"}]
    entries += [{"image": ["1.jpg", "2.jpg"], "conversations": turns}, {"image": "3.jpg", "conversations": turns[:1]}]
    items = read("llava", tmp_path / "a.json", entries)
    assert texts_of(items) == [("1.jpg", "a dog")]
    assert [reason for _, reason in flaws_of(items)] == [
        "empty caption",
        "no picture named",
        "malformed entry",
        "several pictures",
        "no answer",
    ]
    parts = [{"type": "text", "text": "a dog"}, {"type": "image", "text": None}]
    rows = [
        {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": parts}], "images": ["1.jpg"]},
        {"messages": [{"role": "assistant", "content": "plain"}], "image": {"path": "2.jpg", "bytes": None}},
        {"prompt": [], "completion": [{"role": "assistant", "content": "cat"}], "images": [{"path": "3.jpg"}]},
        {"messages": [{"role": "user", "content": "?"}], "images": ["1.jpg"]},
        [],
    ]
    found = read("trl", tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n{")
    assert texts_of(found) == [("1.jpg", "a dog"), ("2.jpg", "plain"), ("3.jpg", "cat")]
    assert [line for line, _ in flaws_of(found)] == [4, 5, 6]


def test_imagefolder_from_a_folder_of_splits(tmp_path: Path) -> None:
    (tmp_path / "train/empty").mkdir(parents=True)
    (tmp_path / "test").mkdir()
    (tmp_path / "train/metadata.jsonl").write_text('{"file_name": "1.png", "text": "one"}\n{"text": "whose"}\n')
    (tmp_path / "test/metadata.csv").write_text("file_name,text\n2.png,two\n")
    items = READERS["imagefolder"](tmp_path)
    assert sorted(texts_of(items)) == [("1.png", "one"), ("2.png", "two")]
    assert flaws_of(items) == [(2, "no picture named")]
    with pytest.raises(UserError, match=r"no metadata.jsonl or metadata.csv"):
        READERS["imagefolder"](tmp_path / "train/empty")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_sheets_by_their_columns(tmp_path: Path, mark: str) -> None:
    rows = [["No", " Image ", "TEXT", "Author"], ["1", "a.png", "'=a dog", "Ada"], ["2", "b.png"], ["", "", "", ""]]
    items = read("sheet", tmp_path / "a.csv", "\ufeff" + "\n".join(map(mark.join, rows)) + "\n")
    assert items[0] == Captioned("a.png", "=a dog", 2, "Ada")
    assert flaws_of(items) == [(3, "malformed row")]
    with pytest.raises(UserError, match="needs a column for the picture"):
        read("sheet", tmp_path / "b.csv", "name,words\na.png,x\n")
