"""features -> tokenize -> train -> evaluate of FROMAGe on a small captioned set, and what each refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from grounded import FEATURES, RECIPE, captioned, changed
from grounding import make_base
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.evaluate.grounding.dialogue import same_answer, usual_answers
from stages.evaluate.grounding.stage import run as evaluate
from stages.features.stage import run as features
from stages.features.store import read_features
from stages.features.tower import identity_of, load_tower
from stages.grounding.build import build
from stages.grounding.losses import IGNORED
from stages.params import UserError, check_params
from stages.record import read_rows
from stages.shards import ShardReader
from stages.tokenize.grounding import encode
from stages.tokenize.grounding.encode import Marks, text_ids
from stages.tokenize.grounding.rows import CaptionRow, DialogueRow, read_tokenized
from stages.tokenize.grounding.stage import run as tokenize
from stages.train.grounding import plan
from stages.train.grounding.batches import Collator, Rows
from stages.train.grounding.objective import losses
from stages.train.grounding.plan import plan_rows
from stages.train.grounding.stage import run as train


class Project:
    """The folders of one small run."""

    def __init__(self, root: Path) -> None:
        self.root, self.base = root, make_base(root / "base")
        self.records = captioned(root / "caption")
        self.inputs: dict[str, Path] = {"base": self.base, "features": root / "features", "parent": root / "none"}

    def __getattr__(self, name: str) -> Path:
        return self.root / name


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("grounding")
    with pytest.MonkeyPatch.context() as patch:
        (root / "params.yaml").write_text("threads: 1\n")
        patch.chdir(root)
        made = Project(root)
        features(FEATURES, pictures=made.caption, base=made.base, out=made.features)
        tokenize(RECIPE, curated=made.caption, base=made.base, out=made.tokens)
        train(RECIPE, tokenized=made.tokens, **made.inputs, out=made.trained)
        yield made


def evaluated(project: Project, trained: Path, out: Path) -> dict[str, Any]:
    evaluate(
        RECIPE, tokenized=project.tokens, curated=project.caption, **project.inputs,
        trained=trained, synonyms=Path("none"), metrics=out / "m.json", predictions=out / "p.jsonl",
    )  # fmt: skip
    return dict(json.loads((out / "m.json").read_text()))


def test_the_chain_ends_with_metrics_and_a_line_a_picture(project: Project, tmp_path: Path) -> None:
    found = evaluated(project, project.trained, tmp_path)
    assert (found["rows"], found["entities"], found["captions"], found["dialogues"]) == (8, 8, 16, 8)
    scored = found["retrieval"]
    assert set(scored) == {"blind", "histogram", "thumbnail", "clip", "before", "tuned"}
    assert "words tells" in found["probe"]["left_out"]  # so few captions have no word that a probe could learn
    assert scored["blind"]["t2i_r1"] == pytest.approx(scored["blind"]["t2i_r1_chance"], abs=1e-4)
    assert scored["tuned"]["t2i_r1_chance"] == pytest.approx(1 / 8)
    for one in scored.values():
        assert 0 <= one["t2i_r1_low"] <= one["t2i_r1"] <= one["t2i_r1_high"] <= 1
    lead = found["tuned_over"]["clip"]
    assert lead["t2i_r1"] == pytest.approx(scored["tuned"]["t2i_r1"] - scored["clip"]["t2i_r1"], abs=2e-4)
    assert set(found["dialogue"]) == {"usual", "unseen", "before", "tuned"}
    assert set(found["dialogue"]["tuned"]) == {"turn_1", "turn_2", "all"}
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [row.id for row in project.records if row.split == "test"]
    before = (tmp_path / "m.json").read_bytes(), (tmp_path / "p.jsonl").read_bytes()
    evaluated(project, project.trained, tmp_path)
    assert ((tmp_path / "m.json").read_bytes(), (tmp_path / "p.jsonl").read_bytes()) == before


def test_training_again_gives_the_same_bytes(project: Project, tmp_path: Path) -> None:
    train(RECIPE, tokenized=project.tokens, **project.inputs, out=tmp_path / "again")
    names = sorted(path.name for path in project.trained.iterdir())
    assert "adapter_model.safetensors" in names
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (project.trained / name).read_bytes(), name


def test_a_parent_adapter_is_where_training_and_before_start(project: Project, tmp_path: Path) -> None:
    grafted = RECIPE.model_copy(update={"parent": "trained/other"})
    inputs = {**project.inputs, "parent": project.trained}
    slow = grafted.model_copy(update={"train": grafted.train.model_copy(update={"learning_rate": 1e-9})})
    train(slow, tokenized=project.tokens, **inputs, out=tmp_path / "grafted")
    from safetensors.torch import load_file

    started = load_file(project.trained / "adapter_model.safetensors")
    ended = load_file(tmp_path / "grafted" / "adapter_model.safetensors")
    fresh, _ = build(RECIPE, project.base, 48, "cpu")
    for name, tensor in ended.items():
        assert torch.allclose(tensor, started[name], atol=1e-3), name
    assert not torch.allclose(fresh.state_dict()["visual_fc.weight"], ended["visual_fc.weight"], atol=1e-3)


def _batch(project: Project, features_: Any = None) -> tuple[Any, dict[str, Any], list[CaptionRow]]:
    model, tokenizer = build(RECIPE, project.base, 48, "cpu")
    rows = read_tokenized(project.tokens, CaptionRow, "train")
    order = plan_rows([row.entity for row in rows], RECIPE.train)[:4]
    cached = features_ or read_features(project.features, identity_of(project.base, RECIPE.model.vision))
    told = {row.id: row for row in read_tokenized(project.tokens, DialogueRow, "train")}
    dialogues = {row.id: told[row.row] for row in rows}
    collate = Collator(Marks.of(tokenizer, 2), cached, dialogues, RECIPE.train)
    items = Rows(rows, order)
    return model, collate([items[i] for i in range(4)]), [rows[i] for i in order]


def test_cached_features_give_the_uncached_loss(project: Project) -> None:
    """Every loss from features that were computed once equals the loss from the pictures themselves."""
    import io

    from PIL import Image

    model, batch, rows = _batch(project)
    cached = losses(model, batch, RECIPE.train.weights)
    assert set(cached) == {"caption", "retrieval_text", "image_to_text", "text_to_image", "dialogue"}
    tower = load_tower(project.base, RECIPE.model.vision, "cpu")
    records = {record.id: record for record in read_rows(project.caption)}
    with ShardReader(project.caption) as shards:
        images = [records[row.row].image for row in rows]
        pictures = [Image.open(io.BytesIO(shards.read(one.shard, one.member, one.sha256))) for one in images]
    fresh = torch.from_numpy(tower.pooled(pictures))
    uncached = {**batch, "features": fresh, "dialogue": {**batch["dialogue"], "features": fresh}}
    for name, loss in losses(model, uncached, RECIPE.train.weights).items():
        assert float(loss) == pytest.approx(float(cached[name]), abs=1e-6), name
    # another picture's features are another loss: the gate above would see a mix-up
    swapped = {**batch, "features": fresh.flip(0)}
    assert float(losses(model, swapped, RECIPE.train.weights)["caption"]) != pytest.approx(float(cached["caption"]))


def test_only_captions_texts_and_answers_are_learnt(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch, rows = _batch(project)
    tokenizer = build(RECIPE, project.base, 48, "cpu")[1]
    ret, eos = model.config.ret_id, tokenizer.eos_token_id
    for kind, end in (("caption", eos), ("retrieval", ret)):
        labels, mask = batch[kind]["labels"], batch[kind]["attention_mask"]
        assert bool((labels[mask == 0] == IGNORED).all())
        learnt = [row[row != IGNORED].tolist() for row in labels]
        found = [token for row in learnt for token in row]
        assert found == [token for row in rows for token in (*row.ids, end)]  # captions alone, in order
    answers = [row[row != IGNORED].tolist() for row in batch["dialogue"]["labels"]]
    told = {row.id: row for row in read_tokenized(project.tokens, DialogueRow, "train")}
    assert answers == [[token for ids in told[row.row].answer_ids for token in ids] for row in rows]

    masked = losses(model, batch, RECIPE.train.weights)
    plain = encode._joined
    monkeypatch.setattr(
        encode, "_joined", lambda parts: plain([(ids, all(token >= 0 for token in ids)) for ids, _ in parts])
    )
    unmasked = losses(model, _batch(project)[1], RECIPE.train.weights)
    assert abs(float(unmasked["dialogue"]) - float(masked["dialogue"])) > 0.01  # questions would be learnt too


def test_a_picture_without_features_is_named(project: Project) -> None:
    cached = read_features(project.features, identity_of(project.base, RECIPE.model.vision))
    missing = replace(cached, row=dict(list(cached.row.items())[1:]))
    gone = next(iter(cached.row))
    row = next(row for row in project.records if row.image.sha256 == gone)
    with pytest.raises(UserError, match=row.id):
        missing.of([(one.id, one.image.sha256) for one in project.records])


def test_features_of_another_tower_are_refused(project: Project, tmp_path: Path) -> None:
    other = make_base(tmp_path / "other", seed=5)
    with pytest.raises(UserError, match="revision"):
        read_features(project.features, identity_of(other, RECIPE.model.vision))


def test_changed_bytes_stop_the_features(project: Project, tmp_path: Path) -> None:
    import shutil

    damaged = tmp_path / "damaged"
    shutil.copytree(project.caption, damaged)
    image = project.records[3].image
    shard = damaged / image.shard
    data = bytearray(shard.read_bytes())
    with ShardReader(project.caption) as shards:
        at = data.index(shards.read(image.shard, image.member))
    data[at + 60] ^= 1
    shard.write_bytes(bytes(data))
    with pytest.raises(UserError, match=image.member):
        features(FEATURES, pictures=damaged, base=project.base, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_captions_that_are_empty_or_hold_controls_are_dropped_by_name(project: Project, tmp_path: Path) -> None:
    texts = {0: ["a red pet", "look [RET] here"], 1: ["  ", "a green pet"], 2: ["an <image> of a pet", "a blue pet"]}
    rows = captioned(tmp_path / "caption", texts=texts)
    tokenize(RECIPE, curated=tmp_path / "caption", base=project.base, out=tmp_path / "tokens")
    drops = (tmp_path / "tokens" / "drops.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in drops] == [f"{rows[0].id}/1", f"{rows[1].id}/0", f"{rows[2].id}/0"]
    kept = [row for split in ("train", "test") for row in read_tokenized(tmp_path / "tokens", CaptionRow, split)]
    assert len(kept) == 2 * len(rows) - 3


def test_letters_that_spell_a_special_token_stay_letters(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    _, tokenizer = build(RECIPE, project.base, 48, "cpu")
    ret = len(tokenizer) - 1
    assert ret not in text_ids(tokenizer, "a pet [RET]")
    plain = type(tokenizer).__call__
    monkeypatch.setattr(
        type(tokenizer), "__call__", lambda self, text, **how: plain(self, text, add_special_tokens=False)
    )
    assert ret in text_ids(tokenizer, "a pet [RET]")  # that option was what kept it out


def test_what_is_too_long_is_refused_by_name(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"row row-0000/0 has \d+ tokens, `tokenize.max_length` is 8"):
        tokenize(changed("tokenize", max_length=8), curated=project.caption, base=project.base, out=tmp_path / "t")
    with pytest.raises(UserError, match="longest_dialogue"):
        tokenize(changed("tokenize", longest_dialogue=16), curated=project.caption, base=project.base, out=tmp_path)


def test_the_receipt_marks_what_is_supervised(project: Project) -> None:
    receipt = json.loads((project.tokens / "receipt.json").read_text())
    by_kind = {example["kind"]: example for example in receipt["examples"]}
    assert by_kind["caption"]["text"] == f"</s><picture>{by_kind['caption']['supervised']}"
    assert by_kind["retrieval"]["supervised"].endswith("[RET]")
    assert by_kind["dialogue"]["text"].startswith("</s><picture>Q: what is it?\nA: a pet\nQ: which colour?")
    assert by_kind["dialogue"]["supervised"].count("\n") == 2
    assert "Q:" not in by_kind["dialogue"]["supervised"]


def test_dialogue_weight_without_dialogues_is_the_users_mistake(project: Project, tmp_path: Path) -> None:
    captioned(tmp_path / "caption")
    (tmp_path / "caption" / "dialogues.jsonl").unlink()
    tokenize(RECIPE, curated=tmp_path / "caption", base=project.base, out=tmp_path / "tokens")
    with pytest.raises(UserError, match=r"train.weights.dialogue"):
        train(RECIPE, tokenized=tmp_path / "tokens", **project.inputs, out=tmp_path / "out")


def test_a_recipe_without_features_is_refused() -> None:
    values = RECIPE.model_dump() | {"features": "none"}
    with pytest.raises(UserError, match="name a row under `features:`"):
        check_params(type(RECIPE), values, "recipes.x")


ENTITIES = st.lists(st.integers(1, 6), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(counts=ENTITIES, size=st.integers(1, 8), epochs=st.integers(1, 4), seed=st.integers(0, 9))
def test_no_entity_sits_twice_in_a_batch(counts: list[int], size: int, epochs: int, seed: int) -> None:
    entities = [f"e{number}" for number, count in enumerate(counts) for _ in range(count)]
    params = changed("train", seed=seed, num_train_epochs=epochs, per_device_train_batch_size=size).train
    if len(counts) < size or max(counts) * size > len(entities):
        with pytest.raises(UserError, match="no entity may sit twice"):
            plan_rows(entities, params)
        return
    order = plan_rows(entities, params)
    assert sorted(order) == sorted(list(range(len(entities))) * epochs)  # every row once an epoch
    for start in range(0, len(order), size):
        batch = [entities[row] for row in order[start : start + size]]
        assert len(set(batch)) == len(batch)
    cut = params.model_copy(update={"num_train_epochs": None, "max_steps": 2})
    assert plan_rows(entities, cut) == order[: 2 * size] or epochs * len(entities) < 2 * size


def test_that_plan_is_what_keeps_entities_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    entities = ["a", "a", "a", "b", "b", "b"]
    params = changed("train", num_train_epochs=4, per_device_train_batch_size=2).train
    monkeypatch.setattr(plan, "_batches", lambda rows, *_: ([rows[i : i + 2] for i in range(0, 6, 2)], []))
    order = plan_rows(entities, params)
    pairs = [(entities[order[i]], entities[order[i + 1]]) for i in range(0, len(order), 2)]
    assert any(one == other for one, other in pairs)


def test_answers_are_the_same_but_for_article_case_and_stops() -> None:
    assert same_answer("A red one.", "red one")
    assert not same_answer("red", "red one")
    assert not same_answer("", "red")


def test_the_usual_answer_is_learned_from_training_alone(project: Project) -> None:
    rows = read_tokenized(project.tokens, DialogueRow, "train")
    asked = [replace(rows[0], questions=("what is it?", "never asked?"))]
    (answers,) = usual_answers(rows, asked)
    assert answers == ["a pet", "a pet"]
