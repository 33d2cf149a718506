"""People: a pose is given by hip, neck, hands and feet; elbows and knees follow (two bones, law of cosines)."""

import math
from dataclasses import dataclass, field
from random import Random

from stages.samples.sports.canvas import Canvas, Colour, Point
from stages.samples.sports.colours import HAIRS, SKINS, contrasting, mixed

ARM, LEG = 0.175, 0.25  # one bone of two, as a share of the height
Pair = tuple[Point, Point]


@dataclass(frozen=True)
class Spot:
    """Where a person or a thing stands: its own units (height 1, facing right) to scene units."""

    x: float
    y: float = 0.0
    size: float = 1.0
    flipped: bool = False
    turn: float = 0.0  # degrees, counter-clockwise, around (x, y)

    def __call__(self, x: float, y: float) -> Point:
        x = -x if self.flipped else x
        angle = math.radians(self.turn)
        cosine, sine = math.cos(angle) * self.size, math.sin(angle) * self.size
        return self.x + x * cosine - y * sine, self.y + x * sine + y * cosine


@dataclass(frozen=True)
class Look:
    """One person's colours and build."""

    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour
    shoes: Colour
    sleeves: bool
    long_trousers: bool
    build: float
    bun: bool

    @staticmethod
    def chosen(chance: Random, shirt: Colour, against: list[Colour]) -> "Look":
        return Look(
            skin=chance.choice(SKINS),
            hair=chance.choice(HAIRS),
            shirt=shirt,
            trousers=contrasting(chance, [*against, shirt], tries=3)[1],
            shoes=contrasting(chance, against, tries=2)[1],
            sleeves=chance.random() < 0.5,
            long_trousers=chance.random() < 0.5,
            build=chance.uniform(0.85, 1.2),
            bun=chance.random() < 0.3,
        )


@dataclass(frozen=True)
class Pose:
    """Where the joints are, in the person's units. First of each pair is the near one (towards the viewer).

    A bend of 1 puts the knee in front of the leg; -1 puts the elbow below a stretched arm.
    """

    hands: Pair = ((0.16, 0.46), (0.02, 0.44))
    feet: Pair = ((0.1, 0.02), (-0.1, 0.02))
    hip: Point = (0.0, 0.48)
    neck: Point = (0.02, 0.79)
    elbows: tuple[int, int] = (-1, -1)
    knees: tuple[int, int] = (1, 1)
    head: float = 0.0  # degrees that the head is bent forward
    headgear: str = ""  # helmet, mask, cap
    gear_colour: Colour = (200, 200, 200)
    bare: bool = False  # no shirt on the arms, no trousers on the legs
    covered: bool = False  # long sleeves and trousers, whatever the look says
    skirt: bool = False
    legs: bool = field(default=True)  # False: they are hidden in a boat or under water


def joint(root: Point, end: Point, bone: float, bend: int) -> Point:
    """The elbow or knee between `root` and `end`; a limb that is too short is stretched, so that hands hold things."""
    dx, dy = end[0] - root[0], end[1] - root[1]
    reach = math.hypot(dx, dy)
    if reach < 1e-6:
        return root[0], root[1] - bone
    rise = math.sqrt(max(0.0, bone * bone - reach * reach / 4)) * bend
    return (root[0] + end[0]) / 2 - dy / reach * rise, (root[1] + end[1]) / 2 + dx / reach * rise


def draw_person(canvas: Canvas, spot: Spot, pose: Pose, look: Look) -> None:
    """Far limbs first, then trunk and head, then near limbs."""
    trunk = look.shirt
    shoulder = _between(pose.neck, pose.hip, 0.08)
    _arm(canvas, spot, pose, look, shoulder, near=False)
    if pose.legs:
        _leg(canvas, spot, pose, look, near=False)
        _leg(canvas, spot, pose, look, near=True)
    canvas.line([spot(*pose.hip), spot(*_between(pose.neck, pose.hip, 0.2))], 0.155 * look.build * spot.size, trunk)
    if pose.skirt:
        (x, y), wide = pose.hip, 0.15
        canvas.shape(
            [spot(x - 0.07, y + 0.05), spot(x + 0.07, y + 0.05), spot(x + wide, y - 0.1), spot(x - wide, y - 0.1)],
            trunk,
        )
    _head(canvas, spot, pose, look)
    _arm(canvas, spot, pose, look, shoulder, near=True)


def _between(one: Point, other: Point, share: float) -> Point:
    return one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share


def _arm(canvas: Canvas, spot: Spot, pose: Pose, look: Look, shoulder: Point, *, near: bool) -> None:
    hand = pose.hands[0 if near else 1]
    elbow = joint(shoulder, hand, ARM, pose.elbows[0 if near else 1])
    dark = 0.0 if near else 0.22
    skin, shirt = mixed(look.skin, (0, 0, 0), dark), mixed(look.shirt, (0, 0, 0), dark)
    sleeved = pose.covered or (look.sleeves and not pose.bare)
    width = 0.068 * look.build * spot.size
    canvas.line([spot(*shoulder), spot(*elbow), spot(*hand)], width, shirt if sleeved else skin)
    if not sleeved and not pose.bare:
        canvas.line([spot(*shoulder), spot(*_between(shoulder, elbow, 0.5))], width * 1.15, shirt)
    canvas.disc(spot(*hand), width * 0.62, skin, plain=True)


def _leg(canvas: Canvas, spot: Spot, pose: Pose, look: Look, *, near: bool) -> None:
    index = 0 if near else 1
    foot = pose.feet[index]
    knee = joint(pose.hip, foot, LEG, pose.knees[index])
    dark = 0.0 if near else 0.22
    skin, trousers = mixed(look.skin, (0, 0, 0), dark), mixed(look.trousers, (0, 0, 0), dark)
    long = pose.covered or (look.long_trousers and not pose.bare and not pose.skirt)
    width = 0.088 * look.build * spot.size
    canvas.line([spot(*pose.hip), spot(*knee), spot(*foot)], width, trousers if long else skin)
    if not long:
        canvas.line([spot(*pose.hip), spot(*_between(pose.hip, knee, 0.55))], width * 1.15, trousers)
    if not pose.bare:
        shin = math.atan2(foot[1] - knee[1], foot[0] - knee[0]) + math.pi / 2
        toe = foot[0] + 0.07 * math.cos(shin), foot[1] + 0.07 * math.sin(shin)
        canvas.line([spot(*foot), spot(*toe)], width * 0.8, look.shoes)


def _head(canvas: Canvas, spot: Spot, pose: Pose, look: Look) -> None:
    lean = math.atan2(pose.neck[1] - pose.hip[1], pose.neck[0] - pose.hip[0]) - math.radians(pose.head)
    x, y = pose.neck[0] + 0.115 * math.cos(lean), pose.neck[1] + 0.115 * math.sin(lean)
    radius = 0.088
    top = x + 0.03 * math.cos(lean) - 0.02, y + 0.03 * math.sin(lean) + 0.012
    canvas.line([spot(*pose.neck), spot(x, y)], 0.06 * spot.size, look.skin, plain=True)
    if pose.headgear == "mask":
        canvas.disc(spot(x, y), radius * 1.15 * spot.size, pose.gear_colour)
        canvas.oval(spot(x + 0.035, y), 0.05 * spot.size, 0.075 * spot.size, (52, 54, 60), plain=True)
        return
    if pose.headgear != "helmet" and look.bun:
        canvas.disc(spot(x - 0.08, y + 0.04), 0.045 * spot.size, look.hair)
    hat = pose.gear_colour if pose.headgear else look.hair
    face = 0.66 if pose.headgear == "helmet" else 0.84
    canvas.disc(spot(*top), radius * (1.25 if pose.headgear == "helmet" else 1.05) * spot.size, hat)
    canvas.disc(spot(x + 0.104 - 0.1 * face, y - 0.012), radius * face * spot.size, look.skin, plain=True)
