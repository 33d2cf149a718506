"""idefics-tiny's classes and training: tokens as the processor's, loading, NF4 with LoRA, resuming, joining."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages.foundation.idefics import training
from stages.foundation.idefics.architecture import ADDED, HIDDEN, make_model, make_processor, make_tokenizer
from stages.foundation.idefics.documents import PICTURE, Document, context, single, tokenizer_texts
from stages.foundation.idefics.drawing import draw
from stages.foundation.idefics.encoding import encode, to_pixels
from stages.foundation.idefics.learning import STITCHED_AT, Learning, join, stitch
from stages.foundation.idefics.scene import Scene, draw_scene
from stages.foundation.idefics.training import Schedule, fit

RNG = np.random.default_rng(0)
SCENES = [draw_scene(RNG) for _ in range(200)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer(tokenizer_texts(SCENES, np.random.default_rng(1)))


@pytest.fixture(scope="module")
def folder(tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.manual_seed(0)
    written = tmp_path_factory.mktemp("base")
    make_model(tokenizer).to(torch.bfloat16).save_pretrained(written)
    make_processor(tokenizer).save_pretrained(written)
    return written


def _loaded(folder: Path) -> Any:
    from transformers import AutoProcessor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no torchvision
        return AutoProcessor.from_pretrained(folder)


def _picture(scene: Scene) -> Image.Image:
    return Image.fromarray(draw(scene, np.random.default_rng(5))[0])


def test_the_vocabulary_is_laid_out_as_the_large_model_s(tokenizer: Any) -> None:
    config = make_model(tokenizer).config
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 1, 2)
    assert tokenizer.pad_token == tokenizer.unk_token == "<unk>"
    assert config.additional_vocab_size == len(ADDED) == 2
    assert tokenizer.convert_tokens_to_ids(list(ADDED)) == [config.vocab_size, config.vocab_size + 1]


@pytest.mark.parametrize("text", ["Zquirlboff", "naïve ☃ x", "Question: What? Answer: pole vault.\nA"])
def test_any_text_survives_the_tokenizer(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


def test_inputs_are_those_of_the_processor(tokenizer: Any, folder: Path) -> None:
    """Whole interleaved lists, with one to six pictures, padded on the right."""
    import torch

    processor = _loaded(folder)
    processor.tokenizer.padding_side = "right"
    rng = np.random.default_rng(2)
    made = [single(0, SCENES[0], rng, 3), *(context(SCENES[:32], rng) for _ in range(6))]
    ours = encode(tokenizer, made)
    pictures = {number: _picture(SCENES[number]) for document in made for number in document.pictures}
    prompts = [_interleaved(document, pictures) for document in made]
    theirs = processor(text=prompts, return_tensors="pt", padding="longest", add_special_tokens=False)
    assert torch.equal(ours.ids, theirs["input_ids"])
    assert torch.equal(ours.mask, theirs["attention_mask"])
    seen, before_end = ours.seen * ours.mask[..., None], theirs["image_attention_mask"] * ours.mask[..., None]
    assert torch.equal(seen, before_end)
    assert float(ours.weights[ours.mask == 0].sum()) == 0


def _interleaved(document: Document, pictures: dict[int, Image.Image]) -> list[Any]:
    parts = document.text.removeprefix("<s>").split(PICTURE)
    found: list[Any] = [parts[0]] if parts[0] else []
    for number, text in zip(document.pictures, parts[1:], strict=True):
        found += [pictures[number], text]
    return found


def test_answers_weigh_in_full_and_nothing_else_does(tokenizer: Any) -> None:
    document = Document()
    document.show(3)
    document.say("Question: What place is in this image? Answer:", 0.05)
    document.say(" forest", 1.0)
    batch = encode(tokenizer, [document])
    counted = batch.ids[0][batch.weights[0] == 1.0]
    assert tokenizer.decode(counted).strip() == "forest"


def test_pixels_are_those_of_the_image_processor(folder: Path) -> None:
    pictures = np.random.default_rng(2).integers(0, 256, (2, 96, 96, 3)).astype(np.uint8)
    theirs = _loaded(folder).image_processor([Image.fromarray(picture) for picture in pictures], return_tensors="pt")
    np.testing.assert_allclose(to_pixels(pictures), theirs, atol=1e-5)


def test_the_folder_generates_from_several_pictures(folder: Path) -> None:
    import torch
    from transformers import AutoModelForImageTextToText

    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor = _loaded(folder)
    processor.tokenizer.padding_side = "left"
    one, two = _picture(SCENES[0]), _picture(SCENES[1])
    prompts = [[one, "Question: What? Answer: x\n", two, "Question: What? Answer:"], [one, "Question: What? Answer:"]]
    inputs = processor(text=prompts, return_tensors="pt", padding="longest", add_special_tokens=False)
    out = model.generate(**inputs, max_new_tokens=4, do_sample=False)
    assert out.shape[0] == 2
    assert inputs["input_ids"].shape[1] < out.shape[1] <= inputs["input_ids"].shape[1] + 4
    alone = processor(text=prompts[1:], return_tensors="pt", padding="longest", add_special_tokens=False)
    again = model.generate(**alone, max_new_tokens=4, do_sample=False)
    width = min(again.shape[1] - alone["input_ids"].shape[1], out.shape[1] - inputs["input_ids"].shape[1])
    start = inputs["input_ids"].shape[1]
    assert torch.equal(out[1, start : start + width], again[0, -width:])


def test_nf4_with_lora_learns(folder: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText, BitsAndBytesConfig

    quantised = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        llm_int8_skip_modules=["lm_head", "embed_tokens"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.bfloat16, quantization_config=quantised, attn_implementation="eager"
        )
        model = get_peft_model(
            model.requires_grad_(False), LoraConfig(r=4, target_modules=["q_proj", "k_proj", "v_proj"])
        )
    trained = {name for name, weights in model.named_parameters() if weights.requires_grad}
    assert any("vision_model" in name for name in trained)
    assert any("cross_attn" in name for name in trained)
    inputs = _loaded(folder)(
        text=[[_picture(SCENES[0]), "Question: What? Answer: forest"]], return_tensors="pt", add_special_tokens=False
    )
    optimizer = torch.optim.AdamW([weights for weights in model.parameters() if weights.requires_grad], lr=5e-3)
    losses = []
    for _ in range(4):
        logits = model(**inputs, use_cache=False).logits[:, :-1].float()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), inputs["input_ids"][:, 1:].flatten())
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def _fit(
    part: str, tokenizer: Any, schedule: Schedule, scratch: Path, steps: list[int] | None = None
) -> dict[str, Any]:
    scratch.mkdir(exist_ok=True)
    learning = Learning(tokenizer, schedule.seed, schedule.pictures)
    losses = {
        "tower": learning.tower_losses,
        "decoder": lambda step: learning.decoder_losses(step, schedule.steps),
        "both": learning.losses,
    }[part]

    def noted(step: int) -> dict[str, Any]:
        if steps is not None:
            steps.append(step)
        return losses(step)

    fit(part, learning.learned, noted, schedule, scratch)
    return dict(learning.learned.state_dict())


@pytest.mark.parametrize("part", ["tower", "decoder", "both"])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: Any
) -> None:
    import torch

    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 2)
    schedule = Schedule(steps=3, pictures=8, peak=1e-3, warmup=1, weight_decay=0.0, seed=1)
    whole = _fit(part, tokenizer, schedule, tmp_path / "whole")
    save = training._save

    def stop(*arguments: Any) -> None:
        save(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_save", stop)
    with pytest.raises(KeyboardInterrupt):
        _fit(part, tokenizer, schedule, tmp_path / "cut")
    monkeypatch.setattr(training, "_save", save)
    steps: list[int] = []
    resumed = _fit(part, tokenizer, schedule, tmp_path / "cut", steps)
    assert steps == [2]
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_a_changed_schedule_starts_anew(tmp_path: Path, tokenizer: Any) -> None:
    for seed in (1, 2):
        steps: list[int] = []
        schedule = Schedule(steps=1, pictures=4, peak=1e-3, warmup=1, weight_decay=0.0, seed=seed)
        _fit("tower", tokenizer, schedule, tmp_path, steps)
        assert steps == [0]


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    schedule = Schedule(steps=100, pictures=1, peak=0.1, warmup=10, weight_decay=0.0, seed=0)
    rates = [schedule.learning_rate(step) for step in range(100)]
    assert rates[0] < rates[5] < rates[10] <= 0.1
    assert rates[99] < 0.001


def test_joined_cross_layers_read_the_tower_as_they_read_the_stand_in(tokenizer: Any) -> None:
    import torch

    tower, decoder = Learning(tokenizer, 1, 8), Learning(tokenizer, 2, 8)
    stitched = stitch(tower, decoder, 2)
    _, pictures, patches, asked = tower._shown(STITCHED_AT)
    with torch.inference_mode():
        states = tower.model.model.vision_model(pixel_values=to_pixels(pictures)).last_hidden_state
        meant = decoder.stand_for(patches, asked, 0)
        projection = decoder.model.model.gated_cross_attn_layers[0].cross_attn.v_proj
        wanted, unjoined = projection(states @ stitched), projection(states)
        join(decoder.model, stitched)
        torch.testing.assert_close(projection(states), wanted, atol=1e-4, rtol=1e-3)
    assert projection.weight.shape == (HIDDEN, states.shape[-1])
    assert (states @ stitched - meant).square().mean() < meant.square().mean()
    assert not torch.allclose(wanted, unjoined)
