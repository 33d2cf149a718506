"""The small CLIP and OPT: their drawings and texts, what they must never see, that they learn, resume and load."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.creatures.captions import captions_of
from stages.creatures.species import MOST, species_of
from stages.foundation.opt_clip import language, naming, training, vision
from stages.foundation.opt_clip.architecture import (
    GRID,
    OPT_HIDDEN,
    VISION_HIDDEN,
    make_clip,
    make_clip_tokenizer,
    make_image_processor,
    make_opt,
    make_opt_tokenizer,
)
from stages.foundation.opt_clip.asking import HAS, _check, questions
from stages.foundation.opt_clip.canvas import LABELS, MAPPED, SIDE
from stages.foundation.opt_clip.describe import alt_text, describe, tell
from stages.foundation.opt_clip.documents import MOST_QUESTIONS, MOST_SOFT, document
from stages.foundation.opt_clip.drawing import draw
from stages.foundation.opt_clip.naming import made_up_name
from stages.foundation.opt_clip.prose import prose_paragraphs
from stages.foundation.opt_clip.scene import draw_scene
from stages.foundation.opt_clip.training import Schedule, fit
from stages.foundation.opt_clip.withheld import is_withheld_name, speaks_of_withheld
from stages.foundation.opt_clip.words import ANIMALS, COLOURS, KINDS, SCENERIES

TEXT_RNG = np.random.default_rng(0)
TEXTS = [describe(tell(draw_scene(TEXT_RNG), TEXT_RNG), TEXT_RNG) for _ in range(300)]
PROSE = ["Return a plain sentence that is long enough to be read by anyone who wants to read it."]


@pytest.fixture(scope="module")
def clip_tokenizer() -> Any:
    return make_clip_tokenizer(TEXTS)


@pytest.fixture(scope="module")
def opt_tokenizer() -> Any:
    return make_opt_tokenizer([*TEXTS, *PROSE])


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_every_scene_can_be_drawn(seed: int) -> None:
    scene = draw_scene(np.random.default_rng(seed))
    picture, labels = draw(scene, np.random.default_rng(seed))
    assert picture.shape == (SIDE, SIDE, 3)
    assert picture.dtype == np.uint8
    assert labels.shape == (MAPPED, MAPPED)
    trunk = f"trunk {scene.family if scene.kind in ANIMALS else scene.kind}"
    assert LABELS.index(trunk) in labels
    again, _ = draw(scene, np.random.default_rng(seed))
    np.testing.assert_array_equal(picture, again)


def test_scenes_show_every_kind_colour_and_scenery() -> None:
    rng = np.random.default_rng(0)
    scenes = [draw_scene(rng) for _ in range(3000)]
    assert {scene.kind for scene in scenes} == set(KINDS)
    assert {scene.colour for scene in scenes} == set(COLOURS)
    assert {scene.scenery for scene in scenes} == set(SCENERIES)


@given(st.integers(0, 10**6))
@settings(max_examples=80, deadline=None)
def test_a_description_tells_its_keywords_and_answers_its_questions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = draw_scene(rng, made_up_name(rng))
    told = tell(scene, rng, share=1.0)
    text = describe(told, rng).casefold()
    assert all(word.casefold() in text for word in told.keywords)
    assert scene.name.casefold() in text
    asked = questions(scene, told, rng, MOST_QUESTIONS)
    assert 1 <= len({question for question, _ in asked}) == len(asked) <= MOST_QUESTIONS
    for question, answer in asked:
        told_of = answer.casefold().removeprefix("a ").removeprefix("an ")
        shown = told_of in text or answer in ("yes", "no", "one", scene.direction)
        assert shown or question.startswith("What shape") or "kind of body" in question  # known of a kind, not told


@pytest.mark.parametrize("topic", sorted(HAS))
def test_a_part_is_confirmed_or_another_one_denied(topic: str) -> None:
    rng = np.random.default_rng(4)
    asked: dict[str, set[str]] = {"yes": set(), "no": set()}
    for _ in range(1500):
        scene = draw_scene(rng)
        told = tell(scene, rng, share=1.0)
        phrase = dict(told.parts).get(topic, "")
        if phrase and phrase != "no tail":
            question, answer = _check(topic, phrase, scene, "it", rng)
            asked[answer].add(question)
            assert (f"have {phrase}?" in question) == (answer == "yes")
    assert all(asked.values())


def test_no_text_is_about_what_is_tested() -> None:
    rng = np.random.default_rng(1)
    tested = {species.name for species in species_of(1, MOST)}
    names = {made_up_name(rng).casefold() for _ in range(5000)}
    assert not names & tested
    assert all(is_withheld_name(name) for name in tested)
    texts = [document(rng, list(prose_paragraphs())).text for _ in range(800)]
    assert not any(speaks_of_withheld(text) for text in [*texts, *TEXTS])
    assert all(speaks_of_withheld(text) for text in captions_of(species_of(1, 1)[0], 0, 1))


def test_without_the_rule_a_tested_name_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    class ThreeSyllables:
        def integers(self, *_: int) -> int:
            return 3

    def drawn() -> str:
        letters = iter(["k", "a", "r", "b", "o", "", "v", "o", "l", *["p", "a", ""] * 3])
        monkeypatch.setattr(naming, "pick", lambda *_: next(letters))
        return made_up_name(ThreeSyllables())  # type: ignore[arg-type]

    assert drawn() == "Papapa"
    monkeypatch.setattr(naming, "is_withheld_name", lambda _: False)
    assert drawn() == "Karbovol"


def test_prose_is_sentences() -> None:
    paragraphs = prose_paragraphs()
    assert len(paragraphs) > 500
    assert all(60 <= len(text) <= 420 and "\n" not in text for text in paragraphs)


def test_patches_name_what_fills_them() -> None:
    maps = np.zeros((1, MAPPED, MAPPED), np.uint8)
    cell = MAPPED // GRID
    maps[0, :cell, cell : 2 * cell] = 7  # the first row's second patch
    maps[0, cell : cell + 1, :cell] = 5  # a thin strip in the second row's first patch
    parts = vision.patch_parts(maps)
    assert parts[0, 1] == 7
    assert parts[0, GRID] == 0
    assert (parts > 0).sum() == 1


def test_pixels_are_those_of_the_image_processor() -> None:
    pictures = np.random.default_rng(2).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    theirs = make_image_processor()(list(pictures), return_tensors="pt")["pixel_values"]
    np.testing.assert_allclose(vision.to_pixels(pictures), theirs, atol=1e-5)


def test_models_load_in_their_own_classes(tmp_path: Path, clip_tokenizer: Any, opt_tokenizer: Any) -> None:
    import torch
    from transformers import AutoTokenizer, CLIPModel, OPTForCausalLM

    for made, tokenizer, name in ((make_clip, clip_tokenizer, "vision"), (make_opt, opt_tokenizer, "language")):
        made(tokenizer).save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
    clip = CLIPModel.from_pretrained(tmp_path / "vision").eval()
    texts = AutoTokenizer.from_pretrained(tmp_path / "vision")(
        ["A red fish", "a cat"], padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        pixels = torch.zeros(3, 3, SIDE, SIDE)
        assert clip(pixel_values=pixels, **texts).logits_per_image.shape == (3, 2)
        assert clip.vision_model(pixel_values=pixels).pooler_output.shape == (3, VISION_HIDDEN)

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "language")
    opt = OPTForCausalLM.from_pretrained(tmp_path / "language").eval()
    assert tokenizer.add_tokens(["[RET]"]) == 1
    assert tokenizer.convert_tokens_to_ids("[RET]") == opt.config.vocab_size == len(tokenizer) - 1
    opt.resize_token_embeddings(len(tokenizer))
    ids = tokenizer("A fish called Blorfix[RET]", return_tensors="pt")["input_ids"]
    assert ids[0, 0] == tokenizer.bos_token_id
    assert ids[0, -1] == len(tokenizer) - 1
    with torch.inference_mode():
        assert opt(input_ids=ids).logits.shape[-1] == len(tokenizer)
        assert opt.model(input_ids=ids).last_hidden_state.shape[-1] == OPT_HIDDEN


@pytest.mark.parametrize("text", ["Zquirlboff", "naïve ☃\n\tx", "Q: What is it?\nA: a fish"])
def test_any_text_survives_the_tokenizer(opt_tokenizer: Any, text: str) -> None:
    ids = opt_tokenizer(text)["input_ids"]
    assert opt_tokenizer.unk_token_id not in ids
    assert opt_tokenizer.decode(ids, skip_special_tokens=True) == text


def test_soft_vectors_are_sums_of_their_keywords(opt_tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(language, "prose_paragraphs", lambda: tuple(PROSE))
    learning = language.Learning(opt_tokenizer, Schedule(2, 4, 1e-3, 1, 0.0, 1))
    monkeypatch.setattr(language, "NOISE", 0.0)
    monkeypatch.setattr(language, "SCALES", (1.0, 1.0))
    one, two, both = (
        learning._soft([group], np.random.default_rng(0)) for group in (("red",), ("fish",), ("red", "fish"))
    )
    torch.testing.assert_close(one + two, both)
    documents_ = [document(np.random.default_rng(n), PROSE) for n in range(200)]
    assert {len(one.soft) for one in documents_} == set(range(MOST_SOFT + 1))
    assert all("".join(text for text, _ in one.pieces) == one.text for one in documents_)


def _learning(name: str, tokenizer: Any, schedule: Schedule) -> Any:
    kinds: dict[str, Callable[[Any, Schedule], Any]] = {"vision": vision.Learning, "language": language.Learning}
    return kinds[name](tokenizer, schedule)


@pytest.mark.parametrize("name", ["vision", "language"])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip_tokenizer: Any, opt_tokenizer: Any
) -> None:
    import torch

    tokenizer = clip_tokenizer if name == "vision" else opt_tokenizer
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(language, "prose_paragraphs", lambda: tuple(PROSE))
    schedule = Schedule(steps=4, batch=6, peak=1e-3, warmup=1, weight_decay=0.0, seed=1)

    def work(scratch: Path) -> dict[str, Any]:
        scratch.mkdir(exist_ok=True)
        learning = _learning(name, tokenizer, schedule)
        layers = learning.model.model.decoder.layers if name == "language" else None  # Muon's state is kept too
        fit(name, learning.learned, learning.losses, schedule, True, scratch, layers)
        return dict(learning.model.state_dict())

    whole = work(tmp_path / "whole")
    save = training._save

    def stop(*arguments: Any) -> None:
        save(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_save", stop)
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path / "cut")
    monkeypatch.setattr(training, "_save", save)
    resumed = work(tmp_path / "cut")
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_a_changed_schedule_starts_anew(tmp_path: Path, clip_tokenizer: Any) -> None:
    for seed in (1, 2):
        schedule = Schedule(steps=1, batch=3, peak=1e-3, warmup=1, weight_decay=0.0, seed=seed)
        learning = _learning("vision", clip_tokenizer, schedule)
        asked: list[int] = []

        def losses(step: int, learning: Any = learning, asked: list[int] = asked) -> dict[str, Any]:
            asked.append(step)
            return dict(learning.losses(step))

        fit("vision", learning.learned, losses, schedule, True, tmp_path)
        assert asked == [0]


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    schedule = Schedule(steps=100, batch=1, peak=0.1, warmup=10, weight_decay=0.0, seed=0)
    rates = [schedule.learning_rate(step) for step in range(100)]
    assert rates[0] < rates[5] < rates[10] <= 0.1
    assert rates[99] < 0.001


def test_the_same_texts_make_the_same_tokenizers(clip_tokenizer: Any, opt_tokenizer: Any) -> None:
    for made, texts in ((clip_tokenizer, TEXTS), (opt_tokenizer, [*TEXTS, *PROSE])):
        make = make_clip_tokenizer if made is clip_tokenizer else make_opt_tokenizer
        one, other = (json.loads(tokenizer.backend_tokenizer.to_str())["model"] for tokenizer in (made, make(texts)))
        assert one == other


def test_documents_grow() -> None:
    def longest(progress: float) -> int:
        drawn = [document(np.random.default_rng(n), PROSE, progress) for n in range(200)]
        return max(len(one.text) for one in drawn if one.kind == "questions")

    assert longest(0.0) < longest(1.0) / 2


def test_attention_starts_one_place_back_and_then_finds_its_like(opt_tokenizer: Any) -> None:
    import torch

    torch.manual_seed(0)
    opt = make_opt(opt_tokenizer).eval()
    with torch.inference_mode():
        opt.get_input_embeddings().weight.zero_()  # places alone
        looked = opt.model(input_ids=torch.arange(12)[None], output_attentions=True).attentions[0][0].mean(dim=0)
    assert (looked[2:].argmax(dim=1) == torch.arange(1, 11)).all()
    for number, layer in enumerate(opt.model.decoder.layers):
        attention = layer.self_attn
        torch.testing.assert_close(
            attention.out_proj.weight @ attention.v_proj.weight, 0.4 * torch.eye(OPT_HIDDEN), atol=1e-5, rtol=0
        )
        alike = attention.q_proj.weight.T @ attention.k_proj.weight
        assert torch.allclose(alike, 0.49 * torch.eye(OPT_HIDDEN), atol=1e-5) == (number > 0)


def test_alt_texts_are_short() -> None:
    rng = np.random.default_rng(3)
    assert max(len(alt_text(draw_scene(rng), rng).split()) for _ in range(500)) <= 14
