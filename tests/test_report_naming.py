"""The page of a naming recipe: escaped, self-contained, repeatable, and with no number of its own."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naming import RECIPE, changed, described, name, record
from test_grounding_report import FETCHING, Page

from stages.evaluate.metrics import rounded, write_metrics
from stages.evaluate.naming.asking import Heard
from stages.evaluate.naming.given import Given, Names
from stages.evaluate.naming.invention import Inventions
from stages.evaluate.naming.lines import prediction_lines, write_lines
from stages.evaluate.naming.methods import all_methods
from stages.evaluate.naming.results import Marking
from stages.params import UserError
from stages.record import Record, facts_of, read_rows, write_manifest
from stages.report.naming import examples, stage
from stages.report.naming.stage import run
from stages.tokenize.naming.rows import TokenizedRow

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
COUNT = 64
Inputs = dict[str, Path]


def row_of(made: Record) -> TokenizedRow:
    language = str(made.source.drawn["language"])
    return TokenizedRow(made.id, made.split, made.label, made.entity, made.texts[0].text, language, (1, 2), (3, 4))


def chain(folder: Path, records: list[Record], said: str) -> Inputs:
    """What stands around metrics and predictions: manifest, receipt, loss, the base's notes."""
    paths = {kind: folder / kind for kind in ("curated", "tokenized", "base", "trained", "grades")}
    for kind in ("tokenized", "base", "trained", "grades"):
        paths[kind].mkdir()
    example = {"id": records[0].id, "text": f"<bos>{said}", "supervised": f"{said}<end_of_turn><eos>"}
    receipt = {"rows": 24, "supervised_tokens": 99, "longest": 12, "checks": {"end": said}, "examples": [example]}
    (paths["tokenized"] / "receipt.json").write_text(json.dumps(receipt))
    facts = {"stage": "tokenize", "dropped": {"too long": 2}, "upstream": facts_of(paths["curated"])}
    write_manifest(paths["tokenized"], facts)
    steps = [f"{step},{4 / (1 + step / 10):.4f}" for step in range(40)]
    (paths["trained"] / "loss.csv").write_text("\n".join(["step,loss", *steps]) + "\n")
    (paths["base"] / "material.json").write_text(json.dumps({"parameters": {"all": 7654321}, "never": f"{said}, no"}))
    return paths | {"predictions": folder / "predictions.jsonl", "metrics": folder / "m"}


def built(folder: Path, said: str = "Xqz", ranked: int | None = None) -> Inputs:
    """Made-up answers: tuned ranks the true name first to eleventh, and every other time says it; the base lists."""
    labels = [f"{name(at)}{said}" if said == HOSTILE else name(at) for at in range(COUNT)]
    korean = (record(COUNT + 6, "붉은 새", "새로", "ko"), record(COUNT + 8, "붉은 여우", "여로", "ko"))
    records = described(folder / "curated", 0, (*(record(at, label=labels[at]) for at in range(COUNT)), *korean))
    rows = [row_of(one) for one in records]
    train, test = ([row for row in rows if row.split == split] for split in ("train", "test"))
    names = Names.of(train, test)
    places = list(range(len(test) if ranked is None else ranked))
    given = Given(changed(RECIPE, "evaluate", at=[1, 10]), folder, folder, train, test, names, places)
    drawn, true = np.random.default_rng(1), np.array(given.true_columns)[places]
    scores = {one: drawn.normal(size=(len(places), len(names))) for one in ("zero_shot", "tuned", "blind")}
    for place, column in enumerate(true):
        scores["tuned"][place, column] = np.sort(scores["tuned"][place])[-1 - place % 11] + 0.001
    lengths = np.array([1 + len(text) // 3 for text in names.texts])
    told = [row.name if place % 2 else said for place, row in enumerate(test)]
    heard = {
        "zero_shot": Heard([f"1. {said}, 2. Pyr"] * len(test), [False] * len(test), scores["zero_shot"], lengths),
        "tuned": Heard(told, [True] * len(test), scores["tuned"], lengths),
        "blind": Heard([said] * len(test), [True] * len(test), scores["blind"], lengths),
    }
    inventions = Inventions([row.name for row in train], [row.name for row in test], 1)
    marking = Marking(given, all_methods(given, heard), inventions)
    paths = chain(folder, records, said)
    write_metrics(paths["metrics"], dict(rounded({"descriptions": "imported", **marking.metrics()})))
    write_lines(paths["predictions"], prediction_lines(marking))
    return paths


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return built(tmp_path)


def page_of(inputs: Inputs, name: str = "creatures") -> str:
    out = inputs["metrics"].parent / "html" / "page.html"
    run(RECIPE, name=name, out=out, **inputs)
    return out.read_text(encoding="utf-8")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", Page(html.replace("<", " <")).text.replace("\xa0", " "))


def metrics_of(inputs: Inputs) -> Any:
    return json.loads(inputs["metrics"].read_text(encoding="utf-8"))


def test_the_page_holds_the_numbers(inputs: Inputs, capsys: pytest.CaptureFixture[str]) -> None:
    text, found = text_of(page_of(inputs)), metrics_of(inputs)
    tuned, lead = found["ranking"]["methods"]["tuned"], found["tuned_over"]["zero_shot"]
    assert 0.8 < tuned["r_at_10"] < 1
    for expected in (
        "descriptions: imported",
        f"tuned, true name in the top 10 {100 * tuned['r_at_10']:.1f} %",
        f"95 % interval {100 * tuned['r_at_10_low']:.1f} to {100 * tuned['r_at_10_high']:.1f} %",
        f"{100 * lead['r_at_10']:+.1f} {100 * lead['r_at_10_low']:+.1f} to {100 * lead['r_at_10_high']:+.1f}",
        f"{lead['mcnemar']['c']} newly right, 0 newly wrong",
        "tuned, exactly one name 100.0 %",
        f"{found['names']} names to choose from",
        "tokenize too long 2",
        f"{found['rules']['LATIN']['least']:.2f}",
        f"test {found['rows']} {found['entities']}",
        "CC0-1.0",
        "train.lora_rank",
        "Xqz,",
    ):
        assert expected in text, expected
    printed = capsys.readouterr().out.splitlines()[0]
    assert printed.startswith(f"creatures: true name in the top 10 of {found['names']}, zero-shot ")
    assert printed.endswith(" held-out descriptions")


def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    return [path]


def other(value: Any) -> Any:
    if isinstance(value, list):
        return [one + 0.07 for one in value]
    return f"another {value}" if isinstance(value, str) else value + 1


def test_every_number_on_the_page_comes_from_the_metrics_file(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever figure changes, the page changes; but for what has another column, and the curves of variants."""
    records = read_rows(inputs["curated"])
    monkeypatch.setattr(stage, "read_rows", lambda folder: records)  # some hundred pages of the same rows
    monkeypatch.setattr(examples, "SHOWN", 0)
    before, text = page_of(inputs), inputs["metrics"].read_text(encoding="utf-8")
    variants = ("zero_shot_per_token", "tuned_per_token", "tuned_less_blind")
    known = [
        leaf
        for leaf in leaves(json.loads(text))
        if leaf[0] not in ("task", "at")
        and not (leaf[-1] == "curve" and leaf[-2] in variants)
        and not (leaf[0] == "answers" and leaf[1] not in ("zero_shot", "tuned", "blind") and "exact" not in leaf[2])
        and leaf not in (("ranking", "rows"), ("ranking", "entities"))  # said of a sample only
    ]
    assert len(known) > 200
    for leaf in known:
        found = json.loads(text)
        node = found
        for key in leaf[:-1]:
            node = node[key]
        node[leaf[-1]] = other(node[leaf[-1]])
        inputs["metrics"].write_text(json.dumps(found), encoding="utf-8")
        assert page_of(inputs) != before, leaf
    inputs["metrics"].write_text(text, encoding="utf-8")
    assert page_of(inputs) == before  # and the same bytes from the same inputs


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """From names, answers, the receipt, the base's notes and the recipe's name."""
    html = page_of(built(tmp_path, said=HOSTILE), name=HOSTILE)
    page = Page(html)
    assert page.text.count(HOSTILE) > 20
    assert "<img" not in html
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on")]


def test_the_page_is_one_file_that_can_be_read_aloud(inputs: Inputs) -> None:
    html = page_of(inputs)
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    policies = [a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not {"script", "link", "iframe", "object", "embed", "base", "form", "img"} & set(tags)
    fetched = [value or "" for _, attributes in page.tags for key, value in attributes.items() if key in FETCHING]
    assert all(value.startswith("#") for value in fetched)
    assert not re.search(r"url\(|@import", html)
    assert ("html", {"lang": "en"}) in page.tags
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption")
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert {(a["href"] or "")[1:] for tag, a in page.tags if tag == "a"} <= set(ids)


def test_a_sample_of_ranked_rows_is_called_one(tmp_path: Path) -> None:
    text = text_of(page_of(built(tmp_path, ranked=5)))
    assert "names are ranked for 5 of them, a sample balanced over" in text
    assert "Best: 3 of 5" in text or "of 5" in text


def test_best_and_worst_are_chosen_by_the_rank_one_an_entity(inputs: Inputs) -> None:
    lines = [json.loads(line) for line in inputs["predictions"].read_text(encoding="utf-8").splitlines()]
    by_hash, best, worst = examples.groups(lines)
    ranks = [line["ranks"]["tuned"] for line in lines]
    assert best.shown[0].answers[0].rank == str(min(ranks))
    assert worst.shown[0].answers[0].rank == str(max(ranks))
    entities = {line["name"]: line["entity"] for line in lines}
    for group in (by_hash, best, worst):
        assert len({entities[one.name] for one in group.shown}) == len(group.shown) <= examples.SHOWN
    assert all(true == (name == shown.name) for shown in best.shown for name, _, true in shown.answers[0].top)
    told = examples.inventions(lines)
    assert [one[0] for one in told] == ["Xqz"]


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [("tokenized/receipt.json", "`tokenize` writes"), ("predictions.jsonl", "evaluate"), ("m", "evaluate")],
)
def test_a_missing_input_is_named(inputs: Inputs, tmp_path: Path, missing: str, complaint: str) -> None:
    (tmp_path / missing).unlink()
    with pytest.raises(UserError, match=f"{re.escape(missing)} is missing.*{complaint}"):
        page_of(inputs)


def test_what_belongs_to_another_run_is_refused(inputs: Inputs) -> None:
    text = inputs["metrics"].read_text(encoding="utf-8")
    inputs["metrics"].write_text(json.dumps(json.loads(text) | {"task": "label"}), encoding="utf-8")
    with pytest.raises(UserError, match="task 'label', the recipe's is 'name'"):
        page_of(inputs)
    inputs["metrics"].write_text(text, encoding="utf-8")
    lines = inputs["predictions"].read_text(encoding="utf-8").replace('"row-0', '"other-0')
    inputs["predictions"].write_text(lines, encoding="utf-8")
    with pytest.raises(UserError, match="names other-0"):
        page_of(inputs)


def test_a_model_that_invents_nothing_has_a_page(inputs: Inputs) -> None:
    found = metrics_of(inputs) | {"descriptions": "drawn"}
    found["invented"]["tuned"] = {"rows": 0}
    write_metrics(inputs["metrics"], found)
    lines = [json.loads(line) for line in inputs["predictions"].read_text(encoding="utf-8").splitlines()]
    write_lines(inputs["predictions"], [line | {"tuned_correct": True} for line in lines])
    text = text_of(page_of(inputs))
    assert "of tuned’s inventions" not in text
    assert "All descriptions and names are written by a program" in text
