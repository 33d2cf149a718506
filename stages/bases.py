"""Base models: an embedded folder, or a hub model by id and pinned revision. Same loading code.

Nothing here runs remote code; a hub model that is gated says where its licence is accepted.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.params import UserError
from stages.recipe import Model

NEEDED = {
    "config.json": "the model's configuration",
    "model.safetensors": "the weights",
    "tokenizer.json": "the tokenizer",
    "processor_config.json": "the processor",
}


def base_location(base: Path, model: Model) -> tuple[str, str | None]:
    """(folder or hub id, revision); UserError when an embedded base lacks a file."""
    if model.on_hub:
        return model.id, model.revision
    if not base.is_dir():
        raise UserError(f"base {base} is missing: `git checkout {base}`, or train it anew with `dvc repro foundation`.")
    for name, what in NEEDED.items():
        if not any(path.is_file() for path in _alternatives(base, name)):
            raise UserError(
                f"base {base} has no {name} ({what}): `git checkout {base}`, or `dvc repro foundation`; "
                "a copied folder needs every file of the original."
            )
    return str(base), None


def _alternatives(base: Path, name: str) -> list[Path]:
    """Names that transformers accepts for the same thing (sharded weights, older processors)."""
    others = {
        "model.safetensors": ["model.safetensors.index.json"],
        "processor_config.json": ["preprocessor_config.json"],
    }
    return [base / name, *(base / other for other in others.get(name, []))]


def load_processor(base: Path, model: Model) -> Any:
    """The base's processor, on Pillow (no torchvision needed)."""
    from transformers import AutoProcessor

    where, revision = base_location(base, model)
    with explained(model):
        processor = AutoProcessor.from_pretrained(where, revision=revision)
    processor.tokenizer.padding_side = "left"  # generation appends on the right
    return processor


def load_model(base: Path, model: Model, *, quantisation: str, double: bool, compute_dtype: str, device: str) -> Any:
    """The base, NF4-quantised through bitsandbytes (on the CPU too) unless `quantisation` is "none".

    The output head and the image embedding stay in `compute_dtype`: they are small, and bitsandbytes
    replaces torch.nn.Linear only.
    """
    import torch
    from transformers import AutoModelForImageTextToText, BitsAndBytesConfig

    where, revision = base_location(base, model)
    dtype = getattr(torch, compute_dtype)
    config = None
    if quantisation == "nf4":
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=double,
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=["lm_head", "multi_modal_projector"],
        )
    with explained(model):
        return AutoModelForImageTextToText.from_pretrained(
            where,
            revision=revision,
            dtype=dtype,
            quantization_config=config,
            device_map={"": device},
            attn_implementation="eager",
        )


def pick_device(wanted: str) -> str:
    """ "auto" is the first GPU that is visible, else the CPU."""
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("device `cuda` was asked for, but no GPU is visible here; set it to `auto` or `cpu`.")
    return "cuda:0" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def compute_as_in_training(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit weights for AVX512-BF16 when a model is only read.

    The repacked kernel exists on some CPUs alone, computes something slightly different there, and
    fails for widths that 64 does not divide.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


@contextmanager
def without_known_noise() -> Iterator[None]:
    """Leave out what the libraries say of choices made on purpose, and of their own use of each other.

    No torchvision (Pillow's processors are used); no `kernels` (bitsandbytes would fetch code from the
    hub at import); peft asking transformers by an older name.
    """
    logger, leave_out = logging.getLogger("bitsandbytes.backends.cpu.ops"), _NotAboutKernels()
    logger.addFilter(leave_out)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*torchvision.*")
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
            yield
    finally:
        logger.removeFilter(leave_out)


class _NotAboutKernels(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return "pip install kernels" not in record.getMessage()


@contextmanager
def explained(model: Model) -> Iterator[None]:
    """Turn the hub's refusals into what to do about them."""
    try:
        with without_known_noise():
            yield
    except OSError as error:
        text = str(error)
        if not model.on_hub:
            raise UserError(f"base {model.id} can't be loaded: {text.splitlines()[0]}") from error
        page = f"https://huggingface.co/{model.id}"
        if any(sign in text for sign in ("gated", "401", "403", "restricted")):
            raise UserError(
                f"{model.id} is gated: accept its licence at {page}, then set HF_TOKEN to a token that may read it."
            ) from error
        raise UserError(
            f"{model.id} at revision {model.revision} can't be loaded ({text.splitlines()[0]}); "
            f"check id and revision at {page}, and that this machine reaches the hub."
        ) from error
