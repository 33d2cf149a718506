"""Ears, horns, tails and wings. Each is built once pointing its own way, then set on a body.

Paints as in the bodies, and "veil" (a see-through second), "bright" (a paler second).
"""

from stages.creatures.anatomy import Head
from stages.creatures.geometry import Point, Points, Shape, curve, ellipse, loop, moved, ribbon, star, towards


def ears(kind: str, head: Head) -> tuple[Shape, ...]:
    """Two ears in the main colour, their insides in the second."""
    if kind == "none":
        return ()
    outer, degrees = EARS[kind]
    size = max(head.radius, 0.42)
    middle = (sum(x for x, _ in outer) / len(outer), sum(y for _, y in outer) / len(outer))
    inner = tuple((middle[0] + (x - middle[0]) * 0.55, middle[1] + (y - middle[1]) * 0.6) for x, y in outer)
    shapes: list[Shape] = []
    for side in (-1, 1):
        root = towards(head.x, head.y, -90 + side * 40, head.radius * 0.86)
        for points, paint in ((outer, "main"), (inner, "second")):
            placed = moved([(x * side, y) for x, y in points], *root, size, side * degrees)
            shapes.append(Shape(placed, paint, line=paint == "main"))
    return tuple(shapes)


# outline of the ear on the right, upwards from its root, and how far it leans outwards
EARS: dict[str, tuple[Points, int]] = {
    "pointed": (((-0.36, 0.2), (-0.14, -0.5), (0.02, -0.86), (0.17, -0.5), (0.36, 0.2)), 22),
    "round": (ellipse(0.02, -0.16, 0.44, 0.44), 14),
    "long": (loop([(-0.17, 0.2), (-0.25, -0.6), (0, -1.35), (0.25, -0.6), (0.17, 0.2)]), 13),
    "floppy": (
        loop([(-0.24, 0.1), (-0.02, -0.32), (0.44, -0.32), (0.7, 0.2), (0.74, 0.86), (0.44, 0.92), (0.26, 0.3)]),
        6,
    ),
}


def horns(kind: str, head: Head) -> tuple[Shape, ...]:
    """Bone-white horns, feelers with a knob, or a crest in the second colour."""
    size = max(head.radius, 0.42)

    def set_up(points: Points, side: int, lean: int, paint: str) -> Shape:
        root = towards(head.x, head.y, -90 + side * lean, head.radius * 0.84)
        return Shape(moved([(x * (side or 1), y) for x, y in points], *root, size, side * 10), paint)

    if kind == "one":
        return (set_up(((-0.19, 0.14), (-0.02, -0.95), (0.19, 0.14)), 0, 0, "bone"),)
    if kind == "two":
        horn = ribbon(curve([(0, 0.15), (0.04, -0.25), (0.2, -0.5), (0.46, -0.62)], 4), [0.18, 0.13, 0.02])
        return set_up(horn, -1, 20, "bone"), set_up(horn, 1, 20, "bone")
    if kind == "antennae":
        feeler = ribbon(curve([(0, 0.12), (0.05, -0.4), (0.34, -0.8)], 4), [0.055, 0.05])
        knob = ellipse(0.36, -0.86, 0.15, 0.15)
        return tuple(
            set_up(points, side, 16, paint)
            for side in (-1, 1)
            for points, paint in ((feeler, "deep"), (knob, "second"))
        )
    if kind == "crest":
        tuft = ((-0.46, 0.2), (-0.62, -0.42), (-0.22, -0.2), (-0.1, -0.78), (0.14, -0.24), (0.46, -0.5), (0.34, 0.2))
        return (set_up(tuft, 0, 0, "second"),)
    return ()


def tail(kind: str, root: tuple[float, float, int], raised: int) -> tuple[Shape, ...]:
    """A tail from its root; `raised`: degrees above the way it hangs."""
    x, y, direction = root
    return tuple(
        Shape(moved(shape.points, x, y, 1, direction + raised), shape.paint, shape.line) for shape in TAILS[kind]
    )


def _spiral() -> Points:
    coil = [towards(0.52, 0.24, 250 + step * 30, 0.3 - step * 0.014) for step in range(16)]
    return ribbon(curve([(-0.15, 0), (0.2, 0.02), *coil], 2), [0.1, 0.09, 0.08, 0.07, 0.05])


def _fan() -> tuple[Shape, ...]:
    feathers = []
    for degrees in (-56, 56, -30, 30, 0):
        tip = towards(0, 0, degrees, 0.62)
        paint = "second" if degrees in (-56, 56, 0) else "bright"
        feathers.append(Shape(ellipse(tip[0] * 0.85, tip[1] * 0.85, 0.44, 0.17, degrees), paint))
    eyes = [
        Shape(ellipse(*towards(0, 0, degrees, 0.76), 0.07, 0.07), "main", False) for degrees in (-56, -30, 0, 30, 56)
    ]
    return (*feathers, *eyes)


# along +x from (0, 0); +y is up once the tail points left
TAILS: dict[str, tuple[Shape, ...]] = {
    "none": (),
    "curly": (Shape(_spiral(), "main"),),
    "bushy": (
        Shape(loop([(-0.1, 0), (0.2, -0.2), (0.6, -0.24), (1.0, 0.1), (1.06, 0.56), (0.7, 0.62), (0.3, 0.42)]), "main"),
        Shape(
            loop([(0.84, 0.02), (1.06, 0.22), (1.06, 0.56), (0.7, 0.62), (0.6, 0.5), (0.8, 0.4), (0.7, 0.2)]), "second",
        ),
    ),
    "spiked": (
        Shape(ribbon(curve([(-0.12, 0), (0.3, -0.04), (0.66, 0.16)], 5), [0.13, 0.08]), "main"),
        Shape(star(0.82, 0.26, 0.36, 0.56, 8, 10), "second"),
    ),
    "forked": (
        Shape(ribbon(curve([(-0.12, 0), (0.3, -0.03), (0.6, 0.1)], 5), [0.13, 0.08]), "main"),
        Shape(((0.5, 0.09), (0.84, -0.34), (1.2, -0.3), (0.8, 0.12), (1.12, 0.6), (0.74, 0.54)), "second"),
    ),
    "flame": (
        Shape(ribbon(curve([(-0.12, 0), (0.25, -0.04), (0.5, 0.1)], 5), [0.13, 0.09]), "main"),
        Shape(
            ((0.36, -0.02), (0.56, -0.28), (0.86, -0.26), (0.84, -0.1), (1.28, -0.02), (0.94, 0.14), (1.16, 0.44),
             (0.78, 0.34), (0.72, 0.52), (0.46, 0.34)), "second",
        ),
        Shape(((0.5, 0.04), (0.66, -0.1), (0.98, 0.0), (0.84, 0.16), (0.86, 0.26), (0.6, 0.22)), "bright", False),
    ),
    "leaf": (
        Shape(ribbon(curve([(-0.12, 0), (0.22, -0.04), (0.48, 0.08)], 5), [0.08, 0.05]), "main"),
        Shape(loop([(0.4, 0.06), (0.62, -0.24), (0.96, -0.14), (1.3, 0.3), (0.86, 0.42), (0.56, 0.34)]), "second"),
        Shape(ribbon(curve([(0.42, 0.06), (0.8, 0.12), (1.2, 0.27)], 4), [0.022, 0.012]), "ink", False),
    ),
    "fan": _fan(),
}  # fmt: skip


def wings(kind: str, roots: tuple[Point, Point], raised: int, both_behind: bool) -> tuple[tuple[Shape, ...], ...]:
    """The far wing and the near one, from their roots; `raised`: degrees above the way they are held.

    On a body seen from the front they are to its right and left; on one seen from the side both point backwards.
    """
    (far_x, far_y), (near_x, near_y) = roots
    near = _set(kind, near_x, near_y, 1.0, raised, mirror=True)
    if both_behind:
        return _set(kind, far_x, far_y, 1.0, -raised, mirror=False), near
    return _set(kind, far_x, far_y, 0.92, raised + 34, mirror=True), near


def _set(kind: str, x: float, y: float, size: float, degrees: int, mirror: bool) -> tuple[Shape, ...]:
    side = -1 if mirror else 1
    return tuple(
        Shape(moved([(px * side, py) for px, py in shape.points], x, y, size, degrees), shape.paint, shape.line)
        for shape in WINGS.get(kind, ())
    )


def _feathered() -> tuple[Shape, ...]:
    quills = [
        Shape(ellipse(*towards(0.1, -0.1, degrees, length * 0.6), length * 0.55, 0.16, degrees), paint)
        for degrees, length, paint in (
            (34, 0.62, "second"), (12, 0.82, "bright"), (-10, 1.02, "second"), (-32, 1.16, "bright"),
            (-52, 1.2, "second")
        )
    ]  # fmt: skip
    return (
        *quills,
        Shape(loop([(-0.1, 0.1), (0.0, -0.34), (0.34, -0.72), (0.5, -0.6), (0.36, -0.1), (0.16, 0.14)]), "second"),
    )


def _bat() -> tuple[Shape, ...]:
    tips = ((1.26, -0.5), (1.08, 0.06), (0.66, 0.36))
    skin = (
        (-0.06, 0.06), (0.1, -0.5), (0.5, -0.94), (0.86, -0.84), tips[0], (1.0, -0.22), tips[1], (0.76, 0.06), tips[2],
        (0.34, 0.14), (0.06, 0.24),
    )  # fmt: skip
    bones = tuple(Shape(ribbon([(0.5, -0.9), tip], [0.035, 0.012]), "ink", False) for tip in tips)
    claw = ((0.42, -0.86), (0.5, -1.16), (0.6, -0.86))
    return Shape(skin, "second"), *bones, Shape(claw, "bone")


def _insect() -> tuple[Shape, ...]:
    panes = (ellipse(0.6, -0.44, 0.66, 0.22, -36), ellipse(0.52, 0.02, 0.52, 0.18, 2))
    veins = ([(0, 0), (0.6, -0.4), (1.0, -0.72)], [(0.3, -0.2), (0.8, -0.42)], [(0, 0), (0.5, 0.0), (0.96, 0.04)])
    lines = tuple(Shape(ribbon(vein, [0.02, 0.012]), "ink", False) for vein in veins)
    return (*(Shape(pane, "veil") for pane in panes), *lines)


def _butterfly() -> tuple[Shape, ...]:
    upper = loop([(0, 0.04), (0.1, -0.5), (0.5, -0.96), (1.06, -0.94), (1.14, -0.4), (0.7, -0.02)])
    lower = loop([(0, 0), (0.66, 0.0), (0.92, 0.3), (0.7, 0.66), (0.36, 0.54)])
    dots = ((0.8, -0.62, 0.2), (0.44, -0.36, 0.12), (0.62, 0.32, 0.14))
    spots = tuple(Shape(ellipse(x, y, radius, radius), "bright", False) for x, y, radius in dots)
    cores = (
        Shape(ellipse(0.82, -0.62, 0.1, 0.1), "main", False),
        Shape(ellipse(0.63, 0.32, 0.07, 0.07), "main", False),
    )
    return (Shape(lower, "second"), Shape(upper, "second"), *spots, *cores)


# to the right and up from the root
WINGS: dict[str, tuple[Shape, ...]] = {
    "feathered": _feathered(), "bat": _bat(), "insect": _insect(), "butterfly": _butterfly(),
}  # fmt: skip
