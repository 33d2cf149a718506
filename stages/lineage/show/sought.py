"""Which rows a person means: by a row's id, a consumed id, or a picture's sha256; a beginning of one will do."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from stages.lineage.form import Stage
from stages.lineage.reading import plain
from stages.lineage.show.shelf import ROWS, Shelf, csv_rows, holding, table
from stages.params import UserError

SHORTEST = 6  # characters of a beginning
MOST = 5  # rows that are told of at once: copies of one picture, say
NEAR = 3
FEW = 5_000  # ids that are compared one by one for likeness
TOKENIZES = "tokenize"
DIGEST = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True)
class Table:
    """A folder of records and drops, and the stage that wrote it."""

    stage: Stage
    folder: str


def tables_of(shelf: Shelf) -> list[Table]:
    """Every folder of records on the way to this adapter, the first stage first."""
    outs = shelf.lineage.outs
    return [
        Table(stage, out)
        for stage in shelf.lineage.stages
        if not stage.name.startswith(f"{TOKENIZES}@")
        for out in stage.outs
        if out in outs and {ROWS, "drops.csv"} & set(outs[out].files)
    ]


def ids_of(asked: str, shelf: Shelf) -> list[str]:
    """The records' ids that `asked` stands for, whether kept or left out; UserError that names near ones."""
    tables = tables_of(shelf)
    behind = [name for name in _records_behind(asked) if any(name in _ids_with(one, shelf, [name]) for one in tables)]
    if behind:
        return behind[:1]
    if len(asked) >= SHORTEST:
        found = sorted({name for one in tables for name in _beginning_with(asked, one, shelf)})
        if 0 < len(found) <= MOST:
            return found
        if found:
            raise UserError(
                f"{len(found)} rows begin with `{plain(asked)}`, or have a picture that does: "
                f"{', '.join(map(plain, found[:NEAR]))}, ...; give more of it."
            )
    near = near_to(asked, {name for one in tables for name in _every_id(one, shelf)})
    hint = f"near ones: {', '.join(map(plain, near))}" if near else "none is near"
    more = f", and {len(shelf.remarks) - 1} more such" if len(shelf.remarks) > 1 else ""
    missing = f" ({shelf.remarks[0]}{more})" if shelf.remarks else ""
    raise UserError(
        f"`{plain(asked)}` is no row, consumed row or picture on the way to {plain(shelf.lineage.recipe)}; "
        f"{hint}{missing}. Give an id, or the sha256 of a picture or its first {SHORTEST} characters."
    )


def near_to(asked: str, known: Iterable[str]) -> list[str]:
    """Ids that look like `asked`; among many ids only those that begin as it does, which needs no comparing of all."""
    ordered = sorted(known)
    alike = get_close_matches(asked, ordered, n=NEAR) if len(ordered) <= FEW else []
    place = bisect_left(ordered, asked)
    around = [name for name in ordered[max(0, place - NEAR) : place + NEAR] if _common(name, asked) >= NEAR]
    return alike or sorted(around, key=lambda name: (-_common(name, asked), name))[:NEAR]


def _records_behind(asked: str) -> list[str]:
    """`asked` itself, and what stands before a caption's or a turn's number: row/0, row/c0, row#2."""
    names = [asked, asked.partition("#")[0], asked.partition("#")[0].rpartition("/")[0]]
    return list(dict.fromkeys(name for name in names if name))


def _ids_with(one: Table, shelf: Shelf, wanted: list[str]) -> set[str]:
    path = shelf.file(one.folder, ROWS)
    found = set(holding(table(path, ["id"]), "id", wanted)["id"].to_pylist()) if path else set()
    return found | {row["id"] for row in csv_rows(shelf.file(one.folder, "drops.csv")) if row["id"] in wanted}


def _beginning_with(start: str, one: Table, shelf: Shelf) -> Iterator[str]:
    """Ids of kept and dropped rows that begin so, or whose picture's sha256 does, before or after curation."""
    path = shelf.file(one.folder, ROWS)
    if path:
        columns = ["id", "image.sha256", "source.sha256"] if DIGEST.fullmatch(start) else ["id"]
        found = table(path, columns).flatten()
        for column in columns:
            yield from holding(found, column, [start], beginning=True)["id"].to_pylist()
    for row in csv_rows(shelf.file(one.folder, "drops.csv")):
        if row["id"].startswith(start):
            yield row["id"]
    for row in csv_rows(shelf.file(one.folder, "groups.csv")):
        if row.get("sha256", "").startswith(start):
            yield row["id"]


def _every_id(one: Table, shelf: Shelf) -> Iterator[str]:
    path = shelf.file(one.folder, ROWS)
    if path:
        yield from table(path, ["id"])["id"].to_pylist()
    yield from (row["id"] for row in csv_rows(shelf.file(one.folder, "drops.csv")))


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
