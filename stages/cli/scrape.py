"""Add a collection of scraped pictures: rows for its queries file, its curated set and its captions."""

import argparse
import re
from pathlib import Path

from stages.cli.parameters import PARAMS, section, with_row
from stages.cli.replacing import replacing
from stages.params import UserError
from stages.scrape.parameters import KEY
from stages.scrape.queries import read_queries

QUERIES = Path("data/queries")
CAPTIONS = Path("data/captions")
DECISIONS = Path("data/decisions")
NO_DECISIONS = DECISIONS / "none.csv"  # the header alone

ROWS = {  # what a new collection starts with; every number can be changed in params.yaml afterwards
    "scrape": """{name}:
  queries: {name}
  endpoint: serpapi
  download:
    contact: "{contact}"
""",
    "curate": """{name}:
  source: scrape
  dataset: {name}
  decisions: {name}
  split: entities
  test_share: 0.2
  licences: {licences}
""",
    "caption": """{name}:
  dataset: {name}
  log: {name}
  dialogues: none
""",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="add")
    adding = verbs.add_parser("add", help="write the rows of a new collection into params.yaml")
    adding.set_defaults(command=add)
    adding.add_argument("name", metavar="NAME", help=f"a queries file in {QUERIES}: NAME.yaml")
    adding.add_argument(
        "--licences", choices=("known", "any"), default="known", help="known (default): no picture without a licence"
    )
    adding.add_argument(
        "--contact", default="", metavar="PAGE", help="sent with the user agent, for whoever runs a host"
    )


def add(given: argparse.Namespace) -> int:
    """Write the three rows and the two tracked files that belong to them; print what a scrape will cost."""
    name = given.name
    _require_free(name)
    if not re.fullmatch(r"[\w@:/.+~-]*", given.contact):
        raise UserError(f"--contact {given.contact}: an address or a page, without spaces and quotes.")
    wanted = read_queries(QUERIES / f"{name}.yaml")
    with PARAMS.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    for part, row in ROWS.items():
        text = with_row(text, part, name, row.format(name=name, licences=given.licences, contact=given.contact))
    for path, content in (
        (DECISIONS / f"{name}.csv", NO_DECISIONS.read_text(encoding="utf-8")),
        (CAPTIONS / f"{name}.jsonl", ""),
    ):
        if not path.exists():  # captions and decisions of an earlier collection of this name are kept
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    with replacing(PARAMS) as stream:
        stream.write(text)
    searches = sum(query.pages or wanted.pages for query in wanted.queries)
    print(f"added scrape.{name}, curate.{name} and caption.{name} to {PARAMS}")
    print(f"  {len(wanted.queries)} queries, at most {searches} searches; those already paid for are not paid again")
    print(f"next: export {KEY}=...; dvc repro curate@{name}; plumbline caption {name}; dvc repro caption@{name}")
    return 0


def _require_free(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UserError(f"collection name `{name}` is not allowed: a small letter, then small letters, digits and _.")
    for part in ROWS:
        if name in section(part):
            raise UserError(f"{PARAMS} has a row `{part}.{name}` already: edit that row, or choose another name.")
