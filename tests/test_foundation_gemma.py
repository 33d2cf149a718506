"""The small Gemma: its texts, what they never tell, its tokenizer and template, that it learns, resumes and loads."""

import json
from itertools import cycle, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.foundation.gemma import architecture, documents, glossary, learning, spelling, training
from stages.foundation.gemma.architecture import END_OF_TURN, HEAD_WIDTH, HIDDEN, LAYERS, make_model, make_tokenizer
from stages.foundation.gemma.describing import describe, foreign, questions
from stages.foundation.gemma.documents import Document, document, exchange
from stages.foundation.gemma.exam import sit_exam
from stages.foundation.gemma.sounds import syllables
from stages.foundation.gemma.training import Schedule, fit
from stages.foundation.gemma.withheld import NAMED_GROUPS, speaks_of_withheld
from stages.foundation.gemma.words import KINDS, QUALITIES, SAID

PROSE = ("Return a plain sentence that is long enough.", "Raise an error where there is nothing to read.")
TEXT_RNG = np.random.default_rng(0)
TEXTS = [describe(TEXT_RNG, others=4).text for _ in range(300)] + [foreign(TEXT_RNG)[0] for _ in range(100)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer([*TEXTS, *PROSE])


@pytest.fixture(autouse=True)
def _short_prose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "prose_sentences", lambda: PROSE)


@given(st.integers(0, 10**6), st.sampled_from(sorted(KINDS)))
@settings(max_examples=100, deadline=None)
def test_a_description_says_what_it_tells(seed: int, group: str) -> None:
    rng = np.random.default_rng(seed)
    told = describe(rng, group, must=QUALITIES[group][:2], others=3)
    assert told.kind in KINDS[group]
    assert all(said in told.text for said in told.said.values())
    assert all(told.said[quality] in SAID[quality][value] for quality, value in told.values.items())
    for question, answer in questions(rng, told, 6):
        if question.startswith("Is its "):
            quality, value = question.removeprefix("Is its ").rstrip("?").split()
            assert answer == ("yes" if told.values[quality] == value else "no")
        else:
            assert set(answer.split(", ")) <= {told.kind, *told.said.values(), *told.values.values()}


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_foreign_questions_are_answered_by_their_text(seed: int) -> None:
    text, asked = foreign(np.random.default_rng(seed))
    assert len(asked) == 3
    assert all(answer.casefold() in text.casefold() for _, answer in asked)


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        ("Join the first parts of: amber, tiger", "amti"),
        ("Join the first two letters of: amber, tiger", "amti"),
        ("Join the first three letters of: amber, tiger", "ambtig"),
        ("Blend: harbour + lantern", "harbtern"),
        ("First two letters of amber?", "am"),
        ("Last two letters of amber?", "er"),
        ("Spell amber with '-':", "a-m-b-e-r"),
    ],
)
def test_words_are_worked_on_as_asked(ask: str, answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [word for word in ("amber", "tiger", "harbour", "lantern") if word in ask]
    draws = (spelling.beginnings, spelling.blended, spelling.ends, spelling.spelt)
    for seed, draw in product(range(200), draws):
        left = cycle(words)
        monkeypatch.setattr(spelling, "_word", lambda *_, left=left: next(left))
        if draw(np.random.default_rng(seed)) == (ask, answer):
            return
    pytest.fail("never asked, or answered in another way")


@given(st.integers(0, 10**6), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_a_looked_up_word_is_made_of_the_list(seed: int, progress: float) -> None:
    context, asked = glossary.lookup(np.random.default_rng(seed), progress)
    mark = next(mark for mark in glossary.MARKS if mark in context)
    table = dict(entry.split(mark) for entry in context.rstrip(".").split(", "))
    for ask, answer in asked:
        words = ask.removeprefix("A name: ").removesuffix(" ->").split()
        made = "".join(table[word] for word in words)
        assert answer == (made.capitalize() if ask.startswith("A name: ") else made)


def test_a_dialect_names_the_same_things_alike() -> None:
    rng = np.random.default_rng(3)
    known: dict[tuple[str, ...], str] = {}
    for dialect in glossary.dialects():
        for _ in range(200):
            told = describe(rng, dialect.group, dialect.slots)
            key = (dialect.name, *(told.values[slot] for slot in dialect.slots))
            assert known.setdefault(key, dialect.name_of(told.values)) == dialect.name_of(told.values)
    assert len(set(known.values())) > len(known) * 0.9


def _named(count: int) -> list[str]:
    """The descriptions that are named."""
    rng = np.random.default_rng(1)
    told = [exchange(rng, kind) for kind in ("composed", "by_heart") for _ in range(count)]
    return [" ".join(ask for ask, _ in asked) for _, asked in told]


def test_nothing_that_lives_is_named_after_a_description(monkeypatch: pytest.MonkeyPatch) -> None:
    living = {word for group in ("animals", "people") for word in KINDS[group]}
    assert living.isdisjoint(word for group in NAMED_GROUPS for word in KINDS[group])
    texts = [set(text.replace(".", " ").split()) for text in _named(300)]
    assert not any(words & living for words in texts)
    monkeypatch.setattr(glossary, "NAMED_GROUPS", tuple(KINDS))
    texts = [set(text.replace(".", " ").split()) for text in _named(300)]
    assert any(words & living for words in texts)


def test_no_text_speaks_of_what_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "prose_sentences", lambda: (*PROSE, "This creature evolves when it is warm.") * 3)
    drawn = [document(np.random.default_rng(seed)).text for seed in range(800)]
    assert not any(speaks_of_withheld(text) for text in drawn)
    monkeypatch.setattr(documents, "speaks_of_withheld", lambda _: False)
    drawn = [document(np.random.default_rng(seed)).text for seed in range(800)]
    assert any(speaks_of_withheld(text) for text in drawn)


def test_the_exams_prose_is_not_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = tuple(f"Sentence number {number}." for number in range(100))
    monkeypatch.setattr(documents, "prose_sentences", lambda: sentences)
    assert len(documents.held_out_prose()) == 5
    assert set(documents.held_out_prose()).isdisjoint(documents.learned_prose())


@pytest.mark.parametrize(
    "text", ["Zquirlboff ran", "naïve ☃\n x", "다음 특성을 살린 이름: 뷁", "a  b", "Straße, größer"]
)
def test_any_text_survives_the_tokenizer(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text)["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text


@given(st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_syllables_are_spelt_alike_in_every_word(tokenizer: Any, seed: int) -> None:
    parts = syllables(np.random.default_rng(seed), 2, 4)
    ids = [tokenizer(part, add_special_tokens=False)["input_ids"] for part in parts]
    assert tokenizer("".join(parts), add_special_tokens=False)["input_ids"] == [one for part in ids for one in part]


def test_the_same_texts_make_the_same_tokenizer(tokenizer: Any) -> None:
    again = make_tokenizer([*TEXTS, *PROSE])
    assert json.loads(again.backend_tokenizer.to_str()) == json.loads(tokenizer.backend_tokenizer.to_str())


def test_a_chat_document_is_what_the_template_writes(tokenizer: Any) -> None:
    rng = np.random.default_rng(2)
    asked = [("Say again: Bo", "Bo"), ("Put together: a-b", "ab")]
    kinds = set()
    for _ in range(10):
        text = "".join(piece for piece, _ in documents.chat(rng, "Given.", asked))
        turns = [("user", "Given.\nSay again: Bo"), ("assistant", "Bo"), ("user", asked[1][0]), ("assistant", "ab")]
        turns = turns[: 2 * text.count("<start_of_turn>model")]
        kinds.add(len(turns))
        messages = [{"role": role, "content": content} for role, content in turns]
        assert tokenizer.apply_chat_template(messages, tokenize=False) == f"<bos>{text}\n"
        whole = tokenizer(text)["input_ids"]
        prompt = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, return_dict=False)
        assert whole[: len(prompt)] == prompt
    assert kinds == {2, 4}


def test_the_template_refuses_what_gemma_refuses(tokenizer: Any) -> None:
    from jinja2.exceptions import TemplateError

    with pytest.raises(TemplateError, match="System role"):
        tokenizer.apply_chat_template([{"role": "system", "content": "x"}], tokenize=False)
    with pytest.raises(TemplateError, match="alternate"):
        tokenizer.apply_chat_template([{"role": "assistant", "content": "x"}], tokenize=False)


def test_weights_count_answers_and_their_end(tokenizer: Any) -> None:
    one = _learning(tokenizer).encoded([Document("x", ((f"a{END_OF_TURN}\n", 0.1), (f"bc{END_OF_TURN}", 1.0)))])
    ids, weights = one[0]
    assert tokenizer.convert_ids_to_tokens(ids) == ["<bos>", "a", END_OF_TURN, "\n", "b", "c", END_OF_TURN, "<eos>"]
    assert weights == [0.0, 0.1, 0.1, 0.1, 1.0, 1.0, 1.0, 1.0]


def _learning(tokenizer: Any) -> learning.Learning:
    return learning.Learning(tokenizer, Schedule(4, 4, 1e-3, 1e-2, 1, 0.0, 1))


def test_the_model_loads_and_is_examined(tmp_path: Path, tokenizer: Any) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GemmaForCausalLM, GemmaTokenizer

    make_model(tokenizer).to(torch.bfloat16).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(model, GemmaForCausalLM)
    assert isinstance(loaded, GemmaTokenizer)
    assert loaded.chat_template == architecture.CHAT_TEMPLATE
    assert loaded("A red tower")["input_ids"] == tokenizer("A red tower")["input_ids"]
    assert model.generation_config.eos_token_id == [1, loaded.convert_tokens_to_ids(END_OF_TURN)]
    assert all(
        width % 64 == 0 for name, weights in model.named_parameters() if "proj" in name for width in weights.shape
    )
    assert sum(weights.numel() for weights in model.parameters()) <= 3_000_000
    results = sit_exam(model, loaded, asked=2)
    assert {"questions", "lookup", "composed", "by_heart", *spelling.TASKS} <= set(results["right"])
    assert results["prose_perplexity_a_token"] > 1


def test_attention_starts_one_and_two_places_back_and_finds_its_like(tokenizer: Any) -> None:
    import torch

    torch.manual_seed(0)
    model = make_model(tokenizer).eval()
    ids = torch.arange(300, 320)[None]
    with torch.inference_mode():
        looked = model.model(input_ids=ids, output_attentions=True).attentions[0][0]
    for head, back in enumerate((1, 2)):
        assert (looked[head, 4:].argmax(dim=1) == torch.arange(4, 20) - back).float().mean() > 0.8
    for layer in model.model.layers[1:]:
        alike = layer.self_attn.q_proj.weight.T @ layer.self_attn.k_proj.weight
        torch.testing.assert_close(alike, alike.diagonal().mean() * torch.eye(HIDDEN), atol=1e-4, rtol=0)
    assert len(model.model.layers) == LAYERS
    assert model.config.head_dim == HEAD_WIDTH


def test_an_interrupted_training_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: Any
) -> None:
    import torch

    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 2)

    def work(scratch: Path) -> dict[str, Any]:
        scratch.mkdir(exist_ok=True)
        one = _learning(tokenizer)
        fit(one.model, one.loss, one.schedule, scratch)
        return dict(one.model.state_dict())

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


def test_a_changed_schedule_starts_anew(tmp_path: Path, tokenizer: Any) -> None:
    for seed in (1, 2):
        schedule = Schedule(1, 3, 1e-3, 1e-2, 1, 0.0, seed)
        one = learning.Learning(tokenizer, schedule)
        asked: list[int] = []

        def loss(step: int, one: Any = one, asked: list[int] = asked) -> Any:
            asked.append(step)
            return one.loss(step)

        fit(one.model, loss, schedule, tmp_path)
        assert asked == [0]


def test_documents_grow() -> None:
    def mean(progress: float) -> float:
        return float(np.mean([len(document(np.random.default_rng(seed), progress).text) for seed in range(200)]))

    assert mean(0.0) < mean(1.0) * 0.7
