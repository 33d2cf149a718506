"""One run at a time; what a killed one left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowing import PROJECT, alive, new_project, usual_environment, wait_until

import flows.processes
from flows.lock import LOCK, only_run
from flows.processes import NOTES, end_orphans, identity, is_alive, mark, noted, write_note
from flows.reconcile import NOTES as FLOW_NOTES
from flows.reconcile import end_scheduled_runs
from flows.server import NOTES as SERVING
from flows.worker import logged
from stages.params import UserError

GRAPH = "stages:\n  only:\n    cmd: echo run >> ran; sleep 0.3; echo 1 > one.txt\n    outs: [one.txt]\n"
RUN = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from flowing import run_all
from flows.lock import only_run
root = Path(sys.argv[1])
with only_run(root):
    print(run_all(root))
"""
RUN_ALONE = RUN.replace("with only_run(root):", "if True:")


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    with usual_environment():
        yield


def started(code: str, root: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, str(root)],
        cwd=PROJECT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_of_eight_starts_one_works_and_the_others_find_it_done(tmp_path: Path) -> None:
    root = new_project(tmp_path, {"dvc.yaml": GRAPH})
    said = [process.communicate()[0] for process in [started(RUN, root) for _ in range(8)]]
    assert sum("{'only': 'ran'}" in text for text in said) == 1
    assert sum("{'only': 'unchanged'}" in text for text in said) == 7
    assert (root / "ran").read_text() == "run\n"
    assert any("another `plumbline run` is at work" in text for text in said)


def test_without_the_lock_the_second_start_fails(tmp_path: Path) -> None:
    """Why there is a lock: DVC refuses the same stage twice, whatever it is told about waiting."""
    root = new_project(tmp_path, {"dvc.yaml": GRAPH.replace("sleep 0.3", "until [ -e go ]; do sleep 0.1; done")})
    first = started(RUN_ALONE, root)
    wait_until((root / "ran").exists)
    said = started(RUN_ALONE, root).communicate()[0]
    (root / "go").touch()
    assert "is busy" in said
    first.communicate()


def test_a_second_run_says_who_works(tmp_path: Path) -> None:
    says = rf"process {os.getpid()}, since .*without --no-wait"
    with only_run(tmp_path), pytest.raises(UserError, match=says), only_run(tmp_path, wait=False):
        pass
    with only_run(tmp_path, wait=False):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert (tmp_path / LOCK).read_text() == ""


def test_the_lock_is_free_when_its_holder_is_killed_and_children_do_not_keep_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; from pathlib import Path; from flows.lock import only_run\n"
        "with only_run(Path(sys.argv[1])):\n"
        "    child = subprocess.Popen(['sleep', '60'], close_fds=False)\n"
        "    print(child.pid, flush=True); child.wait()"
    )
    holder = started(code, tmp_path)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    holder.kill()
    holder.wait()
    try:
        assert alive(child)
        with only_run(tmp_path, wait=False):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_pid_that_was_given_away_again_is_another_process(tmp_path: Path) -> None:
    me = identity(os.getpid())
    assert is_alive(me)
    assert not is_alive({**me, "started": me["started"] + 1})
    assert not is_alive({**me, "boot": "another"})
    gone = subprocess.Popen(["true"])
    said = identity(gone.pid)
    gone.wait()
    assert not is_alive(said)


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
SLOW = """
stages:
  slow:
    cmd: python slow.py
    deps: [slow.py]
    outs: [slow.txt]
"""
SLEEPS = """
import os, pathlib, time
with open("pids", "a") as pids:
    print(os.getpid(), file=pids, flush=True)
if not os.path.exists("quick"):
    time.sleep(120)
pathlib.Path("slow.txt").write_text("1")
"""


@linux
@pytest.mark.parametrize("killed", ["run", "run and dvc"])
def test_the_orphan_of_a_killed_run_is_ended_before_its_stage_starts_again(tmp_path: Path, killed: str) -> None:
    root = new_project(tmp_path, {"dvc.yaml": SLOW, "slow.py": SLEEPS})
    first = started(RUN, root)
    wait_until(lambda: (root / "pids").exists() and (root / "pids").read_text().endswith("\n"))
    orphan = int((root / "pids").read_text())
    note = json.loads((root / NOTES / "slow.json").read_text())
    first.kill()
    if killed == "run and dvc":
        os.kill(note["pid"], signal.SIGKILL)
    first.communicate()
    assert alive(orphan)  # without a search it would write beside the next one
    assert end_orphans(root) == ["slow"]
    assert not alive(orphan)
    assert end_orphans(root) == []
    (root / "quick").touch()
    assert "{'slow': 'ran'}" in started(RUN, root).communicate()[0]


@linux
def test_a_note_of_somebody_elses_process_ends_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        try:
            with noted(tmp_path, "train@a", other.pid):
                assert end_orphans(tmp_path) == []
            with noted(tmp_path, "train@a", other.pid):
                (tmp_path / NOTES / "x.json").write_text(
                    json.dumps({"stage": "x", "mark": mark(tmp_path, "x"), **identity(other.pid), "boot": "another"})
                )
                assert end_orphans(tmp_path) == []
            assert other.poll() is None
        finally:
            other.kill()


def test_a_stage_that_ends_leaves_no_note(tmp_path: Path) -> None:
    with noted(tmp_path, "dvc.yaml:train@a/b", os.getpid()):
        assert [note.name for note in (tmp_path / NOTES).iterdir()] == ["dvc.yaml_train@a_b.json"]
    assert list((tmp_path / NOTES).iterdir()) == []
    assert flows.processes.started_at(2**22 + 1) is None


@linux
def test_stopping_the_server_ends_scheduled_runs_and_not_the_users(tmp_path: Path) -> None:
    runs = {scheduled: subprocess.Popen(["sleep", "60"]) for scheduled in (True, False)}
    for scheduled, process in runs.items():
        note = tmp_path / FLOW_NOTES / f"{scheduled}.json"
        write_note(note, {**identity(process.pid), "server": "", "scheduled": scheduled})
    try:
        end_scheduled_runs(tmp_path, grace=60)
        assert runs[True].wait() == -signal.SIGTERM
        assert runs[False].poll() is None
    finally:
        for process in runs.values():
            process.kill()
            process.wait()


@linux
def test_what_a_killed_make_server_left_at_work_is_ended_by_the_next(tmp_path: Path) -> None:
    """It would keep the port, or take work for a server that is gone."""
    left = logged(["sleep", "60"], tmp_path / "worker-gpu.log", tmp_path, dict(os.environ), SERVING)
    assert alive(left.pid)
    assert end_orphans(tmp_path, SERVING) == ["worker-gpu"]
    assert left.wait() == -signal.SIGINT


def test_dvcs_lock_that_a_killed_dvc_left_cut_off_is_removed(tmp_path: Path) -> None:
    lock = tmp_path / ".dvc/tmp/rwlock"
    lock.parent.mkdir(parents=True)
    for text, kept in (("", False), ('{"a": {"re', False), ('{"a": {}}', True)):
        lock.write_text(text)
        end_orphans(tmp_path)
        assert lock.exists() == kept
