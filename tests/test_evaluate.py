"""Evaluation: scoring rules, statistics, baselines, adapters that may be loaded, and generation itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from letters import PROMPT, RECIPE, picture, record, write_adapter, write_base, write_curated, write_tokens
from PIL import Image as Pillow

from stages.adapter import attach, check_adapter
from stages.answers.tasks import LetterTask
from stages.evaluate.answers.baselines import majority, nearest_labels, thumbnails
from stages.evaluate.answers.breakdowns import groups_of, neighbours_of
from stages.evaluate.answers.generation import answer
from stages.evaluate.answers.results import Outcome, metrics_of
from stages.evaluate.answers.stage import run
from stages.evaluate.answers.table import side_by_side, too_shallow
from stages.evaluate.metrics import rounded
from stages.evaluate.statistics import mcnemar, mean_interval
from stages.generated import Answer
from stages.params import UserError
from stages.threads import set_threads

TASK = LetterTask()
BARE = ("word", "index", "family", "kind", "thickness_of_em")
TRAIN_WORDS, TEST_WORDS = ("table", "Kestrel", "bOoK"), ("lamp", "Noon", "quIcklyest")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(tmp_path_factory.mktemp("trained") / "tiny", base)


@pytest.fixture(scope="module")
def loaded(base: Path) -> tuple[Any, Any]:
    """(model in NF4, processor)."""
    from stages.bases import load_model, load_processor

    model = load_model(base, RECIPE.model, quantisation="nf4", double=True, compute_dtype="bfloat16", device="cpu")
    return model, load_processor(base, RECIPE.model)


def prefix_of(processor: Any, prompt: str) -> list[int]:
    return list(processor(images=picture("a", 0), text=f"<image>{prompt}")["input_ids"][0])


# --- scoring rules


@pytest.mark.parametrize(
    ("said", "label", "exact", "first_letter"),
    [
        ("k", "k", True, True),
        ("K", "k", False, True),
        ("{k}", "k", True, True),
        ("{ k }", "k", True, True),
        ("The letter is {k}", "k", True, False),
        ("The letter is {k} or {l}", "l", False, False),
        ("{} k", "k", False, True),
        ("{K}", "k", False, True),
        ("k a", "k", True, True),
        ("3 k", "k", True, True),
        ("", "k", False, False),
        ("é", "e", False, False),
    ],
)
def test_letter_task_scores_by_both_rules(said: str, label: str, exact: bool, first_letter: bool) -> None:
    assert TASK.score(said, label) == {"exact": exact, "first_letter": first_letter}


@given(st.text())
def test_any_answer_can_be_scored(said: str) -> None:
    assert set(TASK.score(said, "k")) == set(TASK.rules)


# --- statistics


def test_interval_of_one_entity_has_no_width() -> None:
    found = mean_interval([1, 0, 1, 1], ["a"] * 4, 200, 1)
    assert (found.mean, found.low, found.high) == (0.75, 0.75, 0.75)


def test_bootstrap_resamples_whole_entities() -> None:
    """Two words, one all right and one all wrong: a resample of words scores 0, 1/2 or 1, nothing between."""
    found = mean_interval([1] * 50 + [0] * 50, ["a"] * 50 + ["b"] * 50, 1000, 1)
    assert (found.mean, found.low, found.high) == (0.5, 0.0, 1.0)  # rows would give about 0.4 to 0.6


def test_interval_of_single_rows_agrees_with_scipy() -> None:
    from scipy.stats import bootstrap

    values = (np.random.default_rng(3).random(200) < 0.3).astype(float)
    ours = mean_interval(list(values), [str(i) for i in range(200)], 4000, 1)
    theirs = bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=1).confidence_interval
    assert ours.low == pytest.approx(theirs.low, abs=0.011)
    assert ours.high == pytest.approx(theirs.high, abs=0.011)


def test_interval_weighs_entities_by_their_rows() -> None:
    found = mean_interval([1, 1, 1, 0], ["a", "a", "a", "b"], 500, 1)
    assert found.mean == 0.75
    assert (found.low, found.high) == (0.0, 1.0)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcd")), min_size=1, max_size=30))
def test_interval_is_ordered_and_repeatable(rows: list[tuple[bool, str]]) -> None:
    values, entities = [float(right) for right, _ in rows], [entity for _, entity in rows]
    found = mean_interval(values, entities, 130, 5)
    assert 0 <= found.low <= found.high <= 1
    assert found == mean_interval(values, entities, 130, 5)


def test_mcnemar_by_hand() -> None:
    """b = 1, c = 5: 2 * (C(6,0) + C(6,1)) / 2**6 = 14 / 64."""
    before = [True] * 4 + [True] + [False] * 5 + [False] * 2
    after = [True] * 4 + [False] + [True] * 5 + [False] * 2
    found = mcnemar(before, after)
    assert (found.b, found.c) == (1, 5)
    assert found.p == pytest.approx(14 / 64)
    assert mcnemar([True], [True]).p == 1.0


# --- baselines


def test_majority_breaks_ties_by_the_alphabet() -> None:
    assert majority(["b", "a", "b", "a", "c"]) == "a"


def test_nearest_labels_vote_and_break_ties_by_the_nearest() -> None:
    known = np.array([[0], [10], [11], [12], [13], [200]], np.uint8)
    assert nearest_labels(known, list("xyyzzw"), np.array([[0]], np.uint8)) == ["y"]  # y 2, z 2, x 1: y is nearer
    assert nearest_labels(known, list("xyyzzw"), np.array([[255]], np.uint8), k=1) == ["w"]


def test_nearest_labels_agree_with_plain_distances() -> None:
    rng = np.random.default_rng(0)
    known, asked = rng.integers(0, 256, (300, 40), np.uint8), rng.integers(0, 256, (200, 40), np.uint8)
    labels = [str(i) for i in range(300)]
    plain = ((asked[:, None].astype(int) - known[None].astype(int)) ** 2).sum(2).argmin(1)
    assert nearest_labels(known, labels, asked, k=1) == [labels[i] for i in plain]


def test_thumbnails_are_16_by_64() -> None:
    assert thumbnails([Pillow.new("RGB", (512, 300), "white")]).tolist() == [[255] * (16 * 64)]


# --- groups


def test_groups_come_from_what_was_drawn() -> None:
    row, _ = record("Banana", 3, "test", thickness_of_em=5)
    assert groups_of(row) == {
        "by_letter": "a",
        "by_length": "6-9",
        "by_repeated": "more than once",
        "by_family": "Roboto",
        "by_kind": "listed",
        "by_thickness": "4-7",
    }
    assert neighbours_of(row) == ("n", "n")
    assert neighbours_of(record("Banana", 0, "test")[0]) == ("a",)


def test_rows_without_attributes_are_in_no_group() -> None:
    row, _ = record("Banana", 3, "test", **dict.fromkeys(BARE))
    assert groups_of(row) == {"by_letter": "a"}
    assert neighbours_of(row) == ()


# --- metrics


def outcome(word: str, index: int, zero_shot: str, tuned: str, /, **drawn: Any) -> Outcome:
    row, _ = record(word, index, "test", **drawn)
    return Outcome(row, row.label, Answer(zero_shot, 0.5), Answer(tuned, 0.9), "e", "l")


OUTCOMES = [outcome("lamp", 0, "a", "l"), outcome("lamp", 1, "A", "a"), outcome("Noon", 0, "N", "n")]


def test_metrics_by_hand() -> None:
    found = metrics_of(OUTCOMES, TASK, "a", "words and fonts", RECIPE.evaluate)
    assert (found["rows"], found["entities"], found["classes"], found["chance"]) == (3, 2, 52, round(1 / 52, 4))
    assert (found["majority"], found["blind"], found["thumbnail_knn"]) == (0.3333, 0.0, 0.3333)
    assert (found["zero_shot"]["exact"], found["zero_shot"]["first_letter"]) == (0.3333, 0.6667)
    assert (found["tuned"]["exact"], found["tuned"]["first_letter"]) == (0.6667, 1.0)
    assert found["lift"]["exact"] == 0.3333
    assert found["mcnemar"] == {"b": 1, "c": 2, "p": 1.0}
    assert found["neighbour_errors"] == {"zero_shot": 1, "tuned": 0}  # "a" for the l of lamp; n is no neighbour of N
    assert found["by_length"] == {"3-5": {"rows": 3, "zero_shot": 0.3333, "tuned": 0.6667}}
    assert found["chance_in_word"] == 0.25
    assert "thumbnail kNN" not in too_shallow(found, "exact")
    shown = side_by_side(found, "exact", "Not the same rows.")
    assert "GPT-4o                          70.18" in shown
    assert "Not the same rows." in shown


def test_tables_are_absent_where_nothing_is_known() -> None:
    bare = dict.fromkeys(BARE)
    found = metrics_of([outcome("lamp", 0, "l", "l", **bare)], TASK, "a", "words and fonts", RECIPE.evaluate)
    assert [key for key in found if key.startswith("by_")] == ["by_letter"]
    assert "neighbour_errors" not in found
    assert "chance_in_word" not in found


def test_rounding_reaches_every_float() -> None:
    assert rounded({"a": {"b": 1 / 3}, "c": 2, "d": "x"}) == {"a": {"b": 0.3333}, "c": 2, "d": "x"}


# --- adapters


def test_a_plain_adapter_passes(trained: Path) -> None:
    check_adapter(trained)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auto_mapping", {"base_model_class": "Evil", "parent_library": "evil"}),
        ("megatron_config", {"tensor_model_parallel_size": 1}),
        ("megatron_core", "evil.module"),
        ("peft_type", "BONE"),
        ("init_lora_weights", "pissa"),
        ("target_modules", "(a+)+$"),
        ("modules_to_save", ["lm_head"]),
        ("corda_config", {"cache_file": "/etc/passwd"}),
        ("r", -1),
        ("r", True),
        ("made_up", 1),
    ],
)
def test_an_adapter_that_asks_for_more_is_refused(trained: Path, tmp_path: Path, key: str, value: Any) -> None:
    config = json.loads((trained / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {key: value}))
    (tmp_path / "adapter_model.safetensors").write_bytes((trained / "adapter_model.safetensors").read_bytes())
    with pytest.raises(UserError, match=key):
        check_adapter(tmp_path)
    with pytest.raises(UserError, match=key):  # and nothing reaches peft
        attach(None, tmp_path)


def test_pickled_weights_are_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_bytes((trained / "adapter_config.json").read_bytes())
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match=r"adapter_model\.safetensors is missing"):
        check_adapter(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_a_broken_adapter_config_is_refused(trained: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "adapter_config.json").write_text(text)
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=r"adapter_config\.json"):
        check_adapter(tmp_path)


# --- generation


def test_generation_keeps_the_order_whatever_the_batches(loaded: tuple[Any, Any]) -> None:
    """Prompts of two lengths in turns: answers come back row by row, as when asked one at a time."""
    model, processor = loaded
    prompts = [PROMPT, "Read the word."] * 3
    prefixes = [prefix_of(processor, prompt) for prompt in prompts]
    pictures = [picture(word, 0) for word in ("lamp", "Noon", "table", "k", "Kestrel", "bOoK")]
    together = answer(model, processor, prefixes, pictures.__getitem__, batch_size=2, max_new_tokens=3)
    alone = [
        answer(model, processor, [prefix], [one].__getitem__, batch_size=1, max_new_tokens=3)[0]
        for prefix, one in zip(prefixes, pictures, strict=True)
    ]
    assert len({len(prefix) for prefix in prefixes}) == 2
    assert [one.text for one in together] == [one.text for one in alone]
    assert all(0 <= one.score <= 1 for one in together)


def test_generation_computes_as_training_does(loaded: tuple[Any, Any]) -> None:
    """No repacking of 4-bit weights for one kind of CPU (it fails at this base's widths)."""
    model, processor = loaded
    answer(model, processor, [prefix_of(processor, PROMPT)], lambda _: picture("a", 0), batch_size=1, max_new_tokens=1)
    linear = [module for module in model.modules() if hasattr(module, "support_avx512bf16_for_cpu")]
    assert linear
    assert not any(module.support_avx512bf16_for_cpu for module in linear)


def test_score_is_the_probability_of_the_answer(loaded: tuple[Any, Any]) -> None:
    """Against one forward pass over prefix and answer, with the answer marked as suffix."""
    import torch

    model, processor = loaded
    prefix, image = prefix_of(processor, PROMPT), picture("lamp", 1)
    pixels = processor.image_processor([image], do_resize=False, return_tensors="pt")["pixel_values"]
    ids, probability = list(prefix), 1.0
    for _ in range(2):
        row = torch.tensor([ids])
        kinds = torch.tensor([[0] * len(prefix) + [1] * (len(ids) - len(prefix))])
        with torch.inference_mode():
            logits = model(
                input_ids=row,
                attention_mask=torch.ones_like(row),
                token_type_ids=kinds,
                pixel_values=pixels.to(model.dtype),
            ).logits[0, -1]
        best = int(logits.argmax())
        probability *= float(logits.float().softmax(-1)[best])
        ids.append(best)
        if best == processor.tokenizer.eos_token_id:
            break
    said = answer(model, processor, [prefix], lambda _: image, batch_size=1, max_new_tokens=2)[0]
    assert said.text == processor.tokenizer.decode(ids[len(prefix) :], skip_special_tokens=True).strip()
    assert said.score == pytest.approx(probability, rel=0.05)  # bfloat16, with and without a cache


def test_threads_are_checked(tmp_path: Path) -> None:
    import torch

    (tmp_path / "params.yaml").write_text(f"threads: {torch.get_num_threads()}\n")
    assert set_threads(tmp_path / "params.yaml") == torch.get_num_threads()
    (tmp_path / "params.yaml").write_text("threads: none\n")
    with pytest.raises(UserError, match="`threads` = 'none'"):
        set_threads(tmp_path / "params.yaml")


# --- the stage


def test_evaluate_end_to_end(base: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from transformers import AutoProcessor

    prefix = prefix_of(AutoProcessor.from_pretrained(base), PROMPT)
    rows = [record(word, i, "train") for word in TRAIN_WORDS for i in range(len(word))]
    rows += [record(word, i, "test") for word in TEST_WORDS for i in range(3)]
    curated = write_curated(tmp_path / "curated", rows)
    tokenized = write_tokens(tmp_path / "tokenized", rows, prefix)
    (tmp_path / "params.yaml").write_text(f"threads: {torch.get_num_threads()}\n")
    monkeypatch.chdir(tmp_path)
    places = {"tokenized": tokenized, "curated": curated, "base": base, "trained": trained, "synonyms": Path("none")}
    places |= {"features": Path("data/features/none"), "parent": Path("models/none")}
    metrics, predictions = tmp_path / "reports" / "m.json", tmp_path / "predictions" / "p.jsonl"
    run(RECIPE, **places, metrics=metrics, predictions=predictions)

    found = json.loads(metrics.read_text())
    assert list(found) == sorted(found)
    assert (found["rows"], found["entities"]) == (9, 3)
    assert {"zero_shot", "tuned", "lift", "mcnemar", "by_letter", "by_family", "neighbour_errors"} <= set(found)
    lines = [json.loads(line) for line in predictions.read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == sorted(row.id for row, _ in rows if row.split == "test")
    assert set(lines[0]["tuned_correct"]) == {"exact", "first_letter"}
    assert any(line["zero_shot_score"] != line["tuned_score"] for line in lines)  # the adapter was in use
    exact = sum(line["tuned_correct"]["exact"] for line in lines) / len(lines)
    assert found["tuned"]["exact"] == pytest.approx(exact, abs=1e-4)

    before = metrics.read_bytes(), predictions.read_bytes()
    run(RECIPE, **places, metrics=metrics, predictions=predictions)
    assert (metrics.read_bytes(), predictions.read_bytes()) == before


def test_no_test_rows_is_the_users_mistake(
    base: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [record("lamp", i, "train") for i in range(3)]
    curated, tokenized = write_curated(tmp_path / "c", rows), write_tokens(tmp_path / "t", rows, [1])
    (tmp_path / "params.yaml").write_text("threads: 1\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no row of split test"):
        run(
            RECIPE, tokenized=tokenized, curated=curated, features=Path("none"), parent=Path("none"),
            base=base, trained=trained, synonyms=Path("none"), metrics=tmp_path / "m.json",
            predictions=tmp_path / "p.jsonl",
        )  # fmt: skip
