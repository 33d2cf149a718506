"""Finds what an adapter was made of: in the working tree while it is still the same, else in DVC's cache by its md5.

DVC is not imported for it, which would take longer than the answer: a cache is a folder of files called by their md5.
"""

import configparser
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from stages.lineage.used.facts import Where
from stages.shards import sha256_of_file

MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a lock has thousands of lines


class Files:
    """The files of one project."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self._objects = cache_folder(project) / "files" / "md5"
        self._listed: dict[str, dict[str, str]] = {}

    def find(self, where: Where | None) -> Path | None:
        """The very file that was sealed, by its sha256; None when neither tree nor cache has it."""
        for path in self._candidates(where):
            if where is not None and sha256_of_file(path) == where.sha256:
                return path
        return None

    @contextmanager
    def shards(self, shards: Iterable[Where]) -> Iterator[Path | None]:
        """A folder with all shards, None when one can't be had; pictures are checked as they are read."""
        with tempfile.TemporaryDirectory() as made:
            for shard in shards:
                found = next(iter(self._candidates(shard)), None)
                if found is None:
                    yield None
                    return
                (Path(made) / Path(shard.path).name).symlink_to(found.resolve())
            yield Path(made)

    def _candidates(self, where: Where | None) -> list[Path]:
        """Files of the right size, the tree's first."""
        if where is None:
            return []
        name = Path(where.path).name
        paths = [self.project / where.path, self._cached(where.md5, name)]
        return [path for path in paths if path.is_file() and path.stat().st_size == where.bytes]

    def _cached(self, md5: str, name: str) -> Path:
        """Where the cache has the file `name` of a folder's object."""
        if md5 not in self._listed:
            try:
                listed = json.loads(self._object(md5).read_text(encoding="utf-8"))
                self._listed[md5] = {str(entry["relpath"]): str(entry["md5"]) for entry in listed}
            except (OSError, ValueError, LookupError, TypeError):  # not in the cache, or no list
                self._listed[md5] = {}
        return self._object(self._listed[md5].get(name, ""))

    def _object(self, md5: str) -> Path:
        return self._objects / md5[:2] / md5[2:] if MD5.fullmatch(md5) else self._objects / "none"


def cache_folder(project: Path) -> Path:
    """The project's DVC cache, as .dvc/config and .dvc/config.local name it."""
    where = "cache"
    for name in ("config", "config.local"):
        found = configparser.ConfigParser(interpolation=None)
        found.read(project / ".dvc" / name)
        where = found.get("cache", "dir", fallback=where)
    return project / ".dvc" / Path(where).expanduser()


def md5_in_lock(lock: bytes, out: str) -> str:
    """The md5 that a dvc.lock has for `out`; "" when it has none, or is no lock that we know."""
    try:
        for stage in yaml.load(lock, Loader=_LOADER)["stages"].values():
            for entry in stage.get("outs", ()):
                if entry["path"] == out:
                    return str(entry["md5"])
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        return ""
    return ""
