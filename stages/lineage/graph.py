"""The stages before an adapter, read from dvc.yaml and dvc.lock as plain files: DVC itself is slow to import.

dvc.lock also keeps stages that dvc.yaml no longer has; these are left out.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from stages.params import UserError
from stages.shards import sha256_of_file

CODE = "stages"  # the folder that the code of every stage lies in
NOT_INPUTS = ("__pycache__", ".scratch", ".venv")  # folders of .dvcignore
NOT_INPUT = (".gitignore",)  # files of .dvcignore, beside *.pyc


@dataclass(frozen=True)
class Node:
    """One stage of dvc.lock; `deps` and `outs` map a path to DVC's md5."""

    name: str
    cmd: str
    params: dict[str, Any]
    deps: dict[str, str]
    outs: dict[str, str]

    @property
    def code(self) -> list[str]:
        return [path for path in self.deps if is_code(path)]


def read_yaml(path: Path) -> Any:
    """A YAML file as DVC reads it (YAML 1.2: `no` is a text and 1e-5 a number), dates as text."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if not path.is_file():
        raise UserError(f"{path} is missing: run from the project's root, or restore it with `git checkout {path}`.")
    try:
        return _plain(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except YAMLError as error:
        raise UserError(f"{path} is no valid YAML: {error}") from error


def read_graph(project: Path) -> dict[str, Node]:
    """Every stage of dvc.yaml that dvc.lock knows, by name."""
    names = stage_names(project)
    return {name: node for name, node in read_lock(project / "dvc.lock").items() if name in names}


def read_lock(path: Path) -> dict[str, Node]:
    """Every stage of a dvc.lock, by name."""
    stages = (read_yaml(path) or {}).get("stages", {})
    return {
        name: Node(
            name,
            " ".join(_commands(entry["cmd"]).split()),
            {key: value for values in entry.get("params", {}).values() for key, value in values.items()},
            {dep["path"]: dep.get("md5", "") for dep in entry.get("deps", [])},
            {out["path"]: out.get("md5", "") for out in entry.get("outs", [])},
        )
        for name, entry in stages.items()
    }


def stage_names(project: Path) -> set[str]:
    """The names of dvc.yaml's stages, with each `foreach: ${section}` written out from params.yaml."""
    params = read_yaml(project / "params.yaml")
    names: set[str] = set()
    for name, entry in read_yaml(project / "dvc.yaml").get("stages", {}).items():
        rows = entry.get("foreach")
        if rows is None:
            names.add(name)
            continue
        if isinstance(rows, str):
            rows = params.get(rows.strip().removeprefix("${").removesuffix("}"), {})
        names.update(f"{name}@{row}" for row in rows)
    return names


def upstream(graph: dict[str, Node], name: str) -> list[Node]:
    """The stage `name` and all stages before it, each after those that it needs; the same order on every machine."""
    if name not in graph:
        raise UserError(f"dvc.lock has no stage {name}: run `dvc repro {name}` first, or `git checkout dvc.lock`.")
    makers = {out: node for node in graph.values() for out in node.outs}
    ordered: dict[str, Node] = {}

    def visit(node: Node, waiting: tuple[str, ...]) -> None:
        if node.name in waiting:
            raise UserError(f"dvc.lock has a circle: {' -> '.join([*waiting, node.name])}; run `dvc repro`.")
        if node.name in ordered:
            return
        needed = {maker.name: maker for dep in node.deps for maker in makers_of(dep, makers)}
        for maker in sorted(needed):
            visit(needed[maker], (*waiting, node.name))
        ordered[node.name] = node

    visit(graph[name], ())
    return list(ordered.values())


def makers_of(path: str, makers: dict[str, Node]) -> list[Node]:
    """Who writes `path`: the stage whose out it is or lies in, else those whose outs lie in it."""
    for above in (path, *map(str, PurePosixPath(path).parents)):
        if above in makers:
            return [makers[above]]
    return [node for out, node in makers.items() if out.startswith(f"{path}/")]


def is_code(path: str) -> bool:
    return PurePosixPath(path).parts[:1] == (CODE,)


def files_below(path: Path) -> list[Path]:
    """The file itself, or every file of a folder but what .dvcignore names, in order."""
    if path.is_file():
        return [path]
    return [
        file
        for file in sorted(path.rglob("*"))
        if file.is_file()
        and file.suffix != ".pyc"
        and file.name not in NOT_INPUT
        and not set(NOT_INPUTS) & set(file.relative_to(path).parts)
    ]


def code_of(project: Path, node: Node, known: dict[str, str]) -> dict[str, str]:
    """sha256 of every code file of a stage; `known` remembers files that several stages share."""
    found: dict[str, str] = {}
    for dep in node.code:
        for file in files_below(project / dep):
            name = file.relative_to(project).as_posix()
            if name not in known:
                known[name] = sha256_of_file(file)
            found[name] = known[name]
    return found


def _commands(cmd: str | list[str]) -> str:
    return cmd if isinstance(cmd, str) else " && ".join(cmd)


def _plain(value: Any) -> Any:
    """Only what JSON has: dates become text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value
