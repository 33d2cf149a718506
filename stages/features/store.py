"""A folder of frozen features: one float32 vector a picture, found by the picture's sha256.

`features.safetensors` holds `pooled` (pictures, width); `index.parquet` says which row is whose;
`manifest.json` names the tower, and comes last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.checked import check_file
from stages.features.tower import Identity
from stages.params import UserError
from stages.record import Record, read_manifest, write_manifest

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Features:
    """`pooled` is (pictures, width) float32; `row` maps a picture's sha256 to its row."""

    folder: Path
    tower: Identity
    pooled: "np.ndarray"
    row: dict[str, int]

    @property
    def width(self) -> int:
        return int(self.pooled.shape[1])

    def of(self, pictures: Sequence[tuple[str, str]]) -> "np.ndarray":
        """(n, width) for (row id, sha256) pairs; UserError names the first row that has none."""
        missing = next((pair for pair in pictures if pair[1] not in self.row), None)
        if missing:
            raise UserError(
                f"{self.folder} has no features for the picture of row {missing[0]} (sha256 {missing[1][:12]}): its "
                "bytes are not those that the features were made from; run `dvc repro` for the features stage."
            )
        return self.pooled[[self.row[digest] for _, digest in pictures]]  # type: ignore[no-any-return]


def write_features(folder: Path, digests: list[str], pooled: "np.ndarray", tower: Identity, facts: Any) -> None:
    """Write a finished folder; `digests[i]` is the picture of `pooled[i]`, in sorted order."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from safetensors.numpy import save_file

    save_file({"pooled": pooled}, folder / "features.safetensors")
    pq.write_table(pa.table({"sha256": digests}), folder / "index.parquet", compression="zstd")
    write_manifest(folder, {**facts, "tower": asdict(tower), "width": int(pooled.shape[1])})


def read_features(folder: Path, expected: Identity) -> Features:
    """The features in `folder`; UserError when they are another tower's, or fitted in another way."""
    import numpy as np
    import pyarrow.parquet as pq
    from safetensors.numpy import load_file

    if not folder.is_dir():
        raise UserError(f"{folder} holds no features: name a row of `features:` in this recipe's `features`.")
    facts = read_manifest(folder)
    if facts.get("what", "pooled") != "pooled":
        raise UserError(
            f"{folder} holds {facts['what']}, not one vector a picture: name a row of `features:` whose `what` is "
            "`pooled` in this recipe's `features`."
        )
    found = Identity(**facts["tower"])
    for key, wanted in asdict(expected).items():
        if getattr(found, key) != wanted:
            raise UserError(
                f"{folder} was made by a tower whose {key} is {getattr(found, key)!r}; this recipe's is {wanted!r}: "
                "let both name one base and one model, and run `dvc repro` for the features."
            )
    pooled = load_file(check_file(folder, "features.safetensors"))["pooled"]
    digests = pq.read_table(check_file(folder, "index.parquet"))["sha256"].to_pylist()
    if len(digests) != len(pooled) or not np.isfinite(pooled).all():
        raise UserError(f"{folder} is damaged ({len(digests)} pictures, {len(pooled)} rows): `dvc checkout --force`.")
    return Features(folder, found, pooled, {digest: row for row, digest in enumerate(digests)})


def distinct(records: Iterable[Record]) -> list[Record]:
    """One record a picture, sorted by the picture's sha256."""
    return sorted({record.image.sha256: record for record in records}.values(), key=lambda one: one.image.sha256)
