"""Caption the pictures of a curated set: on a page of this machine, from files, or by drafts of a model.

Whatever way it comes, a caption is a line in data/captions/LOG.jsonl, with its author. Commit that file.
Dialogues about the pictures are lines in data/dialogues/DIALOGUES.jsonl: write them there, one a picture.
"""

import argparse
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from stages.caption.log import Log, open_log, person, read_log
from stages.caption.offers import Accepted, Refusal, captions, drafts
from stages.caption.parameters import CaptionParams
from stages.caption.state import state_of
from stages.cli.parameters import PARAMS, section
from stages.formats import FORMATS
from stages.params import UserError, load_params

if TYPE_CHECKING:
    from stages.record import Record

CURATED = Path("data/curate")
CAPTIONS = Path("data/captions")
DIALOGUES = Path("data/dialogues")
PORT = 7860
SHOWN = 20  # refused entries that are named


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a row under `caption:` in params.yaml")
    parser.add_argument("--author", metavar="PERSON", help="who writes (default: git's user.name)")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"of the page (default: {PORT})")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--import", dest="file", type=Path, metavar="FILE", help="captions of another tool")
    ways.add_argument(
        "--drafts",
        type=Path,
        metavar="WHAT",
        help="a captioning adapter's folder, or FILE.jsonl of `plumbline predict`",
    )
    ways.add_argument("--stand-ins", action="store_true", help="drawn creatures: captions from their attributes")
    ways.add_argument(
        "--stand-in-dialogues", action="store_true", help="drawn creatures: questions and answers, where there are none"
    )
    ways.add_argument("--status", action="store_true", help="count what is done")
    parser.add_argument("--format", choices=FORMATS, help="of --import")
    parser.add_argument("--model", metavar="ID", help="with --drafts FILE.jsonl: which model answered")
    parser.add_argument("--base-dir", type=Path, default=Path("models/base"), metavar="DIR", help="embedded bases")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N")
    parser.add_argument("--max-new-tokens", type=int, default=64, metavar="N", help="of a draft (default: 64)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def command(given: argparse.Namespace) -> int:
    """One of the ways in, or the page; 1 when something that was given could not be taken."""
    from stages.record import read_rows  # brings pyarrow

    if bool(given.file) != bool(given.format):
        raise UserError(f"--import FILE and --format go together; formats: {', '.join(FORMATS)}.")
    if given.name not in section("caption"):
        known = ", ".join(map(str, section("caption"))) or "none"
        raise UserError(f"no row `caption.{given.name}` in {PARAMS}; there is: {known}.")
    params = load_params(CaptionParams, f"caption.{given.name}", PARAMS)
    records = read_rows(CURATED / params.dataset)
    path = CAPTIONS / f"{params.log}.jsonl"
    if given.status:
        _status(params, records, path)
        return 0
    if given.stand_in_dialogues:
        _stand_in_dialogues(params, given.name, records)
        return 0
    by_file = given.file or given.drafts or given.stand_ins
    author = None if by_file else person(given.author or git_name())
    with open_log(path) as log:
        if log.torn:
            print(f"{path}: cut off an incomplete last line, which was never acknowledged: {log.torn[:200]!r}")
        if author is not None:
            _page(params, records, log, author, given)
            return 0
        return _by_file(given, params, records, log)


def _by_file(given: argparse.Namespace, params: CaptionParams, records: "list[Record]", log: Log) -> int:
    refused: list[Refusal] = []
    if given.file:
        from stages.caption.imports import from_file

        offers, refused = from_file(given.file, given.format, records, given.author)
        accepted = captions(params, offers, log)
    elif given.stand_ins:
        from stages.caption.stand_ins import stand_ins
        from stages.cli.catalogue import catalogue_of

        accepted = captions(params, stand_ins(catalogue_of(params.dataset), records, log), log)
    elif given.drafts.is_dir():
        from stages.cli.drafts import drafts_of

        state = state_of(log.lines)
        waiting = [record for record in records if not state.of(record.origin).decided]
        offers, refused = drafts_of(given, given.drafts, waiting, CURATED / params.dataset) if waiting else ([], [])
        accepted = drafts(offers, log)
    else:
        from stages.caption.imports import from_predictions

        offers, refused = from_predictions(given.drafts, records, given.model)
        accepted = drafts(offers, log)
    accepted.refused[:0] = refused
    if accepted.lines:
        log.append(*accepted.lines)
    return _report(accepted, log.path)


def _stand_in_dialogues(params: CaptionParams, name: str, records: "list[Record]") -> None:
    """Adds to the row's file; a picture that has a dialogue keeps it. Not in a log: there is nothing to undo."""
    from stages.caption.dialogues import read_dialogues, write
    from stages.caption.stand_in_dialogues import stand_in_dialogues
    from stages.cli.catalogue import catalogue_of

    if params.dialogues == "none":
        raise UserError(
            f"`caption.{name}.dialogues` in {PARAMS} is none, which stays empty: name a file, as in "
            f"`dialogues: {name}`, for {DIALOGUES / name}.jsonl."
        )
    path = DIALOGUES / f"{params.dialogues}.jsonl"
    there = {one.sha256: one for one in (read_dialogues(path) if path.exists() else [])}
    offered = {one.sha256: one for one in stand_in_dialogues(catalogue_of(params.dataset), records)}
    write(path, {**offered, **there}.values())
    print(f"{len(offered.keys() - there.keys())} written to {path}, {len(offered.keys() & there.keys())} there already")


def _report(accepted: Accepted, path: Path) -> int:
    authors = Counter(line.author for line in accepted.lines)
    print(f"{len(accepted.lines)} written to {path}, {accepted.already} there already, {len(accepted.refused)} refused")
    for author, count in authors.most_common():
        print(f"  {author}: {count}")
    for refusal in accepted.refused[:SHOWN]:
        print(f"  refused: {ascii(str(refusal))[1:-1]}")
    if len(accepted.refused) > SHOWN:
        reasons = Counter(refusal.reason.split(":")[0] for refusal in accepted.refused)
        print(f"  refused in all: {', '.join(f'{count} x {reason}' for reason, count in reasons.most_common())}")
    return 1 if accepted.refused else 0


def _page(params: CaptionParams, records: "list[Record]", log: Log, author: str, given: argparse.Namespace) -> None:
    from stages.caption.desk import Desk
    from stages.caption.page.app import application
    from stages.pages.serving import listening, serve

    desk = Desk(params, records, log, author)
    listener = listening(given.port)
    progress = desk.progress()
    print(f"{progress.decided} of {progress.pictures} pictures decided; you write as {author}")
    print(f"http://127.0.0.1:{listener.getsockname()[1]} - Ctrl+C ends", flush=True)
    serve(lambda: application(desk, CURATED / params.dataset), listener)
    done, progress = desk.done, desk.progress()
    print(
        f"\n{done['caption']} captions saved, {done['skip']} skipped, {done['reject']} rejected, "
        f"{done['undo']} undone; {progress.decided} of {progress.pictures} pictures decided: {log.path}"
    )


def _status(params: CaptionParams, records: "list[Record]", path: Path) -> None:
    lines, torn = read_log(path) if path.exists() else ([], b"")
    state = state_of(lines)
    pictures = {record.origin: state.of(record.origin) for record in records}
    wanted = [one for one in pictures.values() if one.decision != "reject"]
    enough = sum(len(one.counted(params.authors)) >= params.least for one in wanted)
    print(f"{path}: {len(lines)} lines{', and an incomplete one' if torn else ''}")
    print(f"  {sum(one.decided for one in pictures.values())} of {len(pictures)} pictures decided")
    for decision, name in (("skip", "skipped"), ("reject", "rejected")):
        print(f"  {sum(one.decision == decision for one in pictures.values())} {name}")
    print(f"  {enough} have the {params.least} or more captions that count ({', '.join(params.authors)})")
    print(f"  {sum(one.draft is not None and not one.decided for one in pictures.values())} wait with a draft")
    for author, count in Counter(line.author for one in pictures.values() for line in one.captions).most_common():
        print(f"  {author}: {count} captions")
    orphans = sum(bool(one.lines) and sha256 not in pictures for sha256, one in state.pictures.items())
    print(f"  {orphans} pictures of the log are not in the curated set")


def git_name() -> str:
    try:
        found = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
    except OSError:
        found = None
    if found is None or not found.stdout.strip():
        raise UserError('who writes? Give --author NAME, or set it once: git config user.name "NAME".')
    return found.stdout.strip()
