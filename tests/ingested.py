"""Small folders to import, and what came of them."""

import csv
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageDraw

from stages.ingest.parameters import Ingest
from stages.ingest.stage import run
from stages.record import Record, read_manifest, read_rows
from stages.shards import ShardReader

HTML = b"<!DOCTYPE html>\n<html><body>404</body></html>"


def picture(path: Path, kind: str = "PNG", colour: object = "red", **saved: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (12, 8), "white")
    ImageDraw.Draw(image).rectangle((1, 1, 5, 5), fill=colour)  # type: ignore[arg-type]
    image.save(path, kind, **saved)
    return path


def pictures(folder: Path, names: Iterable[str]) -> Path:
    """A picture like no other for each name, as JPEG or PNG by turns."""
    for number, name in enumerate(names):
        colour = (37 * number % 256, 83 * number % 256, 200 - 61 * number % 200)
        picture(folder / name, ("JPEG", "PNG")[number % 2], colour)
    return folder


def imported(params: Ingest, source: Path, out: Path) -> tuple[list[Record], dict[str, str]]:
    """The records, and reason by detail of every drop; the books and the bytes are checked."""
    run(params, source=source, out=out)
    with (out / "drops.csv").open(encoding="utf-8", newline="") as stream:
        drops = list(csv.DictReader(stream))
    records = read_rows(out)
    assert read_manifest(out)["rows_in"] == len(records) + len(drops)
    assert len({row.id for row in records} | {drop["id"] for drop in drops}) == len(records) + len(drops)
    assert not (out / "scratch").exists()
    with ShardReader(out) as shards:
        for record in records:
            assert (record.image.width, record.image.height) == (0, 0)
            assert record.image.sha256 == record.source.sha256 == record.origin
            shards.read(record.image.shard, record.image.member, record.image.sha256)
    return records, {drop["detail"]: drop["reason"] for drop in drops}


def stored(out: Path, record: Record) -> bytes:
    with ShardReader(out) as shards:
        return shards.read(record.image.shard, record.image.member)
