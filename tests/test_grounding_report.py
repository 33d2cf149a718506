"""The page of a grounding recipe: escaped, self-contained, repeatable, and with no number of its own."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grounded import RECIPE, captioned
from safetensors.numpy import save_file

from stages.evaluate.grounding import results
from stages.evaluate.grounding.results import Results, metrics_of, write_predictions
from stages.evaluate.grounding.rows import Rows
from stages.evaluate.grounding.shallow import Split
from stages.evaluate.metrics import write_metrics
from stages.grounding.adapter import TENSORS, WEIGHTS
from stages.params import UserError
from stages.record import Record, facts_of, write_manifest
from stages.report.grounding import charts, gallery, tables
from stages.report.grounding.receipt import cut
from stages.report.grounding.stage import run
from stages.report.page import gallery as page_gallery
from stages.tokenize.grounding.rows import CaptionRow, DialogueRow

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
FETCHING = ("src", "href", "data", "poster", "action", "srcset", "background", "xlink:href")
PROBE = {"map": 0.5, "f1": 0.25}
TURNS = (("what is it?", "a pet"), ("which colour?", "red"))


class Page(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def rows_of(records: list[Record], dialogues: bool) -> Rows:
    """One split as evaluation reads it, without features and looks."""
    texts = [(place, record, text.text) for place, record in enumerate(records) for text in record.texts]
    captions = [
        CaptionRow(f"{row.id}/{i}", row.id, row.image.sha256, row.split, row.entity, text, (1, 2))
        for i, (_, row, text) in enumerate(texts)
    ]
    owners = np.array([place for place, *_ in texts])
    questions, answers = zip(*TURNS, strict=True)
    talks = [
        DialogueRow(row.id, row.image.sha256, row.split, row.entity, questions, answers, ((1,), (1,)), ((2,), (2,)))
        for row in (records if dialogues else [])
    ]
    looks = Split({}, tuple(text for *_, text in texts), owners)
    return Rows(records, captions, talks, np.zeros((len(records), 4), np.float32), looks)


def results_of(rows: Rows, said: str) -> Results:
    """Made-up similarities: tuned is the best one, blind knows nothing."""
    made, drawn = Results(rows), np.random.default_rng(1)
    own = rows.owners[:, None] == np.arange(len(rows.records))
    skills = {"blind": 0.0, "histogram": 0.2, "thumbnail": 0.1, "clip": 1.0, "before": 0.3, "tuned": 2.0}
    for name, skill in skills.items():
        made.add(name, skill * own + (drawn.normal(size=own.shape) if skill else 0))
    for name in ("histogram", "thumbnail", "before", "tuned", "unseen"):
        made.captions[name] = [f"{said} {row.entity if name == 'tuned' else name} here now" for row in rows.records]
    if rows.dialogues:
        for name in ("usual", "unseen", "before", "tuned"):
            made.answers[name] = [["A pet.", said if name == "before" else "red"]] * len(rows.dialogues)
    return made


def build(folder: Path, *, said: str = "a pet", texts: dict[int, list[str]] | None = None, talks: bool = True) -> Any:
    """Inputs of the stage: eight test pictures with two captions each."""
    records = captioned(folder / "curated", texts=texts)
    train, test = (rows_of([row for row in records if row.split == split], talks) for split in ("train", "test"))
    made = results_of(test, said)
    flat = {f"probe_{name}{end}": value for name, value in PROBE.items() for end in ("", "_low", "_high", "_chance")}
    probe = {**flat, "probe_words": 7, "probe_penalty": 0.5}
    write_metrics(folder / "m.json", metrics_of(made, train, RECIPE.evaluate) | {"probe": probe})
    write_predictions(folder / "p.jsonl", made)
    for name in ("tokenized", "trained", "base"):
        (folder / name).mkdir()
    example = {"id": "row-0001/0", "kind": "retrieval", "text": f"</s>{said}[RET]", "supervised": f"{said}[RET]"}
    asked = {"id": "row-0001", "kind": "dialogue", "text": "Q: what?\nA: it\n", "supervised": " it"}
    receipt = {"captions": 32, "dialogues": 16, "supervised_tokens": 99, "longest": 12, "checks": {"end": said}}
    (folder / "tokenized" / "receipt.json").write_text(json.dumps({**receipt, "examples": [example, asked]}))
    facts = {
        "stage": "tokenize",
        "dropped": {"caption holds a control token": 2},
        "upstream": facts_of(folder / "curated"),
    }
    write_manifest(folder / "tokenized", facts)
    steps = [f"{step},{4 / (1 + step / 10):.4f},0.001" for step in range(40)]
    (folder / "trained" / "loss.csv").write_text("\n".join(["step,loss,learning_rate", *steps]) + "\n")
    shapes = {name: (() if name == "logit_scale" else (3, 5)) for name in TENSORS}
    save_file({name: np.ones(shape, np.float32) for name, shape in shapes.items()}, folder / "trained" / WEIGHTS)
    material = {"version": 1, "parameters": {"vision": 1234567, "language": 7654321}, "never": f"{said}, never"}
    (folder / "base" / "material.json").write_text(json.dumps(material))
    paths = {name: folder / name for name in ("curated", "tokenized", "base", "trained")}
    return {**paths, "metrics": folder / "m.json", "predictions": folder / "p.jsonl", "grades": folder}


@pytest.fixture
def inputs(tmp_path: Path) -> Any:
    return build(tmp_path)


def page_of(inputs: dict[str, Path], out: Path, name: str = "pets") -> str:
    run(RECIPE, name=name, out=out, **inputs)
    return out.read_text(encoding="utf-8")


def test_page_holds_the_numbers(inputs: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "html" / "pets.html"
    text = Page(page_of(inputs, out)).text.replace("\xa0", " ")
    found = json.loads(inputs["metrics"].read_text())
    tuned, clip = (found["retrieval"][name] for name in ("tuned", "clip"))
    for expected in (
        f"{100 * tuned['t2i_r1']:.1f} %",
        f"{100 * clip['t2i_r1']:.1f} %",
        f"{100 * found['tuned_over']['clip']['t2i_r1']:+.1f}",
        "12.5 %",  # chance: 1 of 8 pictures
        "8 tensors, 106 numbers",  # seven of 3 x 5, and one number
        "7,654,321",
        "caption holds a control token",
        "generator:pets seed 1",
        "CC-BY-4.0",
        "Q: what?",
        "data: drawn",
        "train.shared_width",
    ):
        assert expected in text, expected
    printed = capsys.readouterr().out.splitlines()
    low, high = 100 * tuned["t2i_r1_low"], 100 * tuned["t2i_r1_high"]
    assert printed[0].startswith("pets: text to image R@1 before ")
    assert f"-> tuned {100 * tuned['t2i_r1']:.1f} % [{low:.1f}, {high:.1f}] on 8 held-out pictures; " in printed[0]
    assert printed[0].endswith(f"frozen CLIP {100 * clip['t2i_r1']:.1f} %")


def leaves(node: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    return [path]


def shown_leaves(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Every figure, but what is one and the same for all methods and is shown once, from tuned's."""
    once = re.compile(r"_(chance|queries|gallery)$|^n$|^caption_rows$")
    return [
        leaf
        for leaf in leaves(found)
        if not once.search(leaf[-1]) or leaf[0] == "probe" or ("tuned" in leaf and leaf[-1] != "caption_rows")
    ]


def test_every_number_on_the_page_comes_from_the_metrics_file(
    inputs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever figure changes, the page changes; a figure of every table is tried, and of every measure."""
    monkeypatch.setattr(page_gallery, "SHOWN", 0)  # pictures take time and hold no figure
    before = page_of(inputs, tmp_path / "page.html")
    text = inputs["metrics"].read_text()
    known = shown_leaves(json.loads(text))
    assert len(known) > 200
    sections = {leaf[:2] for leaf in known}
    chosen = [next(leaf for leaf in known if leaf[:2] == section) for section in sorted(sections)]
    chosen += known[:: len(known) // 50]
    for leaf in chosen:
        found = json.loads(text)
        node = found
        for key in leaf[:-1]:
            node = node[key]
        node[leaf[-1]] = f"another {node[leaf[-1]]}" if isinstance(node[leaf[-1]], str) else node[leaf[-1]] + 1
        inputs["metrics"].write_text(json.dumps(found))
        assert page_of(inputs, tmp_path / "page.html") != before, leaf
    inputs["metrics"].write_text(text)
    assert page_of(inputs, tmp_path / "page.html") == before


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """From a caption, what a model said, the receipt, the base's notes and the recipe's name."""
    texts = {number: [f"{HOSTILE} pet {number}", f"another {HOSTILE}"] for number in range(16)}
    html = page_of(build(tmp_path, said=HOSTILE, texts=texts), tmp_path / "page.html", name=HOSTILE)
    page = Page(html)
    assert page.text.count(HOSTILE) > 40
    assert "<img src=x" not in html
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) >= 3 * page_gallery.SHOWN
    assert all(set(attributes) == {"src", "width", "height", "alt"} for attributes in images)


def test_page_is_one_file_under_a_strict_policy(inputs: Any, tmp_path: Path) -> None:
    html = page_of(inputs, tmp_path / "page.html")
    page = Page(html)
    policies = [a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    fetched = [value or "" for _, attributes in page.tags for name, value in attributes.items() if name in FETCHING]
    assert fetched
    assert all(value.startswith(("data:image/jpeg;base64,", "#")) for value in fetched)
    assert not re.search(r"url\(|@import", html)


def test_page_can_be_read_aloud(inputs: Any, tmp_path: Path) -> None:
    """Language, one h1, a caption for every table, alternative text for every picture, links that lead somewhere."""
    page = Page(page_of(inputs, tmp_path / "page.html"))
    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption")
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert {(a["href"] or "")[1:] for tag, a in page.tags if tag == "a"} <= set(ids)


def test_second_build_has_the_same_bytes(inputs: Any, tmp_path: Path) -> None:
    assert page_of(inputs, tmp_path / "1.html") == page_of(inputs, tmp_path / "2.html")


def test_a_recipe_without_dialogues_probe_and_material_has_a_page(tmp_path: Path) -> None:
    inputs = build(tmp_path, talks=False)
    (inputs["base"] / "material.json").unlink()
    found = json.loads(inputs["metrics"].read_text())
    inputs["metrics"].write_text(json.dumps(found | {"probe": {"left_out": "no word is frequent enough"}}))
    text = Page(page_of(inputs, tmp_path / "page.html")).text
    assert "no record of their training material" in text
    assert "no word is frequent enough" in text
    assert "Whole dialogues" not in text
    assert "no dialogues" in text


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [("tokenized/receipt.json", "`tokenize` writes"), (f"trained/{WEIGHTS}", "train writes"), ("m.json", "evaluate")],
)
def test_a_missing_input_is_named(inputs: Any, tmp_path: Path, missing: str, complaint: str) -> None:
    (tmp_path / missing).unlink()
    with pytest.raises(UserError, match=f"{re.escape(missing)} is missing.*{complaint}"):
        page_of(inputs, tmp_path / "page.html")


def test_predictions_of_other_rows_are_refused(inputs: Any, tmp_path: Path) -> None:
    lines = inputs["predictions"].read_text().replace("row-0", "other-0")
    inputs["predictions"].write_text(lines)
    with pytest.raises(UserError, match="predictions name other-0"):
        page_of(inputs, tmp_path / "page.html")


def test_examples_do_not_follow_the_order_of_rows(inputs: Any) -> None:
    said = [json.loads(line) for line in inputs["predictions"].read_text().splitlines()]
    found, missed = (gallery.queries(said, first) for first in (True, False))
    assert len(found) + len(missed) == 16
    assert {query.ranks["tuned"] for query in found} == {1.0}
    assert all(query.ranks["tuned"] > 1 for query in missed)


def test_dialogue_marks_follow_the_rule_of_the_scores() -> None:
    turn = {"question": "what?", "answer": "a red pet", "before": "Red pet.", "tuned": "a blue pet"}
    (marked,) = gallery.marked([turn])
    assert (marked["before_right"], marked["tuned_right"]) == (True, False)


def test_the_receipt_marks_what_is_supervised_where_it_stands() -> None:
    assert cut("</s>a pet[RET]", "a pet[RET]") == [("</s>", False), ("a pet[RET]", True)]
    dialogue = "<picture>Q: a?\nA: yes\nQ: which?\nA: yes\n"
    assert cut(dialogue, " yes\n yes\n") == [
        ("<picture>Q: a?\nA:", False), (" yes\n", True), ("Q: which?\nA:", False), (" yes\n", True), ("", False)
    ]  # fmt: skip
    assert cut("one two three", "two") == [("one two three\n", False), ("two", True)]  # nothing says where


def test_bars_stand_in_the_plot_beside_their_whiskers() -> None:
    def one(share: float) -> dict[str, float]:
        return {"r": share, "r_low": share - 0.05, "r_high": share + 0.05, "r_chance": 0.01}

    chart = charts.bar_chart({"tuned": one(0.5), "clip": one(0.25)}, "r", {"clip": "CLIP", "tuned": "tuned"})
    assert [bar.title for bar in chart.bars] == ["CLIP", "tuned"]
    assert chart.bars[1].end == pytest.approx(2 * chart.bars[0].end, abs=0.2)
    for bar in chart.bars:
        assert 0 <= bar.low < bar.end < bar.high <= charts.PLOT


def test_lines_have_a_dot_a_turn_and_leave_out_the_whole() -> None:
    half = {"mean": 0.5, "low": 0.25, "high": 0.75, "n": 8}
    chart = charts.line_chart({"tuned": {"all": half, "turn_1": half, "turn_2": half}}, {"usual": "u", "tuned": "t"})
    (line,) = chart.lines
    assert [text for _, text in chart.x_ticks] == ["1", "2"]
    assert [dot[1:] for dot in line.dots] == [(charts.HEIGHT / 2, charts.HEIGHT / 4, charts.HEIGHT * 3 / 4)] * 2


def test_the_best_method_without_a_model_is_named(inputs: Any) -> None:
    found = json.loads(inputs["metrics"].read_text())
    found["retrieval"]["thumbnail"]["t2i_r1"] = 0.99
    found["retrieval"]["clip"]["t2i_r1"] = 1.0  # a model
    assert tables.best_shallow(found) == "thumbnail"
    assert set(tables.SHALLOW) == set(results.SHALLOW)
