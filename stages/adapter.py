"""Adapters: what may stand in adapter_config.json before peft reads it, and putting one on a base.

peft's configuration can name modules to import, other initialisations to compute and patterns to
match. An adapter of ours is plain LoRA, so everything else must have peft's default value.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.bases import without_known_noise
from stages.params import UserError


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _text_or_null(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


ALLOWED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "peft_type": ('"LORA"', lambda value: value == "LORA"),
    "task_type": ('"CAUSAL_LM" or null', lambda value: value in ("CAUSAL_LM", None)),
    "r": ("a positive number", _positive),
    "lora_alpha": ("a positive number", _positive),
    "lora_dropout": ("a number from 0 to 1", lambda value: _positive(value) or value == 0),
    "target_modules": ("a list of module names", _texts),
    "use_rslora": ("true or false", _flag),
    "inference_mode": ("true or false", _flag),
    "init_lora_weights": ('true, false or "gaussian"', lambda value: _flag(value) or value == "gaussian"),
    "base_model_name_or_path": ("a name or null", _text_or_null),
    "revision": ("a commit or null", _text_or_null),
    "peft_version": ("a version or null", _text_or_null),
}


def check_adapter(folder: Path) -> None:
    """UserError unless `folder` holds a plain LoRA adapter in safetensors and nothing that peft would run."""
    with without_known_noise():  # this brings bitsandbytes, which speaks when it is imported
        from peft import LoraConfig

    path = folder / "adapter_config.json"
    for needed in (path, folder / "adapter_model.safetensors"):
        if not needed.is_file():
            raise UserError(f"{needed} is missing: an adapter folder holds it; run `dvc checkout`, or train it anew.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no valid JSON ({error}): run `dvc checkout`, or train the adapter anew.") from error
    if not isinstance(config, dict):
        raise UserError(f"{path} must be an object, found {type(config).__name__}: train the adapter anew.")
    defaults = LoraConfig().to_dict()
    for key, value in config.items():
        if key in ALLOWED:
            what, fits = ALLOWED[key]
            if not fits(value):
                raise UserError(
                    f"{path}: `{key}` = {value!r} is not allowed: {what}; don't load adapters you don't trust."
                )
        elif key not in defaults:
            raise UserError(
                f"{path}: `{key}` is not known to plain LoRA; allowed are {', '.join(sorted(ALLOWED))}, and peft's "
                "defaults for the rest. Save the adapter with the peft of this environment."
            )
        elif value != defaults[key]:
            raise UserError(
                f"{path}: `{key}` = {value!r} is not allowed: it must be {defaults[key]!r} (plain LoRA only); "
                "don't load adapters you don't trust."
            )


def attach(model: Any, folder: Path) -> Any:
    """The base `model` with the checked adapter of `folder` on it, for inference."""
    from peft import PeftModel

    check_adapter(folder)
    with without_known_noise():
        return PeftModel.from_pretrained(model, str(folder), torch_device=str(model.device), is_trainable=False)
