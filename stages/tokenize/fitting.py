"""From curated pictures to views: what the model is given, before normalisation."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stages.params import UserError
from stages.record import Image, Record
from stages.shards import ShardReader, sha256, write_shard

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


def fit_shard(
    curated: Path, shard: str, records: list[Record], fit: Callable[["Picture"], "Picture"], out: Path
) -> list[tuple[str, Image]]:
    """Fit one shard's pictures and write them as a shard of views; a worker's whole job."""
    from PIL import Image as Pillow

    views, members = [], []
    with ShardReader(curated) as pictures:
        for record in records:
            data = pictures.read(shard, record.image.member, record.image.sha256)
            try:
                view = fit(Pillow.open(io.BytesIO(data)))
            except OSError as error:
                raise UserError(f"{record.image.member} in {curated / shard} is no picture: {error}") from error
            encoded = io.BytesIO()
            view.save(encoded, "PNG", compress_level=1)
            members.append((f"{record.id}.png", encoded.getvalue()))
            views.append((record.id, Image(sha256(members[-1][1]), shard, members[-1][0], *view.size)))
    write_shard(out / shard, members)
    return views
