"""The seals that there are: those of the tree, and every other one that git's history holds.

What a content says is kept in the index by its digest: a seal is read once.
"""

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stages.lineage.form import LARGEST, parse_lineage
from stages.lineage.used.facts import Known, known_of
from stages.lineage.used.files import md5_in_lock
from stages.lineage.used.index import Index
from stages.params import UserError

SEALS = Path("reports/seals")
ADAPTERS = Path("models/adapters")
PATIENCE = 120  # seconds for git's answer


@dataclass(frozen=True)
class Seal:
    """One sealed adapter; `commit` is the oldest one that held this seal, "" where only the tree has it."""

    known: Known
    current: bool
    commit: str = ""
    date: str = ""


@dataclass(frozen=True)
class Blob:
    """One content that a seal's file had at some time; `digest` is git's."""

    digest: str
    path: str
    commit: str
    date: str


def seals_of(project: Path, index: Index) -> tuple[list[Seal], list[str]]:
    """Every seal, the tree's first, then the latest first; and what can't be read, with the reason.

    UserError when one of the tree's is no seal.
    """
    found: dict[str, Seal] = {}
    lock = project / "dvc.lock"
    for path in [*sorted((project / SEALS).glob("*.json")), *sorted((project / ADAPTERS).glob("*/lineage.json"))]:
        content = _read(path)
        known = _known(index, f"sha256 {hashlib.sha256(content).hexdigest()}", content, str(path), lock.read_bytes)
        if isinstance(known, str):
            raise UserError(known)
        found.setdefault(known.seal, Seal(known, current=True))
    flaws = []
    for blob in past_blobs(project):
        where = f"{blob.path} of {blob.commit[:12]}"
        known = _known(
            index,
            f"git {blob.digest}",
            lambda blob=blob: _git(project, "cat-file", "blob", blob.digest),  # type: ignore[misc]
            where,
            lambda blob=blob: _git(project, "show", f"{blob.commit}:dvc.lock"),  # type: ignore[misc]
        )
        if isinstance(known, str):
            flaws.append(known)
            continue
        before = found.get(known.seal)
        found[known.seal] = Seal(known, before is not None and before.current, blob.commit, blob.date)
    return list(found.values()), flaws


def past_blobs(project: Path) -> list[Blob]:
    """Every content of every seal's file in the history of all branches, the oldest commit of each; [] without git."""
    if not (project / ".git").exists():
        return []
    log = _git(project, "log", "--all", "-m", "--raw", "--no-abbrev", "--format=@%H %cs", "--", str(SEALS))
    found: dict[str, Blob] = {}
    commit = date = ""
    for line in log.decode("utf-8", "replace").splitlines():
        if line.startswith("@"):
            commit, _, date = line[1:].partition(" ")
        elif line.startswith(":"):
            states, _, path = line.partition("\t")
            digest = states.split()[3]
            if digest.strip("0") and path.endswith(".json"):
                found[digest] = Blob(digest, path, commit, date)  # the log goes back in time: the oldest one stays
    return list(found.values())


def _known(
    index: Index, digest: str, content: bytes | Callable[[], bytes], where: str, lock: Callable[[], bytes]
) -> Known | str:
    """What a content says of its adapter, or why it says nothing."""
    row = index.db.execute("SELECT known, flaw FROM contents WHERE digest = ?", (digest,)).fetchone()
    if row is not None:
        return Known.model_validate_json(row[0]) if row[0] else str(row[1])
    content = content if isinstance(content, bytes) else content()
    found: Known | str
    try:
        if len(content) > LARGEST:
            raise UserError(f"{where} has {len(content)} bytes, allowed are {LARGEST}: this is no lineage of ours.")
        lineage = parse_lineage(content, where)
        found = known_of(lineage, _md5_of(lock, f"models/trained/{lineage.recipe}"))
    except UserError as error:
        found = str(error)
    values = ("", found) if isinstance(found, str) else (found.model_dump_json(), "")
    index.db.execute("INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", (digest, *values))
    return found


def _md5_of(lock: Callable[[], bytes], out: str) -> str:
    """What the lock beside a seal says of an out; "" where there is no lock."""
    try:
        return md5_in_lock(lock(), out)
    except (OSError, UserError):
        return ""


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > LARGEST:
        raise UserError(f"{path} has {size} bytes, allowed are {LARGEST}: this is no lineage of ours.")
    return path.read_bytes()


def _git(project: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(project), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"`git {arguments[0]}` did not answer ({error}): is git installed?") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no word"]
        raise UserError(f"`git {' '.join(arguments[:2])}` failed: {said[-1]}.")
    return done.stdout
