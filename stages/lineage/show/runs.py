"""The record of the run that made an adapter: this machine's own note, outside the seal."""

import json
from pathlib import Path
from typing import Any

from stages.lineage.reading import plain
from stages.params import UserError

RUNS = Path(".scratch/runs")


def run_of(digest: str, project: Path = Path()) -> dict[str, Any] | None:
    """The last run that sealed an adapter with this digest; None where this machine has no record of it."""
    path = project / RUNS / f"{digest}.json"
    if not path.is_file():
        return None
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no valid JSON ({plain(str(error))}): remove it, it is a note only.") from error
    return dict(runs[-1]) if isinstance(runs, list) and runs and isinstance(runs[-1], dict) else None
