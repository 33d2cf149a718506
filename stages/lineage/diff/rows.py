"""The rows of two adapters' data, compared one by one: added, removed, re-captioned, moved, and why."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.lineage.diff.shelf import Shelf
from stages.lineage.form import Lineage

SHOWN = 3  # ids of each kind of change
COLUMNS = ("id", "image", "texts", "label", "entity", "source", "split")


@dataclass(frozen=True)
class Row:
    """What of a row can change while it stays the same row. `image` is "" where it has no picture."""

    image: str
    texts: tuple[tuple[str, str], ...]
    label: str
    entity: str
    licence: str
    split: str


@dataclass(frozen=True)
class Kind:
    """How many rows changed in one way, and the first of them by id."""

    what: str
    why: str
    count: int
    ids: tuple[str, ...]


@dataclass(frozen=True)
class RowChanges:
    """`unknown`: why nothing can be told, else "". Counts are None where nothing had to be read."""

    a: int | None
    b: int | None
    same: int | None
    kinds: tuple[Kind, ...]
    unknown: str = ""


def row_changes(a: Lineage, b: Lineage, shelf: Shelf) -> RowChanges:
    """Compare the rows that the two adapters' `tokenize` read, found by id."""
    if _digest(a) is not None and _digest(a) == _digest(b):
        return RowChanges(None, None, None, ())
    found = [shelf.find(side, side.data.folder, "rows.parquet") for side in (a, b)]
    lacking = [said for said in found if isinstance(said, str)]
    if lacking:
        return RowChanges(None, None, None, (), "; ".join(dict.fromkeys(lacking)))
    rows_a, rows_b = (_read(path) for path in found if isinstance(path, Path))
    shared = rows_a.keys() & rows_b.keys()
    kinds = [
        *_gone("removed", rows_a.keys() - rows_b.keys(), "B", b, shelf),
        *_gone("added", rows_b.keys() - rows_a.keys(), "A", a, shelf),
        *_changed({key: (rows_a[key], rows_b[key]) for key in shared}),
    ]
    same = sum(rows_a[key] == rows_b[key] for key in shared)
    return RowChanges(len(rows_a), len(rows_b), same, tuple(kinds))


def _digest(lineage: Lineage) -> str | None:
    out = lineage.outs.get(lineage.data.folder)
    return out.files["rows.parquet"].sha256 if out and "rows.parquet" in out.files else None


def _read(path: Path) -> dict[str, Row]:
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=list(COLUMNS))
    columns = [table.column(name).to_pylist() for name in COLUMNS]
    return {
        key: Row(
            image=(image or {}).get("sha256") or "",
            texts=tuple((text["text"], text["author"]) for text in texts or ()),
            label=label,
            entity=entity,
            licence=(source or {}).get("licence") or "",
            split=split,
        )
        for key, image, texts, label, entity, source, split in zip(*columns, strict=True)
    }


def _gone(what: str, ids: Iterable[str], side: str, lineage: Lineage, shelf: Shelf) -> list[Kind]:
    """Rows that `side` hasn't, by the reason that its own stages give: dropped, or never there."""
    ids = sorted(ids)
    if not ids:
        return []
    reasons, unread = _drops(lineage, shelf)
    never = "; ".join(unread) if unread else f"not among what {side} began with ({_first(lineage)})"
    by_reason: dict[str, list[str]] = {}
    for one in ids:
        reason = reasons.get(one)
        by_reason.setdefault(f"{side} dropped it: {reason}" if reason else never, []).append(one)
    return [_kind(what, why, of) for why, of in sorted(by_reason.items(), key=lambda pair: (-len(pair[1]), pair[0]))]


def _drops(lineage: Lineage, shelf: Shelf) -> tuple[dict[str, str], list[str]]:
    """({id: stage and reason}, why some folder's drops can't be read)."""
    reasons: dict[str, str] = {}
    unread = []
    for stage in lineage.data.drops:
        path = shelf.find(lineage, stage.folder, "drops.csv")
        if isinstance(path, Path):
            with path.open(newline="", encoding="utf-8") as stream:
                for line in csv.DictReader(stream):
                    reasons[line["id"]] = f"{line['reason']} ({stage.folder})"
        elif sum(stage.dropped.values()):
            unread.append(path)
    return reasons, unread


def _first(lineage: Lineage) -> str:
    return lineage.data.drops[0].folder if lineage.data.drops else lineage.data.folder


def _changed(pairs: Mapping[str, tuple[Row, Row]]) -> list[Kind]:
    """Rows that both sides have and that differ; one row may differ in several ways."""
    ways: dict[tuple[str, str], list[str]] = {}
    for key in sorted(pairs):
        for way in _ways(*pairs[key]):
            ways.setdefault(way, []).append(key)
    return [_kind(what, why, ids) for (what, why), ids in sorted(ways.items())]


def _ways(a: Row, b: Row) -> list[tuple[str, str]]:
    found = []
    if a.texts != b.texts:
        found.append(("re-captioned", _text_change(a.texts, b.texts)))
    if a.split != b.split:
        found.append(("moved", f"{a.split or 'no split'} -> {b.split or 'no split'}"))
    found += [
        (f"other {what}", "")
        for what, one, other in (
            ("picture", a.image, b.image),
            ("label", a.label, b.label),
            ("entity", a.entity, b.entity),
            ("licence", a.licence, b.licence),
        )
        if one != other
    ]
    return found


def _text_change(a: Iterable[tuple[str, str]], b: Iterable[tuple[str, str]]) -> str:
    """By count: a text that changed is one taken away and one added."""
    before, after = Counter(text for text, _ in a), Counter(text for text, _ in b)
    if before == after:
        return "the same texts in another order or by another author"
    more, less = sum((after - before).values()), sum((before - after).values())
    return "texts added" if not less else "texts taken away" if not more else "other texts"


def _kind(what: str, why: str, ids: list[Any]) -> Kind:
    return Kind(what, why, len(ids), tuple(ids[:SHOWN]))
