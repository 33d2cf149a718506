"""What became of each URL: one row with a terminal status, and the fetched bytes by their sha256.

A row is committed after its bytes are on disk under their final name, so a row never names bytes that
aren't there; bytes without a row are swept when the journal is opened. A process that dies (kill -9)
loses what it hadn't committed, which is never more than what was in flight.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import IO, Literal

from stages.params import UserError
from stages.scrape.download.body import Body
from stages.shards import sha256 as sha256_of

SYNCS_AT_ONCE = 8

Status = Literal["fetched", "refused", "gone", "failed"]


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
CREATE TABLE IF NOT EXISTS outcomes (url BLOB PRIMARY KEY, {", ".join(f'"{name}"' for name in _COLUMNS[1:])});
CREATE TABLE IF NOT EXISTS wanted (url BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS complete (yes INTEGER);
"""
_INSERT = f"INSERT INTO outcomes VALUES ({', '.join('?' * len(_COLUMNS))})"


class Journal:
    """The journal of one scratch folder, locked for as long as it is open."""

    def __init__(self, scratch: Path) -> None:
        """UserError when another process has it open."""
        self._blobs = scratch / "blobs"
        self.incoming = self._blobs / "incoming"  # temporary files: the same file system as where they end up
        self.incoming.mkdir(parents=True, exist_ok=True)
        self._lock: IO[bytes] = (scratch / "lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees it when the process dies
        except BlockingIOError as error:
            self._lock.close()
            raise UserError(
                f"{scratch} is in use by another run of the same download: wait for it, or end it."
            ) from error
        self._threads = ThreadPoolExecutor(SYNCS_AT_ONCE, thread_name_prefix="sync")
        # the crawl commits from a thread of its own, one batch at a time
        self._rows = sqlite3.connect(scratch / "journal.sqlite", check_same_thread=False, isolation_level=None)
        self._rows.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")

    def begin(self, urls: Sequence[str]) -> list[str]:
        """Take up `urls`; returns those (each once, in their order) that have no terminal row yet.

        When the run before got to its end, what failed in passing is tried again, and so is a row whose
        bytes have gone.
        """
        with self._transaction():
            self._rows.execute("DELETE FROM wanted")
            self._rows.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((_key(url),) for url in urls))
            if self._rows.execute("SELECT 1 FROM complete").fetchone():
                self._rows.execute("DELETE FROM outcomes WHERE transient AND url IN (SELECT url FROM wanted)")
            self._rows.execute("DELETE FROM complete")
            rows = self._rows.execute("SELECT url, sha256, bytes FROM outcomes WHERE sha256 != ''")
            lost = [(url,) for url, digest, size in rows if not self._has(digest, size)]
            self._rows.executemany("DELETE FROM outcomes WHERE url = ?", lost)
        self.sweep()
        open_ = self._rows.execute("SELECT url FROM wanted EXCEPT SELECT url FROM outcomes")
        left = {_text(key) for (key,) in open_}
        return [url for url in dict.fromkeys(urls) if url in left]

    def commit(self, ended: Iterable[tuple[Outcome, Body | None]]) -> None:
        """Add terminal rows, in one transaction, after their bytes."""
        batch = list(ended)
        # synced side by side, a file system writes many files at the price of a few
        stored = self._threads.map(lambda one: one[1].store() if one[1] is not None else None, batch)
        rows, folders = [], set()
        for (outcome, body), file in zip(batch, stored, strict=True):
            if body is not None and file is not None:
                digest, path = file
                blob = self._path(digest)
                folders.add(blob.parent)
                if not blob.parent.is_dir():
                    blob.parent.mkdir()
                    folders.add(self._blobs)
                path.replace(blob)
                outcome = replace(outcome, sha256=digest, bytes=body.size)
            rows.append((_key(outcome.url), *astuple(outcome)[1:]))
        list(self._threads.map(_sync_folder, folders))
        with self._transaction():
            self._rows.executemany(_INSERT, rows)  # a second row of one URL would be an error here

    def finish(self) -> None:
        """Note that every wanted URL has its row, and leave no file that no row names."""
        with self._transaction():
            self._rows.execute("INSERT INTO complete VALUES (1)")
        self.sweep()

    def sweep(self) -> None:
        """Remove temporary files, and bytes that no row names."""
        named = {digest for (digest,) in self._rows.execute("SELECT DISTINCT sha256 FROM outcomes")}
        for path in self._blobs.glob("*/*"):
            if path.parent == self.incoming or path.name not in named:
                path.unlink()

    def rows(self) -> Iterator[Outcome]:
        """The outcomes of the URLs last asked for, sorted by URL."""
        columns = ", ".join(f'outcomes."{name}"' for name in _COLUMNS)
        query = f"SELECT {columns} FROM wanted JOIN outcomes ON outcomes.url = wanted.url ORDER BY wanted.url"
        for row in self._rows.execute(query):
            cells = dict(zip(_COLUMNS, row, strict=True))
            yield Outcome(**{**cells, "url": _text(cells["url"]), "transient": bool(cells["transient"])})

    def read(self, sha256: str) -> bytes:
        """The bytes of a fetched row; UserError when they are missing or not what the row names."""
        path = self._path(sha256)
        data = path.read_bytes() if path.is_file() else b""
        if sha256_of(data) != sha256:
            raise UserError(
                f"{path} is missing or damaged: delete it if it is there, and run the stage again; it is fetched anew."
            )
        return data

    def close(self) -> None:
        """Free the lock."""
        self._threads.shutdown()
        self._rows.close()
        self._lock.close()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._rows)

    def _path(self, digest: str) -> Path:
        return self._blobs / digest[:2] / digest

    def _has(self, digest: str, size: int) -> bool:
        path = self._path(digest)
        return path.is_file() and path.stat().st_size == size


class _Transaction:
    def __init__(self, rows: sqlite3.Connection) -> None:
        self._rows = rows

    def __enter__(self) -> None:
        self._rows.execute("BEGIN IMMEDIATE")

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._rows.execute("COMMIT" if error is None else "ROLLBACK")


def _key(url: str) -> bytes:
    """A URL as bytes: a search answer may hold half a surrogate pair, which SQLite takes for no text."""
    return url.encode("utf-8", "surrogatepass")


def _text(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
