"""A folder of frozen patches: for each picture what CLIP's last layer but one says of each patch, in float16.

LLaVA's choice (Liu et al. 2023, arXiv:2304.08485): `hidden_states[-2]` without the class token.
`patches-NNNNN.safetensors` hold `patches` (pictures, patches, width); `index.parquet` says where whose are;
`manifest.json` names the tower, and comes last. Neither writing nor reading needs them all in memory.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.checked import check_file
from stages.features.tower import Identity, Tower
from stages.params import UserError
from stages.record import read_manifest, write_manifest

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

LAYER = -2  # transformers' vision_feature_layer of LLaVA
SHARD_BYTES = 128 * 2**20  # 1783 pictures of ViT-B/32


def patches_of(tower: Tower, pictures: "list[Image.Image]") -> "np.ndarray":
    """(n, patches, width) float32: the tower's last hidden layer but one, without the class token."""
    import torch

    with torch.inference_mode():
        out = tower.vision(pixel_values=tower.pixels(pictures).to(tower.device), output_hidden_states=True)
    return out.hidden_states[LAYER][:, 1:].float().cpu().numpy()  # type: ignore[no-any-return]


class PatchWriter:
    """Writes full shards as pictures come; `close` writes the rest, the index and the manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.a_shard = folder, 1
        self.digests: list[str] = []
        self._waiting: list[np.ndarray] = []
        self._shape: tuple[int, int] = (0, 0)

    def add(self, digests: Sequence[str], patches: "np.ndarray") -> None:
        """`patches` (n, patches, width) of the pictures `digests`; UserError where float16 can't hold them."""
        import numpy as np

        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused below
            narrow = patches.astype(np.float16)
        bad = ~np.isfinite(narrow).all(axis=(1, 2))
        if bad.any():
            raise UserError(
                f"the tower says something of picture {digests[int(bad.argmax())][:12]} that float16 can't hold (or no "
                "number at all): look at the picture, or take another tower."
            )
        self._shape = (int(narrow.shape[1]), int(narrow.shape[2]))
        self.a_shard = max(1, SHARD_BYTES // narrow[0].nbytes)
        for digest, one in zip(digests, narrow, strict=True):
            self.digests.append(digest)
            self._waiting.append(one)
            if len(self._waiting) == self.a_shard:
                self._flush()

    def _flush(self) -> None:
        import numpy as np
        from safetensors.numpy import save_file

        if self._waiting:
            number = (len(self.digests) - 1) // self.a_shard
            save_file({"patches": np.stack(self._waiting)}, self.folder / _shard(number))
            self._waiting = []

    def close(self, tower: Identity, facts: dict[str, Any]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._flush()
        places = range(len(self.digests))
        columns = {
            "sha256": self.digests,
            "shard": pa.array([place // self.a_shard for place in places], pa.int32()),
            "row": pa.array([place % self.a_shard for place in places], pa.int32()),
        }
        pq.write_table(pa.table(columns), self.folder / "index.parquet", compression="zstd")
        patches, width = self._shape
        shape = {"what": "patches", "layer": LAYER, "patches": patches, "width": width}
        write_manifest(self.folder, {**facts, **shape, "tower": asdict(tower)})


@dataclass(frozen=True)
class Patches:
    """Memory-mapped patches of one tower; `place` maps a picture's sha256 to (shard, row)."""

    folder: Path
    tower: Identity
    patches: int
    width: int
    place: dict[str, tuple[int, int]]
    _open: dict[int, Any] = field(default_factory=dict, repr=False)

    def require(self, pictures: Sequence[tuple[str, str]]) -> None:
        """UserError that names the first of (row id, sha256) pairs without patches."""
        missing = next((pair for pair in pictures if pair[1] not in self.place), None)
        if missing:
            raise UserError(
                f"{self.folder} has no patches for the picture of row {missing[0]} (sha256 {missing[1][:12]}): its "
                "bytes are not those that the features were made from; run `dvc repro` for the features stage."
            )

    def of(self, pictures: Sequence[tuple[str, str]]) -> "np.ndarray":
        """(n, patches, width) float16 for (row id, sha256) pairs; UserError names the first row that has none."""
        import numpy as np

        self.require(pictures)
        found = np.empty((len(pictures), self.patches, self.width), np.float16)
        for number, (name, digest) in enumerate(pictures):
            shard, row = self.place[digest]
            found[number] = self._shard(shard, name)[row]
        return found

    def rows(self, pictures: Sequence[tuple[str, str]]) -> "Rows":
        """Those pictures' patches, read when they are asked for: `rows(pairs)[[0, 5]]`."""
        self.require(pictures)
        return Rows(self, pictures)

    def _shard(self, number: int, row: str | None = None) -> Any:
        """The shard's tensor as the file holds it: hashed when `row` is the first to need it, then only sliced."""
        if number not in self._open:
            path = check_file(self.folder, _shard(number), row)
            self._open[number] = _mapped(path, self.patches, self.width)
        return self._open[number]


@dataclass(frozen=True)
class Rows:
    """(len, patches, width) that is read row by row; indexed with a list of row numbers."""

    source: Patches
    pictures: Sequence[tuple[str, str]]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, numbers: Sequence[int]) -> "np.ndarray":
        return self.source.of([self.pictures[number] for number in numbers])


def read_patches(folder: Path, expected: Identity) -> Patches:
    """The patches in `folder`; UserError when they are another tower's, fitted in another way, or no patches."""
    import pyarrow.parquet as pq

    if not folder.is_dir():
        raise UserError(f"{folder} holds no features: name a row of `features:` in this recipe's `features`.")
    manifest = read_manifest(folder)
    if manifest.get("what") != "patches":
        raise UserError(f"{folder} holds one vector a picture: set `what: patches` in its row under `features:`.")
    found = Identity(**manifest["tower"])
    for key, wanted in asdict(expected).items():
        if getattr(found, key) != wanted:
            raise UserError(
                f"{folder} was made by a tower whose {key} is {getattr(found, key)!r}; this recipe's is {wanted!r}: "
                "let both name one base and one model, and run `dvc repro` for the features."
            )
    index = pq.read_table(check_file(folder, "index.parquet"))
    digests, shards, rows = (index[name].to_pylist() for name in ("sha256", "shard", "row"))
    for number in sorted(set(shards)):
        if not (folder / _shard(number)).is_file():
            raise UserError(f"{folder / _shard(number)} is missing: `dvc checkout --force`.")
    place = dict(zip(digests, zip(shards, rows, strict=True), strict=True))
    return Patches(folder, found, manifest["patches"], manifest["width"], place)


def _shard(number: int) -> str:
    return f"patches-{number:05d}.safetensors"


def _mapped(path: Path, patches: int, width: int) -> "np.ndarray":
    """The one tensor of a safetensors file as a read-only map: 8 bytes of header length, JSON header, data.

    safetensors' own `get_slice` reads a header for each slice; a map is an array like any other.
    """
    import json

    import numpy as np

    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        try:
            told = json.loads(stream.read(length))["patches"]
            count, *rest = told["shape"]
            sound = told["dtype"] == "F16" and rest == [patches, width] and told["data_offsets"][0] == 0
            mapped = np.memmap(path, np.float16, "r", 8 + length, (count, patches, width))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is damaged ({error}): `dvc checkout --force`.") from error
    if not sound:
        raise UserError(f"{path} holds {told}, not float16 patches ({patches}, {width}): `dvc checkout --force`.")
    return mapped
