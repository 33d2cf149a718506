"""A small made-up curated set for the caption tests: drawn pictures, records with titles, a manifest."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageDraw

from stages.caption.log import Line
from stages.caption.parameters import CaptionParams
from stages.record import Image, Record, Source, Text, write_drops, write_manifest, write_rows
from stages.shards import sha256, shard_of, write_shard

PARAMS = CaptionParams(dataset="pets", log="pets")
AT = "2026-01-02T03:04:05+00:00"
ADA = "person:Ada"
COLOURS = ("red", "green", "blue", "orange", "purple", "black", "brown", "pink")


def origin(number: int) -> str:
    """The digest of the bytes as they came of picture `number`."""
    return hashlib.sha256(f"as it came {number}".encode()).hexdigest()


def line(number: int, action: Any, text: str = "", author: str = ADA) -> Line:
    return Line(origin(number), action, text, author, AT)


def good(number: int, more: str = "") -> str:
    """A caption that nothing is wrong with, another one for every picture."""
    return f"Pet{number} is a {COLOURS[number % 8]} circle that sits on plain white paper, number {number}{more}"


def curated(folder: Path, count: int, *, title: str = "", texts: tuple[Text, ...] = (), size: int = 48) -> list[Record]:
    """Write a finished table folder of `count` pictures, half of them in each split."""
    folder.mkdir(parents=True)
    records, shards = [], {}
    for number in range(count):
        picture = Pillow.new("RGB", (size, size), "white")
        ImageDraw.Draw(picture).ellipse((4, 4, size - 6 - number % 9, size - 6), fill=COLOURS[number % 8])
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        data, row_id = stream.getvalue(), f"row-{number:04d}"
        image = Image(sha256(data), shard_of(row_id), f"{row_id}.png", size, size)
        source = Source(
            kind="url",
            licence="CC-BY-4.0",
            url=f"http://pets.test/{number}.png",
            parameters=json.dumps({"title": title or f"A pet, number {number}"}),
            sha256=origin(number),
        )
        split = "train" if number % 2 else "test"
        records.append(Record(row_id, image, texts, f"Pet{number}", f"pet{number}", source, split))
        shards.setdefault(image.shard, []).append((image.member, data))
    for shard, members in shards.items():
        write_shard(folder / shard, members)
    write_rows(folder / "rows.parquet", records)
    write_drops(folder / "drops.csv", [])
    write_manifest(folder, {"stage": "curate", "rows_in": count, "rows_out": count, "dropped": {}})
    return records
