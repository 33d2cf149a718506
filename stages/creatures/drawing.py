"""Draws one view of a species: the creature is built in its own units, fitted to its place, and set into a scenery."""

from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from stages.creatures.bodies import build
from stages.creatures.chance import Chance
from stages.creatures.faces import face, pattern
from stages.creatures.geometry import Points, Shape, box_of, ellipse, moved
from stages.creatures.painter import FINE, Painter, palette_of, whole
from stages.creatures.parts import ears, horns, tail, wings
from stages.creatures.scenes import paint_scene
from stages.creatures.species import Species
from stages.creatures.views import View, view_of

MARGIN = 0.03  # of the side, empty around the creature
BARE = ("plain", "gradient", "underwater")  # sceneries without a ground to stand on
# what each light leaves of red, green and blue
LIGHTS = {
    "even": (1.0, 1.0, 1.0), "bright": (1.08, 1.08, 1.07), "warm": (1.05, 0.99, 0.88),
    "cool": (0.9, 0.97, 1.06), "dim": (0.74, 0.74, 0.78),
}  # fmt: skip


def draw(species: Species, view: int, seed: int, size: int = 256) -> Image.Image:
    """Picture `view` of a species, RGB, size x size pixels.

    The same arguments give the same bytes under one version of Pillow: another one may set a few pixels differently.
    """
    plan = view_of(species, view, seed)
    layers = layers_of(species, plan)
    side = size * FINE
    fit = fit_of(layers, plan, side)
    image = Image.new("RGB", (side, side))
    paint_scene(plan.scene, image, fit.horizon, Chance(seed, species.name, "scene", view))
    if plan.scene not in BARE:
        _shadow(image, fit)
    painter = Painter(
        image, palette_of(species.colour, species.second_colour), max(2, round(side / 160 * (0.6 + 0.6 * plan.extent)))
    )
    for shape, marks in layers:
        if marks is None:
            painter.paint(fit.points(shape.points), shape.paint, shape.line)
        else:
            painter.paint_solid(fit.points(shape.points), [fit.points(mark) for mark in marks])
    return _lit(image.reduce(FINE), plan.light)


Layers = list[tuple[Shape, list[Points] | None]]  # from the back to the front; with a list: solid, with these marks


def layers_of(species: Species, plan: View) -> Layers:
    """All parts in creature units, stretched and tilted as the pose has it, facing right."""
    body = build(species.body, plan)
    far, near = wings(species.wings, body.wings, plan.wing, body.both_behind)
    top = [*ears(species.ears, body.head), *horns(species.horns, body.head)]
    behind = [*far, *(near if body.both_behind else ()), *tail(species.tail, body.tail, plan.tail), *body.behind]
    layers: Layers = [(shape, None) for shape in behind]
    trunk: Layers = [(Shape(body.trunk, "main"), pattern(species, body))]
    front: Layers = [(shape, None) for shape in (*body.front, *(() if body.both_behind else near))]
    crown: Layers = [(shape, None) for shape in top]
    if body.skull is None:
        layers += [*crown, *trunk, *front]
    else:
        layers += [*trunk, *front, *crown, (Shape(body.skull, "main"), [])]
    layers += [(shape, None) for shape in (*body.snout, *face(species, body.head, plan))]
    return [
        (replace(shape, points=_posed(shape.points, plan)), marks and [_posed(mark, plan) for mark in marks])
        for shape, marks in layers
    ]


def _posed(points: Points, plan: View) -> Points:
    return moved([(x / plan.stretch, y * plan.stretch) for x, y in points], 0, 0, 1, plan.tilt)


@dataclass(frozen=True)
class Fit:
    """How creature units become painted pixels, and where the ground lies."""

    scale: float
    x: float
    y: float
    flip: int  # -1 = faces left
    box: tuple[float, float, float, float]  # of the creature, in pixels
    ground: float  # row below the creature's feet
    horizon: int

    def points(self, points: Points) -> Points:
        wide, scale = self.scale * self.flip, self.scale
        return tuple((self.x + x * wide, self.y + y * scale) for x, y in points)


def fit_of(layers: Layers, plan: View, side: int) -> Fit:
    """The creature's box has about the planned extent (a long one somewhat more) and lies wholly inside the picture."""
    left, top, right, bottom = box_of([point for shape, _ in layers for point in shape.points])
    margin = MARGIN * side
    shorter, longer = sorted((right - left, bottom - top))
    scale = (side - 2 * margin) * min(plan.extent / (0.65 * longer + 0.35 * shorter), 0.97 / longer)
    width, height = (right - left) * scale, (bottom - top) * scale
    box_x = margin + plan.place[0] * (side - 2 * margin - width)
    box_y = margin + plan.place[1] * (side - 2 * margin - height)
    flip = 1 if plan.direction == "right" else -1
    ground = min(box_y + height + plan.lift * scale, 0.97 * side)
    return Fit(
        scale=scale,
        x=box_x - left * scale if flip > 0 else box_x + right * scale,
        y=box_y - top * scale,
        flip=flip,
        box=(box_x, box_y, box_x + width, box_y + height),
        ground=ground,
        horizon=round(max(0.14 * side, ground - (0.03 + 0.3 * plan.horizon) * side)),
    )


def _shadow(image: Image.Image, fit: Fit) -> None:
    """On the ground below; smaller and paler the higher the creature is."""
    left, _, right, bottom = fit.box
    height = (fit.ground - bottom) / image.height
    half = (right - left) * (0.42 - min(0.2, height))
    points = ellipse((left + right) / 2, fit.ground - 0.008 * image.height, half, half * 0.17)
    ImageDraw.Draw(image, "RGBA").polygon(whole(points), fill=(20, 16, 40, round(90 - min(50, 200 * height))))


def _lit(image: Image.Image, light: str) -> Image.Image:
    shares = LIGHTS[light]
    return image.point([min(255, round(level * share)) for share in shares for level in range(256)])
