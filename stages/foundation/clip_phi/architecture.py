"""A CLIP and a Phi at 4 M parameters together, in their own transformers classes, with their tokenizers."""

import json
from typing import Any

from stages.foundation.clip_phi.canvas import SIDE

PATCH = 16
GRID = SIDE // PATCH  # patches a side
VISION_HIDDEN, VISION_LAYERS, VISION_HEADS, VISION_WIDE = 192, 5, 3, 384
TEXT_HIDDEN, TEXT_LAYERS, TEXT_HEADS, TEXT_WIDE = 128, 2, 2, 256
PROJECTED = 128
CLIP_VOCABULARY, CLIP_LONGEST = 800, 64
PHI_HIDDEN, PHI_LAYERS, PHI_HEADS, PHI_WIDE = 192, 4, 3, 384
PHI_VOCABULARY, PHI_LONGEST = 1600, 512
TURNED = 32  # of a head's 64 dimensions, those that know places (partial rotary)
END = "<|endoftext|>"
PIXEL_MEAN, PIXEL_STD = (0.5, 0.5, 0.5), (0.27, 0.27, 0.27)
BACK, BACK_DIMENSIONS = 7.0, 4  # how sharply the first layer looks one place back, and by how many turning pairs
SHARP = 4.0  # how sharply the other layers look at the start
BEFORE, TAKE = 1.2, 1.0  # how much of what they find the first layer, and the others, add at the start
LOUDER = 30  # embeddings than a matrix's weights: what a token is isn't to drown in what random layers add


def make_clip_tokenizer(texts: list[str]) -> Any:
    """CLIP's own tokenizer (lower case, byte-level BPE with ends of words), its merges learned from `texts`.

    Words are learned with a letter of its own for each end, named `x</w>` afterwards: the trainer numbers ends that it
    makes itself in an order that differs from run to run.
    """
    from tokenizers import Tokenizer, models, trainers
    from transformers import CLIPTokenizer

    start = "<|startoftext|>"
    outline = CLIPTokenizer(vocab={start: 0, END: 1}, merges=[]).backend_tokenizer
    ends = {char: chr(0xE000 + place) for place, char in enumerate(_byte_alphabet())}
    words = [
        word[:-1] + ends[word[-1]]
        for text in texts
        for word, _ in outline.pre_tokenizer.pre_tokenize_str(outline.normalizer.normalize_str(text))
    ]
    bpe = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=CLIP_VOCABULARY + len(ends),
        special_tokens=[start, END],
        initial_alphabet=[*_byte_alphabet(), *ends.values()],
        show_progress=False,
    )
    bpe.train_from_iterator(words, trainer)
    named = {end: f"{char}</w>" for char, end in ends.items()}
    learned = json.loads(bpe.to_str())["model"]
    vocabulary = {_spelt(token, named): number for token, number in learned["vocab"].items()}
    merges = [(_spelt(left, named), _spelt(right, named)) for left, right in learned["merges"]]
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=CLIP_LONGEST)


def _spelt(token: str, named: dict[str, str]) -> str:
    return "".join(named.get(char, char) for char in token)


def make_phi_tokenizer(texts: list[str]) -> Any:
    """Phi-2's class of tokenizer (CodeGen's, byte-level BPE): any text has tokens; one token begins, ends and pads."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CodeGenTokenizer

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=PHI_VOCABULARY, special_tokens=[END], initial_alphabet=_byte_alphabet(), show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    learned = json.loads(bpe.to_str())["model"]
    return CodeGenTokenizer(
        vocab=learned["vocab"],
        merges=[tuple(pair) for pair in learned["merges"]],
        pad_token=END,
        padding_side="right",
        model_max_length=PHI_LONGEST,
    )


def _byte_alphabet() -> list[str]:
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def make_image_processor() -> Any:
    """CLIP's image processor on Pillow (no torchvision needed)."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return CLIPImageProcessorPil(
        size={"shortest_edge": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        image_mean=list(PIXEL_MEAN),
        image_std=list(PIXEL_STD),
    )


def make_clip(tokenizer: Any) -> Any:
    """CLIPModel with random weights (float32); seed torch before.

    Attention is "eager": on a CPU in bfloat16 the fused one's backward pass took half of a whole step.
    """
    from transformers import CLIPConfig, CLIPModel

    text = {
        "vocab_size": len(tokenizer), "hidden_size": TEXT_HIDDEN, "intermediate_size": TEXT_WIDE,
        "num_hidden_layers": TEXT_LAYERS, "num_attention_heads": TEXT_HEADS, "projection_dim": PROJECTED,
        "max_position_embeddings": CLIP_LONGEST, "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
        "hidden_act": "gelu",
    }  # fmt: skip
    vision = {
        "hidden_size": VISION_HIDDEN, "intermediate_size": VISION_WIDE, "num_hidden_layers": VISION_LAYERS,
        "num_attention_heads": VISION_HEADS, "image_size": SIDE, "patch_size": PATCH, "projection_dim": PROJECTED,
        "hidden_act": "gelu",
    }  # fmt: skip
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTED)
    model = CLIPModel._from_config(config, attn_implementation="eager")
    model.vision_model.embeddings.position_embedding.weight.data[1:].copy_(_waves())
    return model


def _waves() -> Any:
    """(patches, VISION_HIDDEN): sines and cosines of row and column, where a patch's place starts from.

    At the default's scale (0.02) places drown beside the patches, and where something lies is learned late.
    """
    import torch

    along = torch.arange(GRID) / GRID
    angles = along[:, None] * torch.pi * 2.0 ** torch.linspace(-1, 2, VISION_HIDDEN // 4)
    waves = torch.cat([angles.sin(), angles.cos()], dim=1) * 0.3
    rows, columns = waves[:, None].expand(GRID, GRID, -1), waves[None].expand(GRID, GRID, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)


def make_phi(tokenizer: Any) -> Any:
    """PhiForCausalLM with random weights (float32), attention made ready to look up; seed torch before."""
    from transformers import PhiConfig, PhiForCausalLM

    head = PHI_HIDDEN // PHI_HEADS
    config = PhiConfig(
        vocab_size=len(tokenizer),
        hidden_size=PHI_HIDDEN,
        intermediate_size=PHI_WIDE,
        num_hidden_layers=PHI_LAYERS,
        num_attention_heads=PHI_HEADS,
        max_position_embeddings=PHI_LONGEST,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": TURNED / head},
        initializer_range=0.04,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,  # as Phi-2: an embedding that pads would be one that doesn't learn to end
    )
    model = PhiForCausalLM._from_config(config, attn_implementation="eager")
    _ready_to_look_up(model)
    return model


def _ready_to_look_up(model: Any) -> None:
    """Start as a reader: the first layer looks one place back, the others find what followed a like token.

    What they find they write where the head reads, apart from what the tokens themselves are (induction heads: Olsson
    et al. 2022, arXiv:2209.11895; mimetic initialisation: Trockman and Kolter 2023, arXiv:2305.09828). From random
    weights, a few million tokens are too few to learn to look anything up.
    """
    import torch

    head, half = PHI_HIDDEN // PHI_HEADS, TURNED // 2
    frequencies = model.model.rotary_emb.inv_freq[:BACK_DIMENSIONS]
    read = _turn(PHI_HIDDEN)
    with torch.no_grad():
        embeddings = model.model.embed_tokens.weight
        model.lm_head.weight.copy_(embeddings @ read.T)
        embeddings.mul_(LOUDER)
        for number, layer in enumerate(model.model.layers):
            attention, told, found = layer.self_attn, _turn(PHI_HIDDEN), _turn(PHI_HIDDEN)
            query, key = 0.02 * torch.randn(2, PHI_HIDDEN, PHI_HIDDEN)
            if number == 0:
                before = told.T @ found  # what a token knows of the one before it
                attention.dense.weight.copy_(BEFORE * told.T)
                q, k = attention.q_proj.bias.view(PHI_HEADS, head), attention.k_proj.bias.view(PHI_HEADS, head)
                k[:, :BACK_DIMENSIONS] = BACK  # a vector that turns with its place, and q's, one place behind
                q[:, :BACK_DIMENSIONS] = BACK * frequencies.cos()
                q[:, half : half + BACK_DIMENSIONS] = -BACK * frequencies.sin()
            else:
                for first in range(0, PHI_HIDDEN, head):
                    at = slice(first + TURNED, first + head)  # the dimensions that don't turn with the place
                    alike = _turn(PHI_HIDDEN)[: head - TURNED]
                    query[at], key[at] = SHARP * alike, SHARP * alike @ before.T
                attention.dense.weight.copy_(TAKE * read @ found.T)
            attention.q_proj.weight.copy_(query)
            attention.k_proj.weight.copy_(key)
            attention.v_proj.weight.copy_(found)


def _turn(width: int) -> Any:
    """A random orthogonal matrix."""
    import torch

    return torch.linalg.qr(torch.randn(width, width))[0]
