"""The stage: a trained adapter and its metrics in; sealed weights, card and lineage out."""

import json
import shutil
from pathlib import Path
from typing import Any

from stages.entry import require
from stages.lineage.form import NAME, SCHEMA, Lineage, parse_lineage, seal_of, text_of
from stages.lineage.tensors import write_sealed
from stages.record import new_folder
from stages.seal.card import CARD, render_card
from stages.seal.gathering import Upstream, adapter_of, base_of, environment_of, parent_of, seeds_of
from stages.seal.parameters import SealedRecipe
from stages.seal.privacy import require_private
from stages.seal.run_record import note_run, now

VOCABULARY = ("tokenizer.json", "vocab.json")  # words of a language, where anything may be written


def run(
    params: SealedRecipe,
    *,
    name: str,
    trained: Path,
    metrics: Path,
    base: Path,
    project: Path,
    out: Path,
    seal: Path,
) -> None:
    """Write the adapter folder of recipe `name` to `out` and the same lineage to `seal`.

    Both are the same for the same inputs; when and where it was done goes to `.scratch/runs`.
    """
    started = now()
    lineage = make_lineage(params, name=name, trained=trained, metrics=metrics, base=base, project=project)
    text, card = text_of(lineage.document()), render_card(lineage)
    configurations = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(trained.glob("*.json"))
        if path.name not in VOCABULARY
    }
    require_private({NAME: text, CARD: card, **configurations})
    new_folder(out)
    for file in lineage.adapter.files:
        target = out / file
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.endswith(".safetensors"):
            write_sealed(trained / file, target, lineage.seal)
        else:
            shutil.copyfile(trained / file, target)
    (out / CARD).write_text(card, encoding="utf-8")
    (out / NAME).write_text(text, encoding="utf-8")
    seal.parent.mkdir(parents=True, exist_ok=True)
    seal.write_text(text, encoding="utf-8")
    note_run(project, lineage.adapter.digest, lineage.seal, started)
    print(f"sealed {name}: adapter {lineage.adapter.digest[:12]}, seal {lineage.seal[:12]}")


def make_lineage(
    params: SealedRecipe, *, name: str, trained: Path, metrics: Path, base: Path, project: Path
) -> Lineage:
    """The closed lineage of a trained adapter; UserError when something that it names is missing."""
    found = json.loads(require(metrics, "evaluate writes it; run `dvc repro` for it.").read_text(encoding="utf-8"))
    require(trained, "`train` writes it; run `dvc repro` for it, or `dvc checkout`.")
    before = Upstream(project, name)
    before.require_made(f"models/trained/{name}", trained)
    before.require_made(f"reports/metrics/{name}.json", metrics)
    parent = parent_of(params, project)
    base_path = f"models/base/{params.base}"
    elsewhere = {base_path, f"models/trained/{name}", *([parent.path] if parent else [])}
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "recipe": name,
        "objective": params.objective,
        "task": params.task,
        "adapter": adapter_of(trained).model_dump(),
        "base": base_of(params, base, base_path, before.nodes).model_dump(),
        "parent": parent.model_dump() if parent else None,
        "stages": [stage.model_dump(mode="json") for stage in before.stages()],
        "inputs": {path: digest.model_dump() for path, digest in before.inputs(elsewhere).items()},
        "outs": {path: one.model_dump() for path, one in before.outs(elsewhere).items()},
        "data": before.data(params, name, trained / "consumed.parquet").model_dump(mode="json"),
        "seeds": {key: list(seed) if isinstance(seed, tuple) else seed for key, seed in seeds_of(before.nodes).items()},
        "environment": _dumped(environment_of(trained)),
        "metrics": found,
    }
    closed = {**document, "seal": seal_of(document)}
    return parse_lineage(json.dumps(closed, ensure_ascii=False).encode(), f"the lineage of {name}")


def _dumped(value: Any) -> Any:
    return None if value is None else value.model_dump()
