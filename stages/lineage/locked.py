"""DVC's own digests, computed without DVC: whether a file or folder is still the one that dvc.lock names."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from stages.lineage.graph import Node, files_below


def md5_of(path: Path) -> str:
    """DVC's md5 of a file's bytes, or of a folder: of the JSON list of its files' md5, `.dir` behind it."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    listed = [{"md5": md5_of(file), "relpath": file.relative_to(path).as_posix()} for file in files_below(path)]
    text = json.dumps(sorted(listed, key=lambda one: one["relpath"]))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"


def moved_on(nodes: Iterable[Node], project: Path) -> Iterator[tuple[str, str]]:
    """(stage, dep) of every dep that no stage writes and that is not as the stage read it, or is not there."""
    held = list(nodes)
    outs = {out for node in held for out in node.outs}
    known: dict[str, str] = {}
    for node in held:
        for dep, md5 in node.deps.items():
            if _written(dep, outs) or not md5:
                continue
            if dep not in known:
                known[dep] = md5_of(project / dep) if (project / dep).exists() else ""
            if known[dep] != md5:
                yield node.name, dep


def _written(dep: str, outs: set[str]) -> bool:
    return any(dep == out or dep.startswith(f"{out}/") or out.startswith(f"{dep}/") for out in outs)
