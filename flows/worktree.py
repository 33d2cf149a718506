"""A git worktree of its own for a run that nobody watches: a fresh branch, the project's cache, its own code.

The user's tree, index and dvc.lock are never touched. What a run may share with the project is linked: paid
answers and fetched bytes of `scrape`, and the leases on GPUs.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.execute import end_group, relay, start
from flows.processes import MARK, end_orphans, identity, is_alive, mark, noted, read_note, write_note
from flows.stop import Stop
from flows.terminal import Terminal
from stages.params import UserError, read_params

WORKTREES = Path(".scratch/worktrees")
NOTES = Path(".scratch/run/scheduled")
SHARED = (".scratch/scrape", ".scratch/leases")
GRACE_SECONDS = 30.0  # for a run to end its stages, each of which has its own time for that
SNAPSHOT = re.compile(r"^(snapshot:[ \t]*)[^\s#]+", re.MULTILINE)


@dataclass(frozen=True)
class Worktree:
    """`root` is gone when the run is over, `branch` stays."""

    project: Path
    root: Path
    branch: str


@dataclass(frozen=True)
class ScheduledRun:
    """What became of one: `commit` is None when there was nothing new; `said` has its stages."""

    branch: str
    begun: str
    commit: str | None
    failed: bool
    said: str


def scheduled_run(
    project: Path, name: str, recipes: Sequence[str] = (), force: bool = False, snapshot: str = ""
) -> ScheduledRun:
    """Run `recipes` (none: all) in a worktree and commit there, also what was done before a stage failed."""
    with worktree(project, name) as place:
        begun = git(place.root, "rev-parse", "HEAD")
        if snapshot:
            renew_snapshots(place.root, snapshot)
        status, said = run_inside(place, recipes, force)
        what = f"{name}: {', '.join(recipes) or 'all recipes'}{f' as of {snapshot}' if snapshot else ''}"
        made = commit(place, f"{what}{' (a stage failed)' if status else ''}")
        return ScheduledRun(place.branch, begun, made, status != 0, said)


@contextmanager
def worktree(project: Path, name: str, commit: str = "") -> Iterator[Worktree]:
    """A worktree of the project's last commit on a fresh branch `scheduled/NAME/TIME`, with its outs checked out.

    With a `commit`, which is fetched if need be: a worktree of that, on no branch, and without outs.
    """
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    place = Worktree(project, project / WORKTREES / f"{name}-{time}", "" if commit else f"scheduled/{name}/{time}")
    note = _note(place.root)
    write_note(note, identity(os.getpid()))
    try:
        if commit:
            _fetch(project, commit)
            git(project, "worktree", "add", "--quiet", "--detach", str(place.root), commit)
        else:
            git(project, "worktree", "add", "--quiet", "-b", place.branch, str(place.root), "HEAD")
        _share(place)
        if not commit:
            _check_out(place)
        yield place
    finally:
        _remove(place.root, project)
        note.unlink(missing_ok=True)


def clear_abandoned(project: Path) -> list[str]:
    """Remove the worktrees of scheduled runs that were killed, after ending what they left at work."""
    cleared: list[str] = []
    for note in sorted((project / WORKTREES).glob("*.json")):
        if is_alive(read_note(note)):
            continue
        root = note.with_suffix("")
        end_orphans(root, NOTES)
        end_orphans(root)
        _remove(root, project)
        note.unlink()
        cleared.append(root.name)
    return cleared


def run_inside(place: Worktree, recipes: Sequence[str], force: bool = False) -> tuple[int, str]:
    """`plumbline run RECIPES` with the worktree's own code; its exit status, and its output"""
    command = [sys.executable, "-m", "stages.cli", "run", *["--force"] * force, *recipes]
    stop = Stop()
    reader, writer = os.pipe()
    try:
        try:
            process = start(command, place.root, environment(place), writer, ())
        finally:
            os.close(writer)
        try:
            with noted(place.root, "run", process.pid, NOTES), Terminal().part("run") as write:
                said = relay(reader, process, write, stop)
        finally:
            end_group(process, stop, GRACE_SECONDS)
    finally:
        os.close(reader)
    return process.returncode, said


def environment(place: Worktree) -> dict[str, str]:
    """The worktree's folder comes before an editable install, which would run the user's tree.

    Prefect's variables about the run that we are in stay behind: the run inside is one of its own. Without a
    server it starts its own, with its own data base.
    """
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT__")}
    if "PREFECT_API_URL" not in ours:
        ours.pop("PREFECT_HOME", None)
    return {**ours, "PYTHONPATH": str(place.root), MARK: mark(place.root, "run")}


def renew_snapshots(root: Path, snapshot: str) -> list[str]:
    """Write the date into the queries files that `scrape:` in params.yaml names; returns them. The rest stays as is."""
    rows = read_params(root / "params.yaml").get("scrape") or {}
    names = sorted({str(row["queries"]) for row in rows.values()})
    if not names:
        raise UserError("params.yaml has no row under `scrape:`, so there is nothing to scrape again.")
    for name in names:
        path = root / "data" / "queries" / f"{name}.yaml"
        text, count = SNAPSHOT.subn(rf"\g<1>{snapshot}", path.read_text(encoding="utf-8"))
        if count != 1:
            raise UserError(f"{path}: expected one line `snapshot: YYYY-MM-DD`, found {count}.")
        path.write_text(text, encoding="utf-8")
    return names


def commit(place: Worktree, message: str) -> str | None:
    """Commit what the run wrote into tracked places: dvc.lock, metrics, queries. The commit, or None: nothing new."""
    git(place.root, "add", "--all")
    git(place.root, "rm", "-r", "--cached", "--quiet", "--ignore-unmatch", ".scratch")  # should it not be ignored
    if not git(place.root, "status", "--porcelain", "--untracked-files=no"):
        return None
    known = subprocess.run(["git", "-C", place.root, "config", "user.email"], env=_no_git(), capture_output=True)
    who = [] if known.returncode == 0 else ["-c", "user.name=plumbline", "-c", "user.email=plumbline@localhost"]
    git(place.root, *who, "-c", "commit.gpgsign=false", "commit", "--quiet", "--no-verify", "--message", message)
    return git(place.root, "rev-parse", "HEAD")


def git(root: Path, *arguments: str) -> str:
    """git's answer; UserError with its own words when it fails."""
    done = subprocess.run(["git", "-C", root, *arguments], env=_no_git(), capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(f"git {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()


def _share(place: Worktree) -> None:
    from dvc.repo import Repo

    with Repo(str(place.project)) as repo:
        settings: dict[str, Any] = {"cache": {"dir": repo.cache.local_cache_dir}}
        for name, remote in repo.config["remote"].items():  # absolute here, as the worktree lies deeper
            settings[f'remote "{name}"'] = {key: str(value) for key, value in remote.items()}
        if default := repo.config["core"].get("remote"):
            settings["core"] = {"remote": default}
    lines = [
        line
        for name, pairs in settings.items()
        for line in (f"['{name}']", *(f"    {k} = {v}" for k, v in pairs.items()))
    ]
    file = os.open(place.root / ".dvc" / "config.local", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:  # a remote's password may stand there
        stream.write("\n".join(lines) + "\n")
    for shared in SHARED:
        (place.project / shared).mkdir(parents=True, exist_ok=True)
        (place.root / shared).parent.mkdir(parents=True, exist_ok=True)
        (place.root / shared).symlink_to(place.project / shared)


def _check_out(place: Worktree) -> None:
    dvc = [sys.executable, "-m", "dvc", "checkout", "--quiet", "--allow-missing"]
    done = subprocess.run(dvc, cwd=place.root, env=environment(place), capture_output=True, text=True)
    if done.returncode != 0:
        raise UserError(f"dvc checkout in {place.root}: {done.stderr.strip()}")


def _fetch(project: Path, commit: str) -> None:
    """UserError when no remote has the commit, which the sender then has to push."""
    there = ["git", "-C", str(project), "cat-file", "-e", f"{commit}^{{commit}}"]
    if subprocess.run(there, env=_no_git(), capture_output=True).returncode == 0:
        return
    git(project, "fetch", "--quiet", "--all")
    if subprocess.run(there, env=_no_git(), capture_output=True).returncode != 0:
        raise UserError(f"commit {commit} is in no remote that {project} fetches from: `git push` it.")


def _remove(root: Path, project: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)  # links are removed, not followed
    git(project, "worktree", "prune")


def _note(root: Path) -> Path:
    return root.parent / f"{root.name}.json"


def _no_git() -> dict[str, str]:
    """Without GIT_DIR and the like, which a git hook would have set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
