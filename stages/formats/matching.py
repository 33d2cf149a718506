"""Which picture of a table a caption from outside is about.

A file calls a picture by its digest, our id or address, an exported file name, or the name that it had
where it came from. The first kind of name that fits decides; one that fits two pictures decides nothing.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote, urlsplit

from stages.formats.captioned import Captioned, Flaw
from stages.formats.names import coco_id, file_names
from stages.record import Record

SHORTEST_PREFIX = 12  # hex digits of a digest
Names = dict[str, set[str]]  # name -> origins of the pictures that it can mean


def match(captioned: Iterable[Captioned], records: Sequence[Record]) -> tuple[dict[str, list[Captioned]], list[Flaw]]:
    """Captions by `Record.origin` in their order, and a Flaw for each that names no picture, or several."""
    exact, files, stems = _exact(records), _files(records), _stems(records)
    digests = sorted({(digest, one.origin) for one in records for digest in (one.origin, one.image.sha256)})
    found: dict[str, list[Captioned]] = {}
    flaws: list[Flaw] = []
    for one in captioned:
        name = _folded(one.picture)
        file = _last_part(name)
        kinds = (exact.get(name), _by_prefix(digests, name), files.get(file), stems.get(_stem(file)), stems.get(file))
        origins = next((kind for kind in kinds if kind), set())
        if len(origins) == 1:
            found.setdefault(next(iter(origins)), []).append(one)
        else:
            reason = "picture is ambiguous" if origins else "unknown picture"
            flaws.append(Flaw(one.line, reason, one.picture))
    return found, flaws


def _exact(records: Sequence[Record]) -> Names:
    return _index(
        (name, record.origin)
        for record in records
        for name in (
            record.id,
            record.origin,
            record.image.sha256,
            record.source.url,
            record.source.file,
            str(coco_id(record)),
        )
    )


def _files(records: Sequence[Record]) -> Names:
    return _index(
        (file, record.origin)
        for record, exported in zip(records, file_names(records), strict=True)
        for file in (exported, _last_part(record.source.file), _last_part(record.source.url))
    )


def _stems(records: Sequence[Record]) -> Names:
    """File names without their suffix: FROMAGe's tables name pictures so, and tools change the suffix."""
    return _index((_stem(file), origin) for file, origins in _files(records).items() for origin in origins)


def _index(pairs: Iterable[tuple[str, str]]) -> Names:
    found: Names = {}
    for name, origin in pairs:
        if name:
            found.setdefault(_folded(name), set()).add(origin)
    return found


def _by_prefix(digests: list[tuple[str, str]], name: str) -> set[str]:
    """Origins of the digests that begin with the name's digits, with or without a suffix or folders."""
    prefix = _stem(_last_part(name))
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_PREFIX},64}}", prefix):
        return set()
    return set(_starting_with(digests, prefix))


def _starting_with(digests: list[tuple[str, str]], prefix: str) -> Iterator[str]:
    for position in range(bisect_left(digests, (prefix, "")), len(digests)):
        digest, origin = digests[position]
        if not digest.startswith(prefix):
            return
        yield origin


def _folded(name: str) -> str:
    """Capitals and the spelling of accents differ between file systems."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def _last_part(name: str) -> str:
    """The file name in a path (of either kind) or an address."""
    if "://" in name:
        try:
            name = urlsplit(name).path
        except ValueError:  # an address with a broken host
            name = name.partition("://")[2]
    return unquote(name).replace("\\", "/").rstrip("/").rpartition("/")[2]


def _stem(file: str) -> str:
    return re.sub(r"\.(png|jpe?g|webp|gif|bmp|tiff?)$", "", file)
