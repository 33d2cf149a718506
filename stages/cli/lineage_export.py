"""Write a sealed adapter's lineage in another tool's form: in-toto, Croissant, OpenLineage, a model card."""

import argparse
from pathlib import Path

from stages.cli.replacing import replacing
from stages.params import UserError

FORMATS = ("in-toto", "croissant", "card", "openlineage")
PROJECT = Path()


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("adapter", metavar="ADAPTER", help="a sealed adapter's folder, or a recipe's name")
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="a file there is replaced")
    parser.add_argument("--creator", metavar="NAME", help="croissant: who stands for the data set (the form asks)")


def command(given: argparse.Namespace) -> int:
    """Write the file whole or not at all; UserError when the adapter isn't as sealed, or a needed fact isn't here."""
    from stages.lineage.export.sealed import open_sealed

    if given.out.is_dir():
        raise UserError(f"--out {given.out} is a folder: give a file's name in it.")
    if given.creator and given.format != "croissant":
        raise UserError(f"--creator is for --format croissant; {given.format} has no place for it.")
    sealed = open_sealed(given.adapter, PROJECT)
    unknown: list[str] = []
    if given.format == "in-toto":
        from stages.lineage.export import in_toto

        text = in_toto.write(sealed)
    elif given.format == "croissant":
        from stages.lineage.export import croissant

        text, unknown = croissant.write(sealed, PROJECT, given.out, given.creator)
    elif given.format == "card":
        from stages.lineage.export import card

        text = card.write(sealed)
    else:
        from stages.lineage.export import open_lineage

        text = open_lineage.write(sealed)
    with replacing(given.out) as stream:
        stream.write(text)
    print(f"{sealed.folder} as {given.format} in {given.out}, of seal {sealed.lineage.seal[:12]}")
    if unknown:
        print(f"not known, so left out, though Croissant asks for it: {', '.join(unknown)} (--creator NAME gives one)")
    return 0
