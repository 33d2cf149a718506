"""The stage on a tiny random Gemma: identical rows for every method, true likelihoods, and what is withheld."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naming import RECIPE, changed, described, make_base, record

from stages.adapter import attach
from stages.evaluate.naming import asking, stage
from stages.evaluate.naming.asking import Heard, ask_models
from stages.evaluate.naming.given import Given, Names
from stages.evaluate.naming.invention import Inventions
from stages.evaluate.naming.lines import prediction_lines
from stages.evaluate.naming.methods import all_methods
from stages.evaluate.naming.names import normalised
from stages.evaluate.naming.results import Marking
from stages.evaluate.naming.table import BASELINES, SHALLOW, VARIANTS, naming_table, warnings
from stages.naming.model import load_language, load_tokenizer
from stages.naming.templates import Templates
from stages.params import UserError
from stages.tokenize.naming import stage as tokenize
from stages.tokenize.naming.rows import read_tokenized

TINY = changed(
    changed(
        RECIPE,
        "train",
        quantisation="none",
        compute_dtype="float32",
        num_train_epochs=None,
        max_steps=4,
        learning_rate=0.05,
    ),
    "evaluate",
    batch_size=8,
)
COUNT = 48
METHODS = {"chance", *SHALLOW, "blind", "zero_shot", "tuned", *VARIANTS}


def write_adapter(base: Path, folder: Path) -> None:
    """A random LoRA adapter as `train` saves one."""
    import torch

    from stages.train.qlora import add_adapter, save_adapter

    model = add_adapter(load_language(base, TINY.model, TINY.train, "cpu"), TINY.train, TINY.model)
    drawn = torch.Generator().manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data = 0.1 * torch.randn(weight.shape, generator=drawn)
    save_adapter(model, folder)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The chain up to the adapter; what `evaluate` reads. One test creature has a row in Korean too."""
    folder = tmp_path_factory.mktemp("naming")
    paths = {name: folder / name for name in ("curated", "tokenized", "base", "trained")}
    korean = [
        record(COUNT + at, text, label, "ko") for at, text, label in ((0, "붉은 새", "새로"), (6, "붉은 여우", "여로"))
    ]
    described(paths["curated"], COUNT, tuple(korean))
    make_base(paths["base"])
    tokenized, base = paths["tokenized"], paths["base"]
    none = folder / "none"
    none.mkdir()
    tokenize.run(TINY, curated=paths["curated"], base=base, out=tokenized)
    write_adapter(base, paths["trained"])
    return paths | {"features": none, "parent": none, "synonyms": none}


@pytest.fixture(scope="module")
def asked(built: dict[str, Path]) -> Given:
    rows = {split: read_tokenized(built["tokenized"], split) for split in ("train", "test")}
    names = Names.of(rows["train"], rows["test"])
    ranked = list(range(len(rows["test"])))
    return Given(TINY, built["base"], built["trained"], rows["train"], rows["test"], names, ranked)


@pytest.fixture(scope="module")
def heard(asked: Given) -> dict[str, Heard]:
    return ask_models(asked)


def evaluate(paths: dict[str, Path], out: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    stage.run(TINY, **paths, metrics=out / "metrics.json", predictions=out / "predictions.jsonl")
    lines = (out / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return json.loads((out / "metrics.json").read_text(encoding="utf-8")), [json.loads(line) for line in lines]


def test_every_method_is_scored_on_the_same_rows(
    built: dict[str, Path], asked: Given, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, lines = evaluate(built, tmp_path)
    assert [line["id"] for line in lines] == [row.id for row in asked.test]
    assert set(found["ranking"]["methods"]) == METHODS
    assert set(found["tuned_over"]) == set(BASELINES)
    assert (found["rows"], found["ranking"]["rows"], found["names"]) == (13, 13, len(asked.names))
    for name in METHODS - {"chance"}:
        ranks = np.array([line["ranks"][name] for line in lines])
        assert ranks.min() >= 1
        assert ranks.max() <= found["names"]
        scores = found["ranking"]["methods"][name]
        assert scores["r_at_10"] == pytest.approx((ranks <= 10).mean(), abs=1e-4)
        assert scores["r_at_10_low"] <= scores["r_at_10"] <= scores["r_at_10_high"]
        assert scores["mrr"] == pytest.approx((1 / ranks).mean(), abs=1e-4)
        assert scores["curve"][0] == scores["r_at_1"]
    lead = found["tuned_over"]["zero_shot"]
    methods = found["ranking"]["methods"]
    assert lead["r_at_10"] == pytest.approx(methods["tuned"]["r_at_10"] - methods["zero_shot"]["r_at_10"], abs=2e-4)
    assert found["tuned_over"]["chance"]["r_at_10"] == pytest.approx(
        methods["tuned"]["r_at_10"] - 10 / found["names"], abs=2e-4
    )
    right = [normalised(line["tuned"]) == normalised(line["name"]) for line in lines]
    assert found["answers"]["tuned"]["exact"] == pytest.approx(np.mean(right), abs=1e-4)
    assert [line["tuned_correct"] for line in lines] == right
    assert found["invented"]["tuned"]["rows"] == right.count(False)
    assert set(found["by_language"]) == {"en", "ko"}
    assert found["by_language"]["ko"]["names"] == 2
    assert set(found["rules"]) == {"LATIN", "HANGUL"}
    assert found["descriptions"] == "imported"
    assert "13 held-out rows of 7 entities" in capsys.readouterr().out
    again, repeated = evaluate(built, tmp_path / "again")
    assert (again, repeated) == (found, lines)


def test_a_likelihood_is_that_of_the_name_read_alone(asked: Given, heard: dict[str, Heard]) -> None:
    """Against one forward pass a pair, without a cache or other rows, up to the end of the turn."""
    import torch

    tokenizer = load_tokenizer(asked.base, TINY.model)
    model = attach(load_language(asked.base, TINY.model, TINY.train, "cpu"), asked.trained)
    candidates = Templates(tokenizer, TINY.tokenize).candidates(asked.names.texts)
    for place, column in ((0, 0), (3, 5), (12, len(asked.names) - 1)):
        prompt, name = list(asked.test[place].prompt_ids), candidates[column]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([prompt + name])).logits[0].float().log_softmax(-1)
        alone = sum(logits[len(prompt) - 1 + at, token].item() for at, token in enumerate(name))
        assert heard["tuned"].likelihoods[place, column] == pytest.approx(alone, abs=1e-3)
        assert heard["tuned"].lengths[column] == len(name)


def test_names_of_test_rows_stand_among_all_names_once(asked: Given) -> None:
    spelled = {normalised(row.name) for row in (*asked.train, *asked.test)}
    assert len(asked.names) == len(spelled) == len(set(asked.names.texts))
    assert all(
        normalised(asked.names.texts[asked.names.column(row.name)]) == normalised(row.name) for row in asked.test
    )
    taught = {normalised(row.name) for row in asked.train}
    assert {normalised(asked.names.texts[column]) for column in asked.names.new} == spelled - taught


def test_the_blind_model_is_told_nothing_of_the_row(
    asked: Given, heard: dict[str, Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(np.unique(heard["blind"].likelihoods, axis=0)) == 1
    assert len(set(heard["blind"].said)) == 1
    assert len(np.unique(heard["tuned"].likelihoods.round(3), axis=0)) > 1
    shown: list[str] = []
    made = Templates.prompt_ids

    def noted(own: Templates, text: str) -> list[int]:
        shown.append(text)
        return made(own, text)

    monkeypatch.setattr(Templates, "prompt_ids", noted)
    ask_models(asked)
    assert shown == [asking.WITHHELD]
    assert not any(row.description in shown for row in asked.test)


def test_a_sample_is_ranked_and_all_rows_are_answered(asked: Given, heard: dict[str, Heard]) -> None:
    few = Given(TINY, asked.base, asked.trained, asked.train, asked.test, asked.names, [1, 4, 7])
    cut = {name: Heard(one.said, one.ended, one.likelihoods[[1, 4, 7]], one.lengths) for name, one in heard.items()}
    inventions = Inventions([row.name for row in asked.train], [row.name for row in asked.test], 1)
    marking = Marking(few, all_methods(few, cut), inventions)
    found, lines = marking.metrics(), prediction_lines(marking)
    assert (found["rows"], found["ranking"]["rows"]) == (13, 3)
    assert [place for place, line in enumerate(lines) if line["ranks"]] == [1, 4, 7]
    assert "a sample of 3 rows" in naming_table(found)
    whole = Marking(asked, all_methods(asked, heard), inventions).ranks
    likely = marking.methods.scores["tuned"][1] > marking.methods.scores["tuned"][1, few.true_columns[4]]
    assert lines[4]["ranks"]["tuned"] == likely.sum() + 1 == whole["tuned"][4]
    assert lines[4]["top"]["tuned"][0][0] == asked.names.texts[int(heard["tuned"].likelihoods[4].argmax())]


def test_a_model_that_knows_leads_and_one_that_lists_names_is_caught(asked: Given, heard: dict[str, Heard]) -> None:
    """Made-up answers: tuned says the true name, the base says a list and ends by no token."""
    true = [row.name for row in asked.test]
    likely = heard["tuned"].likelihoods.copy()
    likely[np.arange(len(true)), asked.true_columns] = 0.0
    told = {
        "zero_shot": Heard(
            ["1. Pyrvul\n2. Aquavi"] * 13, [False] * 13, heard["zero_shot"].likelihoods, heard["tuned"].lengths
        ),
        "tuned": Heard(true, [True] * 13, likely, heard["tuned"].lengths),
        "blind": heard["blind"],
    }
    inventions = Inventions([row.name for row in asked.train], [row.name for row in asked.test], 1)
    found = Marking(asked, all_methods(asked, told), inventions).metrics()
    assert found["answers"]["tuned"] | {"exact": 1.0, "one_name": 1.0, "ended": 1.0} == found["answers"]["tuned"]
    assert (found["answers"]["zero_shot"]["one_name"], found["answers"]["zero_shot"]["ended"]) == (0.0, 0.0)
    assert found["invented"]["tuned"] == {"rows": 0}
    assert found["invented"]["zero_shot"]["valid"] == 0
    assert found["ranking"]["methods"]["tuned"]["r_at_1"] == 1
    assert found["tuned_over"]["chance"]["r_at_10_low"] > 0
    assert found["tuned_over"]["zero_shot"]["mcnemar"] == {"b": 0, "c": 13, "p": pytest.approx(2 * 0.5**13)}
    assert not [line for line in warnings(found) if "zero-shot" in line]
    assert "of 0 invented" not in naming_table(found)


def test_a_split_without_rows_and_a_missing_adapter_are_named(
    built: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"adapter_config\.json is missing"):
        evaluate(built | {"trained": tmp_path}, tmp_path)
    monkeypatch.setattr(stage, "read_tokenized", lambda folder, split: [] if split == "test" else [object()])
    with pytest.raises(UserError, match="no row of split test"):
        evaluate(built, tmp_path)
