"""idefics-tiny's texts without pictures, and the start from which its decoder learns to copy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.foundation.idefics import architecture, prose
from stages.foundation.idefics.architecture import GRID, VISION_HIDDEN, make_model, make_tokenizer
from stages.foundation.idefics.documents import ANSWER, Document, tokenizer_texts
from stages.foundation.idefics.encoding import encode
from stages.foundation.idefics.prose import prose_sentences, prose_words
from stages.foundation.idefics.scene import draw_scene
from stages.foundation.idefics.withheld import speaks_of_withheld
from stages.foundation.idefics.writing import again, pairs, written

RNG = np.random.default_rng(0)
SCENES = [draw_scene(RNG) for _ in range(100)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer(tokenizer_texts(SCENES, np.random.default_rng(1)))


def counted(tokenizer: Any, document: Document) -> list[int]:
    """The tokens that count in full."""
    batch = encode(tokenizer, [document])
    return [int(token) for token in batch.ids[0][batch.weights[0] >= ANSWER]]


def test_prose_is_sentences_that_hold_nothing_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(prose_sentences()) > 2000
    assert len(prose_words()) > 2000
    assert not [text for text in (*prose_sentences(), *prose_words()) if speaks_of_withheld(text)]
    monkeypatch.setattr(prose, "speaks_of_withheld", lambda _: False)
    assert [word for word in prose.prose_words.__wrapped__() if speaks_of_withheld(word)]


@given(seed=st.integers(0, 10**6), progress=st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=60, deadline=None)
def test_every_text_has_a_weight_a_character_and_no_picture(seed: int, progress: float) -> None:
    document = written(SCENES[seed % 100], np.random.default_rng(seed), progress)
    assert len(document.weights) == len(document.text)
    assert not document.pictures
    assert any(document.weights)
    assert not speaks_of_withheld(document.text)


def test_what_is_said_again_is_said_in_the_same_tokens(tokenizer: Any) -> None:
    """Else there is nothing to copy: a word without a blank before it is other tokens."""
    for seed in range(30):
        document = again(SCENES[0], np.random.default_rng(seed), 0.0)
        batch = encode(tokenizer, [document])
        told = counted(tokenizer, document)
        ids = [int(token) for token in batch.ids[0]]
        first = next(at for at in range(len(ids)) if ids[at : at + len(told)] == told)
        assert first + len(told) < len(ids) - len(told)


def test_a_pair_counts_once_it_was_told() -> None:
    for seed in range(30):
        document = pairs(np.random.default_rng(seed), 1.0)
        lines = document.text.removeprefix("<s>").removesuffix("</s>").split("\n")
        known: set[str] = set()
        at = len("<s>")
        for line in lines:
            word, said = line.removesuffix("?").rsplit(": ", 1)
            weights = document.weights[at + len(line) - len(said) : at + len(line)]
            assert set(weights) == ({ANSWER} if word in known else {0.0}), document.text
            known.add(word)
            at += len(line) + 1


def _looks_back(tokenizer: Any) -> float:
    """Share of a text's tokens that the first layer shows the token before, more than any other."""
    import torch

    torch.manual_seed(0)
    model = make_model(tokenizer).eval()
    batch = encode(tokenizer, [again(SCENES[1], np.random.default_rng(1), 1.0)])
    with torch.inference_mode():
        attention = model.model(
            input_ids=batch.ids,
            attention_mask=batch.mask,
            image_encoder_embeddings=torch.zeros(1, 1, GRID * GRID + 1, VISION_HIDDEN),
            image_attention_mask=batch.seen,
            output_attentions=True,
        ).attentions[0][0]
    looked = attention.mean(0).argmax(-1)[1:]
    return float((looked == torch.arange(len(looked))).float().mean())


def test_the_first_layer_starts_one_place_back(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _looks_back(tokenizer) > 0.9
    monkeypatch.setattr(architecture, "_ready_to_copy", lambda _: None)
    assert _looks_back(tokenizer) < 0.3
