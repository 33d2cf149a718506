"""The whole verification: what is read, in which order, and the report.

The digests are made beside everything else, on all cores. The verdict is by content: what stands in the adapter's
seal against the bytes that lie here.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from stages.lineage.form import Lineage
from stages.lineage.places import Places, places_of
from stages.lineage.reading import Opened, folder_of, open_adapter
from stages.lineage.signature import check_signature
from stages.lineage.verify.code import changed_line, check_code, code_paths
from stages.lineage.verify.files import OF_GIT, Place, check_pictures, compare, count_pictures, places_of_line
from stages.lineage.verify.finding import Finding, Report
from stages.lineage.verify.hashing import Hashed, hash_files, usable_cores
from stages.lineage.verify.own import check_own, own_paths
from stages.lineage.verify.rows import check_consumed, check_metrics, rows_of_sources
from stages.lineage.verify.settings import GRAPH, LOCK, Settings, check_settings, read_settings
from stages.params import UserError


@dataclass(frozen=True)
class Asked:
    """How to verify: `pictures` hashes every picture of intact shards too; `signers` is an allowed-signers file."""

    threads: int = 0  # 0: all cores
    pictures: bool = False
    signers: Path | None = None


def verify(adapter: Path | str, project: Path = Path(), asked: Asked | None = None) -> Report:
    """Compare an adapter and everything behind it with its seal; UserError when there is no such folder."""
    asked = asked or Asked()
    started = time.perf_counter()
    folder = folder_of(adapter, project)
    try:
        opened = open_adapter(folder, project)
    except UserError as error:
        refused = Finding("differs", str(error), str(folder), remedy=f"`dvc checkout --force {folder}`")
        return Report(str(folder), folder.name, 0, 0, 0, 0, time.perf_counter() - started, (), (refused,))
    if not all((project / name).is_file() for name in (GRAPH, LOCK)):
        return _alone(opened, asked, started)
    return _with_project(opened, project, asked, started)


def _alone(opened: Opened, asked: Asked, started: float) -> Report:
    """The folder by itself: its own parts, and a word about all the others."""
    hashed = hash_files(own_paths(opened), asked.threads or usable_cores())
    lineage = opened.lineage
    findings = [*check_own(opened, hashed), *check_consumed(opened, None)]
    findings += check_signature(opened, asked.signers)
    findings.append(
        Finding(
            "unreached",
            f"no {LOCK} here: the adapter's own folder was checked, but not its {len(lineage.outs)} data folders, "
            f"{len(lineage.inputs)} inputs, base {lineage.base.id} and {len(lineage.stages)} stages",
            remedy="run it in the project's folder, after `dvc pull`",
        )
    )
    return _report(opened, hashed, 0, findings, ("the adapter's own folder",), started)


def _with_project(opened: Opened, project: Path, asked: Asked, started: float) -> Report:
    lineage = opened.lineage
    names = [*(stage.name for stage in lineage.stages), f"seal@{lineage.recipe}"]
    settings = read_settings(project, names)
    known = None if isinstance(settings, Finding) else settings
    where = _places(lineage, project, known)
    places = places_of_line(lineage, where)
    paths = [place.file(rel) for place in places for rel in place.files]
    paths += [*own_paths(opened), *code_paths(lineage, project)]
    with ThreadPoolExecutor(1) as beside:
        hashing = beside.submit(hash_files, paths, asked.threads or usable_cores())
        findings = list(check_consumed(opened, project))
        asked_for = [settings] if isinstance(settings, Finding) else list(check_settings(lineage, settings, where))
        metrics = list(check_metrics(lineage, project, known))
        hashed = hashing.result()
    findings = [
        *check_own(opened, hashed, project, known),
        *findings,
        *check_signature(opened, asked.signers),
        *metrics,
    ]
    differing = [finding for place in places for finding in compare(place, hashed)]
    findings += _name_more(differing, lineage, project, hashed, places)
    if asked.pictures:
        findings += check_pictures(places, hashed)
    findings += [*asked_for, *_hub(lineage), *check_code(lineage, project, hashed)]
    return _report(opened, hashed, count_pictures(places), findings, _checked(lineage, places, asked), started)


def _places(lineage: Lineage, project: Path, settings: Settings | None) -> Places:
    """Names for paths outside the project, as `seal` gave them: from the same stages in the same order."""
    lock = {} if settings is None else settings.lock
    return places_of([lock[stage.name] for stage in lineage.stages if stage.name in lock], project)


def _name_more(
    findings: list[Finding], lineage: Lineage, project: Path, hashed: Hashed, places: list[Place]
) -> Iterator[Finding]:
    """The row of a picture's source file, and the line of a text that git tracks."""
    of_git = {place.name for place in places if place.holder == OF_GIT}
    nameless = [finding for finding in findings if finding.kind == "differs" and not finding.row]
    rows = rows_of_sources(lineage, project, hashed) if nameless else {}
    for finding in findings:
        if finding.kind == "differs" and not finding.row:
            finding = replace(finding, row=rows.get(finding.expected, ""))
            if finding.found and finding.file in of_git:
                finding = replace(finding, what=finding.what + changed_line(project, finding.file, finding.expected))
        yield finding


def _hub(lineage: Lineage) -> Iterator[Finding]:
    """What verification can't say of a base that the hub holds."""
    parts = {lineage.base.id: lineage.base.revision, **{part.id: part.revision for part in lineage.base.parts.values()}}
    for model, revision in parts.items():
        if "/" in model:
            what = f"{model} at {revision} is the hub's: its weights are pinned by that commit, and not re-hashed here"
            yield Finding("note", what, lineage.base.path)


def _checked(lineage: Lineage, places: list[Place], asked: Asked) -> tuple[str, ...]:
    there = [place.name for place in places if place.path.exists()]
    pictures = ["every row's picture"] if asked.pictures else []
    return ("the adapter's own folder", *there, f"{len(lineage.stages)} stages' parameters and commands", *pictures)


def _report(
    opened: Opened, hashed: Hashed, pictures: int, findings: list[Finding], checked: tuple[str, ...], started: float
) -> Report:
    weights = [path.stat().st_size for path in opened.folder.glob("*.safetensors")]
    return Report(
        str(opened.folder),
        opened.lineage.recipe,
        hashed.files + len(weights),
        hashed.bytes + sum(weights),
        opened.lineage.data.consumed.distinct,
        pictures,
        time.perf_counter() - started,
        checked,
        tuple(findings),
    )
