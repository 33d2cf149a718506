"""Outputs are whole or not there, whenever the process that writes them ends."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from stages import entry, whole
from stages.params import Params

STAGE = """
import os, signal, sys
from pathlib import Path
from stages.entry import main
from stages.params import Params

class Nothing(Params):
    pass

def run(params: Nothing, *, source: Path, out: Path) -> None:
    out.mkdir()
    (out / "first").write_text(source.read_text())
    if "dies" in source.read_text():
        os.kill(os.getpid(), signal.SIGKILL)
    if "fails" in source.read_text():
        raise RuntimeError("in the middle")
    (out / "second").write_text("there")

main(run, sys.argv[1:])
"""


class Nothing(Params):
    pass


def stage(folder: Path, says: str) -> int:
    """Run the stage above in `folder` on a source that says this; its exit status."""
    (folder / "stage.py").write_text(textwrap.dedent(STAGE))
    (folder / "params.yaml").write_text("own: {}\n")
    (folder / "source").write_text(says)
    command = [sys.executable, "stage.py", "--params", "own", "--source", "source", "--out", "data/own"]
    environment = {**os.environ, "PYTHONPATH": str(Path(entry.__file__).parents[1])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=60).returncode


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())} if folder.exists() else {}


def test_a_stage_that_ends_well_leaves_all_of_its_output(tmp_path: Path) -> None:
    assert stage(tmp_path, "one") == 0
    assert contents(tmp_path / "data/own") == {"first": "one", "second": "there"}
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["own"]


def test_a_killed_stage_leaves_the_old_output_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    assert stage(tmp_path, "one") == 0
    assert stage(tmp_path, "dies") == -signal.SIGKILL
    assert contents(tmp_path / "data/own") == {"first": "one", "second": "there"}
    assert (tmp_path / "data/.own.partial/first").exists()
    assert stage(tmp_path, "two") == 0
    assert contents(tmp_path / "data/own") == {"first": "two", "second": "there"}
    assert not (tmp_path / "data/.own.partial").exists()


def test_a_failing_stage_leaves_nothing_half_written(tmp_path: Path) -> None:
    assert stage(tmp_path, "fails") == 1
    assert not list((tmp_path / "data").iterdir())


def test_without_the_partial_path_a_failing_stage_would_leave_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import nullcontext

    def run(params: Nothing, *, out: Path) -> None:
        out.mkdir()
        (out / "first").write_text("half")
        raise RuntimeError("in the middle")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("own: {}\n")
    with pytest.raises(RuntimeError, match="in the middle"):
        entry.main(run, ["--params", "own", "--out", "own"])
    assert not (tmp_path / "own").exists()
    monkeypatch.setattr(entry, "whole", nullcontext)
    with pytest.raises(RuntimeError, match="in the middle"):
        entry.main(run, ["--params", "own", "--out", "own"])
    assert contents(tmp_path / "own") == {"first": "half"}


def replace_by(text: str, out: Path) -> None:
    with whole.whole(out) as partial:
        partial.write_text(text)


def test_a_report_reads_the_metrics_that_evaluation_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def evaluate(params: Nothing, *, metrics: Path, predictions: Path) -> None:
        metrics.write_text("0.9")
        predictions.write_text("A")

    def report(params: Nothing, *, metrics: Path, out: Path) -> None:
        out.write_text(f"page of {metrics.read_text()}")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("own: {}\n")
    entry.main(evaluate, ["--params", "own", "--metrics", "m.json", "--predictions", "p.jsonl"])
    entry.main(report, ["--params", "own", "--metrics", "m.json", "--out", "page.html"])
    assert (tmp_path / "page.html").read_text() == "page of 0.9"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.json", "p.jsonl", "page.html", "params.yaml"]


@pytest.mark.parametrize("step", ["make_durable", "_remove"])
def test_a_full_disk_while_an_output_is_put_in_place_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    out = tmp_path / "metrics.json"
    replace_by("old", out)
    real = getattr(whole, step)

    def full(path: Path) -> None:
        if path == out or step == "make_durable":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(path)

    monkeypatch.setattr(whole, step, full)
    with pytest.raises(OSError, match="No space"):
        replace_by("new", out)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"metrics.json": "old"}


def test_nothing_is_replaced_when_nothing_was_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("old")
    with whole.whole(out):
        pass
    assert out.read_text() == "old"


def test_a_file_takes_a_folders_place_and_the_other_way_round(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with whole.whole(out) as partial:
        partial.mkdir()
        (partial / "in").write_text("it")
    assert contents(out) == {"in": "it"}
    with whole.whole(out) as partial:
        partial.write_text("file")
    assert out.read_text() == "file"
