"""Typed parameters: one frozen class a stage, read from its own section of params.yaml."""

from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails


class UserError(Exception):
    """A mistake of the user's (a parameter, a file, a font): its message says what to do about it.

    Stages and commands print the message alone and exit with 1; anything else is a traceback.
    """


class Params(BaseModel):
    """Base of every stage's parameters: frozen, unknown keys refused, defaults checked too."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


P = TypeVar("P", bound=BaseModel)

Device = Literal["auto", "cpu", "cuda"]


def read_params(path: Path) -> dict[str, Any]:
    """params.yaml as a mapping; UserError when it is missing or no mapping."""
    if not path.is_file():
        raise UserError(f"{path} is missing: run from the project's root, or restore it with `git checkout {path}`.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is no valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} must be a mapping of sections, found {type(content).__name__}.")
    return content


def load_params(kind: type[P], section: str, path: Path = Path("params.yaml")) -> P:
    """The dotted `section` of params.yaml as `kind`; UserError names key, value and what is allowed."""
    node: Any = read_params(path)
    walked: list[str] = []
    for key in section.split("."):
        walked.append(key)
        if not isinstance(node, dict) or key not in node:
            known = ", ".join(map(str, node)) if isinstance(node, dict) else f"a plain value ({node!r})"
            raise UserError(f"{path}: no section `{'.'.join(walked)}`; there is: {known}.")
        node = node[key]
    return check_params(kind, node, section, path)


def check_params(kind: type[P], values: Any, section: str, path: Path = Path("params.yaml")) -> P:
    """`values` as `kind`, with every complaint in one UserError."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        complaints = [_complaint(kind, section, problem) for problem in error.errors()]
        raise UserError("\n".join(f"{path}: {complaint}" for complaint in complaints)) from error


def _complaint(kind: type[BaseModel], section: str, problem: ErrorDetails) -> str:
    where = ".".join([section, *map(str, problem["loc"])])
    if problem["type"] == "extra_forbidden":
        return f"`{where}` is not a parameter; allowed here: {', '.join(_fields(kind, problem['loc'][:-1]))}."
    if problem["type"] == "missing":
        return f"`{where}` is missing ({problem['msg'].lower()})."
    return f"`{where}` = {problem['input']!r} is not allowed: {problem['msg'][0].lower()}{problem['msg'][1:]}."


def _fields(kind: Any, path: tuple[int | str, ...]) -> list[str]:
    """Field names of the nested params class at `path`, as far as annotations tell."""
    for key in path:
        field = getattr(kind, "model_fields", {}).get(key)
        if field is None:
            break
        candidates = [field.annotation, *get_args(field.annotation)]
        kind = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), kind)
    return sorted(getattr(kind, "model_fields", {}))
