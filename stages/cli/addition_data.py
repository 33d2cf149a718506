"""`plumbline recipe add --data DIR`: the new row under `ingest:`, checked against what the folder holds."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

from stages.cli.parameters import PARAMS
from stages.ingest.layout import layout_of
from stages.ingest.parameters import Format, Ingest
from stages.ingest.rows import columns
from stages.ingest.stage import survey_of
from stages.ingest.table import find_table, read_table
from stages.params import UserError, check_params

CAPTION_HEADER = re.compile(r'\s*"?image(_name)?\W.*\b(comment|caption)\b', re.IGNORECASE)
CAPTIONED = ("flickr30k", "coco")
TEXT_COLUMN = "text"  # where `metadata.jsonl` of an imagefolder has its captions
LAYOUTS = (
    "Flickr30k's results.csv, COCO's captions_*.json, or a table (metadata.csv, metadata.jsonl) with the columns "
    f"file_name and {TEXT_COLUMN}"
)


@dataclass(frozen=True)
class Folder:
    """A folder of pictures as the command line describes it."""

    path: Path
    table: str | None = None
    label_column: str | None = None
    text_column: str | None = None
    entity_column: str | None = None


def ingest_row(name: str, folder: Folder, like: str, captions: bool) -> dict[str, Any]:
    """The row under `ingest:`; UserError when the folder, its table or a column isn't there, or is of another kind.

    `like` is the recipe to start from, whose task needs `captions` (else labels).
    """
    layout = _layout(folder)
    _require_kind(folder, layout, like, captions)
    row: dict[str, Any] = {"folder": Quoted(plain_path(folder.path))}
    if layout != "table":
        row["format"] = layout
    if folder.table is not None:
        row["table"] = Quoted(folder.table)
    if layout in ("table", "hugging_face"):  # quoted: a column may be called `no`, which YAML 1.1 takes for false
        row["label_column"] = Quoted("" if captions else folder.label_column or "label")
        if captions:
            row["text_column"] = Quoted(folder.text_column or TEXT_COLUMN)
        row["entity_column"] = Quoted(folder.entity_column) if folder.entity_column else None
    row |= {"licence": "unknown", "author": "unknown"}
    params = check_params(Ingest, row, f"ingest.{name}", PARAMS)
    if layout == "table":
        read_table(find_table(folder.path, folder.table), columns(params))
    else:
        with tempfile.TemporaryDirectory() as scratch:
            survey_of(params, folder.path, Path(scratch))
    return row


def _layout(folder: Folder) -> Format:
    """What the folder is laid out as; a table of any name is Flickr30k's when its header is."""
    layout = layout_of(folder.path)
    if folder.path.is_dir() and layout in ("table", "class_folders"):
        tables = [folder.path / folder.table] if folder.table else sorted(folder.path.glob("*.csv"))
        if any(CAPTION_HEADER.match(_header(table)) for table in tables if table.is_file()):
            return "flickr30k"
    return layout


def _header(table: Path) -> str:
    with table.open("rb") as stream:
        return stream.readline(1 << 16).decode("utf-8-sig", "replace")


def _require_kind(folder: Folder, layout: Format, like: str, captions: bool) -> None:
    if layout == "llava":
        what = "captions" if captions else "labels"
        raise UserError(
            f"--data {folder.path} holds conversations and no {what}, which `{like}` learns. Give a folder with {what}"
            + (
                f": {LAYOUTS}."
                if captions
                else ": one folder a class, or a table with the columns file_name and label."
            )
        )
    if captions and layout == "class_folders":
        raise UserError(
            f"--data {folder.path} holds class folders: labels and no captions, which `{like}` learns. Start from a "
            f"label recipe (--like), or give a folder with captions: {LAYOUTS}."
        )
    if not captions and layout in CAPTIONED:
        raise UserError(
            f"--data {folder.path} holds captions ({layout}) and no labels, which `{like}` learns. Start from a "
            "caption recipe (--like), or give a folder with labels: one folder a class, or a table with the columns "
            "file_name and label."
        )
    if captions and folder.label_column:
        raise UserError(f"--label-column: `{like}` learns captions; name their column with --text-column.")
    if not captions and folder.text_column:
        raise UserError(f"--text-column: `{like}` learns labels; name their column with --label-column.")
    given = {
        "--label-column": folder.label_column,
        "--text-column": folder.text_column,
        "--entity-column": folder.entity_column,
    }
    for option, column in given.items():
        if column and layout not in ("table", "hugging_face"):
            raise UserError(
                f"{option} names a column of a table; --data {folder.path} is laid out as {layout}: leave it out."
            )
    if folder.table is not None and layout not in ("table", *CAPTIONED):
        raise UserError(f"--table: --data {folder.path} is laid out as {layout}, where no table is read: leave it out.")


def plain_path(data: Path) -> str:
    """The folder as params.yaml names it, from the project's root where it lies below it."""
    folder = data.resolve()
    if folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    if not re.fullmatch(r"[^\"'$`\\{}\x00-\x1f]+", folder.as_posix()):
        raise UserError(f"--data {data}: the path goes through a shell; rename it without quotes, braces, $, ` and \\.")
    return folder.as_posix()
