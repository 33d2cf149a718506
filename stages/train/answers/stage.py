"""The stage: a base and tokenized rows in, an adapter and the rows it consumed out."""

import json
from pathlib import Path
from typing import Any

from stages.answers.recipe import AnswerRecipe
from stages.bases import load_processor, load_quantised, pick_device, without_known_noise
from stages.checked import check_folder
from stages.params import UserError
from stages.record import new_folder
from stages.shards import ShardReader
from stages.threads import set_threads
from stages.tokenize.answers.rows import read_tokenized
from stages.train.answers.batches import Collator, Rows
from stages.train.checkpoints import Checkpoints
from stages.train.consumed import check_consumed, write_consumed
from stages.train.environment import environment_of, write_environment
from stages.train.identity import key_of
from stages.train.loop import fit, write_curve
from stages.train.plan import plan_rows
from stages.train.qlora import add_adapter, answer_loss, save_adapter


def run(params: AnswerRecipe, *, tokenized: Path, features: Path, base: Path, parent: Path, out: Path) -> None:
    """Train, check that the consumed rows are the planned ones, and write the adapter folder.

    `features` and `parent` are placeholders here: these recipes read their pictures, and start from the base.
    """
    with without_known_noise():  # this brings bitsandbytes, which speaks when it is imported
        from transformers import set_seed

    threads = set_threads()
    settings = params.train
    check_folder(tokenized)  # every picture too, before the long part
    rows = read_tokenized(tokenized, "train")
    if not rows:
        raise UserError(f"{tokenized} has no rows of split `train`: look into the drops of `curate`.")
    device = pick_device(settings.device)
    set_seed(settings.seed)  # before anything random is built: the adapter's first weights too
    processor = load_processor(base, params.model)
    model = add_adapter(load_quantised(base, params.model, settings, device), settings, params.model)
    plan = plan_rows(len(rows), settings)

    inputs = {"tokenized": tokenized, "features": features, "base": base, "parent": parent}
    key = key_of(params, settings, environment_of(device, threads), out, inputs)
    with Checkpoints(key, out) as kept:
        with ShardReader(tokenized) as views:
            collate = Collator(processor, views)
            consumed, history = fit(model, Rows(rows, plan), collate, answer_loss, settings, device, kept)
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


def what_predict_needs(params: AnswerRecipe) -> dict[str, Any]:
    """What an adapter folder must say for `plumbline predict` to use it as it was trained."""
    settings = params.train
    return {
        "task": params.task,
        "base": params.base,
        "model": params.model.model_dump(),
        "tokenize": params.tokenize.model_dump(),
        "quantisation": settings.quantisation,
        "double_quantisation": settings.double_quantisation,
        "compute_dtype": settings.compute_dtype,
    }
