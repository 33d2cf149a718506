"""Collects what a lineage says: stages, inputs, outs, base, parent, seeds, environment. All of it reproducible."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stages.lineage.form import Adapter, Base, Data, Environment, FileDigest, Out, Parent, Part, Stage
from stages.lineage.graph import Node, code_of, files_below, makers_of, read_graph, upstream
from stages.lineage.locked import md5_of, moved_on
from stages.lineage.places import Places, places_of
from stages.lineage.tensors import digest_of
from stages.params import UserError
from stages.record import read_manifest
from stages.seal.facts import drops_of, facts_of_rows, read_consumed
from stages.seal.parameters import SealedRecipe
from stages.shards import sha256_of_file

REPORTS = "reports/"  # metrics stand in the lineage itself; predictions and pages are read by people
MANIFEST = "manifest.json"


class Upstream:
    """The stages before an adapter, and what lies at their paths."""

    def __init__(self, project: Path, name: str) -> None:
        self.graph = read_graph(project)
        self.nodes = upstream(self.graph, f"evaluate@{name}")
        self.places: Places = places_of(self.nodes, project)
        self.project = project
        self._require_as_locked()

    def stages(self) -> list[Stage]:
        known: dict[str, str] = {}
        return [
            Stage(
                name=node.name,
                cmd=self.places.clean(node.cmd),
                params=self.places.clean(node.params),
                deps=tuple(sorted(map(self.places.name, node.deps))),
                outs=tuple(sorted(map(self.places.name, node.outs))),
                code=code_of(self.project, node, known),
            )
            for node in self.nodes
        ]

    def inputs(self, without: set[str]) -> dict[str, FileDigest]:
        """Every file that a stage reads and none writes, but code and what stands elsewhere in the lineage."""
        makers = {out: node for node in self.nodes for out in node.outs}
        read = {dep for node in self.nodes for dep in node.deps if dep not in node.code and dep not in without}
        return {
            name: digest
            for dep in sorted(read)
            if not makers_of(dep, makers)
            for name, digest in self._files(dep).items()
        }

    def outs(self, without: set[str]) -> dict[str, Out]:
        """Every folder that a stage wrote, but those that stand elsewhere in the lineage."""
        return {
            self.places.name(path): self._out(path, md5)
            for node in self.nodes
            for path, md5 in node.outs.items()
            if path not in without and not path.startswith(REPORTS)
        }

    def data(self, recipe: SealedRecipe, name: str, consumed: Path) -> Data:
        """Facts of the rows that were trained on, and of those that were left out on the way."""
        counted, ids = read_consumed(consumed)
        before = upstream(self.graph, f"tokenize@{name}")
        manifests = [(out, self._manifest(out)) for node in before for out in node.outs]
        drops = [drops_of(out, manifest) for out, manifest in manifests if manifest]
        return Data(
            folder=recipe.data_folder,
            curated=self._curated(recipe.data_folder),
            consumed=counted,
            drops=tuple(drop for drop in drops if drop is not None),
            **facts_of_rows(self.project / recipe.data_folder, ids),
        )

    def _require_as_locked(self) -> None:
        """UserError when code or an input is another than the one that dvc.lock says was run: it would be a lie."""
        moved = list(moved_on(self.nodes, self.project))
        if moved:
            stage, dep = moved[0]
            more = f" and {len(moved) - 1} more" if len(moved) > 1 else ""
            raise UserError(
                f"{self.places.name(dep)} is not what {stage} was run with{more}: "
                f"run `dvc repro {self.nodes[-1].name}`, or bring the file back with `git checkout`."
            )

    def require_made(self, out: str, path: Path) -> None:
        """UserError when what lies at `path` is not what its stage wrote: damage and mixed runs aren't sealed."""
        makers = [node for node in self.nodes if node.outs.get(out)]
        if makers and makers[0].outs[out] != md5_of(path):
            name = makers[0].name
            raise UserError(
                f"{path} is not what {name} wrote: run `dvc repro {name}`, or `dvc checkout --force {out}`."
            )

    def _curated(self, folder: str) -> str | None:
        """The curated folder at or before `folder`: what became of its pictures is decided there."""
        maker = next((node for node in self.nodes if folder in node.outs), None)
        before = upstream(self.graph, maker.name) if maker else []
        found = [out for node in before if node.name.startswith("curate@") for out in node.outs]
        return found[-1] if found else None

    def _manifest(self, out: str) -> dict[str, Any]:
        path = self.places.find(self.places.name(out))
        return read_manifest(path) if (path / MANIFEST).is_file() else {}

    def _out(self, path: str, md5: str) -> Out:
        manifest = self._manifest(path)
        if not manifest:
            return Out(manifest=None, md5=md5, files=files_in(self.project / path))
        own = digest_of_file(self.project / path / MANIFEST)
        return Out(manifest=own.sha256, md5=md5, files={**manifest["files"], MANIFEST: own})

    def _files(self, dep: str) -> dict[str, FileDigest]:
        """Files of a dep by their names in the lineage."""
        where = self.places.find(self.places.name(dep))
        require_there(where)
        name = self.places.name(dep)
        return {
            name if file == where else f"{name}/{file.relative_to(where).as_posix()}": digest_of_file(file)
            for file in files_below(where)
        }


def base_of(recipe: SealedRecipe, base: Path, path: str, nodes: Iterable[Node]) -> Base:
    """The base of a recipe; `version` is the foundation stage's that made it, null for hub models."""
    models = recipe.models
    first = models.get("", models.get("language", next(iter(models.values()))))
    versions = [
        values["version"]
        for node in nodes
        for section, values in node.params.items()
        if section == f"foundation.{recipe.base}" and isinstance(values, dict)
    ]
    parts = {name: Part(id=model.id, revision=model.revision) for name, model in models.items() if name}
    return Base(
        key=recipe.base,
        path=path,
        id=first.id,
        revision=first.revision,
        version=versions[0] if versions else None,
        parts=parts,
        files=files_in(base),
    )


def parent_of(recipe: SealedRecipe, project: Path) -> Parent | None:
    """The adapter that training went on from, if any."""
    if recipe.parent == "none":
        return None
    path = f"models/{recipe.parent}"
    return Parent(
        recipe=recipe.parent.removeprefix("trained/"),
        path=path,
        digest=digest_of(project / path),
        files=files_in(project / path),
    )


def adapter_of(trained: Path) -> Adapter:
    return Adapter(digest=digest_of(trained), files=files_in(trained))


def seeds_of(nodes: Iterable[Node]) -> dict[str, int | tuple[int, ...]]:
    """Every seed among the stages' params, by its dotted key."""
    found: dict[str, int | tuple[int, ...]] = {}

    def walk(value: Any, place: str) -> None:
        name = place.rpartition(".")[2]
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{place}.{key}")
        elif name == "seed" and isinstance(value, int):
            found[place] = value
        elif name.endswith("seeds") and isinstance(value, list):
            found[place] = tuple(value)

    for node in nodes:
        for section, values in node.params.items():
            walk(values, section)
    return found


def environment_of(trained: Path) -> Environment | None:
    """What `train` noted of its machine; None for adapters from before it did."""
    path = trained / "environment.json"
    if not path.is_file():
        return None
    try:
        return Environment.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path} is not what `train` writes ({error.errors()[0]['msg']}): train it anew.") from error


def files_in(folder: Path) -> dict[str, FileDigest]:
    """Every file of a folder by its relative path; of a single file by its name."""
    require_there(folder)
    top = folder if folder.is_dir() else folder.parent
    return {file.relative_to(top).as_posix(): digest_of_file(file) for file in files_below(folder)}


def digest_of_file(path: Path) -> FileDigest:
    return FileDigest(sha256=sha256_of_file(path), bytes=path.stat().st_size)


def require_there(path: Path) -> None:
    if not path.exists():
        raise UserError(f"{path} is missing: run `dvc checkout` or `dvc pull`, then seal again.")
