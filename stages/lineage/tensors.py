"""What a safetensors file says, apart from our own mark in it: digests over headers and tensors, and the mark.

The format (https://huggingface.co/docs/safetensors): eight bytes with the header's length, a JSON header, the
tensors' bytes. The digest leaves `__metadata__.plumbline_seal` out, so that weights keep it when they are sealed.
"""

import hashlib
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

from stages.lineage.form import HEADER_KEY, canonical
from stages.params import UserError

METADATA = "__metadata__"
LARGEST_HEADER = 100_000_000  # bytes; the safetensors library refuses longer ones too
BLOCK = 1 << 20
ALIGNED = 8  # tensors begin at a multiple of this


@dataclass(frozen=True)
class Header:
    """A file's header: its JSON, its bytes as they stand, and where the tensors begin and end."""

    content: dict[str, Any]
    spelled: bytes
    begin: int
    end: int

    @property
    def seal(self) -> str | None:
        """The mark that `seal` left, if any."""
        mark = self.content.get(METADATA, {}).get(HEADER_KEY)
        return None if mark is None else str(mark)

    @property
    def unmarked(self) -> dict[str, Any]:
        """The content without the mark; without `__metadata__` too where nothing else was in it."""
        metadata = {key: value for key, value in self.content.get(METADATA, {}).items() if key != HEADER_KEY}
        tensors = {key: value for key, value in self.content.items() if key != METADATA}
        return {**tensors, METADATA: metadata} if metadata else tensors

    @property
    def as_sealed(self) -> bool:
        """Whether the bytes are just those that `seal` writes for this content: no space or order of another hand."""
        return self.spelled == _spelled(self.content)


def weights_of(folder: Path) -> list[Path]:
    """The safetensors files of an adapter folder, by name; UserError when there is none."""
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise UserError(f"{folder} has no *.safetensors: run `dvc checkout`, or train the adapter anew.")
    return found


def digest_of(folder: Path) -> str:
    """sha256 over every safetensors file of `folder`: name, header without our mark (canonical JSON), tensors.

    Each of the three is preceded by its length, so that no byte can pass from one to the next.
    """
    digest = hashlib.sha256()
    for path in weights_of(folder):
        header = read_header(path)
        for part in (path.name.encode(), canonical(header.unmarked)):
            digest.update(struct.pack("<Q", len(part)) + part)
        digest.update(struct.pack("<Q", header.end - header.begin))
        with path.open("rb") as stream:
            stream.seek(header.begin)
            for block in _blocks(stream):
                digest.update(block)
    return digest.hexdigest()


def read_header(path: Path) -> Header:
    """The header of one safetensors file; UserError when it is none."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        first = stream.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else size
        if length > min(size - 8, LARGEST_HEADER):
            raise UserError(f"{path} is no safetensors file (its header would have {length} bytes): {REMEDY}")
        spelled = stream.read(length)
    try:
        content = from_json(spelled)  # limits nesting
    except ValueError as error:
        raise UserError(f"{path} is no safetensors file (header: {error}): {REMEDY}") from error
    if not isinstance(content, dict) or not isinstance(content.get(METADATA, {}), dict):
        raise UserError(f"{path} is no safetensors file (its header is no object): {REMEDY}")
    return Header(content, spelled, 8 + length, size)


def write_sealed(source: Path, target: Path, seal: str) -> None:
    """Copy the tensors of `source` to `target`, with `seal` in the header's metadata."""
    header = read_header(source)
    metadata = {**header.content.get(METADATA, {}), HEADER_KEY: seal}
    spelled = _spelled({**header.content, METADATA: metadata})
    with source.open("rb") as reading, target.open("wb") as writing:
        writing.write(struct.pack("<Q", len(spelled)) + spelled)
        reading.seek(header.begin)
        shutil.copyfileobj(reading, writing, BLOCK)


REMEDY = "run `dvc checkout`, or rebuild it."


def _spelled(content: dict[str, Any]) -> bytes:
    """Canonical JSON, padded with spaces as safetensors does."""
    text = canonical(content)
    return text + b" " * (-len(text) % ALIGNED)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(BLOCK):
        yield block
