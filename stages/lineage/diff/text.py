"""A difference as text of at most 100 columns. Whatever came out of a lineage is shown without control characters."""

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from stages.lineage.diff.compare import Data, Difference
from stages.lineage.diff.facts import Change, CodeChange
from stages.lineage.diff.revisions import Commit
from stages.lineage.diff.rows import RowChanges
from stages.lineage.diff.scores import Score
from stages.lineage.diff.sides import Side
from stages.lineage.reading import plain

WIDTH = 100
MOST = 30  # lines of one kind; --json has all


def text_of(difference: Difference) -> str:
    """The whole difference, the metric first."""
    lines = [*_header("A", difference.a), *_header("B", difference.b)]
    if difference.same:
        return "\n".join([*lines, "", "the same adapter: nothing differs"]) + "\n"
    sections = (
        ("metrics", _metrics(difference)),
        ("data", _data(difference.data)),
        ("params", _params(difference)),
        ("code", _code(difference)),
        ("environment", _environment(difference)),
        ("base", _changes(difference.base)),
    )
    for name, said in sections:
        found = list(said)
        lines += ["", *([name, *found] if found else [f"{name}: nothing differs"])]
    return "\n".join(lines) + "\n"


def score_lines(score: Score) -> Iterator[str]:
    """The headline metric: both values, the change with its interval, and on which rows."""
    yield f"  {score.name}   A {number(score.a)}   B {number(score.b)}"
    paired = score.paired
    if paired is None:
        yield from wrapped(f"no paired interval: {score.unknown}", 4)
        return
    p = "" if paired.p is None else f", McNemar p = {paired.p:.4f}" if paired.p >= 0.0001 else ", McNemar p < 0.0001"
    yield f"    B - A = {signed(paired.change)} (95 % {signed(paired.low)} to {signed(paired.high)}{p})"
    yield f"    paired on {_count(paired.rows, 'identical row')} of {_entities(paired.entities)}"
    left = ((score.only_a, "only in A"), (score.only_b, "only in B"), (score.asked_otherwise, "asked otherwise"))
    if any(count for count, _ in left):
        said = ", ".join(f"{count} {what}" for count, what in left if count)
        yield f"    left out: {said}; on the rest A has {number(paired.a)}, B {number(paired.b)}"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def signed(value: float) -> str:
    return f"{value:+.4f}"


def _header(letter: str, side: Side) -> Iterator[str]:
    lineage = side.lineage
    at = f"commit {side.commit[:10]}" if side.commit else "commit unknown"
    yield _cut(f"{letter}  {plain(side.name)}   recipe {plain(lineage.recipe)}   seal {lineage.seal[:12]}   {at}")
    for note in side.notes:
        yield from wrapped(plain(note), 3)


def _metrics(difference: Difference) -> Iterator[str]:
    if difference.score is None:
        yield "  no headline metric that is known in these metrics files"
    else:
        yield from score_lines(difference.score)
    if difference.numbers:
        yield f"    {_count(len(difference.numbers), 'number')} of the metrics file differ: --json has them all"


def _data(data: Data) -> Iterator[str]:
    if data.folder_a != data.folder_b:
        yield _cut(f"  rows of {plain(data.folder_a)} in A, of {plain(data.folder_b)} in B")
    yield from _rows(data.rows, data.folder_a)
    for name, changes in (("dropped", data.drops), ("trained on", data.consumed), ("tracked files", data.inputs)):
        if changes:
            yield f"  {name}"
            yield from _changes(changes, 4)
    if data.folders:
        yield "  folders whose content differs"
        yield from _most([_cut(f"    {plain(folder)}") for folder in data.folders])


def _rows(rows: RowChanges, folder: str) -> Iterator[str]:
    if rows.unknown:
        yield from wrapped(f"rows can't be compared: {plain(rows.unknown)}", 2)
    elif rows.kinds:
        yield _cut(f"  {plain(folder)}: {rows.a} rows in A, {rows.b} in B, {rows.same} the same")
        for kind in rows.kinds:
            yield from wrapped(f"{kind.count:>7} {kind.what}{': ' if kind.why else ''}{plain(kind.why)}", 4)
            more = ", ..." if kind.count > len(kind.ids) else ""
            yield from wrapped(f"{', '.join(plain(one) for one in kind.ids)}{more}", 14)


def _params(difference: Difference) -> Iterator[str]:
    for section, (a, b) in difference.renamed.items():
        yield _cut(f"  {plain(section)}.* stands for {plain(a)} in A, {plain(b)} in B")
    yield from _changes(difference.params)


def _code(difference: Difference) -> Iterator[str]:
    yield from _most([_file(one) for one in difference.code])
    if difference.code and difference.commits is None:
        yield "  which commits changed them can't be told: a side's commit isn't known"
    elif difference.commits:
        yield "  commits that changed them"
        yield from _most([_commit(one) for one in difference.commits])


def _environment(difference: Difference) -> Iterator[str]:
    if difference.environment is None:
        lacking = [
            letter for letter, side in (("A", difference.a), ("B", difference.b)) if not side.lineage.environment
        ]
        yield f"  can't be told: {' and '.join(lacking)} noted none"
    else:
        yield from _changes(difference.environment)


def _file(one: CodeChange) -> str:
    stages = ", ".join(map(plain, one.stages[:4])) + (", ..." if len(one.stages) > 4 else "")
    return _cut(f"  {plain(one.path)}   {one.what}   ({stages})")


def _commit(one: Commit) -> str:
    return _cut(f"    {one.id} {plain(one.subject)}{'   (only in A)' if one.only == 'A' else ''}")


def _changes(changes: Iterable[Change], indent: int = 2) -> Iterator[str]:
    found = []
    for one in changes:
        key, a, b = plain(one.key), _value(one.a), _value(one.b)
        values = f"only in {one.only}: {a if one.only == 'A' else b}" if one.only else f"{a} -> {b}"
        found.append("\n".join(wrapped(f"{key}   {values}", indent)))
    yield from _most(found)


def _value(value: Any) -> str:
    said = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef"):
        said = value[:12]
    return plain(said, 160)


def _most(lines: list[str]) -> Iterator[str]:
    yield from lines[:MOST]
    if len(lines) > MOST:
        yield f"    ... and {len(lines) - MOST} more: --json has them all"


def wrapped(said: str, indent: int) -> list[str]:
    """`said` as indented lines of at most 100 columns."""
    begin = " " * indent
    return textwrap.wrap(said, WIDTH, initial_indent=begin, subsequent_indent=f"{begin}  ") or [begin]


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _entities(count: int) -> str:
    return f"{count} {'entity' if count == 1 else 'entities'}"
