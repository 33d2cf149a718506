"""The frozen parts: a language model and a CLIP, from an embedded base or the hub at a pinned revision.

An embedded base has two folders, `language/` and `vision/` (a whole CLIP). Quantised NF4 through
bitsandbytes, on the CPU too.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.bases import explained
from stages.grounding import RET
from stages.params import UserError
from stages.recipe import Model

if TYPE_CHECKING:
    from torch import Tensor

Needed = dict[str, tuple[str, tuple[str, ...]]]  # file: what it is, other names of the same

WEIGHTS: Needed = {
    "config.json": ("the configuration", ()),
    "model.safetensors": ("the weights", ("model.safetensors.index.json",)),
}
TOKENIZER: Needed = {"tokenizer.json": ("the tokenizer", ("vocab.json",))}
PICTURES: Needed = {"preprocessor_config.json": ("how pictures are prepared", ("processor_config.json",))}


def load_language(folder: Path, model: Model, *, quantisation: str, double: bool, dtype: str, device: str) -> Any:
    """The causal LM in `dtype`, its linear layers in NF4 (Dettmers et al. 2023) unless `quantisation` is "none".

    The embedding and the head stay in `dtype`: they are one matrix in OPT, and [RET] stands beside its rows.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    if quantisation not in ("nf4", "none"):
        raise UserError(f"`quantisation` = {quantisation!r} is not known; allowed: nf4, none.")
    kind = getattr(torch, dtype)
    config = None
    if quantisation == "nf4":
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=double,
            bnb_4bit_compute_dtype=kind,
            llm_int8_skip_modules=["lm_head"],
        )
    return _load(AutoModelForCausalLM, folder, model, WEIGHTS, kind, device, quantization_config=config)


def load_vision(folder: Path, model: Model, *, dtype: str, device: str) -> Any:
    """CLIP's vision tower alone; its pooled output is what FROMAGe calls features."""
    import torch
    from transformers import CLIPVisionModel

    return _load(CLIPVisionModel, folder, model, WEIGHTS, getattr(torch, dtype), device)


@dataclass(frozen=True)
class ClipRetrieval:
    """The frozen CLIP's own shared space, to stand beside FROMAGe's: embeddings of length 1, in float32."""

    clip: Any
    tokenizer: Any

    def texts(self, texts: list[str]) -> "Tensor":
        """(texts, projection width); a text longer than CLIP's positions (77 in the released ones) is cut."""
        import torch
        from torch.nn.functional import normalize

        room = self.clip.config.text_config.max_position_embeddings
        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=room, return_tensors="pt")
        with torch.no_grad():
            pooled = self.clip.text_model(**batch.to(self.clip.device)).pooler_output
            return normalize(self.clip.text_projection(pooled).float(), dim=-1)

    def images(self, features: "Tensor") -> "Tensor":
        """(pictures, projection width), of the tower's pooled output (`Fromage.features_of`)."""
        import torch
        from torch.nn.functional import normalize

        with torch.no_grad():
            given = features.to(self.clip.device, self.clip.dtype)
            return normalize(self.clip.visual_projection(given).float(), dim=-1)


def load_clip_text(folder: Path, model: Model, *, dtype: str, device: str) -> ClipRetrieval:
    """CLIP's text tower with both projections, and its tokenizer."""
    import torch
    from transformers import AutoTokenizer, CLIPModel

    clip = _load(CLIPModel, folder, model, WEIGHTS | TOKENIZER, getattr(torch, dtype), device)
    where, revision = part_location(folder, model, TOKENIZER)
    with explained(model):
        tokenizer = AutoTokenizer.from_pretrained(where, revision=revision)
    return ClipRetrieval(clip, tokenizer)


def image_processor(folder: Path, model: Model) -> Any:
    """CLIP's own preparation of a picture, on Pillow (no torchvision needed)."""
    from transformers import AutoImageProcessor

    where, revision = part_location(folder, model, PICTURES)
    with explained(model):
        return AutoImageProcessor.from_pretrained(where, revision=revision, backend="pil")


def tokenizer_of(folder: Path, model: Model) -> Any:
    """The language model's tokenizer with [RET] as its last token; its id is what `ret_id` must be.

    [RET] is a special token: `skip_special_tokens` leaves it out, and `split_special_tokens=True` reads the
    letters "[RET]" of somebody's caption as letters. Padding is on the left; generation appends on the right.
    """
    from transformers import AddedToken, AutoTokenizer

    where, revision = part_location(folder, model, TOKENIZER)
    with explained(model):
        tokenizer = AutoTokenizer.from_pretrained(where, revision=revision)
    for kind in ("pad", "eos"):
        if getattr(tokenizer, f"{kind}_token_id") is None:
            raise UserError(
                f"{where}/tokenizer_config.json names no {kind}_token: batches can't be made; add "
                f'"{kind}_token" with a token of the vocabulary.'
            )
    tokenizer.add_tokens([AddedToken(RET, special=True, normalized=False)], special_tokens=True)
    ret_id = tokenizer.convert_tokens_to_ids(RET)
    if ret_id != len(tokenizer) - 1:
        raise UserError(
            f"{where}/tokenizer.json already has {RET} as token {ret_id} of {len(tokenizer)}; the model needs it to be "
            "the last one. Take the base's own tokenizer."
        )
    tokenizer.padding_side = "left"
    return tokenizer


def part_location(folder: Path, model: Model, needed: Needed) -> tuple[str, str | None]:
    """(folder or hub id, revision); UserError when an embedded part lacks a file."""
    if model.on_hub:
        return model.id, model.revision
    if not folder.is_dir():
        raise UserError(f"base {folder} is missing: `git checkout {folder}`, or `dvc repro foundation`.")
    for name, (what, others) in needed.items():
        if not any((folder / file).is_file() for file in (name, *others)):
            raise UserError(
                f"base {folder} has no {name} ({what}): `git checkout {folder}`, or `dvc repro foundation`; "
                "a copied folder needs every file of the original."
            )
    return str(folder), None


def _load(kind: Any, folder: Path, model: Model, needed: Needed, dtype: Any, device: str, **more: Any) -> Any:
    """A part as it is used: frozen, in evaluation mode, on its device; UserError when a weight is missing.

    transformers fills a missing weight at random and says so in a report, which also lists the half of CLIP
    that a tower leaves aside. Here the first is an error and the second is nothing to report.
    """
    from safetensors import SafetensorError

    where, revision = part_location(folder, model, needed)
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
