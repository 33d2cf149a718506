"""Thumbnails of what was trained on, out of the sealed shards."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from stages.lineage.reading import Opened
from stages.lineage.show.shelf import ROWS, Shelf, holding, table
from stages.shards import ShardReader

if TYPE_CHECKING:
    from stages.record import Record
    from stages.report.page.gallery import Thumbnail

SHOWN = 24


def thumbnails(opened: Opened, project: Path) -> tuple[list[tuple[str, "Thumbnail"]], list[str]]:
    """(row id, thumbnail) of some pictures that were trained on, and why there are none, if so.

    Those with the lowest sha256 of their id: nobody's choice, and all of one shard (`shard_of`), so that few tars
    are opened. Each picture is compared with the digest that its sealed row has.
    """
    import pyarrow.compute as pc

    from stages.report.page.gallery import Gallery

    shelf, folder = Shelf(opened, project), opened.lineage.data.folder
    rows, consumed = shelf.file(folder, ROWS), shelf.consumed()
    if rows is None or consumed is None or shelf.remarks:
        return [], shelf.remarks or [f"{folder} has no {ROWS}"]
    known = table(rows, ["id", "image.sha256"]).flatten()
    pictured = set(known["id"].filter(pc.not_equal(known["image.sha256"], "")).to_pylist())
    samples = table(consumed, ["id"])["id"].unique().to_pylist()
    trained = {name for one in samples for name in (one, one.rpartition("/")[0])}  # row/0 is the row's first text
    chosen = sorted(pictured & trained, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:SHOWN]
    records = _records(rows, chosen)
    with ShardReader(project / folder) as shards:
        gallery = Gallery(records, shards)
        return [(name, gallery.thumbnail(name)) for name in chosen], []


def _records(rows: Path, names: list[str]) -> list["Record"]:
    from stages.record import Image, Record, Source, Text

    return [
        Record(
            **{key: row[key] for key in ("id", "label", "entity", "split")},
            image=Image(**row["image"]),
            texts=tuple(Text(**text) for text in row["texts"]),
            source=Source(**row["source"]),
        )
        for row in holding(table(rows), "id", names).to_pylist()
    ]
