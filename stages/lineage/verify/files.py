"""The files that a seal names, where they should lie, and the comparison of each with its sealed digest."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.lineage.form import Files, Lineage
from stages.lineage.graph import files_below
from stages.lineage.places import Places
from stages.lineage.verify.finding import Finding
from stages.lineage.verify.hashing import Hashed
from stages.lineage.verify.pictures import Misfit, first_misfit, pictures_of

OF_GIT = "git"  # who holds the sealed bytes of a folder or file: git, or DVC's cache


@dataclass(frozen=True)
class Place:
    """A folder (or one file: `rel` is "") of the line and the digests that the seal has of what lies there."""

    name: str
    path: Path
    stage: str  # "" for what no stage wrote
    files: Files
    holder: str  # OF_GIT or "dvc"

    def file(self, rel: str) -> Path:
        return self.path / rel if rel else self.path

    def shown(self, rel: str) -> str:
        return f"{self.name}/{rel}" if rel else self.name

    @property
    def remedy(self) -> str:
        if self.holder == OF_GIT:
            return f"`git diff {self.name}` shows it, `git checkout -- {self.name}` brings the committed one back"
        again = f", or `dvc repro --force --single-item {self.stage}`" if self.stage else ""
        return f"`dvc checkout --force {self.name}`{again}; `dvc pull --force` where the cache has the same fault"


def places_of_line(lineage: Lineage, where: Places) -> list[Place]:
    """Everything beyond the adapter's own folder, in the order from the adapter to the sources; a path once."""
    makers = {out: stage.name for stage in lineage.stages for out in stage.outs}
    order = [out for stage in reversed(lineage.stages) for out in stage.outs if out in lineage.outs]
    order += [out for out in lineage.outs if out not in order]
    places: dict[str, Place] = {}
    trained = f"models/trained/{lineage.recipe}"
    if where.find(trained).is_dir():  # the same bytes as the adapter's, so that nothing is lost where it isn't here
        stage = f"train@{lineage.recipe}"
        places[trained] = Place(trained, where.find(trained), stage, lineage.adapter.files, "dvc")
    for name in order:
        out = lineage.outs[name]
        holder = OF_GIT if makers.get(name, "").startswith("foundation") else "dvc"
        path = where.find(name)
        single = set(out.files) == {path.name} and not path.is_dir()
        files = {"": out.files[path.name]} if single else out.files
        places[name] = Place(name, path, makers.get(name, ""), files, holder)
    if lineage.parent is not None and lineage.parent.path not in places:
        path = where.find(lineage.parent.path)
        places[lineage.parent.path] = Place(
            lineage.parent.path, path, makers.get(lineage.parent.path, ""), lineage.parent.files, "dvc"
        )
    for name, digest in lineage.inputs.items():
        places[name] = Place(name, where.find(name), "", {"": digest}, OF_GIT)
    base = lineage.base
    if base.path not in places and base.files:
        places[base.path] = Place(base.path, where.find(base.path), makers.get(base.path, ""), base.files, OF_GIT)
    return list(places.values())


def compare(place: Place, hashed: Hashed) -> Iterator[Finding]:
    """What differs at one place; nothing for a place that is as sealed, one finding for a place that isn't there."""
    if not place.path.exists():
        remedy = f"`git checkout -- {place.name}`" if place.holder == OF_GIT else f"`dvc pull {place.name}`"
        yield Finding("unreached", "isn't here", file=place.name, stage=place.stage, remedy=remedy)
        return
    for rel, sealed in sorted(place.files.items()):
        found = hashed.digests.get(place.file(rel))
        if found == sealed.sha256:
            continue
        if found is None:
            yield _differs(place, rel, "is missing", sealed.sha256, "")
        elif rel.endswith(".tar") and (misfit := _misfit(place, rel, hashed)) is not None:
            what = f"is not the sealed shard: {misfit.what}"
            expected, got = (misfit.expected or sealed.sha256), (misfit.found or found)
            yield _differs(place, rel, what, expected, got, misfit.row)
        else:
            yield _differs(place, rel, "is not the sealed file", sealed.sha256, found)
    if place.path.is_dir():
        for path in files_below(place.path):
            rel = path.relative_to(place.path).as_posix()
            if rel not in place.files:
                yield _differs(place, rel, "lies there, but is not in the seal", "", "")


def _differs(place: Place, rel: str, what: str, expected: str, found: str, row: str = "") -> Finding:
    return Finding("differs", what, place.shown(rel), place.stage, row, expected, found, place.remedy)


def _misfit(place: Place, rel: str, hashed: Hashed) -> Misfit | None:
    """The row of a shard that differs; None where the rows themselves can't be trusted, or none can be named."""
    rows = place.files.get("rows.parquet")
    if rows is None or hashed.digests.get(place.file("rows.parquet")) != rows.sha256:
        return None
    return first_misfit(place.file(rel), pictures_of(place.path).get(rel, []))


def check_pictures(places: list[Place], hashed: Hashed) -> Iterator[Finding]:
    """Each row's picture in shards that are as sealed: whether the rows were true when they were sealed."""
    for place in places:
        if not any(rel.endswith(".tar") for rel in place.files):
            continue
        rows = place.files.get("rows.parquet")
        if rows is None or hashed.digests.get(place.file("rows.parquet")) != rows.sha256:
            continue  # told by `compare`
        for shard, pictures in pictures_of(place.path).items():
            sealed = place.files.get(shard)
            if sealed is None or hashed.digests.get(place.file(shard)) != sealed.sha256:
                continue
            misfit = first_misfit(place.file(shard), pictures)
            if misfit is not None:
                what = f"was sealed with a picture that is not its row's: {misfit.what}"
                yield _differs(place, shard, what, misfit.expected, misfit.found, misfit.row)


def count_pictures(places: list[Place]) -> int:
    """Rows whose pictures lie in the shards of these places."""
    import pyarrow.parquet as pq

    total = 0
    for place in places:
        rows = place.file("rows.parquet")
        if any(rel.endswith(".tar") for rel in place.files) and "rows.parquet" in place.files and rows.is_file():
            total += pq.read_metadata(rows).num_rows
    return total
