"""Labels and captions scored by every method, on a tiny random IDEFICS: the same rows, honest shares, no leak."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interleaved import CAPTIONS, RECIPE, changed, curated, make_base

from stages.adapter import attach
from stages.bases import load_processor, load_quantised
from stages.evaluate.interleaved import methods, stage
from stages.evaluate.interleaved.asking import Questions, Respondent, no_examples
from stages.evaluate.interleaved.labels import CHOSEN, Answers, Marking, worse
from stages.evaluate.provenance import kind_of_pictures
from stages.interleaved.contexts import Contexts
from stages.interleaved.model import Views
from stages.interleaved.recipe import InterleavedRecipe
from stages.interleaved.tasks import LabelTask
from stages.params import UserError
from stages.record import Image, Record, Source, Text, read_rows
from stages.shards import ShardReader
from stages.tokenize.interleaved import stage as tokenize
from stages.tokenize.interleaved.rows import read_tokenized
from stages.train.interleaved import stage as train

TEXTS = ("golf number {number}.", "two people with a ball.")


def built(folder: Path, recipe: InterleavedRecipe, texts: tuple[str, ...] = ()) -> dict[str, Path]:
    """The chain up to the adapter; what `evaluate` reads."""
    none, synonyms = folder / "none", folder / "synonyms"
    none.mkdir(parents=True)
    synonyms.mkdir()
    (synonyms / "sports.csv").write_text("label,synonym\nbobsled,bobsledding\n", encoding="utf-8")
    paths = {name: folder / name for name in ("curated", "tokenized", "base", "trained")}
    curated(paths["curated"], texts=texts)
    make_base(paths["base"])
    tokenize.run(recipe, curated=paths["curated"], base=paths["base"], out=paths["tokenized"])
    tokenized, base = paths["tokenized"], paths["base"]
    train.run(recipe, tokenized=tokenized, features=none, base=base, parent=none, out=paths["trained"])
    return paths | {"features": none, "parent": none, "synonyms": synonyms}


LABELS = changed(RECIPE, "evaluate", shots=[0, 1, 2], context_seeds=[1, 2], synonyms="sports")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return built(tmp_path_factory.mktemp("labels"), LABELS)


def evaluate(recipe: InterleavedRecipe, paths: dict[str, Path], out: Path) -> tuple[dict[str, Any], list[Any]]:
    stage.run(recipe, **paths, metrics=out / "metrics.json", predictions=out / "predictions.jsonl")
    lines = (out / "predictions.jsonl").read_text().splitlines()
    return json.loads((out / "metrics.json").read_text()), [json.loads(line) for line in lines]


def test_labels_are_scored_by_every_method_on_the_same_rows(
    labelled: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, lines = evaluate(LABELS, labelled, tmp_path / "once")
    test = [row for row in read_rows(labelled["curated"]) if row.split == "test"]
    assert [line["id"] for line in lines] == [row.id for row in test]
    assert [line["label"] for line in lines] == [row.label for row in test]
    for method in ("majority", "histogram", "thumbnail", "blind", "zero_shot", "tuned"):
        for rule in ("exact", "synonym", "closed"):
            assert 0 <= found[method][f"{rule}_low"] <= found[method][rule] <= found[method][f"{rule}_high"] <= 1
    assert set(found["few_shot"]) == {"1", "2"}
    assert all(len(found["few_shot"][shots]["closed_by_seed"]) == 2 for shots in ("1", "2"))
    chosen = [line["tuned_chosen"] == line["label"] for line in lines]
    assert found["tuned"]["closed"] == round(float(np.mean(chosen)), 4)
    assert found["lift"]["closed"] == pytest.approx(found["tuned"]["closed"] - found["zero_shot"]["closed"], abs=2e-4)
    assert sum(sum(row.values()) for row in found["confusion"]["tuned"].values()) == len(test)
    assert "worse than before" in capsys.readouterr().out
    again, repeated = evaluate(LABELS, labelled, tmp_path / "twice")
    assert (again, repeated) == (found, lines)


def respondent(paths: dict[str, Path], recipe: InterleavedRecipe, tuned: bool = False) -> Respondent:
    model = load_quantised(paths["base"], recipe.model, recipe.train, "cpu")
    if tuned:
        attach(model, paths["trained"])
    return Respondent(model.eval(), load_processor(paths["base"], recipe.model), 3, 5, (".",))


def test_the_chosen_label_is_the_likeliest_one_read_alone(labelled: dict[str, Path]) -> None:
    """Against one forward pass a label, with the pictures in it and no cache, in batches of other rows."""
    import torch

    from stages.interleaved.model import Inputs, Sample

    full = changed(LABELS, "train", quantisation="none", compute_dtype="float32")
    asker = respondent(labelled, full)
    rows = read_tokenized(labelled["tokenized"], "test")
    train_rows = read_tokenized(labelled["tokenized"], "train")
    labels = sorted({row.label: row.suffix_ids for row in train_rows}.items())
    with ShardReader(labelled["tokenized"]) as shards:
        views = Views(shards)
        contexts = Contexts(train_rows, "random", 1)
        questions = Questions(rows, lambda row: contexts.examples(row, 2), views)
        chosen = asker.chooses(questions, [ids for _, ids in labels], "choosing")
        made = Inputs(asker.processor)
        for place, (ids, pictures) in enumerate(questions):
            totals = []
            for _, label in labels:
                batch = made([Sample((*ids, *label), list(pictures), len(label))], side="right")
                wanted = batch.pop("labels")[0, 1:]
                with torch.inference_mode():
                    logs = asker.model(**batch).logits[0, :-1].float().log_softmax(-1)
                asked = wanted != -100
                totals.append(logs[asked].gather(-1, wanted[asked][:, None]).sum().item())
            assert int(np.argmax(totals)) == chosen[place]


def test_examples_come_from_the_rows_that_were_trained_on(
    labelled: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught: list[set[str]] = []
    kept = methods.Contexts

    def noted(rows: Any, *others: Any) -> Any:
        taught.append({row.id for row in rows})
        return kept(rows, *others)

    monkeypatch.setattr(methods, "Contexts", noted)
    few = changed(changed(LABELS, "train", per_class=1), "evaluate", shots=[0, 1], context_seeds=[1])
    evaluate(few, labelled, tmp_path)
    rows = {row.id: row for row in read_rows(labelled["curated"])}
    assert all(len(ids) == 4 and {rows[one].split for one in ids} == {"train"} for ids in taught)


def test_the_blind_model_sees_one_grey_picture(labelled: dict[str, Path]) -> None:
    rows = read_tokenized(labelled["tokenized"], "test")
    with ShardReader(labelled["tokenized"]) as shards:
        views = Views(shards)
        shown = [pictures[0] for _, pictures in Questions(rows, no_examples, views)]
        unseen = [pictures[0] for _, pictures in Questions(rows, no_examples, views, blind=True)]
        asker = respondent(labelled, LABELS, tuned=True)
        assert len(set(asker.says(Questions(rows, no_examples, views, blind=True), "blind"))) == 1
    assert all(len(np.unique(one)) == 1 for one in unseen)
    assert all(one.shape == other.shape and len(np.unique(one)) > 1 for one, other in zip(shown, unseen, strict=True))


def test_synonyms_count_by_their_own_rule_only() -> None:
    task = LabelTask({"bobsledding": "bobsled"})
    marking = Marking(task, ["bobsled", "luge", "luge"], ["a", "b", "c"], RECIPE.evaluate)
    answers = Answers(["Bobsledding.", "a luge", "ice"], ["bobsled", "bobsled", "luge"])
    assert marking.right(answers) == {
        "exact": [False, True, False],
        "synonym": [True, True, False],
        "closed": [True, False, True],
    }
    assert marking.confusion(answers, ["bobsled", "luge"], "exact") == {
        "bobsled": {"bobsled": 1},
        "luge": {"luge": 1, "something else": 1},
    }
    assert marking.confusion(answers, ["bobsled", "luge"], CHOSEN)["luge"] == {"bobsled": 1, "luge": 1}
    before = Answers(["bobsled", "golf", "luge"], None)
    table = marking.by_label({"zero_shot": before, "tuned": replace(answers, chosen=None)}, "exact")
    assert table["luge"] == {"rows": 2, "zero_shot": 0.5, "tuned": 0.5}
    assert worse(table) == ["bobsled"]
    seeds = marking.score_seeds([before, replace(answers, chosen=None)])
    assert seeds["exact"] == pytest.approx(0.5)
    assert seeds["exact_by_seed"] == pytest.approx([2 / 3, 1 / 3])


def test_a_missing_synonym_file_is_named(labelled: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing\.csv.*evaluate\.synonyms"):
        evaluate(changed(LABELS, "evaluate", synonyms="missing"), labelled, tmp_path)


def test_a_picture_with_several_captions_is_one_question(tmp_path: Path) -> None:
    recipe = changed(CAPTIONS, "evaluate", shots=[0, 1], context_seeds=[1], max_new_tokens=8)
    paths = built(tmp_path / "captions", recipe, TEXTS)
    test = read_tokenized(paths["tokenized"], "test")
    pictures = {row.id for row in read_rows(paths["curated"]) if row.split == "test"}
    assert len(test) == len(pictures)
    found, lines = evaluate(recipe, paths, tmp_path / "out")
    assert len(lines) == len(pictures) == found["rows"]
    assert all(len(line["references"]) == 2 for line in lines)
    assert found["best_few_shot"] == "1_shot_1"
    assert {"zero_shot", "few_shot", "usual", "histogram", "thumbnail", "blind"} == set(found["tuned_over"])
    for scores in found["captioning"].values():
        assert {"cider", "bleu4", "rouge_l", "invented_names"} < set(scores)
    lead = found["captioning"]["tuned"]["cider"] - found["captioning"]["zero_shot"]["cider"]
    assert found["tuned_over"]["zero_shot"]["cider"] == pytest.approx(lead, abs=2e-4)


def test_what_is_drawn_is_called_drawn_whichever_way_it_came_in() -> None:
    def row(kind: str, author: str, url: str = "") -> Record:
        source = Source(kind=kind, licence="CC0-1.0", url=url)
        return Record("r", Image("0", "0.tar", "r.png", 1, 1), (Text("golf", author),), "golf", "r", source)

    by_hand, by_program = "person:ann", "generator:plumbline.samples.sports"
    assert kind_of_pictures([row("folder", by_program), row("generator", by_hand)]) == "drawn"
    assert kind_of_pictures([row("url", by_hand, "http://gallery.creatures.test/1.png")]) == "drawn"
    assert kind_of_pictures([row("folder", by_program), row("folder", by_hand)]) == "imported"
    assert kind_of_pictures([row("url", by_hand, "http://example.org/1.png")]) == "collected"
