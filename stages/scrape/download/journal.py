"""What became of each URL: one row with a terminal status, and the fetched bytes by their sha256.

The bytes lie one after the other in one file: a hundred thousand files, each synced and renamed, would cost
more than the fetching does. A batch is appended and synced, then its rows are committed, so a row never
names bytes that aren't there, and bytes without a row are cut off when the journal is opened. A process
that dies (kill -9) loses what it hadn't committed, which is never more than what was in flight.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import IO, Literal

from stages.params import UserError
from stages.scrape.download.body import Body
from stages.shards import sha256 as sha256_of

Status = Literal["fetched", "refused", "gone", "failed"]
PARTS = "*.part"  # long bodies on their way


@dataclass(frozen=True)
class Outcome:
    """How a URL ended. `transient`: another run could end otherwise, so the next one tries again."""

    url: str
    status: Status
    reason: str = ""  # one of a few fixed texts; "" when fetched
    http_status: int = 0  # of the last answer; 0 when there was none
    final_url: str = ""  # after redirects
    content_type: str = ""  # as the host says, not believed
    sha256: str = ""
    bytes: int = 0
    transient: bool = False


_COLUMNS = [field.name for field in fields(Outcome)]
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS outcomes (url BLOB PRIMARY KEY, {", ".join(f'"{name}"' for name in _COLUMNS[1:])}, offset);
CREATE INDEX IF NOT EXISTS by_sha256 ON outcomes (sha256) WHERE sha256 != '';
CREATE TABLE IF NOT EXISTS wanted (url BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS complete (yes INTEGER);
"""
# SQLite takes the index only where the query repeats its condition, and reads the whole table otherwise
_OF_DIGEST = "FROM outcomes WHERE sha256 = ? AND sha256 != ''"
_INSERT = f"INSERT INTO outcomes VALUES ({', '.join('?' * (len(_COLUMNS) + 1))})"


class Journal:
    """The journal of one scratch folder, locked for as long as it is open."""

    def __init__(self, scratch: Path) -> None:
        """UserError when another process has it open."""
        scratch.mkdir(parents=True, exist_ok=True)
        self.scratch = scratch
        self._lock: IO[bytes] = (scratch / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees it when the process dies
        except BlockingIOError as error:
            self._lock.close()
            raise UserError(
                f"{scratch} is in use by another run of the same download: wait for it, or end it."
            ) from error
        self._path = scratch / "fetched.bytes"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        # the crawl commits from a thread of its own, one batch at a time
        self._rows = sqlite3.connect(scratch / "journal.sqlite", check_same_thread=False, isolation_level=None)
        self._end = 0
        try:
            self._rows.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")
            self._sweep()
        except sqlite3.DatabaseError as error:
            self.close()
            raise UserError(
                f"{scratch / 'journal.sqlite'} is damaged ({error}): remove {scratch}; everything is fetched anew."
            ) from error

    def begin(self, urls: Sequence[str]) -> list[str]:
        """Take up `urls`; returns those (each once, in their order) that have no terminal row yet.

        When the run before got to its end, what failed in passing is tried again.
        """
        with self._transaction():
            self._rows.execute("DELETE FROM wanted")
            self._rows.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((_key(url),) for url in urls))
            if self._rows.execute("SELECT 1 FROM complete").fetchone():
                self._rows.execute("DELETE FROM outcomes WHERE transient AND url IN (SELECT url FROM wanted)")
            self._rows.execute("DELETE FROM complete")
        open_ = self._rows.execute("SELECT url FROM wanted EXCEPT SELECT url FROM outcomes")
        left = {_text(key) for (key,) in open_}
        return [url for url in dict.fromkeys(urls) if url in left]

    def commit(self, ended: Iterable[tuple[Outcome, Body | None]]) -> None:
        """Add terminal rows, in one transaction, after their bytes. Equal bytes are kept once."""
        rows = []
        end = self._end
        placed: dict[str, int] = {}
        for outcome, body in ended:
            offset = 0
            if body is not None:
                digest = body.sha256()
                known = placed.get(digest, self._offset(digest))
                if known is None:
                    known = end
                    for piece in body.pieces():
                        end += _write(self._file, piece, end)
                offset = placed[digest] = known
                outcome = replace(outcome, sha256=digest, bytes=body.size)
                body.discard()
            rows.append((_key(outcome.url), *astuple(outcome)[1:], offset))
        if end > self._end:
            os.fdatasync(self._file)
        with self._transaction():
            self._rows.executemany(_INSERT, rows)  # a second row of one URL would be an error here
        self._end = end

    def finish(self) -> None:
        """Note that every wanted URL has its row."""
        with self._transaction():
            self._rows.execute("INSERT INTO complete VALUES (1)")

    def _sweep(self) -> None:
        """Cut off bytes without a row and remove temporary files; rows whose bytes are missing are open again."""
        for path in self.scratch.glob(PARTS):
            path.unlink()
        size = os.fstat(self._file).st_size
        with self._transaction():
            self._rows.execute("DELETE FROM outcomes WHERE sha256 != '' AND offset + bytes > ?", (size,))
        (self._end,) = self._rows.execute("SELECT coalesce(max(offset + bytes), 0) FROM outcomes").fetchone()
        os.ftruncate(self._file, self._end)

    def rows(self) -> Iterator[Outcome]:
        """The outcomes of the URLs last asked for, sorted by URL."""
        columns = ", ".join(f'outcomes."{name}"' for name in _COLUMNS)
        query = f"SELECT {columns} FROM wanted JOIN outcomes ON outcomes.url = wanted.url ORDER BY wanted.url"
        for row in self._rows.execute(query):
            cells = dict(zip(_COLUMNS, row, strict=True))
            yield Outcome(**{**cells, "url": _text(cells["url"]), "transient": bool(cells["transient"])})

    def read(self, sha256: str) -> bytes:
        """The bytes of a fetched row; UserError when they are damaged (the next run fetches them anew)."""
        found = self._rows.execute(f"SELECT offset, bytes {_OF_DIGEST}", (sha256,)).fetchone()
        data = os.pread(self._file, found[1], found[0]) if found else b""
        if sha256_of(data) != sha256:
            self._rows.execute(f"DELETE {_OF_DIGEST}", (sha256,))
            raise UserError(f"{self._path} is damaged at picture {sha256[:12]}: run the stage again to fetch it anew.")
        return data

    def close(self) -> None:
        """Free the lock."""
        self._rows.close()
        os.close(self._file)
        self._lock.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._rows)

    def _offset(self, digest: str) -> int | None:
        found = self._rows.execute(f"SELECT offset {_OF_DIGEST}", (digest,)).fetchone()
        return None if found is None else int(found[0])


class _Transaction:
    def __init__(self, rows: sqlite3.Connection) -> None:
        self._rows = rows

    def __enter__(self) -> None:
        self._rows.execute("BEGIN IMMEDIATE")

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._rows.execute("COMMIT" if error is None else "ROLLBACK")


def _write(file: int, data: bytes, offset: int) -> int:
    """All of `data`, a system call may take less; returns its length."""
    view = memoryview(data)
    while view:
        taken = os.pwrite(file, view, offset)
        view, offset = view[taken:], offset + taken
    return len(data)


def _key(url: str) -> bytes:
    """A URL as bytes: a search answer may hold half a surrogate pair, which SQLite takes for no text."""
    return url.encode("utf-8", "surrogatepass")


def _text(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")
