"""Which rows are relatives: they stand on one side of the split, and a description may name none of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from stages.describe.folding import folded
from stages.describe.rows import Row
from stages.sides import Joined

NAME, LINE = "name ", "line "


def lines_of(rows: Iterable[Row]) -> dict[str, str]:
    """Row id -> its line: the column's, else the folded name; lines that share a name are one.

    So a row without a line stands with the rows of its name that have one.
    """
    keys: dict[str, list[str]] = {}
    for row in rows:
        name = f"{NAME}{folded(row.name)}"
        keys[row.id] = [f"{LINE}{row.line}", name] if row.line else [name]
    joined = Joined({key for pair in keys.values() for key in pair})
    for pair in keys.values():
        joined.join(pair[0], pair[-1])
    return {row: _plain(joined.name(pair[0])) for row, pair in keys.items()}  # "line " sorts before "name "


def _plain(key: str) -> str:
    return key.removeprefix(LINE) if key.startswith(LINE) else key.removeprefix(NAME)


def names_by_line(
    rows: Iterable[Row], lines: Mapping[str, str], known: Mapping[str, Mapping[str, set[str]]]
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """(line -> every name on it, thing -> its own names); `known` are those that no row need have."""
    on_line: dict[str, set[str]] = defaultdict(set)
    of_thing: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        line = lines[row.id]
        on_line[line].add(row.name)
        of_thing[row.thing or folded(row.name)].add(row.name)
        for thing, names in known.get(row.line, {}).items():
            on_line[line] |= names
            of_thing[thing] |= names
    return dict(on_line), dict(of_thing)
