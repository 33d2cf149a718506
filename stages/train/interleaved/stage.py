"""The stage: a base and tokenized rows in, an adapter and the rows it consumed out."""

import json
import warnings
from pathlib import Path
from typing import Any

from stages.bases import load_processor, load_quantised, pick_device, without_known_noise
from stages.checked import check_folder
from stages.interleaved.choice import choose_rows, short_labels
from stages.interleaved.contexts import Contexts
from stages.interleaved.model import Inputs, Views
from stages.interleaved.recipe import InterleavedRecipe, Train
from stages.params import UserError
from stages.record import new_folder
from stages.shards import ShardReader
from stages.threads import set_threads
from stages.tokenize.interleaved.rows import read_tokenized
from stages.train.checkpoints import Checkpoints
from stages.train.consumed import check_consumed, write_consumed
from stages.train.environment import environment_of, write_environment
from stages.train.identity import key_of
from stages.train.interleaved.batches import Collator, Rows
from stages.train.loop import fit, write_curve
from stages.train.plan import plan_rows
from stages.train.qlora import add_adapter, answer_loss, save_adapter

ON_A_CPU = "adamw_torch"


def run(params: InterleavedRecipe, *, tokenized: Path, features: Path, base: Path, parent: Path, out: Path) -> None:
    """Train, check that the consumed rows are the planned ones, and write the adapter folder.

    `features` and `parent` are placeholders here: these recipes read their pictures, and start from the base.
    """
    with without_known_noise():  # this brings bitsandbytes, which speaks when it is imported
        from transformers import set_seed

    threads = set_threads()
    device = pick_device(params.train.device)
    settings = for_device(params.train, device)
    check_folder(tokenized)  # every picture too, before the long part
    known = read_tokenized(tokenized, "train")
    if not known:
        raise UserError(f"{tokenized} has no rows of split `train`: look into the drops of `curate`.")
    rows = choose_rows(known, settings.per_class, settings.seed)
    for label, count in short_labels(known, settings.per_class).items():
        print(f"train: {label} has {count} rows, `train.per_class` is {settings.per_class}; all are used")
    set_seed(settings.seed)  # before anything random is built: the adapter's first weights too
    processor = load_processor(base, params.model)
    model = add_adapter(load_quantised(base, params.model, settings, device), settings, params.model)
    plan = plan_rows(len(rows), settings)

    inputs = {"tokenized": tokenized, "features": features, "base": base, "parent": parent}
    key = key_of(params, settings, environment_of(device, threads), out, inputs)
    with Checkpoints(key, out) as kept:
        with ShardReader(tokenized) as shards:
            collate = Collator(Inputs(processor), Views(shards))
            planned = Rows(rows, plan, Contexts(rows, "random", settings.seed), settings.context_examples)
            consumed, history = fit(model, planned, collate, answer_loss, settings, device, kept)
        ids = [rows[plan[position]].id for position in consumed]
        check_consumed([rows[row].id for row in plan], ids)

        new_folder(out)
        save_adapter(model, out)
        (out / "README.md").unlink(missing_ok=True)  # peft's empty card; the card comes with the seal
        processor.save_pretrained(out)
        write_consumed(out / "consumed.parquet", ids, settings.rows_a_step)
        write_curve(out / "loss.csv", history)
        write_environment(out / "environment.json", device, threads)
        (out / "plumbline.json").write_text(json.dumps(what_predict_needs(params), indent=1) + "\n", encoding="utf-8")
        print(f"train: {len(ids)} rows consumed as planned ({len(set(ids))} distinct)")
        kept.finish()


def for_device(settings: Train, device: str) -> Train:
    """`settings` with an optimiser that runs on `device`: bitsandbytes's 8-bit and paged ones need a GPU.

    Paging moves the optimiser's state to the CPU's memory (Dettmers et al. 2023, arXiv:2305.14314): on a
    CPU there is nothing to move, and an adapter's state is small.
    """
    if device == "cpu" and ("8bit" in settings.optim or "paged" in settings.optim):
        warnings.warn(
            f"`train.optim: {settings.optim}` needs a GPU; on this CPU {ON_A_CPU} is used.", UserWarning, stacklevel=2
        )
        return settings.model_copy(update={"optim": ON_A_CPU})
    return settings


def what_predict_needs(params: InterleavedRecipe) -> dict[str, Any]:
    """What an adapter folder must say for `plumbline predict` to use it as it was trained."""
    settings = params.train
    return {
        "objective": params.objective,
        "task": params.task,
        "base": params.base,
        "model": params.model.model_dump(),
        "tokenize": params.tokenize.model_dump(),
        "quantisation": settings.quantisation,
        "double_quantisation": settings.double_quantisation,
        "compute_dtype": settings.compute_dtype,
    }
