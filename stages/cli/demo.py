"""Talk with a trained grounding adapter (FROMAGe) or chat adapter (CLIP + Phi) on a page of this machine.

A grounding adapter answers in words and pictures: it shows those of the captioned set that it was trained on, or
those of --pictures DIR. A chat adapter answers in words, about one picture that the visitor gives; a new picture
starts a new conversation. A conversation is remembered until it fills the model's positions: then its oldest turns
are left out, which the page says.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.params import UserError

if TYPE_CHECKING:
    from stages.demo.room import Talks

DATA = Path("data")
PORT = 7861
MAX_NEW_TOKENS = {"grounding": 32, "chat": 64}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="a folder such as models/trained/RECIPE")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="what it may show (grounding; default: its set)")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"of the page (default: {PORT})")
    parser.add_argument("--base-dir", type=Path, default=Path("models/base"), metavar="DIR", help="embedded bases")
    lengths = ", ".join(f"{objective} {count}" for objective, count in MAX_NEW_TOKENS.items())
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help=f"of an answer (default: {lengths})")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def command(given: argparse.Namespace) -> int:
    """The page, until Ctrl+C."""
    from stages.cli.predict import objective_of

    if given.max_new_tokens is not None and given.max_new_tokens < 1:
        raise UserError(f"--max-new-tokens {given.max_new_tokens} is not allowed: a whole number from 1 up.")
    objective = objective_of(given.adapter)
    if objective not in OPENED:
        raise UserError(
            f"{given.adapter} (`objective: {objective}`) was not trained to converse: ask it with "
            f"`plumbline predict {given.adapter}`, whose --help says how."
        )
    given.max_new_tokens = given.max_new_tokens or MAX_NEW_TOKENS[objective]
    from stages.demo.app import application
    from stages.pages.serving import listening, serve

    with listening(given.port) as listener:  # a port that is taken is said before the model is loaded
        room = OPENED[objective](given)
        print(room.introduction)
        print(f"http://127.0.0.1:{listener.getsockname()[1]} - Ctrl+C ends", flush=True)
        serve(lambda: application(room, given.adapter.resolve().name), listener)
    return 0


def _grounding(given: argparse.Namespace) -> "Talks[Any, Any]":
    from stages.bases import pick_device
    from stages.demo.room import Room
    from stages.demo.shelf import of_folder, of_set
    from stages.grounding.build import load_trained

    trained = load_trained(given.adapter, given.base_dir, pick_device(given.device))
    shelf = of_folder(trained, given.pictures) if given.pictures else of_set(trained, DATA)
    return Room(trained, shelf, max_new_tokens=given.max_new_tokens)


def _chat(given: argparse.Namespace) -> "Talks[Any, Any]":
    if given.pictures:
        raise UserError(f"--pictures: {given.adapter} shows no pictures; give it one on the page instead.")
    from stages.bases import pick_device
    from stages.chat.trained import load_trained
    from stages.demo.room import PictureRoom

    trained = load_trained(given.adapter, given.base_dir, pick_device(given.device), tower=True)
    return PictureRoom(trained, max_new_tokens=given.max_new_tokens)


OPENED = {"grounding": _grounding, "chat": _chat}
