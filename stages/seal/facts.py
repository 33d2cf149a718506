"""The rows' own facts: licences, hosts, authors and generators of what training took a loss of."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stages.evaluate.provenance import kind_of_pictures
from stages.lineage.form import Consumed, Dropped
from stages.params import UserError
from stages.record import Image, Record, Source, Text, read_manifest

BATCH = 8192  # rows in memory at a time
COUNTED = ("licences", "hosts", "kinds", "authors", "generators")


def read_consumed(path: Path) -> tuple[Consumed, set[str]]:
    """Counts and digest of a consumed.parquet, and the distinct ids in it."""
    import pyarrow.parquet as pq

    if not path.is_file():
        raise UserError(f"{path} is missing: `train` writes it; run `dvc checkout`, or train the adapter anew.")
    table = pq.read_table(path, columns=["step", "id"])
    steps, ids = table["step"].to_pylist(), table["id"].to_pylist()
    lines = "".join(f"{step}\t{row}\n" for step, row in zip(steps, ids, strict=True))
    distinct = set(ids)
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return Consumed(rows=len(ids), distinct=len(distinct), steps=len(set(steps)), digest=digest), distinct


def record_of(consumed: str, known: set[str]) -> str:
    """The id of the data row behind a consumed id: itself, or what stands before `/NUMBER` where rows have several.

    UserError when the data folder has no such row: then it isn't what was trained on.
    """
    if consumed in known:
        return consumed
    row = consumed.rpartition("/")[0]
    if row in known:
        return row
    raise UserError(
        f"row {consumed} was trained on, but the data folder has no such row: the data changed after training; "
        "run `dvc repro` for the recipe."
    )


def facts_of_rows(folder: Path, consumed: set[str]) -> dict[str, Any]:
    """What the consumed rows of a data folder say of themselves: counts of distinct rows, and `pictures`."""
    read_manifest(folder)  # refuses an unfinished folder
    known = _ids(folder)
    wanted = {record_of(row, known) for row in consumed}
    talkers = _dialogue_authors(folder)
    counts: dict[str, Counter[str]] = {name: Counter() for name in COUNTED}
    kinds: set[str] = set()
    for batch in _batches(folder):
        rows = [row for row in batch if row.id in wanted]
        for row in rows:
            counts["licences"][row.source.licence] += 1
            counts["kinds"][row.source.kind] += 1
            if row.source.url:
                counts["hosts"][host_of(row.source.url)] += 1
            if row.source.generator:
                counts["generators"][f"{row.source.generator} {row.source.seed}"] += 1
            counts["authors"].update({text.author for text in row.texts} | talkers.get(row.id, set()))
        pictured = [row for row in rows if row.image.sha256]
        kinds |= {kind_of_pictures(pictured)} if pictured else set()
    facts: dict[str, Any] = {name: dict(sorted(count.items())) for name, count in counts.items()}
    return {**facts, "pictures": next((kind for kind in ("collected", "imported", "drawn") if kind in kinds), "none")}


def host_of(url: str) -> str:
    """The host of an address; the whole text where it is none."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:  # half a bracket: an imported table may hold anything
        return url


def drops_of(folder: str, manifest: dict[str, Any]) -> Dropped | None:
    """What a data stage says it left out; None where it counts no rows (drawn samples, features)."""
    if not {"rows_in", "rows_out", "dropped"} <= set(manifest):
        return None
    return Dropped(
        folder=folder, rows_in=manifest["rows_in"], rows_out=manifest["rows_out"], dropped=manifest["dropped"]
    )


def _ids(folder: Path) -> set[str]:
    import pyarrow.parquet as pq

    return set(pq.read_table(folder / "rows.parquet", columns=["id"])["id"].to_pylist())


def _batches(folder: Path) -> Iterator[list[Record]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(folder / "rows.parquet").iter_batches(BATCH):
        yield [
            Record(
                **{key: row[key] for key in ("id", "label", "entity", "split")},
                image=Image(**row["image"]),
                texts=tuple(Text(**text) for text in row["texts"]),
                source=Source(**row["source"]),
            )
            for row in batch.to_pylist()
        ]


def _dialogue_authors(folder: Path) -> dict[str, set[str]]:
    """Who wrote the dialogues about each row; empty where the folder has none."""
    path = folder / "dialogues.jsonl"
    found: dict[str, set[str]] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            said = json.loads(line)
            found.setdefault(said["id"], set()).add(said["author"])
    return found
