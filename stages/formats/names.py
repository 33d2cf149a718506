"""File names for pictures that leave: safe on every file system, unlike even when case is ignored."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from stages.params import UserError
from stages.record import Record

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
LONGEST_STEM = 40


def file_names(records: Sequence[Record]) -> list[str]:
    """One name a record, in order: its id in small letters, digits and hyphens, and a digest of the id.

    The digest keeps ids apart that look alike once sanitised, and makes `con` or `nul` (reserved on
    Windows) something else. It grows in the unlikely case that two names still agree.
    """
    for length in (8, 16, 64):
        names = [_name(record, length) for record in records]
        if len({PurePosixPath(name).stem for name in names}) == len(names):
            return names
    raise UserError("two rows have the same id: rebuild the stage that wrote them.")


def coco_id(record: Record) -> int:
    """COCO's image ids are numbers: this one follows from the row's id, and is exact in a double."""
    return int(hashlib.sha256(record.id.encode()).hexdigest()[:13], 16)


def _name(record: Record, length: int) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", record.id.casefold())[:LONGEST_STEM].strip("-") or "row"
    suffix = PurePosixPath(record.image.member).suffix.lower()
    digest = hashlib.sha256(record.id.encode("utf-8", "backslashreplace")).hexdigest()[:length]
    return f"{stem}-{digest}{suffix if suffix in SUFFIXES else '.png'}"
