"""Thumbnails of test pictures for a page, chosen by hash and not by hand."""

import base64
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from stages.params import UserError
from stages.record import Record
from stages.shards import ShardReader

SHOWN = 6  # of each kind
LARGEST = (224, 224)  # pixels of a thumbnail, width and height
QUALITY = 85

T = TypeVar("T")


@dataclass(frozen=True)
class Thumbnail:
    """A picture as a data URI, its size in pixels, and what its licence asks to be said."""

    uri: str
    width: int
    height: int
    name: str
    credit: str


@dataclass(frozen=True)
class Examples:
    """What is shown of a kind, as (thumbnail, what was said), and of how many."""

    shown: list[tuple[Thumbnail, Any]]
    of: int


class Gallery:
    """Thumbnails of the test pictures that a predictions file names."""

    def __init__(self, records: list[Record], pictures: ShardReader) -> None:
        self.records, self.pictures = {record.id: record for record in records}, pictures

    def examples(self, rows: list[T], row_id: Callable[[T], str], name: Callable[[T], str]) -> Examples:
        """At most `SHOWN` of `rows`, in the order of the sha256 of their names."""
        chosen = sorted(rows, key=lambda row: hashlib.sha256(name(row).encode()).hexdigest())[:SHOWN]
        return Examples([(self.thumbnail(row_id(row)), row) for row in chosen], len(rows))

    def thumbnail(self, row_id: str) -> Thumbnail:
        from PIL import Image

        if row_id not in self.records:
            raise UserError(f"the predictions name {row_id}, which the curated set lacks: run `dvc repro` for both.")
        record = self.records[row_id]
        data = self.pictures.read(record.image.shard, record.image.member, record.image.sha256)
        small = Image.open(io.BytesIO(data)).convert("RGB")
        small.thumbnail(LARGEST, Image.Resampling.LANCZOS)
        stream = io.BytesIO()
        small.save(stream, "JPEG", quality=QUALITY)
        uri = f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
        return Thumbnail(uri, small.width, small.height, record.label or record.id, _credit(record))


def _credit(record: Record) -> str:
    source = record.source
    return " · ".join(part for part in (source.licence, source.page or source.url or source.generator) if part)
