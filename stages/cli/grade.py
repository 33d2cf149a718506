"""Grade a recipe's captions by hand, without seeing which of its models wrote them: a page of this machine.

Every verdict is a line in data/grades/RECIPE.jsonl. Commit that file; the report counts it. Restarting goes on
where you stopped. Modes that said the same of a picture are graded together.
"""

import argparse
from pathlib import Path
from typing import Any

from stages.params import Params, UserError, check_params

GRADES = Path("data/grades")
DATA = Path("data")
PREDICTIONS = Path("reports/predictions")
PORT = 7862


class Pictures(Params, extra="ignore"):
    """Where a recipe's row says that its pictures are: data/SOURCE/DATASET."""

    source: str
    dataset: str


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a row under `recipes:` in params.yaml that was evaluated")
    parser.add_argument("--rows", type=int, default=20, metavar="N", help="pictures to draw (default: 20)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the draw and the order (default: 1)")
    parser.add_argument("--author", metavar="PERSON", help="who grades (default: git's user.name)")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"of the page (default: {PORT})")
    parser.add_argument(
        "--results", action="store_true", help="count the verdicts by mode instead: look once you are done"
    )


def command(given: argparse.Namespace) -> int:
    """The page until Ctrl+C, or the results so far."""
    from stages.cli.parameters import PARAMS, recipe_row

    row: Any = recipe_row(given.recipe)
    log, predictions = GRADES / f"{given.recipe}.jsonl", PREDICTIONS / f"{given.recipe}.jsonl"
    if given.results:
        from stages.grading.results import read_grades

        print(read_grades(log, predictions).table())
        return 0
    if given.rows < 1:
        raise UserError(f"--rows {given.rows} is not allowed: a whole number from 1 up.")
    pictures = check_params(Pictures, row, f"recipes.{given.recipe}", PARAMS)
    _page(given, DATA / pictures.source / pictures.dataset, log, predictions)
    return 0


def _page(given: argparse.Namespace, curated: Path, log_path: Path, predictions: Path) -> None:
    from stages.caption.log import person
    from stages.cli.caption import git_name
    from stages.grading.app import application, pictures_of
    from stages.grading.desk import Desk
    from stages.grading.items import items_of, read_predictions
    from stages.grading.log import open_log
    from stages.pages.serving import listening, serve

    author = person(given.author or git_name())
    items = items_of(read_predictions(predictions), given.rows, given.seed)
    records = pictures_of(items, curated)
    with open_log(log_path) as log, listening(given.port) as listener:
        if log.torn:
            print(f"{log.path}: cut off an incomplete last line, which was never acknowledged: {log.torn[:200]!r}")
        desk = Desk(items, log, author)
        print(f"{desk.graded} of {len(items)} captions of {len(records)} pictures graded; you grade as {author}")
        print(f"http://127.0.0.1:{listener.getsockname()[1]} - Ctrl+C ends", flush=True)
        serve(lambda: application(desk, records, curated), listener)
        print(f"\n{desk.saved} verdicts saved; {desk.graded} of {len(items)} captions graded: {log.path}")
        if desk.graded == len(items):
            print(f"`plumbline grade {given.recipe} --results` says which mode wrote what; commit {log.path}")
