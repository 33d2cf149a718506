"""Snow and ice: sleds, skis, boards and skates."""

import math

from stages.samples.sports.colours import mixed
from stages.samples.sports.figure import Pose, Spot
from stages.samples.sports.scene import DARK, STEEL, WHITE, Scene


def _channel(scene: Scene) -> None:
    """The banked ice wall of a sled run."""
    wall = mixed(scene.ground, WHITE if sum(scene.ground) < 560 else (110, 140, 180), 0.35)
    top, lean = scene.near(0.85, 0.12), scene.near(0.0, 0.12)
    curve = [(-1.3, top - lean), (-0.4, top + 0.05), (0.4, top + 0.05 + lean), (1.3, top + lean)]
    scene.canvas.shape([*curve, (1.3, -0.3), (-1.3, -0.3)], wall)
    edge = mixed(wall, (60, 90, 140), 0.35)
    scene.canvas.line(curve, 0.04, scene.gear())
    for height in (0.55, 0.25):
        scene.canvas.line([(x, y * height) for x, y in curve], 0.014, edge, plain=True)


def bobsled(scene: Scene) -> str:
    canvas, hull, helmet = scene.canvas, scene.gear("sled"), scene.gear()
    _channel(scene)
    count, sled = scene.people(2, 2, 4), Spot(0, scene.near(0.02, 0.06), 1.0, turn=scene.near(-6, 6))
    for number in range(count):
        x = 0.12 - number * (0.9 / (count + 1))
        seat = Spot(*sled(x, 0.1), 0.85, turn=sled.turn)
        scene.person(
            seat,
            Pose(
                hip=(0, 0.1),
                neck=(0.03, 0.36),
                hands=((0.2, 0.2), (0.2, 0.2)),
                legs=False,
                covered=True,
                headgear="helmet",
                gear_colour=helmet,
            ),
        )
    points = [
        (-0.82, 0.04),
        (-0.86, 0.32),
        (-0.6, 0.36),
        (0.24, 0.36),
        (0.5, 0.36),
        (0.92, 0.16),
        (0.96, 0.06),
        (0.8, 0.02),
    ]
    canvas.shape([sled(*point) for point in points], hull)
    canvas.shape(
        [sled(*point) for point in ((-0.8, 0.2), (0.84, 0.2), (0.93, 0.13), (-0.81, 0.13))],
        mixed(hull, WHITE, 0.65),
        plain=True,
    )
    for x in (-0.6, 0.4):
        canvas.line([sled(x, 0.03), sled(x + 0.34, 0.03)], 0.03, DARK)
        canvas.line([sled(x - 0.05, -0.04), sled(x + 0.44, -0.04)], 0.03, STEEL)
    return "sitting one behind the other in a long sled"


def luge(scene: Scene) -> str:
    canvas, pod = scene.canvas, scene.gear("sled")
    _channel(scene)
    sled = Spot(0, scene.near(0.06, 0.05), 1.0, turn=scene.near(-5, 6))
    for lift, colour in ((0.04, STEEL), (0.16, pod)):
        width = 0.05 if lift < 0.1 else 0.09
        points = [(-0.5, lift), (0.36, lift), (0.54, lift + 0.12)]
        canvas.line([sled(*point) for point in points], width, colour)
    for x in (-0.36, 0.24):
        canvas.line([sled(x, 0.05), sled(x, 0.15)], 0.04, DARK)
    for number in range(scene.people(1, 1, 1, 2)):  # doubles lie on top of each other
        body = Spot(*sled(0.02 - 0.1 * number, 0.26 + 0.1 * number), 1.12, turn=sled.turn)
        pose = Pose(
            hip=(0.06, 0.02),
            neck=(-0.26, 0.06),
            hands=((0.06, -0.06), (0.04, -0.06)),
            feet=((0.56, 0.1), (0.54, 0.04)),
            knees=(1, 1),
            covered=True,
            headgear="helmet",
            gear_colour=scene.gear(),
            head=-25,
        )
        scene.person(body, pose)
    return "lying on the back feet first on a sled"


def figure_skating(scene: Scene) -> str:
    pair = scene.coin(0.35)
    spirals = (
        (
            Pose(
                hip=(0, 0.5),
                neck=(0.26, 0.66),
                hands=((0.52, 0.72), (0.06, 0.9)),
                feet=((0.02, 0.06), (-0.44, 0.74)),
                head=-30,
                elbows=(1, 1),
                knees=(1, -1),
                skirt=True,
            ),
            "gliding with one leg stretched out far behind",
        ),
        (
            Pose(
                hip=(0, 0.49),
                neck=(0.0, 0.8),
                hands=((0.12, 1.16), (-0.1, 1.16)),
                feet=((0.0, 0.06), (0.12, 0.3)),
                elbows=(1, -1),
                knees=(1, 1),
                skirt=True,
            ),
            "spinning with both arms over the head",
        ),
        (
            Pose(
                hip=(0, 0.5),
                neck=(-0.02, 0.8),
                hands=((0.36, 0.84), (-0.38, 0.84)),
                feet=((0.02, 0.06), (-0.34, 0.34)),
                elbows=(-1, 1),
                knees=(1, 1),
                skirt=True,
            ),
            "gliding with both arms spread wide",
        ),
    )
    pose, action = scene.chance.choice(spirals)
    _skater(scene, Spot(-0.35 if pair else scene.near(0, 0.2), -0.06, 1.12), pose, 0)
    if pair:
        partner = Pose(
            hands=((0.36, 0.84), (-0.34, 0.8)), feet=((0.1, 0.06), (-0.22, 0.1)), elbows=(-1, 1), covered=True
        )
        _skater(scene, Spot(0.5, -0.04, 1.08, True), partner, 1)
    for number in range(2):
        turn = scene.near(0.1, 0.3)
        scene.canvas.line(
            [(-0.6 + number * 0.7, -0.16), (0.0 + number * 0.7, -0.16 + 0.1 * turn)], 0.014, WHITE, plain=True
        )
    return action


def _skater(scene: Scene, spot: Spot, pose: Pose, team: int) -> None:
    scene.person(spot, pose, team)
    for index, (x, y) in enumerate(pose.feet):
        lifted = index == 1 and y > 0.25
        angle = math.radians(-50 if lifted and y > 0.5 else 0)
        dx, dy = 0.1 * math.cos(angle), 0.1 * math.sin(angle)
        drop = 0.0 if lifted and y > 0.5 else -0.055
        scene.canvas.line([spot(x - dx * 0.6, y + drop - dy * 0.6), spot(x + dx, y + drop + dy)], 0.06, WHITE)
        scene.canvas.line([spot(x - dx, y + drop - 0.05 - dy), spot(x + dx * 1.4, y + drop - 0.05 + dy)], 0.022, DARK)


def _slope(scene: Scene, steep: float) -> None:
    """A slope across the picture, down to the right."""
    shade = mixed(scene.ground, (90, 110, 150) if sum(scene.ground) > 600 else WHITE, 0.22)
    scene.canvas.shape([(-1.4, steep), (1.4, -steep), (1.4, -0.6), (-1.4, -0.6)], shade, plain=True)
    if scene.coin(0.6):
        for x in scene.chance.sample((-0.9, 0.75, 1.0), 2):
            pole = scene.gear()
            scene.canvas.line([(x, -0.1), (x, 0.4)], 0.03, pole)
            scene.canvas.shape([(x, 0.4), (x + 0.2, 0.34), (x, 0.24)], pole)


def skiing(scene: Scene) -> str:
    canvas, skis = scene.canvas, scene.gear("skis")
    steep = scene.near(0.22, 0.12)
    _slope(scene, steep)
    jump = scene.coin(0.25)
    spot = Spot(scene.near(0, 0.1), 0.2 if jump else 0.02, 1.05, turn=-math.degrees(math.atan(steep / 1.4)))
    for lift in (0.075, 0.0):
        points = [(-0.62, lift), (0.54, lift), (0.7, lift + 0.1)]
        canvas.line([spot(*point) for point in points], 0.042, skis)
    pose = Pose(
        hip=(-0.16, 0.38),
        neck=(0.1, 0.62),
        hands=((0.26, 0.46), (0.3, 0.5)),
        feet=((0.02, 0.05), (0.04, 0.1)),
        head=-15,
        covered=True,
        headgear=scene.chance.choice(("helmet", "cap")),
        gear_colour=scene.gear(),
    )
    for hand in pose.hands[::-1]:
        tip = (
            (hand[0] - 0.62, hand[1] - 0.3)
            if scene.facts.people == 0 and steep > 0.24
            else (hand[0] - 0.24, hand[1] - 0.5)
        )
        canvas.line(
            [spot(hand[0] + 0.03, hand[1] + 0.06), spot(*tip)], 0.022, DARK if sum(scene.ground) > 330 else WHITE
        )
        canvas.disc(spot(tip[0] + 0.03, tip[1] + 0.05), 0.04, DARK)
    scene.person(spot, pose)
    if not jump:
        scene.splash(spot(-0.65, 0.0), 0.18)
    return "jumping with two poles in the hands" if jump else "racing downhill with a pole in each hand"


def snowboarding(scene: Scene) -> str:
    canvas, board = scene.canvas, scene.gear("board")
    steep = scene.near(0.22, 0.12)
    _slope(scene, steep)
    jump = scene.coin(0.4)
    turn = -math.degrees(math.atan(steep / 1.4)) + (scene.near(10, 18) if jump else 0)
    spot = Spot(scene.near(0, 0.1), 0.24 if jump else 0.02, 1.05, turn=turn)
    hands = ((0.1, 0.1), (-0.36, 0.76)) if jump else ((0.38, 0.62), (-0.38, 0.68))
    pose = Pose(
        hip=(-0.02, 0.38),
        neck=(0.06, 0.64),
        hands=hands,
        feet=((0.22, 0.09), (-0.22, 0.09)),
        knees=(1, -1),
        elbows=(-1, 1),
        covered=True,
        headgear=scene.chance.choice(("helmet", "cap")),
        gear_colour=scene.gear(),
    )
    scene.person(spot, pose)
    points = [(-0.6, 0.13), (-0.48, 0.04), (0.48, 0.04), (0.6, 0.13)]
    canvas.line([spot(*point) for point in points], 0.085, board)
    canvas.line([spot(-0.38, 0.04), spot(0.38, 0.04)], 0.02, mixed(board, WHITE, 0.6), plain=True)
    if not jump:
        scene.splash(spot(-0.6, 0.0), 0.2)
    return "jumping and grabbing the board" if jump else "sliding downhill sideways with spread arms"
