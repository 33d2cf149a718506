"""Finished folders are re-hashed when they are read: a flipped byte stops the run before anything is made of it.

DVC alone doesn't notice: where the workspace and its cache share a file (hard links), a byte that flips in one
flips in the other, and `dvc checkout` brings it back as good. The message says how to get out of that.
"""

import hashlib
import json
import os
from configparser import ConfigParser
from configparser import Error as NoConfig
from pathlib import Path
from typing import Any

from stages.params import UserError
from stages.shards import ShardReader, sha256, sha256_of_file

PICTURES = ("view", "image")  # the column of rows.parquet that says where a row's picture lies, and its sha256


def check_folder(folder: Path) -> None:
    """UserError unless every file of a finished folder has the sha256 that its manifest gives; names the row."""
    for name in _files(folder):
        check_file(folder, name)


def check_file(folder: Path, name: str, row: str | None = None) -> Path:
    """The path of one file of a finished folder; UserError when its bytes aren't those that its stage wrote.

    `row` is for whom it is read, where the file itself doesn't say.
    """
    path, told = folder / name, _files(folder).get(name)
    if told is None:
        raise UserError(f"{folder}/manifest.json doesn't name {name}: {recovery(folder)}")
    if not path.is_file():
        raise UserError(f"{path} is missing: `rm -rf {folder}`, then `dvc checkout {folder}`.")
    if path.stat().st_size != told["bytes"] or sha256_of_file(path) != told["sha256"]:
        where = row or _row_in(folder, name)
        raise UserError(
            f"{path} is damaged{f', found at row {where}' if where else ''}: its bytes are not those that its stage "
            f"wrote (sha256 {told['sha256'][:12]}). {recovery(folder)}"
        )
    return path


def recovery(folder: Path) -> str:
    """What to do about a damaged folder: which copy is good depends on whether DVC's cache holds the same files."""
    objects = damaged_objects(folder)
    if not objects:
        return f"DVC's cache may hold a good copy: `rm -rf {folder}`, then `dvc checkout {folder}`."
    return (
        "DVC's cache holds the same file, so `dvc checkout` would bring the damage back: remove it there and make it "
        f"anew: `rm -f {' '.join(map(str, objects))}`, then `dvc repro -f -s {stage_of(folder)}`."
    )


def damaged_objects(folder: Path) -> list[Path]:
    """The objects of DVC's cache that files of `folder` are links to, and whose content isn't what their name says."""
    objects = _cache() / "files" / "md5"
    linked = {(told.st_dev, told.st_ino) for told in (path.stat() for path in folder.rglob("*") if path.is_file())}
    return [
        Path(entry.path)
        for some in (sorted(objects.iterdir()) if objects.is_dir() else [])
        for entry in (sorted(os.scandir(some), key=lambda entry: entry.name) if some.is_dir() else [])
        if (entry.stat().st_dev, entry.stat().st_ino) in linked and _md5(Path(entry.path)) != f"{some.name}{entry.name}"
    ]


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def stage_of(folder: Path) -> str:
    """The stage that makes `folder`, as dvc.lock names it."""
    import yaml

    lock = Path("dvc.lock")
    stages = (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages", {}) if lock.is_file() else {}
    made = os.path.relpath(folder)
    names = (name for name, stage in stages.items() if any(out["path"] == made for out in stage.get("outs", ())))
    return next(names, f"{folder.parent.name}@{folder.name}")


def _cache() -> Path:
    """DVC's cache: `cache.dir` of its configuration, which is relative to the configuration's folder."""
    home = Path(".dvc")
    found = home / "cache"
    for name in ("config", "config.local"):
        told = ConfigParser(interpolation=None)
        try:
            told.read(home / name, encoding="utf-8")
        except NoConfig:  # DVC itself refuses such a file, with its own words
            continue
        if told.has_option("cache", "dir"):
            found = home / told.get("cache", "dir")
    return found


def _row_in(folder: Path, shard: str) -> str | None:
    """The first row whose picture in a damaged shard isn't the row's own; None for other files and other damage."""
    import pyarrow.parquet as pq

    rows = folder / "rows.parquet"
    if not shard.endswith(".tar") or not rows.is_file() or sha256_of_file(rows) != _files(folder)[rows.name]["sha256"]:
        return None
    column = next((name for name in PICTURES if name in pq.read_schema(rows).names), None)
    if column is None:
        return None
    with ShardReader(folder) as reader:
        for row in pq.read_table(rows, columns=["id", column]).to_pylist():
            picture = row[column]
            if picture["shard"] == shard and _differs(reader, picture):
                return str(row["id"])
    return None


def _differs(reader: ShardReader, picture: dict[str, Any]) -> bool:
    try:
        return sha256(reader.read(picture["shard"], picture["member"])) != str(picture["sha256"])
    except UserError:  # the damage is in the names, so the picture can't be found
        return True


def _files(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise UserError(f"{folder} is unfinished or missing (no manifest.json): run `dvc repro` for the stage before.")
    try:
        files = json.loads(path.read_bytes())["files"]
        return {str(name): {"sha256": str(one["sha256"]), "bytes": int(one["bytes"])} for name, one in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged ({error}). {recovery(folder)}") from error
