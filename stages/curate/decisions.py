"""What a person decided about single pictures: a tracked CSV, keyed by the digest of the bytes as they came.

    sha256,decision,other,by,note
    3fa9c0b1d2e4,different,9b1c22d07a51,Ada,two creatures of one colour

`drop` leaves a picture out; `keep` lets it pass the picture filters and chooses it among its copies; `same` joins
two pictures whose hashes differ; `different` never merges two. A digest may be cut to its first 12 digits.
"""

import csv
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from stages.params import UserError

COLUMNS = ("sha256", "decision", "other", "by", "note")
ALONE, PAIRED = ("keep", "drop"), ("same", "different")
DIGEST = re.compile(r"[0-9a-f]{12,64}")

Pair = tuple[str, str]
K = TypeVar("K")


@dataclass(frozen=True)
class Decision:
    """One line of the file, as it was written; `other` is "" for `keep` and `drop`."""

    line: int
    sha256: str
    decision: str
    other: str
    by: str
    note: str


@dataclass(frozen=True)
class Decided:
    """Decisions by full digest (Record.origin), pairs in order; and those that are about no picture of this set."""

    drop: dict[str, Decision] = field(default_factory=dict)
    keep: dict[str, Decision] = field(default_factory=dict)
    same: dict[Pair, Decision] = field(default_factory=dict)
    different: dict[Pair, Decision] = field(default_factory=dict)
    not_applied: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        return {kind: len(getattr(self, kind)) for kind in (*ALONE, *PAIRED) if getattr(self, kind)}


def read_decisions(path: Path) -> list[Decision]:
    """Every line of the file; UserError names the file and the line of the first mistake."""
    if not path.is_file():
        raise UserError(
            f"{path} is missing: write a file with the one line `{','.join(COLUMNS)}`, or name another one."
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:  # a spreadsheet puts a mark at the start
            reader = csv.reader(stream, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no CSV in UTF-8 ({error}): save it as one.") from error
    if not rows or tuple(rows[0][1]) != COLUMNS:
        found = ",".join(rows[0][1]) if rows else "nothing"
        raise UserError(f"{path}, line 1: the columns must be `{','.join(COLUMNS)}`, found `{found}`.")
    return [_decision(path, line, cells) for line, cells in rows[1:] if any(cells)]


def _decision(path: Path, line: int, cells: list[str]) -> Decision:
    where = f"{path}, line {line}"
    if len(cells) != len(COLUMNS):
        raise UserError(f"{where}: {len(cells)} cells instead of {len(COLUMNS)} ({','.join(COLUMNS)}).")
    found = Decision(line, cells[0].lower(), cells[1], cells[2].lower(), cells[3], cells[4])
    if found.decision not in (*ALONE, *PAIRED):
        raise UserError(f"{where}: `decision` = {found.decision!r}; allowed: {', '.join((*ALONE, *PAIRED))}.")
    paired = found.decision in PAIRED
    if not paired and found.other:
        raise UserError(f"{where}: `{found.decision}` is about one picture: leave `other` empty.")
    for name, digest in [("sha256", found.sha256), *([("other", found.other)] if paired else [])]:
        if not DIGEST.fullmatch(digest):
            raise UserError(
                f"{where}: `{name}` = {digest!r} must be the first 12 to 64 hexadecimal digits of a sha256."
            )
    if not found.by:
        raise UserError(f"{where}: `by` is empty: write who decided.")
    return found


def resolve(decisions: Iterable[Decision], origins: Collection[str]) -> Decided:
    """Match decisions with the pictures that there are; what matches none or several is told, not refused.

    A new scrape may no longer find a picture, and the decision about it stays for the day when it does.
    UserError for two decisions that contradict each other.
    """
    known = sorted(set(origins))
    found: dict[str, dict[str, Decision]] = {kind: {} for kind in ALONE}
    pairs: dict[str, dict[Pair, Decision]] = {kind: {} for kind in PAIRED}
    not_applied = []
    for decision in decisions:
        named = [decision.sha256, decision.other] if decision.decision in PAIRED else [decision.sha256]
        matches = [_matching(known, digest) for digest in named]
        flaw = next(
            (_flaw(digest, len(match)) for digest, match in zip(named, matches, strict=True) if len(match) != 1), None
        )
        digests = [match[0] for match in matches if match]
        if flaw is None and len(digests) == 2 and digests[0] == digests[1]:
            flaw = "both digests name the same picture"
        if flaw is not None:
            not_applied.append(f"line {decision.line}: {decision.decision}: {flaw}")
        elif decision.decision in ALONE:
            found[decision.decision][digests[0]] = decision
        else:
            pairs[decision.decision][min(digests), max(digests)] = decision
    _refuse_contradictions(found["keep"], found["drop"])
    _refuse_contradictions(pairs["same"], pairs["different"])
    return Decided(found["drop"], found["keep"], pairs["same"], pairs["different"], tuple(not_applied))


def _matching(known: list[str], prefix: str) -> list[str]:
    """At most two digests of the sorted `known` that start with `prefix`."""
    start = bisect_left(known, prefix)
    return [digest for digest in known[start : start + 2] if digest.startswith(prefix)]


def _flaw(digest: str, matches: int) -> str:
    return f"{digest} {'names no picture of this set' if matches == 0 else 'names more than one picture'}"


def _refuse_contradictions(one: dict[K, Decision], other: dict[K, Decision]) -> None:
    for key in one.keys() & other.keys():
        first, second = sorted((one[key], other[key]), key=lambda decision: decision.line)
        raise UserError(
            f"decisions, lines {first.line} and {second.line}: `{first.decision}` and `{second.decision}` about the "
            "same pictures: take one of the lines out."
        )
