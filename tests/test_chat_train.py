"""features -> tokenize -> align -> instruct -> reply on a tiny set, and what each step refuses."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from chatting import ALIGN, INSTRUCT, Project, changed, make_base
from safetensors.torch import load_file

from stages.chat import build as room
from stages.chat.build import build, read_facts
from stages.chat.generation import reply
from stages.chat.model import llava_of
from stages.chat.trained import load_trained
from stages.features.patches import Patches, read_patches
from stages.features.tower import identity_of
from stages.params import UserError
from stages.shards import sha256_of_file
from stages.tokenize.chat.rows import open_tokenized, read_tokenized
from stages.train.chat.batches import IGNORED, Collator, Rows, loss_of
from stages.train.chat.stage import run as train

SLOW = {"learning_rate": 1e-9, "projector_learning_rate": 1e-9, "num_train_epochs": None, "max_steps": 1}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("chat")
    with pytest.MonkeyPatch.context() as patch:
        made = Project(root)
        patch.chdir(root)
        yield made.make()


def trained(project: Project, out: Path, recipe: Any = INSTRUCT, **paths: Path) -> Path:
    tokens = project.instruct_tokens if recipe.task == "instruct" else project.align_tokens
    given = {"tokenized": tokens, "features": project.features, "base": project.base, "parent": project.align}
    train(recipe, **(given | paths), out=out)
    return out


def patches_of(project: Project) -> Patches:
    return read_patches(project.features, identity_of(project.base, ALIGN.model.vision))


def batch_of(project: Project, cached: Any = None) -> tuple[dict[str, Any], Any]:
    rows = open_tokenized(project.instruct_tokens, "train", "conversation")
    items = Rows(rows, [3, 0, 5])
    return Collator(cached or patches_of(project), pad=0)([items[place] for place in range(3)]), rows


def test_both_steps_write_what_the_next_one_needs(project: Project) -> None:
    align = {path.name for path in project.align.iterdir()}
    assert align >= {"projector.safetensors", "tokenizer.json", "consumed.parquet", "loss.csv", "plumbline.json"}
    assert not align & {"adapter_model.safetensors", "adapter_config.json"}
    instruct = {path.name for path in project.instruct.iterdir()}
    assert instruct - align == {"adapter_model.safetensors", "adapter_config.json"}
    assert "README.md" not in instruct
    facts = read_facts(project.instruct)
    assert (facts.task, facts.projector, facts.base) == ("instruct", "mlp", "tiny")
    assert facts.parent is not None
    assert facts.parent.id == "trained/scenes_align"
    assert facts.parent.projector == sha256_of_file(project.align / "projector.safetensors")
    assert read_facts(project.align).parent is None


def test_training_again_gives_the_same_bytes(project: Project, tmp_path: Path) -> None:
    again = trained(project, tmp_path / "again")
    for path in sorted(project.instruct.iterdir()):
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_align_learns_the_projector_and_instruct_lora_on_the_language_model_too(project: Project) -> None:
    names = set(load_file(project.align / "projector.safetensors"))
    assert all(name.startswith("multi_modal_projector.linear_") for name in names)
    lora = load_file(project.instruct / "adapter_model.safetensors")
    assert lora
    assert all(".language_model.layers." in name for name in lora)
    assert any(float(tensor.abs().max()) > 0 for name, tensor in lora.items() if "lora_B" in name)
    before, after = (load_file(folder / "projector.safetensors") for folder in (project.align, project.instruct))
    assert all(not torch.equal(before[name], after[name]) for name in names)


def test_instruct_starts_from_the_parent_s_projector(project: Project, tmp_path: Path) -> None:
    still = trained(project, tmp_path / "still", changed(INSTRUCT, "train", **SLOW))
    began = load_file(project.align / "projector.safetensors")
    for name, tensor in load_file(still / "projector.safetensors").items():
        assert torch.allclose(tensor, began[name], atol=1e-5), name
    fresh = llava_of(build(project.base, INSTRUCT, "cpu")[0]).model.multi_modal_projector.state_dict()
    assert not torch.allclose(fresh["linear_2.weight"], began["multi_modal_projector.linear_2.weight"], atol=1e-3)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"objective": "grounding"}, "the objective is 'grounding', not 'chat'"),
        ({"base": "another"}, "has base 'another', this recipe needs 'tiny'"),
        ({"projector": "residual"}, "has train.projector 'residual', this recipe needs 'mlp'"),
        ({"task": "instruct"}, "has task 'instruct', this recipe needs 'align'"),
        ({"model": {"language": {"id": "tiny"}, "vision": {"id": "other"}}}, "has model"),
        ({"projector": "none"}, "projector"),
        ({"base": "../elsewhere"}, "base"),
    ],
)
def test_a_parent_of_another_kind_is_refused(
    project: Project, tmp_path: Path, values: dict[str, Any], complaint: str
) -> None:
    other = shutil.copytree(project.align, tmp_path / "other")
    facts = json.loads((other / "plumbline.json").read_text())
    (other / "plumbline.json").write_text(json.dumps(facts | values))
    with pytest.raises(UserError, match=complaint):
        trained(project, tmp_path / "out", parent=other)
    assert not (tmp_path / "out").exists()


def test_without_that_check_another_base_s_projector_would_be_taken(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(project.align, tmp_path / "other")
    facts = json.loads((other / "plumbline.json").read_text()) | {"base": "another"}
    (other / "plumbline.json").write_text(json.dumps(facts))
    monkeypatch.setattr(room, "require_parent", lambda *_: None)
    model, _ = build(project.base, INSTRUCT, "cpu", other)
    taken = llava_of(model).model.multi_modal_projector.linear_1.weight
    assert torch.equal(taken, load_file(other / "projector.safetensors")["multi_modal_projector.linear_1.weight"])


def test_a_missing_parent_and_missing_patches_are_named(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"plumbline.json is missing"):
        trained(project, tmp_path / "out", parent=tmp_path / "none")
    with pytest.raises(UserError, match="holds no features"):
        trained(project, tmp_path / "out", features=tmp_path / "none")
    with pytest.raises(UserError, match="revision"):
        trained(project, tmp_path / "out", base=make_base(tmp_path / "base", seed=5))
    unknown = changed(INSTRUCT, "train", target_modules=("q_proj", "w1"))
    with pytest.raises(UserError, match="names w1"):
        trained(project, tmp_path / "out", unknown)


def test_labels_are_the_answers_and_their_ends_though_padding_is_the_end(project: Project) -> None:
    batch, rows = batch_of(project)
    end = load_trained(project.align, project.bases, "cpu").templates.end
    for place, number in enumerate((3, 0, 5)):
        row = rows[number]
        labels = batch["labels"][place]
        learnt = [token for token, yes in zip(row.ids, row.supervised, strict=True) if yes]
        assert labels[labels != IGNORED].tolist() == learnt
        assert learnt.count(end) == len(row.answers) == 2
        assert int(batch["attention_mask"][place].sum()) == len(row.ids)
        assert bool((labels[len(row.ids) :] == IGNORED).all())
    # the usual way, leaving out whatever equals the padding, would take every end away: it is the same token
    naive = batch["labels"].masked_fill(batch["input_ids"] == 0, IGNORED)
    assert end == 0
    assert not bool((naive == end).any())


def ended(project: Project, out: Path) -> list[bool]:
    """Whether replies to training questions end by themselves after a short training."""
    few = {"num_train_epochs": 30, "per_device_train_batch_size": 12, "learning_rate": 0.01, "lora_rank": 16}
    recipe = changed(INSTRUCT, "train", **few, target_modules=("q_proj", "v_proj", "fc1", "fc2"))
    one = load_trained(trained(project, out, recipe), project.bases, "cpu")
    rows = read_tokenized(project.instruct_tokens, "train", "conversation")
    prefixes = [one.templates.prefix([(row.questions[0], None)]) for row in rows]
    seen = patches_of(project).rows([(row.id, row.picture) for row in rows])
    return [one.ended for one in reply(one.model, one.tokenizer, prefixes, seen, max_new_tokens=24, batch_size=12)]


def test_stopping_is_learnt_and_would_not_be_if_the_end_were_no_label(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(ended(project, tmp_path / "with"))
    plain = Collator.__call__

    def endless(self: Collator, items: Any) -> dict[str, Any]:
        batch = plain(self, items)
        return batch | {"labels": batch["labels"].masked_fill(batch["labels"] == self.pad, IGNORED)}

    monkeypatch.setattr(Collator, "__call__", endless)
    assert sum(ended(project, tmp_path / "without")) < 6  # of 12


def test_the_loss_is_that_of_transformers_own_forward(project: Project) -> None:
    model, _ = build(project.base, INSTRUCT, "cpu", project.align)
    batch, rows = batch_of(project)
    from stages.chat.model import inputs_embeds

    embeds = inputs_embeds(model, batch["input_ids"], batch["patches"])
    with torch.no_grad():
        theirs = model(inputs_embeds=embeds, attention_mask=batch["attention_mask"], labels=batch["labels"]).loss
        ours = loss_of(model, dict(batch))
        questions = batch["attention_mask"].bool() & (batch["input_ids"] != model.config.image_token_id)
        asked = {**batch, "labels": batch["input_ids"].masked_fill(~questions, IGNORED)}
        assert abs(float(loss_of(model, asked)) - float(ours)) > 0.01  # questions would be learnt too
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert len(rows) == 12


def test_a_picture_s_patches_go_to_its_own_row(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """By digest, and not by place: the loss of a row doesn't depend on what else is in the features."""
    model, _ = build(project.base, INSTRUCT, "cpu", project.align)
    batch, rows = batch_of(project)
    cached = patches_of(project)
    for place, number in enumerate((3, 0, 5)):
        own = cached.of([(rows[number].id, rows[number].picture)])[0]
        assert torch.equal(batch["patches"][place], torch.from_numpy(own))
    with torch.no_grad():
        right = float(loss_of(model, dict(batch)))
    monkeypatch.setattr(Patches, "of", lambda self, pictures: self._shard(0)[range(len(pictures))])
    mixed, _ = batch_of(project, cached)
    with torch.no_grad():
        assert float(loss_of(model, dict(mixed))) != pytest.approx(right, abs=1e-4)


def test_the_trained_model_says_the_same_of_pixels_and_of_patches(project: Project) -> None:
    """Loaded from its folder, LoRA and projector and tower; what it learnt makes a difference."""
    import io

    from chatting import picture
    from PIL import Image

    one = load_trained(project.instruct, project.bases, "cpu", tower=True)
    assert one.tower is not None
    rows = read_tokenized(project.instruct_tokens, "test", "conversation")
    prefixes = [one.templates.prefix([(row.questions[0], None)]) for row in rows]
    given: dict[str, Any] = {"max_new_tokens": 6, "batch_size": 3}
    seen = patches_of(project).rows([(row.id, row.picture) for row in rows])
    cached = reply(one.model, one.tokenizer, prefixes, seen, **given)
    pictures: list[Image.Image] = [Image.open(io.BytesIO(picture(number))) for number in (3, 7, 11, 15)]
    with torch.no_grad():
        ids = torch.tensor(prefixes)
        pixels = one.tower.pixels(pictures)
        whole = one.model(input_ids=ids, pixel_values=pixels).logits[:, -1, : one.templates.image].argmax(-1)
    firsts = [one.tokenizer.decode([token], skip_special_tokens=True).strip() for token in whole.tolist()]
    assert all(said.text.startswith(first) for said, first in zip(cached, firsts, strict=True))
    before = load_trained(project.align, project.bases, "cpu")
    assert before.tower is None
    assert reply(before.model, before.tokenizer, prefixes, seen, **given) != cached
