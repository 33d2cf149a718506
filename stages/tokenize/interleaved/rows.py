"""Tokenized rows: exactly what the model is given, read back by training and evaluation.

A folder of them holds `rows.parquet`, tar shards with the views (the fitted picture, as PNG),
`receipt.json` (the mask receipt), `drops.csv` and `manifest.json`.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stages.checked import check_file
from stages.record import Image


@dataclass(frozen=True)
class TokenizedRow:
    """One sample. `prefix_ids`: <s>, picture, prompt; `suffix_ids`: answer, </s>.

    `example_ids` is the row as an example before another one: picture, prompt, answer, separator, without
    <s>. `references` are all right answers: the label, or every caption of the picture.
    """

    id: str
    split: str
    label: str
    entity: str
    answer: str
    references: tuple[str, ...]
    prefix_ids: tuple[int, ...]
    suffix_ids: tuple[int, ...]
    example_ids: tuple[int, ...]
    view: Image


TEXTS = ("id", "split", "label", "entity", "answer")

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in TEXTS),
        ("references", pa.list_(pa.string())),
        *((name, pa.list_(pa.int32())) for name in ("prefix_ids", "suffix_ids", "example_ids")),
        ("view", pa.struct([(f.name, pa.int32() if f.type is int else pa.string()) for f in fields(Image)])),
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
            **{key: row[key] for key in TEXTS},
            references=tuple(row["references"]),
            prefix_ids=tuple(row["prefix_ids"]),
            suffix_ids=tuple(row["suffix_ids"]),
            example_ids=tuple(row["example_ids"]),
            view=Image(**row["view"]),
        )
        for row in pq.read_table(check_file(folder, "rows.parquet")).to_pylist()
        if split is None or row["split"] == split
    ]
