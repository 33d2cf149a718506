"""Talk with a trained grounding adapter (FROMAGe) on a page of this machine: in words, and in pictures.

It shows the pictures of the captioned set that it was trained on, or those of --pictures DIR.
"""

import argparse
from pathlib import Path

from stages.params import UserError

DATA = Path("data")
PORT = 7861


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="a folder such as models/trained/RECIPE")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="what it may show (default: its own set)")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"of the page (default: {PORT})")
    parser.add_argument("--base-dir", type=Path, default=Path("models/base"), metavar="DIR", help="embedded bases")
    parser.add_argument("--max-new-tokens", type=int, default=32, metavar="N", help="of an answer (default: 32)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def command(given: argparse.Namespace) -> int:
    """The page, until Ctrl+C."""
    from stages.cli.predict import objective_of

    if given.max_new_tokens < 1:
        raise UserError(f"--max-new-tokens {given.max_new_tokens} is not allowed: a whole number from 1 up.")
    if objective_of(given.adapter) != "grounding":
        raise UserError(
            f"{given.adapter} was trained to answer in words, not to converse: ask it with "
            f"`plumbline predict {given.adapter} --images DIR --out FILE.jsonl`."
        )
    from stages.bases import pick_device
    from stages.demo.app import application
    from stages.demo.room import Room
    from stages.demo.shelf import of_folder, of_set
    from stages.grounding.build import load_trained
    from stages.pages.serving import listening, serve

    with listening(given.port) as listener:  # a port that is taken is said before the model is loaded
        trained = load_trained(given.adapter, given.base_dir, pick_device(given.device))
        shelf = of_folder(trained, given.pictures) if given.pictures else of_set(trained, DATA)
        room = Room(trained, shelf, max_new_tokens=given.max_new_tokens)
        print(f"{len(shelf.names)} pictures to show")
        print(f"http://127.0.0.1:{listener.getsockname()[1]} - Ctrl+C ends", flush=True)
        serve(lambda: application(room, given.adapter.resolve().name), listener)
    return 0
