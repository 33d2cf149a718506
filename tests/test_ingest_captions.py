"""Ingest of captioned sets: one row a picture with all its captions, and a reason for each line that is none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from curation import curate
from curation import run as run_curate
from hypothesis import given
from hypothesis import strategies as st
from ingested import HTML, imported, pictures

from stages.formats.captioned import Captioned
from stages.formats.registry import WRITERS
from stages.ingest import comma
from stages.ingest.parameters import Ingest
from stages.ingest.stage import run
from stages.params import UserError
from stages.record import Record, read_rows

FLICKR = Ingest(folder="unused", format="flickr30k", author="Flickr")
COCO = Ingest(folder="unused", format="coco", author="COCO")
PIPES = "image_name| comment_number| comment\n"


def flickr(tmp_path: Path, lines: str, name: str = "results.csv") -> Path:
    source = pictures(tmp_path / "in", ["images/1.jpg", "images/2.jpg", "3.jpg"])
    (source / name).write_text(lines, encoding="utf-8")
    return source


def texts(records: list[Record]) -> dict[str, list[str]]:
    return {record.source.file: [text.text for text in record.texts] for record in records}


def test_rows_of_one_picture_become_one_record(tmp_path: Path) -> None:
    lines = PIPES + "1.jpg| 0| Two men | one dog .\n2.jpg| 0| A dog .\n1.jpg| 1| A dog .\n"
    lines += (
        "1.jpg 4 no pipe\n./images/2.jpg| 1| \ngone.jpg| 0| Lost .\ngone.jpg| 1| Lost again .\n../x.jpg| 0| Out .\n"
    )
    source = flickr(tmp_path, lines)
    (source / "page.jpg").write_bytes(HTML)
    (source / "results.csv").write_text(lines + "page.jpg| 0| A page .\n", encoding="utf-8")
    records, drops = imported(FLICKR, source, tmp_path / "out")
    assert texts(records) == {"images/1.jpg": ["Two men | one dog .", "A dog ."], "images/2.jpg": ["A dog ."]}
    assert {(record.label, record.entity) for record in records} == {("", record.origin) for record in records}
    assert {text.author for record in records for text in record.texts} == {"Flickr"}
    assert {record.source.file: record.source.drawn for record in records}["images/1.jpg"] == {"lines": [2, 4]}
    assert drops == {
        "line 5: 1.jpg 4 no pipe": "malformed row",
        "line 6: ./images/2.jpg": "empty caption",
        "gone.jpg: 2 captions": "missing picture",
        "''../x.jpg: 1 captions".removeprefix("''"): "path leaves the folder",
        "page.jpg: HTML": "not a PNG, JPEG, WEBP or GIF picture",
        "3.jpg": "not in the table",
    }


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("captions.txt", 'image,caption\n1.jpg,"A man , a ""dog"" ."\n1.jpg,A man , a "dog" .\n'),
        ("any.csv", 'image_name,comment_number,comment\n1.jpg,0,A man , a "dog" .\n1.jpg,1,A man , a "dog" .\n'),
        ("Flickr8k.token.txt", '1.jpg#0\tA man , a "dog" .\n1.jpg#1\tA man , a "dog" .\n'),
        ("results_20130124.csv", '"1.jpg"| 0|A man , a "dog" .\r\n1.jpg| 1| A man , a "dog" .\r\n'),
    ],
)
def test_all_forms_of_flickr(tmp_path: Path, name: str, lines: str) -> None:
    records, _ = imported(FLICKR, flickr(tmp_path, lines, name), tmp_path / "out")
    assert texts(records) == {"images/1.jpg": ['A man , a "dog" .'] * 2}


def test_a_caption_over_two_lines_is_dropped_and_said(tmp_path: Path) -> None:
    lines = 'image,caption\n1.jpg,"A man\nand a dog ."\n2.jpg,A dog .\n'
    records, drops = imported(FLICKR, flickr(tmp_path, lines, "captions.txt"), tmp_path / "out")
    assert texts(records) == {"images/2.jpg": ["A dog ."]}
    assert sorted(drops.values()) == ["malformed row", "not in the table", "not in the table", "quote is not closed"]


def test_a_name_that_fits_two_files_names_none(tmp_path: Path) -> None:
    source = flickr(tmp_path, PIPES + "2.jpg| 0| A .\n3.jpg| 0| B .\ne\u0301.jpg| 0| C .\n")
    pictures(source, ["more/2.jpg", "more/3.jpg", "more/\u00e9.jpg"])
    records, drops = imported(FLICKR, source, tmp_path / "out")
    assert texts(records) == {"3.jpg": ["B ."], "more/é.jpg": ["C ."]}
    assert drops["2.jpg: 1 captions"] == "picture is ambiguous"


def coco(source: Path, name: str = "annotations/captions_val2017.json") -> Path:
    images = [
        {"id": 1, "file_name": "1.jpg"},
        {"id": "2", "file_name": "images/2.jpg"},
        {"id": 3, "file_name": "9.jpg"},
    ]
    annotations = [
        {"image_id": 1, "caption": "One."},
        {"image_id": 2, "caption": "Two.", "author": "Ada"},
        {"image_id": 1, "caption": "Again\none."},
        {"image_id": 3, "caption": "Gone."},
        {"image_id": 4, "caption": "Unknown."},
        {"image_id": 1, "bbox": [0, 0, 1, 1]},
        7,
    ]
    (source / name).parent.mkdir(exist_ok=True)
    (source / name).write_text(json.dumps({"images": images, "annotations": annotations}), encoding="utf-8")
    return source


def test_coco(tmp_path: Path) -> None:
    source = coco(pictures(tmp_path / "in", ["images/1.jpg", "images/2.jpg"]))
    records, drops = imported(COCO, source, tmp_path / "out")
    assert texts(records) == {"images/1.jpg": ["One.", "Again one."], "images/2.jpg": ["Two."]}
    assert {text.text: text.author for record in records for text in record.texts}["Two."] == "Ada"
    assert sorted(drops.values()) == ["malformed entry", "missing picture", "no caption", "unknown image_id"]
    coco(source, "annotations/captions_train2017.json")
    with pytest.raises(UserError, match=r"several caption files \(.*name one of them in `table`"):
        run(COCO, source=source, out=tmp_path / "out")
    named = COCO.model_copy(update={"table": "annotations/captions_val2017.json"})
    _, drops = imported(named, source, tmp_path / "out")
    assert drops["annotations/captions_train2017.json"] == "not in the table"


@pytest.mark.parametrize(
    ("params", "spoil", "says"),
    [
        (FLICKR, lambda source: (source / "results.csv").unlink(), "no caption file .*looked for results.csv"),
        (FLICKR, lambda source: (source / "results.csv").write_text(""), "is empty: give the file"),
        (FLICKR, lambda source: (source / "results.csv").write_text("a;b\n"), "starts with `a;b`; expected"),
        (FLICKR, lambda source: (source / "results.csv").write_text(PIPES + "1.jpg\n"), r"none of its 1 .*malformed"),
        (
            FLICKR,
            lambda source: (source / "results.csv").write_text(PIPES + "9| 0| A\n"),
            "0 usable .*1 x missing pict",
        ),
        (FLICKR, lambda source: (source / "results.csv").write_bytes(b"\xff"), "not UTF-8"),
        (COCO, lambda source: (source / "a.json").write_text("{"), "is no JSON"),
        (COCO, lambda source: (source / "a.json").write_text("{}"), "is no COCO captions file"),
        (COCO, lambda source: (source / "a.json").write_text("[]"), "none of its 0 lines"),
        (COCO.model_copy(update={"table": "../x.json"}), lambda _: None, "`table` = ../x.json leaves `folder`"),
        (COCO.model_copy(update={"table": "x.json"}), lambda _: None, "`table` = x.json is no file in `folder`"),
    ],
)
def test_a_set_that_cannot_be_used(tmp_path: Path, params: Ingest, spoil: Callable[[Path], object], says: str) -> None:
    source = flickr(tmp_path, PIPES + "1.jpg| 0| A .\n")
    spoil(source)
    with pytest.raises(UserError, match=says):
        run(params, source=source, out=tmp_path / "out")
    assert not (tmp_path / "out/manifest.json").exists()


def test_curate_and_back_again(tmp_path: Path) -> None:
    """An empty label is no contradiction; what is exported comes back with every caption."""
    names = [f"{number}.jpg" for number in range(12)]
    source = pictures(tmp_path / "in", names)
    (source / "twin.png").write_bytes((source / "3.jpg").read_bytes())
    lines = [f"{name}| {k}| Caption {k} of {name} | or so .\n" for name in [*names, "twin.png"] for k in range(5)]
    (source / "results.csv").write_text(PIPES + "".join(lines), encoding="utf-8")
    imported(FLICKR, source, tmp_path / "raw")
    out = run_curate(curate(source="ingest"), tmp_path / "raw", tmp_path / "curated")
    rows = read_rows(out)
    assert len(rows) == 12
    assert all(len(row.texts) == 5 and row.image.width for row in rows)
    wanted = sorted(sorted(text.text for text in row.texts) for row in rows)
    for params, name in ((FLICKR, "flickr30k"), (COCO, "coco")):
        WRITERS[name](out, tmp_path / name)
        table = {"flickr30k": "results.csv", "coco": "captions_train.json"}[name]
        back, _ = imported(params.model_copy(update={"table": table}), tmp_path / name, tmp_path / f"{name} back")
        found = sorted(sorted(text.text for text in row.texts) for row in back)
        assert found == (wanted if name == "flickr30k" else [t for t in wanted if t in found])
        assert found


@given(
    st.sampled_from([PIPES, "image,caption\n", "image_name,comment_number,comment\n", "1.jpg#0\tA\n", ""]),
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), max_size=6),
)
def test_every_line_is_a_caption_or_a_flaw(
    tmp_path_factory: pytest.TempPathFactory, header: str, lines: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.csv"
    path.write_text(header + "\n".join(lines), encoding="utf-8", newline="")
    try:
        items = comma.read(path)
    except UserError:
        assert not header
        return
    if header:
        first = header.startswith("1.jpg")
        assert len(items) == first + sum(bool(line.strip()) for line in lines)
    assert all(isinstance(item, Captioned) or item.reason for item in items)
