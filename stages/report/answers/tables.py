"""Tables of the page, from metrics, predictions, manifests and parameters."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from stages.record import Record
from stages.report.page.facts import drops, flat, sources

__all__ = ["Breakdown", "breakdowns", "confusions", "drops", "flat", "sources", "split_counts"]

TITLES = {
    "by_length": "Letters in the word",
    "by_kind": "Kind of word",
    "by_repeated": "How often the letter is in its word",
    "by_family": "Font family",
    "by_thickness": "Line thickness, hundredths of an em (from - below)",
    "by_letter": "Letter",
}
ROWS_A_PART = 26  # longer tables stand in several columns
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
