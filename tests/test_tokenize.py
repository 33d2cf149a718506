"""The mask receipt and its four refusals; the view is what the processor itself would make."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from stages.answers.recipe import Tokenize
from stages.foundation.paligemma2.architecture import IMAGE_TOKENS, make_model, make_processor, make_tokenizer
from stages.foundation.paligemma2.drawing import HEIGHT, WIDTH
from stages.foundation.paligemma2.questions import every_text
from stages.params import UserError
from stages.tokenize.answers.encode import Encoder, image_features
from stages.tokenize.answers.rows import TokenizedRow
from stages.tokenize.answers.stage import make_receipt
from stages.tokenize.answers.views import Fit, trim_to_ink

PROMPT = "Which letter is being circled?"


@pytest.fixture(scope="module")
def processor() -> Any:
    return make_processor(make_tokenizer(every_text()))


def encoder(processor: Any, features: int = IMAGE_TOKENS, longest: int = 128) -> Encoder:
    return Encoder(processor, features, longest)


def test_prefix_and_suffix_are_the_processor_s_own(processor: Any) -> None:
    encoded = encoder(processor).encode(PROMPT, "k")
    tokenizer = processor.tokenizer
    assert encoded.prefix.count(processor.image_token_id) == IMAGE_TOKENS
    assert tokenizer.decode(encoded.prefix, skip_special_tokens=True).strip() == PROMPT
    assert tokenizer.decode(encoded.suffix) == f"k{tokenizer.eos_token}"
    assert encoder(processor).prefix(PROMPT) == encoded.prefix  # what generation starts from


def test_a_supervised_prompt_is_refused(processor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoder(processor)
    process = whole._process

    def supervised(prompt: str, **suffix: str) -> Any:
        result = process(prompt, **suffix)
        result["labels"] = np.array(result["input_ids"])
        return result

    monkeypatch.setattr(whole, "_process", supervised)
    with pytest.raises(UserError, match="no token of image or prompt is supervised"):
        whole.encode(PROMPT, "k")


def test_an_answer_without_its_end_is_refused(processor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = encoder(processor)
    process = endless._process

    def cut(prompt: str, **suffix: str) -> Any:
        return {name: [list(value[0])[:-1]] for name, value in process(prompt, **suffix).items()}

    monkeypatch.setattr(endless, "_process", cut)
    with pytest.raises(UserError, match="end of sequence"):
        endless.encode(PROMPT, "k")


def test_image_tokens_that_do_not_match_the_tower_are_refused(processor: Any) -> None:
    with pytest.raises(UserError, match=f"{IMAGE_TOKENS} tokens, 64 features"):
        encoder(processor, features=64).encode(PROMPT, "k")


def test_a_row_that_would_be_cut_is_refused(processor: Any) -> None:
    with pytest.raises(UserError, match=r"`tokenize\.max_length` is 40: raise it"):
        encoder(processor, longest=40).encode(PROMPT, "k")


def test_the_refusals_are_what_refuses(processor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Encoder, "refuse", lambda *_: None)
    assert encoder(processor, features=64, longest=40).encode(PROMPT, "k").suffix  # nothing else stands in the way


def test_the_tower_s_positions_must_fit_the_pictures(processor: Any) -> None:
    config = make_model(processor.tokenizer).config
    assert image_features(config, HEIGHT, WIDTH) == IMAGE_TOKENS
    with pytest.raises(UserError, match="do not belong together"):
        image_features(config, 2 * HEIGHT, WIDTH)


def test_the_receipt_shows_what_is_supervised(processor: Any) -> None:
    encoded = encoder(processor).encode(PROMPT, "Q")
    view = replace(TokenizedRow("a", "train", "Q", "Q", encoded.prefix, encoded.suffix, view=None))  # type: ignore[arg-type]
    receipt = make_receipt([view] * 10, processor, PROMPT)
    assert receipt["supervised_tokens"] == 20
    assert receipt["examples"][0]["supervised"] == "Q<eos>"
    assert receipt["examples"][0]["text"].startswith(f"<image>×{IMAGE_TOKENS}<bos>")


def word_picture(mode: str = "RGB", width: int = 300, height: int = 200) -> Image.Image:
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((100, 80), "plumb", fill="black")
    draw.ellipse((98, 74, 112, 100), outline="red")
    return picture.convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "P", "L", "RGBA"])
def test_a_view_is_what_the_processor_makes_of_the_picture(processor: Any, mode: str) -> None:
    fit = Fit.of(processor, Tokenize(prompt=PROMPT, trim=False))
    picture = word_picture(mode)
    view = fit(picture)
    assert view.size == (WIDTH, HEIGHT)
    ours = processor.image_processor(view, do_resize=False)["pixel_values"][0]
    theirs = processor.image_processor(picture.convert("RGB"))["pixel_values"][0]
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@given(st.integers(0, 200), st.integers(0, 120), st.integers(1, 90), st.integers(1, 70), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_trimming_keeps_all_ink_and_the_aspect(left: int, top: int, wide: int, tall: int, margin: int) -> None:
    picture = Image.new("RGB", (300, 200), (250, 250, 240))
    ImageDraw.Draw(picture).rectangle((left, top, left + wide - 1, top + tall - 1), fill=(10, 10, 10))
    cut = trim_to_ink(picture, margin, aspect=8)
    dark = np.asarray(cut).sum(axis=2) < 100
    assert dark.sum() == wide * tall
    assert cut.height == tall + 2 * margin
    assert cut.width >= 8 * cut.height - 1
    assert cut.width == max(wide + 2 * margin, round(8 * cut.height))


def test_an_empty_picture_stays_as_it_is() -> None:
    blank = Image.new("RGB", (30, 20), "white")
    assert trim_to_ink(blank, 3, 8) is blank


def test_a_processor_that_crops_is_refused(processor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor.image_processor, "do_resize", False)
    with pytest.raises(UserError, match="resizes to a fixed height and width"):
        Fit.of(processor, Tokenize(prompt=PROMPT))


def test_a_base_without_its_tokenizer_says_what_to_do(tmp_path: Path) -> None:
    from stages.bases import load_processor
    from stages.recipe import Model

    with pytest.raises(UserError, match="git checkout"):
        load_processor(tmp_path / "none", Model(id="tiny"))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=r"has no tokenizer\.json \(the tokenizer\)"):
        load_processor(tmp_path, Model(id="tiny"))
