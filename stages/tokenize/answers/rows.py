"""Tokenized rows: exactly what the model is given, read back by training and evaluation.

A folder of them holds `rows.parquet`, tar shards with the views (the picture after trimming and
fitting, as PNG), `receipt.json` (the mask receipt), `drops.csv` and `manifest.json`.
"""

import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from stages.checked import check_file
from stages.record import Image
from stages.shards import ShardReader

if TYPE_CHECKING:
    from PIL import Image as PillowImage


@dataclass(frozen=True)
class TokenizedRow:
    """One sample: token ids of prefix (image, <bos>, prompt, newline) and suffix (answer, <eos>)."""

    id: str
    split: str
    label: str
    answer: str
    prefix_ids: tuple[int, ...]
    suffix_ids: tuple[int, ...]
    view: Image

    def picture(self, views: ShardReader) -> "PillowImage.Image":
        """The view as RGB, checked against its sha256; what the image processor normalises."""
        from PIL import Image as Pillow

        return Pillow.open(io.BytesIO(views.read(self.view.shard, self.view.member, self.view.sha256))).convert("RGB")


SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("id", "split", "label", "answer")),
        ("prefix_ids", pa.list_(pa.int32())),
        ("suffix_ids", pa.list_(pa.int32())),
        (
            "view",
            pa.struct([(f.name, pa.int32() if f.type is int else pa.string()) for f in fields(Image)]),
        ),
    ]
)


def write_tokenized(path: Path, rows: list[TokenizedRow]) -> None:
    """rows.parquet, sorted by id."""
    ordered = [asdict(row) for row in sorted(rows, key=lambda row: row.id)]
    pq.write_table(pa.Table.from_pylist(ordered, schema=SCHEMA), path, compression="zstd")


def read_tokenized(folder: Path, split: str | None = None) -> list[TokenizedRow]:
    """The rows of one split (None: all), sorted by id."""
    return [
        TokenizedRow(
            **{key: row[key] for key in ("id", "split", "label", "answer")},
            prefix_ids=tuple(row["prefix_ids"]),
            suffix_ids=tuple(row["suffix_ids"]),
            view=Image(**row["view"]),
        )
        for row in pq.read_table(check_file(folder, "rows.parquet")).to_pylist()
        if split is None or row["split"] == split
    ]
