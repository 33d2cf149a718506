"""FROMAGe's model: what is trained, what is masked, and that every shortcut gives the long way's numbers."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from grounding import TINY, WIDTH, caption_labels, interleaved, make_base, make_model, pictures, text_labels
from torch.nn import functional

from stages.grounding import IMAGE, losses
from stages.grounding.adapter import TENSORS
from stages.grounding.configuration import FromageConfig
from stages.grounding.losses import contrastive, next_token_loss
from stages.grounding.model import Fromage, register
from stages.grounding.towers import load_language
from stages.params import UserError

BIRD, CREATURE = " a blue bird sleeps", " a red creature with two horns"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def step(model: Fromage, tokenizer: Any) -> torch.Tensor:
    """All three losses of two pictures with their captions."""
    k, ret_id, features = model.config.visual_tokens, model.config.ret_id, model.features_of(pictures(2))
    rows = interleaved(tokenizer, [[None, BIRD, "[RET]"], [None, CREATURE, "[RET]"]], k, side="right")
    captions = model(*rows, features, labels=caption_labels(*rows, ret_id=ret_id)).loss
    ids, mask = interleaved(tokenizer, [[BIRD, "[RET]"], [CREATURE, "[RET]"]])
    hidden, _ = model.hidden_of(ids, mask)
    said = next_token_loss(hidden, text_labels(ids, mask), model.logits_of)
    ways = contrastive(model.image_embeddings(features), model.at_ret(hidden, ids), model.logit_scale.exp())
    return captions + said + sum(ways) / 2


def frozen_bytes(model: Fromage) -> list[bytes]:
    parts = (model.language, model.vision)
    return [tensor.contiguous().numpy().tobytes() for part in parts for tensor in part.state_dict().values()]


@pytest.mark.parametrize("k", [1, 4])
def test_a_step_trains_the_eight_tensors_and_nothing_else(base: Path, k: int) -> None:
    model, tokenizer = make_model(base, visual_tokens=k)
    before, trained = frozen_bytes(model), {name: p.detach().clone() for name, p in model.named_parameters()}
    assert set(trained) == set(TENSORS) == set(model.state_dict())

    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=0.01)
    model.train()
    step(model, tokenizer).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    optimizer.step()

    assert all(not torch.equal(p, trained[name]) for name, p in model.named_parameters())
    assert all(p.grad is None for part in (model.language, model.vision) for p in part.parameters())
    assert not model.language.training
    assert frozen_bytes(model) == before


def test_parts_that_were_not_frozen_would_get_gradients(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.Module, "requires_grad_", lambda self, wanted=True: self)
    model, tokenizer = make_model(base)
    step(model, tokenizer).backward()
    assert any(p.grad is not None for p in model.language.parameters())


def test_a_seed_makes_the_same_model_and_leaves_the_callers_randomness_alone(base: Path) -> None:
    torch.manual_seed(5)
    first = make_model(base)[0].state_dict()
    drawn = torch.rand(3)
    second = make_model(base)[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in TENSORS)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), drawn)
    assert float(first["logit_scale"]) == pytest.approx(math.log(1 / 0.07))


@pytest.mark.parametrize("k", [1, 4])
def test_cached_features_give_the_loss_of_the_pixels(base: Path, k: int) -> None:
    model, tokenizer = make_model(base, visual_tokens=k)
    rows = interleaved(tokenizer, [[None, BIRD], [None, CREATURE]], k)
    labels = caption_labels(*rows, ret_id=model.config.ret_id)
    cached = model(*rows, features=model.features_of(pictures(2)), labels=labels).loss
    assert torch.equal(cached, model(*rows, pixel_values=pictures(2), labels=labels).loss)
    assert not torch.equal(cached, model(*rows, pixel_values=pictures(2, seed=1), labels=labels).loss)


def test_pictures_and_text_reach_the_language_model_in_reading_order(base: Path) -> None:
    model, tokenizer = make_model(base, visual_tokens=4)
    features = model.features_of(pictures(3))
    ids, mask = interleaved(tokenizer, [[None, BIRD, None, CREATURE], ["Q: what?", None, "\nA:"]], 4)
    hidden, _ = model.hidden_of(ids, mask, features)

    table, prefix = model.language.get_input_embeddings(), model.visual_prefix(features)
    words = [tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids[0] for text in (BIRD, CREATURE)]
    start = table(torch.tensor([tokenizer.bos_token_id]))
    row = torch.cat([start, prefix[0], table(words[0]), prefix[1], table(words[1])])[None]
    by_hand = model.language.base_model(inputs_embeds=row).last_hidden_state
    torch.testing.assert_close(hidden[:1, -row.shape[1] :], by_hand, atol=1e-5, rtol=1e-5)


def test_pictures_padding_and_ret_are_left_out_of_the_caption_loss(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = make_model(base)
    ids, mask = interleaved(tokenizer, [[None, BIRD, "[RET]"], [None, CREATURE, "[RET]"]])
    bird = tokenizer(BIRD, add_special_tokens=False).input_ids
    labels = caption_labels(ids, mask, ret_id=model.config.ret_id, unlearnt=[tokenizer.bos_token_id])
    assert [label for label in labels[0].tolist() if label != losses.IGNORED] == bird
    assert text_labels(ids, mask)[0, -len(bird) - 3 :].tolist() == [2, -100, *bird, model.config.ret_id]

    features = model.features_of(pictures(2))
    loss = model(ids, mask, features, labels=labels).loss
    logits = model.logits_of(model.hidden_of(ids, mask, features)[0])
    terms = [
        -functional.log_softmax(logits[row, place - 1], dim=-1)[ids[row, place]]
        for row in range(2)
        for place in range(ids.shape[1])
        if labels[row, place] != losses.IGNORED
    ]
    assert loss.item() == pytest.approx(torch.stack(terms).mean().item(), abs=1e-5)

    unmasked = model(ids, mask, features, labels=ids.masked_fill(ids == IMAGE, 0)).loss  # the mask is what counts
    assert abs(unmasked.item() - loss.item()) > 0.01


def test_the_head_sees_labelled_states_only_and_in_two_dimensions() -> None:
    seen: list[torch.Size] = []

    def head(hidden: torch.Tensor) -> torch.Tensor:
        seen.append(hidden.shape)
        return hidden

    labels = torch.tensor([[-100, -100, 1, 2], [0, -100, -100, 3]])
    next_token_loss(torch.randn(2, 4, 8), labels, head)
    assert seen == [(3, 8)]
    with pytest.raises(ValueError, match="no position of this batch has a label"):
        next_token_loss(torch.randn(2, 4, 8), torch.full((2, 4), -100), head)


def test_contrastive_is_cross_entropy_over_the_batch_both_ways() -> None:
    images, texts = functional.normalize(torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    scores = (3 * images @ texts.T).double()
    i2t = (scores.logsumexp(dim=1) - scores.diag()).mean()
    t2i = (scores.logsumexp(dim=0) - scores.diag()).mean()
    found = contrastive(images, texts, torch.tensor(3.0))
    torch.testing.assert_close(torch.stack(found).double(), torch.stack([i2t, t2i]))
    assert contrastive(images, images, torch.tensor(100.0))[0] < 0.01
    with pytest.raises(ValueError, match="picture embeddings against"):
        contrastive(images, texts[:4], torch.tensor(1.0))


def test_padding_on_either_side_changes_no_embedding(base: Path) -> None:
    model, tokenizer = make_model(base)
    alone = model.text_embeddings(*interleaved(tokenizer, [[BIRD, "[RET]"]]))
    assert alone.norm(dim=-1).item() == pytest.approx(1, abs=1e-6)
    for side in ("left", "right"):
        ids, mask = interleaved(tokenizer, [[BIRD, "[RET]"], [CREATURE, CREATURE, "[RET]"]], side=side)
        torch.testing.assert_close(model.text_embeddings(ids, mask)[:1], alone, atol=1e-5, rtol=0)
    ids, mask = interleaved(tokenizer, [[BIRD, "[RET]"], [CREATURE, CREATURE, "[RET]"]])
    assert (model.text_embeddings(ids, torch.ones_like(mask))[:1] - alone).abs().max() > 0.01


@pytest.mark.parametrize("k", [1, 4])
def test_generate_is_the_argmax_of_the_whole_sequence_each_step(base: Path, k: int) -> None:
    model, tokenizer = make_model(base, visual_tokens=k)
    features = model.features_of(pictures(3))
    ids, mask = interleaved(tokenizer, [["Q: what?", None, "\nA:"], [None, BIRD, None, "\nA:"]], k)
    answers = model.generate(ids, mask, features, max_new_tokens=9)
    assert answers.stopped == [None, None]
    assert answers.ids[0] != answers.ids[1]
    assert sum(len(set(row)) for row in answers.ids) > 6, "too dull an answer to show anything"
    for row, own in ((0, features[:1]), (1, features[1:])):
        sequence = ids[row][mask[row] == 1][None]
        for token in answers.ids[row]:
            logits = model.logits_of(model.hidden_of(sequence, features=own)[0][:, -1])
            assert int(logits.argmax()) == token
            sequence = torch.cat([sequence, torch.tensor([[token]])], dim=1)


def test_a_row_that_asks_for_a_picture_gets_the_embedding_at_ret(base: Path) -> None:
    model, tokenizer = make_model(base)
    ids, mask = interleaved(tokenizer, [["Q: show it", "\nA:"], [BIRD, CREATURE]])
    plain = model.generate(ids, mask, max_new_tokens=6)
    assert plain.retrieval == [None, None]
    stop = plain.ids[0][3]
    scaled = model.generate(ids, mask, max_new_tokens=6, ret_scale_factor=1000, min_word_tokens=2, stop_ids=[stop])
    asked = [row for row in range(2) if scaled.stopped[row] == model.config.ret_id]
    assert asked
    for row in asked:
        assert len(scaled.ids[row]) >= 2
        whole = torch.cat([ids[row][mask[row] == 1], torch.tensor([*scaled.ids[row], model.config.ret_id])])
        torch.testing.assert_close(scaled.retrieval[row], model.text_embeddings(whole[None])[0], atol=1e-5, rtol=0)

    first = plain.ids[0].index(stop)
    stopped = model.generate(ids, mask, max_new_tokens=6, stop_ids=[stop])
    assert (stopped.ids[0], stopped.stopped[0], stopped.retrieval[0]) == (plain.ids[0][:first], stop, None)
    if stop not in plain.ids[1]:
        assert stopped.ids[1] == plain.ids[1]


@pytest.mark.parametrize("padded", [0, 7])
def test_the_last_logit_is_rets_and_rows_beyond_the_tokenizer_are_cut(tmp_path: Path, padded: int) -> None:
    model, tokenizer = make_model(make_base(tmp_path, padded=padded))
    table = model.language.get_input_embeddings()
    assert table.num_embeddings == model.config.ret_id + padded
    with torch.no_grad():
        table.weight[model.config.ret_id :] *= 100  # meaningless rows, made loud
    ids, mask = interleaved(tokenizer, [[BIRD, "[RET]", CREATURE], [CREATURE, BIRD, "[RET]"]])
    hidden = model.hidden_of(ids, mask)[0].flatten(0, 1)
    logits, own = model.logits_of(hidden), model.language.get_output_embeddings()(hidden)
    assert logits.shape[1] == len(tokenizer) == model.config.ret_id + 1
    assert torch.equal(logits[:, :-1], own[:, : model.config.ret_id])
    torch.testing.assert_close(logits[:, -1], hidden @ model.ret_input_embeddings.weight[0])
    assert bool((own.argmax(dim=1) >= len(tokenizer)).any()) == (padded > 0), "the plain LM says padding rows"
    assert bool(model.embed(ids)[ids == model.config.ret_id].eq(model.ret_input_embeddings.weight).all())


def test_the_ret_row_is_scaled_to_the_frozen_rows_mean_length(base: Path) -> None:
    model, _ = make_model(base)
    rows = model.language.get_input_embeddings().weight[: model.config.ret_id]
    torch.testing.assert_close(model.ret_input_embeddings.weight[0], rows.mean(dim=0))  # where it starts
    with torch.no_grad():
        model.ret_input_embeddings.weight.mul_(7)
    model.renormalise_ret()
    assert model.ret_input_embeddings.weight.norm().item() == pytest.approx(rows.norm(dim=1).mean().item(), rel=1e-5)


@pytest.mark.parametrize(("quantisation", "dtype"), [("nf4", "float32"), ("nf4", "bfloat16"), ("none", "bfloat16")])
def test_frozen_parts_may_be_quantised_or_short_while_float32_is_trained(
    base: Path, quantisation: str, dtype: str
) -> None:
    model, tokenizer = make_model(base, quantisation=quantisation, dtype=dtype)
    exact, _ = make_model(base)
    kinds = {type(module).__name__ for module in model.language.modules()}
    assert ("Linear4bit" in kinds) == (quantisation == "nf4")
    model.to(torch.float32)
    assert str(model.language.get_input_embeddings().weight.dtype) == f"torch.{dtype}"
    loss = step(model, tokenizer)
    loss.backward()
    assert loss.item() == pytest.approx(step(exact, tokenizer).item(), rel=0.25)
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in model.parameters())
    ids, mask = interleaved(tokenizer, [[None, BIRD]])
    assert len(model.generate(ids, mask, pixel_values=pictures(1), max_new_tokens=3).ids[0]) == 3


def test_a_generation_between_two_steps_leaves_nf4_trainable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import bitsandbytes

    base = make_base(tmp_path, width=64)  # narrower layers can't be repacked
    model, tokenizer = make_model(base, quantisation="nf4")
    ids, mask = interleaved(tokenizer, [[None, BIRD]])
    before = step(model, tokenizer).item()
    model.generate(ids, mask, pixel_values=pictures(1), max_new_tokens=2)
    loss = step(model, tokenizer)
    loss.backward()
    assert loss.item() == before
    layers = [m for m in model.language.modules() if isinstance(m, bitsandbytes.nn.Linear4bit)]
    assert not any(getattr(layer.weight.quant_state, "packing_format_for_cpu", False) for layer in layers)

    if not bitsandbytes.functional.has_avx512bf16():
        return  # this CPU has nothing to repack for
    monkeypatch.setattr("stages.grounding.model.compute_as_in_training", lambda language: None)
    model, _ = make_model(base, quantisation="nf4")
    model.generate(ids, mask, pixel_values=pictures(1), max_new_tokens=2)
    with pytest.raises(RuntimeError):
        step(model, tokenizer).backward()


def test_a_language_model_whose_embedding_is_narrower_than_its_layers(base: Path) -> None:
    from transformers import OPTConfig, OPTForCausalLM

    narrow = OPTForCausalLM(
        OPTConfig(vocab_size=330, hidden_size=WIDTH, word_embed_proj_dim=16, ffn_dim=8, num_attention_heads=2)
    )
    whole, tokenizer = make_model(base)
    model = Fromage.over(narrow, whole.vision, ret_id=len(tokenizer) - 1, seed=0)
    assert (model.config.language_width, model.config.vision_width) == (16, 48)
    assert step(model, tokenizer).isfinite()


def test_moving_the_model_moves_its_frozen_parts_and_attaching_follows_them(base: Path) -> None:
    model, _ = make_model(base)
    language, vision = model.language, model.vision
    model.to("meta")
    assert {part.device.type for part in (model, language, vision)} == {"meta"}
    shell = Fromage(model.config)
    assert shell.device.type == "cpu"
    assert shell.attach(language, None).device.type == "meta"


def test_auto_classes_know_the_model_after_registration() -> None:
    from transformers import AutoConfig, AutoModel

    register()
    register()
    assert isinstance(AutoConfig.for_model("fromage"), FromageConfig)
    small = FromageConfig(language_width=8, vision_width=8, shared_width=4)
    assert isinstance(AutoModel.from_config(small), Fromage)


def test_mistakes_are_named(base: Path) -> None:
    model, tokenizer = make_model(base, visual_tokens=4)
    features = model.features_of(pictures(1))
    ids, mask = interleaved(tokenizer, [[None, BIRD]], 4)
    with pytest.raises(ValueError, match=r"rows hold \[4\] visual tokens; 0 pictures need 4 each"):
        model(ids, mask)
    with pytest.raises(ValueError, match=r"rows hold \[3\] visual tokens"):
        model(ids[:, [0, 1, 2, 3, 5]], features=features)
    with pytest.raises(ValueError, match=r"rows \[0\] hold no \[RET\]"):
        model.text_embeddings(ids, mask, features)
    with pytest.raises(ValueError, match="give `input_ids`, or `inputs_embeds`"):
        model()
    short = interleaved(tokenizer, [[BIRD], [CREATURE, BIRD]], side="right")
    with pytest.raises(ValueError, match="padded on the left"):
        model.generate(*short, max_new_tokens=2)
    with pytest.raises(UserError, match=r"`max_new_tokens` = 90 make .* has positions for 96"):
        model.generate(ids, mask, features, max_new_tokens=90)
    with pytest.raises(ValueError, match=r"call `attach\(language, vision\)` first"):
        Fromage(model.config)(ids, mask, features)
    with pytest.raises(ValueError, match="no vision tower is attached"):
        Fromage(model.config).attach(model.language, None).features_of(pictures(1))
    with pytest.raises(ValueError, match="input embeddings are 32 wide, not 8"):
        Fromage(FromageConfig(language_width=8)).attach(model.language, None)
    with pytest.raises(ValueError, match="the tower is 48 wide, not 1024"):
        Fromage(FromageConfig(language_width=WIDTH, ret_id=320)).attach(model.language, model.vision)
    with pytest.raises(ValueError, match=r"\[RET\] is 50265, but the language model has 327 rows"):
        Fromage(FromageConfig(language_width=WIDTH)).attach(model.language, None)
    with pytest.raises(ValueError, match="`visual_tokens` = 0"):
        FromageConfig(visual_tokens=0)
    with pytest.raises(UserError, match="`quantisation` = 'int3' is not known; allowed: nf4, none"):
        load_language(base / "language", TINY, quantisation="int3", double=True, dtype="float32", device="cpu")
