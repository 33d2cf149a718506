"""Scheduled runs: on a branch of their own, with the project's cache, never in the user's tree."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowing import PROJECT, git, new_project, run_all, usual_environment

import flows.worktree
from flows.worktree import WORKTREES, clear_abandoned, commit, environment, renew_snapshots, scheduled_run, worktree
from stages.params import UserError

GRAPH = """
stages:
  fetch:
    cmd: python fetch.py
    deps: [fetch.py, data/queries/things.yaml]
    outs: [data/fetched.txt]
  evaluate:
    cmd: cp data/fetched.txt reports/metrics/one.json
    deps: [data/fetched.txt]
    metrics: [{reports/metrics/one.json: {cache: false}}]
  report:
    foreach: ${recipes}
    do:
      cmd: cp reports/metrics/one.json ${key}.html
      deps: [reports/metrics/one.json]
      outs: ["${key}.html"]
"""
FETCH = """
import pathlib
day = pathlib.Path("data/queries/things.yaml").read_text().split()[1]
pathlib.Path(".scratch/scrape").mkdir(parents=True, exist_ok=True)
pathlib.Path(".scratch/scrape/paid").write_text(day)
pathlib.Path("data/fetched.txt").write_text(f'{{"day": "{day}"}}')
"""
FILES = {
    "dvc.yaml": GRAPH,
    "fetch.py": FETCH,
    "params.yaml": "recipes:\n  one: {}\nscrape:\n  things: {queries: things}\n",
    "data/queries/things.yaml": "snapshot: 2026-11-21 # a day\nqueries:\n  - {text: snapshot, entity: things}\n",
    "reports/metrics/.gitkeep": "",
    ".gitignore": ".scratch/\n*.html\n__pycache__/\n",
    "data/.gitignore": "/fetched.txt\n",
}
TODAY = "2027-01-02"
RUN = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(PROJECT / "tests")!r})
from flowing import run_all
assert sys.argv[1:] == ["run"], sys.argv
print(said := run_all(Path.cwd()))
sys.exit("failed" in said.values())
"""
OWN_CODE = {  # `plumbline run` of the project itself, and without Prefect, whose start takes most of the time
    "stages/__init__.py": f"__path__.append({str(PROJECT / 'stages')!r})\n",
    "stages/cli/__init__.py": "",
    "stages/cli/__main__.py": RUN,
}


@pytest.fixture(autouse=True)
def environment_as_usual(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with usual_environment():
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # no name of the user's
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return new_project(tmp_path / "project", FILES | OWN_CODE, commit=True)


def snapshot_of(project: Path) -> dict[str, bytes]:
    """All that the user sees: the tree, what DVC is set to, and the index."""
    unseen = {".git", ".scratch", "cache", "tmp", "__pycache__"}
    files = [path for path in project.rglob("*") if path.is_file()]
    seen = [path for path in files if not unseen.intersection(path.relative_to(project).parts)]
    return {str(path): path.read_bytes() for path in [*seen, project / ".git/index"]}


def test_a_scheduled_run_leaves_a_branch_and_the_users_tree_alone(project: Path) -> None:
    assert run_all(project) == dict.fromkeys(["fetch", "evaluate", "report@one"], "ran")
    git(project, "add", "--all")
    git(project, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "run")
    (project / "fetch.py").write_text("raise SystemExit('the work of the user, in the middle')")
    (project / "note.txt").write_text("not tracked")
    before = snapshot_of(project)

    done = scheduled_run(project, "rescrape", snapshot=TODAY)

    assert not done.failed, done.said
    assert snapshot_of(project) == before
    assert git(project, "rev-parse", "--abbrev-ref", "HEAD") == "main"
    assert done.commit == git(project, "rev-parse", done.branch)
    assert done.branch.startswith("scheduled/rescrape/")
    assert git(project, "diff", "--name-only", "main", done.branch).splitlines() == [
        "data/queries/things.yaml",
        "dvc.lock",
        "reports/metrics/one.json",
    ]
    assert git(project, "show", f"{done.branch}:reports/metrics/one.json") == f'{{"day": "{TODAY}"}}'
    assert git(project, "show", f"{done.branch}:data/queries/things.yaml").startswith(f"snapshot: {TODAY} # a day\n")
    assert (project / ".scratch/scrape/paid").read_text() == TODAY  # kept for the next one
    assert list((project / WORKTREES).iterdir()) == []
    assert len(git(project, "worktree", "list").splitlines()) == 1
    md5 = git(project, "show", f"{done.branch}:dvc.lock").split("path: data/fetched.txt")[1].split("md5: ")[1][:32]
    assert (project / f".dvc/cache/files/md5/{md5[:2]}/{md5[2:]}").exists()


def test_a_worktree_finds_its_outs_in_the_projects_cache_and_runs_its_own_code(project: Path) -> None:
    run_all(project)
    git(project, "add", "--all")
    git(project, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "run")
    with worktree(project, "rebuild") as place:
        assert run_all(place.root) == dict.fromkeys(["fetch", "evaluate", "report@one"], "unchanged")
        assert (place.root / "one.html").read_text() == (project / "one.html").read_text()
        assert commit(place, "nothing") is None
        command = [sys.executable, "-c", "import stages; print(stages.__file__)"]
        said = subprocess.check_output(command, cwd=place.root, env=environment(place), text=True)
        assert said.strip() == str(place.root / "stages/__init__.py")
    assert place.branch in git(project, "branch", "--list", "--format=%(refname:short)")


def test_the_worktree_is_removed_though_the_run_breaks(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(flows.worktree, "run_inside", breaks)
    with pytest.raises(KeyboardInterrupt):
        scheduled_run(project, "rebuild")
    assert list((project / WORKTREES).iterdir()) == []


def test_what_a_killed_one_left_is_cleared_and_what_works_is_not(project: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from flows.worktree import worktree\n"
        "with worktree(Path(sys.argv[1]), 'rebuild'): print('there', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(project)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"there\n"
        assert clear_abandoned(project) == []
        killed.kill()
        killed.wait()
    assert len(git(project, "worktree", "list").splitlines()) == 2
    assert [name.split("-")[0] for name in clear_abandoned(project)] == ["rebuild"]
    assert len(git(project, "worktree", "list").splitlines()) == 1
    assert list((project / WORKTREES).iterdir()) == []


def test_only_the_line_of_the_snapshot_changes(tmp_path: Path) -> None:
    new_project(tmp_path, FILES)
    assert renew_snapshots(tmp_path, TODAY) == ["things"]
    changed = (tmp_path / "data/queries/things.yaml").read_text()
    assert changed == FILES["data/queries/things.yaml"].replace("2026-11-21", TODAY)
    (tmp_path / "data/queries/things.yaml").write_text("queries: []\n")
    with pytest.raises(UserError, match="found 0"):
        renew_snapshots(tmp_path, TODAY)
    (tmp_path / "params.yaml").write_text("recipes: {}\n")
    with pytest.raises(UserError, match="nothing to scrape"):
        renew_snapshots(tmp_path, TODAY)
