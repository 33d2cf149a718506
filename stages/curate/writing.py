"""Pictures on their way through: looked at, and written as they were or as PNGs that hold pixels and nothing else."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from stages.curate.decode import Facts, Job, Quarantine, inspect, reencode
from stages.curate.parameters import Curate
from stages.record import Image, Record
from stages.shards import ShardReader, sha256, shard_of, write_shard


def as_fetched(record: Record) -> bool:
    """Whether a row's picture is whatever came from outside; else it is our own PNG, whose size is known."""
    return record.image.width == 0


def look_at(params: Curate, raw: Path, records: Iterable[Record]) -> dict[str, Facts | Quarantine]:
    """Facts of every picture that the parameters ask about, each picture once; by `Image.sha256`."""
    asked = [record for record in records if as_fetched(record) or params.asks_about_pictures]
    jobs = _jobs(raw, asked)
    near = params.near_duplicates
    bits, oriented = (near.bits, near.oriented) if near is not None else (None, False)
    found = dict(inspect(jobs, params.pictures.limits, bits, oriented)) if jobs else {}
    if found.keys() != {job.id for job in jobs}:
        raise RuntimeError(f"{len(jobs)} pictures to look at, but {len(found)} answers")
    return found


def _jobs(raw: Path, records: Iterable[Record]) -> list[Job]:
    """One job a picture, called by its digest."""
    images = {record.image.sha256: record.image for record in records}
    return [Job(digest, raw, image.shard, image.member, digest) for digest, image in images.items()]


@dataclass
class Written:
    """Rows that point at what was written; none when writing showed what looking had not."""

    records: list[Record] = field(default_factory=list)
    failed: dict[str, Quarantine] = field(default_factory=dict)  # pictures that failed after all, by `Image.sha256`
    pixels: dict[str, str] = field(default_factory=dict)  # digest of the PNG, by that of the original
    repeated: int = 0  # digests that more than one row came out with

    @property
    def settled(self) -> bool:
        return not self.failed and not self.repeated


def write_pictures(params: Curate, raw: Path, records: Sequence[Record], out: Path) -> Written:
    """Write `out`'s own shards, one after the other, so that memory holds the pictures of one.

    PNGs come back from the sandbox in any order: they wait in files until their shard's turn.
    """
    waiting = out / "reencoded"
    waiting.mkdir()
    written = Written()
    images: dict[str, Image] = {}
    jobs = _jobs(raw, (record for record in records if as_fetched(record) or _too_large(params, record)))
    for digest, result in reencode(jobs, params.pictures.limits, params.pictures.longest_side) if jobs else ():
        if isinstance(result, Quarantine):
            written.failed[digest] = result
        else:
            (waiting / digest).write_bytes(result.png)
            images[digest] = Image(sha256(result.png), "", "", result.width, result.height)
    if len(images) + len(written.failed) != len(jobs):
        raise RuntimeError(f"{len(jobs)} pictures to re-encode, but {len(images) + len(written.failed)} answers")

    written.pixels = {digest: image.sha256 for digest, image in images.items()}
    counts = Counter(written.pixels.get(record.image.sha256, record.image.sha256) for record in records)
    written.repeated = sum(count > 1 for count in counts.values())
    if written.settled:
        written.records = _pack(raw, records, images, waiting, out)
    shutil.rmtree(waiting)
    return written


def _pack(raw: Path, records: Iterable[Record], images: dict[str, Image], waiting: Path, out: Path) -> list[Record]:
    """Shards of `waiting` PNGs and of bytes as they are; returns the rows that point there."""
    from tqdm import tqdm

    shards: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        shards[shard_of(record.id)].append(record)
    packed = []
    with ShardReader(raw) as reader:
        for shard, rows in tqdm(sorted(shards.items()), desc="writing", unit="shard"):
            members = []
            for record in rows:
                image, source = record.image, record.source
                if image.sha256 in images:
                    data = (waiting / image.sha256).read_bytes()
                    image, suffix = images[image.sha256], ".png"
                    source = replace(source, sha256=record.origin)
                else:
                    data = reader.read(image.shard, image.member, image.sha256)
                    suffix = PurePosixPath(image.member).suffix
                image = replace(image, shard=shard, member=record.id + suffix)
                members.append((image.member, data))
                packed.append(replace(record, image=image, source=source))
            write_shard(out / shard, members)
    return packed


def _too_large(params: Curate, record: Record) -> bool:
    longest = params.pictures.longest_side
    return longest is not None and max(record.image.width, record.image.height) > longest
