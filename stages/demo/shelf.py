"""The pictures that a demo may find: an adapter's own captioned set, or a folder."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.features.store import distinct, read_features
from stages.grounding.build import Trained
from stages.grounding.conversation import Pictures
from stages.params import UserError
from stages.pictures import RefusedPictureError, looks_like_picture, open_picture, png_bytes
from stages.record import read_rows
from stages.shards import ShardReader


@dataclass(frozen=True)
class Shelf:
    """`names[i]` is what the page shows below picture i of the index; `read(i)` gives the picture's encoded bytes."""

    pictures: Pictures
    names: tuple[str, ...]
    read: Callable[[int], bytes]

    def number(self, picture: str) -> int:
        return self.pictures.index.ids.index(picture)


def of_set(trained: Trained, data: Path) -> Shelf:
    """The set that the adapter names, below `data`, with its cached features; both are checked."""
    named = trained.facts.pictures
    folder = data / named.source / named.dataset
    try:
        records = distinct(read_rows(folder))
        features = read_features(data / "features" / named.features, trained.tower.identity)
        pooled = features.of([(record.id, record.image.sha256) for record in records])
    except UserError as error:
        raise UserError(f"{error} Or name a folder of pictures with --pictures DIR.") from error

    def read(number: int) -> bytes:
        image = records[number].image
        with ShardReader(folder) as shards:  # one a picture: a reader's position is not for several threads
            return shards.read(image.shard, image.member, image.sha256)

    ids = [record.id for record in records]
    names = tuple(record.label or record.entity or record.id for record in records)
    return Shelf(Pictures.of(trained.model, np.ascontiguousarray(pooled), ids), names, read)


def of_folder(trained: Trained, folder: Path) -> Shelf:
    """The readable pictures directly in `folder`, by content; what can't be read is said on stderr."""
    from tqdm import tqdm

    if not folder.is_dir():
        raise UserError(f"--pictures {folder} is no folder; name one that holds pictures.")
    paths, rows = [], []
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for path in tqdm(files, desc="pictures"):
        try:
            if looks_like_picture(path):
                rows.append(trained.tower.pooled([open_picture(path)]))
                paths.append(path)
        except (RefusedPictureError, OSError) as error:
            print(f"left out: {path.name}: {error}", file=sys.stderr)
    if not paths:
        raise UserError(f"--pictures {folder} holds no PNG, JPEG, WEBP or GIF picture that can be read.")

    def read(number: int) -> bytes:
        return png_bytes(open_picture(paths[number]))

    names = tuple(path.name for path in paths)
    return Shelf(Pictures.of(trained.model, np.concatenate(rows), names), names, read)
