"""Code that moved on since the seal: a note, because the outs are compared by themselves."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from stages.lineage.form import Lineage
from stages.lineage.verify.finding import Finding
from stages.lineage.verify.hashing import Hashed
from stages.shards import sha256

NAMED = 3  # files that a note names


def code_paths(lineage: Lineage, project: Path) -> list[Path]:
    """Every code file of every stage, once."""
    return [project / name for name in {name: None for stage in lineage.stages for name in stage.code}]


def check_code(lineage: Lineage, project: Path, hashed: Hashed) -> Iterator[Finding]:
    """One note a stage whose code is another than sealed."""
    for stage in reversed(lineage.stages):
        moved = [name for name, digest in stage.code.items() if hashed.digests.get(project / name) != digest]
        if moved:
            more = f" and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
            yield Finding("note", "code moved on since the seal", ", ".join(moved[:NAMED]) + more, stage.name)


def changed_line(project: Path, name: str, sealed: str) -> str:
    """Where a text that git tracks was changed, as words; "" when the last commit doesn't have the sealed bytes."""
    try:
        shown = subprocess.run(["git", "-C", str(project), "show", f"HEAD:./{name}"], capture_output=True, check=True)
        now = (project / name).read_bytes()
    except (OSError, subprocess.CalledProcessError):
        return ""
    was = shown.stdout
    if sha256(was) != sealed or b"\0" in was:
        return ""
    pairs = zip(was.splitlines(keepends=True), now.splitlines(keepends=True), strict=False)
    same = next((place for place, (old, new) in enumerate(pairs) if old != new), -1)
    return f", from line {same + 1} on" if same >= 0 else ", at its end"
