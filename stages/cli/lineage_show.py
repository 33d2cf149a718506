"""Tell the line from an adapter to its sources: counts, licences, hosts, authors, seeds, and what was left out.

With --row, tell one sample's whole life instead: where it comes from, what each stage did with it, and at which
steps it was trained on. An ID is a row's id, a consumed id, or a picture's sha256; a beginning of one will do.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from stages.params import UserError

if TYPE_CHECKING:
    from stages.lineage.reading import Opened

WIDTH = 100


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("adapter", metavar="ADAPTER", help="a sealed folder, or a recipe's name")
    parser.add_argument("--row", metavar="ID", help="tell one sample's life")
    parser.add_argument("--json", action="store_true", help="the whole document, for other programs")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one offline page")


def command(given: argparse.Namespace) -> int:
    """Print what is asked for, or write the page; 0."""
    if given.html is not None and (given.json or given.row is not None):
        raise UserError("--html writes the page of the whole adapter: leave out --json and --row.")
    from stages.lineage.reading import open_adapter

    opened = open_adapter(given.adapter)
    if given.html is not None:
        _write_page(opened, given)
    elif given.row is not None:
        _print_row(opened, given)
    else:
        _print_tree(opened, given)
    return 0


def _print_tree(opened: "Opened", given: argparse.Namespace) -> None:
    from stages.lineage.show.runs import run_of
    from stages.lineage.show.text import text_of
    from stages.lineage.show.tree import told_of

    told = told_of(opened)
    if given.json:
        print(json.dumps(told.document(), indent=1))
    else:
        print(text_of(told, run_of(opened.lineage.adapter.digest, Path()), _columns()), end="")


def _print_row(opened: "Opened", given: argparse.Namespace) -> None:
    from stages.lineage.show.life import lives_text
    from stages.lineage.show.row import lives_of

    lives = lives_of(opened, given.row)
    if given.json:
        print(json.dumps([life.document() for life in lives], indent=1))
    else:
        print(lives_text(lives, _columns()), end="")


def _write_page(opened: "Opened", given: argparse.Namespace) -> None:
    from stages.cli.replacing import replacing
    from stages.lineage.show.page import page_of

    page = page_of(opened, Path())
    with replacing(given.html) as stream:
        stream.write(page)
    print(f"{opened.lineage.recipe}: {given.html}, one file for a browser, {len(page) / 1e6:.1f} MB")


def _columns() -> int:
    """The terminal's width, but no more than a person reads well."""
    return max(60, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))
