"""Combat, strength, aim and gymnastics: one arena, few people, one piece of equipment that tells them apart."""

from stages.samples.sports.canvas import arc_points
from stages.samples.sports.figure import Pose, Spot
from stages.samples.sports.scene import DARK, STEEL, WHITE, WOOD, Scene

BELTS = ((30, 30, 34), (206, 150, 40), (120, 70, 40), (40, 90, 190), (240, 240, 236))


def archery(scene: Scene) -> str:
    bow, canvas = scene.gear("bow"), scene.canvas
    middle = (0.78, scene.near(0.62, 0.06))
    for side in (-0.16, 0.16):
        canvas.line([(middle[0], middle[1]), (middle[0] + side, -0.06)], 0.035, WOOD)
    faces = ((0.3, WHITE), (0.235, DARK), (0.175, (50, 120, 200)), (0.115, (210, 50, 50)), (0.055, (244, 212, 60)))
    for radius, colour in faces:
        canvas.oval(middle, radius * 0.62, radius, colour)
    for number in range(scene.people(1, 1, 2)):
        spot = Spot(scene.near(-0.42, 0.08) - 0.42 * number, -0.08 + 0.08 * number, 1.05)
        scene.person(spot, Pose(hands=((0.36, 0.75), (0.06, 0.79)), feet=((0.12, 0.02), (-0.12, 0.02)), elbows=(-1, 1)))
        limbs = arc_points((0.12, 0.75), 0.4, -62, 62)
        canvas.line([spot(*limbs[0]), spot(0.08, 0.79), spot(*limbs[-1])], 0.014, WHITE, plain=True)
        canvas.line([spot(*point) for point in limbs], 0.04, bow)
        canvas.line([spot(0.08, 0.79), spot(0.6, 0.75)], 0.018, DARK)
        canvas.shape([spot(0.58, 0.79), spot(0.66, 0.75), spot(0.58, 0.71)], STEEL)
    return "drawing the string back and aiming at a target"


def boxing(scene: Scene) -> str:
    rope, gloves, canvas = scene.gear(), (scene.gear(), scene.gear()), scene.canvas
    canvas.shape(
        [(-1.1, -0.24), (1.1, -0.24), (0.96, 0.1), (-0.96, 0.1)], (214, 218, 224) if scene.coin() else (90, 130, 180)
    )
    for height in (0.34, 0.56, 0.78):
        canvas.line([(-0.96, height), (0.96, height)], 0.028, rope)
    for side in (-1, 1):
        canvas.line([(side * 0.96, -0.02), (side * 0.96, 0.86)], 0.07, DARK)
    if scene.coin(0.3):  # the referee
        scene.person(Spot(scene.near(0, 0.1), 0.04, 0.8), Pose(hands=((0.2, 0.6), (-0.2, 0.6))), 2)
    hits = scene.coin(0.65)
    for team, flipped in enumerate((False, True)):
        spot = Spot(0.3 if flipped else -0.3, -0.12, 1.0, flipped)
        reach = (0.4, 0.78) if hits and team == 0 else (0.24, 0.74)
        scene.person(
            spot,
            Pose(hands=(reach, (0.14, 0.7)), feet=((0.18, 0.02), (-0.18, 0.02)), neck=(0.05, 0.76), bare=True),
            team,
        )
        for hand in ((0.15, 0.72), reach):
            canvas.disc(spot(*hand), 0.085, gloves[team])
    for side in (-1, 1):
        canvas.line([(side * 1.1, -0.3), (side * 1.1, 0.8)], 0.07, DARK)
    canvas.line([(-1.1, 0.16), (1.1, 0.16)], 0.028, rope)
    return "fighting with thick gloves between the ropes"


def fencing(scene: Scene) -> str:
    scene.lines(((-1.1, -0.14), (1.1, -0.14)), ((-1.0, 0.08), (1.0, 0.08)))
    suit, lunging = scene.gear("mask"), scene.chance.randrange(2)
    for team, flipped in enumerate((False, True)):
        lunge = team == lunging
        spot = Spot(0.52 if flipped else -0.52, -0.06, 1.0, flipped)
        pose = Pose(
            hands=((0.34, 0.68), (-0.26, 0.86)),
            elbows=(-1, 1),
            hip=(0, 0.36 if lunge else 0.46),
            covered=True,
            feet=((0.34 if lunge else 0.16, 0.02), (-0.34 if lunge else -0.16, 0.02)),
            neck=(0.07, 0.66 if lunge else 0.77),
            headgear="mask",
            gear_colour=suit,
        )
        scene.person(spot, pose, 0 if scene.coin(0.6) else team)
        hand = pose.hands[0]
        tip = hand[0] + 0.5, hand[1] + scene.near(0.06, 0.1)
        scene.canvas.line([spot(*hand), spot(*tip)], 0.018, STEEL)
        scene.canvas.disc(spot(hand[0] + 0.04, hand[1] + 0.01), 0.055, STEEL)
    return "crossing thin swords with masks on their faces"


def judo(scene: Scene) -> str:
    mat = scene.gear()
    scene.canvas.shape([(-1.1, -0.22), (1.1, -0.22), (0.86, 0.16), (-0.86, 0.16)], mat)
    if scene.coin():
        scene.lines(((-0.45, -0.2), (-0.35, 0.15)), ((0.45, -0.2), (0.35, 0.15)), width=0.014)
    belt = [scene.chance.choice(BELTS) for _ in range(2)]
    if scene.coin():
        lean, action = scene.near(0.14, 0.04), "gripping each other by the jacket"
        for team, flipped in enumerate((False, True)):
            spot = Spot(0.3 if flipped else -0.3, -0.08, 1.0, flipped)
            pose = Pose(
                hands=((0.36, 0.7), (0.3, 0.62)),
                hip=(-0.1, 0.46),
                neck=(lean, 0.72),
                feet=((0.08, 0.02), (-0.26, 0.02)),
                covered=True,
            )
            scene.person(spot, pose, team)
            _jacket(scene, spot, pose, belt[team])
        return action
    flipped = scene.coin()
    lower, upper = (
        Spot(scene.near(-0.1, 0.1), -0.1, 1.0, flipped),
        Spot(0.0, 0.62, 0.95, flipped, turn=-118 if not flipped else 118),
    )
    thrown = Pose(hands=((0.22, 0.6), (-0.12, 0.5)), feet=((0.2, 0.06), (-0.06, 0.04)), covered=True)
    upper = Spot(lower.x + (0.32 if flipped else -0.32), 0.72, 0.95, flipped, upper.turn)
    scene.person(upper, thrown, 1)
    _jacket(scene, upper, thrown, belt[1])
    holder = Pose(
        hands=((0.26, 0.5), (0.2, 0.66)),
        hip=(-0.06, 0.42),
        neck=(0.18, 0.64),
        feet=((0.2, 0.02), (-0.2, 0.02)),
        covered=True,
    )
    scene.person(lower, holder, 0)
    _jacket(scene, lower, holder, belt[0])
    return "throwing the other one over the shoulder"


def _jacket(scene: Scene, spot: Spot, pose: Pose, belt: tuple[int, int, int]) -> None:
    """The belt with its ends, and the lapels."""
    (x, y), (nx, ny) = pose.hip, pose.neck
    scene.canvas.line([spot(x - 0.085, y + 0.06), spot(x + 0.085, y + 0.06)], 0.05, belt)
    scene.canvas.line([spot(x + 0.03, y + 0.06), spot(x + 0.1, y - 0.07)], 0.03, belt)
    scene.canvas.line(
        [spot(nx + 0.02, ny - 0.02), spot(x + 0.04, y + 0.08)], 0.018, WHITE if sum(belt) < 300 else DARK, plain=True
    )


def rings(scene: Scene) -> str:
    ring, canvas = scene.gear("rings"), scene.canvas
    wide = scene.chance.choice((0.5, 0.46, 0.22, 0.2))
    held = 0.86 if wide > 0.3 else scene.near(1.12, 0.04)
    for side in (-1, 1):
        canvas.line([(side * 1.02, -0.1), (side * 0.9, 1.62)], 0.04, STEEL)
        canvas.line([(side * 0.26, 1.62), (side * wide, held + 0.09)], 0.026, WHITE)
    canvas.line([(-0.92, 1.62), (0.92, 1.62)], 0.05, STEEL)
    canvas.shape([(-0.8, -0.2), (0.8, -0.2), (0.66, -0.06), (-0.66, -0.06)], scene.gear())
    spot = Spot(0, held - 0.78 if wide > 0.3 else held - 1.1, 1.0)
    if wide > 0.3:
        feet = ((0.04, 0.02), (-0.04, 0.02)) if scene.coin() else ((0.44, 0.5), (0.42, 0.46))
        pose = Pose(hands=((wide, 0.79), (-wide, 0.79)), feet=feet, neck=(0, 0.8))
        action = "holding both arms straight out to the sides"
    else:
        feet = ((0.06, 0.02), (-0.06, 0.02)) if scene.coin() else ((0.4, 0.42), (0.38, 0.38))
        pose = Pose(hands=((wide, 1.1), (-wide, 1.1)), feet=feet, neck=(0, 0.78), elbows=(-1, 1))
        action = "hanging with both arms from two straps"
    scene.person(spot, pose)
    for side in (-1, 1):
        canvas.ring((side * wide, held), 0.1, 0.035, ring)
    return action


def weightlifting(scene: Scene) -> str:
    plates, canvas = scene.gear("weights"), scene.canvas
    canvas.shape([(-1.05, -0.2), (1.05, -0.2), (0.9, 0.06), (-0.9, 0.06)], WOOD if scene.coin() else (90, 94, 104))
    spot, (height, action) = (
        Spot(scene.near(0, 0.06), -0.08, 1.05),
        scene.chance.choice(
            (
                (1.12, "holding a heavy bar over the head"),
                (0.78, "holding a heavy bar at the chest"),
                (0.2, "bending down to a heavy bar"),
            )
        ),
    )
    hip = (0.0, 0.3) if height < 0.5 else (0.0, 0.48)
    neck = (0.04, 0.6) if height < 0.5 else (0.0, 0.79)
    pose = Pose(
        hands=((0.26, height), (-0.26, height)),
        hip=hip,
        neck=neck,
        feet=((0.16, 0.02), (-0.16, 0.02)),
        knees=(1, -1),
        elbows=(-1, 1),
        bare=scene.coin(),
    )
    scene.person(spot, pose)
    bar = height + scene.near(0, 0.02)
    canvas.line([spot(-0.82, bar), spot(0.82, bar)], 0.032, STEEL)
    for side in (-1, 1):
        for offset, radius in ((0.56, 0.22), (0.66, 0.22), (0.75, 0.15)):
            canvas.oval(spot(side * offset, bar), 0.05, radius, plates if offset < 0.7 else DARK)
        canvas.disc(spot(side * 0.26, bar), 0.045, (226, 176, 136))
    return action


def tug_of_war(scene: Scene) -> str:
    rope, canvas = (214, 184, 130), scene.canvas
    count, size = scene.people(2, 3, 3), 0.78
    height = 0.26
    for team, side in enumerate((-1, 1)):
        for number in range(count):
            spot = Spot(side * (0.3 + 0.3 * number), -0.06, size, flipped=side > 0)
            hands = ((0.1, height / size + 0.08), (0.0, height / size + 0.08))
            pose = Pose(hands=hands, hip=(-0.18, 0.36), neck=(-0.32, 0.64), feet=((0.18, 0.02), (0.04, 0.02)), head=12)
            scene.person(spot, pose, team)
    canvas.line([(-1.12, height), (1.12, height)], 0.05, rope)
    canvas.shape([(-0.05, height), (0.05, height), (scene.near(0, 0.05), height - 0.28)], scene.gear("flag"))
    scene.lines(((0.0, -0.2), (0.0, 0.06)))
    return "leaning back and pulling on a thick rope"
