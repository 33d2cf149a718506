"""The page of a chat recipe: its figures, its conversations, and nothing that a browser would fetch or run."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from chatting import ALIGN, COLOURS, INSTRUCT, curated, make_base, turns

from stages.chat.recipe import ChatRecipe
from stages.evaluate.chat.given import read_given
from stages.evaluate.chat.results import score
from stages.evaluate.chat.said import ASKED, CAPTIONED, Said
from stages.evaluate.chat.stage import write_lines
from stages.evaluate.metrics import rounded, write_metrics
from stages.params import UserError
from stages.record import read_rows
from stages.report.chat import charts
from stages.report.chat.receipt import cut
from stages.report.chat.stage import run
from stages.tokenize.chat import stage as tokenize

HOSTILE = "<script>alert(1)</script>"
COUNT = 48
RECIPES = {"align": ALIGN, "instruct": INSTRUCT}


def talk(number: int) -> list[list[dict[str, str]]]:
    colour = COLOURS[number // 2 % 8]
    return [
        turns(
            ("What colour is it?", colour),
            ("How many are there?", "one"),
            ("Describe it.", f"It is {colour}, and there is one only."),
        )
    ]


def said(name: str, place: int, truth: str) -> Said:
    """Without training or picture a model says the same to all; trained is wrong once in six."""
    if name in ("trained", "own_history") and place % 6:
        return Said(truth)
    if name in ("usual", "central", "nearest"):
        return Said("red")
    return Said("red red red" if place % 5 == 0 else f"red {HOSTILE}" if place % 7 == 0 else "red", place % 5 != 0)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Token rows of both steps, with metrics and predictions of answers that no model gave."""
    root = tmp_path_factory.mktemp("report")
    curated(root / "curated", COUNT, {number: talk(number) for number in range(COUNT)})
    make_base(root / "base")
    for task, recipe in RECIPES.items():
        tokenize.run(recipe, curated=root / "curated", base=root / "base", out=root / task)
        given = read_given(recipe, root / task, read_rows(root / "curated"), None)  # type: ignore[arg-type]
        captions = {
            name: [said(name, place, one.references[0]) for place, one in enumerate(given.pictures)]
            for name in CAPTIONED
        }
        answers = {name: [said(name, place, one.answer) for place, one in enumerate(given.asked)] for name in ASKED}
        metrics, lines = score(given, captions, answers)
        write_metrics(root / f"{task}.json", rounded(metrics))
        write_lines(root / f"{task}.jsonl", lines)
    steps = "".join(f"{step},{4 / step:.3f}\n" for step in range(1, 60))
    (root / "trained").mkdir()
    (root / "trained" / "loss.csv").write_text(f"step,loss\n{steps}")
    return root


def page(root: Path, task: str, **other: Any) -> str:
    given: dict[str, Any] = {
        "curated": root / "curated",
        "tokenized": root / task,
        "base": root / "base",
        "trained": root / "trained",
        "metrics": root / f"{task}.json",
        "predictions": root / f"{task}.jsonl",
        "grades": root,
        "out": root / "html" / f"{task}.html",
    } | other
    run(RECIPES[task], name="scenes", **given)
    return str(given["out"].read_text(encoding="utf-8"))


def test_the_page_of_instruct_has_every_part(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html = page(project, "instruct")
    metrics = json.loads((project / "instruct.json").read_text())
    for section in ("answers", "captions", "stopping", "conversations", "pictures", "training", "prompt", "data"):
        assert f'<section id="{section}">' in html
    best = f"{100 * metrics['questions']['methods']['trained']['exact']:.1f}"
    assert f"{best} %" in capsys.readouterr().out
    assert f"{best}\u00a0%" in html
    for words in ("how many (12)", "what colour (12)", "McNemar, closed", "the parent, trained/scenes_align"):
        assert words in html
    assert len(re.findall(r'class="question"', html)) == 3 * 9  # nine conversations of three turns
    assert html.count('class="mark yes"') > 9
    assert html.count('class="mark no"') > 9
    assert "not ended by itself" in html
    assert html == page(project, "instruct")


def test_the_page_of_align_has_captions_alone(project: Path) -> None:
    html = page(project, "align")
    assert '<section id="captions">' in html
    assert "an untrained projector" in html
    assert "CIDEr of captions" in html
    for absent in ("upon its own answers", '<section id="answers">', '<section id="conversations">', 'class="mark'):
        assert absent not in html


def test_what_a_model_said_stays_text_and_nothing_is_fetched(project: Path) -> None:
    for task in RECIPES:
        html = page(project, task)
        assert "&lt;script&gt;" in html
        assert "<script" not in html
        assert not re.search(r'(?:src|href)="(?!data:|#)', html)
        assert "default-src 'none'" in html


def test_supervised_parts_stand_marked_where_they_are(project: Path) -> None:
    html = page(project, "instruct")
    colour = COLOURS[0]
    assert f"ASSISTANT:<mark> {colour}&lt;|endoftext|&gt;</mark>" in html
    text = "USER: <image>\nIs it ASSISTANT: ? ASSISTANT: a<end>USER: b ASSISTANT: c<end>"
    parts = cut("USER: x ASSISTANT: a<end>USER: b ASSISTANT: c<end>", " a<end> c<end>", "ASSISTANT:")
    assert [part for part, supervised in parts if supervised] == [" a<end>", " c<end>"]
    assert "".join(part for part, _ in parts).count("USER") == 2
    guess = cut(text, " z<end>", "ASSISTANT:")
    assert guess == ((f"{text}\n", False), (" z<end>", True))


def test_metrics_of_the_other_step_are_refused(project: Path) -> None:
    with pytest.raises(UserError, match="is of task 'align', the recipe's is 'instruct'"):
        page(project, "instruct", metrics=project / "align.json")


def test_bars_end_where_their_shares_do() -> None:
    scores = {"exact": 0.5, "exact_low": 0.4, "exact_high": 0.8}
    chart = charts.by_method({"trained": scores, "before": scores}, ASKED, "exact", 100, 1)
    bar = chart.groups[0].bars[0]
    assert [group.title for group in chart.groups] == ["before", "trained"]
    assert chart.ticks[-1] == (charts.PLOT, "80")
    assert (bar.end, bar.low, bar.high, bar.said) == (187.5, 150.0, 300.0, "50.0")
    beside = charts.by_group({"what colour": {"rows": 3, "trained": 1.0, "before": 0.0, "usual": 0.5}})
    assert [(one.kind, one.end) for one in beside.groups[0].bars] == [
        ("shallow", 150.0),
        ("before", 0.0),
        ("after", charts.PLOT),
    ]


def test_a_recipe_without_the_other_part_is_whole(project: Path, tmp_path: Path) -> None:
    """Conversations whose pictures nobody captioned: the page has no captions."""
    metrics = json.loads((project / "instruct.json").read_text())
    metrics["captions"], metrics["stopping"] = None, {"answers": metrics["stopping"]["answers"]}
    lines = [line for line in (project / "instruct.jsonl").read_text().splitlines() if '"kind": "question"' in line]
    (tmp_path / "m.json").write_text(json.dumps(metrics))
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    html = page(project, "instruct", metrics=tmp_path / "m.json", predictions=tmp_path / "p.jsonl", out=tmp_path / "x")
    assert '<section id="captions">' not in html
    assert isinstance(INSTRUCT, ChatRecipe)
