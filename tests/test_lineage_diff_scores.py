"""The paired interval of `lineage diff`: identical rows only, and only predictions that give the sealed metric."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffing import PREDICTIONS, put_into_cache, seal, sealed_commit, toy_project, write_predictions
from flowing import git

from stages.evaluate.statistics import mean_interval
from stages.lineage.diff import scores
from stages.lineage.diff.facts import value_at
from stages.lineage.diff.headlines import Marked, headline_of
from stages.lineage.diff.scores import paired_score, read_marked, score_change
from stages.lineage.diff.shelf import Shelf
from stages.lineage.diff.sides import open_side

HEADLINE = headline_of({"tuned": {"exact": 0.5}})
REPORTS = Path(__file__).parent.parent / "reports"


def marked(right: list[bool], target: str = "x") -> dict[str, Marked]:
    """Rows in pairs: two of each entity."""
    return {f"{n:03}": Marked(f"{n:03}", target, f"e{n // 2}", float(flag)) for n, flag in enumerate(right)}


def test_the_interval_is_that_of_the_differences_on_the_same_rows() -> None:
    rng = np.random.default_rng(1)
    one, two = (rng.random(60) < 0.5).tolist(), (rng.random(60) < 0.7).tolist()
    assert HEADLINE is not None
    found = paired_score(HEADLINE, None, None, marked(one), marked(two), (500, 3)).paired
    values = [int(b) - int(a) for a, b in zip(one, two, strict=True)]
    expected = mean_interval(values, [f"e{n // 2}" for n in range(60)], 500, 3)
    assert found is not None
    assert (found.change, found.low, found.high) == (expected.mean, expected.low, expected.high)
    assert (found.rows, found.entities) == (60, 30)
    assert found.p is not None


def test_rows_that_are_not_identical_are_left_out_and_counted() -> None:
    assert HEADLINE is not None
    a, b = marked([True] * 6), marked([True] * 4 + [False] * 2)
    a["only"] = Marked("only", "x", "e", 1.0)
    b["005"] = Marked("005", "another question", "e2", 0.0)
    found = paired_score(HEADLINE, 1.0, 0.5, a, b, (100, 1))
    assert found.paired is not None
    assert found.paired.rows == 5
    assert found.paired.change == pytest.approx(-0.2)
    assert (found.only_a, found.only_b, found.asked_otherwise) == (1, 0, 1)
    nothing = paired_score(HEADLINE, 1.0, 0.5, a, {}, (100, 1))
    assert nothing.paired is None
    assert "no test row is the same" in nothing.unknown


def test_old_predictions_come_from_the_cache_and_must_give_the_sealed_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = toy_project(tmp_path / "toy")
    names = [f"t{n}" for n in range(20)]
    write_predictions(root, {name: n % 2 == 0 for n, name in enumerate(names)})
    md5 = put_into_cache(root, root / PREDICTIONS)
    out = {"path": PREDICTIONS, "md5": md5}
    (root / "dvc.lock").write_text(json.dumps({"stages": {"evaluate@toy": {"outs": [out]}}}))
    sealed_commit(root, "begin")
    git(root, "tag", "a")
    write_predictions(root, {name: n % 4 != 1 for n, name in enumerate(names)})
    (root / "dvc.lock").write_text("{}")
    sealed_commit(root, "go on")
    sides = open_side("toy@a", root), open_side("toy", root)
    found = score_change(*sides, Shelf(root))
    assert found is not None
    assert found.paired is not None
    assert found.paired.change == pytest.approx(0.25)
    assert found.paired.rows == 20

    write_predictions(root, dict.fromkeys(names, True))  # the tree's are another run's now
    found = score_change(*sides, Shelf(root))
    assert found is not None
    assert found.paired is None
    assert "sealed is 0.75" in found.unknown
    monkeypatch.setattr(scores, "ROUNDING", 1.0)  # without that check a wrong interval comes out
    found = score_change(*sides, Shelf(root))
    assert found is not None
    assert found.paired is not None
    assert found.paired.b == 1.0


CIDER = {"captioning": {"tuned": {"cider": 0.5}}, "tuned_over": {}, "task": "caption"}
LINES: dict[str, tuple[dict[str, Any], dict[str, Any], list[float]]] = {
    "tuned.synonym": (
        {"rule": "synonym", "tuned": {"exact": 0.1, "synonym": 0.2}},
        {"id": "1", "label": "x", "entity": "e", "tuned_correct": {"exact": False, "synonym": True}},
        [1.0],
    ),
    "ranking.methods.tuned.r_at_10": (
        {"at": [1, 10], "ranking": {"methods": {"tuned": {"r_at_10": 0.5}}}},
        {"id": "1", "name": "x", "description": "d", "entity": "e", "ranks": {"tuned": 10}},
        [1.0],
    ),
    "retrieval.tuned.t2i_r1": (
        {"retrieval": {"tuned": {"t2i_r1": 0.5}}, "captioning": {"tuned": {"cider": 1.0}}},
        {"id": "1", "entity": "e", "captions": ["x", "y"], "tuned_ranks": [1.0, 2.0]},
        [1.0, 0.0],
    ),
    "questions.methods.trained.exact": (
        {"questions": {"methods": {"trained": {"exact": 0.5}}}, "captions": None},
        {
            **{"kind": "question", "id": "1", "conversation": "c", "turn": 1, "question": "q", "answer": "a"},
            **{"entity": "e", "closed": True, "marks": {"trained": 1.0}},
        },
        [1.0],
    ),
    "captioning.tuned.cider": (CIDER, {"id": "1", "entity": "e", "references": ["a b"], "tuned": "a"}, [0.0]),
    "captions.methods.trained.cider": (
        {"captions": {"methods": {"trained": {"cider": 0.5}}}, "questions": None},
        {"kind": "caption", "id": "1", "entity": "e", "references": ["a b"], "said": {"trained": "a"}},
        [0.0],
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_every_objective_has_its_headline(name: str, tmp_path: Path) -> None:
    metrics, line, marks = LINES[name]
    headline = headline_of(metrics)
    assert headline is not None
    assert headline.name == name
    path = tmp_path / "predictions.jsonl"
    path.write_text(json.dumps(line) + "\n")
    found = read_marked(path, headline)
    assert isinstance(found, dict)
    assert [one.mark for one in found.values()] == marks
    path.write_text("{}\n")
    assert isinstance(read_marked(path, headline), str)


@pytest.mark.skipif(not any((REPORTS / "predictions").glob("*.jsonl")), reason="nothing was evaluated here")
@pytest.mark.parametrize("path", sorted((REPORTS / "predictions").glob("*.jsonl")), ids=lambda path: path.stem)
def test_predictions_of_this_tree_give_their_headline(path: Path) -> None:
    metrics = REPORTS / "metrics" / f"{path.stem}.json"
    if not metrics.is_file():
        pytest.skip("its metrics aren't there")
    said = json.loads(metrics.read_text())
    headline = headline_of(said)
    assert headline is not None
    if headline.captions:
        pytest.skip("scoring all of them takes seconds")
    rows = read_marked(path, headline)
    assert isinstance(rows, dict)
    values = scores._values(headline, list(rows.values()))
    assert sum(values) / len(values) == pytest.approx(value_at(said, headline.name), abs=scores.ROUNDING)


def test_captions_are_scored_together_on_the_shared_rows() -> None:
    headline = headline_of(CIDER)
    assert headline is not None
    texts = ["a red bird in a tree", "two dogs on a beach", "a boat at sea"]

    def said(captions: list[str]) -> dict[str, Marked]:
        pairs = zip(texts, captions, strict=True)
        return {text: Marked(text, text, text, said=caption, references=(text,)) for text, caption in pairs}

    found = paired_score(headline, 0.0, 10.0, said(["a red cow", "two cats", "a car"]), said(texts), (100, 1)).paired
    assert found is not None
    assert found.b == pytest.approx(10.0)
    assert found.low > 0
    assert found.p is None


def test_an_unknown_form_of_metrics_has_no_headline(tmp_path: Path) -> None:
    assert headline_of({"accuracy": 1.0}) is None
    root = toy_project(tmp_path / "toy")
    seal(root, metrics={"accuracy": 1.0})
    side = open_side("toy", root)
    assert score_change(side, side, Shelf(root)) is None
