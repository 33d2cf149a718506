"""A row on its way through curation, with what is known of its picture."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stages.curate.decode import Facts
from stages.record import Record


@dataclass(frozen=True)
class Candidate:
    """`picture` names the pixels: rows that show equal pixels share it. `wanted`: a person decided to keep it."""

    record: Record
    picture: str
    facts: Facts | None = None  # None for our own PNGs, unless the parameters ask about them
    wanted: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        if self.facts is not None:
            return self.facts.width, self.facts.height
        return self.record.image.width, self.record.image.height

    @property
    def hashes(self) -> tuple[bytes, ...]:
        return self.facts.hashes if self.facts is not None else ()

    @cached_property
    def drawn(self) -> dict[str, Any]:
        return self.record.source.drawn

    @property
    def word(self) -> str:
        """The word on the picture, where one was drawn."""
        return str(self.drawn.get("word", self.record.entity))
