"""CSV, TSV and JSON lines, read row by row: a flawed row is a drop, an unreadable file a UserError."""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.describe.parameters import Describe
from stages.describe.rows import Row, Survey, malformed, split_line
from stages.params import UserError
from stages.record import Drop

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
DELIMITERS = ",;\t|"
LONGEST_CELL = 2**31 - 1  # csv's own limit of 128 kB is an error of the whole file; too long a cell is a drop here
Cells = dict[str, str]


def read(params: Describe, source: Path, _: Path) -> Survey:
    """Every row of the folder's table."""
    path = find_table(source, params.table)
    needed = params.columns
    rows = _json_rows(path, needed) if path.suffix in (".jsonl", ".ndjson") else csv_rows(path, needed.values(), needed)
    return Survey((one if isinstance(one, Drop) else row_of(params, path.name, *one) for one in rows), path.name)


def row_of(params: Describe, file: str, number: int, cells: Cells) -> Row:
    """A row from the cells of the columns that the parameters name."""

    def cell(column: str | None) -> str:
        return cells.get(column, "").strip() if column else ""

    if params.named_text:
        name, description = split_line(cell(params.named_text))
    else:
        name, description = cell(params.name_column), cell(params.description_column)
    only = params.languages[0] if params.languages and params.language_column is None else ""
    language = cell(params.language_column) or only
    return Row(number, file, name, description, language, cell(params.line_column), cell(params.stage_column))


def find_table(folder: Path, name: str | None) -> Path:
    """The file called `name`, else the only table at the top level of `folder`."""
    if not folder.is_dir():
        raise UserError(f"`folder` = {folder} is no folder: give the one that holds the table.")
    tables = sorted(path.name for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
    there = ", ".join(tables) or f"none of {', '.join(f'*{suffix}' for suffix in SUFFIXES)}"
    if name is None:
        if len(tables) != 1:
            raise UserError(f"`folder` = {folder} must hold one table; there is: {there}. Name the file with `table`.")
        return folder / tables[0]
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"`table` = {name} leaves `folder` = {folder}: copy it in, or set `table` to a file inside.")
    if not path.is_file() or path.suffix not in SUFFIXES:
        raise UserError(f"`table` = {name} is no table in `folder` = {folder}; there is: {there}.")
    return path


def csv_rows(
    path: Path, needed: Iterable[str], keys: dict[str, str] | None = None
) -> Iterator[tuple[int, Cells] | Drop]:
    """(number, cells) of every row that isn't blank; the delimiter is the one that sets the needed columns apart.

    `keys` names the parameters that chose the columns, for the message when one is missing.
    """
    needed = list(needed)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream, _long_cells():
            columns, delimiter = _columns(path, stream.readline(), needed)
            require_columns(str(path), columns, needed, keys)
            yield from _csv_cells(path, stream, delimiter, columns)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8.") from error


def _csv_cells(
    path: Path, stream: Iterable[str], delimiter: str, columns: list[str]
) -> Iterator[tuple[int, Cells] | Drop]:
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    number = 0
    while True:
        began = reader.line_num + 2  # the header is a line, too
        try:
            line = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise UserError(f"{path} line {began} opens a quote that nothing closes: close it.") from error
            number += 1
            yield malformed(path.name, number, str(error))
            continue
        if not line:
            continue
        number += 1
        if len(line) != len(columns):
            yield malformed(path.name, number, f"{len(line)} cells for {len(columns)} columns")
        else:
            yield number, dict(zip(columns, line, strict=True))


def _columns(path: Path, header: str, needed: list[str]) -> tuple[list[str], str]:
    """Columns and delimiter; a header in quotes can hold no line end."""
    found: list[tuple[list[str], str]] = []
    for mark in ("\t",) if path.suffix == ".tsv" else DELIMITERS:
        cells = [cell.strip() for cell in next(csv.reader([header], delimiter=mark), [])]
        found.append((cells, mark))
    columns, mark = max(found, key=lambda one: sum(name in one[0] for name in needed))
    if len(set(columns)) < len(columns):
        raise UserError(f"{path} names a column twice: {', '.join(columns)}.")
    return columns, mark


def require_columns(where: str, columns: Iterable[str], needed: Iterable[str], keys: dict[str, str] | None) -> None:
    """UserError that names the missing columns, the parameters that want them, and what there is."""
    columns = list(columns)
    missing = [name for name in needed if name not in columns]
    if missing:
        by = {column: key for key, column in (keys or {}).items()}
        wanted = ", ".join(f"`{name}`" + (f" (`{by[name]}`)" if name in by else "") for name in missing)
        remedy = f" Set {', '.join(f'`{by[name]}`' for name in missing)} to one of them." if keys else ""
        raise UserError(f"{where} has no column {wanted}; it has: {', '.join(columns) or 'none'}.{remedy}")


@contextmanager
def _long_cells() -> Iterator[None]:
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _json_rows(path: Path, keys: dict[str, str]) -> Iterator[tuple[int, Cells] | Drop]:
    """As `csv_rows`, of one JSON object a line; a column that a row lacks is empty, one that all lack is refused."""
    seen: dict[str, None] = {}
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for line in stream:
                if not line.strip():
                    continue
                number += 1
                try:
                    value = json.loads(line)
                except (ValueError, RecursionError):
                    yield malformed(path.name, number, "no JSON")
                    continue
                if not isinstance(value, dict):
                    yield malformed(path.name, number, f"a JSON {type(value).__name__}, not an object")
                    continue
                seen.update(dict.fromkeys(value))
                yield cells_of(path.name, number, value, keys)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8.") from error
    if seen:
        require_columns(str(path), seen, keys.values(), keys)


def cells_of(file: str, number: int, value: dict[str, Any], keys: dict[str, str]) -> tuple[int, Cells] | Drop:
    """The wanted cells as text: null is empty, a number is written out; anything nested is a flaw."""
    cells: Cells = {}
    for column in keys.values():
        cell = value.get(column)
        if isinstance(cell, dict | list | bytes):
            return malformed(file, number, f"`{column}` is a {type(cell).__name__}, not a text")
        cells[column] = "" if cell is None else str(cell)
    return number, cells
