"""The body of an answer, on its way to a file: decoded, counted, cut off at the cap, never whole in memory."""

import hashlib
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path

KEPT_IN_MEMORY = 512 * 1024  # what is beyond goes to the temporary file at once
WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 47}  # zlib's wbits: gzip; zlib or gzip, whichever the header says


class BodyError(Exception):
    """A body that isn't taken; the text is the reason."""


class Body:
    """Bytes of one picture as they came, less the transfer's compression.

    `raw` counts what came over the wire, `size` what that decodes to; neither gets beyond `most_bytes`
    (plus one chunk of the wire), whatever the header says about the length.
    """

    def __init__(self, most_bytes: int, folder: Path, cut: bool = False) -> None:
        """`folder` is for temporary files; `cut`: what is beyond the cap is left out, and no body is a short one."""
        self.raw = 0
        self.size = 0
        self.full = False
        self._cut = cut
        self._most_bytes = most_bytes
        self._folder = folder
        self._chunks: list[bytes] = []
        self._waiting = 0
        self._path: Path | None = None
        self._encoding = ""
        self._decoder: zlib._Decompress | None = None

    def begin(self, encoding: str, announced: int | None) -> None:
        """`encoding` and `announced`: Content-Encoding and Content-Length, the latter good for giving up early only."""
        encoding = encoding.strip().lower()
        if announced is not None and announced > self._most_bytes and not self._cut:
            raise BodyError("body over the cap")
        if encoding not in ("", "identity", *WINDOW):
            raise BodyError("unknown content encoding")
        if encoding in WINDOW:
            self._encoding = encoding
            self._decoder = zlib.decompressobj(WINDOW[encoding])

    def add(self, chunk: bytes) -> None:
        """The next bytes from the wire; BodyError when they go beyond the cap or don't decode."""
        self.raw += len(chunk)
        if self.raw > self._most_bytes and not self._cut:
            raise BodyError("body over the cap")
        if self._decoder is None:
            self._keep(chunk)
            return
        try:
            self._decode(chunk)
        except zlib.error as error:
            raise BodyError("broken content encoding") from error

    def _decode(self, chunk: bytes) -> None:
        """Inflate at most one byte beyond the cap: a bomb's few bytes never get room to unfold."""
        assert self._decoder is not None
        while chunk and not self.full:
            if self._decoder.eof:  # gzip may have several members, one after the other
                if self._encoding == "deflate":
                    return
                self._decoder = zlib.decompressobj(WINDOW[self._encoding])
            room = min(self._most_bytes + 1 - self.size, KEPT_IN_MEMORY)
            self._keep(self._decoder.decompress(chunk, room))
            chunk = self._decoder.unconsumed_tail or self._decoder.unused_data

    def _keep(self, decoded: bytes) -> None:
        self.size += len(decoded)
        if self.size > self._most_bytes:
            if not self._cut:
                raise BodyError("body over the cap")
            decoded = decoded[: self._most_bytes - self.size]
            self.size, self.full = self._most_bytes, True
        self._chunks.append(decoded)
        self._waiting += len(decoded)
        if self._waiting > KEPT_IN_MEMORY:
            self._spill()

    def end(self) -> None:
        """The wire has nothing more; BodyError when there is no body, or its compression stops in the middle."""
        if self._decoder is not None and not self._decoder.eof and not self.full:
            raise BodyError("broken content encoding")
        if not self.size and not self._cut:
            raise BodyError("empty body")

    def _spill(self) -> None:
        if self._path is None:
            self._path = self._folder / f"{secrets.token_hex(12)}.part"
        with self._path.open("ab") as stream:
            stream.writelines(self._chunks)
        self._chunks, self._waiting = [], 0

    def pieces(self) -> Iterator[bytes]:
        """All of it, in pieces; may be asked for again."""
        if self._path is not None:
            with self._path.open("rb") as stream:
                while piece := stream.read(KEPT_IN_MEMORY):
                    yield piece
        yield from self._chunks

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for piece in self.pieces():
            digest.update(piece)
        return digest.hexdigest()

    def text(self) -> str:
        """A short body (one that never spilled) as text; what isn't UTF-8 is replaced."""
        return b"".join(self._chunks).decode("utf-8-sig", "replace")

    def discard(self) -> None:
        """Leave nothing behind."""
        self._chunks = []
        if self._path is not None:
            self._path.unlink(missing_ok=True)
