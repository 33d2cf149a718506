"""A worktree for one replay: the project's cache, no branch, and gone afterwards. The user's tree is never touched."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows.execute import end_group, relay, start
from flows.processes import noted
from flows.stop import Stop
from flows.worktree import NOTES, Worktree, clear_abandoned, environment, git, worktree
from stages.params import UserError

GRAPH = "dvc.yaml"
COPIED = ".scratch/scrape"  # paid answers and fetched pages; a link would let a replay write into the project's
RUNNING = re.compile(r"^Running stage '([^']+)'", re.MULTILINE)
LAST_LINES = 6  # of a dvc that failed


@dataclass(frozen=True)
class Built:
    """What became of one `dvc repro`. `ran`: stages that weren't in the cache; `failed`: its last words, else ""."""

    ran: tuple[str, ...]
    failed: str


@contextmanager
def scratch_worktree(project: Path, commit: str) -> Iterator[Worktree]:
    """A detached worktree at `commit` below .scratch; what a killed replay left there is removed first."""
    project = project.resolve()
    if not (project / ".dvc").is_dir() or Path(git(project, "rev-parse", "--show-toplevel")).resolve() != project:
        raise UserError(
            f"{project} isn't the root of a git repository with DVC: run `--replay` from the project's root."
        )
    clear_abandoned(project)
    with worktree(project, "replay", commit) as place:
        shared = place.root / COPIED
        shared.unlink()
        shutil.copytree(project / COPIED, shared, symlinks=True)
        yield place


def rebuild(place: Worktree, stage: str) -> Built:
    """Bring `stage` up to date in the worktree, from the cache where it can; what DVC says goes to stderr."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(place.root)) as repo:  # outs of the variant before must not look like changes of this one
            repo.checkout(targets=[f"{place.root / GRAPH}:{stage}"], with_deps=True, allow_missing=True, force=True)
    except DvcException as error:
        return Built((), _last("\n".join(_causes(error))))
    status, said = _dvc(place, "repro", stage)
    return Built(tuple(RUNNING.findall(said)), _last(said) if status else "")


def _causes(error: BaseException | None) -> Iterator[str]:
    """DVC wraps errors; the innermost names the file and the key."""
    while error is not None:
        yield str(error)
        error = error.__cause__


def _dvc(place: Worktree, *arguments: str) -> tuple[int, str]:
    """(exit status, output). Its process group ends with us."""
    scripts = str(Path(sys.executable).parent)  # where the `python` of dvc.yaml is to be found
    inside = {
        **environment(place),
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
    }
    stop = Stop()
    reader, writer = os.pipe()
    try:
        try:
            process = start([sys.executable, "-m", "dvc", *arguments], place.root, inside, writer, ())
        finally:
            os.close(writer)
        try:
            with noted(place.root, "run", process.pid, NOTES):
                said = relay(reader, process, _to_stderr, stop)
        finally:
            end_group(process, stop)
    finally:
        os.close(reader)
    return process.returncode, said


def _to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def _last(said: str) -> str:
    return "\n".join([line for line in said.splitlines() if line.strip()][-LAST_LINES:]) or "it ended without a word"
