"""From a trained adapter to every pixel behind it, and back: show it, verify it, look up who used what.

An ADAPTER is a sealed folder such as models/adapters/RECIPE, or the recipe's name. `dvc repro seal@RECIPE` seals one.
"""

import argparse

from stages.cli import lineage_diff, lineage_export, lineage_show, lineage_sign, lineage_used, lineage_verify

COMMANDS = {
    "show": lineage_show,
    "verify": lineage_verify,
    "who-used": lineage_used,
    "diff": lineage_diff,
    "export": lineage_export,
    "sign": lineage_sign,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").strip().split("\n")[0]
        own = commands.add_parser(name, help=summary, description=module.__doc__)
        own.set_defaults(command=module.command)
        module.arguments(own)
