"""What a run is: one hash over all that shapes its result, so that no run goes on from another one's checkpoint."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from stages.recipe import Training
from stages.shards import sha256_of_file

STAGES = Path(__file__).parents[1]


def key_of(
    params: BaseModel, settings: Training, environment: dict[str, Any], out: Path, inputs: dict[str, Path]
) -> str:
    """sha256 in hex over parameters, inputs, code, versions, device, threads and the CPU's instruction set.

    `settings` are `params.train` as the device made them. What only evaluation reads is left out.
    """
    import torch

    facts = {
        "params": params.model_dump(mode="json", exclude={"evaluate"}),
        "settings": settings.model_dump(mode="json"),
        "inputs": {name: digest_of(path) for name, path in sorted(inputs.items())},
        "code": _code(str(getattr(params, "objective", ""))),
        "environment": environment,
        "cpu": torch.backends.cpu.get_cpu_capability(),  # other instructions add in another order
        "out": str(out),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def digest_of(path: Path) -> str | None:
    """A finished folder's manifest stands for its files; any other folder is hashed; None where nothing is."""
    if path.is_dir() and not (path / "manifest.json").is_file():
        return _digest(path, sorted(file for file in path.rglob("*") if file.is_file()))
    file = path / "manifest.json" if path.is_dir() else path
    return sha256_of_file(file) if file.is_file() else None


def _code(objective: str) -> str:
    """The modules that dvc.yaml makes `train` depend on."""
    patterns = ("*.py", "train/*.py", f"train/{objective}/*.py", f"{objective}/*.py", f"tokenize/{objective}/*.py")
    files = {file for pattern in (*patterns, "features/*.py") for file in STAGES.glob(pattern)}
    return _digest(STAGES, sorted(files))


def _digest(root: Path, files: list[Path]) -> str:
    lines = [f"{file.relative_to(root).as_posix()} {sha256_of_file(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
