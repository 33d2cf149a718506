"""Ball games: nets, rackets, goals and hoops."""

import math

from stages.samples.sports.canvas import Colour, Point
from stages.samples.sports.figure import Pose, Spot
from stages.samples.sports.scene import DARK, STEEL, WHITE, WOOD, Scene

SWINGS: tuple[tuple[Point, float, str], ...] = (  # hand, racket's direction in degrees, what one is doing
    ((0.2, 1.02), 75, "reaching up high with the racket"),
    ((0.34, 0.66), 20, "stretching forward with the racket"),
    ((0.28, 0.42), -30, "bending low with the racket"),
)


def _racket(
    scene: Scene, spot: Spot, hand: Point, direction: float, head: tuple[float, float], shaft: float, colour: Colour
) -> None:
    angle = math.radians(direction)
    along = (math.cos(angle), math.sin(angle))
    throat = hand[0] + along[0] * shaft, hand[1] + along[1] * shaft
    middle = hand[0] + along[0] * (shaft + head[0]), hand[1] + along[1] * (shaft + head[0])
    turn = 180 - direction if spot.flipped else direction
    scene.canvas.line([spot(*hand), spot(*throat)], 0.03 * spot.size, colour)
    scene.canvas.oval(spot(*middle), head[0] * spot.size, head[1] * spot.size, (232, 232, 220), turn)
    for share in (-0.4, 0.0, 0.4):
        side = (-along[1] * head[1] * share, along[0] * head[1] * share)
        ends = [
            (
                middle[0] + side[0] + sign * along[0] * head[0] * 0.9,
                middle[1] + side[1] + sign * along[1] * head[0] * 0.9,
            )
            for sign in (-1, 1)
        ]
        scene.canvas.line([spot(*end) for end in ends], 0.008, (120, 120, 120), plain=True)
    scene.canvas.oval_line(spot(*middle), head[0] * spot.size, head[1] * spot.size, 0.022 * spot.size, colour, turn)


def _rivals(scene: Scene, head: tuple[float, float], shaft: float, size: float, swings: tuple[int, ...]) -> str:
    """One player on each side of a net, or one alone, each with a racket."""
    colour, action = scene.gear("racket"), ""
    sides = (False, True) if scene.coin(0.7) else (scene.coin(),)
    for team, flipped in enumerate(sides):
        hand, direction, action = SWINGS[scene.chance.choice(swings)]
        spot = Spot(scene.near(0.62 if flipped else -0.62, 0.05), scene.near(-0.02, 0.05), size, flipped)
        pose = Pose(hands=(hand, (-0.2, 0.6)), feet=((0.2, 0.02), (-0.2, 0.02)), hip=(0, 0.46), neck=(0.05, 0.77))
        scene.person(spot, pose, team)
        _racket(scene, spot, hand, direction + scene.near(0, 12), head, shaft, colour)
    return action


def badminton(scene: Scene) -> str:
    scene.lines(((-1, -0.06), (1, -0.06)))
    for x in (-0.06, 0.06):
        scene.canvas.line([(x * 0.3, -0.08 - x), (x * 0.3, 0.98)], 0.03, STEEL)
    scene.net(-0.05, 0.05, 0.55, 0.98)
    action = _rivals(scene, (0.13, 0.1), 0.24, 0.82, (0, 0, 1))
    x, y, turn = scene.near(0, 0.25), scene.near(1.3, 0.08), scene.chance.choice((-40, 220))
    cone = Spot(x, y, 1.0, turn=turn)
    scene.canvas.shape([cone(0.03, 0.03), cone(0.03, -0.03), cone(-0.17, -0.1), cone(-0.17, 0.1)], WHITE)
    for side in (-0.05, 0.0, 0.05):
        scene.canvas.line([cone(0.02, side * 0.3), cone(-0.16, side)], 0.01, (120, 120, 130), plain=True)
    scene.canvas.disc(cone(0.04, 0), 0.045, scene.gear())
    return action


def tennis(scene: Scene) -> str:
    scene.lines(
        ((-1, -0.1), (1, -0.1)), ((-0.9, 0.12), (0.9, 0.12)), ((-1, -0.1), (-0.9, 0.12)), ((1, -0.1), (0.9, 0.12))
    )
    if scene.coin(0.6):  # the net seen from its end
        scene.net(-0.16, 0.16, -0.1, 0.3, slope=0.08)
        action = _rivals(scene, (0.19, 0.15), 0.12, 0.86, (0, 1, 2))
        scene.canvas.disc((scene.near(0, 0.25), scene.near(0.75, 0.2)), 0.055, (214, 236, 60))
        return action
    hand, direction, action = scene.chance.choice(SWINGS)
    scene.net(-1.1, 1.1, 0.06, 0.42, slope=scene.near(0, 0.06))
    spot = Spot(scene.near(-0.15, 0.15), -0.12, 1.1)
    pose = Pose(hands=(hand, (-0.22, 0.62)), feet=((0.22, 0.02), (-0.2, 0.02)), hip=(0, 0.46), neck=(0.05, 0.77))
    scene.person(spot, pose)
    _racket(scene, spot, hand, direction, (0.19, 0.15), 0.12, scene.gear("racket"))
    scene.canvas.disc((spot.x + 0.75, scene.near(0.95, 0.25)), 0.055, (214, 236, 60))
    return action


def table_tennis(scene: Scene) -> str:
    top, colour, bat = 0.46, scene.gear("table"), scene.gear()
    for team, flipped in enumerate((False, True) if scene.coin(0.75) else (False,)):
        spot = Spot(scene.near(0.84 if flipped else -0.84, 0.04), 0.04, 0.9, flipped)
        hand = (0.26, scene.near(0.72, 0.08))
        scene.person(spot, Pose(hands=(hand, (0.1, 0.55)), neck=(0.08, 0.77), feet=((0.1, 0.02), (-0.15, 0.02))), team)
        scene.canvas.line([spot(*hand), spot(hand[0] + 0.06, hand[1] + 0.05)], 0.035, WOOD)
        scene.canvas.disc(spot(hand[0] + 0.1, hand[1] + 0.11), 0.1 * spot.size, bat)
    for x in (-0.5, -0.36, 0.36, 0.5):
        scene.canvas.line([(x, top), (x, -0.04)], 0.03, DARK)
    scene.canvas.shape([(-0.66, top - 0.08), (0.66, top - 0.08), (0.56, top + 0.07), (-0.56, top + 0.07)], colour)
    scene.canvas.line([(-0.63, top - 0.06), (0.63, top - 0.06)], 0.02, WHITE, plain=True)
    scene.net(-0.03, 0.03, top - 0.02, top + 0.17)
    scene.canvas.disc((scene.near(0, 0.3), scene.near(0.85, 0.08)), 0.04, WHITE)
    return "hitting a small ball across a table"


def volleyball(scene: Scene) -> str:
    ball = scene.gear("ball")
    scene.net(-1.05, 1.05, 0.62, 1.0, slope=scene.near(0, 0.05))
    for x in (-1.0, 1.0):
        scene.canvas.line([(x, -0.1), (x, 1.0)], 0.04, STEEL)
    count, jump = scene.people(2, 3, 4), scene.near(0.16, 0.06)
    for number in range(count):
        x, flipped = -0.75 + 1.5 * number / max(1, count - 1), number >= count / 2
        hands = ((0.2, 1.12), (0.06, 1.14)) if number in (0, count - 1) or scene.coin() else ((0.3, 0.6), (0.3, 0.62))
        up = jump if hands[0][1] > 1 else 0.0
        feet = ((0.02, 0.08), (-0.16, 0.12)) if up else ((0.14, 0.02), (-0.14, 0.02))
        scene.person(Spot(x * 0.85, up - 0.1, 0.86, flipped), Pose(hands=hands, feet=feet), int(flipped))
    centre = (scene.near(0, 0.2), scene.near(1.22, 0.05))
    scene.canvas.disc(centre, 0.12, ball)
    for turn in (30, 90, 150):
        angle = math.radians(turn)
        dx, dy = 0.11 * math.cos(angle), 0.11 * math.sin(angle)
        scene.canvas.line([(centre[0] - dx, centre[1] - dy), (centre[0] + dx, centre[1] + dy)], 0.012, DARK, plain=True)
    return "jumping with raised arms at a high net"


def basketball(scene: Scene) -> str:
    rim = (0.42, 1.12)
    scene.canvas.line([(0.92, -0.1), (0.92, 0.9), (0.72, 1.2)], 0.06, STEEL)
    scene.canvas.shape([(0.62, 1.02), (0.74, 1.0), (0.74, 1.52), (0.62, 1.5)], WHITE)
    for step in range(5):
        x = rim[0] - 0.15 + 0.075 * step
        scene.canvas.line([(x, rim[1]), (rim[0] + (x - rim[0]) * 0.55, rim[1] - 0.26)], 0.012, WHITE, plain=True)
    scene.canvas.line([(rim[0] - 0.17, rim[1]), (rim[0] + 0.22, rim[1])], 0.035, (230, 80, 30))
    lift, ball = (
        scene.chance.choice(((0.2, "jumping to throw the ball"), (0.02, "aiming at the basket"))),
        scene.gear("ball"),
    )
    for number in range(scene.people(0, 1, 2)):
        scene.person(Spot(0.35 + 0.3 * number, -0.1, 0.85, True), Pose(hands=((0.15, 1.02), (0.02, 1.05))), 1)
    spot = Spot(scene.near(-0.35, 0.15), lift[0] - 0.1, 0.95)
    scene.person(spot, Pose(hands=((0.16, 1.0), (0.2, 1.04)), feet=((0.06, 0.04), (-0.14, 0.1))))
    centre = spot(0.22, 1.14)
    scene.canvas.disc(centre, 0.13, ball)
    scene.canvas.line([(centre[0] - 0.12, centre[1]), (centre[0] + 0.12, centre[1])], 0.014, DARK, plain=True)
    scene.canvas.line([(centre[0], centre[1] - 0.12), (centre[0], centre[1] + 0.12)], 0.014, DARK, plain=True)
    return lift[1]


def football(scene: Scene) -> str:
    scene.net(0.3, 1.05, -0.02, 0.72)
    scene.canvas.line([(0.3, -0.04), (0.3, 0.74), (1.05, 0.74), (1.05, -0.04)], 0.045, WHITE)
    if keeper := scene.coin():
        scene.person(
            Spot(0.68, -0.03, 0.68, True), Pose(hands=((0.25, 0.75), (-0.2, 0.8)), feet=((0.16, 0), (-0.16, 0))), 1
        )
    if scene.coin():
        running = Pose(hands=((0.2, 0.55), (-0.2, 0.55)), feet=((0.2, 0.05), (-0.25, 0.14)), neck=(0.08, 0.78))
        scene.person(Spot(-0.85, 0.0, 0.8), running, 1 if not keeper else 0)
    spot = Spot(scene.near(-0.4, 0.1), -0.1, 0.95)
    kick = scene.near(0.2, 0.1)
    scene.person(spot, Pose(hands=((-0.22, 0.6), (0.3, 0.68)), feet=((0.32, kick), (-0.1, 0.02)), neck=(-0.04, 0.78)))
    centre = (spot.x + 0.5, kick)
    scene.canvas.disc(centre, 0.12, WHITE)
    scene.canvas.disc(centre, 0.042, DARK, plain=True)
    for turn in range(5):
        angle = math.radians(72 * turn + 20)
        scene.canvas.disc(
            (centre[0] + 0.09 * math.cos(angle), centre[1] + 0.09 * math.sin(angle)), 0.025, DARK, plain=True
        )
    return "kicking the ball towards the goal"


def hockey(scene: Scene) -> str:
    goal = scene.gear()
    scene.net(0.62, 1.05, -0.05, 0.42)
    scene.canvas.line([(0.62, -0.06), (0.62, 0.42), (1.05, 0.42), (1.05, -0.06)], 0.045, (214, 40, 40))
    stick, helmet = scene.gear("stick"), goal
    for number in range(scene.people(1, 2, 2)):
        flipped = number == 1
        spot = Spot(0.42 if flipped else scene.near(-0.5, 0.1), scene.near(-0.1, 0.04), 0.95, flipped)
        pose = Pose(
            hands=((0.2, 0.5), (0.1, 0.62)),
            feet=((0.2, 0.05), (-0.24, 0.08)),
            hip=(-0.05, 0.44),
            neck=(0.12, 0.72),
            headgear="helmet",
            gear_colour=helmet,
            covered=True,
        )
        scene.person(spot, pose, number)
        for foot in pose.feet:
            scene.canvas.line([spot(foot[0] - 0.06, foot[1] - 0.06), spot(foot[0] + 0.1, foot[1] - 0.06)], 0.02, STEEL)
        scene.canvas.line([spot(0.06, 0.7), spot(0.44, 0.04), spot(0.6, 0.04)], 0.045, stick)
    scene.canvas.oval((0.16, -0.08), 0.08, 0.035, DARK)
    return "chasing the puck with a long stick"


def golf(scene: Scene) -> str:
    flag = scene.gear("flag")
    scene.canvas.oval((0.68, 0.02), 0.3, 0.05, (150, 200, 120) if scene.coin() else (224, 206, 150))
    scene.canvas.oval((0.7, 0.02), 0.06, 0.018, DARK)
    scene.canvas.line([(0.7, 0.02), (0.7, 0.92)], 0.022, WHITE)
    scene.canvas.shape([(0.7, 0.92), (0.7, 0.66), (0.98, 0.79)], flag)
    spot = Spot(scene.near(-0.4, 0.15), -0.08, 1.05)
    hands, head, action = scene.chance.choice(
        (
            (((-0.12, 0.98), (-0.1, 1.0)), (-0.58, 1.12), "swinging the club far back"),
            (((0.16, 0.5), (0.14, 0.52)), (0.42, 0.04), "standing over a small ball"),
        )
    )
    pose = Pose(hands=hands, feet=((0.12, 0.02), (-0.14, 0.02)), hip=(-0.04, 0.48), neck=(0.06, 0.78), headgear="cap")
    scene.person(spot, pose)
    scene.canvas.line([spot(*hands[0]), spot(*head)], 0.026, STEEL)
    scene.canvas.line([spot(*head), spot(head[0] + 0.1, head[1] + 0.03)], 0.065, DARK)
    scene.canvas.disc(spot(0.52, 0.04), 0.042, WHITE)
    return action


def bowling(scene: Scene) -> str:
    lane = (214, 170, 110) if sum(scene.ground) < 400 else (150, 100, 60)
    scene.canvas.shape([(-1.1, -0.2), (0.1, -0.2), (0.95, 0.42), (0.35, 0.42)], lane)
    for row in range(3, -1, -1):
        for pin in range(row + 1):
            x, y = 0.65 + (pin - row / 2) * 0.17, 0.3 + row * 0.045
            scene.canvas.oval((x, y + 0.12), 0.058, 0.13, WHITE)
            scene.canvas.disc((x, y + 0.29), 0.044, WHITE)
            scene.canvas.line([(x - 0.03, y + 0.22), (x + 0.03, y + 0.22)], 0.025, (204, 40, 40), plain=True)
    spot, ball = Spot(scene.near(-0.55, 0.08), -0.12, 1.05), scene.gear("ball")
    hand, action = scene.chance.choice(
        (((0.24, 0.24), "rolling the ball down the lane"), ((-0.36, 0.5), "swinging the ball back"))
    )
    scene.person(
        spot, Pose(hands=(hand, (-0.16, 0.7)), feet=((0.22, 0.02), (-0.32, 0.04)), hip=(0, 0.4), neck=(0.12, 0.68))
    )
    scene.canvas.disc(spot(hand[0], hand[1] - 0.08), 0.13, ball)
    for dx, dy in ((0.02, 0.04), (0.06, 0.03), (0.05, -0.01)):
        scene.canvas.disc(spot(hand[0] + dx, hand[1] - 0.08 + dy), 0.015, DARK, plain=True)
    return action
