"""What stored pictures look like: perceptual hashes beside the index, made once, when a picture is first asked for."""

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.lineage.used.adding import read_records
from stages.lineage.used.facts import NEAR_BITS, Known
from stages.lineage.used.files import Files
from stages.lineage.used.index import Index, Piece
from stages.record import Image
from stages.shards import ShardReader

PICTURES_A_WORKER = 500  # below this, starting another process takes longer than hashing
DIGEST = 32  # bytes of a sha256
WIDE = NEAR_BITS // 8

Hashes = NDArray[np.uint8]


def look(index: Index, known: Known, piece: Piece, files: Files) -> str:
    """Hash the pictures that an adapter was trained on; why that can't be done, or ""."""
    done = "SELECT 1 FROM looks WHERE adapter = ?"
    if not known.outside or index.db.execute(done, (piece.number,)).fetchone():
        return ""
    table = files.find(known.table)
    if table is None:
        return f"{known.folder}/rows.parquet as it was is neither in the tree nor in DVC's cache"
    source, wanted = _unhashed(index, piece)
    images = {}
    for record in read_records(table, lambda _: bool(wanted)):
        digest = bytes.fromhex(record.image.sha256)
        if digest in wanted:
            images[digest] = record.image
    with files.shards(known.shards) as folder:
        if folder is None:
            return f"the pictures of {known.folder} as they were are neither in the tree nor in DVC's cache"
        found = hashed(folder, images.values())
    with index.writing() as db:
        stored, hashes = b"".join(found), b"".join(found.values())
        db.execute("INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?)", (source, piece.number, stored, hashes))
    return ""


def hashed(folder: Path, images: Iterable[Image]) -> dict[bytes, bytes]:
    """Perceptual hash by stored digest, of pictures in the shards of `folder`, on all cores."""
    from joblib import Parallel, cpu_count, delayed
    from tqdm import tqdm

    shards: dict[str, list[Image]] = defaultdict(list)
    for image in images:
        shards[image.shard].append(image)
    count = sum(map(len, shards.values()))
    workers = max(1, min(cpu_count(), count // PICTURES_A_WORKER))
    jobs = (delayed(_hash_shard)(folder, members) for _, members in sorted(shards.items()))
    found: dict[bytes, bytes] = {}
    with tqdm(total=count, desc="looking at pictures", unit="picture", disable=None) as progress:
        for part in Parallel(n_jobs=workers, return_as="generator_unordered")(jobs):
            found |= part
            progress.update(len(part))
    return dict(sorted(found.items()))


def _hash_shard(folder: Path, images: Sequence[Image]) -> dict[bytes, bytes]:
    with ShardReader(folder) as reader:
        return {
            bytes.fromhex(image.sha256): hashes_of(reader.read(image.shard, image.member, image.sha256))[0]
            for image in images
        }


def hashes_of(data: bytes, oriented: bool = False) -> tuple[bytes, ...]:
    """A picture's own hash, and with `oriented` those of its flipped, turned and cropped selves.

    RefusedPictureError when it can't be decoded.
    """
    from stages.curate.perceptual import oriented_hashes, perceptual_hash
    from stages.pictures import open_picture

    picture = open_picture(io.BytesIO(data))
    return oriented_hashes(picture, NEAR_BITS) if oriented else (perceptual_hash(picture, NEAR_BITS),)


def near(index: Index, piece: Piece, hashes: Sequence[bytes], radius: int) -> dict[bytes, int]:
    """Stored digests of pictures within `radius` bits of one of `hashes`, and how far they are.

    Looked through are all hashes of the adapter's source: another one's that was trained on the same data included.
    """
    found: dict[bytes, int] = {}
    asked = np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, WIDE // 8)
    for stored, packed in _looks(index, piece):
        rows = np.frombuffer(packed, np.uint64).reshape(-1, WIDE // 8)
        apart = np.full(len(rows), NEAR_BITS, np.int64)
        for one in asked:
            np.minimum(apart, np.bitwise_count(rows ^ one).sum(axis=1, dtype=np.int64), out=apart)
        for place in np.flatnonzero(apart <= radius).tolist():
            found[stored[place * DIGEST : (place + 1) * DIGEST]] = int(apart[place])
    return found


def hash_of(index: Index, digest: bytes) -> bytes | None:
    """The kept hash of a stored picture."""
    for stored, hashes in index.db.execute("SELECT stored, hashes FROM looks"):
        digests = np.frombuffer(stored, np.dtype(f"V{DIGEST}"))
        place = np.flatnonzero(digests == np.frombuffer(digest, np.dtype(f"V{DIGEST}"))[0])
        if len(place):
            return bytes(hashes[place[0] * WIDE : (place[0] + 1) * WIDE])
    return None


def _looks(index: Index, piece: Piece) -> list[tuple[bytes, bytes]]:
    query = "SELECT stored, hashes FROM looks WHERE source = (SELECT source FROM items WHERE number = ?)"
    return index.db.execute(query, (piece.low,)).fetchall()


def _unhashed(index: Index, piece: Piece) -> tuple[int, set[bytes]]:
    """The adapter's source, and the stored digests of its pictures that no adapter of that source has hashed yet."""
    row: Any = index.db.execute("SELECT source FROM items WHERE number = ?", (piece.low,)).fetchone()
    query = "SELECT DISTINCT i.stored FROM uses u JOIN items i ON i.number = u.item WHERE u.adapter = ?"
    wanted = {stored for (stored,) in index.db.execute(query, (piece.number,)) if stored}
    for stored, _ in _looks(index, piece):
        wanted -= {stored[place : place + DIGEST] for place in range(0, len(stored), DIGEST)}
    return (int(row[0]) if row else 0), wanted
