"""What every export starts from: an adapter that is the sealed one, its files, and the record of its run.

An export speaks for the adapter, so it is refused where the files are not those of the seal. Of the run record
the commit, the dirty flag and the times are used; the host stays at home.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stages.lineage.form import FileDigest, Lineage
from stages.lineage.reading import open_adapter, plain
from stages.lineage.verify.hashing import hash_files, usable_cores
from stages.lineage.verify.own import check_own
from stages.params import UserError

RUNS = Path(".scratch/runs")


@dataclass(frozen=True)
class Run:
    """The last run of the `seal` stage: commit (with changes on top of it if `dirty`), times in UTC (RFC 3339)."""

    commit: str | None
    dirty: bool | None
    started: str
    finished: str


@dataclass(frozen=True)
class Sealed:
    """An adapter whose files are those that its seal names; `files` are all in the folder, by path in it."""

    folder: Path
    lineage: Lineage
    files: dict[str, FileDigest]
    run: Run | None

    def producers(self) -> dict[str, str]:
        """The stage that wrote each out."""
        return {out: stage.name for stage in self.lineage.stages for out in stage.outs}


def open_sealed(adapter: str, project: Path) -> Sealed:
    """The sealed adapter of a folder or recipe name; UserError when anything in it differs from its seal."""
    opened = open_adapter(adapter, project)
    folder, lineage = opened.folder, opened.lineage
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".gitignore"]
    hashed = hash_files(paths, usable_cores())
    for finding in check_own(opened, hashed):
        if finding.kind == "differs":
            raise UserError(
                f"{plain(finding.file)} {plain(finding.what)}; it is not exported. Remedy: {finding.remedy}."
            )
    files = {
        path.relative_to(folder).as_posix(): FileDigest(sha256=digest, bytes=path.stat().st_size)
        for path, digest in hashed.digests.items()
        if digest is not None
    }
    return Sealed(folder, lineage, files, read_run(project, lineage))


def read_run(project: Path, lineage: Lineage) -> Run | None:
    """The last record of a run that sealed just this here, or None (a fresh clone, a folder from elsewhere)."""
    path = project / RUNS / f"{lineage.adapter.digest}.json"
    if not path.is_file():
        return None
    try:
        runs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        own = [
            Run(run["commit"], run["dirty"], _utc(run["started"]), _utc(run["finished"]))
            for run in runs
            if run["seal"] == lineage.seal
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no list of run records ({type(error).__name__}: {error}): delete it; exports then go without "
            "commit and times."
        ) from error
    return own[-1] if own else None


def _utc(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(UTC).isoformat().replace("+00:00", "Z")


def source(name: str, digest: FileDigest) -> dict[str, Any]:
    """One file as in-toto describes it (ResourceDescriptor)."""
    return {"name": name, "digest": {"sha256": digest.sha256}}
