"""Find every adapter that was trained on something, in this tree and in git's history, and how to be rid of it.

X is a URL, a host, a picture (its file, or its sha256 as it came or as it is stored; near copies are found too), an
entity, a licence, a text's author, a word on a drawn picture, or a font.
"""

import argparse
import json
from pathlib import Path

from stages.params import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    kinds = ("url", "host", "sha256", "entity", "licence", "author", "word", "font")
    parser.add_argument("x", metavar="X", help="what to look for")
    parser.add_argument("--as", dest="kind", choices=kinds, help="what X is, where that can't be seen")
    parser.add_argument("--rows", type=int, default=20, metavar="N", help="to tell of each adapter (20; 0: all)")
    parser.add_argument("--json", action="store_true", help="for other programs")
    parser.add_argument("--block", action="store_true", help="append it to data/blocklist.txt")
    parser.add_argument("--why", default="", metavar="TEXT", help="written beside it")


def command(given: argparse.Namespace) -> int:
    """Print the answer; with --block write the lines first."""
    from stages.lineage.used.index import WHERE, Index
    from stages.lineage.used.query import answer, update
    from stages.lineage.used.question import question
    from stages.lineage.used.takedown import BLOCKLIST, takedown_of, write_lines
    from stages.lineage.used.telling import document_of, text_of

    if given.rows < 0:
        raise UserError(f"--rows {given.rows} is not allowed: a whole number, 0 for all.")
    project = Path()
    with Index(project / WHERE) as index:
        seals, why, flaws = update(project, index)
        asked = question(given.x, given.kind, index, seals)
        found = answer(asked, seals, why, flaws, project, index, given.rows or None)
    takedown = takedown_of(found, project, given.why)
    if given.block and takedown.lines:
        write_lines(takedown.lines, project / BLOCKLIST)
        takedown = takedown_of(found, project, given.why)
    print(json.dumps(document_of(found, takedown), indent=1) if given.json else text_of(found, takedown), end="")
    print(end="\n" if given.json else "")
    return 0
