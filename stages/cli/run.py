"""Rebuild everything, or the named recipes, as a Prefect flow; `dvc repro` does the same without one."""

import argparse

from stages.cli.parameters import recipe_row


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="default: all of them")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="stages at work at once; default: as many as there are cores, but training and evaluation alone "
        "where there is no GPU for them",
    )
    parser.add_argument(
        "--pool",
        action="append",
        choices=("gpu", "cpu"),
        default=[],
        metavar="QUEUE",
        help="send the stages of this queue (gpu, cpu) to other machines: the workers of the work pool of that name",
    )
    parser.add_argument("--no-wait", action="store_true", help="end at once when another run is at work here")
    parser.add_argument("--force", action="store_true", help="run what is unchanged too")


def command(given: argparse.Namespace) -> int:
    """The flow's exit status; UserError for a recipe that isn't there."""
    for name in given.recipes:
        recipe_row(name)
    from flows import reproduce

    return int(reproduce.main(given.recipes, given.jobs, not given.no_wait, given.force, given.pool))
