"""What a body is made of, and where the other parts go.

Bodies are built facing right, about two units across. Paints: "main" and "second" are the species'
colours, "deep" is a darker main, "ink" is for lines.
"""

from dataclasses import dataclass

from stages.creatures.geometry import Point, Points, Shape, curve, ellipse, ribbon


@dataclass(frozen=True)
class Head:
    """Where face, ears and horns go."""

    x: float
    y: float
    radius: float
    side: float = 0.34  # how far the face has turned to the side, as a share of the radius


@dataclass(frozen=True)
class Build:
    """A body: `trunk` takes the pattern, `behind` is painted before it, `front` after."""

    trunk: Points
    belly: Points
    head: Head
    tail: tuple[float, float, int]  # root and direction
    wings: tuple[Point, Point]  # roots: the far one's, the near one's
    both_behind: bool = False  # seen from the front: one wing on either side, both behind the trunk
    skull: Points | None = None  # a head with an outline of its own
    behind: tuple[Shape, ...] = ()
    front: tuple[Shape, ...] = ()
    snout: tuple[Shape, ...] = ()  # on the skull, below the eyes


def leg(x: float, y: float, length: float, swing: float, half: float, paint: str = "main") -> tuple[Shape, ...]:
    """A leg from (x, y) down with a foot in the second colour; `swing` moves the foot forwards."""
    foot = x + swing, y + length
    limb = ribbon(curve([(x, y), (x + swing * 0.3, y + length * 0.55), foot], 4), [half, half * 0.75])
    return Shape(limb, paint), Shape(ellipse(foot[0] + half * 0.35, foot[1], half * 1.35, half * 0.7), "second")
