"""Draws a scene: its ground, people with limbs in poses, things in hands and around."""

from dataclasses import dataclass

import numpy as np

from stages.foundation.idefics.canvas import Canvas, Entry, Points, band, mixed, moved, oval, turned, varied
from stages.foundation.idefics.grounds import paint_ground
from stages.foundation.idefics.scene import Person, Scene, Thing
from stages.foundation.idefics.things import LONG, SMALL, outline
from stages.foundation.idefics.words import ARMS, COLOURS, LIFTED, LIGHTS, POSES, ROLLED, SKIN, Colour

# Lengths of a figure whose body is about 1.8 tall; half widths of limbs.
TRUNK, NECK, HEAD, UPPER_LEG, LOWER_LEG, UPPER_ARM, FOREARM = 0.55, 0.08, 0.14, 0.43, 0.43, 0.31, 0.29
SWAY = 9.0  # degrees by which every limb's angle varies
HAND_SIZES = {"ball": 0.2, "umbrella": 0.45, "flag": 0.45, "pole": 0.62, "rope": 0.5, "box": 0.24, "bar": 0.55}

Joints = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Figure:
    """Joints by name, in the figure's own units, and the outline's extremes: (left, top, right, bottom)."""

    joints: Joints
    reach: tuple[float, float, float, float]


def draw(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[Entry]]:
    """(SIDE x SIDE x 3 uint8, MAPPED x MAPPED numbers, what the numbers stand for)."""
    canvas = Canvas()
    level = float(rng.uniform(0.2, 0.75)) if scene.place != "sky" else float(rng.uniform(0.6, 1.1))
    paint_ground(canvas, scene.place, min(level, 0.98), rng)
    if scene.people:
        _draw_people(canvas, scene, level, rng)
    elif scene.thing and scene.other:
        _draw_pair(canvas, scene, rng)
    elif scene.thing:
        _draw_several(canvas, scene.thing, scene.count, rng)
    picture, spots = canvas.finished(LIGHTS[scene.light], rng)
    return picture, spots, canvas.entries


def figure(person: Person, rng: np.random.Generator) -> Figure:
    """Joints of the pose, every angle moved a little; facing right, feet down, before it is placed."""
    lean, thigh1, shin1, thigh2, shin2 = np.array(POSES[person.pose]) + rng.normal(0, SWAY, 5)
    arms = np.array(ARMS[person.arms]) + rng.normal(0, SWAY, 4) + lean * 0.6

    def from_joint(start: tuple[float, float], degrees: float, length: float) -> tuple[float, float]:
        angle = np.radians(degrees)
        return float(start[0] + length * np.sin(angle)), float(start[1] + length * np.cos(angle))

    hip = (0.0, 0.0)
    shoulder = from_joint(hip, 180 - lean, TRUNK)
    joints: Joints = {"hip": hip, "shoulder": shoulder, "head": from_joint(shoulder, 180 - lean * 0.7, NECK + HEAD)}
    for side, thigh, shin, upper, fore in (
        ("near", thigh1, shin1, arms[0], arms[1]),
        ("far", thigh2, shin2, arms[2], arms[3]),
    ):
        joints[f"{side} knee"] = from_joint(hip, thigh, UPPER_LEG)
        joints[f"{side} foot"] = from_joint(joints[f"{side} knee"], shin, LOWER_LEG)
        joints[f"{side} elbow"] = from_joint(shoulder, upper, UPPER_ARM)
        joints[f"{side} hand"] = from_joint(joints[f"{side} elbow"], fore, FOREARM)
    spots = turned(np.array(list(joints.values())), ROLLED.get(person.pose, 0.0) + float(rng.normal(0, 3)))
    if person.facing == "left":
        spots = spots * (-1, 1)
    joints = {name: (float(x), float(y)) for name, (x, y) in zip(joints, spots, strict=True)}
    (left, top), (right, bottom) = spots.min(axis=0) - 0.12, spots.max(axis=0) + 0.1
    return Figure(joints, (float(left), float(top), float(right), float(bottom)))


def _draw_people(canvas: Canvas, scene: Scene, level: float, rng: np.random.Generator) -> None:
    number = len(scene.people)
    tall = float(rng.uniform(*((0.5, 0.86), (0.42, 0.68), (0.34, 0.55))[number - 1]))
    xs = (np.arange(number) + 0.5) / number + rng.uniform(-0.5, 0.5, number) * (0.4, 0.16, 0.1)[number - 1]
    for index, person in enumerate(scene.people):
        shape = figure(person, rng)
        left, top, right, bottom = shape.reach
        scale = min(tall / 1.8 * float(rng.uniform(0.9, 1.1)), 0.94 / (right - left), 0.9 / (bottom - top))
        if number == 1 and scene.relation in ("above", "below"):
            scale = min(scale, 0.66 / (bottom - top))
        low = min(0.97, max(level + 0.06, (bottom - top) * scale + 0.03, float(rng.uniform(0.72, 0.97))))
        if scene.relation == "below":
            low = min(low, 0.8)
        if scene.relation == "above":
            low = max(low, 0.9)
        low -= float(rng.uniform(*LIFTED.get(person.pose, (0, 0))))
        x = float(xs[index])
        if number == 1 and scene.relation in ("left", "right"):
            x = 0.64 if scene.relation == "left" else 0.36
        x = min(max(x, 0.02 - left * scale), 0.98 - right * scale)
        y = max(low - bottom * scale, 0.02 - top * scale)
        at = Figure({name: (x + jx * scale, y + jy * scale) for name, (jx, jy) in shape.joints.items()}, shape.reach)
        spread = (x + left * scale, y + top * scale, x + right * scale, y + bottom * scale)
        if index == 0 and scene.thing:
            _draw_beside(canvas, scene, spread, rng)
        _draw_person(canvas, person, at, scale, index, rng)


def _draw_beside(
    canvas: Canvas, scene: Scene, spread: tuple[float, float, float, float], rng: np.random.Generator
) -> None:
    """The thing that lies around the first person, whose outline reaches over `spread`."""
    assert scene.thing
    left, top, right, bottom = spread
    size = float(rng.uniform(0.05, 0.09) if scene.thing.kind in SMALL else rng.uniform(0.09, 0.17))
    middle = (left + right) / 2
    x, y = {
        "left": (left - size - 0.01, bottom - size),
        "right": (right + size + 0.01, bottom - size),
        "above": (middle, top - size - 0.01),
        "below": (middle, bottom + size * 0.85),
        "near": (float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.2, 0.9))),
    }[scene.relation]
    if scene.relation in ("left", "right"):
        y -= float(rng.uniform(0, 0.4)) * (bottom - top)
    _draw_thing(canvas, scene.thing, min(max(x, size), 1 - size), min(max(y, size), 1 - size * 0.6), size, 0.0, rng)


def _draw_person(
    canvas: Canvas, person: Person, at: Figure, scale: float, owner: int, rng: np.random.Generator
) -> None:
    skin = varied(rng, SKIN[int(rng.integers(len(SKIN)))], 8)
    shirt, trousers = (varied(rng, COLOURS[name], 12) for name in (person.shirt, person.trousers))
    joints, thick = at.joints, scale * float(rng.uniform(0.8, 1.25))
    bare_legs, bare_arms = rng.random() < 0.4, rng.random() < 0.5

    def limb(start: str, end: str, wide: float, narrow: float, colour: Colour, part: str, name: str) -> None:
        canvas.fill(band(joints[start], joints[end], wide * thick, narrow * thick), colour, Entry(part, name, owner))
        canvas.fill(oval(*joints[end], narrow * thick, narrow * thick, 8), colour)

    def leg(side: str, shade: float) -> None:
        upper, lower = mixed(trousers, (0, 0, 0), shade), mixed(skin if bare_legs else trousers, (0, 0, 0), shade)
        limb("hip", f"{side} knee", 0.1, 0.075, upper, f"{side} thigh", person.trousers)
        limb(f"{side} knee", f"{side} foot", 0.07, 0.055, lower, f"{side} shin", "" if bare_legs else person.trousers)
        canvas.fill(oval(*joints[f"{side} foot"], 0.075 * thick, 0.05 * thick, 8), (40, 36, 40))

    def arm(side: str, shade: float) -> None:
        upper, lower = mixed(shirt, (0, 0, 0), shade), mixed(skin if bare_arms else shirt, (0, 0, 0), shade)
        limb("shoulder", f"{side} elbow", 0.07, 0.055, upper, f"{side} arm", person.shirt)
        limb(f"{side} elbow", f"{side} hand", 0.052, 0.042, lower, f"{side} forearm", "" if bare_arms else person.shirt)
        canvas.fill(oval(*joints[f"{side} hand"], 0.058 * thick, 0.058 * thick, 8), skin)

    arm("far", 0.18)
    leg("far", 0.18)
    leg("near", 0.0)
    limb("shoulder", "hip", 0.15, 0.11, shirt, "trunk", person.shirt)
    _draw_head(canvas, person, at, scale, skin, owner, rng)
    if person.held:
        _draw_held(canvas, person, at, scale, owner, rng)
    arm("near", 0.0)


def _draw_head(
    canvas: Canvas, person: Person, at: Figure, scale: float, skin: Colour, owner: int, rng: np.random.Generator
) -> None:
    x, y = at.joints["head"]
    radius = HEAD * scale
    canvas.fill(oval(x, y, radius * 0.92, radius, 14), skin, Entry("head", "", owner))
    up = np.array([x - at.joints["shoulder"][0], y - at.joints["shoulder"][1]])
    tilt = float(np.degrees(np.arctan2(up[0], -up[1])))
    top = oval(0, 0, radius, radius * 1.05, 16)[8:]  # the upper half
    if person.hat == "none":
        canvas.fill(moved(turned(top * (1, 0.9), tilt), x, y), varied(rng, SKIN[3], 40))
        return
    paint = varied(rng, COLOURS[person.trousers], 12)
    entry = Entry(person.hat, person.trousers, owner)
    canvas.fill(moved(turned(top * 1.1, tilt), x, y), paint, entry)
    if person.hat == "helmet":
        sides = oval(0, -0.1 * radius, radius * 1.15, radius * 0.9, 14)[6:15]
        canvas.fill(moved(turned(sides, tilt), x, y), paint, entry)
    else:
        side = -1 if person.facing == "left" else 1
        peak = oval(side * radius * 0.9, -0.1 * radius, radius * 0.7, radius * 0.2, 8)
        canvas.fill(moved(turned(peak, tilt), x, y), paint, entry)


def _draw_held(canvas: Canvas, person: Person, at: Figure, scale: float, owner: int, rng: np.random.Generator) -> None:
    """In the near hand, or between both where they are close."""
    near, far = np.array(at.joints["near hand"]), np.array(at.joints["far hand"])
    elbow = np.array(at.joints["near elbow"])
    both = float(np.linalg.norm(near - far)) < 0.35 * scale
    x, y = (near + far) / 2 if both else near
    forearm = near - elbow
    along = float(np.degrees(np.arctan2(forearm[0], -forearm[1])))
    degrees = float(rng.choice([along, along + 90, 0.0, 90.0])) if person.held in LONG else float(rng.normal(0, 10))
    size = HAND_SIZES.get(person.held, 0.42 if person.held in LONG else 0.2) * scale * float(rng.uniform(0.85, 1.3))
    thing = Thing(person.held, person.held_colour, "plain" if rng.random() < 0.5 else "checked")
    _draw_thing(canvas, thing, float(x), float(y), size, degrees, rng, owner)


def _draw_several(canvas: Canvas, thing: Thing, count: int, rng: np.random.Generator) -> None:
    """Each in a cell of its own, so that they can be counted."""
    columns = count if count < 4 else 3
    cells = [(column, row) for row in range(-(-count // columns)) for column in range(columns)]
    most = 0.46 / max(columns, 1.15)
    size = float(rng.uniform(0.55, 0.95)) * most
    top = float(rng.uniform(0.2, 0.8 - 0.3 * cells[-1][1])) if count > 1 else float(rng.uniform(0.4, 0.6))
    degrees = float(rng.normal(0, 10))
    for column, row in [cells[spot] for spot in rng.permutation(len(cells))[:count]]:
        x, y = (column + 0.5) / columns, top + row * 0.34
        x, y = x + float(rng.uniform(-0.25, 0.25)) * (most - size), y + float(rng.uniform(-0.05, 0.05))
        _draw_thing(canvas, thing, x, y, size, degrees, rng)


def _draw_pair(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    """The other thing lies `relation` of the first."""
    assert scene.thing
    assert scene.other
    across, down = {"left": (-1, 0), "right": (1, 0), "above": (0, -1), "below": (0, 1)}[scene.relation]
    x, y, gap = *rng.uniform(0.46, 0.54, 2), float(rng.uniform(0.2, 0.27))
    drift = rng.uniform(-0.06, 0.06, 2)
    sizes = rng.uniform(0.13, 0.2, 2)
    _draw_thing(canvas, scene.thing, x - across * gap, y - down * gap, float(sizes[0]), 0.0, rng)
    spot = x + across * gap + drift[0] * abs(down), y + down * gap + drift[1] * abs(across)
    _draw_thing(canvas, scene.other, float(spot[0]), float(spot[1]), float(sizes[1]), 0.0, rng)


def _draw_thing(
    canvas: Canvas, thing: Thing, x: float, y: float, size: float, degrees: float, rng: np.random.Generator,
    owner: int = -1,
) -> None:  # fmt: skip
    """`size`: half of what the thing spans."""
    main = varied(rng, COLOURS[thing.colour], 12)
    paints = {"main": main, "dark": mixed(main, (20, 16, 24), 0.55), "light": mixed(main, (255, 255, 255), 0.6)}
    ink = mixed(main, (10, 8, 20), 0.7) if thing.kind not in LONG and rng.random() < 0.6 else None
    entry = Entry(thing.kind, thing.colour, owner)
    shape: Points
    for piece, paint in outline(thing.kind, thing.pattern):
        shape = moved(turned(piece, degrees) * size, x, y)
        canvas.fill(shape, paints[paint], entry, ink)
