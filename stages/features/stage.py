"""The stage: curated pictures in, one frozen vector a picture out."""

import io
from collections.abc import Iterator
from pathlib import Path

from stages.bases import pick_device
from stages.features.parameters import FeatureParams
from stages.features.store import distinct, write_features
from stages.features.tower import load_tower
from stages.params import UserError
from stages.record import Record, facts_of, new_folder, read_rows
from stages.shards import ShardReader
from stages.threads import set_threads


def run(params: FeatureParams, *, pictures: Path, base: Path, out: Path) -> None:
    """Compute `pooled` for every distinct picture; bytes that differ from their row's sha256 stop the run."""
    import numpy as np
    from PIL import Image
    from tqdm import tqdm

    set_threads()
    records = read_rows(pictures)
    if not records:
        raise UserError(f"{pictures} has no row: look into its drops.csv.")
    tower = load_tower(base, params.model, pick_device(params.device))
    wanted = distinct(records)
    rows: list[np.ndarray] = []
    with ShardReader(pictures) as shards, tqdm(total=len(wanted), desc="features", unit="picture") as bar:
        for some in _batches(wanted, params.batch_size):
            data = [shards.read(one.image.shard, one.image.member, one.image.sha256) for one in some]
            rows.append(tower.pooled([Image.open(io.BytesIO(one)) for one in data]))
            bar.update(len(some))
    new_folder(out)
    facts = {"stage": "features", "rows_in": len(records), "pictures": len(wanted), "upstream": facts_of(pictures)}
    write_features(out, [one.image.sha256 for one in wanted], np.concatenate(rows), tower.identity, facts)
    print(f"features: {len(wanted)} pictures, {tower.width} numbers each, by {tower.identity.id}")


def _batches(records: list[Record], size: int) -> Iterator[list[Record]]:
    for start in range(0, len(records), size):
        yield records[start : start + size]
