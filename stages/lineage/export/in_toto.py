"""An in-toto Statement v1 with SLSA Provenance v1: which files came out, and of what they were made.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md, https://slsa.dev/spec/v1.0/provenance.
Unsigned: wrap it in a DSSE envelope to sign it. The build platform is a workstation that nobody vouches for, so
this is provenance of SLSA Build Level 1.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from stages.lineage.export.sealed import Run, Sealed, source
from stages.lineage.form import Files, Lineage, text_of

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD = "urn:plumbline:build:dvc-graph:1"
BUILDER = "urn:plumbline:builder:workstation"


def write(sealed: Sealed) -> str:
    """The statement as JSON text."""
    return text_of(statement(sealed))


def statement(sealed: Sealed) -> dict[str, Any]:
    """The statement: its subjects are the files in the sealed folder."""
    return {
        "_type": STATEMENT,
        "subject": [source(name, digest) for name, digest in sorted(sealed.files.items())],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD,
                "externalParameters": _external(sealed.lineage),
                "internalParameters": _internal(sealed.lineage),
                "resolvedDependencies": list(_dependencies(sealed)),
            },
            "runDetails": {
                "builder": _builder(sealed.lineage),
                "metadata": _metadata(sealed.lineage, sealed.run),
                "byproducts": list(_byproducts(sealed)),
            },
        },
    }


def _external(lineage: Lineage) -> dict[str, Any]:
    """What the user chose: the recipe, and every section of params.yaml that a stage read."""
    params = {key: value for stage in lineage.stages for key, value in stage.params.items()}
    return {"recipe": lineage.recipe, "objective": lineage.objective, "task": lineage.task, "params": params}


def _internal(lineage: Lineage) -> dict[str, Any]:
    """What followed: the stages in order, the seeds, and what training ran on."""
    stages = [
        {"name": stage.name, "cmd": stage.cmd, "deps": list(stage.deps), "outs": list(stage.outs)}
        for stage in lineage.stages
    ]
    environment = lineage.environment.model_dump(mode="json") if lineage.environment else {}
    return {"stages": stages, "seeds": lineage.seeds, "environment": environment}


def _dependencies(sealed: Sealed) -> Iterator[dict[str, Any]]:
    """Commit, code, base, parent, inputs, and the data that no other stage's out went into, each file by sha256."""
    lineage = sealed.lineage
    if sealed.run and sealed.run.commit:
        yield {
            "name": "source",
            "digest": {"gitCommit": sealed.run.commit},
            "annotations": {"role": "commit", "dirty": sealed.run.dirty},
        }
    code = {path: digest for stage in lineage.stages for path, digest in stage.code.items()}
    for path, digest in sorted(code.items()):
        yield {"name": path, "digest": {"sha256": digest}, "annotations": {"role": "code"}}
    yield from _files("base", lineage.base.files, lineage.base.path)
    if lineage.parent:
        yield from _files("parent", lineage.parent.files, lineage.parent.path)
    yield from _files("input", lineage.inputs)
    for path in raw_outs(lineage):
        yield from _files("raw data", lineage.outs[path].files, path)


def raw_outs(lineage: Lineage) -> list[str]:
    """The data outs of stages that read no other stage's out: what was scraped, drawn, or laid down as a sample."""
    outs = {out for stage in lineage.stages for out in stage.outs}
    first = [stage for stage in lineage.stages if not any(_below(dep, out) for dep in stage.deps for out in outs)]
    return sorted({out for stage in first for out in stage.outs if out in lineage.outs})


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _files(role: str, files: Files, folder: str = "") -> Iterator[dict[str, Any]]:
    for name, digest in sorted(files.items()):
        path = f"{folder}/{name}" if folder else name
        if list(files) == [PurePosixPath(folder).name]:  # an out that is one file
            path = folder
        yield {**source(path, digest), "annotations": {"role": role}}


def _byproducts(sealed: Sealed) -> Iterator[dict[str, Any]]:
    """The data between: each out by its manifest, which names every file's sha256."""
    raw = raw_outs(sealed.lineage)
    for path, out in sorted(sealed.lineage.outs.items()):
        if path not in raw and out.manifest:
            yield {"name": f"{path}/manifest.json", "digest": {"sha256": out.manifest}}


def _builder(lineage: Lineage) -> dict[str, Any]:
    packages = lineage.environment.packages if lineage.environment else {}
    python = {"python": lineage.environment.python} if lineage.environment else {}
    return {"id": BUILDER, "version": {**packages, **python}}


def _metadata(lineage: Lineage, run: Run | None) -> dict[str, Any]:
    """`seal` is the last stage, so its end is the build's. When the build began nobody wrote down."""
    return {"invocationId": lineage.seal, **({"finishedOn": run.finished} if run else {})}
