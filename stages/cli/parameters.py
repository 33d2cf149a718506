"""params.yaml as the command sees it: recipes, the models that are available, and adding a row.

A row is added as text, after its section's last line: every other byte of the file (comments, order,
quotes) stays what it was, which is checked before anything is written.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from stages.answers.recipe import AnswerRecipe
from stages.chat.recipe import ChatRecipe
from stages.grounding.recipe import GroundingRecipe
from stages.interleaved.recipe import InterleavedRecipe
from stages.naming.recipe import NamingRecipe
from stages.params import Params, UserError, check_params, read_params

PARAMS = Path("params.yaml")
BASES = Path("models/base")
AnyRecipe = AnswerRecipe | GroundingRecipe | InterleavedRecipe | NamingRecipe | ChatRecipe
OBJECTIVES: dict[str, type[AnyRecipe]] = {
    "answers": AnswerRecipe,
    "grounding": GroundingRecipe,
    "interleaved": InterleavedRecipe,
    "naming": NamingRecipe,
    "chat": ChatRecipe,
}
HUB_NUMBERS: dict[str, dict[str, Any]] = {  # what a recipe for a hub model starts with
    "tokenize": {"max_length": 512, "trim_aspect": 1.0},  # its processor fits pictures to a square
    "train": {
        "lora_rank": 8,
        "learning_rate": 5e-5,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 8,
    },
}


class Available(Params):
    """A row under `available:`: a hub model that a recipe can be written for."""

    architecture: str
    revision: str | None = None
    gated: bool = False
    licence_page: str | None = None
    parameters: int = Field(gt=0)
    image_size: int | None = Field(default=None, gt=0)  # pixels; none for a language model


def section(name: str) -> dict[str, Any]:
    """The rows of one section of params.yaml; empty when it is absent or empty."""
    rows = read_params(PARAMS).get(name) or {}
    if not isinstance(rows, dict):
        raise UserError(f"{PARAMS}: `{name}` must be a mapping of rows, found {type(rows).__name__}.")
    return rows


def recipe_row(name: str) -> Any:
    """The row of a recipe as it stands in the file; UserError when there is none."""
    rows = section("recipes")
    if name not in rows:
        raise UserError(f"no recipe `{name}` in {PARAMS}; there is: {', '.join(map(str, rows)) or 'none'}.")
    return rows[name]


def typed_recipe(name: str, row: Any) -> AnyRecipe:
    """A row as the recipe that its `objective` makes it; UserError names what is wrong with it."""
    objective = row.get("objective") if isinstance(row, dict) else None
    if not isinstance(objective, str) or objective not in OBJECTIVES:
        raise UserError(
            f"{PARAMS}: `recipes.{name}.objective` = {objective!r} is not allowed: {' or '.join(OBJECTIVES)}."
        )
    return check_params(OBJECTIVES[objective], row, f"recipes.{name}", PARAMS)


def available() -> dict[str, Available]:
    """The typed rows under `available:`, by hub id."""
    return {
        str(model): check_params(Available, row, f"available.{model}") for model, row in section("available").items()
    }


def commit(model: str, revision: str | None) -> str:
    """`revision` when it is a commit; UserError for none, or a branch or tag that can move."""
    if revision is None:
        raise UserError(
            f"no revision of {model} is known here, and it is never guessed: take the commit from "
            f"{page(model)}/commits/main and add --revision SHA."
        )
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise UserError(
            f"--revision {revision} is no commit (40 hex digits); a branch or tag can move. Take one from "
            f"{page(model)}/commits/main."
        )
    return revision


def page(model: str) -> str:
    return f"https://huggingface.co/{model}"


def row_lines(text: str, section_name: str, row: str) -> str:
    """One row of a block section as it is written, comments included, moved to the margin."""
    key, value = _entry(yaml.compose(text), section_name)
    entries = value.value if key is not None else []
    starts = [name.start_mark for name, _ in entries] + [value.end_mark]
    for (name, _), following in zip(entries, starts[1:], strict=True):
        if name.value == row:
            column = name.start_mark.column
            lines = text.splitlines(keepends=True)
            end = _last_line(lines, name.start_mark.line, following.line, column)
            return "".join(
                line[column:] if line[:column].isspace() else line for line in lines[name.start_mark.line : end]
            )
    raise UserError(f"{PARAMS}: no row `{section_name}.{row}`.")


def with_row(text: str, section_name: str, name: str, row: str) -> str:
    """`text` with `row` (YAML `name: ...` at the margin) as the last row of a section.

    UserError when the file can't be extended so that everything else in it stays the same.
    """
    before = yaml.safe_load(text)
    key, value = _entry(yaml.compose(text), section_name)
    column = 2
    if key is None:
        text = f"{text.rstrip()}\n\n{section_name}:\n"
        end = len(text.splitlines())
    elif isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
        column = value.value[0][0].start_mark.column
        end = _last_line(text.splitlines(keepends=True), key.start_mark.line, value.end_mark.line, 0)
    elif value.value in ([], "", "null", "~"):  # `section: {}`, or nothing at all
        text = text[: key.end_mark.index] + ":" + text[value.end_mark.index :]
        end = key.start_mark.line + 1
    else:
        raise UserError(f"{PARAMS}: `{section_name}` must be written as an indented block to add a row to it.")
    lines = text.splitlines(keepends=True)
    lines[end - 1] = lines[end - 1].rstrip("\r\n") + "\n"
    indented = [" " * column + line if line.strip() else line for line in row.splitlines(keepends=True)]
    extended = "".join([*lines[:end], *indented, *lines[end:]])
    _require_only_addition(before, extended, section_name, name, row)
    return extended


def _entry(root: Any, name: str) -> tuple[Any, Any]:
    """Key and value node of a top-level section; (None, None) when it is absent."""
    return next(((key, value) for key, value in root.value if key.value == name), (None, None))


def _last_line(lines: list[str], first: int, end: int, column: int) -> int:
    """`end` moved up over blank lines and over comments that belong to what follows (not indented past `column`)."""
    while end > first + 1:
        line = lines[end - 1]
        comment = line.lstrip().startswith("#") and len(line) - len(line.lstrip()) <= column
        if line.strip() and not comment:
            break
        end -= 1
    return end


def _require_only_addition(before: dict[str, Any], extended: str, section_name: str, name: str, row: str) -> None:
    expected = {**before, section_name: {**(before.get(section_name) or {}), **yaml.safe_load(row)}}
    if yaml.safe_load(extended) != expected or list(yaml.safe_load(row)) != [name]:
        raise UserError(f"{PARAMS}: `{section_name}.{name}` can't be added without touching the rest; add it by hand.")


def require_free(name: str, kinds: tuple[str, ...]) -> None:
    """UserError for a name that YAML reads as something else, or that a row of one of the sections `kinds` has."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UserError(f"recipe name `{name}` is not allowed: a small letter, then small letters, digits and _.")
    if not isinstance(yaml.safe_load(name), str):
        raise UserError(
            f"recipe name `{name}` is not allowed: YAML reads it as {yaml.safe_load(name)!r}, not as a name."
        )
    for kind in kinds:
        if name in section(kind):
            raise UserError(f"{PARAMS} has a row `{kind}.{name}` already: choose another name, or edit that row.")
