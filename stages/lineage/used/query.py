"""Which adapters consumed what a question is about: in which rows, how often, at which steps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from stages.blocklist import hosts_of, spelling
from stages.lineage.used.adding import add
from stages.lineage.used.facts import Known
from stages.lineage.used.files import Files
from stages.lineage.used.history import Seal, seals_of
from stages.lineage.used.index import Index, Piece
from stages.lineage.used.looks import hash_of, look, near
from stages.lineage.used.question import Question

How = Literal["rows", "counts", "parent", "no", "unknown"]


@dataclass(frozen=True)
class RowUse:
    """One consumed row: its id, its steps in order, and for a copy of a picture in how many bits it differs."""

    id: str
    steps: tuple[int, ...]
    bits: int | None = None


@dataclass(frozen=True)
class Use:
    """What is known of one adapter.

    `how`: by its `rows`, by its seal's `counts`, through its `parent`, `no`, or `unknown`. `steps` are distinct ones.
    `origins`: the pictures to block, as they came; `why` says what could not be known.
    """

    seal: Seal
    how: How
    rows: int = 0
    uses: int = 0
    steps: int = 0
    first: int = 0
    last: int = 0
    shown: tuple[RowUse, ...] = ()
    origins: tuple[str, ...] = ()
    why: str = ""

    @property
    def used(self) -> bool:
        return self.how in ("rows", "counts", "parent")


@dataclass(frozen=True)
class Answer:
    """Every known adapter, those of the tree first, and seals that could not be read."""

    question: Question
    uses: tuple[Use, ...]
    flaws: tuple[str, ...]

    def of(self, current: bool) -> list[Use]:
        return [use for use in self.uses if use.seal.current == current]


def update(project: Path, index: Index) -> tuple[list[Seal], dict[str, str], list[str]]:
    """Bring the index up to date: the seals, why the rows of some can't be had (by key), and what can't be read."""
    seals, flaws = seals_of(project, index)
    files, why = Files(project), {}
    for seal in seals:
        if reason := add(index, seal.known, files):
            why[seal.known.key] = reason
    return seals, why, flaws


def answer(
    asked: Question,
    seals: list[Seal],
    why: dict[str, str],
    flaws: list[str],
    project: Path,
    index: Index,
    most: int | None,
) -> Answer:
    """What every seal's adapter has to do with X; at most `most` rows of each are shown (None: all)."""
    search = _pictures(asked, seals, project, index) if asked.kind == "sha256" else {}
    uses = []
    for seal in seals:
        piece = index.piece(seal.known.key)
        if piece is None:
            uses.append(_by_counts(asked, seal, why.get(seal.known.key, "")))
        elif asked.kind == "sha256":
            matches, unseen = search[seal.known.key]
            uses.append(_by_pictures(seal, piece, matches, unseen, index, most))
        else:
            uses.append(_by_name(asked, seal, piece, index, most))
    return Answer(asked, tuple(_through_parents(uses)), tuple(flaws))


def _by_name(asked: Question, seal: Seal, piece: Piece, index: Index, most: int | None) -> Use:
    named = "SELECT number FROM names WHERE kind = ? AND value = ?"
    row = index.db.execute(named, (asked.kind, spelling(asked.kind, asked.value))).fetchone()
    if row is None:
        return Use(seal, "no")
    columns = "rows, uses, steps, first, last"
    total = index.db.execute(
        f"SELECT {columns} FROM totals WHERE adapter = ? AND name = ?", (piece.number, row[0])
    ).fetchone()
    found = index.db.execute(
        "SELECT i.id, u.steps FROM facets f CROSS JOIN uses u ON u.adapter = ? AND u.item = f.item "
        "JOIN items i ON i.number = f.item WHERE f.name = ? AND f.item BETWEEN ? AND ? ORDER BY f.item LIMIT ?",
        (piece.number, row[0], piece.low, piece.high, most if total and most is not None else -1),
    )
    rows = [RowUse(row_id, _steps(packed)) for row_id, packed in found]
    if total is None:
        return _summed(seal, rows, most)
    count, uses, steps, first, last = total
    return Use(seal, "rows", count, uses, steps, first, last, tuple(rows))


Match = tuple[str, bytes, int]  # id, origin, bits
Matches = dict[int, Match]  # by item


def _pictures(asked: Question, seals: list[Seal], project: Path, index: Index) -> dict[str, tuple[Matches, str]]:
    """By key: items that show the picture or a copy of it, and why copies can't be told."""
    files, found = Files(project), {}
    pieces = {seal.known.key: (seal.known, piece) for seal in seals if (piece := index.piece(seal.known.key))}
    unseen = {key: look(index, known, piece, files) for key, (known, piece) in pieces.items()}
    exact = list(_items(index, "origin", asked.digest, 0)) + list(_items(index, "stored", asked.digest, 0))
    hashes = asked.hashes or _hashes_of(index, exact)
    for key, (known, piece) in pieces.items():
        matches = dict(exact)
        if not known.outside:
            unseen[key] = "copies of generated pictures are not looked for" if known.generated else ""
        elif not hashes:
            unseen[key] = unseen[key] or "nobody knows what the picture looks like: give its file to find copies"
        elif hashes:
            for stored, bits in near(index, piece, hashes if known.oriented else hashes[:1], known.radius).items():
                for item, match in _items(index, "stored", stored, bits):
                    matches.setdefault(item, match)
        found[key] = (matches, unseen[key])
    return found


def _items(index: Index, column: str, digest: bytes, bits: int) -> Iterator[tuple[int, Match]]:
    for number, row_id, origin in index.db.execute(
        f"SELECT number, id, origin FROM items WHERE {column} = ?", (digest,)
    ):
        yield number, (row_id, origin, bits)


def _hashes_of(index: Index, exact: list[tuple[int, Match]]) -> tuple[bytes, ...]:
    """What an indexed picture looks like."""
    for item, _ in exact:
        (stored,) = index.db.execute("SELECT stored FROM items WHERE number = ?", (item,)).fetchone()
        found = hash_of(index, stored)
        if found is not None:
            return (found,)
    return ()


def _by_pictures(seal: Seal, piece: Piece, matches: Matches, unseen: str, index: Index, most: int | None) -> Use:
    rows: list[RowUse] = []
    origins: dict[str, int] = {}
    for item, (row_id, origin, bits) in sorted(matches.items()):
        packed = index.db.execute(
            "SELECT steps FROM uses WHERE adapter = ? AND item = ?", (piece.number, item)
        ).fetchone()
        if packed is not None:
            rows.append(RowUse(row_id, _steps(packed[0]), bits))
            origins[origin.hex()] = min(bits, origins.get(origin.hex(), bits))
    if not rows:
        return Use(seal, "no", why=unseen)
    exact = [origin for origin, bits in origins.items() if bits == 0]
    # curation takes the copies out with the picture itself, if it looks for copies and the picture is there
    blocked = exact if exact and seal.known.near else list(origins)
    rows.sort(key=lambda row: (row.bits or 0, row.id))
    return replace(_summed(seal, rows, most), origins=tuple(blocked), why=unseen)


def _summed(seal: Seal, rows: list[RowUse], most: int | None) -> Use:
    if not rows:
        return Use(seal, "no")
    steps = {step for row in rows for step in row.steps}
    uses = sum(len(row.steps) for row in rows)
    return Use(seal, "rows", len(rows), uses, len(steps), min(steps), max(steps), tuple(rows[:most]))


def _steps(packed: bytes) -> tuple[int, ...]:
    return tuple(np.frombuffer(packed, np.int32).tolist())


def _by_counts(asked: Question, seal: Seal, why: str) -> Use:
    """What the seal itself says, where the rows are gone."""
    known: Known = seal.known
    value = spelling(asked.kind, asked.value)
    if asked.kind in ("licence", "author"):
        counts = known.licences if asked.kind == "licence" else known.authors
        rows = sum(count for name, count in counts.items() if spelling(asked.kind, name) == value)
        return Use(seal, "counts" if rows else "no", rows, why=why)
    if asked.kind == "host":
        rows = sum(count for host, count in known.hosts.items() if value in hosts_of(f"http://{host}/"))
        return Use(seal, "counts" if rows else "no", rows, why=why)
    elsewhere: dict[str, Any] = {
        "url": not set(hosts_of(value)) & set(known.hosts),
        "sha256": not known.outside and not known.generated,
        "word": not known.generated,
        "font": not known.generated,
    }
    return Use(seal, "no" if elsewhere.get(asked.kind) else "unknown", why=why)


def _through_parents(uses: list[Use]) -> list[Use]:
    """Those whose parent used it, used it too."""
    used = {use.seal.known.digest for use in uses if use.used}
    while more := {use.seal.known.digest for use in uses if use.seal.known.parent in used} - used:
        used |= more
    return [replace(use, how="parent") if not use.used and use.seal.known.parent in used else use for use in uses]
