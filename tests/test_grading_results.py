"""What the grades say of each mode: only of today's captions, only what somebody graded."""

import json
from pathlib import Path

import numpy as np
import pytest
from grading import ADA, LINES, ROWS, grade, items, project, write_lines
from hypothesis import given
from hypothesis import strategies as st
from test_grading import BOB, write_log

from stages.grading.log import VERDICTS
from stages.grading.results import NOBODY, paired_interval, read_grades, wilson


def graded(path: Path, predictions: Path, verdicts: dict[str, str], author: str = ADA) -> Path:
    """A log with one letter a row for each mode: "rpw" is right, partly, wrong, "-" nothing."""
    letters = {verdict[0]: verdict for verdict in VERDICTS}
    lines = [
        grade(item, letters[letter], author)
        for item in items(predictions)
        for mode, given_ in verdicts.items()
        if mode in item.modes and (letter := given_[int(item.id[-1])]) != "-"
    ]
    return write_log(path, *lines)


def test_nobody_graded(tmp_path: Path) -> None:
    predictions = project(tmp_path)
    (tmp_path / "empty").touch()
    for log in (tmp_path / "missing", tmp_path / "empty"):
        found = read_grades(log, predictions)
        assert (found.captions, found.table(), found.leads, found.authors) == (0, NOBODY, {}, ())
        assert [share.share for share in found.modes.values()] == [None, None, None]
        assert json.loads(json.dumps(found.content()))["modes"]["tuned"]["right"] == 0


def test_counts_shares_and_leads(tmp_path: Path) -> None:
    predictions = project(tmp_path)
    log = graded(tmp_path / "log", predictions, {"zero_shot": "wwp-", "few_shot": "rpww", "tuned": "rrr-"})
    found = read_grades(log, predictions)
    counts = {mode: (one.right, one.partly, one.wrong) for mode, one in found.modes.items()}
    assert counts == {"zero_shot": (0, 1, 2), "few_shot": (1, 1, 2), "tuned": (3, 0, 0)}
    assert found.modes["few_shot"].share == wilson(1, 4)
    assert list(found.leads) == [("few_shot", "zero_shot"), ("tuned", "zero_shot"), ("tuned", "few_shot")]
    lead = found.leads["tuned", "few_shot"]
    assert (lead.rows, lead.lead.mean, lead.mcnemar.b, lead.mcnemar.c) == (3, 2 / 3, 0, 2)
    assert found.table().splitlines()[3].split()[:4] == ["tuned", "3", "0", "0"]
    assert "tuned over few_shot: +67 %" in found.table()
    assert read_grades(log, predictions) == found
    assert set(found.content()["leads"]) == {"few_shot_over_zero_shot", "tuned_over_zero_shot", "tuned_over_few_shot"}


def test_the_last_verdict_of_an_author_counts(tmp_path: Path) -> None:
    predictions = project(tmp_path)
    item = items(predictions)[0]
    log = write_log(tmp_path / "log", grade(item, "right"), grade(item, "wrong"), grade(item, "partly"))
    found = read_grades(log, predictions)
    assert (found.captions, found.modes[item.modes[0]].partly, found.modes[item.modes[0]].rows) == (1, 1, 1)


@pytest.mark.parametrize(
    ("verdicts", "middle"),
    [
        (["right", "wrong"], "wrong"),
        (["right", "partly"], "partly"),
        (["right", "wrong", "right"], "right"),
        (["right", "partly", "wrong"], "partly"),
    ],
)
def test_several_people_are_one_row(tmp_path: Path, verdicts: list[str], middle: str) -> None:
    """Counted each for itself, one picture would seem to be several, and every interval too narrow."""
    predictions = project(tmp_path)
    item = items(predictions)[0]
    log = write_log(tmp_path / "log", *(grade(item, one, f"person:{at}") for at, one in enumerate(verdicts)))
    found = read_grades(log, predictions)
    share = found.modes[item.modes[0]]
    assert (share.rows, getattr(share, middle), found.agreement, len(found.authors)) == (1, 1, 0, len(verdicts))


def test_agreement_is_of_captions_that_several_graded(tmp_path: Path) -> None:
    predictions = project(tmp_path)
    one, two, three = items(predictions)[:3]
    grades = [grade(one, "right"), grade(two, "right"), grade(three, "wrong")]
    log = write_log(tmp_path / "log", *grades, grade(one, "right", BOB), grade(two, "wrong", BOB))
    assert read_grades(log, predictions).agreement == 0.5


def test_a_caption_that_changed_is_not_counted(tmp_path: Path) -> None:
    predictions = project(tmp_path)
    log = graded(tmp_path / "log", predictions, {"zero_shot": "wwww", "tuned": "rrrr"})
    changed = [{**LINES[0], "tuned": "something else"}, *LINES[1:]]
    found = read_grades(log, write_lines(predictions, changed))
    assert (found.modes["tuned"].right, found.outdated, found.captions) == (ROWS - 1, 1, 2 * ROWS - 1)
    assert found.leads["tuned", "zero_shot"].rows == ROWS - 1
    moved = [{**LINES[0], "id": "row-9999"}, *LINES[1:]]
    assert read_grades(log, write_lines(predictions, moved)).outdated == 2


def test_a_verdict_is_of_the_text_whoever_writes_it_now(tmp_path: Path) -> None:
    predictions = project(tmp_path)
    log = graded(tmp_path / "log", predictions, {"tuned": "rrrr"})
    swapped = [{**line, "tuned": line["few_shot"], "few_shot": line["tuned"]} for line in LINES]
    found = read_grades(log, write_lines(predictions, swapped))
    assert (found.modes["tuned"].rows, found.modes["few_shot"].right) == (0, ROWS)


def test_wilson_by_hand() -> None:
    """14 of 20, the original project's own count: centre (14 + z2/2) / (20 + z2)."""
    z = 1.959963984540054
    centre = (14 + z**2 / 2) / (20 + z**2)
    half = z / (20 + z**2) * (14 * 6 / 20 + z**2 / 4) ** 0.5
    found = wilson(14, 20)
    assert (found.mean, found.low, found.high) == pytest.approx((0.7, centre - half, centre + half))
    assert wilson(0, 5).low == 0
    assert wilson(0, 5).high > 0.4


BOTH = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(BOTH)
def test_a_lead_lies_in_its_interval_and_turns_round(pairs: list[tuple[bool, bool]]) -> None:
    one, other = [mine for mine, _ in pairs], [theirs for _, theirs in pairs]
    found, turned = paired_interval(one, other), paired_interval(other, one)
    assert -1 - 1e-9 <= found.low <= found.mean + 1e-9
    assert found.mean - 1e-9 <= found.high <= 1 + 1e-9
    assert found.high > found.low  # even when no row differs
    assert (turned.mean, turned.low, turned.high) == pytest.approx((-found.mean, -found.high, -found.low))


def test_the_interval_of_a_lead_holds_the_truth_as_often_as_it_says() -> None:
    """20 rows; shares of both, mine alone, theirs alone, neither right."""
    rng = np.random.default_rng(1)
    for cells in ([0.3, 0.4, 0.05, 0.25], [0.6, 0.1, 0.1, 0.2], [0.1, 0.6, 0.0, 0.3]):
        held = 0
        for drawn in rng.choice(4, size=(60, 20), p=cells):
            found = paired_interval((drawn < 2).tolist(), np.isin(drawn, (0, 2)).tolist())
            held += found.low <= cells[1] - cells[2] <= found.high
        assert held / 60 > 0.9, cells
