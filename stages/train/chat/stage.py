"""The stage: frozen parts, cached patches and token rows in; a projector, and LoRA when instructed, out."""

import json
import warnings
from pathlib import Path
from typing import Any

from stages.bases import pick_device, without_known_noise
from stages.chat.build import FACTS, build, parent_of, save_projector
from stages.chat.model import llava_of
from stages.chat.recipe import ChatRecipe, Train
from stages.features.patches import Patches, read_patches
from stages.features.tower import identity_of
from stages.params import UserError
from stages.record import new_folder
from stages.threads import set_threads
from stages.tokenize.chat.encode import KINDS
from stages.tokenize.chat.rows import Tokenized, open_tokenized
from stages.train.chat.batches import Collator, Rows, loss_of
from stages.train.chat.pace import Pace
from stages.train.checkpoints import Checkpoints
from stages.train.consumed import check_consumed, write_consumed
from stages.train.environment import environment_of, write_environment
from stages.train.identity import key_of
from stages.train.loop import fit, write_curve
from stages.train.plan import plan_rows
from stages.train.qlora import add_adapter, save_adapter

ON_A_CPU = "adamw_torch"


def run(params: ChatRecipe, *, tokenized: Path, features: Path, base: Path, parent: Path, out: Path) -> None:
    """Train, check that the consumed rows are the planned ones, and write the adapter folder.

    `parent` is a placeholder unless the recipe names one: the adapter whose projector is started from.
    """
    with without_known_noise():  # this brings bitsandbytes, which speaks when it is imported
        from transformers import set_seed

    threads = set_threads()
    device = pick_device(params.train.device)
    settings = for_device(params.train, device)
    rows = open_tokenized(tokenized, "train", KINDS[params.task])
    if not len(rows):
        raise UserError(f"{tokenized} has no {KINDS[params.task]} of split `train`: look into its drops.csv.")
    ids = rows.column("id")
    cached = read_patches(features, identity_of(base, params.model.vision))
    cached.require(list(zip(ids, rows.column("picture"), strict=True)))  # before the long part
    plan = plan_rows(len(rows), settings)
    set_seed(settings.seed)  # before anything random is built: LoRA's first weights too
    started = None if params.parent == "none" else parent
    model, tokenizer = build(base, params, device, started)
    if started is None:
        begin_at(model, cached, rows)
    model, settings = trainable(model, params, settings)
    projector = llava_of(model).model.multi_modal_projector
    pace = Pace(projector, params.train.projector_rate / settings.learning_rate)

    collate = Collator(cached, tokenizer.pad_token_id)
    inputs = {"tokenized": tokenized, "features": features, "base": base, "parent": parent}
    key = key_of(params, settings, environment_of(device, threads), out, inputs)
    with Checkpoints(key, out) as kept:
        consumed, history = fit(model, Rows(rows, plan), collate, loss_of, settings, device, kept, pace, pace.begin)
        taken = [ids[plan[position]] for position in consumed]
        check_consumed([ids[row] for row in plan], taken)

        new_folder(out)
        save_trained(model, tokenizer, what_predict_needs(params, started), out)
        write_consumed(out / "consumed.parquet", taken, settings.rows_a_step)
        write_curve(out / "loss.csv", history)
        write_environment(out / "environment.json", device, threads)
        print(f"train: {len(taken)} rows consumed as planned ({len(set(taken))} distinct)")
        kept.finish()


def trainable(model: Any, params: ChatRecipe, settings: Train) -> tuple[Any, Train]:
    """The model with what its task trains unfrozen, and the settings with the rate that the loop is to use."""
    if params.train_adapter:
        model = add_adapter(model, settings, params.model.language)
    else:
        settings = settings.model_copy(update={"learning_rate": settings.projector_rate})
    llava_of(model).model.multi_modal_projector.requires_grad_(True)
    return model, settings


def begin_at(model: Any, cached: Patches, rows: Tokenized) -> None:
    """Fit a new projector's beginning to patches of training pictures and to the tokens' embeddings."""
    from stages.chat.projector import SAMPLED, begin

    some = list(dict.fromkeys(rows.column("picture")))
    llava = llava_of(model)
    sample = cached.of([("a sample", digest) for digest in some[:: max(1, len(some) // SAMPLED)][:SAMPLED]])
    begin(llava.model.multi_modal_projector, sample, llava.get_input_embeddings().weight)


def save_trained(model: Any, tokenizer: Any, facts: dict[str, Any], folder: Path) -> None:
    """The projector, LoRA's files if there is any, the tokenizer, and plumbline.json."""
    if hasattr(model, "peft_config"):
        save_adapter(model, folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's empty card; the card comes with the seal
    save_projector(model, folder)
    tokenizer.save_pretrained(folder)
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def for_device(settings: Train, device: str) -> Train:
    """`settings` with an optimiser that runs on `device`: bitsandbytes's 8-bit and paged ones need a GPU."""
    if device == "cpu" and ("8bit" in settings.optim or "paged" in settings.optim):
        warnings.warn(
            f"`train.optim: {settings.optim}` needs a GPU; on this CPU {ON_A_CPU} is used.", UserWarning, stacklevel=2
        )
        return settings.model_copy(update={"optim": ON_A_CPU})
    return settings


def what_predict_needs(params: ChatRecipe, parent: Path | None) -> dict[str, Any]:
    """What an adapter folder must say for it to be used as it was trained, and where its projector came from."""
    settings = params.train
    return {
        "objective": params.objective,
        "task": params.task,
        "base": params.base,
        "pictures": {"source": params.source, "dataset": params.dataset, "features": params.features},
        "model": params.model.model_dump(),
        "tokenize": params.tokenize.model_dump(mode="json"),
        "projector": settings.projector,
        "parent": parent_of(parent, params),
        "quantisation": settings.quantisation,
        "double_quantisation": settings.double_quantisation,
        "compute_dtype": settings.compute_dtype,
    }
