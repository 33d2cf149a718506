"""The two things that are compared: an adapter folder, a recipe of this tree, or a recipe at a git revision."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from stages.lineage.diff.revisions import commit_of, commits_with, file_at, last_change
from stages.lineage.form import Lineage, check_seal, parse_lineage, read_lineage
from stages.params import UserError

ADAPTERS = "models/adapters"
SEALS = "reports/seals"
RUNS = ".scratch/runs"
RECIPE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Side:
    """`commit`: at which this adapter was made, None when nobody can tell; `notes` are for the reader."""

    name: str
    lineage: Lineage
    project: Path
    commit: str | None
    notes: tuple[str, ...] = ()


def open_side(argument: str, project: Path) -> Side:
    """The adapter that `argument` names: a folder, RECIPE, RECIPE@REV or REV:RECIPE. UserError when there is none."""
    if Path(argument).is_dir():
        return _of_tree(argument, _open_folder(Path(argument)), project)
    revision, colon, recipe = argument.rpartition(":")
    if not colon:
        recipe, _, revision = argument.partition("@")
    if not RECIPE.fullmatch(recipe) or (colon and not revision) or argument.endswith("@"):
        raise UserError(
            f"`{argument}` is neither a folder nor a recipe's name: give models/adapters/RECIPE, RECIPE, "
            "or RECIPE@REV (REV:RECIPE) for a git revision."
        )
    if revision:
        return _at_revision(argument, recipe, revision, project)
    if (project / ADAPTERS / recipe).is_dir():
        return _of_tree(argument, _open_folder(project / ADAPTERS / recipe), project)
    seal = project / SEALS / f"{recipe}.json"
    if not seal.is_file():
        raise UserError(
            f"no adapter `{recipe}`: neither {ADAPTERS}/{recipe} nor {SEALS}/{recipe}.json is there. "
            f"`dvc repro seal@{recipe}` makes both; `plumbline recipe list` has the recipes."
        )
    return _of_tree(argument, read_lineage(seal), project)


def _open_folder(folder: Path) -> Lineage:
    """An adapter may come from a stranger: the folder is checked before its lineage is read."""
    from stages.lineage.reading import open_adapter

    return open_adapter(folder).lineage


def _at_revision(argument: str, recipe: str, revision: str, project: Path) -> Side:
    commit = commit_of(project, revision)
    path = f"{SEALS}/{recipe}.json"
    content = file_at(project, commit, path)
    if content is None:
        known = commits_with(project, path)
        remedy = f"commits that changed it: {', '.join(known)}" if known else "no commit has one"
        raise UserError(f"`{recipe}` has no seal at {revision} ({path} isn't in {commit[:10]}): {remedy}.")
    lineage = parse_lineage(content, f"{path} at {commit[:10]}")
    return Side(argument, lineage, project, commit, _seal_notes(lineage))


def _of_tree(argument: str, lineage: Lineage, project: Path) -> Side:
    commit, notes = _made_at(lineage, project)
    return Side(argument, lineage, project, commit, (*_seal_notes(lineage), *notes))


def _seal_notes(lineage: Lineage) -> tuple[str, ...]:
    """A changed document is still compared, so that what changed can be seen."""
    return (
        () if check_seal(lineage) else ("its lineage was changed after it was sealed: see `plumbline lineage verify`",)
    )


def _made_at(lineage: Lineage, project: Path) -> tuple[str | None, tuple[str, ...]]:
    """The commit that brought this very seal into git; else what the run's own record says."""
    path = f"{SEALS}/{lineage.recipe}.json"
    commit = last_change(project, path) if RECIPE.fullmatch(lineage.recipe) else None
    content = file_at(project, commit, path) if commit else None
    if commit and content and _sealed_as(content, lineage.seal):
        return commit, ()
    record = project / RUNS / f"{lineage.adapter.digest}.json"
    try:
        runs = json.loads(record.read_text(encoding="utf-8"))
        run = [run for run in runs if run["seal"] == lineage.seal][-1]
        at, dirty = run["commit"], run["dirty"]
    except (FileNotFoundError, IndexError):
        return None, ("its seal isn't committed and no run of it is on record here, so its commit isn't known",)
    except (ValueError, KeyError, TypeError):
        return None, (f"{RUNS}/{record.name} can't be read, so its commit isn't known",)
    if dirty or not isinstance(at, str):
        return None, ("made from changes that weren't committed, so its code and params lie in no commit",)
    return at, ()


def _sealed_as(content: bytes, seal: str) -> bool:
    try:
        document = json.loads(content)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("seal") == seal
