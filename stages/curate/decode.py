"""Facts about pictures from outside, and their pixels as clean PNGs; both are made in a sandbox."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from stages.curate.sandbox import Job, Limits, Quarantine, answers

__all__ = ["Facts", "Job", "Limits", "Quarantine", "Reencoded", "inspect", "reencode"]

Hash = bytes


@dataclass(frozen=True)
class Facts:
    """What curation decides by. `width` and `height` are those of the upright picture in pixels."""

    width: int
    height: int
    format: str  # PNG, JPEG, WEBP, GIF
    bytes: int  # of the file
    sharpness: float  # variance of the Laplacian
    contrast: float  # standard deviation of the greys, 0 to 127.5: 0 is a blank picture
    hashes: tuple[Hash, ...]  # own first, then those of turned and cropped variants; () when none were asked for


@dataclass(frozen=True)
class Reencoded:
    """A picture as `png`: upright RGB pixels and nothing else."""

    png: bytes
    width: int
    height: int


def inspect(
    jobs: Sequence[Job], limits: Limits, bits: int | None, oriented: bool = False
) -> Iterator[tuple[str, Facts | Quarantine]]:
    """(id, facts) of every picture, in any order; `bits` of its perceptual hashes, None for no hash.

    UserError when a picture's bytes are missing or not those of its sha256.
    """
    from stages.curate.measures import facts

    return answers(partial(facts, limits=limits, bits=bits, oriented=oriented), jobs, limits, "inspecting")


def reencode(
    jobs: Sequence[Job], limits: Limits, longest_side: int | None = None
) -> Iterator[tuple[str, Reencoded | Quarantine]]:
    """(id, clean PNG) of every picture, in any order, shrunk to `longest_side` pixels where it is larger.

    UserError as in `inspect`.
    """
    from stages.curate.measures import reencoded

    return answers(partial(reencoded, limits=limits, longest_side=longest_side), jobs, limits, "re-encoding")
