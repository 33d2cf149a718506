"""Re-hash everything from an adapter to each picture, and name the first thing that differs from its seal.

Exit 0: all as sealed; 1: something differs; 2: something could not be looked at (data not pulled, no project here).
Verdicts are by content: code and parameters that moved on while the bytes stayed equal are notes.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from stages.params import UserError

if TYPE_CHECKING:
    from stages.lineage.verify.finding import Finding, Report

DIGITS = 12  # of a digest that are shown
VERDICTS = {0: "as sealed", 1: "differs", 2: "can't be checked in full"}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("adapter", metavar="ADAPTER", help="a recipe, or a folder such as models/adapters/RECIPE")
    parser.add_argument("--all", action="store_true", help="name everything that differs, not the first thing only")
    parser.add_argument(
        "--pictures",
        action="store_true",
        help="hash each picture in intact shards too, against its row (twice the work; changes no sealed digest)",
    )
    parser.add_argument("--signers", type=Path, metavar="FILE", help="check the signature: who may sign")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="that hash at a time (default: all cores)")
    parser.add_argument("--json", action="store_true", help="the report as JSON, with everything that was found")


def command(given: argparse.Namespace) -> int:
    """Verify and tell; the exit code is the verdict."""
    from stages.lineage.verify.line import Asked, verify

    if given.threads < 0:
        raise UserError(f"--threads {given.threads} is not allowed: a whole number from 0 (all cores) up.")
    report = verify(given.adapter, Path(), Asked(given.threads, given.pictures, given.signers))
    if given.json:
        print(json.dumps(report.document(), indent=1, ensure_ascii=False))
    else:
        print(told(report, everything=given.all))
    return report.verdict


def told(report: "Report", everything: bool = False) -> str:
    """The report as text; the first difference (or all), then what could not be reached, then notes."""
    from stages.lineage.reading import plain

    speed = report.bytes / 1e6 / report.seconds if report.seconds else 0.0
    lines = [
        f"{report.recipe}: {VERDICTS[report.verdict]}",
        f"checked {report.files} files, {report.bytes / 1e6:.1f} MB, {report.rows} rows trained on, "
        f"{report.pictures} pictures in {report.seconds:.2f} s ({speed:.0f} MB/s)",
    ]
    if everything:
        lines += [f"  {plain(place)}" for place in report.checked]
    for kind, title in (("differs", "differs"), ("unreached", "not reached"), ("note", "note")):
        found = report.of(kind)  # type: ignore[arg-type]
        shown = found if everything or kind != "differs" else found[:1]
        lines += [line for finding in shown for line in _lines(title, finding)]
        if len(found) > len(shown):
            lines.append(f"and {len(found) - len(shown)} more that differ: `--all` names them")
    return "\n".join(lines)


def _lines(title: str, finding: "Finding") -> list[str]:
    from stages.lineage.reading import plain

    place = ", ".join(
        part
        for part in (finding.file, finding.stage and f"stage {finding.stage}", finding.row and f"row {finding.row}")
        if part
    )
    lines = [f"{title}: {plain(place + ': ' if place else '')}{plain(finding.what, 600)}"]
    if finding.expected or finding.found:
        lines.append(f"  expected {_short(finding.expected)}, found {_short(finding.found)}")
    if finding.remedy:
        lines.append(f"  remedy: {plain(finding.remedy)}")
    return lines


def _short(value: str) -> str:
    """A digest's first digits; any other value as it is."""
    from stages.lineage.reading import plain

    is_digest = len(value) in (32, 64) and not set(value) - set("0123456789abcdef")
    return value[:DIGITS] if is_digest else plain(value) or "nothing"
