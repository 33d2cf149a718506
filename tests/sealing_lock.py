"""dvc.lock of the small project of tests/sealing.py, without DVC: `foreach` written out, digests of what lies there."""

from pathlib import Path
from typing import Any

import yaml

from stages.lineage.locked import md5_of


def write_lock(project: Path) -> None:
    """dvc.lock as DVC would write it for what lies in the project now."""
    told = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    stages: dict[str, Any] = {}
    for stage, entry in told.items():
        for key, item in params[entry["foreach"][2:-1]].items():
            one = _filled(entry["do"], {"key": key, **{f"item.{name}": value for name, value in item.items()}})
            outs = [out if isinstance(out, str) else next(iter(out)) for out in one.get("outs", [])]
            outs += [next(iter(out)) for out in one.get("metrics", [])]
            if stage == "seal":
                continue
            stages[f"{stage}@{key}"] = {
                "cmd": one["cmd"],
                "deps": [{"path": path, "hash": "md5", "md5": md5_of(project / path)} for path in sorted(one["deps"])],
                "params": {"params.yaml": {place: _at(params, place) for place in one["params"]}},
                "outs": [{"path": path, "hash": "md5", "md5": md5_of(project / path)} for path in sorted(outs)],
            }
    (project / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}, sort_keys=False))


def _filled(value: Any, names: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {_filled(key, names): _filled(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, names) for inner in value]
    if isinstance(value, str):
        for name, filling in names.items():
            value = value.replace(f"${{{name}}}", str(filling))
    return value


def _at(params: Any, place: str) -> Any:
    for key in place.split("."):
        params = params[key]
    return params
