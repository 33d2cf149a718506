"""What an animal's build is made of: a trunk, a head, limbs, and where its other parts are rooted. It faces right."""

from dataclasses import dataclass

from stages.foundation.opt_clip.geometry import Points, band, oval

Piece = tuple[Points, str, str]  # outline, paint ("main", "second", "dark", "light"), label


@dataclass(frozen=True)
class Animal:
    """`trunk` takes the pattern; `behind` is painted before it, `front` after it, the head after that."""

    trunk: Points
    head: tuple[float, float, float]  # x, y, radius
    tail: tuple[float, float, float]  # x, y, degrees: 180 = backwards, 90 = downwards
    wings: tuple[float, float]
    belly: Points
    has_head: bool = True  # a head painted apart from the trunk
    behind: tuple[Piece, ...] = ()
    front: tuple[Piece, ...] = ()
    snout: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Stance:
    """By chance, and by pose: `stride` -1..1, `crouch` 0..1 (1 = lying), the proportions' `wobble` (8 values -1..1)."""

    stride: float
    crouch: float
    wobble: tuple[float, ...]


# length of the trunk, of the legs, of the snout, of the neck; head's radius; thickness of the trunk
def leg(x: float, y: float, length: float, swing: float, half: float) -> tuple[Piece, Piece]:
    foot = (x + swing, y + length)
    limb = band([(x, y), (x + swing * 0.4, y + length / 2), foot], [half, half * 0.8])
    return (limb, "main", "limb"), (
        oval(foot[0] + half * 0.5, foot[1], half * 1.4, half * 0.75, count=10),
        "second",
        "limb",
    )
