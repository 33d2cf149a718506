"""Digests of many files on all cores: hashlib lets other threads run while it works.

Hard links to one file (DVC's cache makes them) are the same bytes, so they are read once.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CHUNK = 4 << 20  # bytes; between two reads a thread waits for its turn of Python's lock


@dataclass(frozen=True)
class Hashed:
    """What was read: each path's sha256 (None where no file is), and how many bytes of how many files."""

    digests: dict[Path, str | None]
    files: int
    bytes: int


def usable_cores() -> int:
    """The cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hash_file(path: Path) -> str:
    """sha256 of one file's bytes, in hex."""
    digest = hashlib.sha256()
    view = memoryview(bytearray(max(1, min(CHUNK, path.stat().st_size))))
    with path.open("rb", buffering=0) as stream:
        while count := stream.readinto(view):
            digest.update(view[:count])
    return digest.hexdigest()


def hash_files(paths: Iterable[Path], threads: int) -> Hashed:
    """Digests of `paths`; the largest files first, so that the cores end at about the same time."""
    links: dict[tuple[int, int], list[Path]] = {}
    digests: dict[Path, str | None] = {}
    sizes: dict[tuple[int, int], int] = {}
    for path in dict.fromkeys(paths):
        digests[path] = None
        if path.is_file():
            facts = path.stat()
            links.setdefault((facts.st_dev, facts.st_ino), []).append(path)
            sizes[facts.st_dev, facts.st_ino] = facts.st_size
    order = sorted(links, key=lambda file: -sizes[file])
    firsts: Sequence[Path] = [links[file][0] for file in order]
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for file, digest in zip(order, pool.map(hash_file, firsts), strict=True):
            digests.update(dict.fromkeys(links[file], digest))
    return Hashed(digests, len(order), sum(sizes.values()))
