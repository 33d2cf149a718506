"""Blind grading: the order that tells nothing, the log that loses nothing, and what is counted."""

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest
from grading import ADA, LINES, ROWS, grade, items, project, write_lines
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.grading.appending import Appending
from stages.grading.desk import Desk
from stages.grading.items import MODES, Predicted, items_of, read_predictions
from stages.grading.log import Grade, open_log, read_log
from stages.grading.results import read_grades
from stages.params import UserError

BOB = "person:Bob"
TEXTS = st.sampled_from(["a", "b", "c", "", " a"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=8), st.permutations(MODES), st.integers(0, 99))
def test_the_order_is_the_same_whoever_wrote_what(
    rows: list[tuple[str, str, str]], renamed: list[str], seed: int
) -> None:
    """Under other names for the modes, or another order of the file, a grader sees the very same list."""
    plain = [Predicted(f"r{at}", dict(zip(MODES, texts, strict=True))) for at, texts in enumerate(rows)]
    other = [Predicted(row.id, dict(zip(renamed, row.said.values(), strict=True))) for row in plain[::-1]]
    shown = [(item.key, item.text) for item in items_of(plain, 5, seed)]
    assert shown == [(item.key, item.text) for item in items_of(other, 5, seed)]
    assert len({key for key, _ in shown}) == len(shown)
    fewer = items_of(plain, 2, seed)
    assert {item.key for item in fewer} <= {key for key, _ in shown}
    written = sorted((item.id, mode) for item in items_of(plain, 8, seed) for mode in item.modes)
    assert written == sorted((row.id, mode) for row in plain for mode in MODES)


def test_modes_are_mixed_and_the_seed_matters() -> None:
    rows = [Predicted(f"r{at}", {mode: f"{mode} of {at}" for mode in MODES}) for at in range(60)]
    orders = [[item.modes[0] for item in items_of(rows, 20, seed)] for seed in range(30)]
    assert len({tuple(order) for order in orders}) == 30
    first_half = [order[:30].count("tuned") for order in orders]
    assert 9 < sum(first_half) / 30 < 11  # of 20
    assert {order[0] for order in orders} == set(MODES)
    assert len({frozenset(item.id for item in items_of(rows, 20, seed)) for seed in range(30)}) == 30


def test_equal_captions_of_two_modes_are_one_question(tmp_path: Path) -> None:
    lines = [{**LINES[0], "few_shot": "the same", "tuned": {"text": "the same"}}]
    path = write_lines(tmp_path / "x.jsonl", lines)
    assert sorted(item.modes for item in items(path)) == [("few_shot", "tuned"), ("zero_shot",)]
    log = write_log(tmp_path / "log", *(grade(item, "right") for item in items(path) if "tuned" in item.modes))
    found = read_grades(log, path)
    assert [share.right for share in found.modes.values()] == [0, 1, 1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "x"}', "none of zero_shot, few_shot, tuned"),
        ('{"id": 1, "tuned": "a"}', "no object with an `id`"),
        ("[]", "no object"),
        ('{"id": "x", "tuned": ["a"]}', "neither a text"),
        ('{"id": "x", "tuned": null}', "neither a text"),
        ('{"id": "x", "tuned": {"score": 1}}', "neither a text"),
        ('{"id": "row", "tuned": "a"}', "has a line already"),
        ('{"id": "x", "tuned": "a", "few_shot": "b"}', "the first line has tuned"),
        ('{"id": "\\ud800", "tuned": "a"}', "surrogates not allowed"),
        ("{", "Expecting"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_predictions_that_can_not_be_graded_are_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "sport.jsonl"
    path.write_text('{"id": "row", "tuned": "a"}\n' + line + "\n")
    with pytest.raises(UserError, match=f"line 2 can't be graded.*{said}"):
        read_predictions(path)


def test_predictions_that_are_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dvc repro evaluate@sport"):
        read_predictions(tmp_path / "sport.jsonl")
    with pytest.raises(UserError, match="is empty"):
        read_predictions(write_lines(tmp_path / "sport.jsonl", []))


# The log


def write_log(path: Path, *grades: Grade) -> Path:
    path.write_bytes(b"".join(one.encoded() for one in grades))
    return path


def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    all_items, path = items(project(tmp_path)), tmp_path / "data/grades/sport.jsonl"
    with open_log(path) as log:
        desk = Desk(all_items, log, ADA)
        key = desk.next_open()
        for verdict in ("right", "wrong", "partly"):
            key = desk.grade(key, verdict).key
        assert read_log(path)[0] == log.grades  # on the disk, while it is open
    with open_log(path) as log:
        again = Desk(all_items, log, ADA)
        assert (again.next_open(), again.number(key), again.graded) == (key, 4, 3)
        assert Desk(all_items, log, BOB).graded == 0  # somebody else starts anew
        told = again.grade(all_items[0].key, "wrong")
        assert (told.message, again.graded) == ("changed: wrong, was right", 3)
        for item in all_items:
            again.grade(item.key, "right")
        assert again.graded == len(all_items) == 3 * ROWS
    assert set(json.loads(path.read_text().splitlines()[0])) == {"id", "caption", "modes", "verdict", "author", "at"}


@pytest.mark.parametrize("keep", [1, 40, -1])
def test_what_a_crash_left_of_a_line_is_set_aside(tmp_path: Path, keep: int, capsys: Any) -> None:
    predictions = project(tmp_path)
    first, second, third = items(predictions)[:3]
    path = write_log(tmp_path / "log", grade(first, "right"), grade(second, "wrong"))
    whole = path.read_bytes()
    torn = grade(third, "right").encoded().rstrip(b"\n")[:keep]
    path.write_bytes(whole + torn)
    assert read_grades(path, predictions).captions == 2
    assert "never acknowledged" in capsys.readouterr().err
    assert path.read_bytes() == whole + torn  # a reader changes nothing
    with open_log(path) as log:
        assert (log.torn, len(log.grades)) == (torn, 2)
        log.append(grade(third, "partly"))
    assert path.read_bytes() == whole + grade(third, "partly").encoded()


def test_without_cutting_a_torn_line_takes_the_next_one_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = items(project(tmp_path))[:2]
    path = tmp_path / "log"
    path.write_bytes(grade(first, "right").encoded()[:-30])
    monkeypatch.setattr(Appending, "end_at_line", lambda *_: None)
    with open_log(path) as log:
        log.append(grade(second, "partly"))
    with pytest.raises(UserError, match="line 1 is no grade"):
        read_log(path)


def test_an_editors_missing_line_feed_is_no_torn_line(tmp_path: Path) -> None:
    first, second = items(project(tmp_path))[:2]
    path = tmp_path / "log"
    path.write_bytes(grade(first, "right").encoded().rstrip(b"\n"))
    with open_log(path) as log:
        log.append(grade(second, "wrong"))
    assert [one.verdict for one in read_log(path)[0]] == ["right", "wrong"]


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "great"},
        {"caption": "abc"},
        {"author": "model:x@1#2"},
        {"author": "Ada"},
        {"at": "yesterday"},
        {"at": "2026-01-02T03:04:05+05:00"},
        {"modes": []},
        {"modes": "tuned"},
        {"modes": [1]},
        {"id": ""},
        {"id": None},
        {"more": 1},
    ],
)
def test_a_line_that_is_no_grade_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    item = items(project(tmp_path))[0]
    values = json.loads(grade(item, "right").encoded()) | change
    path = write_log(tmp_path / "log", grade(item, "right"))
    path.write_bytes(path.read_bytes() + json.dumps(values).encode() + b"\n")
    with pytest.raises(UserError, match="line 2 is no grade"):
        read_log(path)


@given(data=st.binary(max_size=60))
def test_any_bytes_are_a_log_or_a_user_error(tmp_path_factory: Any, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(data)
    try:
        grades, torn = read_log(path)
    except UserError:
        return
    assert grades == []
    assert data == torn


def test_two_commands_can_not_write_one_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = items(project(tmp_path))[:2]
    with open_log(tmp_path / "log") as log:
        with pytest.raises(UserError, match="another `plumbline grade`"), open_log(tmp_path / "log"):
            pass
        monkeypatch.setattr(fcntl, "flock", lambda *_: None)
        with open_log(tmp_path / "log") as other:
            log.append(grade(first, "right"))
            with pytest.raises(UserError, match="changed or replaced"):  # the second line of defence
                other.append(grade(second, "right"))
            monkeypatch.setattr(Appending, "_require_untouched", lambda _: None)
            other.append(grade(first, "wrong"))
    assert [one.verdict for one in read_log(tmp_path / "log")[0]] == ["right", "wrong"]  # two sessions, mixed up


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = items(project(tmp_path))[:3]
    path, write = tmp_path / "log", os.write

    def half(descriptor: int, data: Any) -> int:
        if len(data) < 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, bytes(data)[:40])

    with open_log(path) as log:
        log.append(grade(first, "right"))
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", half)
            patched.setattr(Appending, "_require_untouched", lambda _: None)
            with pytest.raises(UserError, match="No space left"):
                log.append(grade(second, "right"))
            assert path.read_bytes() == grade(first, "right").encoded()
            patched.setattr(Appending, "_cut_back", lambda _: None)
            with pytest.raises(UserError, match="No space left"):
                log.append(grade(third, "right"))
        assert path.read_bytes() != grade(first, "right").encoded()
        assert len(log.grades) == 1


def test_a_log_that_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(UserError, match="can't be opened for writing"), open_log(tmp_path / "data/grades.jsonl"):
        pass


def test_every_verdict_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = items(project(tmp_path))[0]
    synced: list[int] = []
    with open_log(tmp_path / "log") as log:
        monkeypatch.setattr(os, "fsync", synced.append)
        log.append(grade(item, "right"))
        assert len(synced) == 1

        def fails(_: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fsync", fails)
        with pytest.raises(UserError, match="not saved"):
            log.append(grade(item, "wrong"))
        monkeypatch.setattr(os, "fsync", synced.append)
        with pytest.raises(UserError, match="start the command again"):  # what the disk has is not known any more
            log.append(grade(item, "wrong"))
