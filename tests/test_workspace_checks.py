"""What the doctor says of a workspace that a crash, or another hand, has left in disorder."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from stages.cli import workspace_checks
from stages.cli.workspace_checks import workspace

LOCK = """schema: '2.0'
stages:
  curate@letters:
    cmd: one
  train@letters:
    cmd: two
  report@letters:
    cmd: three
"""
GRAPH = """stages:
  curate: {foreach: "${recipes}", do: {cmd: one}}
  train: {foreach: "${recipes}", do: {cmd: two}}
  report: {foreach: "${recipes}", do: {cmd: three}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose dvc.lock is committed."""
    for name in workspace_checks.FOLDERS:
        (tmp_path / name).mkdir()
    (tmp_path / "dvc.lock").write_text(LOCK)
    (tmp_path / "dvc.yaml").write_text(GRAPH)
    (tmp_path / "params.yaml").write_text("recipes: {letters: {}}\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.invalid"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    return tmp_path


def gaps(project: Path) -> dict[str, str]:
    return {one.what: f"{one.found} -> {one.remedy}" for one in workspace(project) if one.state != "ok"}


def test_a_workspace_in_order_has_no_gap(project: Path) -> None:
    assert gaps(project) == {}


def test_a_lock_file_that_was_cut_is_noticed_wherever(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_checks, "_committed", lambda root: LOCK)  # git's answer, without asking at each cut
    for end in range(len(LOCK) - len("three")):  # a command that lost its own last letters is a command too
        (project / "dvc.lock").write_text(LOCK[:end])
        assert "git checkout dvc.lock" in gaps(project)["dvc.lock"], LOCK[:end]


def test_without_gits_lock_file_a_cut_between_stages_would_pass(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "dvc.lock").write_text(LOCK[: LOCK.index("  report@")])
    assert "report@letters" in gaps(project)["dvc.lock"]
    monkeypatch.setattr(workspace_checks, "_committed", lambda root: "")
    assert gaps(project) == {}


def test_a_row_that_was_taken_out_may_leave_the_lock_file(project: Path) -> None:
    (project / "params.yaml").write_text("recipes: {}\n")
    (project / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert gaps(project) == {}


def test_a_lock_file_that_is_gone_is_a_gap_only_when_git_has_one(project: Path, tmp_path: Path) -> None:
    (project / "dvc.lock").unlink()
    assert "missing" in gaps(project)["dvc.lock"]
    (tmp_path / "elsewhere").mkdir()
    assert gaps(tmp_path / "elsewhere") == {}


@pytest.mark.parametrize("content", ["", '{"/a": {"re'])
def test_an_empty_or_cut_rwlock_comes_with_its_remedy(project: Path, content: str) -> None:
    lock = project / ".dvc" / "tmp" / "rwlock"
    lock.parent.mkdir()
    lock.write_text(content)
    assert f"rm {lock}" in gaps(project)["DVC's rwlock"]
    lock.write_text("{}")
    assert gaps(project) == {}


def test_a_folder_that_cannot_be_written_to_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path).name != "models" and real(path, mode)
    )  # root may all
    assert "models" in gaps(project)["folders"]


def test_a_clock_that_was_set_back_is_noted(project: Path) -> None:
    ahead = time.time() + 3 * 86400
    os.utime(project / "dvc.lock", (ahead, ahead))
    assert "3 days" in gaps(project)["clock"]
