"""PaliGemma 2's own transformers class at 2-3 M parameters, with a processor of the standard layout.

SigLIP has one position per patch and does not look at where a patch lies, so a 60 x 240 strip of
20-pixel patches (3 x 12) fits a tower configured for 120 x 120 (6 x 6): words of 20 letters keep 12
pixels a letter at the cost of 36 image tokens.
"""

from typing import Any

from stages.foundation.paligemma2.drawing import HEIGHT, PIXEL_MEAN, PIXEL_STD, WIDTH

PATCH = 20
IMAGE_TOKENS = HEIGHT * WIDTH // PATCH**2
SIDE = round(IMAGE_TOKENS**0.5) * PATCH
HIDDEN = 160
HEADS = 5
VISION_LAYERS = 5
TEXT_LAYERS = 2
SPECIAL = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}
IMAGE_TOKEN = "<image>"
MERGED_VOCABULARY = 700


def make_tokenizer(texts: list[str]) -> Any:
    """A byte-level-safe BPE over prompts and single letters; a word in an answer is never merged.

    Letters are trained as words of their own ("▁k"), so an answer of letters is one token a letter.
    """
    import string

    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"], byte_fallback=True))
    bpe.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    bpe.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = [*SPECIAL.values(), IMAGE_TOKEN]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    printable = [char for char in string.printable if char.isprintable() and char != " "]
    trainer = trainers.BpeTrainer(
        vocab_size=MERGED_VOCABULARY,
        special_tokens=special + bytes_,
        initial_alphabet=[*printable, "▁", "\n"],
        show_progress=False,
    )
    letters = " ".join(string.ascii_letters + string.digits + "{}")
    bpe.train_from_iterator([*texts, *[letters] * 50], trainer)
    kept = Tokenizer.from_str(bpe.to_str())
    kept.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=kept,
        **SPECIAL,
        extra_special_tokens={"image_token": IMAGE_TOKEN},
        padding_side="left",
        model_max_length=512,
    )


def make_processor(tokenizer: Any) -> Any:
    """PaliGemmaProcessor over the Pillow image processor (no torchvision), strip-sized."""
    from transformers import PaliGemmaProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    image_processor = SiglipImageProcessorPil(
        size={"height": HEIGHT, "width": WIDTH}, image_mean=[PIXEL_MEAN] * 3, image_std=[PIXEL_STD] * 3, resample=3
    )
    image_processor.image_seq_length = IMAGE_TOKENS
    return PaliGemmaProcessor(image_processor=image_processor, tokenizer=tokenizer)


def make_model(tokenizer: Any) -> Any:
    """PaliGemmaForConditionalGeneration with random weights (float32); seed torch before."""
    from transformers import Gemma2Config, PaliGemmaConfig, PaliGemmaForConditionalGeneration, SiglipVisionConfig

    vision = SiglipVisionConfig(
        hidden_size=HIDDEN,
        intermediate_size=3 * HIDDEN,
        num_hidden_layers=VISION_LAYERS,
        num_attention_heads=HEADS,
        image_size=SIDE,
        patch_size=PATCH,
        projection_dim=HIDDEN,
        vision_use_head=False,
    )
    text = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=3 * HIDDEN,
        num_hidden_layers=TEXT_LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HIDDEN // HEADS,
        query_pre_attn_scalar=HIDDEN // HEADS,
        max_position_embeddings=512,
        sliding_window=512,
        attn_logit_softcapping=None,
        final_logit_softcapping=None,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    config = PaliGemmaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        projection_dim=HIDDEN,
        hidden_size=HIDDEN,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = PaliGemmaForConditionalGeneration._from_config(config, attn_implementation="eager")
    # At its default scale the picture drowns beside the text: after as many samples, single letters
    # were read 2.1 times as often when it was scaled by 4, and 2.2 times by 12.
    model.model.multi_modal_projector.linear.weight.data.mul_(8)
    return model
