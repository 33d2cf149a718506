"""Sheets that people write captions in: CSV, and XLSX with one row a caption.

Columns are found by name, capitals ignored. Nothing is computed: a cell with a formula is a Flaw.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.formats.captioned import Flaw, Item, captioned, clean, read_bytes, read_text, shown
from stages.formats.cells import plain, quoted, write_csv
from stages.formats.exporting import Layout, Row, in_images
from stages.params import UserError

PICTURE_COLUMNS = (
    "picture", "file_name", "filename", "image_name", "image_path", "filepath", "image", "file", "path", "url",
    "image_url", "sha256", "id",
)  # fmt: skip
CAPTION_COLUMNS = ("caption", "text", "comment", "description", "title")
AUTHOR_COLUMNS = ("author", "annotator", "completed_by")
DELIMITERS = ",;\t|"
HEADER = ("picture", "caption", "author", "label", "split", "licence", "url", "sha256")
MOST_ROWS, MOST_COLUMNS = 1_048_576, 256  # all rows that XLSX has; of its columns, those a person would use
MOST_UNPACKED = 1 << 30  # bytes; a zip archive can claim any number of them
LONGEST_CELL = 32_767  # openpyxl cuts longer ones without a word


@dataclass(frozen=True)
class _Bad:
    """A cell whose value can't be used, and why."""

    reason: str


def read(path: Path) -> list[Item]:
    """One item a row that isn't empty; rows are counted as the spreadsheet shows them, the header is row 1."""
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        return _items(path, _workbook_rows(path))
    return _items(path, read_csv(path))


def column_of(header: Sequence[str], names: Sequence[str]) -> int | None:
    """Where the first of `names` stands in `header` (small letters)."""
    return next((header.index(name) for name in names if name in header), None)


def read_csv(path: Path) -> list[list[str]]:
    """All rows; the delimiter is the one that sets both columns apart in the first line (else a comma)."""
    text = read_text(path)
    first = text.partition("\n")[0].replace('"', "").casefold()
    delimiter = next((mark for mark in DELIMITERS if _has_both([cell.strip() for cell in first.split(mark)])), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return list(reader)
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num} is no CSV: {error}.") from error


def _has_both(header: Sequence[str]) -> bool:
    return column_of(header, PICTURE_COLUMNS) is not None and column_of(header, CAPTION_COLUMNS) is not None


def _items(path: Path, rows: Iterable[Sequence[str | _Bad]]) -> list[Item]:
    found = iter(rows)
    header = [cell.strip().casefold() if isinstance(cell, str) else "" for cell in next(found, [])]
    picture, caption = column_of(header, PICTURE_COLUMNS), column_of(header, CAPTION_COLUMNS)
    if picture is None or caption is None:
        raise UserError(
            f"{path} needs a column for the picture ({', '.join(PICTURE_COLUMNS)}) and one for the caption "
            f"({', '.join(CAPTION_COLUMNS)}) in its first row; it has: {', '.join(filter(None, header)) or 'none'}."
        )
    author = column_of(header, AUTHOR_COLUMNS)
    return [
        _item(number, row, len(header), (picture, caption, author))
        for number, row in enumerate(found, start=2)
        if any(row)
    ]


def _item(number: int, row: Sequence[str | _Bad], width: int, columns: tuple[int, int, int | None]) -> Item:
    if len(row) != width:
        return Flaw(
            number, "malformed row", f"{len(row)} cells for {width} columns: {shown(' | '.join(map(str, row)))}"
        )
    cells = [row[column] if column is not None else "" for column in columns]
    bad = next((cell for cell in cells if isinstance(cell, _Bad)), None)
    if bad is not None:
        return Flaw(number, bad.reason)
    picture, caption, author = (plain(cell) for cell in cells if isinstance(cell, str))
    return captioned(picture, caption, number, author)


def _workbook_rows(path: Path) -> Iterator[list[str | _Bad]]:
    """The rows of the first worksheet, as wide as its header."""
    from openpyxl import load_workbook

    data = read_bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MOST_UNPACKED:
            raise UserError(f"{path} unpacks to {unpacked} bytes, more than {MOST_UNPACKED}: save it as CSV, in parts.")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False)
        page = book.worksheets[0]
        header = [_value(cell) for cell in next(page.iter_rows(max_row=1, max_col=MOST_COLUMNS), ())]
        while header and not header[-1]:
            header.pop()
        yield header
        if header:  # beyond it, a small workbook can claim 17 thousand million cells
            for row in page.iter_rows(min_row=2, max_row=MOST_ROWS, max_col=len(header)):
                yield [_value(cell) for cell in row]
    except UserError:
        raise
    except Exception as error:  # a broken workbook makes openpyxl raise nearly anything
        raise UserError(f"{path} is no workbook that can be read ({type(error).__name__}): save it as CSV.") from error


def _value(cell: Any) -> str | _Bad:
    if cell.data_type == "f":
        return _Bad("formula")
    if cell.data_type == "e":
        return _Bad("error cell")
    if cell.value is None:
        return ""
    if isinstance(cell.value, float) and cell.value.is_integer():
        return str(int(cell.value))  # 3 is stored as 3.0
    return str(cell.value)


def _write(rows: list[Row], out: Path) -> None:
    """captions.csv (with a byte-order mark, without which Excel takes it for Latin) and captions.xlsx."""
    table = [cells for row in rows for cells in _cells(row)]
    write_csv(out / "captions.csv", HEADER, table, encoding="utf-8-sig")
    _write_workbook(out / "captions.xlsx", table)


def _cells(row: Row) -> Iterator[tuple[str, ...]]:
    """One row a caption, and one with an empty cell to fill in where there is none."""
    record = row.record
    rest = (record.label, row.split, record.source.licence, record.source.url, record.image.sha256)
    for text, author in [(text.text, text.author) for text in row.texts] or [("", "")]:
        yield tuple(map(clean, (row.place, text, author, *rest)))


def _write_workbook(path: Path, table: list[tuple[str, ...]]) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    page = book.create_sheet("captions")
    page.column_dimensions["A"].width, page.column_dimensions["B"].width = 40, 100
    for row in [HEADER, *table]:
        if any(len(quoted(cell)) > LONGEST_CELL for cell in row):
            raise UserError(f"{row[0]}: a text is longer than the {LONGEST_CELL} characters that a cell holds.")
        cells = [WriteOnlyCell(page, quoted(cell)) for cell in row]
        for cell in cells:
            cell.data_type = "s"  # text, whatever it looks like: openpyxl would make errors of `#N/A` and the like
        page.append(cells)
    book.save(path)


LAYOUT = Layout(in_images, _write, needs_text=False)
