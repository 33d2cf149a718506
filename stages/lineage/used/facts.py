"""What the index keeps of a seal: enough to answer by counts where the rows themselves can't be had any more."""

import hashlib
from pathlib import Path
from typing import Any

from stages.lineage.form import Lineage
from stages.params import Params

NEAR_BITS, NEAR_RADIUS = 256, 23  # of the kept hashes, and what makes a copy where curation doesn't say


class Where(Params):
    """A file as the seal has it, and the folder's md5 in DVC's cache ("" where nothing says it)."""

    path: str
    sha256: str
    bytes: int
    md5: str


class Known(Params):
    """One seal. `key` names what was trained on what; counts are of distinct rows of the data `folder`."""

    seal: str
    key: str
    digest: str
    recipe: str
    parent: str  # the digest of the adapter that it went on from, "" without one
    parent_recipe: str
    folder: str
    rows: int
    steps: int
    licences: dict[str, int]
    hosts: dict[str, int]
    authors: dict[str, int]
    outside: bool  # whether there are pictures that no generator of ours made: copies of them are looked for
    generated: bool
    near: bool  # whether curation looked for near copies, and so takes those of a blocked picture out
    radius: int  # of NEAR_BITS
    oriented: bool
    context_examples: int
    consumed: Where | None
    table: Where | None
    dialogues: Where | None  # about rows of the table, with authors of their own
    shards: tuple[Where, ...]


def known_of(lineage: Lineage, trained_md5: str = "") -> Known:
    """The facts of one seal; `trained_md5` is what a dvc.lock said of models/trained/RECIPE."""
    data, folder = lineage.data, lineage.data.folder
    out = lineage.outs.get(folder)
    files = out.files if out else {}
    wheres = {
        name: Where(path=f"{folder}/{name}", sha256=file.sha256, bytes=file.bytes, md5=out.md5 if out else "")
        for name, file in files.items()
    }
    steps = f"models/trained/{lineage.recipe}/consumed.parquet"
    trained = lineage.adapter.files.get("consumed.parquet")
    table = wheres.get("rows.parquet")
    near = _near_of(lineage)
    usual = near is not None and near.get("bits") == NEAR_BITS
    parts = (lineage.adapter.digest, data.consumed.digest, table.sha256 if table else "")
    return Known(
        seal=lineage.seal,
        key=hashlib.sha256("\n".join(parts).encode()).hexdigest(),
        digest=lineage.adapter.digest,
        recipe=lineage.recipe,
        parent=lineage.parent.digest if lineage.parent else "",
        parent_recipe=lineage.parent.recipe if lineage.parent else "",
        folder=folder,
        rows=data.consumed.rows,
        steps=data.consumed.steps,
        licences=data.licences,
        hosts=data.hosts,
        authors=data.authors,
        outside=bool(data.kinds.keys() & {"url", "folder"}),
        generated="generator" in data.kinds,
        near=near is not None,
        radius=int(near["radius"]) if near is not None and usual else NEAR_RADIUS,
        oriented=bool(near and near.get("oriented")),
        context_examples=_context_examples(lineage),
        consumed=Where(path=steps, sha256=trained.sha256, bytes=trained.bytes, md5=trained_md5) if trained else None,
        table=table,
        dialogues=wheres.get("dialogues.jsonl"),
        shards=tuple(where for name, where in sorted(wheres.items()) if Path(name).suffix == ".tar"),
    )


def _near_of(lineage: Lineage) -> dict[str, Any] | None:
    """`near_duplicates` of the stage that curated the data, None where it has none."""
    for stage in lineage.stages:
        if stage.name.startswith("curate@") and lineage.data.curated in stage.outs:
            found = _values(stage.params, f"curate.{stage.name.partition('@')[2]}").get("near_duplicates")
            return found if isinstance(found, dict) else None
    return None


def _context_examples(lineage: Lineage) -> int:
    for stage in lineage.stages:
        if stage.name == f"train@{lineage.recipe}":
            found = _values(stage.params, f"recipes.{lineage.recipe}.train").get("context_examples", 0)
            return found if isinstance(found, int) else 0
    return 0


def _values(params: dict[str, Any], section: str) -> dict[str, Any]:
    found = params.get(section)
    return found if isinstance(found, dict) else {}
