"""Captions from outside, broken or hostile: items or one complaint, never a crash, and nothing is computed."""

import io
import json
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.formats import captioned as reading
from stages.formats import sheet
from stages.formats.captioned import Captioned, Flaw, Item, clean
from stages.formats.registry import READERS
from stages.params import UserError


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


def workbook(path: Path, rows: list[list[object]], far: str = "") -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if far:
        book.active[far] = "far"
    book.save(path)
    return path


def test_formulas_are_not_computed(tmp_path: Path) -> None:
    rows = [
        ["picture", "caption"],
        ["a.png", '="a"&"b"'],
        ["b.png", "#REF!"],
        [3.0, 4.5],
        [None, None],
        ["c.png", "ok"],
    ]
    items = READERS["sheet"](workbook(tmp_path / "a.xlsx", rows))
    assert texts_of(items) == [("3", "4.5"), ("c.png", "ok")]
    assert flaws_of(items) == [(2, "formula"), (3, "error cell")]


@pytest.mark.parametrize("on", [True, False])
def test_a_small_workbook_cannot_claim_a_large_one(tmp_path: Path, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not on:
        monkeypatch.setattr(sheet, "MOST_COLUMNS", 16_384)
    looked_at = []
    value = sheet._value
    monkeypatch.setattr(sheet, "_value", lambda cell: looked_at.append(1) or value(cell))
    rows: list[list[object]] = [["picture", "caption"], *([f"{number}.png", "x"] for number in range(5))]
    items = READERS["sheet"](workbook(tmp_path / "a.xlsx", rows, far="XFD1"))
    assert len(texts_of(items)) == 5
    assert (len(looked_at) < 300) is on


@pytest.mark.parametrize("on", [True, False])
def test_a_zip_bomb_is_refused(tmp_path: Path, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "a.xlsx", [["picture", "caption"], ["a.png", "x"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", b"\0" * 2_000_000)
    monkeypatch.setattr(sheet, "MOST_UNPACKED", 1_000_000 if on else 1 << 40)
    if on:
        with pytest.raises(UserError, match="unpacks to"):
            READERS["sheet"](path)
    else:
        assert len(READERS["sheet"](path)) == 1


@pytest.mark.parametrize("name", sorted(READERS))
def test_files_that_cannot_be_read_say_so(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="is missing"):
        READERS[name](tmp_path / "none.json")
    with pytest.raises(UserError, match="not UTF-8"):
        read(name, tmp_path / "latin", b"picture,caption\n\xff\xfe")
    (tmp_path / "large").write_text("caption\timage\n")
    assert "more than" not in complaint(name, tmp_path / "large")
    monkeypatch.setattr(reading, "MOST_BYTES", 3)  # the limit is what refuses it
    assert "more than 3" in complaint(name, tmp_path / "large")


def complaint(name: str, path: Path) -> str:
    """What a reader says of a file as a whole, "" when it reads it."""
    try:
        READERS[name](path)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ["coco", "label_studio", "llava"])
@pytest.mark.parametrize("content", ["{", "[" * 200_000, '{"a": 1}', "7", f"[{'9' * 5000}]", ""])
def test_broken_json_is_one_complaint(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(UserError, match=r"a\.json"):
        read(name, tmp_path / "a.json", content)


words = st.sampled_from(
    [
        "image",
        "images",
        "caption",
        "captions",
        "annotations",
        "data",
        "result",
        "text",
        "image_id",
        "conversations",
        "from",
        "gpt",
        "messages",
        "role",
        "assistant",
        "content",
        "type",
        "textarea",
        "value",
        "file_name",
        "x.png",
        "id",
    ]
)
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.one_of(st.lists(anything, max_size=5), anything))
def test_any_json_ends_as_items_or_one_complaint(tmp_path: Path, value: object) -> None:
    for name in READERS:
        try:
            items = read(name, tmp_path / "a.json", value)
        except UserError:
            continue
        assert all(isinstance(one, Captioned | Flaw) for one in items)
        if isinstance(value, list) and name in ("coco", "label_studio", "llava"):
            assert {one.line for one in items} == set(range(1, len(value) + 1))
        json.dumps([vars(one) for one in items]).encode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=60), st.text(st.sampled_from('a|\t,;"\n\r =1\x00\x0b\u2028'), max_size=60).map(str.encode)
    ),
    header=st.sampled_from([b"", b"caption\timage\n", b"image_name| comment_number| comment\n", b"file_name,text\n"]),
)
def test_any_lines_end_as_items_or_one_complaint(tmp_path: Path, header: bytes, content: bytes) -> None:
    for name in READERS:
        try:
            items = read(name, tmp_path / "a.txt", header + content)
        except UserError:
            continue
        for one in items:
            assert isinstance(one, Flaw) or (one.picture == clean(one.picture) and one.caption == clean(one.caption))
        if name in ("cc3m", "flickr30k"):
            lines = [line for line in (header + content).decode().split("\n") if line.strip("\ufeff").strip()]
            assert len(items) in (len(lines), len(lines) - 1)  # less one where the first is a header


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_workbook_is_one_complaint(tmp_path: Path, content: bytes, zipped: bool) -> None:
    if zipped:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("[Content_Types].xml", content)
            archive.writestr("xl/workbook.xml", content)
        content = stream.getvalue()
    with pytest.raises(UserError, match="no workbook that can be read"):
        read("sheet", tmp_path / "a.xlsx", content)
