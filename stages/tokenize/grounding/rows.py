"""Tokenized captions and dialogues, read back by training and evaluation.

A folder of them holds `captions.parquet`, `dialogues.parquet`, `receipt.json` (the mask receipt),
`drops.csv` and `manifest.json`. Pictures are not copied: a row names its picture by sha256.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from stages.checked import check_file


@dataclass(frozen=True)
class CaptionRow:
    """One caption of one picture. `ids` is the text alone: no beginning, no [RET], no end."""

    id: str  # the picture's row id, a slash, and the caption's number
    row: str
    sha256: str
    split: str
    entity: str
    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class DialogueRow:
    """One dialogue about one picture, turn by turn: question ids and answer ids, each with its line break."""

    id: str
    sha256: str
    split: str
    entity: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    question_ids: tuple[tuple[int, ...], ...]  # "Q: ...\nA:"
    answer_ids: tuple[tuple[int, ...], ...]  # " ...\n"


R = TypeVar("R", CaptionRow, DialogueRow)
TYPES: dict[Any, pa.DataType] = {
    str: pa.string(),
    tuple[int, ...]: pa.list_(pa.int32()),
    tuple[str, ...]: pa.list_(pa.string()),
    tuple[tuple[int, ...], ...]: pa.list_(pa.list_(pa.int32())),
}
FILES: dict[type, str] = {CaptionRow: "captions.parquet", DialogueRow: "dialogues.parquet"}


def write_tokenized(folder: Path, kind: type[R], rows: list[R]) -> None:
    """Write the file of `kind`, sorted by id."""
    hints = get_type_hints(kind)
    schema = pa.schema([(field.name, TYPES[hints[field.name]]) for field in fields(kind)])
    ordered = [asdict(row) for row in sorted(rows, key=lambda row: row.id)]
    pq.write_table(pa.Table.from_pylist(ordered, schema=schema), folder / FILES[kind], compression="zstd")


def read_tokenized(folder: Path, kind: type[R], split: str) -> list[R]:
    """The rows of one split, sorted by id."""
    rows = pq.read_table(check_file(folder, FILES[kind])).to_pylist()
    return [kind(**{name: _tuples(value) for name, value in row.items()}) for row in rows if row["split"] == split]


def _tuples(value: Any) -> Any:
    return tuple(_tuples(inner) for inner in value) if isinstance(value, list) else value
