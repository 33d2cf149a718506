"""An adapter's rows into the index: what was consumed at which step, and by which names each row is known."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stages.blocklist import Name, names_of, spelling
from stages.lineage.used.facts import Known
from stages.lineage.used.files import Files
from stages.lineage.used.index import SUMMED, Index
from stages.record import Image, Record, Source, Text

AT_ONCE = 20_000  # rows that are read or written together
Ints = NDArray[np.int64]
Steps = NDArray[np.int32]


@dataclass(frozen=True)
class Consumed:
    """The distinct ids, and the steps of id k: `steps[start[k]:start[k + 1]]`, ascending."""

    ids: list[str]
    steps: Steps
    start: Ints


@dataclass
class Rows:
    """What the items of one adapter are called: parallel lists by item, and (name, item) pairs."""

    ids: list[str] = field(default_factory=list)
    stored: list[bytes] = field(default_factory=list)
    origin: list[bytes] = field(default_factory=list)
    place: list[int] = field(default_factory=list)  # in Consumed.ids
    name: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)


def add(index: Index, known: Known, files: Files) -> str:
    """Bring an adapter in, in one transaction; why it can't be, or "" when it is there now."""
    if index.piece(known.key) is not None:
        return ""
    consumed_path, table = files.find(known.consumed), files.find(known.table)
    missing = [
        f"{where.path if where else what} as it was"
        for what, where, path in (
            ("the list of consumed rows", known.consumed, consumed_path),
            (f"{known.folder}/rows.parquet", known.table, table),
        )
        if path is None
    ]
    if consumed_path is None or table is None:
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} neither in the tree nor in DVC's cache"
    told = files.find(known.dialogues)
    if known.dialogues is not None and told is None:
        return f"{known.dialogues.path} as it was is neither in the tree nor in DVC's cache"
    consumed = read_consumed(consumed_path)
    with index.writing() as db:
        if index.piece(known.key) is not None:  # another command was faster
            return ""
        names = _Names(db)
        rows = _rows(consumed, table, read_talkers(told), names)
        if len(rows.ids) < len(consumed.ids):
            return f"{len(consumed.ids) - len(rows.ids)} of its consumed rows are not in {known.folder}"
        names.write()
        _write(db, known, consumed, rows)
    return ""


def read_consumed(path: Path) -> Consumed:
    """consumed.parquet, by id."""
    table = pq.read_table(path, columns=["step", "id"]).combine_chunks()
    if not table.num_rows:
        return Consumed([], np.empty(0, np.int32), np.zeros(1, np.int64))
    encoded = table["id"].chunk(0).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    steps = table["step"].to_numpy().astype(np.int32)
    order = np.lexsort((steps, codes))
    ids = encoded.dictionary.to_pylist()
    return Consumed(ids, steps[order], np.searchsorted(codes[order], np.arange(len(ids) + 1)))


def read_records(table: Path, wanted: Callable[[str], bool]) -> Iterator[Record]:
    """The records of a rows.parquet whose id is wanted, one after the other."""
    with pq.ParquetFile(table) as file:
        for batch in file.iter_batches(batch_size=AT_ONCE):
            for row in batch.to_pylist():
                if wanted(row["id"]):
                    yield Record(
                        **{key: row[key] for key in ("id", "label", "entity", "split")},
                        image=Image(**row["image"]),
                        texts=tuple(Text(**text) for text in row["texts"]),
                        source=Source(**row["source"]),
                    )


def read_talkers(path: Path | None) -> dict[str, set[str]]:
    """Who wrote the dialogues about each record, by its id."""
    found: dict[str, set[str]] = defaultdict(set)
    with path.open(encoding="utf-8") if path is not None else nullcontext(()) as lines:
        for line in lines:
            said = json.loads(line)
            found[str(said["id"])].add(str(said["author"]))
    return found


def _rows(consumed: Consumed, table: Path, talkers: dict[str, set[str]], names: "_Names") -> Rows:
    """A consumed id is a record's, or ends in a slash and the number of the record's text that it is about.

    A dialogue is trained on with any text of its picture.
    """
    ids = set(pq.read_table(table, columns=["id"])["id"].to_pylist())
    of_record: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(consumed.ids):
        of_record[name if name in ids else name.rpartition("/")[0]].append(place)
    rows = Rows()
    for record in read_records(table, of_record.__contains__):
        shared = [names.number(name) for name in set(names_of(replace(record, texts=()))) if name[0] != "sha256"]
        shared += [names.number(("author", spelling("author", author))) for author in talkers.get(record.id, ())]
        authors = [names.number(("author", spelling("author", text.author))) for text in record.texts]
        for place in of_record[record.id]:
            name, item = consumed.ids[place], len(rows.ids)
            part = name[len(record.id) + 1 :]
            number = int(part) if part.isdecimal() else len(authors)
            own = {*shared, *(authors[number : number + 1] if number < len(authors) else authors)}
            rows.ids.append(name)
            rows.stored.append(bytes.fromhex(record.image.sha256))
            rows.origin.append(bytes.fromhex(record.origin))
            rows.place.append(place)
            rows.name += own
            rows.item += [item] * len(own)
    return rows


class _Names:
    """Numbers of names; new ones are written together."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self._known: dict[Name, int] = {}
        self._new: list[tuple[int, str, str]] = []
        self._next = 1 + int(db.execute("SELECT coalesce(max(number), 0) FROM names").fetchone()[0])
        self._empty = self._next == 1

    def number(self, name: Name) -> int:
        found = self._known.get(name)
        if found is None:
            row = (
                None
                if self._empty
                else self._db.execute("SELECT number FROM names WHERE kind = ? AND value = ?", name).fetchone()
            )
            found = self._known[name] = int(row[0]) if row else self._next
            if row is None:
                self._new.append((found, *name))
                self._next += 1
        return found

    def write(self) -> None:
        self._db.executemany("INSERT INTO names VALUES (?, ?, ?)", self._new)


def _write(db: Any, known: Known, consumed: Consumed, rows: Rows) -> None:
    sha256 = known.table.sha256 if known.table else ""
    db.execute("INSERT OR IGNORE INTO sources (sha256) VALUES (?)", (sha256,))
    source = int(db.execute("SELECT number FROM sources WHERE sha256 = ?", (sha256,)).fetchone()[0])
    there = dict(db.execute("SELECT id, number FROM items WHERE source = ?", (source,)).fetchall())
    after = int(db.execute("SELECT coalesce(max(number), 0) FROM items").fetchone()[0])
    numbers, new = np.empty(len(rows.ids), np.int64), []
    for row, row_id in enumerate(rows.ids):
        found = there.get(row_id)
        if found is None:
            after += 1
            found = after
            new.append((found, source, row_id, rows.stored[row], rows.origin[row]))
        numbers[row] = found
    db.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?)", new)
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    adapter = db.execute("INSERT INTO adapters (key, low, high) VALUES (?, ?, ?)", (known.key, low, high)).lastrowid

    name, item = np.array(rows.name, np.int64), np.array(rows.item, np.int64)
    order = np.lexsort((numbers[item], name))
    name, item = name[order], item[order]
    for part in _parts(len(name)):
        pairs = zip(name[part].tolist(), numbers[item[part]].tolist(), strict=True)
        db.executemany("INSERT OR IGNORE INTO facets VALUES (?, ?)", pairs)
    place = np.array(rows.place, np.int64)
    uses = (
        (
            adapter,
            int(numbers[row]),
            consumed.steps[consumed.start[place[row]] : consumed.start[place[row] + 1]].tobytes(),
        )
        for row in np.argsort(numbers)
    )
    db.executemany("INSERT INTO uses VALUES (?, ?, ?)", uses)
    db.executemany(
        "INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?, ?)", _totals(int(adapter), consumed, name, place[item])
    )


def _totals(adapter: int, consumed: Consumed, name: Ints, place: Ints) -> Iterator[tuple[int, ...]]:
    """Rows, uses, steps, first and last step of each name that many rows share; `name` is sorted."""
    found, begin = np.unique(name, return_index=True)
    for number, start, end in zip(found.tolist(), begin.tolist(), [*begin[1:].tolist(), len(name)], strict=True):
        if end - start >= SUMMED:
            steps = steps_of(consumed, place[start:end])
            distinct = np.unique(steps)
            yield adapter, number, end - start, len(steps), len(distinct), int(distinct[0]), int(distinct[-1])


def steps_of(consumed: Consumed, places: Ints) -> Steps:
    """The steps of several ids, one after the other."""
    begin, count = consumed.start[places], consumed.start[places + 1] - consumed.start[places]
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    found: Steps = consumed.steps[np.repeat(begin, count) + within]
    return found


def _parts(count: int) -> Iterable[slice]:
    return (slice(start, start + AT_ONCE) for start in range(0, count, AT_ONCE))
