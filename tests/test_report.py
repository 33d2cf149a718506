"""The report page: escaped, self-contained, repeatable, and honest about what it shows."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from letters import RECIPE, record, write_curated, write_loss, write_tokens
from PIL import Image as Pillow

from stages.answers.tasks import LetterTask
from stages.evaluate.answers.results import Outcome, metrics_of, write_predictions
from stages.evaluate.metrics import write_metrics
from stages.generated import Answer
from stages.params import UserError
from stages.report.answers import gallery, tables
from stages.report.answers.stage import run
from stages.report.curve import nice_ticks, read_curve

HOSTILE = "<img src=x onerror=alert(1)>\"'&"
FETCHING = ("src", "href", "data", "poster", "action", "srcset", "background", "xlink:href")


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


def build(folder: Path, zero_shot: str = "a", hostile: bool = False, **drawn: Any) -> dict[str, Any]:
    """Inputs of the stage: six test rows, of which the tuned model gets four right."""
    rows = [record(word, 0, "train", **drawn) for word in ("table", "Kestrel", "bOoK")]
    rows += [record(word, i, "test", **drawn) for word in ("lamp", "Noon") for i in range(3)]
    tests = [row for row, _ in rows if row.split == "test"]
    outcomes = [
        Outcome(row, row.label, Answer(zero_shot, 0.25), Answer("x" if i < 2 else row.label, 0.75), "e", "l")
        for i, row in enumerate(tests)
    ]
    write_metrics(folder / "metrics.json", metrics_of(outcomes, LetterTask(), "a", "words and fonts", RECIPE.evaluate))
    write_predictions(folder / "predictions.jsonl", outcomes, LetterTask())
    base = folder / "base"
    base.mkdir()
    material = {"version": 1, "steps": 6000, "tasks": {"read": {"images": 10, "accuracy": 0.9, "prompt": "Read."}}}
    (base / "material.json").write_text(json.dumps({**material, "never": HOSTILE if hostile else "a circled letter"}))
    return {
        "curated": write_curated(folder / "curated", rows),
        "tokenized": write_tokens(folder / "tokenized", rows, [5, 6]),
        "base": base,
        "trained": write_loss(folder / "trained"),
        "metrics": folder / "metrics.json",
        "predictions": folder / "predictions.jsonl",
        "grades": folder,
    }


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    return build(tmp_path)


def page_of(inputs: dict[str, Any], out: Path, name: str = "letters") -> str:
    run(RECIPE, name=name, out=out, **inputs)
    return out.read_text(encoding="utf-8")


def test_page_holds_the_numbers(inputs: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "html" / "letters.html"
    text = Page(page_of(inputs, out)).text.replace("\xa0", " ")
    for expected in (
        "zero-shot",
        "16.7 %",
        "66.7 %",
        "+50.0",
        "GPT-4o",
        "70.18 %",
        "Not the same rows.",
        "data: drawn",
    ):
        assert expected in text
    for section in ("Mask receipt", "k<eos>", "What the base had seen", "a circled letter", "train.lora_rank"):
        assert section in text
    printed = capsys.readouterr().out
    assert "zero-shot 16.7 % -> tuned 66.7 %" in printed


def test_second_build_has_the_same_bytes(inputs: dict[str, Any], tmp_path: Path) -> None:
    first = page_of(inputs, tmp_path / "1.html")
    assert page_of(inputs, tmp_path / "2.html") == first


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """From a word, an answer, a font, a licence-like field, the base's notes and the recipe's name."""
    inputs = build(tmp_path, zero_shot=HOSTILE, hostile=True, family=HOSTILE, word=HOSTILE)
    html = page_of(inputs, tmp_path / "page.html", name=HOSTILE)
    page = Page(html)
    assert HOSTILE in page.text
    assert "<img src=x" not in html
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert images
    assert all(set(attributes) == {"src", "width", "height", "alt"} for attributes in images)


def test_page_is_one_file_under_a_strict_policy(inputs: dict[str, Any], tmp_path: Path) -> None:
    html = page_of(inputs, tmp_path / "page.html")
    page = Page(html)
    policies = [a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    fetched = [value or "" for _, attributes in page.tags for name, value in attributes.items() if name in FETCHING]
    assert fetched
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in fetched)
    assert not re.search(r"url\(|@import", html)


def test_page_can_be_read_aloud(inputs: dict[str, Any], tmp_path: Path) -> None:
    """Language, one h1, a caption for every table, alternative text for every picture, links that lead somewhere."""
    page = Page(page_of(inputs, tmp_path / "page.html"))
    tags = [tag for tag, _ in page.tags]
    assert ("html", {"lang": "en"}) in page.tags
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption")
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    ids = {attributes["id"] for _, attributes in page.tags if attributes.get("id")}
    assert {(a["href"] or "")[1:] for tag, a in page.tags if tag == "a"} <= ids


def test_recipes_without_drawn_attributes_or_material_have_a_page(tmp_path: Path) -> None:
    """As from a user's own folder on a hub base: no word, no font, no material.json."""
    bare: dict[str, Any] = dict.fromkeys(
        ("word", "index", "family", "style", "kind", "length", "thickness", "thickness_of_em")
    )
    inputs = build(tmp_path, **bare)
    (inputs["base"] / "material.json").unlink()
    text = Page(page_of(inputs, tmp_path / "page.html")).text
    assert "Font family" not in text
    assert "no record of its training material" in text


def test_a_missing_receipt_is_named(inputs: dict[str, Any], tmp_path: Path) -> None:
    (inputs["tokenized"] / "receipt.json").unlink()
    with pytest.raises(UserError, match=r"receipt\.json is missing"):
        page_of(inputs, tmp_path / "page.html")


# --- the loss curve


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("step,loss\n1,x\n", "step and loss"), ("step\n1\n", "step and loss"), ("step,loss\n1,nan\n", "finite")],
)
def test_a_loss_curve_that_cannot_be_drawn_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / "loss.csv").write_text(content)
    with pytest.raises(UserError, match=complaint):
        read_curve(tmp_path / "loss.csv")


def test_curve_counts_what_it_leaves_out(tmp_path: Path) -> None:
    lines = [f"{step},{'nan' if step == 3 else 2.0}" for step in range(1, 1001)]
    (tmp_path / "loss.csv").write_text("\n".join(["step,loss", *lines]))
    curve = read_curve(tmp_path / "loss.csv")
    assert (curve.steps, curve.left_out, curve.first) == (1000, 1, 2.0)
    assert len(curve.points.split()) <= 400


@given(st.floats(1e-6, 1e6))
def test_ticks_cover_the_data(top: float) -> None:
    ticks = nice_ticks(top)
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 7
    assert ticks[-1] >= top * 0.999999


# --- gallery and tables


def test_gallery_does_not_follow_the_order_of_rows() -> None:
    rows = [{"id": f"{i:03}", "tuned_correct": {"exact": i % 2 == 0}} for i in range(200)]
    chosen = gallery.choose(rows, "exact", right=True)
    assert len(chosen) == gallery.SHOWN
    assert all(int(row["id"]) % 2 == 0 for row in chosen)
    assert chosen == gallery.choose(rows[::-1], "exact", right=True)
    assert chosen != rows[: 2 * gallery.SHOWN : 2]


def test_cropping_keeps_the_ink_and_photographs() -> None:
    paper = Pillow.new("RGB", (200, 100), (240, 250, 240))
    assert gallery.cropped(paper).size == (200, 100)
    paper.paste((0, 0, 0), (90, 40, 110, 60))
    assert gallery.cropped(paper).size == (20 + 2 * gallery.MARGIN, 20 + 2 * gallery.MARGIN)
    photograph = Pillow.effect_noise((60, 40), 200).convert("RGB")
    assert gallery.cropped(photograph).size == (60, 40)


def test_breakdowns_are_in_reading_order() -> None:
    row = {"rows": 1, "zero_shot": 0.0, "tuned": 1.0}
    letters = dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", row)
    found = tables.breakdowns({"by_length": dict.fromkeys(("10-14", "3-5", "6-9"), row), "by_letter": letters})
    assert [group for group, _ in found[0].parts[0]] == ["3-5", "6-9", "10-14"]
    assert [part[0][0] for part in found[1].parts] == ["a", "A"]


def test_flat_names_long_mappings_by_size() -> None:
    values = {"a": {"b": 1, "c": {}}, "long": dict.fromkeys(range(100)), "files": {}, "none": None, "list": [1, 2]}
    assert tables.flat(values, without=("files",)) == [
        ("a.b", "1"), ("a.c", "none"), ("long", "100 entries"), ("none", "none"), ("list", "1, 2")
    ]  # fmt: skip
