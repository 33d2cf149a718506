"""The described rows, read piece by piece: what a stage holds at once doesn't grow with their number."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from stages.record import read_manifest

ROWS_AT_ONCE = 2048
CHARACTERS_AT_ONCE = 1_000_000  # a token takes some hundred bytes while a batch is encoded


@dataclass(frozen=True)
class Told:
    """One description and the name that it asks for."""

    id: str
    split: str
    name: str
    entity: str
    description: str
    language: str


def read_told(folder: Path) -> Iterator[Told]:
    """Every text of every record, in the order of their file; a record without a text is one row with none.

    A record of several texts gives a row each: id/0, id/1.
    """
    read_manifest(folder)  # refuses an unfinished folder
    columns = ["id", "texts", "label", "entity", "source.parameters", "split"]
    with pq.ParquetFile(folder / "rows.parquet") as file:
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns):
            for row in batch.to_pylist():
                texts = [text["text"] for text in row["texts"]] or [""]
                language = str(json.loads(row["source"]["parameters"]).get("language", ""))
                for number, text in enumerate(texts):
                    name = row["id"] if len(texts) == 1 else f"{row['id']}/{number}"
                    yield Told(name, row["split"], row["label"], row["entity"], text, language)


def pieces(
    rows: Iterable[Told], most: int = ROWS_AT_ONCE, characters: int = CHARACTERS_AT_ONCE
) -> Iterator[list[Told]]:
    """`rows` in lists of at most `most` rows and about so many characters; a longer row stands alone."""
    piece: list[Told] = []
    held = 0
    for row in rows:
        if piece and (len(piece) == most or held + len(row.description) > characters):
            yield piece
            piece, held = [], 0
        piece.append(row)
        held += len(row.description)
    if piece:
        yield piece
