"""What a model names, and how likely it finds names: batched as alone, exact, and ended where it ends."""

from pathlib import Path
from typing import Any

import pytest
from naming import RECIPE, changed, description, make_base, name

from stages.naming import generation
from stages.naming.generation import Named, _cut, generate, log_likelihoods
from stages.naming.model import load_language, load_tokenizer
from stages.naming.templates import Templates
from stages.params import UserError

Parts = tuple[Any, Any, Templates]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    base = make_base(tmp_path_factory.mktemp("base") / "tiny")
    settings = changed(RECIPE, "train", quantisation="none", compute_dtype="float32").train
    tokenizer = load_tokenizer(base, RECIPE.model)
    return load_language(base, RECIPE.model, settings, "cpu"), tokenizer, Templates(tokenizer, RECIPE.tokenize)


def prompts_of(templates: Templates, count: int = 5) -> list[list[int]]:
    """Of different lengths, the longest first."""
    return [templates.prompt_ids(description(number) * (count - number)) for number in range(count)]


def test_a_batch_says_what_each_prompt_alone_says_in_order(parts: Parts) -> None:
    import torch

    model, tokenizer, templates = parts
    prompts = prompts_of(templates)
    found = generate(model, tokenizer, prompts, max_new_tokens=4, batch_size=3)
    for prompt, answer in zip(prompts, found, strict=True):
        with torch.inference_mode():
            out = model.generate(
                torch.tensor([prompt]), do_sample=False, max_new_tokens=4, eos_token_id=list(templates.stop_ids),
                output_scores=True, return_dict_in_generate=True,
            )  # fmt: skip
        new = out.sequences[0, len(prompt) :]
        logs = [float(score[0].log_softmax(-1)[token]) for score, token in zip(out.scores, new, strict=True)]
        assert answer.text == tokenizer.decode(new, skip_special_tokens=True).strip()
        assert answer.score == pytest.approx(min(1.0, float(torch.tensor(logs).sum().exp())), abs=1e-6)
        assert not answer.ended
    assert len({answer.text for answer in found}) > 1


@pytest.mark.parametrize("stop", ["<end_of_turn>", "<eos>"])
def test_an_answer_is_over_at_the_end_of_the_turn_or_of_the_sequence(parts: Parts, stop: str) -> None:
    _, tokenizer, templates = parts
    end = tokenizer.convert_tokens_to_ids(stop)
    ids = list(templates.names(["Pyrvul"])[0])
    said = _cut(tokenizer, [*ids, end, *ids], [-0.5] * len(ids) + [0.0] + [-9.0] * len(ids), templates.stop_ids)
    assert said == Named("Pyrvul", round(2.718281828 ** (-0.5 * len(ids)), 6), True)
    cut = _cut(tokenizer, ids, [-0.5] * len(ids), templates.stop_ids)
    assert (cut.text, cut.ended) == ("Pyrvul", False)


def test_a_model_that_ends_its_turn_is_stopped_there(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """With <eos> alone as its end, as a generation_config may say, a model that ends its turn runs on."""
    import torch

    model, tokenizer, templates = parts
    prompts = prompts_of(templates, 2)
    end = templates.end_of_turn
    forward = type(model).forward

    def ends(self: Any, *given: Any, **named: Any) -> Any:
        out = forward(self, *given, **named)
        out.logits = torch.zeros_like(out.logits)
        out.logits[..., end] = 9.0
        return out

    monkeypatch.setattr(type(model), "forward", ends)
    found = generate(model, tokenizer, prompts, max_new_tokens=4)
    assert [(answer.text, answer.ended) for answer in found] == [("", True)] * 2
    monkeypatch.setattr(generation, "stop_ids", lambda tokenizer: (tokenizer.eos_token_id,))
    assert not any(answer.ended for answer in generate(model, tokenizer, prompts, max_new_tokens=4))


def naive(model: Any, prompt: list[int], candidate: list[int]) -> float:
    """One forward pass for one pair."""
    import torch

    ids = torch.tensor([[*prompt, *candidate]])
    with torch.inference_mode():
        logs = model(ids).logits[0].log_softmax(-1)
    places = range(len(prompt) - 1, len(prompt) + len(candidate) - 1)
    return sum(float(logs[place, token]) for place, token in zip(places, candidate, strict=True))


def test_likelihoods_are_those_of_one_pass_a_pair(parts: Parts) -> None:
    model, tokenizer, templates = parts
    prompts = prompts_of(templates)
    names = [*(name(number) for number in range(14)), "Pyr", "Pyrvul", "Zzap"]  # one begins others, one stands twice
    candidates = templates.candidates(names)
    found = log_likelihoods(model, tokenizer, prompts, candidates, batch_size=2)
    assert found.shape == (5, 17)
    for row, prompt in enumerate(prompts):
        for column, candidate in enumerate(candidates):
            assert found[row, column] == pytest.approx(naive(model, prompt, candidate), abs=1e-4)
    assert (found[:, 0] == found[:, 15]).all()
    assert found == pytest.approx(log_likelihoods(model, tokenizer, prompts, candidates, batch_size=5), abs=1e-4)


def test_likelihoods_of_a_4_bit_model_don_t_depend_on_the_batch(parts: Parts, tmp_path: Path) -> None:
    _, tokenizer, templates = parts
    settings = changed(RECIPE, "train", compute_dtype="float32").train
    model = load_language(make_base(tmp_path / "tiny"), RECIPE.model, settings, "cpu")
    prompts, candidates = prompts_of(templates, 3), templates.candidates([name(number) for number in range(6)])
    found = log_likelihoods(model, tokenizer, prompts, candidates, batch_size=3)
    assert found == pytest.approx(log_likelihoods(model, tokenizer, prompts, candidates, batch_size=1), abs=1e-4)
    assert found[1, 2] == pytest.approx(naive(model, prompts[1], candidates[2]), abs=1e-4)


def test_no_candidates_are_refused(parts: Parts) -> None:
    model, tokenizer, templates = parts
    with pytest.raises(UserError, match="no labels"):
        log_likelihoods(model, tokenizer, prompts_of(templates, 1), [])


def test_a_tokenizer_without_an_end_is_refused(tmp_path: Path) -> None:
    import json

    base = make_base(tmp_path / "tiny")
    path = base / "tokenizer_config.json"
    config = json.loads(path.read_text())
    del config["eos_token"]
    path.write_text(json.dumps(config))
    with pytest.raises(UserError, match="names no eos_token"):
        load_tokenizer(base, RECIPE.model)
    (base / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"has no tokenizer\.json"):
        load_tokenizer(base, RECIPE.model)
