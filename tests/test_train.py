"""QLoRA is really 4-bit on the CPU; the rows consumed are the rows planned; the loss is the model's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from letters import RECIPE, record, write_base, write_curated

from stages.answers.recipe import AnswerRecipe
from stages.bases import load_quantised
from stages.params import UserError
from stages.recipe import QLoRA
from stages.shards import ShardReader
from stages.tokenize.answers.rows import read_tokenized
from stages.tokenize.answers.stage import run as tokenize
from stages.train.answers.batches import Collator
from stages.train.answers.stage import run
from stages.train.consumed import check_consumed
from stages.train.plan import plan_rows
from stages.train.qlora import add_adapter, answer_loss

SETTINGS = RECIPE.train
INPUTS = {"features": Path("data/features/none"), "parent": Path("models/none")}  # these recipes have neither


def with_train(**changes: Any) -> AnswerRecipe:
    return RECIPE.model_copy(update={"train": SETTINGS.model_copy(update=changes)})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(base, tokenized): a random base and 12 tokenized rows."""
    root = tmp_path_factory.mktemp("train")
    base = write_base(root / "base")
    rows = [record(word, i, "train") for word in ("plumb", "line", "bob") for i in range(len(word))]
    curated = write_curated(root / "curated", rows)
    tokenize(RECIPE, curated=curated, base=base, out=root / "tokenized")
    return base, root / "tokenized"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"threads": 1}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_trained_model_is_really_four_bit(inputs: tuple[Path, Path]) -> None:
    import bitsandbytes as bnb
    import torch

    model = add_adapter(load_quantised(inputs[0], RECIPE.model, SETTINGS, "cpu"), SETTINGS, RECIPE.model)
    adapted = [module.base_layer for name, module in model.named_modules() if name.endswith("q_proj")]
    assert adapted
    assert all(isinstance(layer, bnb.nn.Linear4bit) for layer in adapted)
    assert all(layer.weight.dtype == torch.uint8 for layer in adapted)
    assert all(layer.weight.quant_state.quant_type == "nf4" and layer.weight.quant_state.nested for layer in adapted)
    trainable = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert trainable
    assert all("lora_" in name for name in trainable)


def test_logits_where_answers_are_give_the_model_s_own_loss(inputs: tuple[Path, Path]) -> None:
    import torch

    from stages.bases import load_model, load_processor

    base, tokenized = inputs
    model = load_model(
        base, RECIPE.model, quantisation="none", double=False, compute_dtype="float32", device="cpu"
    ).eval()
    with ShardReader(tokenized) as views:
        items = [{"row": row, "position": i} for i, row in enumerate(read_tokenized(tokenized, "train")[:5])]
        batch = Collator(load_processor(base, RECIPE.model), views)(items)
    batch.pop("positions")
    with torch.no_grad():
        torch.testing.assert_close(answer_loss(model, batch), model(**batch).loss, rtol=1e-5, atol=1e-6)


def test_an_adapter_folder_and_its_consumed_rows(inputs: tuple[Path, Path], project: Path) -> None:
    base, tokenized = inputs
    recipe = with_train(num_train_epochs=2)
    run(recipe, **INPUTS, tokenized=tokenized, base=base, out=project / "a")
    run(recipe, **INPUTS, tokenized=tokenized, base=base, out=project / "b")
    weights = [(project / name / "adapter_model.safetensors").read_bytes() for name in ("a", "b")]
    assert weights[0] == weights[1]  # the same seed, the same bytes
    rows = read_tokenized(tokenized, "train")
    consumed = pq.read_table(project / "a/consumed.parquet").to_pydict()
    assert consumed["id"] == [rows[i].id for i in plan_rows(len(rows), recipe.train)]
    assert consumed["step"][-1] == -(-2 * len(rows) // SETTINGS.per_device_train_batch_size) - 1
    config = yaml.safe_load((project / "a/adapter_config.json").read_text())
    assert config["target_modules"] == sorted(config["target_modules"])  # peft's set has another order each run
    assert config["base_model_name_or_path"] == RECIPE.model.id  # no folder of this machine
    assert (project / "a/loss.csv").read_text().startswith("step,loss,learning_rate\n1,")


def test_a_substituted_row_stops_training(
    inputs: tuple[Path, Path], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, tokenized = inputs
    collate = Collator.__call__

    def substitute(self: Collator, items: list[dict[str, Any]]) -> dict[str, Any]:
        return collate(self, [items[0]] * len(items))

    monkeypatch.setattr(Collator, "__call__", substitute)
    with pytest.raises(RuntimeError, match="planned was"):
        run(with_train(), **INPUTS, tokenized=tokenized, base=base, out=project / "out")
    assert not (project / "out").exists()
    monkeypatch.setattr("stages.train.answers.stage.check_consumed", lambda *_: None)
    run(with_train(), **INPUTS, tokenized=tokenized, base=base, out=project / "out")  # that check was what stopped it


def test_an_unknown_target_module_names_those_there_are(inputs: tuple[Path, Path]) -> None:
    model, unfit = load_quantised(inputs[0], RECIPE.model, SETTINGS, "cpu"), with_train(target_modules=("query",)).train
    with pytest.raises(UserError, match=r"names query, which .* has not; its linear layers: .*q_proj"):
        add_adapter(model, unfit, RECIPE.model)


@given(st.integers(1, 60), st.integers(1, 3), st.integers(1, 9), st.integers(0, 5))
def test_each_planned_epoch_sees_each_row_once(count: int, epochs: int, batch: int, seed: int) -> None:
    changes = {"num_train_epochs": epochs, "per_device_train_batch_size": batch, "seed": seed}
    plan = plan_rows(count, SETTINGS.model_copy(update=changes))
    assert len(plan) == count * epochs
    for epoch in range(epochs):
        assert sorted(plan[epoch * count : (epoch + 1) * count]) == list(range(count))


@given(st.integers(1, 20), st.integers(1, 30), st.integers(1, 5))
def test_max_steps_is_kept_to(count: int, steps: int, batch: int) -> None:
    changes = {"num_train_epochs": None, "max_steps": steps, "per_device_train_batch_size": batch}
    plan = plan_rows(count, SETTINGS.model_copy(update=changes))
    assert len(plan) == steps * batch
    assert np.bincount(plan, minlength=count).max() - np.bincount(plan, minlength=count).min() <= 1


def test_consumed_rows_are_compared_in_order_and_number() -> None:
    check_consumed(["a", "b"], ["a", "b"])
    with pytest.raises(RuntimeError, match="row 1 of training was c, planned was b"):
        check_consumed(["a", "b"], ["a", "c"])
    with pytest.raises(RuntimeError, match="1 rows were trained on, 2 were planned"):
        check_consumed(["a", "b"], ["a"])


def test_two_lengths_of_training_are_an_error() -> None:
    with pytest.raises(ValueError, match="either `num_train_epochs` or `max_steps`"):
        QLoRA.model_validate({**SETTINGS.model_dump(), "max_steps": 5})
