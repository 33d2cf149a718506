"""Stages on other machines: two clones, a common DVC remote, one writer of dvc.lock."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flowing import git, new_project, usual_environment

import flows.pool_stage
from flows.execute import run_stage
from flows.plan import StageSpec, read_plan
from flows.pool_stage import merge_lock, run_at
from flows.pools import _entries, committed, push, require
from flows.route import Lease
from flows.schedule import Room
from stages.params import UserError

GRAPH = """
stages:
  draw: {cmd: cp seed.txt drawn.txt, deps: [seed.txt], outs: [drawn.txt]}
  train:
    cmd: python train.py
    deps: [drawn.txt, train.py]
    outs: [trained.txt]
    metrics: [score.json: {cache: false}]
    meta: {queue: gpu}
"""
TRAIN = """
import os, pathlib
with open(os.environ["TRAINED_IN"], "a") as log:
    print(os.getcwd(), repr(os.environ["CUDA_VISIBLE_DEVICES"]), file=log)
pathlib.Path("score.json").write_text("{}")
pathlib.Path("trained.txt").write_text(pathlib.Path("drawn.txt").read_text() * 2)
"""
FILES = {
    "dvc.yaml": GRAPH,
    "train.py": TRAIN,
    "params.yaml": "{}\n",
    "seed.txt": "1",
    ".gitignore": ".scratch/\n/drawn.txt\n/trained.txt\n",
}


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    with usual_environment():
        yield


def set_remote(clone: Path, url: Path) -> None:
    (clone / ".dvc/config.local").write_text(f"[core]\n    remote = store\n['remote \"store\"']\n    url = {url}\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = new_project(tmp_path / "here", FILES, commit=True)
    set_remote(root, tmp_path / "store")
    return root


def stage_of(project: Path) -> StageSpec:
    return next(spec for spec in read_plan(project).stages if spec.name == "train")


def test_a_stage_runs_in_the_other_clone_and_is_replayed_here(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINED_IN", str(tmp_path / "log"))
    there = tmp_path / "there"
    git(tmp_path, "clone", "-q", str(project), str(there))
    set_remote(there, tmp_path / "store")
    (project / "seed.txt").write_text("2")  # a commit that the other clone has to fetch
    git(project, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "another seed")
    assert run_stage("draw", project, Lease({})).outcome == "ran"  # dvc.lock is not committed

    train = stage_of(project)
    commit = committed(project, [train])
    push(project, train.upstream)
    with monkeypatch.context() as patch:
        patch.setattr(flows.pool_stage, "push_result", lambda *_: None)  # a result that never comes
        run_at(there, "train", commit, _entries(project, train))
    lost = run_stage("train", project, Lease({}), options=["--pull"], replay_only=True)
    assert lost.outcome == "failed"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")  # no device is looked for
    assert run_at(there, "train", commit, _entries(project, train), gpus=1).outcome == "replayed"
    run = run_stage("train", project, Lease({}), options=["--pull"], replay_only=True)

    assert run.outcome == "replayed"
    assert (project / "trained.txt").read_text() == "22"
    assert (project / "score.json").read_text() == "{}"
    assert not read_plan(project).changes
    where = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert [Path(folder).is_relative_to(there) for folder in where] == [True] + [False] * (len(where) - 1)
    assert not git(there, "status", "--porcelain")
    assert git(there, "branch", "--list").split() == ["*", "main"]
    assert not (there / "drawn.txt").exists()
    assert list((there / ".scratch/worktrees").iterdir()) == []


def test_a_commit_that_nobody_pushed_is_named(project: Path) -> None:
    with pytest.raises(UserError, match=r"0123456789.* is in no remote.*git push"):
        run_at(project, "train", "0123456789" * 4, {})


def test_what_is_not_committed_is_refused_if_the_stage_reads_it(project: Path) -> None:
    (project / "note.txt").write_text("read by nobody")
    (project / "drawn.txt").write_text("of a stage")
    assert committed(project, [stage_of(project)]) == git(project, "rev-parse", "HEAD")
    (project / "train.py").write_text(TRAIN + "# better\n")
    with pytest.raises(UserError, match=r"these are not: train\.py"):
        committed(project, [stage_of(project)])
    git(project, "checkout", "train.py")
    (project / "params.yaml").write_text("new: 1\n")
    with pytest.raises(UserError, match=r"these are not: params\.yaml"):
        committed(project, [])


def test_other_machines_need_a_server_a_remote_and_no_force(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = read_plan(project)
    with pytest.raises(UserError, match="make server"):
        require(plan, ["gpu"])
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    require(plan, ["gpu"])
    (project / ".dvc/config.local").unlink()
    with pytest.raises(UserError, match="dvc remote add"):
        require(plan, ["gpu"])
    with pytest.raises(UserError, match="--force and --pool"):
        require(replace(plan, force=True), ["gpu"])


def test_only_the_entries_sent_are_replaced(tmp_path: Path) -> None:
    lock = tmp_path / "dvc.lock"
    merge_lock(lock, {"draw": {"cmd": "old"}, "other": {"cmd": "kept"}})
    merge_lock(lock, {"draw": {"cmd": "new"}})
    assert lock.read_text().splitlines() == [
        "schema: '2.0'",
        "stages:",
        "  draw:",
        "    cmd: new",
        "  other:",
        "    cmd: kept",
    ]


def test_stages_elsewhere_take_no_room_here() -> None:
    far, near = (StageSpec(queue, "", (), (), queue, queue == "gpu", False, False, ()) for queue in ("gpu", "cpu"))
    room = Room(1, 0, alone=True, pools=frozenset(["gpu"]))
    assert room.takes(far, [near])
    assert room.takes(near, [far, far])
    assert not room.takes(near, [far, near])
    assert not Room(1, 0, alone=True).takes(near, [far])
