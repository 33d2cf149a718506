"""`plumbline recipe add --like` a naming recipe (Gemma): descriptions of one's own, and a hub model's numbers."""

import csv
import json
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

from stages.bases import CONFIG, TOKENIZER, WEIGHTS, part_location
from stages.cli.addition_data import Folder, plain_path
from stages.cli.naming_base import ARCHITECTURE, is_language
from stages.cli.parameters import BASES, PARAMS, section
from stages.describe.parameters import TEXT_COLUMN, Describe, Format
from stages.describe.stage import READERS
from stages.describe.table import DELIMITERS, SUFFIXES, find_table
from stages.naming.recipe import NamingRecipe
from stages.params import UserError, check_params
from stages.recipe import Model

POKEAPI = "pokemon_species_flavor_text.csv"  # what tells PokeAPI's tables from others
USUAL = {"name": "name", "description": "description", "language": "language", "line": "line", "stage": "stage"}


@dataclass(frozen=True)
class _Place:
    folder: Path
    table: str | None


def describe_row(name: str, given: Folder, like: str) -> dict[str, Any]:
    """The row under `describe:` for a file, or a folder with one table or PokeAPI's; UserError when it can't be read.

    Of a table, the columns `language`, `line` and `stage` are used where they are there; `like` is for the message.
    """
    place = _place(given)
    row: dict[str, Any] = {"folder": Quoted(plain_path(place.folder))}
    if place.table is None and (place.folder / POKEAPI).is_file():
        if given.label_column or given.text_column or given.entity_column:
            raise UserError(f"{place.folder} has PokeAPI's tables, whose columns are known: leave the columns out.")
        row["format"] = "pokeapi"
    else:
        row |= _table_row(given, place)
    row |= {"licence": "unknown", "author": "unknown"}
    _require_rows(name, row, place.folder, like)
    return row


def change_data(
    row: Any,
    source: NamingRecipe,
    name: str,
    like: str,
    folder: Folder | None,
    dataset: str | None,
    notes: list[str],
) -> dict[str, Any] | None:
    """Make `row` read another set; the row to add under `describe:` for a new one, else None."""
    described = None
    if folder is not None:
        described = describe_row(name, folder, like)
        row["source"], row["dataset"] = "describe", name
        notes.append(
            f"data: {described['folder']}; licence and author stand as `unknown` in describe.{name}: fill them in"
        )
        if described.get("format") != "pokeapi" and "line_column" not in described:
            notes.append(
                f"relatives are kept together by name alone: name their column with describe.{name}.line_column"
            )
    elif dataset is not None:
        known = section("describe")
        if dataset not in known:
            there = ", ".join(known) or "none"
            raise UserError(f"--dataset {dataset}: {PARAMS} has no row `describe.{dataset}` (there is: {there}).")
        row["source"], row["dataset"] = "describe", dataset
    for key in ("features", "parent"):  # dvc.yaml knows no default
        if key not in row:
            row.insert(list(row).index("model"), key, "none")
    notes += kept_notes(row, source)
    return described


def require_base(base: str) -> None:
    """UserError unless the embedded base `base` is complete, and a Gemma."""
    part_location(BASES / base, Model(id=base), CONFIG | WEIGHTS | TOKENIZER)
    if not is_language(base):
        raise UserError(f"--base {base} is no model of `{ARCHITECTURE}`, which a naming recipe needs.")


def kept_notes(row: Any, source: NamingRecipe) -> list[str]:
    """What is about the old set and stays as it is, for the person to check."""
    if row["dataset"] == source.dataset:
        return []
    notes = [f"check tokenize.prompt for these descriptions: {source.tokenize.prompt!r}"]
    if source.tokenize.languages:
        notes.append(f"check tokenize.languages: {', '.join(source.tokenize.languages)}; other rows are left out")
    return notes


def _place(given: Folder) -> _Place:
    if given.path.is_dir():
        return _Place(given.path, given.table)
    if not given.path.is_file():
        raise UserError(f"--data {given.path} is missing: name a table ({', '.join(SUFFIXES)}), or a folder with one.")
    if given.table is not None:
        raise UserError(f"--data {given.path} is a file already: leave --table out.")
    return _Place(given.path.parent, given.path.name)


def _table_row(given: Folder, place: _Place) -> dict[str, Any]:
    path = find_table(place.folder, place.table)
    there = _columns(path)
    layout: Format = "table"
    row: dict[str, Any] = {}
    if given.label_column is None and USUAL["name"] not in there and (given.text_column or TEXT_COLUMN) in there:
        layout = "named_lines"  # "Name: description" in one column
        row["text_column"] = Quoted(given.text_column) if given.text_column else None
    else:
        row["name_column"] = Quoted(given.label_column or USUAL["name"])
        row["description_column"] = Quoted(given.text_column or USUAL["description"])
    row["line_column"] = Quoted(given.entity_column) if given.entity_column else _if_there(there, "line")
    row["language_column"], row["stage_column"] = _if_there(there, "language"), _if_there(there, "stage")
    kept = {key: column for key, column in row.items() if column is not None}
    return {"format": layout, "table": Quoted(path.name), **kept}


def _if_there(columns: list[str], key: str) -> Quoted | None:
    return Quoted(USUAL[key]) if USUAL[key] in columns else None


def _columns(path: Path) -> list[str]:
    """Of the first row; `describe` reads the file with all its checks, this is only for what is to be found in it."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        first = stream.readline(1 << 20)
    if path.suffix in (".jsonl", ".ndjson"):
        try:
            value = json.loads(first)
        except ValueError:
            return []
        return list(value) if isinstance(value, dict) else []
    read = (next(csv.reader([first], delimiter=mark), []) for mark in DELIMITERS)
    return [cell.strip() for cell in max(read, key=len)]


def _require_rows(name: str, row: dict[str, Any], folder: Path, like: str) -> None:
    """Read the first row as `describe` will."""
    params = check_params(Describe, row, f"describe.{name}", PARAMS)
    with tempfile.TemporaryDirectory() as scratch:
        survey = READERS[params.format](params, folder, Path(scratch))
        if not list(islice(survey.found, 1)):
            raise UserError(f"--data {folder} has no row; `{like}` learns names from descriptions.")
