"""Pictures with what was said about them: some right, some wrong, chosen by hash and not by hand."""

import base64
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.record import Record
from stages.shards import ShardReader

if TYPE_CHECKING:
    from PIL import Image

SHOWN = 12
LARGEST = (320, 120)  # pixels of a thumbnail, width and height
MARGIN = 14  # pixels around the ink
FAINTEST = 24  # difference from the paper, 0..255, that counts as ink


@dataclass(frozen=True)
class Card:
    """One picture as a data URI, its size, and its line of the predictions file."""

    uri: str
    width: int
    height: int
    said: dict[str, Any]


def choose(predictions: list[dict[str, Any]], rule: str, right: bool) -> list[dict[str, Any]]:
    """At most `SHOWN` rows that the tuned model got right (or wrong), in the order of their ids' sha256."""
    rows = [row for row in predictions if row["tuned_correct"][rule] == right]
    return sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).hexdigest())[:SHOWN]


def cards(rows: list[dict[str, Any]], records: dict[str, Record], pictures: ShardReader) -> list[Card]:
    return [_card(row, records[row["id"]], pictures) for row in rows]


def _card(said: dict[str, Any], record: Record, pictures: ShardReader) -> Card:
    from PIL import Image

    data = pictures.read(record.image.shard, record.image.member, record.image.sha256)
    small = cropped(Image.open(io.BytesIO(data)).convert("RGB"))
    small.thumbnail(LARGEST, Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "PNG", optimize=True)
    uri = f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
    return Card(uri, small.width, small.height, said)


def cropped(picture: "Image.Image") -> "Image.Image":
    """Without the empty paper around the ink (the paper is the corner's colour); a photograph stays whole."""
    from PIL import Image, ImageChops

    paper = Image.new("RGB", picture.size, picture.getpixel((0, 0)))
    ink = ImageChops.difference(picture, paper).convert("L").point(lambda value: 255 * (value > FAINTEST)).getbbox()
    if ink is None:
        return picture
    left, top, right, bottom = ink
    return picture.crop(
        (
            max(0, left - MARGIN),
            max(0, top - MARGIN),
            min(picture.width, right + MARGIN),
            min(picture.height, bottom + MARGIN),
        )
    )
