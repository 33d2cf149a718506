"""QLoRA on answers: the loss is on what the model should say, and nothing else.

Dettmers et al. 2023 (arXiv:2305.14314), through bitsandbytes, peft and Trainer.
"""

import json
from pathlib import Path
from typing import Any

from stages.bases import without_known_noise
from stages.params import UserError
from stages.recipe import Model, QLoRA


def add_adapter(model: Any, settings: QLoRA, base: Model) -> Any:
    """LoRA (Hu et al. 2021, arXiv:2106.09685) on `target_modules`; everything else stays frozen."""
    from peft import LoraConfig, get_peft_model

    names = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    unknown = sorted(set(settings.target_modules) - names)
    if unknown:
        linear = sorted({n.rsplit(".", 1)[-1] for n, m in model.named_modules() if "Linear" in type(m).__name__})
        raise UserError(
            f"`train.target_modules` names {', '.join(unknown)}, which {base.id} has not; "
            f"its linear layers: {', '.join(linear)}."
        )
    config = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=list(settings.target_modules),
        revision=base.revision,
        task_type="CAUSAL_LM",
    )
    with without_known_noise():
        adapted = get_peft_model(model, config)
    adapted.peft_config["default"].base_model_name_or_path = base.id  # not this machine's folder
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
