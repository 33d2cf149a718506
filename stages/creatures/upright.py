"""Bodies that stand up: round, tall, ghost-like, bird-like and serpentine."""

from stages.creatures.anatomy import Build, Head, leg
from stages.creatures.geometry import Point, Points, Shape, curve, ellipse, loop, ribbon, towards
from stages.creatures.views import View


def round_(view: View) -> Build:
    swing, folded = view.stride * 0.22, view.pose == "resting"
    drop = 0.66 if folded else 0.8
    feet = tuple(
        Shape(ellipse(x + step, drop + abs(step) * -0.2, 0.25, 0.14), "second")
        for x, step in ((-0.3, swing), (0.38, -swing))
    )
    raised = 0.5 - 0.5 * view.stride
    arms = (
        Shape(
            ribbon(curve([(-0.66, 0.12), (-0.9, 0.25 - raised * 0.3), (-0.98, 0.4 - raised * 0.75)]), [0.13, 0.09]),
            "main",
        ),
        Shape(ribbon(curve([(0.66, 0.12), (0.9, 0.3), (0.96, 0.1 + raised * 0.4)]), [0.13, 0.09]), "main"),
    )
    return Build(
        trunk=ellipse(0, 0, 0.8, 0.76),
        belly=ellipse(0.1, 0.38, 0.5, 0.4),
        head=Head(0.08, -0.16, 0.66),
        tail=(-0.6, 0.42, 190),
        wings=((0.5, -0.3), (-0.5, -0.3)),
        both_behind=True,
        behind=(*feet, *arms),
    )


def tall(view: View) -> Build:
    swing, folded = view.stride * 0.25, view.pose == "resting"
    length = 0.1 if folded else 0.32
    raised = 0.5 + 0.5 * view.stride
    trunk = loop(
        [
            (0, -1.1),
            (0.4, -0.86),
            (0.44, -0.4),
            (0.56, 0.2),
            (0.44, 0.72),
            (0, 0.82),
            (-0.46, 0.72),
            (-0.58, 0.2),
            (-0.44, -0.4),
            (-0.4, -0.86),
        ]
    )
    near = ribbon(curve([(-0.42, -0.2), (-0.68, 0.1 - raised * 0.2), (-0.78, 0.34 - raised * 0.6)]), [0.12, 0.1])
    far = ribbon(curve([(0.42, -0.2), (0.68, 0.05), (0.76, 0.3 - (1 - raised) * 0.6)]), [0.12, 0.1])
    legs = (*leg(-0.24, 0.66, length, swing, 0.15), *leg(0.26, 0.66, length, -swing, 0.15))
    hands = tuple(Shape(ellipse(*arm[len(arm) // 2], 0.12, 0.12), "second") for arm in (near, far))
    return Build(
        trunk=trunk,
        belly=ellipse(0.08, 0.32, 0.34, 0.42),
        head=Head(0.05, -0.66, 0.43),
        tail=(-0.42, 0.55, 195),
        wings=((0.4, -0.25), (-0.4, -0.25)),
        both_behind=True,
        behind=(*legs, Shape(near, "main"), Shape(far, "main"), *hands),
    )


def ghost(view: View) -> Build:
    sway, raised = view.stride * 0.14, 0.5 + 0.5 * view.stride
    hem = [
        (0.62 - sway, 0.9),
        (0.42, 0.68),
        (0.2 - sway, 0.98),
        (0, 0.72),
        (-0.24 - sway, 1.0),
        (-0.44, 0.7),
        (-0.68 - sway, 0.88),
    ]
    dome = [(-0.6, 0.2), (-0.58, -0.36), (-0.34, -0.78), (0, -0.9), (0.34, -0.78), (0.58, -0.36), (0.6, 0.2)]
    near = ribbon(curve([(-0.5, -0.02), (-0.8, 0.06 - raised * 0.2), (-0.96, 0.2 - raised * 0.6)]), [0.14, 0.08])
    far = ribbon(curve([(0.5, -0.02), (0.8, -0.1), (0.94, -0.4 + raised * 0.6)]), [0.14, 0.08])
    frill = loop([(x, y + 0.11) for x, y in [*hem, *dome]])  # shows below the hem only
    return Build(
        trunk=loop([*hem, *dome]),
        belly=ellipse(0.05, 0.26, 0.36, 0.34),
        head=Head(0.06, -0.3, 0.54),
        tail=(-0.52, 0.5, 200),
        wings=((0.48, -0.2), (-0.48, -0.2)),
        both_behind=True,
        behind=(Shape(frill, "second"), Shape(near, "main"), Shape(far, "main")),
    )  # fmt: skip


def bird(view: View) -> Build:
    swing, folded = view.stride * 0.24, view.pose == "resting"
    length = 0.04 if folded else 0.36
    legs: list[Shape] = []
    for x, step in ((-0.1, swing), (0.18, -swing)):
        foot = (x + step, 0.66 + length)
        legs.append(Shape(ribbon([(x, 0.5), foot], [0.06, 0.05]), "second"))
        legs.append(Shape(((foot[0] - 0.1, foot[1] + 0.04), foot, (foot[0] + 0.26, foot[1] + 0.07)), "second"))
    head = Head(0.42, -0.56, 0.4)
    gape = 0.08 if view.mouth == "open" else 0.0
    x, y = head.x + 0.3, head.y + 0.1
    beak = (
        Shape(((x, y + 0.02), (x + 0.4, y + 0.1 + gape), (x, y + 0.18 + gape)), "second"),
        Shape(((x - 0.02, y - 0.12), (x + 0.46, y + 0.08), (x, y + 0.08)), "second"),
    )
    return Build(
        trunk=loop(
            [(-0.86, 0.2), (-0.5, -0.12), (0.0, -0.34), (0.2, -0.6), (0.66, -0.5), (0.66, 0.0), (0.5, 0.42),
             (0.1, 0.66), (-0.4, 0.56)]
        ),
        belly=ellipse(0.3, 0.26, 0.34, 0.4, -30),
        head=head,
        tail=(-0.76, 0.22, 185),
        wings=((0.14, -0.22), (-0.1, -0.05)),
        skull=ellipse(head.x, head.y, 0.4, 0.38),
        behind=tuple(legs),
        snout=beak,
    )  # fmt: skip


def serpentine(view: View) -> Build:
    lean, wave = view.stride * 0.16, 0.1 + view.stride * 0.06
    spine = curve(
        [(-1.34, 0.52 - wave), (-0.9, 0.56 + wave), (-0.42, 0.54 - wave), (0.06, 0.62),
         (0.42, 0.36), (0.36, -0.04), (0.16, -0.38), (0.26 + lean, -0.74)], 6
    )  # fmt: skip
    head = Head(0.34 + lean, -0.86, 0.36)
    skull = ((-0.36, -0.9), (-0.05, -1.22), (0.34, -1.0), (0.46, -0.74), (0.1, -0.58), (-0.26, -0.62))
    inside = [(x, y + 0.1) if y >= 0.5 else (x + 0.1, y + (0.1 if y >= 0.4 else 0)) for x, y in spine[8:]]
    crest = tuple(
        Shape(_spike(spine[place], 0.17, -90 if place < 20 else 200), "second") for place in (11, 15, 19, 33, 37)
    )
    return Build(
        trunk=ribbon(spine, [0.08, 0.16, 0.23, 0.26, 0.25, 0.22]),
        belly=ribbon(inside, [0.04, 0.13, 0.14, 0.12]),
        head=head,
        tail=(-1.3, 0.46, 205),
        wings=((0.42, -0.05), (0.08, -0.1)),
        skull=loop([(head.x + x, y) for x, y in skull]),
        behind=crest,
    )  # fmt: skip


def _spike(root: Point, height: float, degrees: int) -> Points:
    x, y = towards(*root, degrees, 0.16)
    return towards(x, y, degrees - 90, 0.12), towards(x, y, degrees, height), towards(x, y, degrees + 90, 0.12)
