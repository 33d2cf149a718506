"""Questions put to a small sealed project, and its data as DVC's cache would hold it."""

import json
import shutil
from pathlib import Path

import yaml

from stages.blocklist import Kind
from stages.lineage.graph import files_below
from stages.lineage.locked import md5_of
from stages.lineage.used.index import WHERE, Index
from stages.lineage.used.query import Answer, Use, answer, update
from stages.lineage.used.question import question


def ask(project: Path, x: str | Path, kind: Kind | None = None, most: int | None = None) -> Answer:
    """What `plumbline lineage who-used X` knows, run in the project's root."""
    with Index(project / WHERE) as index:
        seals, why, flaws = update(project, index)
        asked = question(str(x), kind, index, seals)
        return answer(asked, seals, why, flaws, project, index, most)


def by_recipe(found: Answer, current: bool = True) -> dict[str, Use]:
    return {use.seal.known.recipe: use for use in found.of(current)}


def how(found: Answer, current: bool = True) -> dict[str, str]:
    return {recipe: use.how for recipe, use in by_recipe(found, current).items()}


def fill_cache(project: Path) -> None:
    """Every folder that dvc.lock names, as DVC keeps it: files by their md5, a list of them for each folder."""
    objects = project / ".dvc/cache/files/md5"
    (project / ".dvc").mkdir(exist_ok=True)
    (project / ".dvc/config").write_text("[core]\n    analytics = false\n", encoding="utf-8")
    for stage in yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"].values():
        for out in stage["outs"]:
            folder = project / out["path"]
            if not folder.is_dir():
                continue
            listed = []
            for file in files_below(folder):
                md5 = md5_of(file)
                listed.append({"md5": md5, "relpath": file.relative_to(folder).as_posix()})
                _put(objects, md5, file.read_bytes())
            _put(objects, out["md5"], json.dumps(sorted(listed, key=lambda one: one["relpath"])).encode())


def _put(objects: Path, md5: str, content: bytes) -> None:
    path = objects / md5[:2] / md5[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def without_data(project: Path) -> None:
    """As in a clone that nothing was pulled into."""
    for folder in ("data/curate", "data/caption", "data/tokenize", "data/scrape", "models/trained", "models/adapters"):
        shutil.rmtree(project / folder)
