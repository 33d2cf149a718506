"""A trained chat model asked with and without its picture, and upon its own answers, on a tiny random base."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chatting import ALIGN, INSTRUCT, Project, write_curated

from stages.chat.model import llava_of
from stages.chat.recipe import ChatRecipe
from stages.chat.trained import load_trained
from stages.evaluate.chat import asking, methods
from stages.evaluate.chat.asking import Respondent
from stages.evaluate.chat.given import Given, pooled, read_given
from stages.evaluate.chat.said import Said
from stages.evaluate.chat.stage import run
from stages.features.patches import read_patches
from stages.features.tower import identity_of
from stages.params import UserError
from stages.record import read_rows
from stages.tokenize.chat import stage as tokenize


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("evaluate_chat") / "p")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.root)
        return made.make()


@pytest.fixture(autouse=True)
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)


def given_of(project: Project, recipe: ChatRecipe, tokens: Path) -> Given:
    patches = read_patches(project.features, identity_of(project.base, recipe.model.vision))
    return read_given(recipe, tokens, read_rows(project.curated), patches)


def evaluate(project: Project, recipe: ChatRecipe, out: Path, **other: Path) -> tuple[dict[str, Any], list[Any]]:
    steps = {"align": (project.align_tokens, project.root / "none", project.align)}
    steps["instruct"] = (project.instruct_tokens, project.align, project.instruct)
    tokens, parent, trained = steps[recipe.task]
    paths = {"tokenized": tokens, "curated": project.curated, "features": project.features, "base": project.base}
    paths |= {"parent": parent, "trained": trained, "synonyms": project.root} | other
    run(recipe, **paths, metrics=out / "m.json", predictions=out / "p.jsonl")
    lines = [json.loads(line) for line in (out / "p.jsonl").read_text().splitlines()]
    return json.loads((out / "m.json").read_text()), lines


def test_instruct_is_asked_in_every_way_on_the_same_rows(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, lines = evaluate(project, INSTRUCT, tmp_path / "once")
    test = [record for record in project.records if record.split == "test"]
    questions = [line for line in lines if line["kind"] == "question"]
    assert [line["id"] for line in lines if line["kind"] == "caption"] == [record.id for record in test]
    assert [(line["id"], line["turn"]) for line in questions] == [(one.id, turn) for one in test for turn in (1, 2)]
    assert all(set(line["said"]) == {"before", "trained", "withheld", "own_history", "usual"} for line in questions)
    assert set(found["questions"]["leads"]) == {"before", "withheld", "own_history", "usual"}
    assert set(found["captions"]["leads"]) == {"before", "withheld", "nearest", "central"}
    assert (found["questions"]["closed"], found["questions"]["open"]) == (len(test), len(test))
    own = [line["marks"]["trained"] for line in questions if line["closed"]]
    assert found["questions"]["methods"]["trained"]["exact"] == pytest.approx(sum(own) / len(own), abs=1e-4)
    first = [line["said"] for line in questions if line["turn"] == 1]
    assert all(said["own_history"] == said["trained"] for said in first)
    assert "closed and" in capsys.readouterr().out
    assert evaluate(project, INSTRUCT, tmp_path / "twice") == (found, lines)


def test_align_is_scored_by_captions_alone(project: Project, tmp_path: Path) -> None:
    found, lines = evaluate(project, ALIGN, tmp_path)
    assert found["questions"] is None
    assert set(found["stopping"]) == {"captions"}
    assert {line["kind"] for line in lines} == {"caption"}
    assert set(lines[0]["said"]) == {"before", "trained", "withheld", "nearest", "central"}
    assert all(len(line["references"]) == 2 for line in lines)


def test_before_is_the_very_projector_that_training_began_with(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the stage that trains: its projector, as it was before the first step."""
    from stages.train.chat import stage as train

    given = given_of(project, ALIGN, project.align_tokens)
    seen: list[Any] = []

    def stop(model: Any, *_: Any, **__: Any) -> Any:
        seen.append(llava_of(model).model.multi_modal_projector.state_dict())
        raise InterruptedError

    monkeypatch.setattr(train, "fit", stop)
    with pytest.raises(InterruptedError):
        train.run(
            ALIGN,
            tokenized=project.align_tokens,
            features=project.features,
            base=project.base,
            parent=project.root / "none",
            out=project.root / "no",
        )
    own = llava_of(methods._untrained(given, project.base, "cpu").model).model.multi_modal_projector.state_dict()
    assert all(bool((own[name] == tensor).all()) for name, tensor in seen[0].items())


def respond(project: Project) -> Respondent:
    found = load_trained(project.instruct, project.bases, "cpu")
    return Respondent(found.model, found.templates, given_of(project, INSTRUCT, project.instruct_tokens))


def test_the_picture_counts_and_withheld_it_does_not(project: Project) -> None:
    """All pictures' patches replaced by one picture's change what is said; without the picture they can't."""
    model = respond(project)
    patches = replace(model.given.patches, place=dict.fromkeys(model.given.patches.place, (0, 0)))
    other = replace(model, given=replace(model.given, patches=patches))
    assert [one.text for one in other.answers()] != [one.text for one in model.answers()]
    assert other.answers(sees=False) == model.answers(sees=False)


def test_own_answers_stand_where_the_true_ones_did(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    model = respond(project)
    asked: list[Any] = []

    def says(self: Respondent, conversations: Any, pictures: Any, sees: bool, label: str) -> list[Said]:
        asked.extend(conversations)
        return [Said(f"answer {place}") for place in range(len(conversations))]

    monkeypatch.setattr(Respondent, "says", says)
    count = len(model.given.asked)
    said = model.upon_own([Said(f"first {place}") for place in range(count)])
    assert asked[0] == (("What colour is it?", "first 0"), ("Is it a ball?", None))
    assert [one.text for one in said[:4]] == ["first 0", "answer 0", "first 2", "answer 1"]


def test_short_and_long_answers_are_asked_apart_and_come_back_in_order(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = respond(project)
    calls: list[list[str]] = []

    def says(self: Respondent, conversations: Any, pictures: Any, sees: bool, label: str) -> list[Said]:
        calls.append([turns[-1][0] for turns in conversations])
        return [Said(turns[-1][0]) for turns in conversations]

    monkeypatch.setattr(Respondent, "says", says)
    assert [one.text for one in model.answers()] == [one.question for one in model.given.asked]
    assert [set(call) for call in calls] == [{"Is it a ball?"}, {"What colour is it?"}]


def test_a_rambling_model_forgets_its_oldest_turns_where_positions_end(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = respond(project)
    rambled = [Said("red " * 300)] * len(model.given.asked)
    assert len(model.upon_own(rambled)) == len(rambled)
    monkeypatch.setattr(asking, "_positions", lambda _: 10**6)  # the pair: nothing is forgotten, nothing fits
    with pytest.raises(UserError, match="has positions for 256"):
        model.upon_own(rambled)


def test_neighbours_are_sought_among_pooled_patches(project: Project) -> None:
    given = given_of(project, ALIGN, project.align_tokens)
    digests = [record.image.sha256 for record in project.records[:3]]
    whole = given.patches.of(given.pairs(digests)).astype("float32").mean(axis=1)
    assert pooled(given, digests) == pytest.approx(whole)


def test_captions_come_from_the_curated_set_where_rows_are_conversations(project: Project) -> None:
    given = given_of(project, INSTRUCT, project.instruct_tokens)
    train = [record for record in project.records if record.split == "train"]
    assert len(given.captions) == 2 * len(train)
    assert len(given.answers) == 2 * len(train)


def test_one_test_picture_is_too_few_for_captions_alone(project: Project, tmp_path: Path) -> None:
    records = [one for one in project.records if one.split == "train"] + [project.records[3]]
    write_curated(tmp_path / "curated", records)
    for recipe in (ALIGN, INSTRUCT):
        tokenize.run(recipe, curated=tmp_path / "curated", base=project.base, out=tmp_path / recipe.task)
    with pytest.raises(UserError, match="1 captioned pictures of split test, 2 or more are needed"):
        given_of(project, ALIGN, tmp_path / "align")
    given = given_of(project, INSTRUCT, tmp_path / "instruct")
    assert (given.pictures, len(given.asked)) == ([], 2)


def test_an_adapter_on_another_base_is_refused(project: Project, tmp_path: Path) -> None:
    moved = INSTRUCT.model_copy(update={"base": "other"})
    with pytest.raises(UserError, match="was trained on the base tiny, this recipe's is other"):
        evaluate(project, moved, tmp_path)
    with pytest.raises(UserError, match=r"plumbline\.json is missing"):
        evaluate(project, INSTRUCT, tmp_path, parent=project.root)


def test_all_rows_of_a_few_pictures_are_asked_where_few_are_wanted(project: Project) -> None:
    whole = given_of(project, INSTRUCT, project.instruct_tokens)
    digests = sorted({asked.picture for asked in whole.asked} | {one.picture for one in whole.pictures})
    few = INSTRUCT.model_copy(update={"evaluate": INSTRUCT.evaluate.model_copy(update={"pictures": 2})})
    given = given_of(project, few, project.instruct_tokens)
    assert {one.picture for one in given.pictures} == set(digests[:2])
    assert given.asked == [asked for asked in whole.asked if asked.picture in digests[:2]]
