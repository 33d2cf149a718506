"""Rebuild everything, or the named recipes, as a Prefect flow; `dvc repro` does the same without one."""

import argparse

from stages.cli.parameters import recipe_row


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="default: all of them")


def command(given: argparse.Namespace) -> int:
    """The flow's exit status; UserError for a recipe that isn't there."""
    for name in given.recipes:
        recipe_row(name)
    from flows import reproduce

    return int(reproduce.main(given.recipes))
