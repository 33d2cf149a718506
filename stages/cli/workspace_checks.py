"""The doctor's look at the workspace: what a crash, a full disk or another hand may have left of DVC's own files."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from stages.cli.checks import Finding

FOLDERS = (".dvc", "data", "models", "reports")  # that stages and DVC write to
SLACK = 24 * 3600  # seconds that a file may be younger than now: another machine's clock isn't this one's


def workspace(root: Path = Path()) -> list[Finding]:
    """dvc.lock, DVC's locks, folders that can't be written to, and a clock that was set back."""
    return [*_lock_file(root), *_running_locks(root), *_writable(root), *_clock(root)]


def _lock_file(root: Path) -> list[Finding]:
    """dvc.lock against the one that git has: DVC takes a file that was cut between two stages for a whole one."""
    path, remedy = (
        root / "dvc.lock",
        "git checkout dvc.lock (the last one committed), then `dvc repro` for what is newer",
    )
    committed = _stages(_committed(root))
    if not path.is_file():
        return [Finding("gap", "dvc.lock", "missing, and git has one", remedy)] if committed else []
    own = _stages(path.read_text(encoding="utf-8", errors="replace"))
    if own is None:
        return [Finding("gap", "dvc.lock", "can't be read: cut off, or merged by hand", remedy)]
    whole = {stage for stage, said in own.items() if isinstance(said, dict) and said.get("cmd")}
    lost = sorted((set(committed or ()) | set(own)) - whole - _gone(root, committed or {}))
    if lost:
        named = ", ".join(lost[:3] + ["..."] * (len(lost) > 3))
        found = f"{len(lost)} stages are missing or without a command: {named}"
        return [Finding("gap", "dvc.lock", found, remedy)]
    return [Finding("ok", "dvc.lock", f"{len(own)} stages")]


def _committed(root: Path) -> str:
    """git's dvc.lock; "" where there is none, or no git."""
    try:
        shown = subprocess.run(
            ["git", "show", "HEAD:./dvc.lock"], cwd=root, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return shown.stdout.decode(errors="replace") if shown.returncode == 0 else ""


def _stages(text: str) -> dict[str, Any] | None:
    """The stages of a dvc.lock; None when it isn't one."""
    import yaml

    try:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if text else None
    except yaml.YAMLError:
        return None
    stages = found.get("stages") if isinstance(found, dict) else None
    return stages if isinstance(stages, dict) else None


def _gone(root: Path, committed: dict[str, Any]) -> set[str]:
    """Stages whose row was taken out of params.yaml or dvc.yaml since: their entry may go."""
    import yaml

    try:
        params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8")) or {}
        graph = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8")).get("stages", {})
    except (OSError, yaml.YAMLError, AttributeError):
        return set()
    there = set()
    for stage, body in graph.items():
        rows = body.get("foreach") if isinstance(body, dict) else None
        section = params.get(str(rows).strip("${}"), {}) if rows else {}
        there |= {f"{stage}@{row}" for row in section} if rows else {stage}
    return {stage for stage in committed if stage not in there}


def _running_locks(root: Path) -> list[Finding]:
    path = root / ".dvc" / "tmp" / "rwlock"
    if not path.is_file():
        return []
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return [
            Finding(
                "gap", "DVC's rwlock", "empty or cut off: every dvc command stops", f"if no dvc is at work: rm {path}"
            )
        ]
    return []


def _writable(root: Path) -> list[Finding]:
    shut = [name for name in FOLDERS if (root / name).is_dir() and not os.access(root / name, os.W_OK | os.X_OK)]
    remedy = "give yourself the right to write there (chown or chmod), or mount the disk for writing"
    return [Finding("gap", "folders", f"can't be written to: {', '.join(shut)}", remedy)] if shut else []


def _clock(root: Path) -> list[Finding]:
    """Files from the future: a clock that was set back makes schedules fire late and locks look young."""
    path = root / "dvc.lock"
    ahead = path.stat().st_mtime - time.time() if path.is_file() else 0.0
    if ahead <= SLACK:
        return []
    return [
        Finding("note", "clock", f"dvc.lock was written {ahead / 86400:.0f} days from now", "set this machine's clock")
    ]
