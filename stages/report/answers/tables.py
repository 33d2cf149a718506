"""Tables of the page, from metrics, predictions, manifests and parameters."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.record import Record

TITLES = {
    "by_length": "Letters in the word",
    "by_kind": "Kind of word",
    "by_repeated": "How often the letter is in its word",
    "by_family": "Font family",
    "by_thickness": "Line thickness, hundredths of an em (from - below)",
    "by_letter": "Letter",
}
ROWS_A_PART = 26  # longer tables stand in several columns
LONGEST_LIST = 40  # a mapping with more entries than this is named by its size alone
CONFUSIONS = 12


@dataclass(frozen=True)
class Breakdown:
    """One breakdown, its rows (group, {rows, zero_shot, tuned}) cut into parts that stand side by side."""

    title: str
    parts: list[list[tuple[str, dict[str, Any]]]]


def breakdowns(metrics: dict[str, Any]) -> list[Breakdown]:
    """Every `by_*` table of the metrics that there is, in the page's order."""
    found = []
    for key, title in TITLES.items():
        if key in metrics:
            rows = sorted(metrics[key].items(), key=lambda row: _natural(row[0]))
            found.append(Breakdown(title, _parts(rows)))
    return found


def _parts(rows: list[tuple[str, dict[str, Any]]]) -> list[list[tuple[str, dict[str, Any]]]]:
    """Small letters and capitals apart where the groups are letters, else as many rows as are easy to read."""
    if len(rows) > ROWS_A_PART and all(len(group) == 1 for group, _ in rows):
        parts = [[row for row in rows if row[0].islower() == small] for small in (True, False)]
    else:
        parts = [rows[i : i + ROWS_A_PART] for i in range(0, len(rows), ROWS_A_PART)]
    return [part for part in parts if part]


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sorts "3-5" before "10-14"."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


def confusions(predictions: list[dict[str, Any]], rule: str) -> list[tuple[str, str, int]]:
    """(label, what the tuned model said, times) for its most frequent mistakes, if they came more than once."""
    wrong = Counter((row["label"], row["tuned"]) for row in predictions if not row["tuned_correct"][rule])
    ordered = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))
    return [(label, said, times) for (label, said), times in ordered[:CONFUSIONS] if times > 1]


def split_counts(records: list[Record]) -> list[tuple[str, int, int, int]]:
    """(split, rows, entities, font families) of the curated rows; families are 0 where none is drawn."""
    by_split: dict[str, list[Record]] = {}
    for record in records:
        by_split.setdefault(record.split or "(none)", []).append(record)
    return [
        (
            split,
            len(rows),
            len({row.entity for row in rows}),
            len({row.source.drawn.get("family") for row in rows} - {None}),
        )
        for split, rows in sorted(by_split.items(), reverse=True)
    ]


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
