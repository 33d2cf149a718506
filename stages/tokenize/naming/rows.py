"""Tokenized rows: exactly what the model is given, read back by training and evaluation.

A folder of them holds `rows.parquet`, `receipt.json` (the mask receipt), `drops.csv` and `manifest.json`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from stages.checked import check_file


@dataclass(frozen=True)
class TokenizedRow:
    """One description with its name.

    `prompt_ids`: from the first token to where the model's turn begins, all unsupervised; `answer_ids`: the name,
    the end of its turn and the end of sequence, all supervised.
    """

    id: str
    split: str
    name: str
    entity: str
    description: str
    language: str
    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]


TEXTS = ("id", "split", "name", "entity", "description", "language")
IDS = ("prompt_ids", "answer_ids")
SCHEMA = pa.schema([*((name, pa.string()) for name in TEXTS), *((name, pa.list_(pa.int32())) for name in IDS)])


class RowsWriter:
    """rows.parquet, a row group a call: what was written needs no more memory. The order is the caller's."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self.rows = 0

    def write(self, rows: Iterable[TokenizedRow]) -> None:
        held = list(rows)
        if held:
            columns = {name: [getattr(row, name) for row in held] for name in SCHEMA.names}
            self._writer.write_table(pa.Table.from_pydict(columns, schema=SCHEMA))
            self.rows += len(held)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


def write_tokenized(path: Path, rows: Iterable[TokenizedRow]) -> None:
    """rows.parquet in one go, sorted by id."""
    with RowsWriter(path) as writer:
        writer.write(sorted(rows, key=lambda row: row.id))


def read_tokenized(folder: Path, split: str | None = None) -> list[TokenizedRow]:
    """The rows of one split (None: all), in the order of their file (by id)."""
    chosen = None if split is None else [("split", "==", split)]
    return [
        TokenizedRow(
            **{key: row[key] for key in TEXTS},
            prompt_ids=tuple(row["prompt_ids"]),
            answer_ids=tuple(row["answer_ids"]),
        )
        for row in pq.read_table(check_file(folder, "rows.parquet"), filters=chosen).to_pylist()
    ]
