"""From tokenized rows to an adapter: 4-bit, the prompt masked, the planned rows, names that end."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from naming import RECIPE, changed, described, description, make_base, name

from stages.adapter import attach
from stages.naming.generation import generate
from stages.naming.model import load_language, load_tokenizer
from stages.naming.recipe import NamingRecipe
from stages.naming.templates import Templates
from stages.params import UserError
from stages.tokenize.naming.rows import read_tokenized
from stages.tokenize.naming.stage import run as tokenize
from stages.train.loop import fit
from stages.train.naming import batches, stage
from stages.train.naming.batches import IGNORED, Collator, Rows, naming_loss
from stages.train.naming.stage import for_device, run
from stages.train.qlora import answer_loss

Folders = tuple[Path, Path]
PLAIN = {"quantisation": "none", "compute_dtype": "float32"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """(base, tokenized): a random base, and 16 tokenized rows of which 12 are for training."""
    root = tmp_path_factory.mktemp("naming")
    base = make_base(root / "base")
    described(root / "described", 16)
    tokenize(RECIPE, curated=root / "described", base=base, out=root / "tokenized")
    return base, root / "tokenized"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"threads": 1}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(recipe: NamingRecipe, folders: Folders, out: Path) -> dict[str, Any]:
    """Train into `out`; its adapter's tensors."""
    from safetensors.torch import load_file

    base, tokenized = folders
    run(recipe, tokenized=tokenized, features=Path("none"), base=base, parent=Path("none"), out=out)
    return dict(load_file(out / "adapter_model.safetensors"))


def test_an_epoch_on_a_4_bit_base_makes_an_adapter_folder(folders: Folders, project: Path) -> None:
    import bitsandbytes as bnb

    base, tokenized = folders
    model = load_language(base, RECIPE.model, RECIPE.train, "cpu")
    assert isinstance(model.model.layers[0].mlp.up_proj, bnb.nn.Linear4bit)
    assert not isinstance(model.lm_head, bnb.nn.Linear4bit)
    tensors = train(RECIPE, folders, project / "adapter")
    assert len(tensors) == 2 * 7 * 2  # A and B of seven projections in two layers
    assert any(bool(tensor.any()) for key, tensor in tensors.items() if "lora_B" in key)
    consumed = pq.read_table(project / "adapter/consumed.parquet").to_pydict()
    assert sorted(consumed["id"]) == [row.id for row in read_tokenized(tokenized, "train")]
    assert consumed["step"] == sorted([0, 1, 2] * 4)
    files = {path.name for path in (project / "adapter").iterdir()}
    assert {"adapter_config.json", "tokenizer.json", "chat_template.jinja", "loss.csv", "plumbline.json"} <= files
    said = json.loads((project / "adapter/plumbline.json").read_text())
    assert said["objective"] == "naming"
    assert said["tokenize"] == RECIPE.tokenize.model_dump()
    assert said["quantisation"] == "nf4"


def test_equal_seeds_make_equal_adapters(folders: Folders, project: Path) -> None:
    recipe = changed(RECIPE, "train", num_train_epochs=None, max_steps=1)
    train(recipe, folders, project / "a")
    train(recipe, folders, project / "b")
    for file in ("adapter_model.safetensors", "loss.csv", "consumed.parquet", "adapter_config.json"):
        assert (project / "a" / file).read_bytes() == (project / "b" / file).read_bytes(), file


def test_a_trained_model_says_names_and_stops_by_itself(folders: Folders, project: Path) -> None:
    recipe = changed(RECIPE, "train", num_train_epochs=20, **PLAIN)
    train(recipe, folders, project / "adapter")
    base, _ = folders
    tokenizer = load_tokenizer(base, recipe.model)
    model = load_language(base, recipe.model, recipe.train, "cpu")
    templates = Templates(tokenizer, recipe.tokenize)
    prompts = [templates.prompt_ids(description(number)) for number in range(4)]
    before = generate(model, tokenizer, prompts, max_new_tokens=8)
    after = generate(attach(model, project / "adapter"), tokenizer, prompts, max_new_tokens=8)
    assert not any(answer.ended for answer in before)
    assert all(answer.ended for answer in after)
    assert {answer.text for answer in after} <= {name(number) for number in range(24)}


def batch(folders: Folders) -> dict[str, Any]:
    rows = read_tokenized(folders[1], "train")[:3]
    made = Rows(rows, [2, 0, 1])
    return Collator(0)([made[position] for position in range(3)])


def test_labels_stand_on_the_answers_and_their_ends_alone(folders: Folders) -> None:
    rows = read_tokenized(folders[1], "train")[:3]
    made = batch(folders)
    assert made["positions"].tolist() == [0, 1, 2]
    for place, number in enumerate((2, 0, 1)):
        row = rows[number]
        whole = [*row.prompt_ids, *row.answer_ids]
        assert made["input_ids"][place, : len(whole)].tolist() == whole
        assert made["attention_mask"][place].sum() == len(whole)
        learnt = made["labels"][place] != IGNORED
        assert made["labels"][place][learnt].tolist() == list(row.answer_ids)
        assert learnt.nonzero()[:, 0].tolist() == list(range(len(row.prompt_ids), len(whole)))


def test_the_loss_is_the_answers_own_and_without_the_mask_the_prompts_too(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from torch.nn.functional import cross_entropy

    model = load_language(folders[0], RECIPE.model, changed(RECIPE, "train", **PLAIN).train, "cpu")
    rows = read_tokenized(folders[1], "train")[:3]

    def by_hand(whole: bool) -> float:
        """Mean over tokens, a row at a time, of the answers or of everything."""
        terms = []
        for row in rows:
            ids = torch.tensor([[*row.prompt_ids, *row.answer_ids]])
            logits = model(ids).logits[0, :-1]
            start = 0 if whole else len(row.prompt_ids) - 1
            terms.append(cross_entropy(logits[start:], ids[0, start + 1 :], reduction="none"))
        return float(torch.cat(terms).mean())

    def measured() -> float:
        given = {name: value for name, value in batch(folders).items() if name != "positions"}
        return float(naming_loss(model, given))

    assert measured() == pytest.approx(by_hand(whole=False), abs=1e-4)
    monkeypatch.setattr(batches, "supervised", lambda row: [*row.prompt_ids, *row.answer_ids])
    assert measured() == pytest.approx(by_hand(whole=True), abs=1e-4)
    assert abs(by_hand(whole=True) - by_hand(whole=False)) > 1e-2


def test_a_model_that_caps_its_logits_computes_its_own_loss(folders: Folders) -> None:
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=440, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, final_logit_softcapping=0.05, attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(0)
    model = Gemma2ForCausalLM(config).eval()
    given = {name: value for name, value in batch(folders).items() if name != "positions"}
    with torch.no_grad():
        ours, theirs = float(naming_loss(model, dict(given))), float(model(**given).loss)
        uncapped = float(answer_loss(model, given))
    assert ours == pytest.approx(theirs)
    assert ours != pytest.approx(uncapped, abs=1e-4)


def test_an_optimiser_that_needs_a_gpu_is_named_and_replaced_on_a_cpu() -> None:
    settings = changed(RECIPE, "train", optim="paged_adamw_8bit").train
    with pytest.warns(UserWarning, match="paged_adamw_8bit"):
        assert for_device(settings, "cpu").optim == "adamw_torch"
    assert for_device(settings, "cuda:0").optim == "paged_adamw_8bit"


def test_no_row_to_train_on_is_refused(folders: Folders, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "read_tokenized", lambda folder, split: [])
    with pytest.raises(UserError, match="no rows of split `train`"):
        train(RECIPE, folders, project / "adapter")


def test_other_rows_than_planned_leave_no_adapter(
    folders: Folders, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "fit", lambda *given: (lambda done: (done[0][::-1], done[1]))(fit(*given)))
    recipe = changed(RECIPE, "train", num_train_epochs=None, max_steps=1, **PLAIN)
    with pytest.raises(RuntimeError, match="planned was"):
        train(recipe, folders, project / "adapter")
    assert not (project / "adapter").exists()
