"""The stage: curated pictures in, one frozen vector a picture (or a patch) out."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.bases import pick_device
from stages.features.parameters import FeatureParams
from stages.features.patches import PatchWriter, patches_of
from stages.features.store import distinct, write_features
from stages.features.tower import Tower, load_tower
from stages.params import UserError
from stages.record import Record, facts_of, new_folder, read_rows
from stages.shards import ShardReader
from stages.threads import set_threads

if TYPE_CHECKING:
    from PIL.Image import Image


def run(params: FeatureParams, *, pictures: Path, base: Path, out: Path) -> None:
    """Compute `what` for every distinct picture; bytes that differ from their row's sha256 stop the run."""
    set_threads()
    records = read_rows(pictures)
    if not records:
        raise UserError(f"{pictures} has no row: look into its drops.csv.")
    tower = load_tower(base, params.model, pick_device(params.device))
    wanted = distinct(records)
    facts = {"stage": "features", "rows_in": len(records), "pictures": len(wanted), "upstream": facts_of(pictures)}
    write = _write_pooled if params.what == "pooled" else _write_patches
    write(tower, _opened(pictures, wanted, params.batch_size), out, facts)
    print(f"features: {params.what} of {len(wanted)} pictures, {tower.width} numbers each, by {tower.identity.id}")


def _write_pooled(
    tower: Tower, batches: "Iterator[tuple[list[str], list[Image]]]", out: Path, facts: dict[str, Any]
) -> None:
    import numpy as np

    done = [(digests, tower.pooled(pictures)) for digests, pictures in batches]
    new_folder(out)
    rows = np.concatenate([pooled for _, pooled in done])
    write_features(out, [digest for digests, _ in done for digest in digests], rows, tower.identity, facts)


def _write_patches(
    tower: Tower, batches: "Iterator[tuple[list[str], list[Image]]]", out: Path, facts: dict[str, Any]
) -> None:
    new_folder(out)
    writer = PatchWriter(out)
    for digests, pictures in batches:
        writer.add(digests, patches_of(tower, pictures))
    writer.close(tower.identity, facts)


def _opened(folder: Path, records: list[Record], size: int) -> "Iterator[tuple[list[str], list[Image]]]":
    """Batches of (sha256, picture), with a bar."""
    from PIL import Image
    from tqdm import tqdm

    with ShardReader(folder) as shards, tqdm(total=len(records), desc="features", unit="picture") as bar:
        for start in range(0, len(records), size):
            some = [record.image for record in records[start : start + size]]
            data = [shards.read(one.shard, one.member, one.sha256) for one in some]
            yield [one.sha256 for one in some], [Image.open(io.BytesIO(one)) for one in data]
            bar.update(len(some))
