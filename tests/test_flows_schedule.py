"""Side by side, decided afresh, tried again, stopped: the loop over a real graph."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flowing import alive, new_project, settle_all, settled, usual_environment, wait_until

import flows.schedule
from flows.execute import StageRun
from flows.plan import StageSpec, read_plan
from flows.schedule import Room, room_here
from flows.stop import Stop, StoppedError
from flows.terminal import Terminal
from stages.params import UserError

MEET = """
import pathlib, sys, time
me, other, seconds = sys.argv[1:]
pathlib.Path(".scratch").mkdir(exist_ok=True)
pathlib.Path(f".scratch/{me}").touch()
deadline = time.monotonic() + float(seconds)
while not pathlib.Path(f".scratch/{other}").exists():
    if time.monotonic() > deadline:
        sys.exit(f"{other} never came")
    time.sleep(0.02)
print("met", other)
pathlib.Path(f"{me}.txt").write_text(me)
"""
GRAPH = """
stages:
  left: {cmd: python meet.py left right SECONDS, deps: [meet.py], outs: [left.txt]}
  right: {cmd: python meet.py right left SECONDS, deps: [meet.py], outs: [right.txt]}
  below: {cmd: cp left.txt below.txt, deps: [left.txt], outs: [below.txt]}
"""


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    with usual_environment():
        yield


def meeting(root: Path, seconds: float) -> Path:
    return new_project(root, {"dvc.yaml": GRAPH.replace("SECONDS", str(seconds)), "meet.py": MEET})


def test_independent_stages_work_side_by_side(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    plan = read_plan(meeting(tmp_path, 60))
    assert settle_all(plan, Room(2, 0)) == {"left": "ran", "right": "ran", "below": "ran"}
    said = capfd.readouterr().out
    assert "left | met right\n" in said or "right | met left\n" in said
    assert settle_all(read_plan(tmp_path), Room(2, 0)) == dict.fromkeys(("left", "right", "below"), "unchanged")


def test_with_one_job_they_would_never_meet_and_only_what_is_below_is_left_out(tmp_path: Path) -> None:
    plan = read_plan(meeting(tmp_path, 0.2))
    assert settle_all(plan, Room(1, 0)) == {"left": "failed", "below": "not run", "right": "ran"}


def test_what_is_changed_meanwhile_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`second` is unchanged at first; `first` edits its input, as a user might."""
    graph = """
stages:
  first: {cmd: cp b.txt a.txt && echo same > one.txt, deps: [seed.txt], outs: [one.txt]}
  second: {cmd: cp a.txt two.txt, deps: [a.txt, one.txt], outs: [two.txt]}
"""
    root = new_project(tmp_path, {"dvc.yaml": graph, "seed.txt": "1", "a.txt": "old", "b.txt": "new"})
    (root / "b.txt").write_text("old")
    assert settle_all(read_plan(root)) == {"first": "ran", "second": "ran"}
    (root / "b.txt").write_text("new")
    (root / "seed.txt").write_text("2")
    plan = read_plan(root)
    assert set(plan.changes) == {"first"}
    with monkeypatch.context() as patch:
        patch.setattr(flows.schedule._Fresh, "_renew", lambda *_: None)
        assert settle_all(plan) == {"first": "ran", "second": "unchanged"}  # wrong: it holds the old input
    (root / "seed.txt").write_text("3")
    (root / "a.txt").write_text("old")
    assert settle_all(read_plan(root)) == {"first": "ran", "second": "ran"}
    assert (root / "two.txt").read_text() == "new"


FLAKY = """
stages:
  fetch:
    cmd: test -e came-before || { touch came-before; exit 3; }; echo 1 > got.txt
    outs: [got.txt]
    meta: {network: true}
"""


def test_only_stages_that_need_the_network_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.schedule, "RETRY_SECONDS", (0.01, 0.01))
    root = new_project(tmp_path, {"dvc.yaml": FLAKY})
    assert settle_all(read_plan(root)) == {"fetch": "ran"}
    for left in ("got.txt", "came-before", "dvc.lock"):
        (root / left).unlink()
    (root / "dvc.yaml").write_text(FLAKY.replace("true", "false"))
    assert settle_all(read_plan(root)) == {"fetch": "failed"}


def test_it_is_tried_three_times_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def fails(name: str, *_: object) -> StageRun:
        tries.append(name)
        return StageRun(name, "failed")

    monkeypatch.setattr(flows.schedule, "RETRY_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(flows.schedule, "run_stage", fails)
    plan = read_plan(new_project(tmp_path, {"dvc.yaml": FLAKY}))
    assert settle_all(plan) == {"fetch": "failed"}
    assert tries == ["fetch"] * 3


def test_stopping_ends_every_group_and_dvc_goes_on_afterwards(tmp_path: Path) -> None:
    graph = """
stages:
  left: {cmd: echo $$ > left.pid; sleep 60; echo 1 > left.txt, outs: [left.txt]}
  right: {cmd: echo $$ > right.pid; sleep 60; echo 1 > right.txt, outs: [right.txt]}
"""
    plan = read_plan(new_project(tmp_path, {"dvc.yaml": graph}))
    stop = Stop()
    pids = [tmp_path / "left.pid", tmp_path / "right.pid"]

    def stop_in_the_middle() -> None:
        wait_until(lambda: all(path.exists() and path.read_text().strip() for path in pids))
        stop.ask()

    threading.Thread(target=stop_in_the_middle).start()
    with pytest.raises(StoppedError):
        settled(plan, Room(2, 0), stop)
    assert not any(alive(int(path.read_text())) for path in pids)
    assert not list((tmp_path / ".scratch/run/stages").iterdir())
    (tmp_path / "dvc.yaml").write_text(graph.replace("sleep 60", "true"))
    assert settle_all(read_plan(tmp_path), Room(2, 0)) == {"left": "ran", "right": "ran"}


def stage(name: str, queue: str = "cpu", gpus: int = 0) -> StageSpec:
    return StageSpec(name, "", (), (), queue, gpus, False, False, ())


def test_without_gpus_a_stage_for_one_works_alone() -> None:
    train, other = stage("train", "gpu", 1), stage("other")
    room = Room(4, 0, alone=True)
    assert room.takes(train, [])
    assert room.takes(other, [other, other])
    assert not room.takes(train, [other])
    assert not room.takes(other, [train])
    assert Room(4, 0).takes(train, [train])  # the user has named a number of jobs
    assert not Room(1, 0).takes(other, [other])


def test_gpus_are_counted() -> None:
    room = Room(8, 2)
    one, both = stage("one", "gpu", 1), stage("both", "gpu", 2)
    assert room.takes(one, [one])
    assert not room.takes(one, [one, one])
    assert not room.takes(both, [one])
    assert room.takes(stage("cpu"), [both])


def test_room_is_what_is_here_or_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = read_plan(new_project(tmp_path, {"dvc.yaml": FLAKY}))
    monkeypatch.setattr(flows.schedule, "gpus_here", lambda: [])
    assert room_here(plan, 3) == Room(3, 0)
    assert room_here(plan, None).alone
    with pytest.raises(UserError, match="--jobs 0"):
        room_here(plan, 0)
    monkeypatch.setattr(flows.schedule, "gpus_here", lambda: ["0"])
    assert room_here(plan, None).gpus == 1
    changed = {"train": ("never run",)}
    with pytest.raises(UserError, match="2 GPUs, here are 1"):
        room_here(replace(plan, stages=(stage("train", "gpu", 2),), changes=changed), None)
    monkeypatch.setattr(flows.schedule, "gpus_here", lambda: [])
    strict = replace(plan, stages=(replace(stage("train", "gpu", 1), without_gpu="fail"),), changes=changed)
    with pytest.raises(UserError, match="`train` doesn't do without"):
        room_here(strict, None)
    assert room_here(strict, None, ["gpu"]).pools == {"gpu"}
    assert room_here(replace(strict, changes={}), None).jobs >= 1


def test_lines_of_several_stages_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    with terminal.part("a") as a:
        a("alone, as it comes: 10%\r20%")
        with terminal.part("b") as b:
            a("\r30%\nnext")
            b("10%\r20%\r100%\n")
            a(" line\n")
            b("no end of line")
        terminal.say("said")
        a("alone again")
    assert capsys.readouterr().out == (
        "alone, as it comes: 10%\r20%\na | 30%\nb | 100%\na | next line\nb | no end of line\nsaid\nalone again"
    )


def test_a_pause_ends_when_stopping_is_asked_for() -> None:
    stop = Stop()
    threading.Timer(0.05, stop.ask).start()
    begun = time.monotonic()
    with pytest.raises(StoppedError):
        stop.pause(60)
    assert time.monotonic() - begun < 50
