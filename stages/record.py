"""The one row type from end to end, and the tables that hold it.

A table folder holds `rows.parquet`, `drops.csv` (each dropped row with one reason), tar shards with
the pictures, and `manifest.json` (every file's sha256), which is written last: a folder without a
manifest is unfinished.
"""

import csv
import json
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stages.checked import check_file
from stages.params import UserError
from stages.shards import sha256_of_file


@dataclass(frozen=True)
class Image:
    """One picture: digest of its encoded bytes, where these lie, size in pixels (0 x 0: as fetched, not decoded)."""

    sha256: str
    shard: str
    member: str
    width: int
    height: int


@dataclass(frozen=True)
class Text:
    """A text and who wrote it: a person, a model id + prompt hash, or a generator + seed."""

    text: str
    author: str


@dataclass(frozen=True)
class Source:
    """Where a row comes from. `parameters` is JSON: what a generator drew, what an importer or a search said.

    `sha256` is the digest of the bytes as they came, "" where the picture never was re-encoded.
    """

    kind: str  # generator, folder, url
    licence: str
    url: str = ""
    page: str = ""
    licence_url: str = ""
    date: str = ""
    importer: str = ""
    file: str = ""
    generator: str = ""
    seed: int = 0
    parameters: str = "{}"
    sha256: str = ""

    @property
    def drawn(self) -> dict[str, Any]:
        """`parameters` read back: word, index, font, ... for circled letters."""
        return dict(json.loads(self.parameters))


@dataclass(frozen=True)
class Record:
    """One row. `entity` is what splits must not cross; `split` is "" until `curate` decides."""

    id: str
    image: Image
    texts: tuple[Text, ...]
    label: str
    entity: str
    source: Source
    split: str = ""

    @property
    def origin(self) -> str:
        """What names this picture for good (captions, a person's decisions): the digest of the bytes as they came."""
        return self.source.sha256 or self.image.sha256


@dataclass(frozen=True)
class Drop:
    """A row that was left out, with its one reason and what it was about."""

    id: str
    reason: str
    detail: str = ""


@dataclass
class Tally:
    """Rows in = rows out + drops, checked when a stage closes its books."""

    rows_in: int
    drops: list[Drop] = field(default_factory=list)

    def close(self, rows_out: int) -> None:
        """Raise RuntimeError when a row went missing without a reason."""
        if self.rows_in != rows_out + len(self.drops):
            raise RuntimeError(f"{self.rows_in} rows in, but {rows_out} rows out and {len(self.drops)} drops")

    @property
    def reasons(self) -> dict[str, int]:
        return dict(sorted(Counter(drop.reason for drop in self.drops).items()))


SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", pa.struct([(f.name, pa.int32() if f.type is int else pa.string()) for f in fields(Image)])),
        ("texts", pa.list_(pa.struct([("text", pa.string()), ("author", pa.string())]))),
        ("label", pa.string()),
        ("entity", pa.string()),
        ("source", pa.struct([(f.name, pa.int64() if f.type is int else pa.string()) for f in fields(Source)])),
        ("split", pa.string()),
    ]
)


def new_folder(out: Path) -> None:
    """Make `out` anew: what lies there is half-written, by a run that was killed before its manifest."""
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)


def write_rows(path: Path, records: Iterable[Record]) -> int:
    """Write rows.parquet, sorted by id so that workers' order doesn't matter; returns the count."""
    rows = [asdict(record) for record in sorted(records, key=lambda record: record.id)]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path, compression="zstd")
    return len(rows)


def read_rows(folder: Path) -> list[Record]:
    """All records of a finished table folder, sorted by id; UserError when the file isn't the one that was written."""
    return [
        Record(
            **{key: row[key] for key in ("id", "label", "entity", "split")},
            image=Image(**row["image"]),
            texts=tuple(Text(**text) for text in row["texts"]),
            source=Source(**row["source"]),
        )
        for row in pq.read_table(check_file(folder, "rows.parquet")).to_pylist()
    ]


def write_drops(path: Path, drops: Iterable[Drop]) -> None:
    """drops.csv: id, reason, detail; cells that a spreadsheet would run as a formula are quoted."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id", "reason", "detail"])
        for drop in sorted(drops, key=lambda drop: drop.id):
            writer.writerow([plain_cell(drop.id), drop.reason, plain_cell(drop.detail)])


def plain_cell(cell: str) -> str:
    """`cell`, with a quote before what a spreadsheet would take for a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """Close a folder: every file's sha256 and size, and the stage's own counts. Written last."""
    files = {
        str(path.relative_to(folder)): {"sha256": sha256_of_file(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }
    text = json.dumps({**facts, "files": files}, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def facts_of(folder: Path) -> dict[str, Any]:
    """What a finished folder's stage said of itself: its manifest without the files."""
    return {key: value for key, value in read_manifest(folder).items() if key != "files"}


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The facts of every data stage up to `folder`, the first one first; each manifest holds those `upstream`."""
    facts = facts_of(folder)
    history = [facts]
    while "upstream" in facts:
        facts = facts.pop("upstream")
        history.append(facts)
    return history[::-1]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished folder; UserError when there is none."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise UserError(f"{folder} is unfinished or missing (no manifest.json): run `dvc repro` for the stage before.")
    return dict(json.loads(path.read_text(encoding="utf-8")))
