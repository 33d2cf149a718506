"""`plumbline recipe add --like` a grounding recipe: another captioned set, other frozen parts, and their features."""

import re
from typing import Any

from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

from stages.cli.parameters import PARAMS, available, commit, section
from stages.grounding.recipe import GroundingRecipe
from stages.params import UserError

HUB = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
HUB_TRAIN: dict[str, Any] = {  # the published run's, but for the batch: a search has few entities
    "visual_tokens": 1,
    "learning_rate": 0.0003,
    "warmup_steps": 100,
    "renormalise_ret": True,
    "per_device_train_batch_size": 8,
}
HUB_REASON = "these are FROMAGe's own numbers (arXiv:2301.13823), in batches as small as one collection's entities"


def rewrite(
    row: Any,
    source: GroundingRecipe,
    name: str,
    *,
    dataset: str | None,
    base: str | None,
    revision: str | None,
    vision: str | None,
    vision_revision: str | None,
    notes: list[str],
) -> dict[str, Any] | None:
    """Change `row` in place; the row to add under `features:`, or None where the one of `source` does."""
    if (base is None) != (vision is None):
        raise UserError("--base names the language model and --vision the tower: give both, or neither.")
    if dataset is not None:
        captioned = section("caption")
        if dataset not in captioned:
            known = ", ".join(captioned) or "none"
            raise UserError(f"--dataset {dataset}: {PARAMS} has no row `caption.{dataset}` (there is: {known}).")
        row["source"], row["dataset"] = "caption", dataset
        if captioned[dataset].get("dialogues", "none") == "none" and row["train"]["weights"].get("dialogue"):
            row["train"]["weights"]["dialogue"] = 0.0
            notes.append(f"train.weights.dialogue -> 0: `caption.{dataset}` names no dialogues")
    if base is not None and vision is not None:
        row["base"] = "hub"
        for part, model, given in (("language", base, revision), ("vision", vision, vision_revision)):
            row["model"][part] = _pinned(part, model, given, notes)
        changed = [key for key, value in HUB_TRAIN.items() if row["train"].get(key) != value]
        for key in changed:
            notes.append(f"train.{key} {row['train'].get(key)} -> {HUB_TRAIN[key]}")
            row["train"][key] = HUB_TRAIN[key]
        if changed:
            notes.append(f"because {HUB_REASON}")
    if (row["dataset"], row["base"]) == (source.dataset, source.base):
        return None
    row["features"] = name
    return {key: row[key] for key in ("source", "dataset", "base")} | {"model": dict(row["model"]["vision"])}


def _pinned(part: str, model: str, revision: str | None, notes: list[str]) -> dict[str, Any]:
    """A hub model with its commit: as given, or as `available:` knows it."""
    if not HUB.fullmatch(model):
        raise UserError(f"the {part} model {model} is no hub id (owner/name); an embedded base has both parts already.")
    listed = available().get(model)
    if listed is None:
        notes.append(f"{model} is not under `available:`: check that it is an OPT-like language model, or a CLIP")
    return {"id": model, "revision": Quoted(commit(model, revision or (listed.revision if listed else None)))}
