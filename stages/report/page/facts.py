"""Facts of a page as rows: sources, drops, and nested settings made flat."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from stages.record import Record

LONGEST_LIST = 40  # a mapping with more entries than this is named by its size alone


def sources(records: list[Record]) -> list[tuple[str, str, str, int]]:
    """(kind, generator or importer, licence, rows)."""
    found = Counter(
        (row.source.kind, row.source.generator or row.source.importer, row.source.licence) for row in records
    )
    return [(*key, count) for key, count in sorted(found.items())]


def drops(history: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """(stage, reason, rows) from what the data stages said of themselves, the first one first."""
    return [(facts["stage"], reason, count) for facts in history for reason, count in sorted(facts["dropped"].items())]


def flat(values: Mapping[str, Any], without: tuple[str, ...] = (), before: str = "") -> list[tuple[str, str]]:
    """Nested facts as (dotted name, text); long mappings and lists by their size, to keep the page readable."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{before}{key}"
        if not before and key in without:
            continue
        if isinstance(value, Mapping) and value and len(value) <= LONGEST_LIST:
            rows += flat(value, before=f"{name}.")
        elif isinstance(value, Mapping):
            rows.append((name, f"{len(value)} entries" if value else "none"))
        elif isinstance(value, list | tuple):
            rows.append((name, ", ".join(map(str, value)) if value else "none"))
        else:
            rows.append((name, "none" if value is None or value == "" else str(value)))
    return rows
