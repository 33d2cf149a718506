"""Write a data set as a folder in another tool's format: pictures, captions, and whose they are."""

import argparse
from pathlib import Path

from stages.formats import FORMATS
from stages.params import UserError

SETS = (Path("data/caption"), Path("data/curate"))  # in order: with captions, before those without


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", help="a captioned or curated set's name, or a stage's folder")
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a folder that isn't there, or is empty")


def command(given: argparse.Namespace) -> int:
    """Write the folder and say what is in it; UserError when that can't be done, and nothing is written then."""
    folder = folder_of(given.dataset)
    from stages.formats.registry import WRITERS  # brings pyarrow

    written = WRITERS[given.format](folder, given.out)
    print(f"{folder} as {given.format}: {written.pictures} pictures with {written.captions} captions in {given.out}")
    if written.without_text:
        print(f"{written.without_text} rows left out: they have no text, and {given.format} has no place for that")
    return 0


def folder_of(dataset: str) -> Path:
    """The finished folder that a name or a path stands for."""
    candidates = [Path(dataset)] if "/" in dataset or dataset in (".", "..") else [one / dataset for one in SETS]
    for folder in [*candidates, Path(dataset)]:
        if (folder / "manifest.json").is_file():
            return folder
    known = sorted({path.parent.name for one in SETS for path in one.glob("*/manifest.json")})
    raise UserError(
        f"`{dataset}` is no finished data set, nor a folder with a manifest.json; there is: "
        f"{', '.join(known) or 'none yet: run `dvc repro`'}."
    )
