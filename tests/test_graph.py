"""dvc.yaml says what is true: a stage depends on every project module that it imports."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GRAPH = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def stage(name: str) -> dict[str, list[str]]:
    node = GRAPH[name]
    return dict(node.get("do", node))


# What a row puts into its stage's command: the rooms that there are.
OBJECTIVES = ("answers", "grounding", "interleaved", "naming", "chat")
BASES = ("paligemma2", "opt_clip", "idefics", "gemma", "clip_phi")
ROOMS = {"foundation": ("${item.room}", BASES), "samples": ("${item.room}", ("sports", "scenes", "descriptions"))}


def variants(name: str) -> list[tuple[str, str]]:
    """(placeholder, room) of every room that the stage can run in; one empty pair for a stage with one room."""
    place, rooms = ROOMS.get(name, ("${item.objective}", OBJECTIVES))
    return [(place, room) for room in rooms] if place in str(stage(name)["cmd"]) else [("", "")]


def modules_of(name: str, place: str = "", room: str = "") -> set[Path]:
    """The import closure of a stage's entry module, functions' own imports included."""
    entry = re.search(r"python -m ([\w.]+)", str(stage(name)["cmd"]).replace(place, room))
    assert entry, f"{name} runs no module"
    folder = ROOT / entry[1].replace(".", "/")
    todo, seen = [folder / "__main__.py", folder / "__init__.py"], set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for dotted in names:
                if dotted.split(".")[0] in ("stages", "flows"):
                    target = ROOT / dotted.replace(".", "/")
                    todo += [p for p in (target.with_suffix(".py"), target / "__init__.py") if p.is_file()]
    return {path for path in seen if path.read_text().count("\n") > 1 or path.name == "__main__.py"}


@pytest.mark.parametrize("name", list(GRAPH))
def test_a_stage_depends_on_every_module_it_imports_and_no_other(name: str) -> None:
    idle: list[set[Path]] = []
    for place, room in variants(name):
        deps = {ROOT / dep.replace(place, room) for dep in stage(name)["deps"] if dep.startswith("stages")}
        imported = modules_of(name, place, room)
        unnamed = [p for p in imported if p not in deps and not any(d in p.parents for d in deps)]
        assert not unnamed, f"{name} {room} imports these, which dvc.yaml doesn't name"
        idle.append({d for d in deps if not any(p == d or d in p.parents for p in imported)})
    assert not set.intersection(*idle), f"dvc.yaml makes {name} depend on these, which it never imports"


@pytest.mark.parametrize("room", BASES)
def test_a_base_depends_on_nothing_outside_its_own_folder(room: str) -> None:
    modules = modules_of("foundation", "${item.room}", room)
    assert modules
    assert all(ROOT / "stages/foundation" / room in path.parents for path in modules)
    assert stage("foundation")["deps"] == ["stages/foundation/${item.room}"]


def test_no_stage_knows_dvc_or_prefect() -> None:
    """The commands do: `stages/cli`, and the packages in `stages/lineage`, of which stages use plain modules only."""
    for path in (ROOT / "stages").rglob("*.py"):
        if "cli" not in path.parts and path.parent.parent.name != "lineage":
            assert not re.search(r"^\s*(import|from) (dvc|prefect|flows)\b", path.read_text(), re.M), path


def test_paths_stand_in_dvc_yaml_only() -> None:
    """No parameter holds a path. Exceptions: a user's own input folder, and the adapter that a recipe starts from."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params.pop("ingest", None)
    params.pop("describe", None)
    params.pop("available")
    words = [str(value) for value in _leaves(params)]
    assert not [word for word in words if "/" in word and not word.startswith(("{", "trained/"))]


def _leaves(node: object) -> list[object]:
    if isinstance(node, dict):
        return [leaf for value in node.values() for leaf in _leaves(value)]
    return [leaf for value in node for leaf in _leaves(value)] if isinstance(node, list) else [node]
