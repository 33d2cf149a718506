"""Bodies that lie along the ground or in the water: four-legged, beetle-, fish-, turtle- and snail-like."""

from stages.creatures.anatomy import Build, Head, leg
from stages.creatures.geometry import Shape, curve, ellipse, loop, ribbon, towards
from stages.creatures.views import View


def four_legged(view: View) -> Build:
    swing, folded = view.stride * 0.3, view.pose == "resting"
    length = 0.16 if folded else 0.52
    far = (*leg(-0.42, 0.3, length - 0.04, -swing, 0.13, "deep"), *leg(0.5, 0.3, length - 0.04, swing, 0.13, "deep"))
    near = (*leg(-0.62, 0.28, length, swing, 0.15), *leg(0.3, 0.32, length, -swing, 0.15))
    head = Head(0.72, -0.5 + view.stride * 0.06, 0.46)
    return Build(
        trunk=loop(
            [(-0.84, 0.02), (-0.6, -0.3), (-0.05, -0.28), (0.4, -0.5), (0.8, -0.3), (0.72, 0.2), (0.3, 0.44),
             (-0.3, 0.42), (-0.72, 0.36)]
        ),
        belly=ellipse(0.0, 0.38, 0.6, 0.24),
        head=head,
        tail=(-0.78, -0.06, 205),
        wings=((0.12, -0.3), (-0.12, -0.2)),
        skull=ellipse(head.x, head.y, 0.48, 0.42),
        behind=far,
        front=near,
        snout=(Shape(ellipse(head.x + 0.32, head.y + 0.2, 0.22, 0.16), "second"),),
    )  # fmt: skip


def beetle(view: View) -> Build:
    swing, folded = view.stride * 0.2, view.pose == "resting"
    length = 0.12 if folded else 0.34
    legs = []
    for number, x in enumerate((-0.5, -0.05, 0.4)):
        step = swing if number % 2 else -swing
        knee, foot = (x + 0.02 + step * 0.5, 0.42 + length * 0.2), (x + 0.14 + step, 0.46 + length)
        legs.append(Shape(ribbon([(x, 0.3), knee, foot, (foot[0] + 0.14, foot[1] + 0.03)], [0.09, 0.06]), "second"))
    head = Head(0.84, 0.02, 0.38, 0.2)
    shell = loop(
        [
            (-0.92, 0.36),
            (-0.84, -0.14),
            (-0.4, -0.56),
            (0.14, -0.6),
            (0.58, -0.3),
            (0.66, 0.34),
            (0.1, 0.44),
            (-0.5, 0.46),
        ]
    )
    seam = ribbon(curve([(0.6, -0.22), (0.1, -0.3), (-0.45, -0.1), (-0.86, 0.3)]), [0.022, 0.022])
    return Build(
        trunk=shell,
        belly=ribbon(curve([(-0.9, 0.36), (-0.2, 0.42), (0.66, 0.32)]), [0.1, 0.17, 0.12]),
        head=head,
        tail=(-0.84, 0.28, 190),
        wings=((0.2, -0.5), (-0.02, -0.42)),
        skull=ellipse(head.x, head.y, 0.38, 0.36),
        behind=tuple(legs),
        front=(Shape(seam, "ink", line=False),),
    )  # fmt: skip


def fish(view: View) -> Build:
    flap = view.stride * 0.14
    dorsal = loop([(-0.5, -0.4), (-0.36, -0.86 - flap), (0.1, -0.84), (0.34, -0.44)])
    under = loop([(-0.3, 0.42), (-0.42, 0.78 + flap), (-0.06, 0.7), (0.1, 0.46)])
    fin = loop([(-0.02, 0.1), (-0.3, 0.06 + flap), (-0.44, 0.32 + flap), (-0.2, 0.44), (0.02, 0.28)])
    return Build(
        trunk=loop(
            [(-0.98, 0.02), (-0.6, -0.3), (-0.05, -0.58), (0.55, -0.5), (0.92, -0.08), (0.86, 0.26), (0.4, 0.52),
             (-0.15, 0.54), (-0.66, 0.3)]
        ),
        belly=loop([(-0.6, 0.3), (0.0, 0.22), (0.6, 0.2), (0.9, 0.22), (0.6, 0.6), (-0.2, 0.7)]),
        head=Head(0.4, -0.08, 0.5, 0.3),
        tail=(-0.88, 0.02, 180),
        wings=((0.08, -0.46), (-0.12, -0.3)),
        behind=(Shape(dorsal, "second"), Shape(under, "second")),
        front=(Shape(fin, "second"),),
    )  # fmt: skip


def turtle(view: View) -> Build:
    swing, folded = view.stride * 0.2, view.pose == "resting"
    length = 0.1 if folded else 0.3
    far = (
        *leg(-0.34, 0.34, length - 0.03, -swing, 0.14, "deep"),
        *leg(0.42, 0.34, length - 0.03, swing, 0.14, "deep"),
    )
    near = (*leg(-0.56, 0.34, length, swing, 0.17), *leg(0.26, 0.36, length, -swing, 0.17))
    head = Head(0.92, -0.16 + view.stride * 0.08, 0.38)
    neck = ribbon(curve([(0.4, 0.26), (0.72, 0.14), (head.x, head.y)]), [0.22, 0.2])
    shell = loop([(-0.82, 0.26), (-0.72, -0.2), (-0.32, -0.58), (0.16, -0.6), (0.52, -0.26), (0.66, 0.26), (0, 0.34)])
    rim = ribbon(curve([(-0.88, 0.27), (-0.08, 0.37), (0.74, 0.27)]), [0.1, 0.12, 0.1])
    return Build(
        trunk=shell,
        belly=ribbon(curve([(-0.8, 0.2), (-0.1, 0.26), (0.7, 0.18)]), [0.14, 0.2, 0.14]),
        head=head,
        tail=(-0.8, 0.3, 190),
        wings=((0.16, -0.5), (-0.1, -0.42)),
        skull=ellipse(head.x, head.y, 0.39, 0.36),
        behind=(*far, Shape(neck, "main")),
        front=(*near, Shape(rim, "deep")),
    )  # fmt: skip


def snail(view: View) -> Build:
    reach = view.stride * 0.14
    foot = loop(
        [
            (-1.05, 0.66),
            (-0.6, 0.42),
            (0.1, 0.36),
            (0.5, 0.1),
            (0.62, -0.3),
            (1.0, -0.28),
            (1.02, 0.16),
            (0.96 + reach, 0.62),
            (0.2, 0.7),
            (-0.5, 0.7),
        ]
    )
    sole = ribbon(curve([(-1.12, 0.68), (-0.1, 0.74), (1.0 + reach, 0.66)]), [0.05, 0.1, 0.07])
    whorl = [towards(-0.16, -0.14, degrees, 0.5 - degrees / 1500) for degrees in range(0, 620, 30)]
    head = Head(0.82, -0.4, 0.4)
    return Build(
        trunk=ellipse(-0.18, -0.12, 0.64, 0.62),
        belly=ellipse(-0.2, 0.3, 0.5, 0.26),
        head=head,
        tail=(-1.0, 0.62, 200),
        wings=((0.0, -0.58), (-0.24, -0.44)),
        skull=ellipse(head.x, head.y, 0.4, 0.37),
        behind=(Shape(foot, "main"), Shape(sole, "second")),
        front=(Shape(ribbon(whorl, [0.035, 0.02]), "ink", line=False),),
    )  # fmt: skip
