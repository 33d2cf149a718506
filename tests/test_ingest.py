"""Ingest of a table: every row and every file ends as a row or a drop, and the bytes stay as they came."""

import csv
import io
import json
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingested import imported, picture, pictures, stored
from PIL import Image

from stages.ingest.parameters import Ingest
from stages.ingest.stage import run
from stages.ingest.table import find_table, read_table
from stages.params import UserError
from stages.pictures import RefusedPictureError, open_picture, png_bytes
from stages.record import read_manifest

PARAMS = Ingest(folder="unused")
GOOD = [("a.png", "A"), ("b.jpg", "B")]


def folder(tmp_path: Path, rows: list[tuple[str, str]], header: str = "file_name,label") -> Path:
    """A folder with two good pictures, and a table of them and of `rows`."""
    source = tmp_path / "pictures"
    picture(source / "a.png")
    picture(source / "b.jpg", "JPEG", "blue")
    stream = io.StringIO()
    csv.writer(stream).writerows(GOOD + rows)
    (source / "metadata.csv").write_text(f"{header}\n{stream.getvalue()}", encoding="utf-8")
    return source


def test_a_folder_becomes_records(tmp_path: Path) -> None:
    params = PARAMS.model_copy(update={"licence": "CC-BY-4.0", "author": "Ada"})
    records, drops = imported(params, folder(tmp_path, []), tmp_path / "out")
    assert drops == {}
    assert sorted(record.label for record in records) == ["A", "B"]
    for record in records:
        assert (record.source.kind, record.source.licence) == ("folder", "CC-BY-4.0")
        assert (record.source.importer, record.source.file) == (
            "plumbline.ingest/2",
            dict(map(reversed, GOOD))[record.label],
        )
        assert (record.texts[0].text, record.texts[0].author) == (record.label, "Ada")
        assert record.entity == record.image.sha256
        assert stored(tmp_path / "out", record) == (tmp_path / "pictures" / record.source.file).read_bytes()
    facts = read_manifest(tmp_path / "out")
    assert (facts["rows_in"], facts["rows_out"], facts["dropped"]) == (2, 2, {})


def test_two_imports_are_equal_to_the_byte(tmp_path: Path) -> None:
    source = folder(tmp_path, [("gone.png", "C")])
    for name in ("one", "two"):
        run(PARAMS, source=source, out=tmp_path / name)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert str(tmp_path).encode() not in b"".join(one.values())


def test_each_bad_row_has_its_reason(tmp_path: Path) -> None:
    rows = [
        ("../outside.png", "A"),
        (str(tmp_path / "pictures/a.png"), "A"),
        ("link.png", "A"),
        ("gone.png", "A"),
        ("a\0.png", "A"),
        ("x" * 300, "A"),
        ("", "A"),
        ("sub/c.png", " "),
        ("text.png", "A"),
        ("cut.png", "A"),
    ]
    source = folder(tmp_path, rows)
    picture(tmp_path / "outside.png")
    (source / "link.png").symlink_to(tmp_path / "outside.png")
    picture(source / "sub/c.png")
    picture(source / "stray.png")
    (source / "text.png").write_text("not a picture")
    (source / "cut.png").write_bytes((source / "a.png").read_bytes()[:60])
    records, drops = imported(PARAMS, source, tmp_path / "out")
    assert [record.label for record in records if record.source.file == "cut.png"] == ["A"]  # curate finds out
    assert len(records) == 3
    reasons = {detail.split(":")[0]: reason for detail, reason in drops.items()}
    assert [reasons[f"row {number}"] for number in range(3, 12)] == [
        "path leaves the folder",
        "path leaves the folder",
        "path leaves the folder",
        "missing picture",
        "missing picture",
        "missing picture",
        "no file name",
        "empty label",
        "not a PNG, JPEG, WEBP or GIF picture",
    ]
    assert reasons["stray.png"] == "not in the table"
    assert len(drops) == 10


def test_content_is_believed_and_not_the_suffix(tmp_path: Path) -> None:
    source = folder(tmp_path, [("webp.txt", "C"), ("really.png", "D")])
    picture(source / "webp.txt", "WEBP")
    picture(source / "really.png", "BMP")
    records, drops = imported(PARAMS, source, tmp_path / "out")
    assert sorted(record.label for record in records) == ["A", "B", "C"]
    assert list(drops.values()) == ["not a PNG, JPEG, WEBP or GIF picture"]


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG of a few bytes whose header claims width x height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("side", [8000, 12000, 40000])  # below Pillow's warning, between it and its error, above
@pytest.mark.filterwarnings("error")
def test_a_pixel_bomb_is_refused_before_it_is_decoded(
    tmp_path: Path, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[object] = []
    monkeypatch.setattr(Image.Image, "load", decoded.append)
    with pytest.raises(RefusedPictureError, match="too many pixels"):
        open_picture(bomb(tmp_path / "bomb.png", side, side))
    assert decoded == []


def test_exif_is_applied_and_gone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "secret place"
    path = picture(tmp_path / "turned.jpg", "JPEG", exif=exif, icc_profile=b"secret place", comment=b"secret place")
    with path.open("ab") as stream:
        stream.write(b"appended secret place")
    turned = open_picture(path)
    assert turned.size == (8, 12)
    data = png_bytes(turned)
    assert b"secret" not in data
    assert not Image.open(io.BytesIO(data)).info


def test_transparency_lies_on_white_and_16_bits_keep_their_greys(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert open_picture(tmp_path / "clear.png").getpixel((0, 0)) == (255, 255, 255)
    Image.frombytes("I;16", (1, 1), struct.pack("<H", 0x8000)).save(tmp_path / "grey.png")
    assert open_picture(tmp_path / "grey.png").getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_read_off_the_header(tmp_path: Path, mark: str) -> None:
    table = tmp_path / "metadata.csv"
    table.write_text(f'\ufefffile_name{mark}label\n"a{mark}b.png"{mark}A\n', encoding="utf-8")
    assert read_table(table, ["file_name", "label"])[0].cells == {"file_name": f"a{mark}b.png", "label": "A"}


def test_json_lines_with_other_columns(tmp_path: Path) -> None:
    source = folder(tmp_path, [])
    (source / "metadata.csv").unlink()
    rows = [{"file_name": "a.png", "letter": 1, "word": "x"}, {"file_name": "b.jpg", "letter": "B", "word": None}]
    extra = [json.dumps({"file_name": "a.png", "letter": "C", "word": "y"}), "[1]", "{", "\n"]
    (source / "any.jsonl").write_text("\n".join([*map(json.dumps, rows), *extra]), encoding="utf-8")
    params = Ingest(folder="unused", label_column="letter", entity_column="word")
    records, drops = imported(params, source, tmp_path / "out")
    assert sorted((record.label, record.entity) for record in records) == [("1", "x"), ("C", "y")]
    assert sorted(drops.values()) == ["empty entity", "malformed row", "malformed row"]


def test_texts_of_a_column_one_or_many(tmp_path: Path) -> None:
    source = folder(tmp_path, [])
    (source / "metadata.csv").unlink()
    rows = [
        {"file_name": "a.png", "captions": ["One.", " ", "Two."]},
        {"file_name": "./b.jpg", "captions": "Three."},
        {"file_name": "a.png", "captions": []},
    ]
    (source / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    pictures(source, ["other.csv"])
    keys = {"table": "captions.jsonl", "label_column": "", "text_column": "captions"}
    params = Ingest.model_validate({"folder": "unused", **keys})
    records, drops = imported(params, source, tmp_path / "out")
    assert {record.source.file: [text.text for text in record.texts] for record in records} == {
        "a.png": ["One.", "Two."],
        "b.jpg": ["Three."],
    }
    assert {record.label for record in records} == {""}
    assert drops == {"row 3: a.png": "empty text", "other.csv": "not in the table"}


def test_names_are_found_however_unicode_writes_them(tmp_path: Path) -> None:
    source = folder(tmp_path, [("e\u0301.png", "C"), ("behind/a.png", "D"), ("round/round/a.png", "E")])
    pictures(source, ["\u00e9.png"])
    (source / "behind").symlink_to(".")
    (source / "round").symlink_to("round")
    records, drops = imported(PARAMS, source, tmp_path / "out")
    found = {record.label: record.source.file for record in records}
    assert found == {"A": "a.png", "B": "b.jpg", "C": "\u00e9.png", "D": "a.png"}
    assert drops == {
        "behind": "link to a folder",
        "round": "broken link",
        "row 5: round/round/a.png": "missing picture",
    }


def one_label(source: Path) -> None:
    (source / "metadata.csv").write_text("file_name,label\na.png,A\nb.jpg,A\n")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda source: (source / "metadata.csv").unlink(), "has no table"),
        (lambda source: (source / "metadata.jsonl").write_text("{}"), "several tables"),
        (lambda source: (source / "metadata.csv").write_text("file_name,letter\na.png,A\n"), "no column `label`"),
        (lambda source: (source / "metadata.csv").write_text(""), "no column `file_name`, `label`"),
        (lambda source: (source / "metadata.csv").write_text("file_name,label,label\n"), "a column twice"),
        (lambda source: (source / "metadata.csv").write_bytes(b"file_name,label\na.png,\xff\n"), "not UTF-8"),
        (lambda source: (source / "metadata.csv").write_text(f'file_name,label\na,"{"x" * 200_000}"\n'), "no CSV"),
        (one_label, r"2 usable pictures with 1 label \(A\);"),
    ],
)
def test_a_folder_that_cannot_be_used_says_what_to_do(
    tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    source = folder(tmp_path, [])
    spoil(source)
    with pytest.raises(UserError, match=says):
        run(PARAMS, source=source, out=tmp_path / "out")
    assert not (tmp_path / "out/manifest.json").exists()


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder"):
        find_table(tmp_path / "none")


names = st.one_of(
    st.sampled_from(
        [
            "a.png",
            "b.jpg",
            "sub/c.gif",
            "../x.png",
            "/etc/passwd",
            "empty.png",
            "A.PNG",
            "./a.png",
            "\ud800.png",
            "sub/../a.png",
        ]
    ),
    st.text(st.characters(blacklist_categories=[]), max_size=12),
)
cells = st.one_of(names, st.none(), st.integers(), st.lists(st.integers(), max_size=2))
json_rows = st.lists(
    st.one_of(
        st.fixed_dictionaries({"file_name": cells, "label": cells}),
        st.dictionaries(st.sampled_from(["file_name", "label", "more"]), cells),
        st.integers(),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(rows=json_rows, strays=st.lists(st.sampled_from(["s.png", "sub/t.txt", ".hidden"]), unique=True))
def test_rows_in_are_rows_out_and_drops(rows: list[object], strays: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        source, out = Path(name) / "in", Path(name) / "out"
        picture(source / "a.png")
        picture(source / "b.jpg", "JPEG")
        picture(source / "sub/c.gif", "GIF")
        picture(Path(name) / "x.png")
        for path in ("empty.png", *strays):
            (source / path).touch()
        good = [{"file_name": file, "label": label} for file, label in GOOD]
        (source / "metadata.jsonl").write_text("\n".join(map(json.dumps, [*good, *rows])), encoding="utf-8")
        records, _ = imported(PARAMS, source, out)
        with (out / "drops.csv").open(encoding="utf-8", newline="") as stream:
            drops = list(csv.DictReader(stream))
        assert {record.source.file for record in records} <= {"a.png", "b.jpg", "sub/c.gif"}
        in_table = len(good) + len(rows)
        unnamed = [drop for drop in drops if drop["reason"] == "not in the table"]
        assert len(records) + len(drops) - len(unnamed) == in_table
        assert {drop["detail"].lstrip("'") for drop in unnamed} >= set(strays) - {"sub/t.txt", ".hidden", "s.png"}
        assert read_manifest(out)["rows_in"] == len(records) + len(drops)
