"""An adapter's folder, opened as what it may be: a stranger's. Nothing in it is run, or followed out of it.

Every `plumbline lineage` command comes in through `open_adapter`. What is refused here, is refused with a word
before any other part reads it: pickles, code, links that lead out, a configuration that is more than plain LoRA,
headers and documents that are too large or too deep, paths that leave the project, control characters.
"""

import configparser
import json
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from stages.adapter import ALLOWED
from stages.lineage.form import LARGEST, NAME, Lineage, parse_lineage
from stages.params import UserError

ADAPTERS = Path("models/adapters")
CONFIG = "adapter_config.json"
LARGEST_CONFIG = 2**20  # bytes; peft writes about 1 kB
LARGEST_HEADER = 16 * 2**20  # bytes of a safetensors header; a LoRA of 100 layers has about 100 kB
MOST_FILES = 10_000
DEEPEST = 8  # folders in folders
DISTRUST = "don't load adapters you don't trust"

PICKLE = "a pickle, which runs code when it is loaded"
RUNS = {
    suffix: what
    for what, suffixes in (
        (
            "a pickle, which runs code when it is loaded",
            ".bin .pt .pt2 .pth .pkl .pickle .ckpt .joblib .dill .npy .npz",
        ),
        ("code", ".py .pyc .so .dll .dylib .exe .sh"),
    )
    for suffix in suffixes.split()
}
BEGINS = {b"PK\x03\x04": "a zip archive, as torch.save writes", b"\x1f\x8b": "a compressed file"}
BEGINS |= {bytes([0x80, protocol]): PICKLE for protocol in range(6)}
IMPORTS = ("auto_map", "auto_mapping", "custom_pipelines", "trust_remote_code")  # keys that name code to import
NEUTRAL = {"megatron_core": "megatron.core", "qalora_group_size": 16}  # peft's defaults that say nothing by themselves
NO_NAME = re.compile(r"[^\w.-]")


@dataclass(frozen=True)
class Opened:
    """A folder that was looked through, and what its lineage.json says."""

    folder: Path
    lineage: Lineage


def open_adapter(adapter: Path | str, project: Path = Path()) -> Opened:
    """The sealed adapter in a folder, or of a recipe's name; UserError for whatever it must not hold.

    Whether the seal fits, and whether the files are the sealed ones, is for `verify` to say.
    """
    folder = folder_of(adapter, project)
    check_folder(folder, project)
    if not (folder / NAME).is_file():
        raise UserError(f"{folder} has no {NAME}: no seal was put on it; run `dvc repro seal@{folder.name}`.")
    return Opened(folder, read_document(folder / NAME))


def folder_of(adapter: Path | str, project: Path = Path()) -> Path:
    """The folder that ADAPTER means: a path, or a recipe's name."""
    name = str(adapter)
    sealed = project / ADAPTERS / name
    if not NO_NAME.search(name) and not name.startswith(".") and sealed.is_dir():
        return sealed
    if Path(name).is_dir():
        return Path(name)
    known = ", ".join(sorted(path.parent.name for path in (project / ADAPTERS).glob(f"*/{NAME}"))) or "none yet"
    raise UserError(
        f"`{plain(name)}` is neither a folder nor a sealed recipe; in {ADAPTERS} there is: {known}. "
        "`dvc repro seal@RECIPE` seals one, `dvc pull` brings those of others."
    )


def check_folder(folder: Path, project: Path = Path()) -> None:
    """UserError for the first thing in `folder` that an adapter must not hold; no file is run, few are parsed."""
    for path in _files(folder, project):
        told, suffix = plain(str(path)), path.suffix.lower()
        if suffix in RUNS:
            raise UserError(f"{told} is {RUNS[suffix]}: an adapter holds safetensors and text; {DISTRUST}.")
        with path.open("rb") as stream:
            head = stream.read(512)
        begins = next((what for start, what in BEGINS.items() if head.startswith(start)), None)
        begins = "a tar archive, as old torch.save wrote" if head[257:262] == b"ustar" else begins
        if begins and suffix != ".safetensors":  # there the first bytes are a length, and may be anything
            raise UserError(f"{told} is {begins}, whatever its name says; {DISTRUST}.")
        if suffix == ".safetensors":
            header_of(path)
        elif path.name == CONFIG:
            _check_plain_lora(path)
        elif path.name == "config.json" or path.name.endswith("_config.json"):
            _check_imports_nothing(path, read_object(path, LARGEST_CONFIG))


def read_document(path: Path) -> Lineage:
    """The lineage.json at `path`: size, depth and characters are checked before its form is."""
    size = path.stat().st_size
    if size > LARGEST:
        raise UserError(f"{plain(str(path))} has {size} bytes, allowed are {LARGEST}: this is no lineage of ours.")
    content = path.read_bytes()
    _check_characters(path, _parsed(path, content))
    return parse_lineage(content, plain(str(path)))


def read_object(path: Path, most: int) -> dict[str, Any]:
    """The JSON object in a file of at most `most` bytes, nested at most 200 deep; UserError otherwise."""
    size = path.stat().st_size
    if size > most:
        raise UserError(f"{plain(str(path))} has {size} bytes, allowed are {most}; {DISTRUST}.")
    return _object(path, path.read_bytes())


def header_of(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: its length is checked against the file before it is read."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 10 or length > size - 8 or length > LARGEST_HEADER:
            raise UserError(
                f"{plain(str(path))} is no safetensors file of ours: it has {size} bytes and says its header has "
                f"{length}, allowed are {LARGEST_HEADER}; run `dvc checkout`, or {DISTRUST}."
            )
        header = _object(path, stream.read(length))
    _check_characters(path, header)
    return header


def plain(text: str, most: int = 300) -> str:
    """`text` as one line that no terminal takes for a command: control and direction characters spelt out."""
    spelt = (char.encode("unicode_escape").decode() if _commands(char) else char for char in text[:most])
    safe = "".join(spelt)
    return f"{safe}..." if len(text) > most else safe


def commands(text: str) -> bool:
    """Whether `text` holds a character that `plain` would spell out."""
    return not text.isprintable() and any(map(_commands, text))


def _commands(char: str) -> bool:
    """Whether a character is a command: escapes, line breaks, marks that turn the direction of what follows."""
    if char.isascii():
        return not char.isprintable()
    category = unicodedata.category(char)
    return category in ("Cc", "Cs", "Zl", "Zp") or (category == "Cf" and char not in "\u200c\u200d\u00ad")


def _files(folder: Path, project: Path, depth: int = 0) -> Iterator[Path]:
    """Every file below `folder`; UserError for links that leave it, pipes, devices, and too much of anything."""
    if depth > DEEPEST:
        raise UserError(f"{plain(str(folder))} lies more than {DEEPEST} folders deep in an adapter; {DISTRUST}.")
    for number, entry in enumerate(sorted(os.scandir(folder), key=lambda entry: entry.name)):
        path = folder / entry.name
        if number >= MOST_FILES:
            raise UserError(f"{plain(str(folder))} holds more than {MOST_FILES} files; {DISTRUST}.")
        if plain(entry.name) != entry.name:
            raise UserError(f"{plain(str(path))}: control characters in a file's name; {DISTRUST}.")
        if entry.is_symlink() and not _is_cached(path, project):
            raise UserError(
                f"{plain(str(path))} is a link that doesn't lead into this project's DVC cache; copy the file itself "
                f"there (`cp -L`), or {DISTRUST}."
            )
        if entry.is_dir(follow_symlinks=False):
            yield from _files(path, project, depth + 1)
        elif stat.S_ISREG(path.stat().st_mode):
            yield path
        else:
            raise UserError(f"{plain(str(path))} is no plain file; {DISTRUST}.")


def _is_cached(link: Path, project: Path) -> bool:
    """Whether a link is one that DVC made (`cache.type = symlink`): to an object of the project's cache."""
    where = "cache"
    for name in ("config", "config.local"):
        found = configparser.ConfigParser(interpolation=None)
        found.read(project / ".dvc" / name)
        where = found.get("cache", "dir", fallback=where)
    objects = (project / ".dvc" / where / "files").resolve()
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # it leads nowhere, or in a circle
        return False
    return target.is_file() and target.is_relative_to(objects)


def _check_plain_lora(path: Path) -> None:
    """UserError unless a configuration is plain LoRA: what `stages.adapter` lets peft see, without bringing peft."""
    config = read_object(path, LARGEST_CONFIG)
    for key, value in config.items():
        allowed, what = _neutral(key, value), "nothing but a neutral value (plain LoRA only)"
        if key in ALLOWED:
            what, fits = ALLOWED[key]
            allowed = fits(value)
        if not allowed:
            given = plain(json.dumps(value), 80)
            raise UserError(f"{plain(str(path))}: `{plain(key)}` = {given} is not allowed: {what}; {DISTRUST}.")


def _neutral(key: str, value: Any) -> bool:
    return value is None or value is False or value in ({}, [], "none") or NEUTRAL.get(key, _neutral) == value


def _check_imports_nothing(path: Path, config: dict[str, Any]) -> None:
    for key in IMPORTS:
        if config.get(key):
            raise UserError(f"{plain(str(path))}: `{key}` names code to import, which is not allowed; {DISTRUST}.")


def _object(path: Path, content: bytes) -> dict[str, Any]:
    found = _parsed(path, content)
    if not isinstance(found, dict):
        raise UserError(f"{plain(str(path))} must hold a JSON object, found {type(found).__name__}; {DISTRUST}.")
    return found


def _parsed(path: Path, content: bytes) -> Any:
    """JSON by a parser that stops at 200 levels, where Python's own would need a deeper stack."""
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise UserError(f"{plain(str(path))} can't be read as JSON ({plain(str(error))}); {DISTRUST}.") from error


def _check_characters(path: Path, value: Any) -> None:
    """UserError for text that would command a terminal; texts may have line breaks and tabs, keys nothing."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if commands(key):
                raise UserError(f"{plain(str(path))}: control characters in the key `{plain(key)}`; {DISTRUST}.")
            _check_characters(path, inner)
    elif isinstance(value, list):
        for inner in value:
            _check_characters(path, inner)
    elif isinstance(value, str) and commands(value.replace("\n", " ").replace("\t", " ")):
        raise UserError(f"{plain(str(path))}: control characters in `{plain(value, 80)}`; {DISTRUST}.")
