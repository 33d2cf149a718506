"""What is told of an adapter, as data: first what someone who answers for it wants, then the line to its sources."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from stages.lineage.form import HEADER_KEY, NAME, Dropped, Files, Lineage, Stage, check_seal
from stages.lineage.reading import Opened, header_of
from stages.params import UserError
from stages.seal.figures import Figure, figures

ASKS = (  # beginnings of SPDX identifiers, and what these licences ask for; the longest that fits counts
    ("cc0", "nothing asked"),
    ("pdm", "nothing asked"),
    ("cc-by-", "credit"),
    ("cc-by-sa", "credit; share alike"),
    ("cc-by-nc", "credit; no commercial use"),
    ("cc-by-nd", "credit; no changed copies"),
    ("cc-by-nc-sa", "credit; no commercial use; share alike"),
    ("cc-by-nc-nd", "credit; no commercial use; no changed copies"),
    ("mit", "notice kept"),
    ("apache", "notice kept"),
)
NOT_KNOWN = ("", "unknown", "none", "noassertion")
DEEPEST = 100  # stages behind each other


@dataclass(frozen=True)
class Licence:
    """A licence, the distinct rows under it that were trained on, and what it asks for."""

    name: str
    rows: int
    asks: str


@dataclass(frozen=True)
class Node:
    """Something on the line: a folder or file, the stage that wrote it, and what that stage read.

    `again`: it stands elsewhere in the tree with its inputs. `code` counts the files of the stage's code.
    """

    path: str
    stage: str | None
    files: int
    bytes: int
    digest: str | None
    rows: Dropped | None = None
    seeds: dict[str, Any] = field(default_factory=dict)
    code: int = 0
    cmd: str = ""
    again: bool = False
    inputs: tuple["Node", ...] = ()

    def walk(self) -> Iterator["Node"]:
        """This node and everything behind it, as often as it stands in the tree."""
        yield self
        for node in self.inputs:
            yield from node.walk()


@dataclass(frozen=True)
class Told:
    """All of it. `whole`: the document fits its own seal; `in_weights`: that seal stands in every file of weights.

    Whether the files are the sealed ones is for `verify` to say.
    """

    lineage: Lineage
    whole: bool
    in_weights: bool
    licences: tuple[Licence, ...]
    metrics: tuple[Figure, ...]
    dropped: dict[str, int]
    tree: Node

    def document(self) -> dict[str, Any]:
        """For --json: the sealed document, with what was made of it under `told`."""
        metrics = {one.name: {key: value for key, value in vars(one).items() if key != "name"} for one in self.metrics}
        told = {
            "whole": self.whole,
            "in_weights": self.in_weights,
            "licences": {one.name: {"rows": one.rows, "asks": one.asks} for one in self.licences},
            "metrics": metrics,
            "dropped": self.dropped,
            "tree": _json(self.tree),
        }
        return {**self.lineage.document(), "told": told}


def told_of(opened: Opened) -> Told:
    """What an adapter's lineage says, in the order that a person asks for it."""
    lineage = opened.lineage
    facts = [header_of(path).get("__metadata__") for path in opened.folder.glob("*.safetensors")]
    seals = [one.get(HEADER_KEY) if isinstance(one, dict) else None for one in facts]
    return Told(
        lineage,
        whole=check_seal(lineage),
        in_weights=bool(seals) and all(seal == lineage.seal for seal in seals),
        licences=tuple(
            Licence(name or "none given", n, asks_of(name)) for name, n in most_first(lineage.data.licences)
        ),
        metrics=tuple(figures(lineage.metrics)),
        dropped={f"{one.folder}: {why}": n for one in lineage.data.drops for why, n in one.dropped.items()},
        tree=tree_of(lineage),
    )


def asks_of(licence: str) -> str:
    """What a licence asks of whoever uses its works, in a few words; "" where this program can't tell."""
    folded = "-".join(licence.casefold().replace("_", " ").replace("-", " ").split())
    if folded in NOT_KNOWN:
        return "NOT KNOWN: ask before you use it"
    fitting = [(start, asks) for start, asks in ASKS if folded.startswith(start)]
    return max(fitting, default=("", ""), key=lambda one: len(one[0]))[1]


def tree_of(lineage: Lineage) -> Node:
    """The adapter, and behind it what each stage read; what was told of once is only named after that."""
    stages = {out: stage for stage in lineage.stages for out in stage.outs}
    train = next((stage for stage in lineage.stages if stage.name == f"train@{lineage.recipe}"), None)
    path = train.outs[0] if train and train.outs else f"models/trained/{lineage.recipe}"
    tree = _Tree(lineage, stages)
    files = lineage.adapter.files
    return tree.node(path, Known(len(files), sum(one.bytes for one in files.values()), lineage.adapter.digest))


@dataclass(frozen=True)
class Known:
    """What a path holds: how many files and bytes, and its digest where it has one of its own."""

    files: int
    bytes: int
    digest: str | None


@dataclass
class _Tree:
    lineage: Lineage
    stages: dict[str, Stage]
    seen: set[str] = field(default_factory=set)

    def node(self, path: str, known: Known | None = None, depth: int = 0) -> Node:
        if depth > DEEPEST:
            raise UserError(f"the stages of {NAME} lie more than {DEEPEST} deep, which no graph of ours does.")
        path = next((str(above) for above in PurePosixPath(path).parents if str(above) in self.stages), path)
        stage, known = self.stages.get(path), known or self.known(path)
        if path in self.seen or stage is None:
            again = path in self.seen and stage is not None
            return Node(path, stage.name if stage else None, known.files, known.bytes, known.digest, again=again)
        self.seen.add(path)
        return Node(
            path,
            stage.name,
            known.files,
            known.bytes,
            known.digest,
            rows=next((one for one in self.lineage.data.drops if one.folder == path), None),
            seeds=seeds_of(stage, self.lineage),
            code=len(stage.code),
            cmd=stage.cmd,
            inputs=tuple(self.node(dep, depth=depth + 1) for dep in self.inputs(stage)),
        )

    def inputs(self, stage: Stage) -> list[str]:
        """What a stage read, less its code and padding: rows first, which are the main line.

        The base is told of at `train`.
        """
        trains = stage.name == f"train@{self.lineage.recipe}"
        deps = [dep for dep in stage.deps if self.known(dep).files and PurePosixPath(dep).stem != "none"]
        deps = [dep for dep in deps if trains or dep != self.lineage.base.path]
        return sorted(deps, key=lambda dep: (dep not in self.stages, not dep.startswith("data/tokenize/"), dep))

    def known(self, path: str) -> Known:
        if path == self.lineage.base.path:
            return _known(self.lineage.base.files, None)
        if path in self.lineage.outs:
            out = self.lineage.outs[path]
            return _known(out.files, out.manifest)
        if self.lineage.parent and path == self.lineage.parent.path:
            return _known(self.lineage.parent.files, self.lineage.parent.digest)
        around = next((out for out in self.lineage.outs if path.startswith(f"{out}/")), None)
        files = self.lineage.outs[around].files if around else self.lineage.inputs
        base = "" if around is None else f"{around}/"
        inside = {name: one for name, one in files.items() if f"{base}{name}/".startswith(f"{path}/")}
        return _known(inside, inside[path].sha256 if path in inside else None)


def seeds_of(stage: Stage, lineage: Lineage) -> dict[str, Any]:
    """The seeds under a stage's own parameters: `train.seed` of recipes.KEY, say."""
    found = {}
    for section in stage.params:
        for name, seed in lineage.seeds.items():
            if name == section or name.startswith(f"{section}."):
                found[name] = seed
    return found


def _known(files: Files, digest: str | None) -> Known:
    return Known(len(files), sum(one.bytes for one in files.values()), digest)


def most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Counts, the largest first, then by name."""
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _json(node: Node) -> dict[str, Any]:
    document = {
        "path": node.path,
        "stage": node.stage,
        "files": node.files,
        "bytes": node.bytes,
        "digest": node.digest,
        "rows": node.rows.model_dump(mode="json") if node.rows else None,
        "seeds": node.seeds,
    }
    return document | ({"again": True} if node.again else {"inputs": [_json(one) for one in node.inputs]})
