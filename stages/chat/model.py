"""transformers' LlavaForConditionalGeneration, put together from a CLIP, a projector and a causal LM.

Training and evaluation give it cached patches instead of pixels (`inputs_embeds`); with the tower attached
(`attach_tower`) it takes `pixel_values` like any LLaVA and says the same.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from stages.bases import (
    CONFIG,
    TOKENIZER,
    compute_as_in_training,
    explained,
    load_part,
    part_location,
    without_known_noise,
)
from stages.chat import IMAGE
from stages.chat.recipe import Parts, ProjectorKind
from stages.params import UserError
from stages.recipe import Model

if TYPE_CHECKING:
    from torch import Tensor


LAYER = -2  # which hidden layer of the tower is read, without its class token: as `stages.features.patches` does


class Precision(Protocol):
    """How the language model is held: what `train` and an adapter's plumbline.json both say."""

    @property
    def quantisation(self) -> Literal["nf4", "none"]: ...
    @property
    def double_quantisation(self) -> bool: ...
    @property
    def compute_dtype(self) -> Literal["bfloat16", "float32"]: ...


def load_tokenizer(folder: Path, model: Model) -> Any:
    """The language model's tokenizer with <image> as its last token.

    A tokenizer without padding (phi-2's) pads with its end of sequence: masks decide what counts, not ids.
    """
    from transformers import AddedToken, AutoTokenizer

    where, revision = part_location(folder, model, TOKENIZER)
    with explained(model):
        tokenizer = AutoTokenizer.from_pretrained(where, revision=revision)
    if tokenizer.eos_token_id is None:
        raise UserError(f"{where}/tokenizer_config.json names no eos_token: an answer could not end; add one.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.add_tokens([AddedToken(IMAGE, special=True, normalized=False)], special_tokens=True)
    image = tokenizer.convert_tokens_to_ids(IMAGE)
    if image != len(tokenizer) - 1:
        raise UserError(
            f"{where}/tokenizer.json already has {IMAGE} as token {image} of {len(tokenizer)}; the model needs it to "
            "be the last one. Take the base's own tokenizer."
        )
    tokenizer.padding_side = "left"  # generation appends on the right
    return tokenizer


def vision_config(folder: Path, model: Model) -> Any:
    """The CLIP tower's configuration, without its weights."""
    from transformers import CLIPVisionConfig

    where, revision = part_location(folder, model, CONFIG)
    with explained(model):
        return CLIPVisionConfig.from_pretrained(where, revision=revision)


def patches_a_picture(config: Any) -> int:
    """How many patches, and so tokens, a picture has: 49 for 224 pixels in patches of 32."""
    return int(config.image_size // config.patch_size) ** 2


def load_language(folder: Path, model: Model, settings: Precision, device: str) -> Any:
    """The frozen causal LM, its linear layers in NF4 (Dettmers et al. 2023, arXiv:2305.14314) unless "none"."""
    import torch

    with without_known_noise():  # this brings bitsandbytes, which speaks when it is imported
        from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    dtype = getattr(torch, settings.compute_dtype)
    config = None
    if settings.quantisation == "nf4":
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=settings.double_quantisation,
            bnb_4bit_compute_dtype=dtype,
            llm_int8_skip_modules=["lm_head"],
        )
    return load_part(AutoModelForCausalLM, folder, model, dtype, device, {}, quantization_config=config)


def assemble(
    base: Path, parts: Parts, settings: Precision, projector: ProjectorKind, device: str, seed: int = 0
) -> tuple[Any, Any]:
    """(LlavaForConditionalGeneration without its tower, tokenizer): frozen but for a new projector in float32."""
    import torch

    with without_known_noise():
        from transformers import LlavaConfig, LlavaForConditionalGeneration

        from stages.chat.projector import make_projector

    tokenizer = load_tokenizer(base / "language", parts.language)
    language = load_language(base / "language", parts.language, settings, device)
    head = language.get_output_embeddings()
    if not hasattr(language, "model") or head is None:
        raise UserError(f"{parts.language.id} is a {type(language).__name__}, which has no `model` and `lm_head`.")
    vision = vision_config(base / "vision", parts.vision)
    config = LlavaConfig(
        vision_config=vision,
        text_config=language.config,
        image_token_index=len(tokenizer) - 1,
        image_seq_length=patches_a_picture(vision),
        vision_feature_layer=LAYER,
        vision_feature_select_strategy="default",
    )
    with torch.device("meta"):  # the shell alone: its parts are those that were loaded
        shell = LlavaForConditionalGeneration(config)
    shell.model.vision_tower = None
    shell.model.language_model, shell.lm_head = language.model, head
    shell.model.multi_modal_projector = make_projector(projector, config, seed).to(device)
    shell.generation_config = language.generation_config
    compute_as_in_training(shell)
    return shell.eval(), tokenizer


def attach_tower(model: Any, tower: Any) -> None:
    """Let the model look at pixels itself: `tower` is the CLIPVisionModel whose patches it was trained on."""
    llava_of(model).model.vision_tower = tower.requires_grad_(False).eval()


def llava_of(model: Any) -> Any:
    """The LlavaForConditionalGeneration inside peft's wrapping."""
    model = getattr(model, "module", model)
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def inputs_embeds(model: Any, input_ids: "Tensor", patches: "Tensor | None") -> "Tensor":
    """What the language model reads: (rows, length, width), projected patches where `input_ids` have <image>.

    `patches` (pictures, patches, vision width) stand in reading order. ValueError when the places don't match.
    """
    llava = llava_of(model)
    pictured = input_ids == llava.config.image_token_id
    places = int(pictured.sum())
    # <image> itself is never looked up: a language model without spare rows has none for it
    embeds: Tensor = llava.get_input_embeddings()(input_ids.masked_fill(pictured, 0))
    if patches is None or not len(patches):
        if places:
            raise ValueError(f"{places} <image> tokens, but no patches for them")
        return embeds
    seen = llava.model.multi_modal_projector(patches.to(embeds.device))
    if places != seen.shape[0] * seen.shape[1]:
        raise ValueError(f"{places} <image> tokens, but {seen.shape[0]} pictures of {seen.shape[1]} patches")
    return embeds.masked_scatter(pictured[..., None], seen.to(embeds.dtype))
