"""The imagefolder convention of `datasets`: metadata.jsonl (or .csv) beside the pictures, a folder a split.

https://huggingface.co/docs/datasets/image_dataset
"""

import json
from pathlib import Path
from typing import Any

from stages.formats import sheet
from stages.formats.captioned import Flaw, Item, captioned, json_lines
from stages.formats.exporting import Layout, Row, by_split, in_split
from stages.params import UserError

METADATA = ("metadata.jsonl", "metadata.csv")


def read(path: Path) -> list[Item]:
    """One item a caption, from a metadata file or a folder that holds one for itself or one a split.

    `captions` (a list) counts before `text` or `caption`, which repeat the first of them.
    """
    return [item for file in metadata_files(path) for item in _read_file(file)]


def metadata_files(path: Path) -> list[Path]:
    """`path` itself when it is no folder, else the metadata files in it and one level below."""
    if not path.is_dir():
        return [path]
    found = sorted(file for name in METADATA for file in [path / name, *path.glob(f"*/{name}")] if file.is_file())
    if not found:
        raise UserError(f"{path} has no {' or '.join(METADATA)}, nor has a folder in it.")
    return found


def _read_file(path: Path) -> list[Item]:
    if path.suffix == ".csv":
        return sheet.read(path)
    return [item for number, entry in json_lines(path) for item in _entry(number, entry)]


def _entry(number: int, entry: dict[str, Any] | Flaw) -> list[Item]:
    if isinstance(entry, Flaw):
        return [entry]
    picture = next((entry[name] for name in sheet.PICTURE_COLUMNS if entry.get(name)), None)
    many = entry.get("captions")
    if not isinstance(many, list) or not many:
        text = next((entry[name] for name in sheet.CAPTION_COLUMNS if entry.get(name)), None)
        return [captioned(picture, text, number)]
    authors = entry.get("authors")
    if not isinstance(authors, list) or len(authors) != len(many):
        authors = [""] * len(many)
    return [captioned(picture, text, number, author) for text, author in zip(many, authors, strict=True)]


def _write(rows: list[Row], out: Path) -> None:
    for split, group in by_split(rows).items():
        lines = [json.dumps(_metadata(row), ensure_ascii=False) for row in group]
        (out / split / METADATA[0]).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _metadata(row: Row) -> dict[str, Any]:
    """The lists are never empty: `datasets` can't tell the type of an empty one, and refuses unlike splits."""
    record = row.record
    captions = [text.text for text in row.texts] or [""]
    return {
        "file_name": row.file,
        "text": captions[0],
        "captions": captions,
        "authors": [text.author for text in row.texts] or [""],
        "label": record.label,
        "entity": record.entity,
        "id": record.id,
        "sha256": record.image.sha256,
        "licence": record.source.licence,
        "licence_url": record.source.licence_url,
        "url": record.source.url,
        "page": record.source.page,
    }


LAYOUT = Layout(in_split, _write, needs_text=False)
