"""Names for paths that lie outside the project: a lineage says which folder, not whose machine.

`ingest.x.folder` may be any folder, and dvc.lock holds it in full. Here it is called `outside/<its last name>`, in
deps, commands and params alike, so that two machines write the same lineage.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stages.lineage.graph import Node

OUTSIDE = "outside"
HOME = re.compile(  # a home folder, where it isn't part of an address or of a longer path
    rf"(?<![\w.:/~-])(?:/home/[^/\s\"']+|/Users/[^/\s\"']+|{re.escape(os.path.expanduser('~'))})(?=[/\s\"']|$)"
)


@dataclass(frozen=True)
class Places:
    """The project's folder, and its own name for each absolute path of the stages."""

    project: Path
    names: dict[str, str]

    def name(self, path: str) -> str:
        """What a path of dvc.lock is called in the lineage."""
        return self.names.get(path, path)

    def find(self, name: str) -> Path:
        """Where on this machine what is called `name` lies."""
        for path, called in self.names.items():
            if name == called or name.startswith(f"{called}/"):
                return Path(path + name[len(called) :])
        return self.project / name

    def clean(self, value: Any) -> Any:
        """`value` with every absolute path of the stages by its name, and the home folder as `~`, in all its texts."""
        if isinstance(value, dict):
            return {self.clean(key): self.clean(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(inner) for inner in value]
        if not isinstance(value, str):
            return value
        for path in sorted(self.names, key=len, reverse=True):
            value = value.replace(path, self.names[path])
        return HOME.sub("~", value)


def places_of(nodes: Iterable[Node], project: Path) -> Places:
    """A name for each absolute dep and out of `nodes`: below the project its relative path, else `outside/NAME`."""
    names: dict[str, str] = {}
    for node in nodes:
        for path in (*node.deps, *node.outs):
            if not path.startswith("/") or path in names:
                continue
            inside = Path(path).is_relative_to(project.resolve())
            wanted = (
                Path(path).relative_to(project.resolve()).as_posix()
                if inside
                else f"{OUTSIDE}/{PurePosixPath(path).name}"
            )
            taken = set(names.values())
            number = 2
            name = wanted
            while name in taken:
                name, number = f"{wanted}-{number}", number + 1
            names[path] = name
    return Places(project, names)
