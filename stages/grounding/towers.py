"""The frozen parts: a language model and a CLIP, from an embedded base or the hub at a pinned revision.

An embedded base has two folders, `language/` and `vision/` (a whole CLIP). Quantised NF4 through
bitsandbytes, on the CPU too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.bases import TOKENIZER, explained, load_part, part_location
from stages.grounding import RET
from stages.params import UserError
from stages.recipe import Model

if TYPE_CHECKING:
    from torch import Tensor


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
    return load_part(AutoModelForCausalLM, folder, model, kind, device, {}, quantization_config=config)


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

    clip = load_part(CLIPModel, folder, model, getattr(torch, dtype), device, TOKENIZER)
    where, revision = part_location(folder, model, TOKENIZER)
    with explained(model):
        tokenizer = AutoTokenizer.from_pretrained(where, revision=revision)
    return ClipRetrieval(clip, tokenizer)


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
