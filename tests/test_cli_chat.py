"""`plumbline recipe add` for chat recipes (both steps, their pictures, their features), and asking a chat adapter."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import yaml
from chatting import INSTRUCT, make_base, picture

from stages.chat.recipe import ChatRecipe
from stages.cli import addition, addition_chat, parameters, predict_chat
from stages.cli.parameters import row_lines, with_row
from stages.cli.questions import Question, answer_lines
from stages.features.parameters import FeatureParams
from stages.ingest.parameters import Ingest
from stages.params import Params, UserError, check_params

SHA = "0123456789abcdef0123456789abcdef01234567"
LANGUAGE, VISION = "microsoft/phi-2", "openai/clip-vit-base-patch32"
PARTS = "{language: {id: tiny, revision: null}, vision: {id: tiny, revision: null}}"
STEP = """\
    objective: chat
    source: curate
    dataset: scenes
    base: tiny
    features: scenes
    parent: %s
    task: %s
    model: %s
    tokenize: {system: "", max_length: 128, longest_answer: 300} # characters
    train: {seed: 1, learning_rate: 0.002, num_train_epochs: 4, per_device_train_batch_size: 32, lora_rank: 16,
      lora_alpha: 32, target_modules: [q_proj]}
    evaluate: {batch_size: 64, max_new_tokens: 40}
"""
PARAMS = f"""\
ingest:
  scenes: {{folder: scenes, format: coco}}
curate:
  scenes: {{source: ingest, dataset: scenes, decisions: none, split: entities, test_share: 0.25,
    near_duplicates: {{bits: 256, radius: 10}}}}
features:
  scenes: {{source: curate, dataset: scenes, base: tiny, model: {{id: tiny}}, what: patches, batch_size: 16}}
recipes:
  scenes_align: # the projector alone
{STEP % ("none", "align", PARTS)}
  scenes:
{STEP % ("trained/scenes_align", "instruct", PARTS)}
available:
  {LANGUAGE}: {{architecture: phi, revision: {SHA}, parameters: 2780000000}}
  {VISION}: {{architecture: clip, revision: {SHA}, parameters: 151000000, image_size: 224}}
  facebook/opt-6.7b: {{architecture: opt, revision: {SHA}, parameters: 6700000000}}
"""
TURNS = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A ball."}]
TOLD = [{"id": "1", "image": "1.png", "conversations": TURNS}]
CAPTIONS = {
    "images": [{"id": 1, "file_name": "1.png"}],
    "annotations": [{"id": 1, "image_id": 1, "caption": "A ball."}],
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """params.yaml with both steps, and a folder with COCO's captions, conversations and a picture."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(parameters.OBJECTIVES, "chat", ChatRecipe)  # type: ignore[arg-type]
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "coco/annotations").mkdir(parents=True)
    (tmp_path / "coco/train2017").mkdir()
    (tmp_path / "coco/annotations/captions_train2017.json").write_text(json.dumps(CAPTIONS))
    (tmp_path / "coco/llava_instruct_150k.json").write_text(json.dumps(TOLD))
    (tmp_path / "coco/train2017/1.png").write_bytes(picture(1))
    return tmp_path


def added(like: str = "scenes", **given: Any) -> tuple[dict[str, Any], list[str]]:
    """params.yaml with the rows of recipe `mine`, and what was said; every row is checked as its stage does."""
    text = Path("params.yaml").read_text()
    notes: list[str] = []
    options = dict.fromkeys(("data", "conversations", "base", "revision", "vision", "vision_revision")) | given
    source = ChatRecipe.model_validate(yaml.safe_load(text)["recipes"][like])
    rows = addition_chat.rows(
        "mine",
        like,
        source,
        lambda name: addition._parsed(row_lines(text, "recipes", name))[name],
        notes=notes,
        **options,  # type: ignore[arg-type]
    )
    extended = text
    for section, name, row in rows:
        extended = with_row(extended, section, name, addition._written({name: row}))
    found = yaml.safe_load(extended)
    kinds: dict[str, type[Params]] = {"recipes": ChatRecipe, "features": FeatureParams, "ingest": Ingest}
    for section, name, _ in rows:
        if section in kinds:
            check_params(kinds[section], found[section][name], name)
    assert [name for section, name, _ in rows if section == "recipes"][-1] == "mine"
    assert extended.replace("# the projector alone", "").count("# characters") == 2 + len(
        [section for section, _, _ in rows if section == "recipes"]
    )
    return found, notes


def test_new_pictures_and_hub_models_make_both_steps(project: Path) -> None:
    found, notes = added(data=project / "coco", base=LANGUAGE, vision=VISION)
    assert found["ingest"]["mine"] == {
        "folder": "coco",
        "format": "coco",
        "conversations": "llava_instruct_150k.json",
        "licence": "unknown",
        "author": "unknown",
    }
    kept = {"test_share": 0.25, "near_duplicates": {"bits": 256, "radius": 10}}
    assert (
        found["curate"]["mine"]
        == {"source": "ingest", "dataset": "mine", "decisions": "none", "split": "entities"} | kept
    )
    assert found["features"]["mine"]["what"] == "patches"
    assert found["features"]["mine"]["model"] == {"id": VISION, "revision": SHA}
    assert (found["features"]["mine"]["dataset"], found["features"]["mine"]["base"]) == ("mine", "hub")
    align, instruct = (ChatRecipe.model_validate(found["recipes"][name]) for name in ("mine_align", "mine"))
    assert (align.parent, instruct.parent) == ("none", "trained/mine_align")
    for step in (align, instruct):
        assert (step.dataset, step.features, step.base) == ("mine", "mine", "hub")
        assert [model.id for model in step.models] == [LANGUAGE, VISION]
        assert step.train.rows_a_step == 32
        assert step.tokenize.longest_answer == 200
    assert (instruct.train.lora_rank, instruct.train.lora_alpha, instruct.train.lora_dropout) == (64, 16, 0.1)
    assert instruct.train.target_modules == ("q_proj", "k_proj", "v_proj", "fc1", "fc2")
    said = "\n".join(notes)
    assert "mine: train.lora_rank 16 -> 64" in said
    assert "arXiv:2310.03744" in said
    assert "licence and author stand as `unknown`" in said


def test_new_pictures_alone_keep_base_and_numbers(project: Path) -> None:
    found, notes = added(data=project / "coco")
    assert found["recipes"]["mine"] == found["recipes"]["scenes"] | {
        "dataset": "mine",
        "features": "mine",
        "parent": "trained/mine_align",
    }
    assert not any("changed" in note for note in notes)


def test_hub_models_alone_get_features_of_their_own(project: Path) -> None:
    found, _ = added(base=LANGUAGE, vision=VISION)
    assert "mine" not in found["ingest"]
    assert found["features"]["mine"]["dataset"] == "scenes"


def test_without_either_only_the_rows_are_copied(project: Path) -> None:
    found, notes = added()
    assert (found["recipes"]["mine"]["features"], found["recipes"]["mine"]["parent"]) == (
        "scenes",
        "trained/mine_align",
    )
    assert list(found["features"]) == ["scenes"]
    assert not notes


def test_align_alone_is_one_row_and_needs_no_conversations(project: Path) -> None:
    (project / "coco/llava_instruct_150k.json").unlink()
    found, _ = added("scenes_align", data=project / "coco")
    assert "mine_align" not in found["recipes"]
    assert "conversations" not in found["ingest"]["mine"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"base": LANGUAGE}, "give both, or neither"),
        ({"revision": SHA}, "pin hub models"),
        ({"base": "tiny", "vision": VISION}, "no hub id"),
        ({"base": "facebook/opt-6.7b", "vision": VISION}, "is opt; a chat recipe needs phi"),
        ({"base": "other/model", "vision": VISION}, "no revision of other/model is known"),
        ({"conversations": "x.json"}, "add --data DIR"),
        ({"data": Path("plain")}, "no captions|class folders|folder"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_to_do(project: Path, given: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        added(**given)


def test_conversations_are_found_or_asked_for(project: Path) -> None:
    (project / "coco/more.json").write_text(json.dumps(TOLD))
    with pytest.raises(UserError, match=r"found: llava_instruct_150k\.json, more\.json"):
        added(data=project / "coco")
    assert added(data=project / "coco", conversations="more.json")[0]["ingest"]["mine"]["conversations"] == "more.json"
    for name in ("more.json", "llava_instruct_150k.json"):
        (project / "coco" / name).unlink()
    with pytest.raises(UserError, match="found: none"):
        added(data=project / "coco")


def test_a_taken_name_is_refused(project: Path) -> None:
    text = PARAMS.replace("scenes_align: # the projector alone", "mine_align:\n    x: 1\n  scenes_align:")
    (project / "params.yaml").write_text(text)
    with pytest.raises(UserError, match=r"a row `recipes.mine_align` already"):
        added()


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instructed adapter with random LoRA weights, over a tiny base beside it; three pictures."""
    import torch

    from stages.chat.build import build
    from stages.train.chat.stage import save_trained, what_predict_needs
    from stages.train.qlora import add_adapter

    root = tmp_path_factory.mktemp("ask")
    recipe = INSTRUCT.model_copy(update={"parent": "none"})
    model, tokenizer = build(make_base(root / "bases/tiny"), recipe, "cpu")
    model = add_adapter(model, recipe.train, recipe.model.language)
    drawn = torch.Generator().manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data = 0.3 * torch.randn(weight.shape, generator=drawn)
    (root / "adapter").mkdir()
    save_trained(model, tokenizer, what_predict_needs(recipe, None), root / "adapter")
    for number in (0, 2, 5):
        (root / f"{number}.png").write_bytes(picture(number))
    return root


def asking(root: Path, **given: Any) -> Namespace:
    options = {"adapter": root / "adapter", "base_dir": root / "bases", "device": "cpu", "batch_size": 2}
    return Namespace(**options | {"max_new_tokens": 5, "image": root / "0.png", "text": None} | given)


def test_each_picture_is_described_or_answers_its_prompt(adapter: Path) -> None:
    given = asking(adapter)
    prepare, ask = predict_chat.load(given, predict_chat.read_facts(given.adapter))
    prompts = [None, "What colour is it?", "Is it <image>?", " ", "long " * 300]
    questions = [
        Question(f"{number}.png", adapter / f"{number}.png", prompt) for number in (0, 5) for prompt in prompts
    ]
    lines = list(answer_lines(questions, prepare, ask))
    assert [line["output"] is None for line in lines] == [False, False, True, True, True] * 2
    for line, says in zip(lines[2:], ("control token", "question is empty", "positions for 256"), strict=False):
        assert says in str(line["error"])
    assert all(0 <= float(line["score"] or 0) <= 1 for line in lines)
    assert lines[0]["output"] != lines[1]["output"]


def test_a_conversation_goes_on_upon_what_was_said(adapter: Path) -> None:
    texts = ["What colour is it?", "Is it a ball?"]
    both = list(predict_chat.talk(asking(adapter, text=texts)))
    assert [line["prompt"] for line in both] == texts
    assert both[0] == next(predict_chat.talk(asking(adapter, text=texts[:1])))
    alone = next(predict_chat.talk(asking(adapter, text=texts[1:])))
    assert (both[1]["output"], both[1]["score"]) != (alone["output"], alone["score"])  # it knows what stood before


def test_a_conversation_needs_a_picture_and_a_question(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "page.png").write_text("<html>")
    for given, says in (
        ({"text": []}, "needs a question"),
        ({"text": [" "]}, "question is empty"),
        ({"text": ["x"], "image": tmp_path / "page.png"}, "--image .*page.png"),
        ({"text": ["<|endoftext|>"]}, "control token"),
    ):
        with pytest.raises(UserError, match=says):
            list(predict_chat.talk(asking(adapter, **given)))
