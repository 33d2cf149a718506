"""The factors between two revisions, and a worktree in which one of them is the other revision's.

data: what lies below data/, and params that make rows. base: what is fine-tuned and how it came to be. params: the
other params. code: every other tracked file. Environment is none: both revisions run in the one that there is.
"""

import copy
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any

from stages.lineage.diff import facts
from stages.lineage.diff.revisions import file_at, files_at, without_git
from stages.lineage.form import Lineage
from stages.params import UserError

FACTORS = ("data", "params", "code", "base")
FOUNDATION = "stages/foundation/"
NO_FACTOR = ("reports/", "tests/", "docs/", "bench/", ".dvc/")  # no stage of a recipe reads these
PARAMS, LOCK = "params.yaml", "dvc.lock"
ROWS = {"base": "base", "model": "base", "source": "data", "dataset": "data"}  # keys of a recipe's row; others: params


def factor_of_path(path: str) -> str | None:
    """The factor that a tracked file belongs to; None: none, or its content is mixed by key."""
    if path in (PARAMS, LOCK) or path.startswith(NO_FACTOR):
        return None
    if path.startswith(("models/", FOUNDATION)):
        return "base"
    return "data" if path.startswith("data/") else "code"


def factor_of_param(key: str) -> str:
    """The factor of a dotted key of params.yaml."""
    section, _, rest = key.partition(".")
    if section == "recipes":
        return ROWS.get(rest.partition(".")[2].partition(".")[0], "params")
    return {"foundation": "base", "threads": "params", "features": "params"}.get(section, "data")


def differing(a: Lineage, b: Lineage) -> list[str]:
    """Factors in which the two lineages differ, in the order of FACTORS."""
    found = {factor_of_param(change.key) for change in facts.param_changes(a, b)}
    files = [*(one.path for one in facts.code_changes(a, b)), *(one.key for one in facts.input_changes(a, b))]
    found |= {factor for path in files if (factor := factor_of_path(path))}
    if any(not change.key.startswith("parent.") for change in facts.base_changes(a, b)):  # a parent is made by the rest
        found.add("base")
    if _graph(a) != _graph(b):
        found.add("code")
    return [factor for factor in FACTORS if factor in found]


def _graph(lineage: Lineage) -> Any:
    return [
        (stage.name, stage.cmd, stage.deps, stage.outs) for stage in sorted(lineage.stages, key=lambda one: one.name)
    ]


def lay_out(root: Path, a: str, b: str, factors: Collection[str]) -> None:
    """Make the worktree at `root` the commit `a`, with `factors` as at the commit `b`."""
    _git(root, "reset", "--quiet", "--hard", a)
    _git(root, "clean", "--quiet", "-d", "--force", "--exclude=.scratch")
    before, after = files_at(root, a), files_at(root, b)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    ours = {path for path in changed if factor_of_path(path) in factors}
    _paths(root, sorted(ours & after.keys()), "checkout", "--quiet", b)
    for path in ours - after.keys():
        (root / path).unlink(missing_ok=True)
    _mix_params(root, b, factors)
    if "base" in factors:
        _take_foundation(root, b)


def _mix_params(root: Path, b: str, factors: Collection[str]) -> None:
    theirs = _yaml(file_at(root, b, PARAMS), PARAMS)
    path = root / PARAMS
    mixed = mixed_params(_yaml(path.read_bytes() if path.is_file() else None, PARAMS), theirs, factors)
    _write_yaml(path, mixed)


def mixed_params(a: dict[str, Any], b: dict[str, Any], factors: Collection[str]) -> dict[str, Any]:
    """A's params with B's values of `factors`. Sections and rows that only B has come along: B's graph names them."""
    mixed = copy.deepcopy(a)
    for section, theirs in b.items():
        if section not in mixed or (section != "recipes" and factor_of_param(section) in factors):
            mixed[section] = theirs
    rows, theirs = mixed.get("recipes"), b.get("recipes")
    if not isinstance(rows, dict) or not isinstance(theirs, dict):
        return mixed
    for name, their_row in theirs.items():
        if name not in rows:
            rows[name] = their_row
            continue
        row = rows[name]
        if not isinstance(row, dict) or not isinstance(their_row, dict):
            continue
        for key in {**row, **their_row}:
            if factor_of_param(f"recipes.{name}.{key}") in factors:
                row.pop(key, None)
                row |= {key: their_row[key]} if key in their_row else {}
    return mixed


def _take_foundation(root: Path, b: str) -> None:
    """B's bases stand in git, outside DVC's cache: only dvc.lock says that they are up to date."""
    theirs = _yaml(file_at(root, b, LOCK), LOCK).get("stages") or {}
    path = root / LOCK
    lock = _yaml(path.read_bytes() if path.is_file() else None, LOCK)
    if lock:
        taken = {name: entry for name, entry in theirs.items() if name.startswith("foundation@")}
        _write_yaml(path, {**lock, "stages": {**(lock.get("stages") or {}), **taken}})


def _yaml(content: bytes | None, name: str) -> dict[str, Any]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = yaml.load(content, Loader=loader) if content else {}
    except yaml.YAMLError as error:
        raise UserError(f"{name} of one revision is no valid YAML: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"{name} of one revision must be a mapping, found {type(found).__name__}.")
    return found


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    import yaml

    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _paths(root: Path, paths: list[str], *arguments: str) -> None:
    """A git command about `paths`, which may be too many for a command line."""
    if paths:
        listed = "\0".join(paths).encode("utf-8", "surrogateescape")
        _git(root, *arguments, "--pathspec-from-file=-", "--pathspec-file-nul", given=listed)


def _git(root: Path, *arguments: str, given: bytes | None = None) -> None:
    command = ["git", "--literal-pathspecs", "-C", str(root), *arguments]
    done = subprocess.run(command, input=given, env=without_git(), capture_output=True, check=False)
    if done.returncode != 0:
        raise UserError(f"git {' '.join(arguments)} in {root}: {done.stderr.decode('utf-8', 'replace').strip()}")
