"""Eyes, mouth and cheeks, and the patterns of the trunk."""

from stages.creatures.anatomy import Build, Head
from stages.creatures.chance import Chance
from stages.creatures.geometry import Points, Shape, box_of, curve, ellipse, ribbon, star
from stages.creatures.species import Species
from stages.creatures.views import View

SIZES = {
    "round": 0.25,
    "large": 0.37,
    "sleepy": 0.27,
    "fierce": 0.27,
    "single": 0.46,
    "beady": 0.125,
}  # of the head's radius


def face(species: Species, head: Head, view: View) -> tuple[Shape, ...]:
    """Eyes, mouth and, for most, cheeks in the second colour."""
    radius = head.radius
    x, y = head.x + head.side * radius, head.y
    size = SIZES[species.eyes] * radius
    if species.eyes == "single":
        places: list[tuple[float, float, int]] = [(x, y - 0.04 * radius, 0)]
    else:
        apart = max(0.4 * radius, size * 1.1)
        places = [(x - apart, y, -1), (x + apart * 0.92, y, 1)]
    shapes = [shape for place in places for shape in _eye(species.eyes, *place, size, view)]
    if species.body == "bird-like":
        return tuple(shapes)
    return (*shapes, *_mouth(x, y + radius * (0.62 if species.eyes == "single" else 0.48), radius, view.mouth))


def _eye(kind: str, x: float, y: float, side: int, size: float, view: View) -> list[Shape]:
    """One eye about (x, y); `side`: -1 the left of a pair, 1 the right, 0 the only one."""
    if kind == "beady":
        glint = ellipse(x + size * 0.3, y - size * 0.35, size * 0.34, size * 0.34)
        return [Shape(ellipse(x, y, size, size * 1.15), "black", False), Shape(glint, "white", False)]
    pupil = size * (0.62 if kind == "large" else 0.52)
    px, py = x + view.gaze[0] * (size - pupil) * 0.8, y + view.gaze[1] * (size - pupil) * 0.6
    if kind == "sleepy":
        py = y + size * 0.3
    shapes = [
        Shape(ellipse(x, y, size, size * 1.06), "white"),
        Shape(ellipse(px, py, pupil, pupil * 1.1), "black", False),
        Shape(ellipse(px + pupil * 0.34, py - pupil * 0.4, pupil * 0.34, pupil * 0.34), "white", False),
    ]
    if kind == "sleepy":
        lid = [(px, py) for px, py in ellipse(x, y, size * 1.12, size * 1.18) if py <= y + size * 0.06]
        shapes.append(Shape(tuple(lid), "deep"))
    if kind == "fierce":
        inner, outer = (x - side * size * 1.25, y - size * 0.15), (x + side * size * 1.2, y - size * 1.3)
        above = ((inner[0], inner[1] - size * 1.1), (outer[0], outer[1] - size * 0.3))
        shapes.append(Shape((inner, outer, above[1], above[0]), "deep"))
    return shapes


def _mouth(x: float, y: float, radius: float, kind: str) -> tuple[Shape, ...]:
    if kind == "open":
        cave = tuple(
            (px, py) for px, py in ellipse(x, y - 0.08 * radius, 0.26 * radius, 0.34 * radius) if py >= y - 0.1 * radius
        )
        tongue = ellipse(x, y + 0.14 * radius, 0.13 * radius, 0.09 * radius)
        return Shape(cave, "maw"), Shape(tongue, "tongue", False)
    half = 0.3 if kind == "smile" else 0.13
    line = curve(
        [(x - half * radius, y - 0.04 * radius), (x, y + 0.1 * radius), (x + half * radius, y - 0.04 * radius)], 5
    )
    return (Shape(ribbon(line, [0.05 * radius, 0.05 * radius]), "ink", False),)


def pattern(species: Species, build: Build) -> list[Points]:
    """What is painted onto the trunk in the second colour, and cut off at its edge; the same in every view."""
    left, top, right, bottom = box_of(build.trunk)
    chance = Chance(species.name, "pattern")
    if species.pattern == "belly":
        return [build.belly]
    if species.pattern == "stripes":
        count, width = 5, (right - left) / 5
        lean = chance.between(-0.12, 0.12)
        return [_band(left + (number + 0.5) * width, top, bottom, lean, width * 0.22) for number in range(count)]
    if species.pattern == "zigzags":
        height = (bottom - top) / 3
        return [_zigzag(left, right, top + (number + 0.6) * height, height * 0.24) for number in range(3)]
    if species.pattern in ("spots", "stars"):
        return _scattered(species.pattern, (left, top, right, bottom), chance)
    return []


def _band(x: float, top: float, bottom: float, lean: float, half: float) -> Points:
    middle = (top + bottom) / 2
    return ribbon(
        curve([(x - lean, top - 0.1), (x + half * 0.8, middle), (x + lean, bottom + 0.1)], 4), [half, half * 0.8]
    )


def _zigzag(left: float, right: float, y: float, height: float) -> Points:
    step = 0.16
    corners = [
        (left + number * step, y + (height if number % 2 else -height))
        for number in range(int((right - left) / step) + 2)
    ]
    return ribbon(corners, [0.06, 0.06])


def _scattered(kind: str, box: tuple[float, float, float, float], chance: Chance) -> list[Points]:
    """Marks on a jittered grid, every other row shifted by half a step."""
    left, top, right, bottom = box
    step = 0.33 if kind == "spots" else 0.4
    marks = []
    for row in range(int((bottom - top) / step) + 2):
        for column in range(int((right - left) / step) + 2):
            x = left + (column + 0.5 * (row % 2)) * step + chance.between(-0.05, 0.05)
            y = top + row * step + chance.between(-0.05, 0.05)
            if kind == "spots":
                radius = chance.between(0.07, 0.12)
                marks.append(ellipse(x, y, radius, radius))
            else:
                marks.append(star(x, y, chance.between(0.14, 0.18), degrees=-90 + chance.whole(-15, 15)))
    return marks
