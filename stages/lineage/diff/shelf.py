"""Finds a sealed file's bytes: in the working tree while they are still the same, else in DVC's cache.

Every file is checked by its sha256 before it is read: neither tree nor cache need be as they were.
"""

import json
import re
from functools import cached_property
from pathlib import Path

from stages.lineage.form import Lineage
from stages.params import UserError
from stages.shards import sha256_of_file

MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


class Shelf:
    """The files of one project."""

    def __init__(self, project: Path) -> None:
        self.project = project

    def find(self, lineage: Lineage, out: str, name: str) -> Path | str:
        """The file `name` of the sealed folder `out`, or a sentence that says why it can't be had."""
        sealed = lineage.outs.get(out)
        expected = sealed.files.get(name) if sealed else None
        if sealed is None or expected is None:
            return f"the lineage names no {out}/{name}"
        for candidate in (self.project / out / name, self.cached(sealed.md5, name)):
            if candidate is not None and candidate.is_file() and sha256_of_file(candidate) == expected.sha256:
                return candidate
        return (
            f"{out}/{name} as it was lies neither in the tree nor in DVC's cache "
            "(`dvc fetch --all-commits` brings it if it was pushed)"
        )

    def cached(self, md5: str, name: str = "") -> Path | None:
        """Where the cache has the object, or the file `name` of a folder's object; None when it hasn't."""
        if self._objects is None or not MD5.fullmatch(md5):
            return None
        path = self._objects / md5[:2] / md5[2:]
        if not name:
            return path if path.is_file() else None
        try:
            listed = {entry["relpath"]: entry["md5"] for entry in json.loads(path.read_text(encoding="utf-8"))}
        except (OSError, ValueError, LookupError, TypeError):
            return None
        inner = listed.get(name)
        return self.cached(inner) if isinstance(inner, str) and not inner.endswith(".dir") else None

    @cached_property
    def _objects(self) -> Path | None:
        cache = cache_folder(self.project)
        return cache / "files" / "md5" if cache else None


def cache_folder(project: Path) -> Path | None:
    """The project's DVC cache, None where there is no DVC project."""
    if not (project / ".dvc").is_dir():
        return None
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(project)) as repo:
            return Path(repo.cache.local_cache_dir)
    except DvcException as error:
        raise UserError(f"DVC can't open the project in {project}: {error}") from error
