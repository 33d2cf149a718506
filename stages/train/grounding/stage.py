"""The stage: frozen parts, cached features and tokenized captions in; FROMAGe's eight tensors out."""

import json
from pathlib import Path
from typing import Any

from stages.bases import pick_device
from stages.features.store import read_features
from stages.features.tower import identity_of
from stages.grounding.adapter import load_adapter, save_adapter
from stages.grounding.build import build
from stages.grounding.recipe import GroundingRecipe
from stages.params import UserError
from stages.record import new_folder
from stages.threads import set_threads
from stages.tokenize.grounding.encode import Marks
from stages.tokenize.grounding.rows import CaptionRow, DialogueRow, read_tokenized
from stages.train.checkpoints import Checkpoints
from stages.train.consumed import check_consumed, write_consumed
from stages.train.environment import environment_of, write_environment
from stages.train.grounding.batches import Collator, Rows
from stages.train.grounding.objective import weighted
from stages.train.grounding.plan import plan_rows
from stages.train.identity import key_of
from stages.train.loop import fit, write_curve


def run(params: GroundingRecipe, *, tokenized: Path, features: Path, base: Path, parent: Path, out: Path) -> None:
    """Train, check that the consumed rows are the planned ones, and write the adapter folder."""
    threads = set_threads()
    settings = params.train
    rows = read_tokenized(tokenized, CaptionRow, "train")
    if not rows:
        raise UserError(f"{tokenized} has no captions of split `train`: look into its drops.csv.")
    plan = plan_rows([row.entity for row in rows], settings)
    cached = read_features(features, identity_of(base, params.model.vision))
    cached.of([(row.id, row.sha256) for row in rows])  # every picture is there, before the long part
    dialogues = {row.id: row for row in read_tokenized(tokenized, DialogueRow, "train")}
    if settings.weights.dialogue and not dialogues:
        raise UserError(
            f"`train.weights.dialogue` = {settings.weights.dialogue}, but {tokenized} has no dialogue to train on: "
            "set it to 0, or name a file of dialogues in this set's row under `caption:`."
        )
    device = pick_device(settings.device)
    model, tokenizer = build(params, base, cached.width, device)
    if params.parent != "none":
        load_adapter(model, parent)

    marks = Marks.of(tokenizer, settings.visual_tokens)
    inputs = {"tokenized": tokenized, "features": features, "base": base, "parent": parent}
    key = key_of(params, settings, environment_of(device, threads), out, inputs)
    with Checkpoints(key, out) as kept:
        consumed, history = fit(
            model,
            Rows(rows, plan),
            Collator(marks, cached, at_first_captions(rows, dialogues), settings),
            lambda wrapped, batch: weighted(wrapped, batch, settings.weights),
            settings,
            device,
            kept,
            after_step=model.renormalise_ret if settings.renormalise_ret else None,
        )
        ids = [rows[plan[position]].id for position in consumed]
        check_consumed([rows[row].id for row in plan], ids)

        new_folder(out)
        save_adapter(model, out)
        write_consumed(out / "consumed.parquet", ids, settings.rows_a_step)
        write_curve(out / "loss.csv", history)
        write_environment(out / "environment.json", device, threads)
        (out / "plumbline.json").write_text(json.dumps(what_predict_needs(params), indent=1) + "\n", encoding="utf-8")
        print(f"train: {len(ids)} rows consumed as planned ({len(set(ids))} distinct)")
        kept.finish()


def at_first_captions(rows: list[CaptionRow], dialogues: dict[str, DialogueRow]) -> dict[str, DialogueRow]:
    """{caption row id: dialogue}: each picture's dialogue beside its first caption, so that it comes once an epoch."""
    first: dict[str, str] = {}
    for row in rows:
        first.setdefault(row.row, row.id)
    return {first[name]: dialogue for name, dialogue in dialogues.items() if name in first}


def what_predict_needs(params: GroundingRecipe) -> dict[str, Any]:
    """What an adapter folder must say for `plumbline predict` to use it as it was trained."""
    settings = params.train
    return {
        "objective": params.objective,
        "task": params.task,
        "base": params.base,
        "pictures": {"source": params.source, "dataset": params.dataset, "features": params.features},
        "model": params.model.model_dump(),
        "quantisation": settings.quantisation,
        "double_quantisation": settings.double_quantisation,
        "compute_dtype": settings.compute_dtype,
    }
