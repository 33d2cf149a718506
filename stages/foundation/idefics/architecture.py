"""An IDEFICS of less than 3 M parameters in its own transformers classes, with its processor.

As in HuggingFaceM4/idefics-9b: a tokenizer of Llama's class, <unk> for padding, the two tokens around and for a
picture as additional vocabulary behind the others, queries and keys of the cross layers normed.
"""

from typing import Any

from stages.foundation.idefics.canvas import SIDE

PATCH = 12
GRID = SIDE // PATCH  # patches a side
# Widths are multiples of 64: the block of NF4's scales.
VISION_HIDDEN, VISION_LAYERS, VISION_HEADS = 192, 4, 6
HIDDEN, LAYERS, HEADS, CROSS_EVERY = 128, 4, 4, 2
VOCABULARY, LONGEST = 1400, 1024
ADDED = ("<fake_token_around_image>", "<image>")
PIXEL_MEAN, PIXEL_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def make_tokenizer(texts: list[str]) -> Any:
    """Llama's tokenizer (BPE with a mark for blanks; what it has no token for falls back to bytes), learned anew."""
    import json

    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import AddedToken, LlamaTokenizer

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(prepend_scheme="never"),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Digits(True),
        ]
    )
    reserved = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    letters = [chr(code) for code in range(33, 127)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=reserved, initial_alphabet=["▁", *letters], show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    learned = json.loads(bpe.to_str())["model"]
    tokenizer = LlamaTokenizer(
        vocab=learned["vocab"],
        merges=[tuple(merge) for merge in learned["merges"]],
        unk_token="<unk>",
        pad_token="<unk>",
        model_max_length=LONGEST,
    )
    tokenizer.add_special_tokens(
        {"additional_special_tokens": [AddedToken(token, special=True, normalized=False) for token in ADDED]}
    )
    return tokenizer


def make_processor(tokenizer: Any) -> Any:
    """IdeficsProcessor with Pillow's image processor (no torchvision needed)."""
    from transformers import IdeficsProcessor
    from transformers.models.idefics.image_processing_pil_idefics import IdeficsImageProcessorPil

    return IdeficsProcessor(IdeficsImageProcessorPil(image_size=SIDE), tokenizer)


def make_model(tokenizer: Any) -> Any:
    """IdeficsForVisionText2Text with random weights (float32), nothing frozen; seed torch before.

    Attention is "eager": on a CPU in bfloat16 the fused one's backward pass is slow. The gates of the
    cross layers start open: nothing is there yet that they could disturb.
    """
    from transformers import IdeficsConfig, IdeficsForVisionText2Text

    config = IdeficsConfig(
        vocab_size=len(tokenizer) - len(ADDED),
        additional_vocab_size=len(ADDED),
        hidden_size=HIDDEN,
        intermediate_size=320,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        cross_layer_interval=CROSS_EVERY,
        max_position_embeddings=LONGEST,
        initializer_range=0.05,
        alpha_initializer="ones",
        qk_layer_norms=True,
        freeze_text_layers=False,
        freeze_vision_layers=False,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        use_resampler=False,
        vision_config={
            "embed_dim": VISION_HIDDEN,
            "image_size": SIDE,
            "intermediate_size": 384,
            "patch_size": PATCH,
            "num_hidden_layers": VISION_LAYERS,
            "num_attention_heads": VISION_HEADS,
        },
    )
    model = IdeficsForVisionText2Text._from_config(config, attn_implementation="eager").requires_grad_(True)
    model.model.vision_model.embeddings.position_embedding.weight.data[1:].copy_(waves())
    return model


def waves() -> Any:
    """(patches, VISION_HIDDEN): sines and cosines of row and column, where a patch's place starts from.

    At the default's scale places drown beside the patches, and where something lies is learned late.
    """
    import torch

    along = torch.arange(GRID) / GRID
    angles = along[:, None] * torch.pi * 2.0 ** torch.linspace(-1, 2, VISION_HIDDEN // 4)
    waves = torch.cat([angles.sin(), angles.cos()], dim=1) * 0.3
    rows, columns = waves[:, None].expand(GRID, GRID, -1), waves[None].expand(GRID, GRID, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)
