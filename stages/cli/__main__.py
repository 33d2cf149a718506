"""Fine-tune small vision-language models, with a straight line from the adapter back to every pixel."""

import argparse
import sys

from stages.cli import caption, demo, doctor, export, grade, lineage, merge, predict, recipe, run, scrape
from stages.entry import stop_on

COMMANDS = {
    "run": run,
    "recipe": recipe,
    "scrape": scrape,
    "caption": caption,
    "export": export,
    "predict": predict,
    "demo": demo,
    "merge": merge,
    "lineage": lineage,
    "grade": grade,
    "doctor": doctor,
}


def main(argv: list[str] | None = None) -> None:
    """Run one sub-command; a user's mistake is one line and exit 1, Ctrl+C is exit 130."""
    parser = argparse.ArgumentParser(prog="plumbline", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").strip().split("\n")[0]
        own = commands.add_parser(name, help=summary, description=module.__doc__)
        own.set_defaults(command=getattr(module, "command", None))
        module.arguments(own)
    given = parser.parse_args(argv)
    status = stop_on(given.command, given)
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
