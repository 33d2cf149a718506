"""Jumps over a bar and sports on wheels."""

import math

from stages.samples.sports.canvas import Colour, Point
from stages.samples.sports.figure import Pose, Spot
from stages.samples.sports.scene import DARK, STEEL, WHITE, Scene


def _bar(scene: Scene, left: float, right: float, height: float) -> None:
    """Two uprights and the bar between them, in stripes."""
    for x in (left, right):
        scene.canvas.line([(x, -0.12), (x, height + 0.12)], 0.045, STEEL)
    for step in range(6):
        start, end = (left + (right - left) * share / 6 for share in (step, step + 1))
        scene.canvas.line([(start, height), (end, height)], 0.034, (216, 50, 46) if step % 2 else WHITE)


def _mat(scene: Scene, left: float, right: float, height: float) -> None:
    colour = scene.gear()
    scene.canvas.shape([(left, -0.16), (right, -0.16), (right, height), (left, height)], colour)
    scene.canvas.shape(
        [(left, height), (right, height), (right - 0.1, height + 0.1), (left + 0.1, height + 0.1)], colour
    )


def high_jump(scene: Scene) -> str:
    _mat(scene, -0.2, 0.95, 0.16)
    height = scene.near(0.78, 0.05)
    _bar(scene, -0.72, 0.62, height)
    x = scene.near(0.0, 0.1)  # on the back over the bar: hip highest, head and feet lower
    spot = Spot(x, height + 0.14, 1.05)
    pose = Pose(
        hip=(0.0, 0.12),
        neck=(0.27, 0.0),
        hands=((0.12, -0.12), (0.5, -0.2)),
        feet=((-0.4, -0.12), (-0.34, -0.2)),
        knees=(1, 1),
        elbows=(1, 1),
        head=30,
    )
    scene.person(spot, pose)
    return "arching backwards over the bar above a thick mat"


def pole_vault(scene: Scene) -> str:
    _mat(scene, 0.12, 1.05, 0.2)
    height = scene.near(1.3, 0.04)
    _bar(scene, 0.2, 0.98, height)
    pole, rising = scene.gear("pole"), scene.coin(0.6)
    if rising:
        grip: Point = (0.08, 1.1)
        body = Spot(0.02, 1.1, 0.82)
        pose = Pose(
            hip=(-0.08, 0.0),
            neck=(-0.2, -0.28),
            hands=((0.06, -0.04), (0.02, -0.12)),
            feet=((0.14, 0.4), (0.02, 0.4)),
            elbows=(1, 1),
        )
        bend = (-0.42, 0.52)
        points = [_curve((0.1, -0.12), bend, grip, step / 12) for step in range(13)]
        action = "swinging up feet first on a bending pole"
    else:
        body = Spot(-0.62, -0.08, 0.95)
        pose = Pose(hands=((0.24, 0.62), (-0.02, 0.66)), feet=((0.24, 0.1), (-0.26, 0.1)), neck=(0.04, 0.79))
        points = [body(-0.35, 0.56), body(1.05, 0.98)]
        action = "running up with a very long pole"
    scene.canvas.line(points, 0.04, pole)
    scene.person(body, pose)
    if rising:
        scene.canvas.disc(grip, 0.04, pole)
    return action


def _curve(start: Point, middle: Point, end: Point, t: float) -> Point:
    """A point of a quadratic Bezier curve."""
    a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
    return a * start[0] + b * middle[0] + c * end[0], a * start[1] + b * middle[1] + c * end[1]


def cycling(scene: Scene) -> str:
    count = scene.people(1, 1, 2)
    size, frame = 1.0 if count == 1 else 0.78, scene.gear("bicycle")
    scene.lines(((-1.1, -0.16), (1.1, -0.16)))
    for number in range(count):
        spot = Spot(0.0 if count == 1 else (0.5 if number else -0.5), 0.0 if number == 0 else 0.06, size)
        _cyclist(scene, spot, number, frame)
    return "bending over the handlebars of a racing bike"


def _cyclist(scene: Scene, spot: Spot, team: int, frame: Colour) -> None:
    canvas, size = scene.canvas, spot.size
    rear, front, crank, seat, bars = (-0.4, 0.2), (0.42, 0.2), (-0.04, 0.22), (-0.2, 0.58), (0.32, 0.62)
    for x, y in (rear, front):
        for turn in range(0, 180, 45):
            angle = math.radians(turn + 20)
            dx, dy = 0.25 * math.cos(angle), 0.25 * math.sin(angle)
            canvas.line([spot(x - dx, y - dy), spot(x + dx, y + dy)], 0.008, STEEL, plain=True)
        canvas.ring(spot(x, y), 0.27 * size, 0.04, DARK)
    for ends in ((rear, crank), (crank, seat), (rear, seat), (crank, bars), (seat, (0.3, 0.54)), (front, bars)):
        canvas.line([spot(*ends[0]), spot(*ends[1])], 0.035 * size, frame)
    canvas.line([spot(-0.28, 0.6), spot(-0.12, 0.6)], 0.045 * size, DARK)
    canvas.line([spot(0.3, 0.63), spot(0.4, 0.6)], 0.035 * size, DARK)
    pedals = math.radians(scene.chance.uniform(0, 360))
    dx, dy = 0.09 * math.cos(pedals), 0.09 * math.sin(pedals)
    pose = Pose(
        hip=(-0.18, 0.68),
        neck=(0.14, 0.92),
        hands=((0.36, 0.62), (0.34, 0.64)),
        head=15,
        headgear="helmet",
        feet=((crank[0] + dx, crank[1] + dy), (crank[0] - dx, crank[1] - dy)),
        gear_colour=scene.gear(),
    )
    scene.person(spot, pose, team)


def skateboarding(scene: Scene) -> str:
    canvas, deck = scene.canvas, scene.gear("board")
    concrete = (170, 172, 178) if sum(scene.ground) < 430 else (112, 114, 124)
    if scene.coin(0.5):  # beside a curved ramp, in the air
        curve = [(1.1, 0.72), (1.0, 0.4), (0.85, 0.16), (0.6, 0.0), (0.3, -0.08), (-0.2, -0.1)]
        canvas.shape([*curve, (-0.2, -0.2), (1.1, -0.2)], concrete)
        turn, x, y, action = (
            scene.near(18, 10),
            scene.near(-0.05, 0.1),
            0.22,
            "jumping from a ramp on a board with wheels",
        )
    else:
        if scene.coin():
            canvas.line([(0.1, 0.16), (1.0, 0.16)], 0.05, STEEL)
            for post in (0.2, 0.9):
                canvas.line([(post, 0.16), (post, -0.12)], 0.035, STEEL)
        turn, x, y, action = scene.near(0, 4), scene.near(-0.2, 0.1), 0.0, "riding on a small board with wheels"
    spot = Spot(x, y, 1.0, turn=turn)
    pose = Pose(
        hip=(-0.04, 0.44),
        neck=(0.06, 0.74),
        hands=((0.36, 0.74), (-0.34, 0.7)),
        elbows=(-1, 1),
        covered=scene.coin(),
        feet=((0.2, 0.15), (-0.2, 0.15)),
        headgear=scene.chance.choice(("", "helmet", "cap")),
        gear_colour=scene.gear(),
    )
    scene.person(spot, pose)
    points = [(-0.44, 0.18), (-0.34, 0.1), (0.34, 0.1), (0.44, 0.18)]
    canvas.line([spot(*point) for point in points], 0.05, deck)
    for wheel in (-0.25, 0.25):
        canvas.disc(spot(wheel, 0.03), 0.06, WHITE if sum(scene.ground) < 300 else DARK)
    return action
