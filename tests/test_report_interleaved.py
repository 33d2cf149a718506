"""The page of an interleaved recipe: escaped, self-contained, repeatable, and with no number of its own."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from interleaved import CAPTIONS, LABELS, PROMPT, RECIPE, curated
from test_grounding_report import FETCHING, Page

from stages.evaluate.captions import caption_scores
from stages.evaluate.interleaved import caption_results, label_results
from stages.evaluate.interleaved.labels import Answers, Marking
from stages.evaluate.interleaved.methods import Methods
from stages.evaluate.interleaved.stage import write_lines
from stages.evaluate.metrics import rounded, write_metrics
from stages.grading.items import items_of, read_predictions
from stages.grading.log import Grade
from stages.interleaved.tasks import LabelTask
from stages.params import UserError
from stages.record import Record, facts_of, write_manifest
from stages.report.interleaved import captions, gallery
from stages.report.interleaved.stage import run

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
SPORTS = LABELS[:3]  # so that every one of them is in both splits
TEXTS = ("a sport, number {number}.", "somebody plays it")
Inputs = dict[str, Path]


def chain(folder: Path, records: list[Record], said: str) -> Inputs:
    """What stands around metrics and predictions: manifest, receipt, loss, the base's notes, an empty grade log."""
    paths = {name: folder / name for name in ("curated", "tokenized", "base", "trained")}
    for name in ("tokenized", "base", "trained"):
        paths[name].mkdir()
    example = {"id": records[0].id, "text": f"<s>{PROMPT}", "supervised": said, "as_example": f"{PROMPT} {said}"}
    receipt = {"rows": 24, "supervised_tokens": 99, "longest": 12, "checks": {"end": said}, "examples": [example]}
    (paths["tokenized"] / "receipt.json").write_text(json.dumps(receipt))
    facts = {"stage": "tokenize", "dropped": {"nothing to answer": 2}, "upstream": facts_of(paths["curated"])}
    write_manifest(paths["tokenized"], facts)
    steps = [f"{step},{4 / (1 + step / 10):.4f}" for step in range(40)]
    (paths["trained"] / "loss.csv").write_text("\n".join(["step,loss", *steps]) + "\n")
    (paths["base"] / "material.json").write_text(json.dumps({"parameters": {"all": 7654321}, "never": f"{said}, no"}))
    (folder / "grades").mkdir()
    return paths | {"predictions": folder / "predictions.jsonl", "grades": folder / "grades", "metrics": folder / "m"}


def labelled(
    folder: Path, said: str = "ice", shots: tuple[int, ...] = (1, 2), scoring: str = "both", texts: tuple[str, ...] = ()
) -> Inputs:
    """Made-up answers to eight test pictures: the base knows the first two, tuned all but the first."""
    names = tuple(f"{HOSTILE} {one}" for one in SPORTS) if said == HOSTILE else SPORTS
    records = curated(folder / "curated", 32, texts, names)
    test = [row for row in records if row.split == "test"]
    truth = [row.label for row in test]

    def answers(right: Callable[[int], bool]) -> Answers:
        free = [label if right(place) else said for place, label in enumerate(truth)]
        chosen = [label if right(place) else names[names.index(label) - 1] for place, label in enumerate(truth)]
        return Answers(free if scoring != "closed" else None, chosen if scoring != "generation" else None)

    few = {number: [answers(lambda i, n=number: i % 3 < n), answers(lambda i: i == 4)] for number in shots}  # type: ignore[misc]
    found = Methods(answers(lambda i: i < 2), answers(lambda i: i > 0), answers(lambda i: i == 1), few)
    shallow = {"majority": [names[0]] * len(test), "histogram": truth, "thumbnail": truth[::-1]}
    marking = Marking(LabelTask({"ice": "luge"}), truth, [row.entity for row in test], RECIPE.evaluate)
    lines = [label_results._line(at, row, found, shallow, marking) for at, row in enumerate(test)]  # type: ignore[arg-type]
    metrics = label_results._metrics(marking, found, shallow, sorted(names))
    paths = chain(folder, records, said)
    write_metrics(paths["metrics"], dict(rounded({"pictures": "imported", **metrics})))
    write_lines(paths["predictions"], lines)
    return paths


def captioned(folder: Path, said: str = "a sport") -> Inputs:
    records = curated(folder / "curated", 32, (*TEXTS, said))
    test = [row for row in records if row.split == "test"]
    rows = [
        SimpleNamespace(id=row.id, label=row.label, entity=row.entity, references=tuple(one.text for one in row.texts))
        for row in test
    ]
    entities = [row.entity for row in test]
    given: Any = SimpleNamespace(params=CAPTIONS, test=rows, entities=entities)
    names = (*caption_results.SHALLOW, "zero_shot", "1_shot_1", "16_shot_1", "2_shot_1", "tuned")
    texts = {
        name: [f"{name} {said} by Ada" if at % (turn + 1) else row.references[0] for at, row in enumerate(rows)]
        for turn, name in enumerate(names[::-1])
    }
    references = [row.references for row in rows]
    scores = {name: caption_scores(one, references, entities, 100, 1) for name, one in texts.items()}
    metrics = caption_results._metrics(given, scores)
    paths = chain(folder, records, said)
    write_metrics(paths["metrics"], dict(rounded({"pictures": "drawn", **metrics})))
    write_lines(paths["predictions"], [caption_results._line(given, at, texts, metrics) for at in range(len(rows))])
    return paths


@pytest.fixture
def label_inputs(tmp_path: Path) -> Inputs:
    return labelled(tmp_path)


@pytest.fixture
def caption_inputs(tmp_path: Path) -> Inputs:
    return captioned(tmp_path)


@pytest.fixture(params=["label", "caption"])
def inputs(request: pytest.FixtureRequest, tmp_path: Path) -> Inputs:
    return labelled(tmp_path) if request.param == "label" else captioned(tmp_path)


def page_of(inputs: Inputs, name: str = "sport") -> str:
    out = inputs["metrics"].parent / "html" / "page.html"
    task = json.loads(inputs["metrics"].read_text())["task"]
    run(CAPTIONS if task == "caption" else RECIPE, name=name, out=out, **inputs)
    return out.read_text(encoding="utf-8")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", Page(html.replace("<", " <")).text.replace("\xa0", " "))


def metrics_of(inputs: Inputs) -> Any:
    return json.loads(inputs["metrics"].read_text())


def test_the_label_page_holds_the_numbers(label_inputs: Inputs, capsys: pytest.CaptureFixture[str]) -> None:
    text, found = text_of(page_of(label_inputs)), metrics_of(label_inputs)
    assert (found["tuned"]["exact"], found["zero_shot"]["exact"], found["best_shots"]) == (0.875, 0.25, 2)
    for expected in (
        "data: imported",
        "tuned 87.5 %",
        "zero-shot 25.0 %",
        f"best few-shot, 2-shot {100 * found['few_shot']['2']['exact']:.1f} %",
        "+62.5",
        "6 rows newly right, 1 newly wrong",
        f"p = {found['mcnemar']['exact']['p']:.4f}",
        "by seed 75.0 · 12.5",
        "chance (1 of 3)",
        "Nearest colours reaches over half of tuned",
        "No class got worse.",
        "tokenize nothing to answer 2",
        "CC0-1.0",
        "train.lora_rank",
    ):
        assert expected in text, expected
    printed = capsys.readouterr().out.splitlines()[0]
    assert printed.startswith("sport: exact match, zero-shot 25.0 % -> tuned 87.5 % [")
    assert printed.endswith("] on 8 held-out pictures")


def test_classes_that_got_worse_are_named(label_inputs: Inputs) -> None:
    label_inputs["metrics"].write_text(json.dumps(metrics_of(label_inputs) | {"worse": ["luge", "bobsled"]}))
    assert "Worse than before: luge, bobsled." in text_of(page_of(label_inputs))


def test_the_caption_page_holds_the_numbers(caption_inputs: Inputs) -> None:
    text, found = text_of(page_of(caption_inputs)), metrics_of(caption_inputs)
    best, tuned = found["best_few_shot"], found["captioning"]["tuned"]
    for expected in (
        "data: drawn",
        f"tuned {tuned['cider']:.2f}",
        f"{tuned['cider_low']:.2f} to {tuned['cider_high']:.2f}",
        f"best few-shot: {captions.title_of(best)}",
        f"{found['tuned_over']['few_shot']['cider']:+.2f}",
        f"{100 * tuned['invented_names']:.1f}",
        tuned["bleu4_signature"],
        "Nobody graded these captions",
        "8 of 8",
    ):
        assert expected in text, expected
    assert text.index("2-shot, seed 1") < text.index("16-shot, seed 1")


def leaves(node: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    return [path]


def other(value: Any) -> Any:
    if isinstance(value, list):
        return [*map(other, value)] or [SPORTS[0]]
    return f"another {value}" if isinstance(value, str) else value + 1


def test_every_number_on_the_page_comes_from_the_metrics_file(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever figure changes, the page changes."""
    for shown in ("SHOWN", "CAPTIONS"):
        monkeypatch.setattr(gallery, shown, 0)  # pictures take time and hold no figure
    before, text = page_of(inputs), inputs["metrics"].read_text()
    once = {"task", "rule", "best_shots", "best_few_shot", "pictures"}  # they choose what is shown
    known = [leaf for leaf in leaves(json.loads(text)) if not {leaf[0], leaf[-1]} & once and leaf[2:] != ("rows",)]
    assert len(known) > 100
    for leaf in known:
        found = json.loads(text)
        node = found
        for key in leaf[:-1]:
            node = node[key]
        node[leaf[-1]] = other(node[leaf[-1]])
        inputs["metrics"].write_text(json.dumps(found))
        assert page_of(inputs) != before, leaf
    inputs["metrics"].write_text(text)
    assert page_of(inputs) == before  # and the same bytes from the same inputs


@pytest.mark.parametrize("build", [labelled, captioned])
def test_hostile_text_stays_text(tmp_path: Path, build: Callable[..., Inputs]) -> None:
    """From labels, captions, answers, the receipt, the base's notes and the recipe's name."""
    html = page_of(build(tmp_path, said=HOSTILE), name=HOSTILE)
    page = Page(html)
    assert page.text.count(HOSTILE) > 20
    assert "<img src=x" not in html
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 8
    assert all(set(attributes) == {"src", "width", "height", "alt"} for attributes in images)


def test_page_is_one_file_that_can_be_read_aloud(inputs: Inputs) -> None:
    html = page_of(inputs)
    page = Page(html)
    tags = [tag for tag, _ in page.tags]
    policies = [a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(tags)
    fetched = [value or "" for _, attributes in page.tags for name, value in attributes.items() if name in FETCHING]
    assert all(value.startswith(("data:image/jpeg;base64,", "#")) for value in fetched)
    assert not re.search(r"url\(|@import", html)
    assert ("html", {"lang": "en"}) in page.tags
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption")
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert {(a["href"] or "")[1:] for tag, a in page.tags if tag == "a"} <= set(ids)


def test_what_people_graded_stands_on_the_page(caption_inputs: Inputs) -> None:
    items = items_of(read_predictions(caption_inputs["predictions"]), 8, 1)
    verdicts = [Grade(one.id, one.caption, one.modes, "right", f"person:{HOSTILE}") for one in items]
    wrong = [replace(one, verdict="wrong") for one in verdicts if "tuned" not in one.modes]
    log = caption_inputs["grades"] / "sport.jsonl"
    log.write_bytes(b"".join(one.encoded() for one in [*verdicts, *wrong]))
    html = page_of(caption_inputs)
    assert f"person:{HOSTILE}" in Page(html).text
    assert "<img src=x" not in html
    assert "tuned 8 0 0 100.0 67.6–100.0" in text_of(html)
    assert "Nobody graded" not in html


@pytest.mark.parametrize(("shots", "scoring"), [((), "both"), ((1,), "generation"), ((1,), "closed")])
def test_pages_without_examples_or_one_way_of_scoring(tmp_path: Path, shots: tuple[int, ...], scoring: str) -> None:
    text = text_of(page_of(labelled(tmp_path, shots=shots, scoring=scoring)))
    assert ("best few-shot" in text) == bool(shots)
    assert ("chosen from the list" in text) == (scoring != "generation")
    assert ("exact match" in text) == (scoring != "closed")


def test_a_baseline_is_flagged_from_half_of_tuned_on(caption_inputs: Inputs) -> None:
    found = metrics_of(caption_inputs)
    said, over = found["captioning"], found["tuned_over"]
    for name in caption_results.SHALLOW:
        said[name]["cider"] = said["tuned"]["cider"] * (0.51 if name == "blind" else 0.5)
    over["zero_shot"]["cider_low"], over["few_shot"]["cider_low"] = 0.0, 0.1
    assert captions.warnings(found) == [
        "Tuned, without the picture reaches over half of tuned’s CIDEr; what is tuned says little",
        "By CIDEr, tuned is not surely better than zero-shot",
    ]


@pytest.mark.parametrize(("kind", "said"), [("drawn", "drawn by a program"), ("imported", "imported")])
def test_pictures_are_called_what_evaluation_calls_them(label_inputs: Inputs, kind: str, said: str) -> None:
    metrics = json.loads(label_inputs["metrics"].read_text()) | {"pictures": kind}
    write_metrics(label_inputs["metrics"], metrics)
    assert said in text_of(page_of(label_inputs))


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [("tokenized/receipt.json", "`tokenize` writes"), ("predictions.jsonl", "evaluate"), ("m", "evaluate")],
)
def test_a_missing_input_is_named(label_inputs: Inputs, tmp_path: Path, missing: str, complaint: str) -> None:
    (tmp_path / missing).unlink()
    with pytest.raises(UserError, match=f"{re.escape(missing)} is missing.*{complaint}"):
        run(RECIPE, name="sport", out=tmp_path / "page.html", **label_inputs)


def test_what_belongs_to_another_run_is_refused(label_inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="task 'label', the recipe's is 'caption'"):
        run(CAPTIONS, name="sport", out=tmp_path / "page.html", **label_inputs)
    lines = label_inputs["predictions"].read_text().replace("row-0", "other-0")
    label_inputs["predictions"].write_text(lines)
    with pytest.raises(UserError, match="predictions name other-0"):
        page_of(label_inputs)
