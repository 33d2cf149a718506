"""From curated rows to an adapter that generates: 4-bit, prompts masked, the planned rows, an accumulated step."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from interleaved import RECIPE, changed, curated, make_base

from stages.bases import load_quantised
from stages.interleaved.choice import choose_rows, short_labels
from stages.interleaved.contexts import Contexts, with_examples
from stages.interleaved.generation import _cut, _stopped, answer
from stages.interleaved.model import Inputs, Views, picture_tokens
from stages.interleaved.recipe import InterleavedRecipe
from stages.shards import ShardReader
from stages.tokenize.interleaved.rows import TokenizedRow, read_tokenized
from stages.tokenize.interleaved.stage import run as tokenize
from stages.train.interleaved import stage
from stages.train.interleaved.batches import Collator, Rows
from stages.train.interleaved.stage import for_device, run
from stages.train.plan import plan_rows

Inputs_ = tuple[Path, Path]
PLAIN = {"quantisation": "none", "compute_dtype": "float32"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Inputs_:
    """(base, tokenized): a random base, and 16 tokenized rows of which 12 are for training."""
    root = tmp_path_factory.mktemp("interleaved")
    base = make_base(root / "base")
    curated(root / "curated", 16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOBLIB_MULTIPROCESSING", "0")
        tokenize(RECIPE, curated=root / "curated", base=base, out=root / "tokenized")
    return base, root / "tokenized"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"threads": 1}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(recipe: InterleavedRecipe, folders: Inputs_, out: Path) -> dict[str, Any]:
    """Train into `out`; its adapter's tensors."""
    from safetensors.torch import load_file

    base, tokenized = folders
    run(recipe, tokenized=tokenized, features=Path("none"), base=base, parent=Path("none"), out=out)
    return dict(load_file(out / "adapter_model.safetensors"))


def test_three_steps_behind_examples_make_an_adapter_that_generates(folders: Inputs_, project: Path) -> None:
    import bitsandbytes as bnb

    from stages.adapter import attach
    from stages.bases import load_processor

    recipe = changed(RECIPE, "train", num_train_epochs=None, max_steps=3, context_examples=2)
    weights = train(recipe, folders, project / "adapter")
    assert any(float(tensor.abs().max()) > 0 for name, tensor in weights.items() if "lora_B" in name)
    assert {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in weights} == {"q_proj", "k_proj", "v_proj"}
    said = json.loads((project / "adapter/plumbline.json").read_text())
    assert (said["objective"], said["tokenize"]["prompt"]) == ("interleaved", recipe.tokenize.prompt)
    rows = read_tokenized(folders[1], "train")
    consumed = pq.read_table(project / "adapter/consumed.parquet").to_pydict()
    assert consumed["id"] == [rows[place].id for place in plan_rows(len(rows), recipe.train)]

    model, processor = (
        load_quantised(folders[0], recipe.model, recipe.train, "cpu"),
        load_processor(folders[0], recipe.model),
    )
    layers = [module for name, module in model.named_modules() if name.endswith(("q_proj", "fc1"))]
    assert layers
    assert all(isinstance(layer, bnb.nn.Linear4bit) for layer in layers)
    assert type(model.lm_head).__name__ == "IdeficsDecoupledLinear"  # 4-bit would lose the added tokens' rows
    asked = questions(folders[1], shots=(0, 2))
    before = answer(model, processor, asked, batch_size=3, max_new_tokens=4)
    after = answer(attach(model, project / "adapter"), processor, asked, batch_size=3, max_new_tokens=4)
    assert [one.score for one in before] != [one.score for one in after]


def questions(tokenized: Path, shots: tuple[int, ...]) -> list[Any]:
    """Every test row behind k random examples, for each k in `shots`."""
    contexts = Contexts(read_tokenized(tokenized, "train"), "random", seed=1)
    with ShardReader(tokenized) as shards:
        views = Views(shards)
        asked = [
            with_examples(row, contexts.examples(row, k)) for k in shots for row in read_tokenized(tokenized, "test")
        ]
        return [(ids, [views(view) for view in shown]) for ids, shown in asked]


def test_a_batch_of_mixed_lengths_answers_as_each_row_alone(folders: Inputs_) -> None:
    from stages.bases import load_processor

    recipe = changed(RECIPE, "train", **PLAIN)
    model, processor = (
        load_quantised(folders[0], recipe.model, recipe.train, "cpu"),
        load_processor(folders[0], recipe.model),
    )
    asked = questions(folders[1], (0, 1, 4))
    settings: dict[str, Any] = {"max_new_tokens": 4, "stops": (".", "\n")}
    together = answer(model, processor, asked, batch_size=5, **settings)
    alone = answer(model, processor, asked, batch_size=1, **settings)
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.score for one in together] == pytest.approx([one.score for one in alone], abs=1e-5)
    assert len({(one.text, one.score) for one in alone}) > 3  # answers that differ, or it would show nothing


def test_no_answer_holds_a_picture(folders: Inputs_, monkeypatch: pytest.MonkeyPatch) -> None:
    from stages.bases import load_processor

    recipe = changed(RECIPE, "train", **PLAIN)
    model, processor = (
        load_quantised(folders[0], recipe.model, recipe.train, "cpu"),
        load_processor(folders[0], recipe.model),
    )
    model.lm_head.additional_fc.weight.data.copy_(100 * model.lm_head.weight.data[7:9])  # far above all others
    model.lm_head.additional_fc.weight.data[0] *= -1
    asked = questions(folders[1], (0,))
    marks = picture_tokens(processor.tokenizer)

    def spoken() -> list[int]:
        tokens: list[int] = []
        with monkeypatch.context() as patch:
            patch.setattr(
                "stages.interleaved.generation._cut", lambda t, new, c, s: tokens.extend(new) or _cut(t, new, c, s)
            )
            answer(model, processor, asked, batch_size=4, max_new_tokens=3)
        return tokens

    assert not set(marks) & set(spoken())
    monkeypatch.setattr("stages.interleaved.generation.picture_tokens", lambda _: (5,))
    assert set(marks) & set(spoken())  # that was what kept them out


@pytest.mark.parametrize(
    ("text", "end"), [(" golf. And", 6), ("\n golf\nQ", 7), (". golf", 0), ("golf", 0), ("", 0), (" a. b\n", 3)]
)
def test_an_answer_stops_behind_a_word(text: str, end: int) -> None:
    assert _stopped(text, (".", "\n")) == end


def test_gradients_of_small_batches_add_up_to_those_of_a_large_one(
    folders: Inputs_, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    few = changed(RECIPE, "train", **PLAIN, num_train_epochs=None, max_steps=1, optim="sgd", learning_rate=0.9)
    small = changed(few, "train", per_device_train_batch_size=1, gradient_accumulation_steps=4)
    monkeypatch.setattr(stage, "answer_loss", lambda model, batch: 1e-4 * mean_a_row(model, batch))
    whole, summed = (train(recipe, folders, project / name) for name, recipe in (("a", few), ("b", small)))
    for name in whole:  # the losses are so small that no gradient is clipped
        torch.testing.assert_close(summed[name], whole[name], rtol=1e-3, atol=1e-9)


def mean_a_row(model: Any, batch: dict[str, Any]) -> Any:
    """The mean over rows, which unlike the mean over tokens doesn't depend on how rows are batched."""
    import torch.nn.functional as functional

    labels = batch.pop("labels")
    logits = model(**batch).logits[:, :-1].transpose(1, 2)
    losses = functional.cross_entropy(logits, labels[:, 1:], reduction="none")
    return (losses.sum(1) / (labels[:, 1:] != -100).sum(1)).mean()


def test_only_the_row_s_own_answer_is_learnt(folders: Inputs_) -> None:
    from stages.bases import load_processor

    rows = read_tokenized(folders[1], "train")
    planned = Rows(rows, [5, 3], Contexts(rows, "random", 1), examples=3)
    with ShardReader(folders[1]) as shards:
        processor = load_processor(folders[0], RECIPE.model)
        batch = Collator(Inputs(processor), Views(shards))([planned[0], planned[1]])
    for place, row in enumerate((rows[5], rows[3])):
        labels = batch["labels"][place]
        assert tuple(labels[labels != -100].tolist()) == row.suffix_ids
        length = int(batch["attention_mask"][place].sum())
        assert tuple(batch["input_ids"][place][:length].tolist()[-len(row.suffix_ids) :]) == row.suffix_ids
    assert batch["pixel_values"].shape == (2, 4, 3, 32, 32)
    again = Rows(rows, list(range(12)) * 2, Contexts(rows, "random", 1), examples=3)
    assert again[0]["examples"] != again[12]["examples"]  # another epoch, other examples


def test_ten_a_class_are_drawn_by_seed(folders: Inputs_) -> None:
    rows = read_tokenized(folders[1], "train")
    chosen = choose_rows(rows, 2, seed=1)
    assert {
        label: [row.label for row in chosen].count(label) for label in {row.label for row in rows}
    } == dict.fromkeys({row.label for row in rows}, 2)
    assert [row.id for row in chosen] == sorted(row.id for row in chosen)
    assert choose_rows(rows, 2, seed=1) == chosen
    assert any(choose_rows(rows, 2, seed=seed) != chosen for seed in range(2, 6))
    assert choose_rows(rows, None, seed=1) == choose_rows(rows, 50, seed=1) == rows
    assert set(short_labels(rows, 50)) == {row.label for row in rows}
    assert short_labels(rows, 2) == short_labels(rows, None) == {}


def test_an_optimiser_for_gpus_is_replaced_on_a_cpu_with_one_warning() -> None:
    paged = changed(RECIPE, "train", optim="paged_adamw_8bit").train
    with pytest.warns(UserWarning, match=r"paged_adamw_8bit` needs a GPU; on this CPU adamw_torch") as said:
        assert for_device(paged, "cpu").optim == "adamw_torch"
    assert len(said) == 1
    assert for_device(paged, "cuda:0") is paged
    assert for_device(RECIPE.train, "cpu") is RECIPE.train


def test_rows_survive_the_table(folders: Inputs_) -> None:
    for row in read_tokenized(folders[1]):
        assert isinstance(row, TokenizedRow)
        assert all(isinstance(ids, tuple) for ids in (row.prefix_ids, row.suffix_ids, row.example_ids, row.references))
