"""Pictures into tar shards, as they came: only the first bytes are looked at, `curate` decodes them in a sandbox."""

import hashlib
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from stages.ingest.found import Found
from stages.ingest.parameters import Ingest
from stages.params import UserError
from stages.pictures import SIGNATURES, RefusedPictureError
from stages.record import Drop, Image, Record, Source
from stages.shards import shard_of

IMPORTER = "plumbline.ingest/2"
START = 512  # bytes that are looked at
MOST_BYTES = 1 << 30  # of one file: no picture is that large, and a sparse file costs nothing
NO_PICTURE = "not a PNG, JPEG, WEBP or GIF picture"
KINDS = (  # what else people keep among pictures, by how it starts
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89HDF", "HDF5"),
    (b"SQLite format 3\0", "SQLite"),
)


def pack(params: Ingest, found: Iterable[Found], out: Path) -> Iterator[Record | Drop]:
    """Write one shard of `out` after the other; memory holds a piece of one file. Equal input gives equal bytes."""
    from tqdm import tqdm

    shards: dict[str, list[Found]] = {}
    for one in found:
        shards.setdefault(shard_of(one.id), []).append(one)
    with tqdm(total=sum(map(len, shards.values())), desc="ingest", unit="picture") as progress:
        for shard, group in sorted(shards.items()):
            path = out / shard
            packed = 0
            with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
                for one in sorted(group, key=lambda one: one.id):
                    done = _packed(params, one, tar, shard)
                    packed += isinstance(done, Record)
                    yield done
                    progress.update()
            if not packed:
                path.unlink()


def flaw_of(start: bytes) -> str:
    """What a file that starts so is instead of a picture; "" for one of the formats that are read.

    Magic numbers: those of the formats' own specifications, and RFC 9649 for WEBP.
    """
    if start.startswith(SIGNATURES) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        return ""
    known = next((kind for magic, kind in KINDS if start.startswith(magic)), "")
    if known:
        return known
    if start[4:8] == b"ftyp":
        return f"ISO media ({start[8:12].decode('ascii', 'backslashreplace').strip()})"  # AVIF, HEIC, MP4
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "HTML"
    if text.startswith((b"<?xml", b"<svg")):
        return "SVG or other XML"
    return "text" if _is_text(start) else "unknown binary"


def _is_text(start: bytes) -> bool:
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(start) - 4 and b"\0" not in start  # the last character is cut off
    return b"\0" not in start


def _packed(params: Ingest, one: Found, tar: tarfile.TarFile, shard: str) -> Record | Drop:
    try:
        stream = one.open()
    except OSError as error:
        return Drop(one.id, "cannot be opened", f"{one.where}: {error.strerror}")
    except RefusedPictureError as refused:
        return Drop(one.id, refused.reason, one.where)
    with stream:
        size = stream.seek(0, os.SEEK_END)
        if not size:
            return Drop(one.id, "empty file", one.where)
        if size > MOST_BYTES:
            return Drop(one.id, "too many bytes", f"{one.where}: {size}, over {MOST_BYTES}")
        stream.seek(0)
        flaw = flaw_of(stream.read(START))
        if flaw:
            return Drop(one.id, NO_PICTURE, f"{one.where}: {flaw}")
        stream.seek(0)
        return _record(params, one, shard, _append(tar, one, stream, size))


class _Hashed:
    """A stream that hashes what is read from it, so that the digest is that of the bytes which were written."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


def _append(tar: tarfile.TarFile, one: Found, stream: BinaryIO, size: int) -> str:
    """Add the stream's `size` bytes; its sha256. As `stages.shards.write_shard` writes a member."""
    info = tarfile.TarInfo(one.id)
    info.size, info.mtime, info.mode = size, 0, 0o644
    hashed = _Hashed(stream)
    try:
        tar.addfile(info, hashed)
        changed = bool(stream.read(1))
    except OSError as error:
        raise UserError(f"{one.where} can't be read to its end ({error}): copy it anew, or remove it.") from error
    if changed:
        raise UserError(f"{one.where} grew while it was imported: import again when nobody writes to the folder.")
    return hashed.digest.hexdigest()


def _record(params: Ingest, one: Found, shard: str, digest: str) -> Record:
    image = Image(digest, shard, one.id, 0, 0)
    source = Source(
        kind="folder",
        licence=params.licence,
        importer=IMPORTER,
        file=one.name,
        parameters=json.dumps(one.said, sort_keys=True, ensure_ascii=False),
        sha256=digest,
    )
    return Record(one.id, image, one.texts, one.label, one.entity or digest, source)
