"""The metrics file, of any objective: JSON in git, whose diff shows changes that mean something."""

import json
from pathlib import Path
from typing import Any

DIGITS = 4


def rounded(value: Any) -> Any:
    """`value` with every float in it rounded, so that a metrics diff shows changes that mean something."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(float(value), DIGITS) if isinstance(value, float) else value


def write_metrics(path: Path, metrics: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(metrics, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
