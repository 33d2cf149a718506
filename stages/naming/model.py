"""The language model and its tokenizer, from an embedded base or the hub at a pinned revision."""

from pathlib import Path
from typing import Any

from stages.bases import TOKENIZER, explained, load_part, part_location
from stages.params import UserError
from stages.recipe import Model, Training


def load_language(base: Path, model: Model, settings: Training, device: str) -> Any:
    """The causal LM, frozen, as training and evaluation both use it: NF4 unless `settings.quantisation` is "none".

    Quantised by bitsandbytes (Dettmers et al. 2023, arXiv:2305.14314), on the CPU too. The embedding and the head
    stay in `compute_dtype`: in Gemma they are one matrix. Attention is `eager`: it takes the masks by which many
    names are scored at once, and a softcap.
    """
    return load_in(
        base,
        model,
        quantisation=settings.quantisation,
        double=settings.double_quantisation,
        dtype=settings.compute_dtype,
        device=device,
    )


def load_in(base: Path, model: Model, *, quantisation: str, double: bool, dtype: str, device: str) -> Any:
    """As `load_language`, each number given on its own."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

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
    more = {"quantization_config": config, "attn_implementation": "eager"}
    return load_part(AutoModelForCausalLM, base, model, kind, device, TOKENIZER, **more)


def load_tokenizer(base: Path, model: Model) -> Any:
    """The base's tokenizer, padding on the left (generation appends on the right); UserError when it can't serve."""
    from transformers import AutoTokenizer

    where, revision = part_location(base, model, TOKENIZER)
    with explained(model):
        tokenizer = AutoTokenizer.from_pretrained(where, revision=revision)
    for kind in ("pad", "eos"):
        if getattr(tokenizer, f"{kind}_token_id") is None:
            raise UserError(
                f"{where}/tokenizer_config.json names no {kind}_token: batches can't be made; add "
                f'"{kind}_token" with a token of the vocabulary.'
            )
    if not tokenizer.is_fast:
        raise UserError(f"the tokenizer of {where} has no tokenizer.json (a fast one): a base with one is needed.")
    tokenizer.padding_side = "left"
    return tokenizer
