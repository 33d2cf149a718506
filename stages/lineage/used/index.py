"""The index of who consumed what: SQLite in .scratch, one piece an adapter, never inside an out.

An adapter is known by what it was trained on (its digest, the digest of its consumed rows and that of the data's rows):
a new one adds its rows, one that vanished stays as history. A row of training (an item) shares its names with every
adapter that was trained on the same data. Numbers that many rows share are summed up when an adapter comes in.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stages.params import UserError

WHERE = Path(".scratch/lineage/used.sqlite")
FORM = 1  # of the tables below; an index of another form is built anew
BUSY = 60  # seconds that one command waits for another's writing
SUMMED = 64  # rows from which on a name's numbers are kept

TABLES = """
CREATE TABLE adapters (number INTEGER PRIMARY KEY, key TEXT UNIQUE, low INTEGER, high INTEGER);
CREATE TABLE sources (number INTEGER PRIMARY KEY, sha256 TEXT UNIQUE);
CREATE TABLE items (number INTEGER PRIMARY KEY, source INTEGER, id TEXT, stored BLOB, origin BLOB,
  UNIQUE (source, id));
CREATE INDEX items_stored ON items (stored);
CREATE INDEX items_origin ON items (origin);
CREATE TABLE names (number INTEGER PRIMARY KEY, kind TEXT, value TEXT, UNIQUE (kind, value));
CREATE INDEX names_value ON names (value);
CREATE TABLE facets (name INTEGER, item INTEGER, PRIMARY KEY (name, item)) WITHOUT ROWID;
CREATE TABLE uses (adapter INTEGER, item INTEGER, steps BLOB, PRIMARY KEY (adapter, item)) WITHOUT ROWID;
CREATE TABLE totals (adapter INTEGER, name INTEGER, rows INTEGER, uses INTEGER, steps INTEGER, first INTEGER,
  last INTEGER, PRIMARY KEY (adapter, name)) WITHOUT ROWID;
CREATE TABLE looks (source INTEGER, adapter INTEGER, stored BLOB, hashes BLOB, PRIMARY KEY (source, adapter));
CREATE TABLE contents (digest TEXT PRIMARY KEY, known TEXT, flaw TEXT);
"""


@dataclass(frozen=True)
class Piece:
    """One indexed adapter; its items are numbered from `low` to `high`, among others'."""

    number: int
    low: int
    high: int


class Index:
    """The database, opened for reading and writing; `close` it, or use it in a `with`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        try:
            self.db = self._opened(path)
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{path} can't be read ({error}): delete it, it is built anew from the seals, the data and DVC's cache."
            ) from error

    def _opened(self, path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        form = db.execute("PRAGMA user_version").fetchone()[0]
        if form not in (0, FORM):
            db.close()
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            return self._opened(path)
        if form == 0:
            db.execute("BEGIN IMMEDIATE")
            if db.execute("PRAGMA user_version").fetchone()[0] == 0:  # else another command was faster
                for statement in TABLES.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {FORM}")
            db.execute("COMMIT")
        return db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it, or nothing when it is killed."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def piece(self, key: str) -> Piece | None:
        """The adapter with this key, None when its rows aren't in the index."""
        found = self.db.execute("SELECT number, low, high FROM adapters WHERE key = ?", (key,)).fetchone()
        return Piece(*found) if found else None

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
