"""Read-only questions to git about a project's history."""

import os
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from stages.params import UserError

MOST_COMMITS = 200  # that are listed between two revisions


@dataclass(frozen=True)
class Commit:
    """`only`: A or B, the side whose history has it and the other's has not."""

    id: str
    subject: str
    only: str


def ask_git(project: Path, *arguments: str) -> bytes | None:
    """git's answer, None when it refuses."""
    try:
        done = subprocess.run(["git", "-C", project, *arguments], env=without_git(), capture_output=True, check=False)
    except FileNotFoundError as error:
        raise UserError("git is not installed, and the history of adapters lies there: install git.") from error
    return done.stdout if done.returncode == 0 else None


def without_git() -> dict[str, str]:
    """The environment without GIT_DIR and the like, which a git hook would have set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def commit_of(project: Path, revision: str) -> str:
    """The full id of the commit that `revision` names; UserError when there is none."""
    found = ask_git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found is None:
        raise UserError(f"`{revision}` is no revision of the git repository in {project}: see `git log` and `git tag`.")
    return found.decode().strip()


def file_at(project: Path, commit: str, path: str) -> bytes | None:
    """The bytes of a tracked file at a commit, None when it isn't there."""
    return ask_git(project, "show", f"{commit}:./{path}")


def files_at(project: Path, commit: str) -> dict[str, str]:
    """{path: git's id of its content and mode} of all tracked files at a commit."""
    listed = ask_git(project, "ls-tree", "-r", "-z", commit) or b""
    entries = (entry.partition("\t") for entry in listed.decode("utf-8", "surrogateescape").split("\0") if entry)
    return {path: what for what, _, path in entries}


def last_change(project: Path, path: str) -> str | None:
    """The newest commit of HEAD's history that changed `path`."""
    found = ask_git(project, "log", "-1", "--format=%H", "HEAD", "--", path)
    return found.decode().strip() or None if found else None


def commits_with(project: Path, path: str, most: int = 5) -> list[str]:
    """Short ids of the newest commits of any branch that changed `path`."""
    found = ask_git(project, "log", "--all", f"-{most}", "--format=%h", "--diff-filter=AM", "--", path)
    return found.decode().split() if found else []


def commits_between(project: Path, a: str, b: str, paths: Collection[str]) -> list[Commit]:
    """Commits that only one side's history has and that touch `paths`, the newest first."""
    if a == b or not paths:
        return []
    arguments = [f"-{MOST_COMMITS}", "--left-right", "--format=%m%h %s", f"{a}...{b}", "--", *sorted(paths)]
    found = ask_git(project, "log", *arguments) or b""
    lines = [line for line in found.decode("utf-8", "replace").splitlines() if line]
    return [
        Commit(line[1:].partition(" ")[0], line.partition(" ")[2], "A" if line[0] == "<" else "B") for line in lines
    ]
