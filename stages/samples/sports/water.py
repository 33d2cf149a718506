"""Boats, boards and swimmers. y = 0 is about the water line."""

from stages.samples.sports.canvas import Colour, Point
from stages.samples.sports.colours import mixed
from stages.samples.sports.figure import Pose, Spot
from stages.samples.sports.scene import DARK, STEEL, WHITE, WOOD, Scene

FOAM: Colour = (240, 246, 250)


def _wake(scene: Scene, left: float, right: float, y: float) -> None:
    scene.canvas.line([(left, y), (right, y)], 0.025, mixed(scene.ground, FOAM, 0.7), plain=True)


def canoeing(scene: Scene) -> str:
    canvas, hull, blade = scene.canvas, scene.gear("canoe"), scene.gear()
    count = scene.people(1, 1, 2)
    ends = 0.86
    for number in range(count):
        spot = Spot(0.0 if count == 1 else (-0.34 + 0.62 * number), -0.12, 1.05)
        pose = Pose(hip=(0, 0.3), neck=(0.07, 0.62), hands=((0.26, 0.34), (0.22, 0.76)), elbows=(-1, 1), legs=False)
        scene.person(spot, pose, number)
    canvas.shape(
        [
            (-ends, 0.42),
            (-ends + 0.1, 0.2),
            (ends - 0.1, 0.2),
            (ends, 0.42),
            (ends - 0.1, 0.0),
            (0.5, -0.08),
            (-0.5, -0.08),
            (-ends + 0.1, 0.0),
        ],
        hull,
    )
    canvas.line([(-ends + 0.1, 0.17), (ends - 0.1, 0.17)], 0.024, mixed(hull, WHITE, 0.5), plain=True)
    for number in range(count):
        spot = Spot(0.0 if count == 1 else (-0.34 + 0.62 * number), -0.12, 1.05)
        canvas.line([spot(0.22, 0.78), spot(0.32, 0.06)], 0.036, WOOD)
        canvas.line([spot(0.16, 0.8), spot(0.28, 0.8)], 0.036, WOOD)
        canvas.oval(spot(0.33, -0.01), 0.065, 0.16, blade, 8)
    _wake(scene, -1, 1, -0.1)
    return "dipping a paddle upright beside a curved boat"


def rowing(scene: Scene) -> str:
    canvas, hull, blade = scene.canvas, scene.gear("boat"), scene.gear()
    count = scene.people(1, 2, 2, 4)
    size = {1: 0.9, 2: 0.82, 4: 0.62}[count]
    lean = scene.near(-0.08, 0.1)
    seats = [(number - (count - 1) / 2) * (1.5 / max(count, 3)) for number in range(count)]
    for seat in seats:
        spot = Spot(seat - 0.04, -0.02, size)
        reach = 0.26 + lean
        pose = Pose(
            hip=(0, 0.18), neck=(lean, 0.5), hands=((reach, 0.34), (reach, 0.32)), feet=((0.36, 0.14), (0.36, 0.12))
        )
        scene.person(spot, pose)
    canvas.shape([(-1.12, 0.1), (1.12, 0.1), (0.8, -0.04), (-0.8, -0.04)], hull)
    for seat in seats:
        x = seat + 0.2 * size
        canvas.line([(x, 0.1), (x + 0.06, 0.2)], 0.02, STEEL)
        canvas.line([(x - 0.02, 0.3 * size), (x - 0.3, -0.26)], 0.03, WHITE)
        canvas.line([(x - 0.24, -0.2), (x - 0.34, -0.33)], 0.095, blade)
    _wake(scene, -1, 1, -0.06)
    return "pulling long oars in a long thin boat"


def sailing(scene: Scene) -> str:
    canvas, sail = scene.canvas, scene.gear("sail")
    lean = scene.near(4, 6)
    boat = Spot(scene.near(0, 0.06), 0.0, 1.0, turn=lean)
    canvas.line([boat(0.06, 0.1), boat(0.06, 1.5)], 0.035, STEEL)
    canvas.shape([boat(0.02, 1.46), boat(0.02, 0.3), boat(-0.72, 0.3), boat(-0.3, 0.9)], sail)
    canvas.shape([boat(0.12, 1.3), boat(0.12, 0.28), boat(0.62, 0.2)], mixed(sail, WHITE, 0.6))
    for share in (0.34, 0.6):
        canvas.line([boat(0.0, 0.3 + share), boat(-0.5 + 0.3 * share, 0.32 + share)], 0.014, DARK, plain=True)
    canvas.line([boat(0.06, 0.27), boat(-0.74, 0.27)], 0.03, WOOD)
    for number in range(scene.people(1, 1, 2)):
        spot = Spot(-0.3 - 0.3 * number, 0.02, 0.62, turn=lean)
        scene.person(spot, Pose(hip=(0, 0.2), neck=(-0.08, 0.5), hands=((0.24, 0.4), (0.22, 0.36)), legs=False))
    hull = [boat(-0.8, 0.18), boat(0.86, 0.2), boat(0.6, -0.06), boat(-0.66, -0.06)]
    canvas.shape(hull, scene.gear("boat") if scene.coin() else WHITE)
    _wake(scene, -1, 1, -0.08)
    return "leaning out of a small boat with a tall sail"


def surfing(scene: Scene) -> str:
    canvas, board = scene.canvas, scene.gear("board")
    wave = mixed(scene.ground, FOAM if sum(scene.ground) < 420 else DARK, 0.3)
    crest = scene.near(0.95, 0.1)
    canvas.shape(
        [
            (-1.2, -0.16),
            (-1.2, crest),
            (-0.85, crest + 0.12),
            (-0.5, crest),
            (-0.38, crest - 0.24),
            (-0.6, crest - 0.16),
            (-0.52, 0.35),
            (-0.2, 0.08),
            (0.5, -0.04),
            (1.1, -0.1),
            (1.1, -0.26),
        ],
        wave,
    )
    for x, y, r in (
        (-1.05, 0.0, 0.14),
        (-0.78, 0.1, 0.15),
        (-0.46, -0.02, 0.13),
        (-0.38, -0.22, 0.08),
        (-0.62, -0.1, 0.1),
    ):
        canvas.disc((x, crest + y), scene.near(r, 0.02), FOAM, plain=True)
    turn = scene.near(-10, 6)
    spot = Spot(scene.near(0.2, 0.08), 0.06, 1.0, turn=turn)
    canvas.oval(spot(0, 0.02), 0.66, 0.085, board)
    canvas.line([spot(-0.58, 0.02), spot(0.58, 0.02)], 0.016, WHITE, plain=True)
    pose = Pose(
        hip=(-0.06, 0.38),
        neck=(0.08, 0.64),
        hands=((0.4, 0.6), (-0.34, 0.7)),
        feet=((0.22, 0.06), (-0.22, 0.06)),
        elbows=(-1, 1),
        bare=True,
    )
    scene.person(spot, pose)
    scene.splash(spot(-0.6, -0.04), 0.2)
    return "crouching on a long board below a breaking wave"


def swimming(scene: Scene) -> str:
    canvas, cap = scene.canvas, scene.gear("cap")
    pool = scene.coin(0.85)
    rows = (0.72, 0.4, 0.08, -0.2)
    if pool:
        floats = (scene.gear(), WHITE)
        for row in rows:
            slope = 0.05
            for step in range(18):
                x = -1.2 + 0.14 * step
                canvas.disc((x, row - 0.14 + slope * x), 0.036, floats[step % 2], plain=True)
    lanes = scene.chance.sample(range(3), scene.people(1, 2, 2, 3))
    for team, lane in enumerate(sorted(lanes)):
        x, y = scene.near(0.05, 0.3), rows[lane] - 0.02
        _swimmer(scene, (x, y), cap, team)
    return "swinging an arm out of the water"


def _swimmer(scene: Scene, at: Point, cap: Colour, team: int) -> None:
    """Lying in the water: back, capped head, one arm in the air, the legs' splash."""
    x, y = at
    spot = Spot(x, y, 1.0)
    pose = Pose(
        hip=(-0.36, 0.0),
        neck=(0.0, 0.05),
        hands=((0.34, 0.2), (0.34, -0.02)),
        elbows=(1, -1),
        legs=False,
        bare=True,
        headgear="helmet",
        gear_colour=cap,
        head=-12,
    )
    scene.person(spot, pose, team)
    _wake(scene, x - 0.5, x + 0.3, y - 0.08)
    scene.splash((x - 0.5, y - 0.06), 0.16)


def diving(scene: Scene) -> str:
    canvas, board = scene.canvas, scene.gear("board")
    height = scene.near(1.1, 0.08)
    canvas.line([(-0.95, -0.1), (-0.95, height)], 0.08, STEEL)
    for rung in range(6):
        y = height * rung / 6
        canvas.line([(-0.95, y), (-1.12, y)], 0.022, STEEL)
    canvas.line([(-1.15, height), (-0.3, height + 0.03)], 0.07, board)
    x, y = scene.near(0.22, 0.1), scene.near(0.5, 0.1)
    if scene.coin():
        spot, action = Spot(x, y + 0.56, 0.95, turn=scene.near(172, 10)), "falling head first from a high board"
        pose = Pose(hands=((0.05, 1.12), (-0.03, 1.12)), feet=((0.03, 0.02), (-0.03, 0.02)), elbows=(1, -1), bare=True)
    else:
        spot, action = Spot(x, y, 0.95, turn=scene.near(0, 25)), "bending in the air below a high board"
        pose = Pose(
            hip=(0, 0.55),
            neck=(0.2, 0.32),
            hands=((0.3, 0.1), (0.32, 0.08)),
            feet=((0.28, 0.16), (0.24, 0.14)),
            knees=(1, 1),
            bare=True,
        )
    scene.person(spot, pose)
    canvas.line([(-1.2, -0.1), (-0.7, -0.1)], 0.05, (200, 204, 210))
    if scene.coin(0.4):
        scene.splash((x + 0.05, -0.06), 0.2)
    return action


def log_rolling(scene: Scene) -> str:
    canvas, bark = scene.canvas, scene.chance.choice(((134, 88, 52), (104, 70, 46), (176, 124, 74), (92, 84, 78)))
    stripe = scene.gear()
    canvas.shape([(-0.95, 0.22), (0.92, 0.22), (0.92, -0.1), (-0.95, -0.1)], bark)
    for x in (-0.66, 0.5):
        canvas.shape([(x, 0.22), (x + 0.16, 0.22), (x + 0.16, -0.1), (x, -0.1)], stripe, plain=True)
    for y in (0.02, 0.12):
        canvas.line([(-0.45, y), (0.42, y)], 0.014, mixed(bark, DARK, 0.5), plain=True)
    canvas.oval((0.92, 0.06), 0.085, 0.16, (222, 186, 132))
    canvas.oval_line((0.92, 0.06), 0.045, 0.09, 0.012, (150, 110, 70))
    for team, flipped in enumerate((False, True)):
        spot = Spot(0.4 if flipped else -0.4, 0.2, 0.92, flipped, turn=scene.near(0, 7))
        feet = ((0.1, 0.02), (-0.08, 0.02)) if scene.coin() else ((0.16, 0.14), (-0.06, 0.02))
        scene.person(spot, Pose(hands=((0.34, 0.78), (-0.32, 0.84)), feet=feet, elbows=(-1, 1)), team)
    _wake(scene, -1.1, 1.1, -0.1)
    return "balancing with spread arms on a floating trunk"
