"""Which row's picture differs in a shard that is not the sealed one, and whether rows and pictures agree.

A sealed digest over the whole shard covers every picture in it, so members are only read where it doesn't fit, or
where it is asked for. The walk goes by what `stages.shards.write_shard` writes: any other byte is an odd one.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = tarfile.BLOCKSIZE
CHUNKED = 1 << 20
COLUMNS = ("image", "view")  # of rows.parquet: pictures as stored, and as tokenized


@dataclass(frozen=True)
class Picture:
    """What a row says of its picture."""

    row: str
    shard: str
    member: str
    sha256: str


@dataclass(frozen=True)
class Misfit:
    """The first thing in a shard that is not as its rows say. `row` is "" where no single row can be named."""

    row: str
    expected: str
    found: str
    what: str


@dataclass(frozen=True)
class Member:
    """One member as it lies in the shard; `plain` when its header and padding are just as `write_shard` writes."""

    name: str
    sha256: str
    plain: bool


def pictures_of(folder: Path) -> dict[str, list[Picture]]:
    """The rows with a picture, by shard, in the order of members; {} for a folder without such rows."""
    import pyarrow.parquet as pq

    path = folder / "rows.parquet"
    if not path.is_file():
        return {}
    file = pq.ParquetFile(path)
    column = next((name for name in COLUMNS if name in file.schema_arrow.names), None)
    if column is None:
        return {}
    shards: dict[str, list[Picture]] = {}
    for batch in file.iter_batches(columns=["id", column]):
        for row, image in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            for picture in _pictures(row, image):
                shards.setdefault(picture.shard, []).append(picture)
    return {shard: sorted(found, key=lambda picture: picture.member) for shard, found in sorted(shards.items())}


def _pictures(row: str, images: Any) -> Iterator[Picture]:
    for image in images if isinstance(images, list) else [images]:
        if image and image.get("shard"):
            yield Picture(row, image["shard"], image["member"], image["sha256"])


def first_misfit(shard: Path, pictures: list[Picture]) -> Misfit | None:
    """The first picture in the order of the shard that isn't the one that its row names; None when all fit."""
    wanted: dict[str, list[Picture]] = {}
    for picture in pictures:
        wanted.setdefault(picture.member, []).append(picture)
    seen: set[str] = set()
    end: Member | None = None
    for member in walk(shard):
        if member.name == "":
            end = member
            break
        misfit = _compare(member, wanted, seen)
        if misfit is not None:
            return misfit
        seen.add(member.name)
    first = next((named[0] for name, named in wanted.items() if name not in seen), None)
    if first is not None:
        return Misfit(first.row, first.sha256, "", f"no picture {first.member} can be read from the shard")
    if end is not None:
        return Misfit("", "", end.sha256, "the bytes after the last picture are not those of an empty end")
    return None


def _compare(member: Member, wanted: dict[str, list[Picture]], seen: set[str]) -> Misfit | None:
    if member.name not in wanted:
        skipped = next((named[0] for name, named in wanted.items() if name not in seen), None)
        return Misfit(skipped.row if skipped else "", "", member.sha256, f"{member.name} is no row's picture")
    for picture in wanted[member.name]:
        if picture.sha256 != member.sha256:
            return Misfit(picture.row, picture.sha256, member.sha256, f"the picture {member.name} has other bytes")
    if not member.plain:
        row = wanted[member.name][0].row
        return Misfit(row, "", "", f"the tar header or padding of {member.name} was changed; the picture is whole")
    return None


def walk(shard: Path) -> Iterator[Member]:
    """The members in order; then one without a name, where no header can be read or the end isn't empty."""
    with shard.open("rb", buffering=CHUNKED) as stream:
        while header := stream.read(BLOCK):
            if header == bytes(BLOCK):
                break
            try:
                info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            except tarfile.HeaderError:
                yield Member("", hashlib.sha256(header).hexdigest(), False)
                return
            data = stream.read(info.size)
            padding = stream.read(-info.size % BLOCK)
            plain = header == _header(info.name, info.size) and not padding.strip(b"\0") and len(data) == info.size
            yield Member(info.name, hashlib.sha256(data).hexdigest(), plain)
        rest = stream.read()
        if rest.strip(b"\0"):
            yield Member("", hashlib.sha256(rest).hexdigest(), False)


def _header(name: str, size: int) -> bytes:
    """The header that `write_shard` writes for a member."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, 0, 0o644
    try:
        return info.tobuf(tarfile.USTAR_FORMAT)
    except (ValueError, UnicodeError):  # a name that no shard of ours can hold
        return b""
