"""Whether this machine makes the same adapter twice: two trainings of two steps, in processes of their own."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from stages.cli.checks import Finding
from stages.cli.parameters import BASES, PARAMS, recipe_row, typed_recipe
from stages.params import UserError, read_params
from stages.shards import sha256_of_file

STEPS = 2
WHAT = "same bytes"


def reproducible(recipe: str) -> Finding:
    """Train `recipe` twice for STEPS steps on what was tokenized, in a folder of its own, and compare every file."""
    typed = typed_recipe(recipe, recipe_row(recipe))
    inputs = {
        "tokenized": Path("data/tokenize") / recipe,
        "features": Path("data/features") / typed.features,
        "base": BASES / typed.base,
        "parent": Path("models") / typed.parent,
    }
    missing = [str(path) for path in inputs.values() if not path.exists()]
    if missing:
        return Finding("gap", WHAT, f"not tried: {', '.join(missing)} missing", f"dvc repro tokenize@{recipe}")
    with tempfile.TemporaryDirectory(prefix="plumbline-") as folder:
        place = Path(folder)
        (place / PARAMS.name).write_text(yaml.safe_dump(_shortened(recipe)), encoding="utf-8")
        one, two = (_trained(recipe, typed.objective, inputs, place, name) for name in ("one", "two"))
    differing = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    if differing:
        remedy = "another process may share the GPU or the library picks kernels by speed: docs/resume.md"
        return Finding("gap", WHAT, f"two trainings of {recipe} differ in {', '.join(differing)}", remedy)
    return Finding("ok", WHAT, f"{len(one)} files of two trainings of {recipe} ({STEPS} steps)")


def _shortened(recipe: str) -> dict[str, Any]:
    """params.yaml with STEPS steps instead of the recipe's epochs."""
    params = read_params(PARAMS)
    params["recipes"][recipe]["train"] |= {"num_train_epochs": None, "max_steps": STEPS}
    return params


def _trained(recipe: str, objective: str, inputs: dict[str, Path], place: Path, name: str) -> dict[str, str]:
    """{file: sha256} of a training's output; UserError with the stage's own words when it fails."""
    shutil.rmtree(place / ".scratch", ignore_errors=True)  # the second one isn't to go on from the first
    paths = [part for key, path in inputs.items() for part in (f"--{key}", str(path.resolve()))]
    command = [sys.executable, "-m", f"stages.train.{objective}", "--params", f"recipes.{recipe}", *paths]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [*command, "--out", name], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"train.{objective} of {recipe} failed: {done.stderr.strip()[-600:]}")
    out = place / name
    return {str(path.relative_to(out)): sha256_of_file(path) for path in sorted(out.rglob("*")) if path.is_file()}
