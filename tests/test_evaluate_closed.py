"""Closed-label scores are the model's own: those of one forward pass a label, whatever is shared between labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.evaluate import closed
from stages.evaluate.closed import best_labels, score_labels
from stages.evaluate.label_tree import LabelTree
from stages.params import UserError

END, PICTURE, VOCABULARY = 2, 90, 97
# "ski" begins "skiing" and "ski jumping"; "bobsled" and "luge" are one token; "table tennis" ends like "tennis"
LABELS = [
    *([11, END], [11, 12, END], [11, 13, 14, END], [20, END], [21, END], [30, 31, END], [31, END]),
    *([30, 32, 33, 34, END], [30, 32, 33, 35, END], [40, 41, 42, END], [12, 11, END]),
]
LENGTHS = (9, 5, 7)  # tokens of the prompts


def left_padded(pictures: int = 0, seed: int = 3) -> dict[str, Any]:
    """Prompts of different lengths; with `pictures`, each token sees the last one before it, the first token none."""
    torch.manual_seed(seed)
    longest = max(LENGTHS)
    ids, mask = torch.randint(50, 90, (len(LENGTHS), longest)), torch.zeros(len(LENGTHS), longest, dtype=torch.long)
    sees = torch.zeros(len(LENGTHS), longest, pictures, dtype=torch.long)
    for row, length in enumerate(LENGTHS):
        ids[row, : longest - length] = 0
        mask[row, longest - length :] = 1
        for place in range(longest - length + 1, longest):
            sees[row, place, min(pictures - 1, (place - longest + length - 1) // 2) if pictures else ()] = 1
    inputs = {"input_ids": ids, "attention_mask": mask}
    if pictures:
        values = torch.randn(len(LENGTHS), pictures, 3, 28, 28)
        inputs |= {"pixel_values": values, "image_attention_mask": sees}
    return inputs


def idefics(resampler: bool = True, attention: str = "sdpa", width: int = 32) -> Any:
    from transformers import IdeficsConfig, IdeficsForVisionText2Text

    torch.manual_seed(1)
    size = {"embed_dim": width, "image_size": 28, "patch_size": 14, "intermediate_size": 64, "num_hidden_layers": 1}
    heads = {"resampler_n_latents": 4, "resampler_depth": 1, "resampler_n_heads": 2, "resampler_head_dim": width // 2}
    config = IdeficsConfig(
        vocab_size=VOCABULARY,
        additional_vocab_size=2,
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        cross_layer_interval=2,
        qk_layer_norms=True,
        alpha_initializer="ones",  # with zeros, as a new model has them, no picture matters
        initializer_range=0.3,  # answers that differ by nats
        use_resampler=resampler,
        vision_config={**size, "num_attention_heads": 2},
        perceiver_config=heads,
        attn_implementation=attention,
    )
    return IdeficsForVisionText2Text(config).eval()


def gemma() -> Any:
    from transformers import GemmaConfig, GemmaForCausalLM

    torch.manual_seed(1)
    return GemmaForCausalLM(GemmaConfig(**text_size(), initializer_range=0.3)).eval()


def text_size() -> dict[str, Any]:
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    return {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, **heads}


def paligemma(**text: Any) -> tuple[Any, dict[str, Any]]:
    """A model with its inputs; `text` in place of Gemma's settings."""
    from transformers import PaliGemmaConfig, PaliGemmaForConditionalGeneration

    torch.manual_seed(1)
    vision = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = PaliGemmaConfig(
        text_config={"model_type": "gemma", **text_size(), "initializer_range": 0.3, **text},
        vision_config={"model_type": "siglip_vision_model", **vision, "image_size": 28, "patch_size": 14},
        projection_dim=32,
        image_token_id=PICTURE,
    )
    model = PaliGemmaForConditionalGeneration(config).eval()
    return model, {**with_picture_tokens(), "token_type_ids": torch.zeros(3, max(LENGTHS), dtype=torch.long)}


def llava() -> tuple[Any, dict[str, Any]]:
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    torch.manual_seed(1)
    vision = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlavaConfig(
        text_config={"model_type": "llama", **text_size(), "initializer_range": 0.3},
        vision_config={"model_type": "clip_vision_model", **vision, "image_size": 28, "patch_size": 14},
        image_token_index=PICTURE,
    )
    return LlavaForConditionalGeneration(config).eval(), with_picture_tokens()


def with_picture_tokens() -> dict[str, Any]:
    """Prompts that begin with the four tokens of their picture."""
    inputs = left_padded()
    for row, length in enumerate(LENGTHS):
        start = max(LENGTHS) - length
        inputs["input_ids"][row, start : start + 4] = PICTURE
    return {**inputs, "pixel_values": torch.randn(len(LENGTHS), 3, 28, 28)}


@torch.no_grad()
def one_by_one(model: Any, inputs: dict[str, Any], labels: Sequence[Sequence[int]]) -> torch.Tensor:
    """Each prompt, unpadded, with each label in a pass of its own, without a cache."""
    scores = torch.empty(len(LENGTHS), len(labels))
    for row, length in enumerate(LENGTHS):
        for column, label in enumerate(labels):
            one = {name: value[row : row + 1] for name, value in inputs.items()}
            one["attention_mask"] = torch.ones(1, length + len(label), dtype=torch.long)
            one["input_ids"] = torch.cat([one["input_ids"][:, -length:], torch.tensor([label])], dim=1)
            if "image_attention_mask" in one:
                sees = one["image_attention_mask"][:, -length:]
                one["image_attention_mask"] = torch.cat([sees, sees[:, -1:].expand(-1, len(label), -1)], dim=1)
            if "token_type_ids" in one:
                one["token_type_ids"] = torch.tensor([[0] * length + [1] * len(label)])
            steps = model(**one).logits[0, length - 1 : -1].float().log_softmax(-1)
            scores[row, column] = steps[range(len(label)), label].sum()
    return scores


def assert_the_model_s_own(model: Any, inputs: dict[str, Any]) -> None:
    wanted = one_by_one(model, inputs, LABELS)
    found = score_labels(model, inputs, LABELS)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)
    assert found.argmax(1).tolist() == wanted.argmax(1).tolist()
    best, value = best_labels(model, inputs, LABELS)
    assert best.tolist() == wanted.argmax(1).tolist()
    torch.testing.assert_close(value, wanted.amax(1), rtol=0, atol=1e-4)


@pytest.mark.parametrize("resampler", [True, False])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_idefics_with_several_pictures(resampler: bool, attention: str) -> None:
    model = idefics(resampler, attention)
    inputs = left_padded(pictures=3)
    assert_the_model_s_own(model, inputs)
    others = {**inputs, "pixel_values": torch.randn_like(inputs["pixel_values"])}
    assert (score_labels(model, others, LABELS) - score_labels(model, inputs, LABELS)).abs().max() > 0.1


def test_gemma() -> None:
    assert_the_model_s_own(gemma(), left_padded())


def test_paligemma() -> None:
    assert_the_model_s_own(*paligemma())


def test_paligemma2_with_soft_caps() -> None:
    window = {"model_type": "gemma2", "sliding_window": 64, "attn_implementation": "eager"}
    assert_the_model_s_own(*paligemma(**window, final_logit_softcapping=3.0))


def test_llava() -> None:
    assert_the_model_s_own(*llava())


def test_four_bit(tmp_path: Path) -> None:
    from transformers import BitsAndBytesConfig, IdeficsForVisionText2Text

    idefics(width=64).save_pretrained(tmp_path)  # bitsandbytes' AVX-512 kernels take whole blocks of 64
    four = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    model = IdeficsForVisionText2Text.from_pretrained(tmp_path, quantization_config=four, dtype=torch.float32).eval()
    assert any(weight.dtype == torch.uint8 for weight in model.parameters())
    inputs = left_padded(pictures=2)
    wanted = one_by_one(model, inputs, LABELS)
    torch.testing.assert_close(score_labels(model, inputs, LABELS), wanted, rtol=0, atol=5e-2)
    assert best_labels(model, inputs, LABELS)[0].tolist() == wanted.argmax(1).tolist()


def test_normalised_scores_are_those_of_one_token_on_average() -> None:
    model, inputs = gemma(), left_padded()
    lengths = torch.tensor([len(label) for label in LABELS])
    torch.testing.assert_close(
        score_labels(model, inputs, LABELS, normalise=True), score_labels(model, inputs, LABELS) / lengths
    )


def test_pictures_and_prompts_are_read_once_and_last_tokens_never(monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = idefics(), left_padded(pictures=2)
    towers, lengths = [], []
    model.model.vision_model.register_forward_hook(lambda *_: towers.append(1))
    model.lm_head.register_forward_hook(lambda _, given, __: lengths.append(given[0].shape[1]))
    score_labels(model, inputs, LABELS)
    assert len(towers) == 1
    assert lengths == [1, len(LabelTree.of(LABELS).inner)]
    lengths.clear()
    monkeypatch.setattr(closed, "MOST_LOGITS", len(LENGTHS) * (VOCABULARY + 2) * 4)
    in_parts = score_labels(model, inputs, LABELS)
    assert max(lengths) == 4
    monkeypatch.undo()
    torch.testing.assert_close(in_parts, score_labels(model, inputs, LABELS), rtol=0, atol=1e-5)


def test_a_model_that_is_sure_reads_little_more_than_the_answer() -> None:
    model, inputs = gemma(), left_padded()
    wanted = [0, 7, 3]
    states = []
    for row, label in enumerate(wanted):
        read = torch.cat([inputs["input_ids"][row, -LENGTHS[row] :], torch.tensor(LABELS[label])])[None]
        states.append(model.model(input_ids=read).last_hidden_state[0, LENGTHS[row] - 1 : -1])
    tokens = torch.tensor([token for label in wanted for token in LABELS[label]])
    right = 20.0 * torch.nn.functional.one_hot(tokens, VOCABULARY)
    with torch.no_grad():  # turn the head towards each prompt's answer, as training would
        turned = model.lm_head.weight + (torch.linalg.pinv(torch.cat(states)) @ right).T
    model.lm_head.weight = torch.nn.Parameter(turned)  # no longer the embedding's
    read_tokens: list[int] = []
    model.lm_head.register_forward_hook(lambda _, given, __: read_tokens.append(given[0].shape[1]))
    best, _ = best_labels(model, inputs, LABELS)
    assert best.tolist() == score_labels(model, inputs, LABELS).argmax(1).tolist() == wanted
    assert sum(read_tokens[:-2]) < 1 + len(LabelTree.of(LABELS).inner)


class TestDefences:
    """With each of them the scores are right; without it they are not."""

    def test_a_token_sees_its_own_label_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model, inputs = gemma(), left_padded()
        wanted = score_labels(model, inputs, LABELS)
        monkeypatch.setattr(LabelTree, "lineage", lambda tree, node: range(1, node + 1))
        assert (score_labels(model, inputs, LABELS) - wanted).abs().max() > 0.1

    def test_padding_on_the_right_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model, inputs = gemma(), left_padded()
        turned = {name: value.clone() for name, value in inputs.items()}
        for value in turned.values():
            for row, length in enumerate(LENGTHS):
                value[row] = value[row].roll(length - max(LENGTHS))
        with pytest.raises(UserError, match="pad prompts on the left"):
            score_labels(model, turned, LABELS)
        monkeypatch.setattr(closed, "_check", lambda *_: None)
        assert (score_labels(model, turned, LABELS) - score_labels(model, inputs, LABELS)).abs().max() > 0.1

    def test_an_attention_without_masks_is_refused(self) -> None:
        model = gemma()
        model.config._attn_implementation = "flash_attention_2"
        with pytest.raises(UserError, match=r"'flash_attention_2' takes no mask of its own.*eager, sdpa"):
            score_labels(model, left_padded(), LABELS)

    def test_dropout_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model, inputs = gemma(), left_padded()
        model.config.attention_dropout = 0.5
        for layer in model.model.layers:
            layer.self_attn.attention_dropout = 0.5
        wanted = score_labels(model, inputs, LABELS)
        with pytest.raises(UserError, match=r"call model.eval\(\) first"):
            score_labels(model.train(), inputs, LABELS)
        monkeypatch.setattr(closed, "_check", lambda *_: None)
        assert (score_labels(model, inputs, LABELS) - wanted).abs().max() > 0.1

    def test_labels_beyond_the_sliding_window_are_refused(self) -> None:
        model, inputs = paligemma(model_type="gemma2", sliding_window=12, attn_implementation="eager")
        with pytest.raises(UserError, match="sliding window of 12: take a shorter prompt"):
            score_labels(model, inputs, LABELS)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.lists(st.integers(3, 8), min_size=1, max_size=4).map(tuple), min_size=1, max_size=12, unique=True),
    st.integers(0, 1000),
)
def test_the_best_label_of_any_list_is_found(labels: list[tuple[int, ...]], seed: int) -> None:
    model, inputs = gemma(), left_padded(seed=seed)
    wanted = score_labels(model, inputs, labels)
    best, value = best_labels(model, inputs, labels)
    torch.testing.assert_close(value, wanted.amax(1), rtol=0, atol=1e-4)
    torch.testing.assert_close(wanted.gather(1, best[:, None])[:, 0], wanted.amax(1), rtol=0, atol=1e-4)
