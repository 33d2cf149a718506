"""What a data set's own table says that a description of it needs: licences, splits, endings, authors, the day."""

import mimetypes
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stages.lineage.form import Out
from stages.params import UserError
from stages.record import read_history
from stages.shards import sha256_of_file


@dataclass(frozen=True)
class Rows:
    """Counts over all rows of the folder; `pictures` maps a member's ending to its media type."""

    count: int
    licences: dict[tuple[str, str], int]  # (name, address or "")
    splits: dict[str, int]
    authors: dict[str, int]
    pictures: dict[str, str]
    shards: tuple[str, ...]
    snapshot: str | None  # ISO date of the scrape, if there was one


def read_rows(folder: Path, sealed: Out) -> Rows:
    """The facts of `folder`; UserError unless its manifest and table are the ones that were sealed."""
    table, manifest = folder / "rows.parquet", folder / "manifest.json"
    for path, digest in ((manifest, sealed.manifest), (table, sealed.files["rows.parquet"].sha256)):
        if not path.is_file():
            raise UserError(f"{path} is missing, and the description is made of it: run `dvc pull {folder}`.")
        if sha256_of_file(path) != digest:
            raise UserError(
                f"{path} is not the one that the adapter was trained from: run `dvc checkout {folder}` at the commit "
                "of the seal, or rebuild and seal the adapter."
            )
    return _counted(_columns(table), snapshot_of(folder))


def snapshot_of(folder: Path) -> str | None:
    """The day that the pictures were searched for, from the manifests up to `folder`."""
    days = [facts["snapshot"] for facts in read_history(folder) if facts.get("snapshot")]
    return str(days[0]) if days else None


def _columns(table: Path) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    read = pq.read_table(table, columns=["image", "texts", "source", "split"])
    image, source = read["image"].combine_chunks(), read["source"].combine_chunks()
    return {
        "shard": image.field("shard").to_pylist(),
        "member": image.field("member").to_pylist(),
        "licence": source.field("licence").to_pylist(),
        "licence_url": source.field("licence_url").to_pylist(),
        "author": [text["author"] for texts in read["texts"].to_pylist() for text in texts],
        "split": read["split"].to_pylist(),
    }


def _counted(columns: dict[str, list[Any]], snapshot: str | None) -> Rows:
    endings = {PurePosixPath(member).suffix for member in columns["member"] if member}
    return Rows(
        count=len(columns["split"]),
        licences=dict(Counter(zip(columns["licence"], columns["licence_url"], strict=True))),
        splits=dict(Counter(split or "none" for split in columns["split"])),
        authors=dict(Counter(columns["author"])),
        pictures={one: mimetypes.types_map.get(one, "application/octet-stream") for one in sorted(endings)},
        shards=tuple(sorted({shard for shard in columns["shard"] if shard})),
        snapshot=snapshot,
    )
