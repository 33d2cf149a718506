"""The rows an adapter was trained from, as a Croissant 1.1 data set: files by sha256, fields, licences, provenance.

https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html, with the RAI vocabulary 1.0 and W3C PROV-O. Paths
in it are relative to the file's own place, so that a reader finds the shards from there.
"""

import os
from pathlib import Path, PurePosixPath
from typing import Any

from stages.lineage.export.croissant_records import TABLE, record_sets
from stages.lineage.export.croissant_rows import Rows, read_rows
from stages.lineage.export.sealed import Sealed
from stages.lineage.form import FileDigest, text_of
from stages.params import UserError

SPECIFICATIONS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
ENCODINGS = {
    ".tar": "application/x-tar",
    ".parquet": "application/x-parquet",
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".html": "text/html",
}
SPDX = "https://spdx.org/licenses/"
KINDS = {"url": "Web Scraping", "generator": "Software Collection"}  # the RAI vocabulary's words
OTHER_KIND = "Secondary Data Analysis"
OWN_TERMS = (  # of the standard context, those whose name is the term's in the cr: namespace
    *("annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field"),
    *("fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key"),
    *("md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("separator", "source", "subField", "transform"),
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in OWN_TERMS},
}


def write(sealed: Sealed, project: Path, out: Path, creator: str | None) -> tuple[str, list[str]]:
    """The description as JSON-LD text, to lie at `out`, and which of the terms that Croissant asks for it lacks.

    UserError when the data aren't here, or aren't those of the seal.
    """
    document = description(sealed, project, out, creator)
    return text_of(document), [term for term in ("creator", "datePublished") if term not in document]


def description(sealed: Sealed, project: Path, out: Path, creator: str | None = None) -> dict[str, Any]:
    """The data set that `tokenize` read for this adapter. `creator` is who stands for it, if anybody was named."""
    data = sealed.lineage.data
    sealed_out = sealed.lineage.outs.get(data.folder)
    if sealed_out is None or sealed_out.manifest is None or TABLE not in sealed_out.files:
        raise UserError(f"the lineage names no manifest and table for {data.folder}, which its rows are of: seal anew.")
    rows = read_rows(project / data.folder, sealed_out)
    files = {name: digest for name, digest in sorted(sealed_out.files.items()) if name != "manifest.json"}
    name = PurePosixPath(data.folder).name
    document = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": SPECIFICATIONS,
        "name": name,
        "description": _description(sealed, rows),
        "url": f"urn:plumbline:manifest:sha256:{sealed_out.manifest}",
        "version": f"1.0.0+{sealed_out.manifest[:12]}",
        "license": [_licence(*licence) for licence in sorted(rows.licences)],
        "creator": {"@type": "sc:Organization", "name": creator} if creator else None,
        "datePublished": rows.snapshot,
        "citeAs": _citation(name, sealed_out.manifest, rows.snapshot, creator),
        "isLiveDataset": False,
        **_responsible(sealed, rows),
        **_provenance(sealed),
        "distribution": [*_files(files, _place(data.folder, project, out)), *_pictures(rows)],
        "recordSet": record_sets(rows),
    }
    return {key: value for key, value in document.items() if value not in (None, [], "")}


def _place(folder: str, project: Path, out: Path) -> str:
    """From the file's place to the data, or "" (beside them) where the file is written outside the project."""
    home, root = out.resolve().parent, project.resolve()
    if not home.is_relative_to(root):
        return ""
    return Path(os.path.relpath(root / folder, home)).as_posix() + "/"


def _files(files: dict[str, FileDigest], place: str) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": f"{place}{name}",
            "contentSize": f"{digest.bytes} B",
            "encodingFormat": ENCODINGS.get(PurePosixPath(name).suffix, "application/octet-stream"),
            "sha256": digest.sha256,
        }
        for name, digest in files.items()
    ]


def _pictures(rows: Rows) -> list[dict[str, Any]]:
    """The shards' members as one set of files."""
    if not rows.pictures:
        return []
    endings = sorted(rows.pictures)
    return [
        {
            "@type": "cr:FileSet",
            "@id": "pictures",
            "name": "pictures",
            "containedIn": [{"@id": shard} for shard in rows.shards],
            "encodingFormat": [rows.pictures[ending] for ending in endings],
            "includes": [f"*{ending}" for ending in endings],
        }
    ]


def _licence(name: str, url: str) -> Any:
    """A licence's address, SPDX's page for its name, or (unknown, one's own) a work that bears the name."""
    known = name.startswith(("CC-", "CC0-")) or name in ("MIT", "Apache-2.0", "BSD-3-Clause", "ODbL-1.0", "PDDL-1.0")
    return url or (f"{SPDX}{name}.html" if known else {"@type": "sc:CreativeWork", "name": name or "unknown"})


def _description(sealed: Sealed, rows: Rows) -> str:
    consumed = sealed.lineage.data.consumed
    licences: dict[str, int] = {}
    for (name, _), count in rows.licences.items():
        licences[name or "unknown"] = licences.get(name or "unknown", 0) + count
    return (
        f"{rows.count} rows ({_counts(rows.splits)}) that recipe {sealed.lineage.recipe} was trained from: "
        f"{consumed.rows} samples in {consumed.steps} steps, {consumed.distinct} different ones. "
        f"Licences: {_counts(licences)}."
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _citation(name: str, manifest: str, snapshot: str | None, creator: str | None) -> str:
    year = f", year = {{{snapshot[:4]}}}" if snapshot else ""
    author = f", author = {{{creator}}}" if creator else ""
    key = f"{name}-{manifest[:12]}"
    return f"@misc{{{key}, title = {{{name}}}{author}{year}, note = {{manifest sha256 {manifest}}}}}"


def _responsible(sealed: Sealed, rows: Rows) -> dict[str, Any]:
    """The RAI terms that can be filled from facts: how rows were got, what was left out, and who wrote the texts."""
    data = sealed.lineage.data
    generators = f"; generators: {_counts(data.generators)}" if data.generators else ""
    hosts = f"; hosts: {_counts(data.hosts)}" if data.hosts else ""
    lost = [
        f"{step.folder}: {step.rows_in} rows in, {step.rows_out} out; left out: {_counts(step.dropped) or 'nothing'}"
        for step in data.drops
    ]
    machines = sorted(author for author in rows.authors if not author.startswith(("person", "import")))
    texts = [f"Texts by author: {_counts(rows.authors)}"] if rows.authors else []
    return {
        "rai:dataCollection": f"Consumed rows by source: {_counts(data.kinds)}{hosts}{generators}",
        "rai:dataCollectionType": sorted({KINDS.get(kind, OTHER_KIND) for kind in data.kinds}),
        "rai:dataCollectionTimeframe": rows.snapshot,
        "rai:dataPreprocessingProtocol": lost,
        "rai:dataAnnotationProtocol": texts,
        "rai:machineAnnotationTools": machines,
    }


def _provenance(sealed: Sealed) -> dict[str, Any]:
    """PROV-O: the stages that made the folder, and the data they read, by the digest of their manifests."""
    lineage, producers = sealed.lineage, sealed.producers()
    stages = {stage.name: stage for stage in lineage.stages}
    found: list[str] = []
    waiting = [lineage.data.folder]
    while waiting:
        name = producers.get(waiting.pop())
        if name and name not in found:
            found.append(name)
            waiting += stages[name].deps
    read = {dep for name in found for dep in stages[name].deps if dep in lineage.outs}
    manifests = [lineage.outs[path].manifest for path in sorted(read)]
    activities = [
        {"@type": "prov:Activity", "prov:label": stage.name, "prov:value": stage.cmd}
        for stage in lineage.stages
        if stage.name in found
    ]
    return {
        "prov:wasGeneratedBy": activities,
        "prov:wasDerivedFrom": [{"@id": f"urn:plumbline:manifest:sha256:{one}"} for one in manifests if one],
    }
