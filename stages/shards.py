"""Deterministic tar shards: 100k pictures cost DVC what 16 files cost.

A member's shard follows from its name alone, so each worker can write whole shards; members are
sorted and carry no time, owner or mode of this machine. Any tar reader opens them.
"""

import hashlib
import io
import tarfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path

from stages.params import UserError

SHARDS = 16
OPEN_AT_ONCE = 32


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def shard_of(row_id: str) -> str:
    """The shard of a row, by its id's hash: "0.tar" to "f.tar"."""
    return f"{int(hashlib.sha256(row_id.encode()).hexdigest()[0], 16) % SHARDS:x}.tar"


def write_shard(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write one tar with the members sorted by name; the same members give the same bytes."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(members):
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), 0, 0o644
            tar.addfile(info, io.BytesIO(data))


class ShardReader:
    """Reads members of a folder's shards by (shard, member), checked against their sha256.

    Offsets are read once a shard; files stay open (a few at a time), so random order is cheap.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: OrderedDict[str, tuple[io.BufferedReader, dict[str, tuple[int, int]]]] = OrderedDict()

    def read(self, shard: str, member: str, digest: str | None = None) -> bytes:
        """The member's bytes; UserError when it is missing or differs from `digest`."""
        stream, index = self._shard(shard)
        if member not in index:
            raise UserError(f"{self.folder / shard} has no member {member}: run `dvc checkout`, or rebuild the stage.")
        offset, size = index[member]
        stream.seek(offset)
        data = stream.read(size)
        if digest is not None and sha256(data) != digest:
            raise UserError(
                f"{member} in {self.folder / shard} is not the picture that its row names "
                f"(sha256 {sha256(data)[:12]}, expected {digest[:12]}): run `dvc checkout --force`."
            )
        return data

    def _shard(self, shard: str) -> tuple[io.BufferedReader, dict[str, tuple[int, int]]]:
        if shard not in self._open:
            path = self.folder / shard
            if not path.is_file():
                raise UserError(f"{path} is missing: run `dvc checkout`, or rebuild the stage.")
            try:
                with tarfile.open(path) as tar:
                    index = {info.name: (info.offset_data, info.size) for info in tar}
            except tarfile.TarError as error:
                raise UserError(f"{path} is damaged ({error}): `rm` it, then `dvc checkout --force`.") from error
            self._open[shard] = (path.open("rb"), index)
            if len(self._open) > OPEN_AT_ONCE:
                self._open.popitem(last=False)[1][0].close()
        self._open.move_to_end(shard)
        return self._open[shard]

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1][0].close()

    def __enter__(self) -> "ShardReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every member of one shard, in order."""
    with tarfile.open(path) as tar:
        for info in tar:
            stream = tar.extractfile(info)
            if stream is not None:
                yield info.name, stream.read()
