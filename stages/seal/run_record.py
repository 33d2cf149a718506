"""Who sealed which adapter when, from which commit: kept beside the outs, since it differs with every run."""

import hashlib
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RUNS = Path(".scratch/runs")
NOT_SOURCES = ("dvc.lock", "reports/metrics", "reports/seals")  # the run's own outs, which git tracks


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def note_run(project: Path, adapter: str, seal: str, started: str) -> Path:
    """Append this run to `.scratch/runs/<adapter digest>.json`; returns its path.

    `commit` and `dirty` are null outside a git work tree.
    """
    path = project / RUNS / f"{adapter}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    runs = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    commit = _git(project, "rev-parse", "HEAD")
    changed = _git(project, "status", "--porcelain", "--", ".", *(f":(exclude){name}" for name in NOT_SOURCES))
    run: dict[str, Any] = {
        "seal": seal,
        "commit": commit,
        "dirty": None if changed is None else bool(changed),
        "host": platform.node(),
        "started": started,
        "finished": now(),
        "dvc_lock": hashlib.sha256((project / "dvc.lock").read_bytes()).hexdigest(),
    }
    unfinished = path.with_suffix(f".{os.getpid()}.part")  # a killed process leaves the old list whole
    unfinished.write_text(json.dumps([*runs, run], indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)
    return path


def _git(project: Path, *arguments: str) -> str | None:
    """What git says, or None where there is no git or no work tree."""
    try:
        done = subprocess.run(["git", "-C", str(project), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
