"""The parts that any animal can have: ears, horns, tail, wings, eyes; and the marks of a pattern."""

import numpy as np

from stages.foundation.opt_clip.anatomy import Piece
from stages.foundation.opt_clip.geometry import Points, band, box, oval, polygon, smooth, star, turned

Head = tuple[float, float, float]


def _at(points: Points, x: float, y: float, degrees: float = 0, scale: float = 1) -> Points:
    found: Points = turned(points * scale, degrees) + np.array((x, y))
    return found


def ears(kind: str, head: Head) -> list[Piece]:
    x, y, r = head
    label, pieces = f"ears {kind}", []
    for side in (-1.0, 1.0):
        root = (x + side * 0.62 * r, y - 0.7 * r)
        if kind == "pointed":
            pieces.append(
                (
                    polygon(
                        (root[0] - 0.35 * r, root[1] + 0.2 * r),
                        (root[0] + side * 0.3 * r, root[1] - 0.85 * r),
                        (root[0] + 0.35 * r, root[1] + 0.2 * r),
                    ),
                    "main",
                    label,
                )
            )
        elif kind == "round":
            pieces.append((oval(root[0], root[1] - 0.12 * r, 0.4 * r, 0.4 * r), "main", label))
            pieces.append((oval(root[0], root[1] - 0.12 * r, 0.2 * r, 0.2 * r, count=10), "second", label))
        elif kind == "long":
            pieces.append(
                (oval(root[0] + side * 0.1 * r, root[1] - 0.75 * r, 0.2 * r, 0.95 * r, 10 * side), "main", label)
            )
        elif kind == "floppy":
            pieces.append((oval(x + side * 0.95 * r, y + 0.1 * r, 0.24 * r, 0.65 * r, -10 * side), "second", label))
    return pieces


def horns(kind: str, head: Head) -> list[Piece]:
    x, y, r = head
    label = f"horns {kind}"
    top = y - 0.85 * r
    if kind == "one":
        return [
            (
                polygon((x - 0.2 * r, top + 0.1 * r), (x + 0.12 * r, top - 0.9 * r), (x + 0.22 * r, top + 0.1 * r)),
                "light",
                label,
            )
        ]
    if kind == "two":
        return [
            (
                band(
                    smooth(
                        [
                            (x + s * 0.4 * r, top + 0.2 * r),
                            (x + s * 0.75 * r, top - 0.2 * r),
                            (x + s * 0.6 * r, top - 0.75 * r),
                        ],
                        closed=False,
                    ),
                    [0.16 * r, 0.02],
                ),
                "light",
                label,
            )
            for s in (-1, 1)
        ]
    if kind == "antennae":
        pieces: list[Piece] = []
        for s in (-1, 1):
            tip = (x + s * 0.55 * r, top - 0.75 * r)
            pieces.append(
                (
                    band([(x + s * 0.25 * r, top + 0.2 * r), (x + s * 0.35 * r, top - 0.4 * r), tip], [0.06 * r]),
                    "dark",
                    label,
                )
            )
            pieces.append((oval(*tip, 0.15 * r, 0.15 * r, count=10), "second", label))
        return pieces
    if kind == "crest":
        teeth = [(x + (i / 6 - 0.5) * 1.3 * r, top + 0.3 * r - (0.75 * r if i % 2 else 0.1 * r)) for i in range(7)]
        return [(np.asarray([(x - 0.6 * r, top + 0.5 * r), *teeth, (x + 0.6 * r, top + 0.5 * r)]), "second", label)]
    return []


def tail(kind: str, root: tuple[float, float, float], swing: float) -> list[Piece]:
    """`swing`: degrees by which it is lifted. Shapes lie along +x from the root, then are turned."""
    x, y, degrees = root
    shapes: list[tuple[Points, str]] = []
    if kind == "thin":
        shapes = [
            (band(smooth([(-0.05, 0), (0.3, 0.06), (0.6, -0.08), (0.85, 0.05)], closed=False), [0.06, 0.03]), "main")
        ]
    elif kind == "curly":
        turn = np.linspace(0, 3.4 * np.pi, 24)
        coil = np.stack([0.5 + (0.26 - 0.02 * turn) * np.sin(turn), (0.26 - 0.02 * turn) * np.cos(turn)], axis=1)
        coil = np.concatenate([[(-0.05, 0.0), (0.2, 0.16)], coil])
        shapes = [(band(coil, [0.08, 0.05]), "main")]
    elif kind == "bushy":
        shapes = [
            (
                smooth(
                    [(-0.05, -0.06), (0.35, -0.26), (0.7, -0.2), (0.92, 0), (0.7, 0.24), (0.35, 0.24), (-0.05, 0.06)]
                ),
                "main",
            )
        ]
        shapes.append((smooth([(0.64, -0.2), (0.92, 0), (0.64, 0.22), (0.7, 0.0)]), "second"))
    elif kind == "spiked":
        shapes = [
            (band([(-0.05, 0), (0.3, 0.02), (0.55, 0)], [0.08, 0.06]), "main"),
            (star(0.66, 0, 0.26, 0.5, 9), "dark"),
        ]
    elif kind == "forked":
        shapes = [
            (
                polygon(
                    (-0.05, -0.09), (0.35, -0.1), (0.75, -0.36), (0.6, 0), (0.75, 0.36), (0.35, 0.1), (-0.05, 0.09)
                ),
                "second",
            )
        ]
    elif kind == "flame":
        shapes = [(band([(-0.05, 0), (0.45, 0)], [0.07, 0.06]), "main")]
        flame = [
            (0.4, -0.16),
            (0.66, -0.26),
            (0.68, -0.13),
            (0.98, -0.14),
            (0.82, 0.0),
            (1.0, 0.12),
            (0.7, 0.12),
            (0.68, 0.26),
            (0.4, 0.16),
        ]
        shapes += [(np.asarray(flame), "second"), (oval(0.54, 0, 0.14, 0.09, count=10), "bright")]
    elif kind == "leaf":
        shapes = [(band([(-0.05, 0), (0.4, 0)], [0.05]), "main")]
        shapes += [
            (smooth([(0.34, 0), (0.56, -0.22), (0.95, 0), (0.56, 0.22)]), "second"),
            (band([(0.36, 0), (0.88, 0)], [0.012]), "dark"),
        ]
    elif kind == "fan":
        for degree in (-56, -28, 0, 28, 56):
            shapes.append((_at(oval(0.46, 0, 0.42, 0.14), 0, 0, degree), "second"))
            shapes.append((_at(oval(0.74, 0, 0.08, 0.07, count=8), 0, 0, degree), "bright"))
    # mirrored in x first, since 180 degrees is backwards and "up" must stay up
    return [(_at(points * (1, -1), x, y, degrees + swing), paint, f"tail {kind}") for points, paint in shapes]


def wing(kind: str, root: tuple[float, float], lift: float, far: bool) -> list[Piece]:
    """One wing, up and back from its root; the far one is turned further."""
    angle = -112 - lift + (34 if far else 0)
    shapes: list[tuple[Points, str]] = []
    if kind == "feathered":
        for step in range(5):
            shapes.append((_at(oval(0.42, 0, 0.46 - 0.03 * step, 0.1), 0, 0, -44 + 20 * step), "second"))
    elif kind == "bat":
        edge = [
            (0, 0),
            (0.5, -0.5),
            (1.05, -0.42),
            (0.86, -0.16),
            (0.92, 0.08),
            (0.66, 0.08),
            (0.6, 0.34),
            (0.36, 0.18),
            (0.1, 0.3),
        ]
        shapes = [(np.asarray(edge), "second")]
        shapes += [(band([(0.06, 0), tip], [0.014]), "dark") for tip in ((1.0, -0.4), (0.9, 0.06), (0.58, 0.32))]
    elif kind == "insect":
        shapes = [(_at(oval(0.5, 0, 0.52, 0.17), 0, 0, degree), "veil") for degree in (-18, 26)]
    elif kind == "butterfly":
        shapes = [
            (smooth([(0, 0), (0.5, -0.52), (1.0, -0.4), (0.86, 0.0), (0.3, 0.05)]), "second"),
            (smooth([(0, 0), (0.55, 0.06), (0.68, 0.42), (0.3, 0.5)]), "second"),
        ]
        shapes += [
            (oval(0.7, -0.24, 0.13, 0.13, count=12), "bright"),
            (oval(0.42, 0.26, 0.09, 0.09, count=10), "bright"),
        ]
    return [(_at(points, root[0], root[1], angle), paint, f"wings {kind}") for points, paint in shapes]


def eyes(kind: str, head: Head, gaze: float) -> list[Piece]:
    x, y, r = head
    label = f"eyes {kind}"
    at, size = y - 0.12 * r, {"large": 0.46, "beady": 0.13, "single": 0.48}.get(kind, 0.3) * r
    pieces: list[Piece] = []
    if kind == "none":
        return []
    for place in (0.2,) if kind == "single" else (-0.12, 0.62):
        cx = x + place * r
        if kind == "beady":
            pieces.append((oval(cx, at, size, size, count=10), "ink", label))
            continue
        pieces.append((oval(cx, at, size, size), "white", label))
        pieces.append((oval(cx + gaze * size * 0.35, at + 0.05 * r, size * 0.52, size * 0.52, count=10), "ink", label))
        if kind == "sleepy":
            pieces.append(
                (
                    polygon((cx - size, at - size), (cx + size, at - size), (cx + size, at), (cx - size, at)),
                    "main",
                    label,
                )
            )
        if kind == "fierce":
            inner = -1 if place > 0.2 else 1  # brows fall towards each other
            pieces.append(
                (
                    polygon(
                        (cx - size, at - size * (1.3 if inner > 0 else 0.1)),
                        (cx + size, at - size * (0.1 if inner > 0 else 1.3)),
                        (cx + size, at - size * 1.4),
                        (cx - size, at - size * 1.4),
                    ),
                    "dark",
                    label,
                )
            )
    return pieces


def marks(pattern: str, outline: Points, belly: Points, rng: np.random.Generator) -> list[Points]:
    """What the second colour fills within `outline`."""
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    wide, high = right - left, bottom - top
    size = float(rng.uniform(0.15, 0.24)) * min(wide, high)
    if pattern == "belly":
        return [belly]
    if pattern in ("spots", "stars"):
        found = []
        step = size * 1.7
        for row, y in enumerate(np.arange(top + size * rng.random(), bottom, step)):
            for x in np.arange(left + (row % 2) * step / 2, right, step):
                dx, dy = rng.uniform(-0.1, 0.1, 2) * size
                found.append(
                    oval(x + dx, y + dy, size / 2, size / 2, count=10)
                    if pattern == "spots"
                    else star(x + dx, y + dy, size * 0.7)
                )
        return found
    if pattern == "stripes":
        lean = rng.uniform(-0.1, 0.1) * high
        upright = rng.random() < 0.75
        if upright:
            return [
                polygon((x + lean, top), (x + size / 2 + lean, top), (x + size / 2 - lean, bottom), (x - lean, bottom))
                for x in np.arange(left + size * rng.random() * 0.5, right, size)
            ]
        return [box(left, y, right, y + size / 2) for y in np.arange(top + size * rng.random() * 0.5, bottom, size)]
    if pattern == "zigzags":
        xs = np.arange(left - size, right + size, size * 0.6)
        lines = np.arange(top + size * (0.4 + rng.random() * 0.5), bottom, size * 1.6)
        return [
            band(np.stack([xs, y + size * 0.32 * (-1.0) ** np.arange(len(xs))], axis=1), [size * 0.2]) for y in lines
        ]
    if pattern == "checks":
        return [
            box(x, y, x + size, y + size)
            for i, x in enumerate(np.arange(left, right, size))
            for j, y in enumerate(np.arange(top, bottom, size))
            if (i + j) % 2
        ]
    return []
