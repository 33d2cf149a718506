"""What two lineages say differently: params, code, environment, base, tracked inputs. No file is read for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stages.lineage.form import Lineage


@dataclass(frozen=True)
class Change:
    """One value that differs; `only` is the side that has it, "" when both have one."""

    key: str
    a: Any
    b: Any
    only: str = ""

    def document(self) -> dict[str, Any]:
        values = {side: value for side, value in (("a", self.a), ("b", self.b)) if self.only.lower() in ("", side)}
        return {"key": self.key, **values}


@dataclass(frozen=True)
class CodeChange:
    """A file of code whose digest differs, and the stages that depend on it."""

    path: str
    what: str  # changed, only in A, only in B
    stages: tuple[str, ...]


def changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Change]:
    """Values that differ between two flat mappings, by key. 1 and 1.0 and true are three values, as YAML has them."""
    found = []
    for key in sorted(a.keys() | b.keys()):
        only = "A" if key not in b else "B" if key not in a else ""
        if only or a[key] != b[key] or type(a[key]) is not type(b[key]):
            found.append(Change(key, a.get(key), b.get(key), only))
    return found


def renamed(a: Lineage, b: Lineage) -> dict[str, tuple[str, str]]:
    """{section: (row in A, row in B)} where each side has one row of a section and the names differ.

    Params of the recipes x and y are compared as `recipes.*`, which stands for either.
    """
    rows_a, rows_b = _rows(a), _rows(b)
    both = rows_a.keys() & rows_b.keys()
    single = {section for section in both if len(rows_a[section]) == len(rows_b[section]) == 1}
    pairs = {section: (next(iter(rows_a[section])), next(iter(rows_b[section]))) for section in sorted(single)}
    return {section: pair for section, pair in pairs.items() if pair[0] != pair[1]}


def param_changes(a: Lineage, b: Lineage) -> list[Change]:
    """Dotted params of all stages that differ, with both values; a list is one value."""
    star = renamed(a, b)
    return changes(_starred(params_of(a), star, 0), _starred(params_of(b), star, 1))


def params_of(lineage: Lineage) -> dict[str, Any]:
    """{dotted key: value} of everything that a stage read."""
    flat: dict[str, Any] = {}
    for stage in lineage.stages:
        for key, value in stage.params.items():
            flat |= dict(_flat(key, value))
    return flat


def code_changes(a: Lineage, b: Lineage) -> list[CodeChange]:
    """Files of code that a stage of either side depends on, where the digests differ."""
    code_a, code_b = _code(a), _code(b)
    found = []
    for path in sorted(code_a.keys() | code_b.keys()):
        digest_a, users_a = code_a.get(path, ("", ()))
        digest_b, users_b = code_b.get(path, ("", ()))
        if digest_a != digest_b:
            what = "only in B" if not digest_a else "only in A" if not digest_b else "changed"
            found.append(CodeChange(path, what, tuple(dict.fromkeys((*users_a, *users_b)))))
    return found


def environment_changes(a: Lineage, b: Lineage) -> list[Change] | None:
    """Packages, device, threads, Python; None when a side has none noted."""
    if a.environment is None or b.environment is None:
        return None
    one, other = (dict(_flat("", side.environment.model_dump())) for side in (a, b) if side.environment)
    return changes(one, other)


def base_changes(a: Lineage, b: Lineage) -> list[Change]:
    """What was fine-tuned, and what it went on from: ids, revisions, versions, and digests of files."""
    return changes(_bases(a), _bases(b))


def input_changes(a: Lineage, b: Lineage) -> list[Change]:
    """Tracked files (queries, captions, words, decisions) whose digests differ."""
    one, other = ({path: file.sha256 for path, file in side.inputs.items()} for side in (a, b))
    return changes(one, other)


def drop_changes(a: Lineage, b: Lineage) -> list[Change]:
    """`folder: reason`, and how many rows each side dropped for it."""
    return changes(_drops(a), _drops(b))


def number_changes(a: Lineage, b: Lineage) -> list[Change]:
    """Numbers of the metrics files that differ, by dotted key."""
    one, other = (
        {key: value for key, value in _flat("", side.metrics) if isinstance(value, int | float)} for side in (a, b)
    )
    return [change for change in changes(one, other) if change.only or change.a != change.b]


def value_at(metrics: Mapping[str, Any], dotted: str) -> float | None:
    """The number at a dotted key, None when there is none."""
    node: Any = metrics
    for key in dotted.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    return float(node) if isinstance(node, int | float) and not isinstance(node, bool) else None


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Leaves by dotted key; an empty mapping is a leaf, so that it differs from none."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, value


def _rows(lineage: Lineage) -> dict[str, set[str]]:
    rows: dict[str, set[str]] = {}
    for key in params_of(lineage):
        section, dot, rest = key.partition(".")
        if dot:
            rows.setdefault(section, set()).add(rest.partition(".")[0])
    return rows


def _starred(flat: Mapping[str, Any], star: Mapping[str, tuple[str, str]], side: int) -> dict[str, Any]:
    found = {}
    for key, value in flat.items():
        section, _, rest = key.partition(".")
        if section in star and rest.partition(".")[0] == star[section][side]:
            key = f"{section}.*{rest.removeprefix(star[section][side])}"
        found[key] = value
    return found


def _code(lineage: Lineage) -> dict[str, tuple[str, tuple[str, ...]]]:
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for stage in lineage.stages:
        for path, digest in stage.code.items():
            users = found.get(path, ("", ()))[1]
            found[path] = digest, tuple(dict.fromkeys((*users, stage.name.partition("@")[0])))
    return found


def _bases(lineage: Lineage) -> dict[str, Any]:
    base, parent = lineage.base, lineage.parent
    flat: dict[str, Any] = dict(_flat("base", base.model_dump(exclude={"files"})))
    flat |= {f"{base.path}/{name}": file.sha256 for name, file in base.files.items()}
    if parent:
        flat |= {"parent.recipe": parent.recipe, "parent.digest": parent.digest}
    return flat


def _drops(lineage: Lineage) -> dict[str, int]:
    return {f"{one.folder}: {reason}": count for one in lineage.data.drops for reason, count in one.dropped.items()}
