"""A small finished table of captioned pictures, as the tests of export and import need it."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from PIL import Image as Pillow

from stages.record import Image, Record, Source, Text, new_folder, write_drops, write_manifest, write_rows
from stages.shards import sha256, shard_of, write_shard

LICENCE = ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/")


def png(number: int) -> bytes:
    stream = io.BytesIO()
    Pillow.new("RGB", (4 + number % 3, 3), (number % 256, 10, 20)).save(stream, format="PNG")
    return stream.getvalue()


@cache
def pictures() -> dict[str, bytes]:
    """By digest."""
    return {sha256(png(number)): png(number) for number in range(64)}


def record(number: int, texts: Sequence[str] = (), split: str = "train", row_id: str = "") -> Record:
    data = png(number)
    row_id = row_id or f"row{number}"
    source = Source(
        kind="url",
        licence=LICENCE[0],
        licence_url=LICENCE[1],
        url=f"http://gallery0{number % 7}.test/set{number}/Picture%20{number}.jpg?size=2",
        page=f"http://gallery0{number % 7}.test/set{number}/",
        date="2025-01-02",
        parameters=json.dumps({"title": "../../etc/passwd"}),
        sha256=sha256(b"as fetched" + data),
    )
    image = Image(sha256(data), shard_of(row_id), f"{row_id}.png", 4 + number % 3, 3)
    return Record(
        row_id, image, tuple(Text(text, "person:ada") for text in texts), f"kind{number % 2}", "", source, split
    )


def write_table(folder: Path, records: Sequence[Record]) -> Path:
    """The records with their pictures as a finished table folder; `record` gives those that fit."""
    new_folder(folder)
    shards: dict[str, list[tuple[str, bytes]]] = {}
    for one in records:
        shards.setdefault(one.image.shard, []).append((one.image.member, pictures()[one.image.sha256]))
    for shard, members in shards.items():
        write_shard(folder / shard, members)
    write_rows(folder / "rows.parquet", [replace(one, entity=one.id) for one in records])
    write_drops(folder / "drops.csv", [])
    write_manifest(folder, {"stage": "caption"})
    return folder


def table(folder: Path) -> Path:
    """Five pictures: two with several captions, two with one, one with none; both splits."""
    records = [
        record(0, ["a red fox , asleep", "it sleeps on =SUM(A1)"], "train"),
        record(1, ['a "quoted" | piped caption', "=HYPERLINK(1)", "@home"], "train"),
        record(2, ["two\nlines\tand a tab"], "test"),
        record(3, ["ünïcode e\u0301 \U0001f98a"], "test"),
        record(4, [], "train"),
    ]
    return write_table(folder, records)
