"""The small CLIP and Phi: their classes, their start, that they learn, resume and load."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.foundation.clip_phi import exam, language, training, vision
from stages.foundation.clip_phi.architecture import (
    END,
    GRID,
    PHI_HIDDEN,
    VISION_HIDDEN,
    make_clip,
    make_clip_tokenizer,
    make_image_processor,
    make_phi,
    make_phi_tokenizer,
)
from stages.foundation.clip_phi.canvas import SIDE
from stages.foundation.clip_phi.documents import Document, every_wording
from stages.foundation.clip_phi.facts import FACTS
from stages.foundation.clip_phi.language import Reader, make_bases, vectors
from stages.foundation.clip_phi.scene import draw_scene
from stages.foundation.clip_phi.training import Schedule, fit
from stages.foundation.clip_phi.vision import KEPT, alt_text, patch_states
from stages.foundation.clip_phi.words import EVERY_WORD

PROSE = ["Return a plain sentence that is long enough to be read by anyone who wants to read it."]
TEXT_RNG = np.random.default_rng(0)
TEXTS = [alt_text(draw_scene(TEXT_RNG), TEXT_RNG) for _ in range(200)]
WORDINGS = every_wording(TEXT_RNG, PROSE, 200)


@pytest.fixture(scope="module")
def clip_tokenizer() -> Any:
    return make_clip_tokenizer(TEXTS)


@pytest.fixture(scope="module")
def phi_tokenizer() -> Any:
    return make_phi_tokenizer(WORDINGS)


def test_models_load_in_their_own_classes(tmp_path: Path, clip_tokenizer: Any, phi_tokenizer: Any) -> None:
    import torch
    from transformers import AutoTokenizer, CLIPModel, CodeGenTokenizer, PhiForCausalLM

    for made, tokenizer, name in ((make_clip, clip_tokenizer, "vision"), (make_phi, phi_tokenizer, "language")):
        made(tokenizer).save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
    clip = CLIPModel.from_pretrained(tmp_path / "vision").eval()
    texts = AutoTokenizer.from_pretrained(tmp_path / "vision")(
        ["A red fish", "a cat"], padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        pixels = torch.zeros(3, 3, SIDE, SIDE)
        assert clip(pixel_values=pixels, **texts).logits_per_image.shape == (3, 2)
        assert patch_states(clip, pixels).shape == (3, GRID * GRID, VISION_HIDDEN)

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "language")
    assert isinstance(tokenizer, CodeGenTokenizer)
    assert tokenizer.bos_token == tokenizer.eos_token == tokenizer.pad_token == END
    phi = PhiForCausalLM.from_pretrained(tmp_path / "language").eval()
    assert phi.config.eos_token_id == tokenizer.eos_token_id
    ids = tokenizer(f"USER: Hello\nASSISTANT: a fish{END}", return_tensors="pt")["input_ids"]
    assert ids[0, -1] == tokenizer.eos_token_id
    with torch.inference_mode():
        assert phi(input_ids=ids).logits.shape[-1] == len(tokenizer)
        assert phi.model(input_ids=ids).last_hidden_state.shape[-1] == PHI_HIDDEN
    assert PHI_HIDDEN % 64 == VISION_HIDDEN % 64 == 0


def test_what_is_trained_is_what_is_read(clip_tokenizer: Any) -> None:
    """The states that the heads ask are those that a language model is given."""
    import torch

    learning = vision.Learning(clip_tokenizer, Schedule(2, 4, 1e-3, 1, 0.0, 1))
    pixels = torch.randn(2, 3, SIDE, SIDE)
    torch.testing.assert_close(learning._encode(pixels, None)[:, 1:], patch_states(learning.model, pixels))


def test_the_tower_keeps_patches_with_things(clip_tokenizer: Any) -> None:
    import torch

    learning = vision.Learning(clip_tokenizer, Schedule(2, 4, 1e-3, 1, 0.0, 1))
    kinds = torch.zeros(3, GRID * GRID, dtype=torch.long)
    kinds[:, 5:12] = 4
    kept = learning._kept(kinds, 7)
    assert kept.shape == (3, KEPT)
    assert all(set(range(5, 12)) <= set(row.tolist()) for row in kept)
    assert torch.equal(kept, learning._kept(kinds, 7))


def test_pixels_are_those_of_the_image_processor() -> None:
    pictures = np.random.default_rng(2).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    theirs = make_image_processor()(list(pictures), return_tensors="pt")["pixel_values"]
    np.testing.assert_allclose(vision.to_pixels(pictures), theirs, atol=1e-5)


@pytest.mark.parametrize("text", ["Zquirlboff", "naïve ☃\n\tx", "Q: What is it?\nA: a fish"])
def test_any_text_survives_the_tokenizer(phi_tokenizer: Any, text: str) -> None:
    ids = phi_tokenizer(text)["input_ids"]
    assert phi_tokenizer.eos_token_id not in ids
    assert phi_tokenizer.decode(ids) == text


def test_words_of_the_scenes_are_single_tokens(phi_tokenizer: Any) -> None:
    reader = Reader(phi_tokenizer)
    assert all(len(reader.word(word)) == 1 for word in EVERY_WORD)


def test_the_same_texts_make_the_same_tokenizers(clip_tokenizer: Any, phi_tokenizer: Any) -> None:
    for made, make, texts in (
        (clip_tokenizer, make_clip_tokenizer, TEXTS),
        (phi_tokenizer, make_phi_tokenizer, WORDINGS),
    ):
        one, other = (json.loads(tokenizer.backend_tokenizer.to_str())["model"] for tokenizer in (made, make(texts)))
        assert one == other


def test_vectors_are_sums_of_their_words(phi_tokenizer: Any) -> None:
    import torch

    table, bases, reader = torch.randn(len(phi_tokenizer), PHI_HIDDEN), make_bases(1), Reader(phi_tokenizer)
    told: list[Any] = [(("kind", "ball"), ("colour", "red")), (), (("across", "left"),), (("relation", "left"),)]
    both, nothing, across, relation = vectors(table, bases, reader, told)
    torch.testing.assert_close(both, table[reader.word("ball")[0]] + table[reader.word("red")[0]])
    assert not nothing.any()
    assert not torch.allclose(across, relation)  # the left of the picture isn't the left of something
    torch.testing.assert_close(across.norm(), table[reader.word("left")[0]].norm())


def test_vectors_stand_where_the_document_says(phi_tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "prose_paragraphs", lambda: tuple(PROSE))
    learning = language.Learning(phi_tokenizer, Schedule(2, 4, 1e-3, 1, 0.0, 1))
    told = ((("kind", "ball"),), (("kind", "cup"),))
    one = Document("questions", (("USER: ", False), (None, False), ("\nWhat?", False), (f" cup{END}", True)), told)
    ids, weights, at = learning._row(one)
    before = len(phi_tokenizer("USER: ")["input_ids"])
    assert at == before
    assert weights[at : at + 2] == [0.0, 0.0]
    assert weights[-2:] == [1.0, 1.0]
    assert ids[-1] == phi_tokenizer.eos_token_id


def _learning(name: str, tokenizer: Any, schedule: Schedule) -> Any:
    kinds: dict[str, Callable[[Any, Schedule], Any]] = {"vision": vision.Learning, "language": language.Learning}
    return kinds[name](tokenizer, schedule)


@pytest.mark.parametrize("name", ["vision", "language"])
def test_an_interrupted_training_goes_on_to_the_same_weights(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip_tokenizer: Any, phi_tokenizer: Any
) -> None:
    import torch

    tokenizer = clip_tokenizer if name == "vision" else phi_tokenizer
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(language, "prose_paragraphs", lambda: tuple(PROSE))
    schedule = Schedule(steps=4, batch=8, peak=1e-3, warmup=1, weight_decay=0.0, seed=1)

    def work(scratch: Path) -> dict[str, Any]:
        scratch.mkdir(exist_ok=True)
        learning = _learning(name, tokenizer, schedule)
        model = learning.model
        layers = model.model.layers if name == "language" else model.vision_model.encoder.layers
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
        schedule = Schedule(steps=1, batch=4, peak=1e-3, warmup=1, weight_decay=0.0, seed=seed)
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


def test_attention_starts_one_place_back_and_finds_what_followed_its_like(phi_tokenizer: Any) -> None:
    import torch

    torch.manual_seed(0)
    phi = make_phi(phi_tokenizer).eval()
    rng, found = np.random.default_rng(0), []
    for _ in range(12):
        row = [int(n) for n in rng.permutation(np.arange(300, 900))[:12]]
        ids = torch.tensor([[*row, row[3]]])  # the fourth token once more
        with torch.inference_mode():
            first, second = (looked[0].mean(dim=0) for looked in phi.model(ids, output_attentions=True).attentions[:2])
        assert (first[1:].argmax(dim=1) == torch.arange(12)).all()
        found.append(float(second[12, 4]))
    assert np.mean(found) > 4 / 13  # four times as much as by chance


def test_the_exam_reads_facts_off_states_that_hold_them() -> None:
    rng = np.random.default_rng(0)
    count = exam.TEACHING + 40
    facts = np.stack([rng.integers(0, len(values), (count, GRID * GRID)) for values in FACTS.values()], axis=1)
    told = np.concatenate([np.eye(len(values))[facts[:, n]] for n, values in enumerate(FACTS.values())], axis=-1)
    assert min(exam._linear(told, facts).values()) > 0.99
    blind = exam._linear(rng.standard_normal(told.shape), facts)
    assert blind["kind"] < 0.15


@pytest.mark.parametrize(
    ("given_", "wanted", "same"),
    [("Red.", "red", True), ("the ball is red", "Red", True), ("red", "green", False), ("no", "Yes, it is", False)],
)
def test_answers_are_compared_without_style(given_: str, wanted: str, same: bool) -> None:
    assert exam._same(given_, wanted) == same
