"""What must not leave this machine with an adapter: keys, and whose home folder it was made in."""

import os
import re
from collections.abc import Mapping

from stages.lineage.places import HOME
from stages.params import UserError

NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8  # a shorter value than this is found by chance
SHAPES = {
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}"),
    "a GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}"),
    "an AWS key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "an API key": re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a password in an address": re.compile(r"://[^/\s:@\"]+:[^/\s:@\"]+@"),
}


def require_private(texts: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> None:
    """UserError when one of `texts` (by file name) holds a key of this process's environment, the look of one, or a
    home folder; the message names what and where, and never the secret itself."""
    for where, text in texts.items():
        for name, value in environment.items():
            if NAMES.search(name) and len(value) >= SHORTEST and value in text:
                raise UserError(
                    f"{where} would hold the value of the environment variable {name}: take it out of params.yaml "
                    "and of the data (keys are read from the environment), then run the stages again."
                )
        for what, shape in SHAPES.items():
            if shape.search(text):
                raise UserError(
                    f"{where} would hold what looks like {what}: take it out of params.yaml and of the data "
                    "(keys are read from the environment), then run the stages again."
                )
        if home := HOME.search(text):
            line = text.count("\n", 0, home.start()) + 1
            raise UserError(
                f"{where}, line {line}, would name a home folder: use a path below the project, or a link to it."
            )
