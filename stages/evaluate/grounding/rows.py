"""One split as evaluation reads it: pictures, their captions and dialogues, frozen features, and plain looks."""

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from stages.evaluate.grounding.shallow import Split
from stages.evaluate.looks import LOOKS
from stages.features.store import Features
from stages.params import UserError
from stages.record import Record, read_rows
from stages.shards import ShardReader
from stages.tokenize.grounding.rows import CaptionRow, DialogueRow, read_tokenized

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Rows:
    """`features` is (pictures, width); a caption's picture is `owners[i]`, its place in `records`."""

    records: list[Record]
    captions: list[CaptionRow]
    dialogues: list[DialogueRow]
    features: "np.ndarray"
    looks: Split

    @cached_property
    def number(self) -> dict[str, int]:
        """{row id: its place in `records`}"""
        return {record.id: place for place, record in enumerate(self.records)}

    @property
    def owners(self) -> "np.ndarray":
        return self.looks.owners

    @property
    def entities(self) -> list[str]:
        """One a picture."""
        return [record.entity for record in self.records]

    @cached_property
    def texts(self) -> list[list[str]]:
        """Each picture's captions, as they were tokenized."""
        found: list[list[str]] = [[] for _ in self.records]
        for row in self.captions:
            found[self.number[row.row]].append(row.text)
        return found


def read_split(split: str, tokenized: Path, curated: Path, features: Features) -> Rows:
    """The pictures of `split` that have a caption; UserError when there are none, or one has no features."""
    import numpy as np

    captions = read_tokenized(tokenized, CaptionRow, split)
    captioned = {row.row for row in captions}
    records = [record for record in read_rows(curated) if record.id in captioned]
    if not records:
        raise UserError(f"{tokenized} has no caption of split `{split}`: look at its drops.csv.")
    number = {record.id: place for place, record in enumerate(records)}
    owners = np.array([number[row.row] for row in captions])
    vectors = features.of([(record.id, record.image.sha256) for record in records])
    with ShardReader(curated) as shards:
        pictures = [_pixels(shards, record) for record in records]
    looks = Split({name: of(pictures) for name, of in LOOKS.items()}, tuple(row.text for row in captions), owners)
    dialogues = [row for row in read_tokenized(tokenized, DialogueRow, split) if row.id in number]
    return Rows(records, captions, dialogues, vectors, looks)


def _pixels(shards: ShardReader, record: Record) -> "np.ndarray":
    """RGB, (height, width, 3), checked against the row's sha256."""
    import numpy as np
    from PIL import Image

    image = record.image
    return np.asarray(Image.open(io.BytesIO(shards.read(image.shard, image.member, image.sha256))).convert("RGB"))
