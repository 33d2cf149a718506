"""All that differs between two adapters, as one value."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stages.lineage.diff import facts
from stages.lineage.diff.revisions import Commit, commits_between
from stages.lineage.diff.rows import RowChanges, row_changes
from stages.lineage.diff.scores import Score, score_change
from stages.lineage.diff.shelf import Shelf
from stages.lineage.diff.sides import Side


@dataclass(frozen=True)
class Data:
    """`folders`: data outs whose content differs. `consumed`: what training took of the rows."""

    folder_a: str
    folder_b: str
    rows: RowChanges
    drops: list[facts.Change]
    inputs: list[facts.Change]
    folders: list[str]
    consumed: list[facts.Change]


@dataclass(frozen=True)
class Difference:
    """From A to B. `environment` is None when a side noted none; `commits` when a side's commit isn't known."""

    a: Side
    b: Side
    renamed: Mapping[str, tuple[str, str]]
    data: Data
    params: list[facts.Change]
    code: list[facts.CodeChange]
    commits: list[Commit] | None
    environment: list[facts.Change] | None
    base: list[facts.Change]
    score: Score | None
    numbers: list[facts.Change]

    @property
    def same(self) -> bool:
        return self.a.lineage.seal == self.b.lineage.seal

    def document(self) -> dict[str, Any]:
        """For --json."""
        return {
            "schema": "plumbline/diff/1",
            "a": _side(self.a),
            "b": _side(self.b),
            "same": self.same,
            "renamed": {section: list(pair) for section, pair in self.renamed.items()},
            "data": {
                "folder": {"a": self.data.folder_a, "b": self.data.folder_b},
                "rows": asdict(self.data.rows),
                "drops": _all(self.data.drops),
                "inputs": _all(self.data.inputs),
                "folders": self.data.folders,
                "consumed": _all(self.data.consumed),
            },
            "params": _all(self.params),
            "code": {
                "files": [asdict(one) for one in self.code],
                "commits": None if self.commits is None else [asdict(one) for one in self.commits],
            },
            "environment": None if self.environment is None else _all(self.environment),
            "base": _all(self.base),
            "metrics": {"headline": asdict(self.score) if self.score else None, "numbers": _all(self.numbers)},
        }


def compare(a: Side, b: Side) -> Difference:
    """What differs, from the two lineages; rows, predictions and commits are looked up in the project."""
    shelf = Shelf(a.project)
    one, two = a.lineage, b.lineage
    code = facts.code_changes(one, two)
    return Difference(
        a=a,
        b=b,
        renamed=facts.renamed(one, two),
        data=Data(
            folder_a=one.data.folder,
            folder_b=two.data.folder,
            rows=row_changes(one, two, shelf),
            drops=facts.drop_changes(one, two),
            inputs=facts.input_changes(one, two),
            folders=[out for out in sorted(one.outs.keys() & two.outs.keys()) if one.outs[out] != two.outs[out]],
            consumed=facts.changes(one.data.consumed.model_dump(), two.data.consumed.model_dump()),
        ),
        params=facts.param_changes(one, two),
        code=code,
        commits=_commits(a, b, code),
        environment=facts.environment_changes(one, two),
        base=facts.base_changes(one, two),
        score=score_change(a, b, shelf),
        numbers=facts.number_changes(one, two),
    )


def _commits(a: Side, b: Side, code: list[facts.CodeChange]) -> list[Commit] | None:
    if a.commit is None or b.commit is None:
        return None
    return commits_between(a.project, a.commit, b.commit, [file.path for file in code])


def _side(side: Side) -> dict[str, Any]:
    lineage = side.lineage
    return {
        "name": side.name,
        "recipe": lineage.recipe,
        "seal": lineage.seal,
        "adapter": lineage.adapter.digest,
        "commit": side.commit,
        "notes": list(side.notes),
    }


def _all(changes: list[facts.Change]) -> list[dict[str, Any]]:
    return [change.document() for change in changes]
