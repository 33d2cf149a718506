"""`plumbline lineage who-used` over a million consumed rows: the time of an answer once the index is there.

    python -m bench.who_used [ROWS] [OUT.json]

One adapter is made up: ROWS distinct rows (default: a million), three in a hundred consumed twice, on 1000 hosts, with
50 entities a thousand rows, 5 licences, 20 authors, and a perceptual hash a picture. It is brought into a new index by
the product's own code. Every kind of question is then asked ROUNDS times; the slowest answer counts.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.blocklist import Kind
from stages.lineage.used.adding import add
from stages.lineage.used.facts import NEAR_BITS, Known, Where
from stages.lineage.used.files import Files
from stages.lineage.used.history import Seal
from stages.lineage.used.index import Index
from stages.lineage.used.query import answer
from stages.lineage.used.question import Question
from stages.record import SCHEMA
from stages.shards import sha256, sha256_of_file
from stages.train.consumed import write_consumed

ROUNDS = 7
BATCH = 50_000
LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "PDM-1.0", "MIT")


def columns(numbers: range) -> dict[str, Any]:
    """Rows as scraped and captioned, as columns of a rows.parquet."""
    ids = [f"{number:024x}" for number in numbers]
    things = [f"thing {number // 20}" for number in numbers]
    urls = [url_of(number) for number in numbers]
    empty = [""] * len(ids)
    source: dict[str, list[Any]] = dict.fromkeys(("licence_url", "date", "importer", "file", "generator"), empty) | {
        "kind": ["url"] * len(ids),
        "licence": [LICENCES[number % 5] for number in numbers],
        "url": urls,
        "page": [f"{url}.html" for url in urls],
        "seed": [0] * len(ids),
        "parameters": ["{}"] * len(ids),
        "sha256": [sha256(f"fetched {number}".encode()) for number in numbers],
    }
    image: dict[str, list[Any]] = {
        "sha256": [sha256(f"stored {number}".encode()) for number in numbers],
        "shard": ["0.tar"] * len(ids),
        "member": empty,
        "width": [256] * len(ids),
        "height": [256] * len(ids),
    }
    texts = [[{"text": "A thing", "author": f"person:author {number % 20}"}] for number in numbers]
    top = {"id": ids, "texts": texts, "label": things, "entity": things, "split": ["train"] * len(ids)}
    return {**top, "image": struct("image", image), "source": struct("source", source)}


def struct(name: str, values: dict[str, list[Any]]) -> pa.StructArray:
    kind = SCHEMA.field(name).type
    return pa.StructArray.from_arrays([pa.array(values[f.name], f.type) for f in kind], fields=list(kind))


def url_of(number: int) -> str:
    return f"https://host{number % 1000}.example.org/pictures/{number}.jpg"


def write_table(path: Path, rows: int) -> None:
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for start in range(0, rows, BATCH):
            writer.write_table(pa.table(columns(range(start, min(rows, start + BATCH))), schema=SCHEMA))


def made_up(project: Path, rows: int) -> Known:
    """The files of the adapter, and what its seal would say of them."""
    folder, trained = project / "data/caption/many", project / "models/trained/many"
    folder.mkdir(parents=True)
    trained.mkdir(parents=True)
    write_table(folder / "rows.parquet", rows)
    order = np.random.default_rng(1).permutation(rows).tolist()
    ids = [f"{number:024x}/0" for number in [*order, *order[: rows * 3 // 100]]]
    write_consumed(trained / "consumed.parquet", ids, 64)
    wheres = [
        Where(path=str(path.relative_to(project)), sha256=sha256_of_file(path), bytes=path.stat().st_size, md5="")
        for path in (trained / "consumed.parquet", folder / "rows.parquet")
    ]
    return Known(
        seal="0" * 64, key="1" * 64, digest="2" * 64, recipe="many", parent="", parent_recipe="",
        folder="data/caption/many", rows=len(ids), steps=-(-len(ids) // 64), licences={}, hosts={}, authors={},
        outside=True, generated=False, near=True, radius=23, oriented=False, context_examples=0, consumed=wheres[0],
        table=wheres[1], dialogues=None, shards=(),
    )  # fmt: skip


def hash_pictures(index: Index, known: Known) -> None:
    """Random hashes in place of a million decoded pictures: a search takes as long."""
    piece = index.piece(known.key)
    assert piece is not None
    stored = b"".join(digest for (digest,) in index.db.execute("SELECT DISTINCT stored FROM items ORDER BY stored"))
    hashes = np.random.default_rng(2).bytes(len(stored) // 32 * (NEAR_BITS // 8))
    source = index.db.execute("SELECT source FROM items LIMIT 1").fetchone()[0]
    with index.writing() as db:
        db.execute("INSERT INTO looks VALUES (?, ?, ?, ?)", (source, piece.number, stored, hashes))


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    found: dict[str, Any] = {"rows": rows}
    one = rows // 2
    asked: list[tuple[Kind, str]] = [
        ("url", url_of(one)),
        ("host", "host7.example.org"),
        ("host", "example.org"),
        ("sha256", sha256(f"fetched {one}".encode())),
        ("sha256", sha256(f"stored {one}".encode())),
        ("entity", f"thing {one // 20}"),
        ("licence", "CC0-1.0"),
        ("author", "person:author 3"),
        ("word", "nothing"),
    ]
    with tempfile.TemporaryDirectory() as made:
        project = Path(made)
        known = made_up(project, rows)
        with Index(project / "used.sqlite") as index:
            start = time.perf_counter()
            reason = add(index, known, Files(project))
            found["index_s"] = round(time.perf_counter() - start, 2)
            if reason:
                raise SystemExit(reason)
            hash_pictures(index, known)
        found["index_mb"] = round((project / "used.sqlite").stat().st_size / 1e6)
        seals = [Seal(known, current=True)]
        for kind, value in asked:
            times = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                with Index(project / "used.sqlite") as index:
                    told = answer(Question(kind, value), seals, {}, [], project, index, 20)
                times.append(time.perf_counter() - start)
            name = f"{kind} {value[:24]}"
            found[name] = {"rows": told.uses[0].rows, "median_s": round(statistics.median(times), 4)}
            found[name]["slowest_s"] = round(max(times), 4)
            print(name, found[name], flush=True)
    print({key: value for key, value in found.items() if not isinstance(value, dict)})
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
