"""A table folder -> a folder in another tool's format: what all formats share.

The pictures' bytes are copied as they are, checked against their digest. The folder appears under its
name when it is whole: until then it stands beside it, and goes away when something fails.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from stages.formats.captioned import clean
from stages.formats.cells import write_csv
from stages.formats.names import file_names
from stages.params import UserError
from stages.record import Record, Text, read_rows
from stages.shards import ShardReader
from stages.whole import whole

ATTRIBUTION = "ATTRIBUTION.csv"


@dataclass(frozen=True)
class Row:
    """One picture on its way out: its file name, its path in the export, and its texts, each on one line."""

    record: Record
    split: str
    file: str
    place: str
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Layout:
    """A format: where a picture of a split lies, how the tables beside the pictures are written."""

    place: Callable[[str, str], str]  # (split, file name) -> path in the export, with /
    write: Callable[[list[Row], Path], None]
    needs_text: bool  # a picture without a text has no place in this format


@dataclass(frozen=True)
class Written:
    """What an export holds, and how many rows it left out because they have no text."""

    pictures: int
    captions: int
    without_text: int


def export(layout: Layout, folder: Path, out: Path) -> Written:
    """Write the table in `folder` as `out`, which must not exist or be empty."""
    records = read_rows(folder)
    _require_decoded(folder, records)
    _require_free(folder, out)
    found = [_row(layout, record, file) for record, file in zip(records, file_names(records), strict=True)]
    rows = [row for row in found if row.texts or not layout.needs_text]
    if not rows:
        raise UserError(
            f"{folder}: none of its {len(found)} rows has a text, and this format needs one: caption first."
        )
    with whole(out) as partial:
        partial.mkdir()
        _copy_pictures(rows, folder, partial)
        layout.write(rows, partial)
        _attribute(rows, partial / ATTRIBUTION)
    return Written(len(rows), sum(len(row.texts) for row in rows), len(found) - len(rows))


def by_split(rows: list[Row]) -> dict[str, list[Row]]:
    """The rows of each split, in the rows' order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.split, []).append(row)
    return dict(sorted(found.items()))


def in_images(_: str, file: str) -> str:
    """The place of formats that keep all pictures together."""
    return f"images/{file}"


def in_split(split: str, file: str) -> str:
    """The place of formats with a folder a split."""
    return f"{split}/{file}"


def _row(layout: Layout, record: Record, file: str) -> Row:
    texts = tuple(replace(text, text=clean(text.text)) for text in record.texts)
    split = _split(record)
    return Row(record, split, file, layout.place(split, file), tuple(text for text in texts if text.text))


def _split(record: Record) -> str:
    split = record.split or "train"  # a table that was never split is all for training
    if not re.fullmatch(r"[a-z][a-z0-9_]*", split):  # it becomes a folder's name
        raise UserError(f"row {record.id}: split `{split}` is not allowed: small letters, digits and _.")
    return split


def _require_decoded(folder: Path, records: list[Record]) -> None:
    raw = next((record for record in records if not record.image.width), None)
    if raw is not None:
        raise UserError(
            f"{folder} holds bytes as they were fetched (row {raw.id} was never decoded): export what `curate` "
            "made of them."
        )


def _require_free(folder: Path, out: Path) -> None:
    if out.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"--out {out} lies inside {folder}, which is a stage's own: choose a folder elsewhere.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out} exists and isn't an empty folder: remove it, or choose another name.")


def _copy_pictures(rows: list[Row], folder: Path, out: Path) -> None:
    from tqdm import tqdm

    with ShardReader(folder) as shards:
        for row in tqdm(rows, desc="pictures", unit="picture", disable=None):
            path = out / row.place
            path.parent.mkdir(parents=True, exist_ok=True)
            image = row.record.image
            path.write_bytes(shards.read(image.shard, image.member, image.sha256))


def _attribute(rows: list[Row], path: Path) -> None:
    """Whose pictures and captions these are: not every format has a place for it."""
    header = ("file", "licence", "licence_url", "url", "page", "date", "caption_authors")
    write_csv(path, header, (_attribution(row) for row in rows))


def _attribution(row: Row) -> list[str]:
    source = row.record.source
    authors = "; ".join(dict.fromkeys(text.author for text in row.texts))
    cells = [source.licence, source.licence_url, source.url, source.page, source.date, authors]
    return [row.place, *map(clean, cells)]
