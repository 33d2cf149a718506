"""Marks of answers, baselines without a model, and what the figures of a chat recipe are made of."""

import numpy as np
import pytest
from chatting import INSTRUCT
from hypothesis import given
from hypothesis import strategies as st

from stages.evaluate.chat import question_results, table
from stages.evaluate.chat.baselines import UsualAnswers, central_caption, nearest
from stages.evaluate.chat.caption_results import caption_metrics
from stages.evaluate.chat.marking import about, is_closed, loops, plain, rouge_l, same, token_f1
from stages.evaluate.chat.question_results import Marks, question_metrics, stopping
from stages.evaluate.chat.rows import Asked, Captioned, captioned, turns
from stages.evaluate.chat.said import Said, quoted
from stages.tokenize.chat.rows import TokenizedRow


@pytest.mark.parametrize(
    ("said", "answer", "equal", "f1"),
    [
        ("The red ball.", "a red ball", True, 1.0),
        ("Red", "red!", True, 1.0),
        ("a red ball", "red", False, 2 / 3),
        ("", "red", False, 0.0),
        ("A.", "the", False, 0.0),  # nothing but articles keeps its words
        ("", "", True, 1.0),
        ("Rot, rot", "rot", False, 2 / 3),
    ],
)
def test_marks_of_closed_answers(said: str, answer: str, equal: bool, f1: float) -> None:
    assert same(said, answer) is equal
    assert token_f1(said, answer) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("text", "stuck"),
    [
        ("with a a a", True),
        ("with a, a, a, a", True),
        ("the cat the cat the cat", True),
        ('The sign reads "No". The sign reads "No". The sign reads "No".', True),
        ("a refrigerator with food inside of it.........", True),
        ("one of it. . . .", True),
        ("very very big", False),
        ("a ball, a box, a ball and a box", False),
        ("wait...", False),
        ("a b a b a", False),
        ("", False),
    ],
)
def test_loops(text: str, stuck: bool) -> None:
    assert loops(text) is stuck


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), st.lists(st.sampled_from("xyz"), max_size=5))
def test_whatever_comes_three_times_is_a_loop(phrase: list[str], before: list[str]) -> None:
    assert loops(" ".join([*before, *phrase * 3]))
    assert not loops(" ".join(f"{letter}{place}" for place, letter in enumerate([*before, *phrase])))


@given(st.text(max_size=40), st.text(max_size=40))
def test_marks_stay_between_none_and_all(said: str, answer: str) -> None:
    assert 0 <= token_f1(said, answer) <= 1 + 1e-9
    assert 0 <= rouge_l(said, answer) <= 1 + 1e-9
    assert same(said, said)
    assert plain(plain(said)) == plain(said) or not plain(plain(said))


def test_closed_and_kinds() -> None:
    assert is_closed("On it, there.")
    assert not is_closed("On the red box.")
    assert not is_closed("It is on the red box.")
    assert not is_closed("...")
    kinds = {
        "How many cats?": "how many",
        "Is it red?": "is",
        "What is the colour of it?": "what is colour",
        "Where": "where",
        "?": "(nothing)",
    }
    assert {question: about(question) for question in kinds} == kinds


def test_the_usual_answer_knows_wordings_then_beginnings() -> None:
    usual = UsualAnswers(
        [("What colour is the ball?", "red"), ("What colour is the ball?", "blue"), ("What colour is a ball", "blue")]
        + [("Is it big?", "yes")] * 4
    )
    assert usual("what colour is THE ball") == "blue"
    assert usual("What colour is the box?") == "blue"  # its first three words
    assert usual("Name the thing.") == "yes"  # the commonest of all
    assert UsualAnswers([])("anything") == ""
    assert UsualAnswers([("q", "b"), ("q", "a")])("q") == "a"


def test_the_central_caption_is_like_the_others() -> None:
    texts = ["a red ball on grass", "a red box on grass", "two fish", "a red ball on grass and more and more words"]
    assert central_caption(texts) in texts[:2]
    assert central_caption(texts) == central_caption(texts[::-1])
    with pytest.raises(ValueError, match="no caption"):
        central_caption([])


def test_the_nearest_picture_is_found_beside_what_all_share() -> None:
    known = np.array([[100, 1], [100, -1], [99, 0]], np.float32)
    assert nearest(known, np.array([[100, 0.9], [100, -3]], np.float32)) == [0, 1]


def row(kind: str, name: str, questions: tuple[str, ...], answers: tuple[str, ...]) -> TokenizedRow:
    references = answers if kind == "caption" else answers[-1:]
    return TokenizedRow(name, "test", name, f"sha-{name[0]}", kind, questions, answers, references, (), ())  # type: ignore[arg-type]


def test_each_picture_is_captioned_once_and_each_turn_asked_behind_the_true_ones() -> None:
    rows = [row("caption", "a1", ("Say.",), ("One.", "Two.")[:1]), row("caption", "a2", ("Say.",), ("Two.",))]
    rows.append(row("conversation", "b", ("What?", "Is it?"), ("It is a ball there.", "yes")))
    assert [one.picture for one in captioned(rows)] == ["sha-a"]
    first, second = turns(rows)
    assert (first.history, first.closed, first.turn) == ((), False, 1)
    assert (second.history, second.closed, second.turn) == ((("What?", "It is a ball there."),), True, 2)


def asked(count: int) -> list[Asked]:
    """Two turns a picture, a closed and an open one."""
    found = []
    for place in range(count):
        name = f"p{place}"
        found.append(Asked(f"c{place}", name, name, 1, (), "What colour is it?", "red"))
        found.append(Asked(f"c{place}", name, name, 2, (), "Describe it.", "There is a red ball there."))
    return found


def marks_of(trained: list[str], other: list[str], count: int = 10) -> Marks:
    return Marks(INSTRUCT, asked(count), {"trained": quoted(trained), "before": quoted(other)})


def test_leads_are_paired_on_the_same_questions() -> None:
    right, wrong = ["red", "There is a red ball there."], ["blue", "no"]
    found = question_metrics(marks_of(right * 10, wrong * 5 + right * 5))
    assert (found["closed"], found["open"], found["pictures"]) == (10, 10, 10)
    assert found["methods"]["trained"]["exact"] == 1
    assert found["methods"]["before"]["exact"] == 0.5
    assert found["leads"]["before"]["exact"] == pytest.approx(0.5)
    assert found["leads"]["before"]["exact_low"] > 0
    assert found["mcnemar"]["before"] == {"b": 0, "c": 5, "p": pytest.approx(0.0625)}
    assert found["by_kind"] == {"what colour": {"rows": 10, "trained": 1.0, "before": 0.5}}
    assert list(found["by_turn"]) == ["1"]  # the second turns are open questions
    assert question_metrics(marks_of(wrong * 10, right * 10))["leads"]["before"]["exact"] == -1


def test_rare_kinds_stand_together() -> None:
    questions = [Asked("c", "p", "p", 1, (), f"{word} it?", "yes") for word in ["Is"] * 6 + ["Was", "Does", "Are"]]
    marks = Marks(INSTRUCT, questions, {"trained": quoted(["yes"] * 9)})
    assert {name: one["rows"] for name, one in question_metrics(marks)["by_kind"].items()} == {"is": 6, "other": 3}


def test_only_models_stop_and_loop() -> None:
    said = [Said("red", True), Said("red red red", False), Said("", True), Said("a", True)]
    found = stopping({"trained": said, "usual": quoted(["a a a"])})
    assert found == {"trained": {"rows": 4, "ended": 0.75, "looping": 0.25, "empty": 0.25}}


def test_a_better_caption_scores_more_and_the_table_says_it() -> None:
    pictures = [Captioned(f"p{n}", f"e{n}", (f"a red ball number {n}", f"ball {n}")) for n in range(6)]
    own = quoted([f"a red ball number {n}" for n in range(6)])
    blind = quoted(["a red ball"] * 6)
    found = caption_metrics(INSTRUCT, pictures, {"trained": own, "before": blind, "withheld": blind, "central": blind})
    assert found["methods"]["trained"]["bleu4"] == pytest.approx(100)
    assert found["leads"]["withheld"]["cider_low"] > 0
    stops = {"captions": stopping({"trained": [Said("a a a", False)] * 6})}
    text = table.summary({"captions": found, "questions": None, "stopping": stops})
    assert "6 test pictures, 12 references" in text
    assert "note: trained ends 0.0 % of its captions by itself, and 100.0 % are stuck in a loop" in text
    assert "not surely better" not in text
    same_again = caption_metrics(INSTRUCT, pictures, {"trained": blind, "withheld": blind})
    said = table.warnings({"captions": same_again, "questions": None, "stopping": {}})
    assert said == ["by CIDEr, trained is not surely better than without the picture"]


def test_without_pairing_the_interval_would_be_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pair to the paired lead: taken apart, the same answers are no sure lead."""
    answers = (["red", "x"] * 5 + ["blue", "x"] * 5, ["red", "x"] * 3 + ["blue", "x"] * 7)
    marks = marks_of(*answers)
    paired = question_metrics(marks)["leads"]["before"]
    apart = marks.score("trained")["exact_low"] - marks.score("before")["exact_high"]
    assert paired["exact_low"] == pytest.approx(0)
    assert apart < paired["exact_low"]
    monkeypatch.setattr(question_results, "FEWEST", 1)
    assert "other" not in question_metrics(marks)["by_kind"]
