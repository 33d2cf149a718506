"""A random base for grounding tests: a tiny OPT and a tiny CLIP with tokenizers, in an embedded base's layout."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stages.features.tower import load_tower
from stages.grounding import IMAGE
from stages.grounding.losses import IGNORED
from stages.grounding.model import Fromage
from stages.grounding.towers import load_language, tokenizer_of
from stages.recipe import Model

TINY = Model(id="tiny")
WIDTH, SIDE = 32, 32
PADDED = 7  # rows of OPT's matrix beyond its tokenizer, as in the released ones
READING = (
    "a red creature with two horns stands on grass",
    "a blue bird with a long tail sleeps",
    "Q: what colour is it?\nA: it is green.\nQ: and how many legs?\nA: four.",
)


def make_base(folder: Path, seed: int = 0, padded: int = PADDED, width: int = WIDTH) -> Path:
    """Write `language/` and `vision/` under `folder`; equal seeds make equal weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _language(folder / "language", padded, width)
        _vision(folder / "vision")
    return folder


def _language(folder: Path, padded: int, width: int) -> None:
    from transformers import OPTConfig, OPTForCausalLM

    tokenizer = _tokenizer(["<s>", "<pad>", "</s>", "<unk>"], start="</s>", end=None)
    tokenizer.save_pretrained(folder)
    config = OPTConfig(
        vocab_size=len(tokenizer) + padded,
        hidden_size=width,
        num_hidden_layers=2,
        ffn_dim=2 * width,
        num_attention_heads=2,
        max_position_embeddings=96,
        init_std=0.3,  # so wide that greedy answers differ from row to row
        pad_token_id=1,
        bos_token_id=2,
        eos_token_id=2,
    )
    OPTForCausalLM(config).save_pretrained(folder)


def _vision(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = _tokenizer(["<pad>", "<|startoftext|>", "<unk>", "<|endoftext|>"], "<|startoftext|>", "<|endoftext|>")
    tokenizer.save_pretrained(folder)
    size = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"vocab_size": len(tokenizer), "max_position_embeddings": 40, "bos_token_id": 1}
    CLIPModel(
        CLIPConfig(
            # CLIP pools a text at its end, except that for an eos_token_id of 2 it pools at the highest id.
            text_config={**size, **text, "pad_token_id": 0, "eos_token_id": tokenizer.eos_token_id},
            vision_config={**size, "hidden_size": 48, "image_size": SIDE, "patch_size": 8},
            projection_dim=24,
        )
    ).save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(
        folder
    )


def _tokenizer(special: list[str], start: str, end: str | None) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=sorted(alphabet), show_progress=False
    )
    pieces.train_from_iterator(READING, trainer)
    around = [(token, pieces.token_to_id(token)) for token in (start, end) if token]
    single = f"{start} $A" + (f" {end}" if end else "")
    pieces.post_processor = processors.TemplateProcessing(single=single, special_tokens=around)
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces, pad_token="<pad>", bos_token=start, eos_token=end or "</s>", unk_token="<unk>"
    )


def make_model(base: Path, *, quantisation: str = "none", dtype: str = "float32", **config: Any) -> tuple[Fromage, Any]:
    """A fresh FROMAGe over `base` on the CPU, and its tokenizer."""
    tokenizer = tokenizer_of(base / "language", TINY)
    language = load_language(base / "language", TINY, quantisation=quantisation, double=True, dtype=dtype, device="cpu")
    vision = load_tower(base, TINY, "cpu").vision.to(getattr(torch, dtype))
    names = {"language": TINY.id, "vision": TINY.id, "shared_width": 16}
    return Fromage.over(language, vision, ret_id=len(tokenizer) - 1, seed=1, **(names | config)), tokenizer


def pictures(count: int, seed: int = 0) -> torch.Tensor:
    """Random pixel values (count, 3, SIDE, SIDE)."""
    return torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def interleaved(tokenizer: Any, rows: list[list[str | None]], k: int = 1, side: str = "left") -> tuple[Any, Any]:
    """Ids and mask (rows, longest) of texts and pictures (None), behind one beginning-of-text token a row."""
    lines = []
    for row in rows:
        ids = [tokenizer.bos_token_id]
        for part in row:
            ids += [IMAGE] * k if part is None else tokenizer(part, add_special_tokens=False).input_ids
        lines.append(ids)
    longest = max(map(len, lines))
    padding = [[tokenizer.pad_token_id] * (longest - len(ids)) for ids in lines]
    ones = [[1] * len(ids) for ids in lines]
    zeros = [[0] * len(pad) for pad in padding]
    if side == "right":
        lines, padding, ones, zeros = padding, lines, zeros, ones
    ids = [[*pad, *line] for pad, line in zip(padding, lines, strict=True)]
    mask = [[*zero, *one] for zero, one in zip(zeros, ones, strict=True)]
    return torch.tensor(ids), torch.tensor(mask)


def caption_labels(ids: Tensor, attention_mask: Tensor, *, ret_id: int, unlearnt: Collection[int] = ()) -> Tensor:
    """Labels (n, length) for captions after pictures: pictures, padding and [RET] are left out of the loss.

    [RET] is no part of a caption: a model that describes a picture must not ask for one. `unlearnt` names
    further ids that no position should learn to say (the beginning-of-text token inside a dialogue, say).
    """
    return _labels(ids, attention_mask, {ret_id, *unlearnt})


def text_labels(ids: Tensor, attention_mask: Tensor, *, unlearnt: Collection[int] = ()) -> Tensor:
    """Labels (n, length) for text on its own: [RET] is learnt, pictures and padding are left out."""
    return _labels(ids, attention_mask, set(unlearnt))


def _labels(ids: Tensor, attention_mask: Tensor, left_out: set[int]) -> Tensor:
    silent = (attention_mask == 0) | (ids == IMAGE)
    for token in left_out:
        silent = silent | (ids == token)
    return ids.masked_fill(silent, IGNORED)
