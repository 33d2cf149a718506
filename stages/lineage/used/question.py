"""What X means: a picture's file or digest, a URL, or a name that the index or a seal knows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stages.blocklist import KINDS, Kind, line_of, spelling
from stages.lineage.used.history import Seal
from stages.lineage.used.index import Index
from stages.lineage.used.looks import hashes_of
from stages.params import UserError
from stages.pictures import RefusedPictureError, looks_like_picture
from stages.shards import sha256

DIGEST = re.compile(r"[0-9a-fA-F]{12,64}")
HOST = re.compile(r"[\w-]+(\.[\w-]+)+")
AUTHOR = re.compile(r"(person|import|generator|model):\S.*")
ENTITY_OR_WORD: tuple[Kind, Kind] = ("entity", "word")
LARGEST = 200_000_000  # bytes of a picture's file


@dataclass(frozen=True)
class Question:
    """X and its kind. Of a picture: the digest of its bytes, and its hashes where there is a file to look at."""

    kind: Kind
    value: str  # as it was asked, but a picture's digest in full
    hashes: tuple[bytes, ...] = ()  # its own first
    said: str = ""  # the file's name, or the digest's first digits

    @property
    def digest(self) -> bytes:
        return bytes.fromhex(self.value) if self.kind == "sha256" else b""


def question(x: str, kind: Kind | None, index: Index, seals: Iterable[Seal]) -> Question:
    """X as it was meant; UserError when it can mean several things, or nothing that anybody knows."""
    path = Path(x)
    if kind in (None, "sha256") and not DIGEST.fullmatch(x) and _is_file(path):
        return _of_file(path)
    if kind is None:
        kind = _kind_of(x, index, list(seals))
    if kind == "sha256":
        return _of_digest(x, index)
    line_of(kind, x)  # refuses what its kind can't have
    return Question(kind, x)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # too long a name, say: a URL
        return False


def _of_file(path: Path) -> Question:
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path} has {path.stat().st_size} bytes, allowed are {LARGEST}: give the picture itself.")
    if not looks_like_picture(path):
        raise UserError(f"{path} is no PNG, JPEG, WEBP or GIF picture; say what else it is with `--as`.")
    data = path.read_bytes()
    try:
        hashes = hashes_of(data, oriented=True)
    except RefusedPictureError as error:
        raise UserError(f"{path}: {error}; give its sha256 instead, to look for the same bytes.") from error
    return Question("sha256", sha256(data), hashes, str(path))


def _of_digest(x: str, index: Index) -> Question:
    if not DIGEST.fullmatch(x):
        raise UserError(f"`{x}` is neither a picture's file nor the first 12 to 64 hexadecimal digits of a sha256.")
    start = x.lower()
    if len(start) == 64:
        return Question("sha256", start, said=start)
    low, high = bytes.fromhex(start.ljust(64, "0")), bytes.fromhex(start.ljust(64, "f"))
    found = {
        bytes(digest).hex()
        for column in ("stored", "origin")
        for (digest,) in index.db.execute(
            f"SELECT DISTINCT {column} FROM items WHERE {column} BETWEEN ? AND ? LIMIT 3", (low, high)
        )
    }
    if len(found) != 1:
        what = "no picture that the index knows" if not found else "more than one picture"
        raise UserError(f"`{x}` names {what}: give all 64 digits.")
    return Question("sha256", found.pop(), said=x)


def _kind_of(x: str, index: Index, seals: list[Seal]) -> Kind:
    if DIGEST.fullmatch(x):
        return "sha256"
    if re.match(r"https?://", x, re.IGNORECASE):
        return "url"
    known = {kind for kind in KINDS if kind not in ("url", "sha256") and _is_known(x, kind, index, seals)}
    if known == set(ENTITY_OR_WORD) and _same_rows(x, index):
        return "word"  # a drawn row's entity is its word
    if len(known) == 1:
        return known.pop()
    if known:
        names = ", ".join(kind for kind in KINDS if kind in known)
        raise UserError(f"`{x}` is known as several things ({names}): say which with `--as`.")
    if AUTHOR.fullmatch(x):
        return "author"
    if HOST.fullmatch(x):
        return "host"
    raise UserError(
        f"`{x}` is nothing that a known adapter was trained on. If it is spelt as its rows spell it, say what it is "
        f"with `--as {'|'.join(KINDS)}`."
    )


def _is_known(x: str, kind: Kind, index: Index, seals: list[Seal]) -> bool:
    value = spelling(kind, x)
    if index.db.execute("SELECT 1 FROM names WHERE kind = ? AND value = ?", (kind, value)).fetchone():
        return True
    counts = {"licence": "licences", "author": "authors", "host": "hosts"}.get(kind)
    return counts is not None and any(
        value == spelling(kind, name) for seal in seals for name in getattr(seal.known, counts)
    )


def _same_rows(x: str, index: Index) -> bool:
    """Whether X names the same rows as an entity and as a word."""
    query = "SELECT f.item FROM names n JOIN facets f ON f.name = n.number WHERE n.kind = ? AND n.value = ?"
    entities, words = (index.db.execute(query, (kind, spelling(kind, x))).fetchall() for kind in ENTITY_OR_WORD)
    return entities == words
