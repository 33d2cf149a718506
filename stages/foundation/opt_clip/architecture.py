"""A CLIP and an OPT at 3 M parameters together, in their own transformers classes, with their tokenizers."""

from typing import Any

from stages.foundation.opt_clip.canvas import SIDE

PATCH = 16
GRID = SIDE // PATCH  # patches a side
VISION_HIDDEN, VISION_LAYERS, VISION_HEADS = 160, 4, 5
CLIP_TEXT_HIDDEN, CLIP_TEXT_LAYERS, CLIP_TEXT_HEADS = 96, 2, 3
PROJECTED = 96
CLIP_VOCABULARY, CLIP_LONGEST = 900, 64
OPT_HIDDEN, OPT_LAYERS, OPT_HEADS = 160, 4, 5
OPT_VOCABULARY, OPT_LONGEST = 1400, 256
OPT_SPECIAL = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
PIXEL_MEAN, PIXEL_STD = (0.5, 0.5, 0.5), (0.27, 0.27, 0.27)


def make_clip_tokenizer(texts: list[str]) -> Any:
    """CLIP's own tokenizer (lower case, byte-level BPE with ends of words), its merges learned from `texts`.

    Words are learned with a letter of its own for each end, named `x</w>` afterwards: the trainer numbers ends that it
    makes itself in an order that differs from run to run.
    """
    import json

    from tokenizers import Tokenizer, models, trainers
    from transformers import CLIPTokenizer

    start, end = "<|startoftext|>", "<|endoftext|>"
    outline = CLIPTokenizer(vocab={start: 0, end: 1}, merges=[]).backend_tokenizer
    ends = {char: chr(0xE000 + place) for place, char in enumerate(_byte_alphabet())}
    words = [
        word[:-1] + ends[word[-1]]
        for text in texts
        for word, _ in outline.pre_tokenizer.pre_tokenize_str(outline.normalizer.normalize_str(text))
    ]
    bpe = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=CLIP_VOCABULARY + len(ends),
        special_tokens=[start, end],
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


def make_opt_tokenizer(texts: list[str]) -> Any:
    """Byte-level BPE as OPT's: any text has tokens, and <s> begins every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=OPT_VOCABULARY,
        special_tokens=list(OPT_SPECIAL.values()),
        initial_alphabet=_byte_alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    start = OPT_SPECIAL["bos_token"]
    bpe.post_processor = processors.TemplateProcessing(
        single=f"{start} $A", pair=f"{start} $A {start} $B", special_tokens=[(start, bpe.token_to_id(start))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, **OPT_SPECIAL, padding_side="right", model_max_length=OPT_LONGEST
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
        "vocab_size": len(tokenizer), "hidden_size": CLIP_TEXT_HIDDEN, "intermediate_size": 3 * CLIP_TEXT_HIDDEN,
        "num_hidden_layers": CLIP_TEXT_LAYERS, "num_attention_heads": CLIP_TEXT_HEADS, "projection_dim": PROJECTED,
        "max_position_embeddings": CLIP_LONGEST, "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
        "hidden_act": "gelu",
    }  # fmt: skip
    vision = {
        "hidden_size": VISION_HIDDEN, "intermediate_size": 384, "num_hidden_layers": VISION_LAYERS,
        "num_attention_heads": VISION_HEADS, "image_size": SIDE, "patch_size": PATCH, "projection_dim": PROJECTED,
        "hidden_act": "gelu",
    }  # fmt: skip
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTED)
    model = CLIPModel._from_config(config, attn_implementation="eager")
    places = _waves()
    model.vision_model.embeddings.position_embedding.weight.data[1:].copy_(places)
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


def make_opt(tokenizer: Any) -> Any:
    """OPTForCausalLM with random weights (float32), attention made ready to copy; seed torch before."""
    from transformers import OPTConfig, OPTForCausalLM

    model = OPTForCausalLM._from_config(
        OPTConfig(
            vocab_size=len(tokenizer),
            hidden_size=OPT_HIDDEN,
            word_embed_proj_dim=OPT_HIDDEN,
            ffn_dim=512,
            num_hidden_layers=OPT_LAYERS,
            num_attention_heads=OPT_HEADS,
            max_position_embeddings=OPT_LONGEST,
            dropout=0.0,
            layerdrop=0.0,
            init_std=0.04,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ),
        attn_implementation="eager",
    )
    _ready_to_copy(model.model.decoder)
    return model


def _ready_to_copy(decoder: Any) -> None:
    """Start attention near the identity, places as sines, and the first layer one place back.

    A token then looks for tokens like itself and passes on what it finds (mimetic initialisation: Trockman and
    Kolter 2023, arXiv:2305.09828), and knows what stood before it. From random weights and with AdamW alone, 4 M
    tokens were too few to learn to look anything up; so started, with Muon and short documents first, 1 M was enough.
    """
    import torch

    frequencies = torch.exp(torch.linspace(0, -5.3, OPT_HIDDEN // 2))
    places = decoder.embed_positions.weight
    angles = torch.arange(len(places))[:, None] * frequencies
    back = torch.zeros(OPT_HIDDEN, OPT_HIDDEN)  # turns the sines of a place into those of the place before
    sine = torch.arange(OPT_HIDDEN // 2)
    cosine = sine + OPT_HIDDEN // 2
    back[sine, sine] = back[cosine, cosine] = frequencies.cos()
    back[sine, cosine], back[cosine, sine] = -frequencies.sin(), frequencies.sin()
    with torch.no_grad():
        places.copy_(torch.cat([angles.sin(), angles.cos()], dim=1) * 0.2)
        for number, layer in enumerate(decoder.layers):
            basis, attention = torch.linalg.qr(torch.randn(OPT_HIDDEN, OPT_HIDDEN))[0], layer.self_attn
            sharp = 1.4 if number == 0 else 0.7
            attention.q_proj.weight.copy_(sharp * basis.T @ back if number == 0 else sharp * basis.T)
            attention.k_proj.weight.copy_(sharp * basis.T)
            attention.v_proj.weight.copy_(basis.T)
            attention.out_proj.weight.copy_(0.4 * basis)
