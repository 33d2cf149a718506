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
from stages.recipe import Model, Training

Needed = dict[str, tuple[str, tuple[str, ...]]]  # file: what it is, other names of the same

CONFIG: Needed = {"config.json": ("the model's configuration", ())}
WEIGHTS: Needed = {"model.safetensors": ("the weights", ("model.safetensors.index.json",))}  # or in several files
TOKENIZER: Needed = {"tokenizer.json": ("the tokenizer", ("vocab.json",))}
PROCESSOR: Needed = {"processor_config.json": ("the processor", ("preprocessor_config.json",))}  # older ones' name
PICTURES: Needed = {"preprocessor_config.json": ("how pictures are prepared", ("processor_config.json",))}


def base_location(base: Path, model: Model) -> tuple[str, str | None]:
    """(folder or hub id, revision) of a base that is one model with its processor."""
    return part_location(base, model, CONFIG | WEIGHTS | TOKENIZER | PROCESSOR)


def part_location(folder: Path, model: Model, needed: Needed) -> tuple[str, str | None]:
    """(folder or hub id, revision); UserError when an embedded base, or a part of one, lacks a file."""
    if model.on_hub:
        return model.id, model.revision
    remedy = f"`git checkout {folder}`, or train it anew with `dvc repro foundation`"
    if not folder.is_dir():
        raise UserError(f"base {folder} is missing: {remedy}.")
    for name, (what, others) in needed.items():
        if not any((folder / file).is_file() for file in (name, *others)):
            raise UserError(
                f"base {folder} has no {name} ({what}): {remedy}; a copied folder needs every file of the original."
            )
    return str(folder), None


def load_part(kind: Any, folder: Path, model: Model, dtype: Any, device: str, needed: Needed, **more: Any) -> Any:
    """A frozen part of a model, in evaluation mode, on its device; UserError when a weight is missing.

    transformers fills a missing weight at random and says so in a report, which also lists the half of a
    CLIP that a tower leaves aside. Here the first is an error and the second is nothing to report.
    """
    from safetensors import SafetensorError

    where, revision = part_location(folder, model, CONFIG | WEIGHTS | needed)
    try:
        with explained(model), _without_report():
            part, found = kind.from_pretrained(
                where, revision=revision, dtype=dtype, device_map={"": device}, output_loading_info=True, **more
            )
    except SafetensorError as error:
        raise UserError(f"the weights of {where} can't be read ({error}); restore them from their source.") from error
    if found["missing_keys"]:
        missing = sorted(found["missing_keys"])
        raise UserError(
            f"the weights of {where} lack {len(missing)} tensors of {kind.__name__}, {missing[0]} first: "
            "they are of another model, or a part of one; restore the folder, or check the id."
        )
    return part.requires_grad_(False).eval()


@contextmanager
def _without_report() -> Iterator[None]:
    logger = logging.getLogger("transformers.modeling_utils")
    logger.addFilter(_no_report)
    try:
        yield
    finally:
        logger.removeFilter(_no_report)


def _no_report(record: logging.LogRecord) -> bool:
    return "LOAD REPORT" not in record.getMessage()


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


def load_quantised(base: Path, model: Model, settings: Training, device: str) -> Any:
    """The base exactly as training and evaluation both use it."""
    return load_model(
        base,
        model,
        quantisation=settings.quantisation,
        double=settings.double_quantisation,
        compute_dtype=settings.compute_dtype,
        device=device,
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
