"""The table beside the pictures: CSV or JSON lines with a `file_name` column."""

import csv
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from stages.params import UserError

FILE_COLUMN = "file_name"
DELIMITERS = ",;\t|"
CONVENTION = (
    f"put a metadata.csv (or metadata.jsonl) beside the pictures, with the columns `{FILE_COLUMN}` "
    "(relative to the folder) and `label`"
)


@dataclass(frozen=True)
class TableRow:
    """One row: its 1-based number, its cells as text, and what is wrong with it ("" when nothing is)."""

    number: int
    cells: dict[str, str]
    flaw: str = ""
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of the cells that are lists of texts

    def texts(self, column: str) -> tuple[str, ...]:
        """The texts of a cell that holds one or a list of them, without empty ones."""
        return tuple(text for text in self.lists.get(column, (self.cells.get(column, ""),)) if text)


def find_table(folder: Path, name: str | None = None) -> Path:
    """The file called `name`, or metadata.csv or metadata.jsonl, else the only *.csv or *.jsonl at the top level."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: give the folder that holds the pictures; {CONVENTION}.")
    if name is not None:
        return named_table(folder, name)
    tables = sorted(path for path in folder.iterdir() if path.suffix in (".csv", ".jsonl") and path.is_file())
    named = [path for path in tables if path.stem == "metadata"]
    chosen = named or tables
    if not chosen:
        raise UserError(f"{folder} has no table (*.csv or *.jsonl at its top level): {CONVENTION}.")
    if len(chosen) > 1:
        found = ", ".join(path.name for path in chosen)
        raise UserError(f"{folder} has several tables ({found}): keep one, or name the right one metadata.csv.")
    return chosen[0]


def named_table(folder: Path, name: str, key: str = "table") -> Path:
    """The file that `key` names; UserError when there is none, or it lies elsewhere."""
    path = folder / name
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        raise UserError(f"`{key}` = {name} leaves `folder` = {folder}: copy it in, or set `{key}` to a file inside.")
    if not path.is_file():
        raise UserError(f"`{key}` = {name} is no file in `folder` = {folder}: set `{key}` to the file's path in there.")
    return path


def read_table(path: Path, needed: Iterable[str]) -> list[TableRow]:
    """All rows, flawed ones too; UserError when the table can't be read or lacks a `needed` column."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    columns, rows = _json_rows(text) if path.suffix == ".jsonl" else _csv_rows(path, text)
    missing = [name for name in needed if name not in columns]
    if missing:
        wanted = ", ".join(f"`{name}`" for name in missing)
        raise UserError(
            f"{path} has no column {wanted}; it has: {', '.join(columns) or 'none'}. "
            "Rename a column, or name the right one in params.yaml (`label_column`, `text_column`, `entity_column`)."
        )
    return rows


def _csv_rows(path: Path, text: str) -> tuple[list[str], list[TableRow]]:
    """Header and rows; the delimiter is the one that sets `file_name` apart in the header (else a comma)."""
    header = text.partition("\n")[0].replace('"', "").strip()
    delimiter = next((mark for mark in DELIMITERS if FILE_COLUMN in _cells(header, mark)), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        lines = [line for line in reader if line]
    except csv.Error as error:
        raise UserError(f"{path} line {reader.line_num} is no CSV: {error}.") from error
    columns = [cell.strip() for cell in lines[0]] if lines else []
    if len(set(columns)) < len(columns):
        raise UserError(f"{path} names a column twice: {', '.join(columns)}.")
    return columns, [
        TableRow(number, dict(zip(columns, map(_plain, line), strict=False)), _width_flaw(columns, line))
        for number, line in enumerate(lines[1:], start=1)
    ]


def _cells(header: str, mark: str) -> list[str]:
    return [cell.strip() for cell in header.split(mark)]


def _width_flaw(columns: list[str], line: list[str]) -> str:
    return "" if len(line) == len(columns) else f"{len(line)} cells for {len(columns)} columns"


def _json_rows(text: str) -> tuple[list[str], list[TableRow]]:
    """Columns in the order in which they first appear, and one row a line that isn't blank."""
    rows = [
        _json_row(number, line)
        for number, line in enumerate((line for line in text.split("\n") if line.strip()), start=1)
    ]
    return list(dict.fromkeys(name for row in rows for name in row.cells)), rows


def _json_row(number: int, line: str) -> TableRow:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return TableRow(number, {}, "no JSON")
    if not isinstance(value, dict):
        return TableRow(number, {}, f"a JSON {type(value).__name__}, not an object")
    lists = {_plain(name): tuple(map(_plain, cell)) for name, cell in value.items() if _is_texts(cell)}
    return TableRow(number, {_plain(name): _text(cell) for name, cell in value.items()}, lists=lists)


def _is_texts(cell: object) -> bool:
    return isinstance(cell, list) and all(isinstance(text, str) for text in cell)


def _text(value: object) -> str:
    """A cell as text: null is empty, a number is written out, anything nested is JSON."""
    if value is None:
        return ""
    return _plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _plain(text: str) -> str:
    """Lone surrogates spelt out: they can be written neither to Parquet nor to CSV."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").strip()
