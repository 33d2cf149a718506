"""What the pages of all recipes have in common: one look, one way to fill a template, the same tables of facts."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.entry import require

if TYPE_CHECKING:
    from jinja2 import Environment

SHARED = Path(__file__).parent


def render(template: Path, **facts: Any) -> str:
    """The page; autoescape turns every text from data, labels and answers into plain text."""
    return _environment(template.parent).get_template(template.name).render(facts)


@cache
def _environment(folder: Path) -> "Environment":
    """Templates of `folder` and of this one; cached, since compiling takes longer than filling."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader([folder, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def read_receipt(tokenized: Path) -> dict[str, Any]:
    """The mask receipt that `tokenize` left."""
    path = require(tokenized / "receipt.json", "`tokenize` writes the mask receipt; run `dvc repro` for it.")
    return dict(json.loads(path.read_text(encoding="utf-8")))
