"""COCO captions JSON: `images` and `annotations`, or the results form, a list of {image_id, caption}.

https://cocodataset.org/#format-data
"""

import json
from pathlib import Path
from typing import Any

from stages.formats.captioned import Flaw, Item, captioned, entries_of, read_json, shown
from stages.formats.exporting import Layout, Row, by_split, in_images
from stages.formats.names import coco_id
from stages.params import UserError


def read(path: Path) -> list[Item]:
    """One item an annotation; its picture is the file name, or the id's digits in the results form."""
    value = read_json(path)
    if isinstance(value, list):
        return [_annotation(number, entry, None) for number, entry in enumerate(value, start=1)]
    if not isinstance(value, dict) or "annotations" not in value:
        raise UserError(f"{path} is no COCO captions file: expected `images` and `annotations`, or a list of results.")
    names = _file_names(entries_of(path, value.get("images", []), "a list under `images`"))
    annotations = entries_of(path, value["annotations"], "a list under `annotations`")
    return [_annotation(number, entry, names) for number, entry in enumerate(annotations, start=1)]


def _file_names(images: list[object]) -> dict[str, object]:
    """File name by image id, as text: some tools write the numbers as strings."""
    found = [image for image in images if isinstance(image, dict)]
    return {str(image.get("id")): image.get("file_name") or image.get("coco_url") for image in found}


def _annotation(number: int, entry: object, names: dict[str, object] | None) -> Item:
    if not isinstance(entry, dict):
        return Flaw(number, "malformed entry", shown(entry))
    if "caption" not in entry:
        return Flaw(number, "no caption", shown(entry))  # boxes and keypoints share the form
    picture = entry.get("image_id")
    if names is not None and picture is not None:
        if str(picture) not in names:
            return Flaw(number, "unknown image_id", shown(picture))
        picture = names[str(picture)]
    return captioned(picture, entry["caption"], number, entry.get("author", ""))


def _write(rows: list[Row], out: Path) -> None:
    for split, group in by_split(rows).items():
        text = json.dumps(_document(group), ensure_ascii=False, indent=1)
        (out / f"captions_{split}.json").write_text(text + "\n", encoding="utf-8")


def _document(rows: list[Row]) -> dict[str, Any]:
    known = sorted({(row.record.source.licence, row.record.source.licence_url) for row in rows})
    licences = {pair: number for number, pair in enumerate(known, start=1)}
    captions = [(row, text) for row in rows for text in row.texts]
    return {
        "info": {"description": "exported by plumbline", "version": "1"},
        "licenses": [{"id": number, "name": name, "url": url} for (name, url), number in licences.items()],
        "images": [_image(row, licences[row.record.source.licence, row.record.source.licence_url]) for row in rows],
        "annotations": [
            {"id": number, "image_id": coco_id(row.record), "caption": text.text, "author": text.author}
            for number, (row, text) in enumerate(captions, start=1)
        ],
    }


def _image(row: Row, licence: int) -> dict[str, Any]:
    record = row.record
    return {
        "id": coco_id(record),
        "file_name": row.file,
        "width": record.image.width,
        "height": record.image.height,
        "license": licence,
        "coco_url": record.source.url,
        "flickr_url": record.source.page,
        "date_captured": record.source.date,
        "sha256": record.image.sha256,
        "label": record.label,
    }


LAYOUT = Layout(in_images, _write, needs_text=False)
