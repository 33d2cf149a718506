"""The stage: a base and tokenized rows in, an adapter and the rows it consumed out."""

import json
from pathlib import Path
from typing import Any

from stages.answers.recipe import AnswerRecipe, Train
from stages.bases import load_model, load_processor, pick_device, without_known_noise
from stages.params import UserError
from stages.record import new_folder
from stages.shards import ShardReader
from stages.threads import set_threads
from stages.tokenize.answers.rows import read_tokenized
from stages.train.answers.batches import Collator, Rows
from stages.train.answers.plan import plan_rows
from stages.train.consumed import check_consumed, write_consumed
from stages.train.loop import fit, write_curve


def run(params: AnswerRecipe, *, tokenized: Path, features: Path, base: Path, parent: Path, out: Path) -> None:
    """Train, check that the consumed rows are the planned ones, and write the adapter folder.

    `features` and `parent` are placeholders here: these recipes read their pictures, and start from the base.
    """
    with without_known_noise():  # this brings bitsandbytes, which speaks when it is imported
        from transformers import set_seed

    set_threads()
    settings = params.train
    rows = read_tokenized(tokenized, "train")
    if not rows:
        raise UserError(f"{tokenized} has no rows of split `train`: look into the drops of `curate`.")
    device = pick_device(settings.device)
    set_seed(settings.seed)  # before anything random is built: the adapter's first weights too
    processor = load_processor(base, params.model)
    model = add_adapter(load_quantised(base, params, device), settings, params)
    plan = plan_rows(len(rows), settings)

    with ShardReader(tokenized) as views:
        collate = Collator(processor, views)
        consumed, history = fit(model, Rows(rows, plan), collate, answer_loss, settings, device)
    ids = [rows[plan[position]].id for position in consumed]
    check_consumed([rows[row].id for row in plan], ids)

    new_folder(out)
    save_adapter(model, out)
    (out / "README.md").unlink(missing_ok=True)  # peft's empty card; the card comes with the seal
    processor.save_pretrained(out)
    write_consumed(out / "consumed.parquet", ids, settings.rows_a_step)
    write_curve(out / "loss.csv", history)
    (out / "plumbline.json").write_text(json.dumps(what_predict_needs(params), indent=1) + "\n", encoding="utf-8")
    print(f"train: {len(ids)} rows consumed as planned ({len(set(ids))} distinct), adapter in {out}")


def load_quantised(base: Path, params: AnswerRecipe, device: str) -> Any:
    """The base exactly as training and evaluation both use it."""
    settings = params.train
    return load_model(
        base,
        params.model,
        quantisation=settings.quantisation,
        double=settings.double_quantisation,
        compute_dtype=settings.compute_dtype,
        device=device,
    )


def add_adapter(model: Any, settings: Train, params: AnswerRecipe) -> Any:
    """LoRA (Hu et al. 2021, arXiv:2106.09685) on `target_modules`; everything else stays frozen."""
    from peft import LoraConfig, get_peft_model

    names = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    unknown = sorted(set(settings.target_modules) - names)
    if unknown:
        linear = sorted({n.rsplit(".", 1)[-1] for n, m in model.named_modules() if "Linear" in type(m).__name__})
        raise UserError(
            f"`train.target_modules` names {', '.join(unknown)}, which {params.model.id} has not; "
            f"its linear layers: {', '.join(linear)}."
        )
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=list(settings.target_modules),
        revision=params.model.revision,
        task_type="CAUSAL_LM",
    )
    with without_known_noise():
        adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = params.model.id  # not this machine's folder
    return adapted


def save_adapter(model: Any, out: Path) -> None:
    """peft's two files. It keeps `target_modules` as a set, whose order differs from run to run: sorted here."""
    model.save_pretrained(out, save_embedding_layers=False)
    path = out / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def answer_loss(model: Any, inputs: dict[str, Any]) -> Any:
    """Mean cross-entropy over answer tokens, as the model's own loss; logits only where labels are.

    The hidden states are flattened before lm_head: with a batch dimension, a frozen head's weight is
    copied once a row.
    """
    import torch.nn.functional as functional

    inner = getattr(model, "module", model)
    inner = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
    labels = inputs["labels"][:, 1:]
    hidden = inner.model(**{name: value for name, value in inputs.items() if name != "labels"}, use_cache=False)
    asked = labels != -100
    logits = inner.lm_head(hidden.last_hidden_state[:, :-1][asked])
    return functional.cross_entropy(logits.float(), labels[asked])


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
