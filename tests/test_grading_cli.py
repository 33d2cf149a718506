"""`plumbline grade`: what it refuses, what it says, and how it ends."""

import argparse
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from grading import ADA, Served, grade, items, project

from stages.cli import grade as grade_command
from stages.grading.items import MODES
from stages.grading.log import open_log, read_log
from stages.params import UserError

ROOT = Path(__file__).parents[1]
GRADE = """
import argparse, sys
from stages.cli import grade
from stages.entry import stop_on
parser = argparse.ArgumentParser()
grade.arguments(parser)
sys.exit(stop_on(grade.command, parser.parse_args()))
"""


def started(*arguments: str) -> list[str]:
    return [sys.executable, "-c", GRADE, *arguments]


def test_the_command_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path)
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    grade_command.arguments(parser)
    for arguments, said in (
        (["other"], "no recipe `other`.*there is: sport"),
        (["sport", "--rows", "0"], "--rows 0 is not allowed"),
        (["sport", "--author", "\n"], "author .* is not allowed"),
    ):
        with pytest.raises(UserError, match=said):
            grade_command.command(parser.parse_args(arguments))
    (tmp_path / "reports/predictions/sport.jsonl").unlink()
    with pytest.raises(UserError, match="dvc repro evaluate@sport"):
        grade_command.command(parser.parse_args(["sport", "--author", "Ada"]))


def test_the_results_are_said_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = project(tmp_path)
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    grade_command.arguments(parser)
    assert grade_command.command(parser.parse_args(["sport", "--results"])) == 0
    assert capsys.readouterr().out == "nobody graded these captions\n"
    with open_log(tmp_path / "data/grades/sport.jsonl") as log:
        log.append(grade(next(item for item in items(predictions) if "tuned" in item.modes), "right"))
    grade_command.command(parser.parse_args(["sport", "--results"]))
    assert "tuned             1       0      0   100 % [21, 100]" in capsys.readouterr().out


def test_ctrl_c_ends_the_command_with_a_line_of_what_was_done(tmp_path: Path) -> None:
    project(tmp_path)
    command = started("sport", "--author", "Ada", "--port", "0", "--rows", "2")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert process.stdout is not None
        said = [process.stdout.readline(), process.stdout.readline()]
        assert said[0] == "0 of 6 captions of 2 pictures graded; you grade as person:Ada\n"
        port = int(re.findall(r"http://127\.0\.0\.1:(\d+)", said[1])[0])
        served = Served(None, port)  # type: ignore[arg-type]
        key = served.press("start", "")[0]  # waits until the page is up
        assert "saved" in served.press("right", key)[4]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()  # nothing where it has ended
        process.wait()
    assert "1 verdicts saved; 1 of 6 captions graded: data/grades/sport.jsonl" in rest
    assert not [word for word in (*MODES, "Traceback") if word in "".join(said) + rest]
    assert process.returncode == 0
    assert [line.author for line in read_log(tmp_path / "data/grades/sport.jsonl")[0]] == [ADA]
