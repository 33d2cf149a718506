"""Tokenized rows: exactly what the model is given, written in a stream and read back one at a time.

A folder of them holds `rows.parquet`, `receipt.json` (the mask receipt), `drops.csv` and `manifest.json`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, overload

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.checked import check_file

Kind = Literal["caption", "conversation"]


@dataclass(frozen=True)
class TokenizedRow:
    """One sample: a picture (its sha256) and what is said about it.

    `ids` is the whole conversation, its picture expanded to one token a patch; `supervised` marks each answer
    up to its end of sequence. `references` are all right answers to the last question: every caption of the
    picture, or the last answer alone.
    """

    id: str
    split: str
    entity: str
    picture: str
    kind: Kind
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    references: tuple[str, ...]
    ids: tuple[int, ...]
    supervised: tuple[bool, ...]


TEXTS = ("id", "split", "entity", "picture", "kind")
LISTS = ("questions", "answers", "references")

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in TEXTS),
        *((name, pa.list_(pa.string())) for name in LISTS),
        ("ids", pa.list_(pa.int32())),
        ("supervised", pa.list_(pa.bool_())),
    ]
)


class Writer:
    """rows.parquet in the order that rows come, a row group for each call of `write`."""

    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")

    def write(self, rows: Iterable[TokenizedRow]) -> None:
        table = pa.Table.from_pylist([vars(row) for row in rows], schema=SCHEMA)
        if table.num_rows:
            self._writer.write_table(table)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


class Tokenized(Sequence[TokenizedRow]):
    """Rows in columns, as Arrow holds them; one becomes Python objects when it is asked for."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, place: int) -> TokenizedRow: ...
    @overload
    def __getitem__(self, place: slice) -> "Sequence[TokenizedRow]": ...
    def __getitem__(self, place: int | slice) -> "TokenizedRow | Sequence[TokenizedRow]":
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return _row(self.table.slice(place % len(self), 1).to_pylist()[0])

    def column(self, name: str) -> list[Any]:
        """One field of every row."""
        return list(self.table[name].to_pylist())


def open_tokenized(folder: Path, split: str | None = None, kind: Kind | None = None) -> Tokenized:
    """The rows of one split and kind (None: all), in the order that they were written in."""
    wanted = [pc.field(name) == value for name, value in (("split", split), ("kind", kind)) if value is not None]
    chosen = wanted[0] & wanted[1] if len(wanted) == 2 else (wanted or [None])[0]
    return Tokenized(pq.read_table(check_file(folder, "rows.parquet"), filters=chosen).combine_chunks())


def read_tokenized(folder: Path, split: str | None = None, kind: Kind | None = None) -> list[TokenizedRow]:
    """The same rows as a list."""
    return [_row(row) for row in open_tokenized(folder, split, kind).table.to_pylist()]


def _row(values: dict[str, Any]) -> TokenizedRow:
    lists: dict[str, Any] = {name: tuple(values[name]) for name in (*LISTS, "ids", "supervised")}
    return TokenizedRow(**{**values, **lists})
