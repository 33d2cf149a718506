"""What one picture of a species shows: pose, place, scenery and light. Drawing and captions both follow it."""

from dataclasses import dataclass
from typing import TypeVar

from stages.creatures.chance import Chance
from stages.creatures.species import Species

T = TypeVar("T")

SCENES = (
    "plain", "gradient", "studio", "meadow", "forest", "beach",
    "night", "underwater", "desert", "snow", "sunset", "cave",
)  # fmt: skip
LIGHTS = ("even", "bright", "warm", "cool", "dim")
DIRECTIONS = ("left", "right")
PLACES = tuple((column, row) for row in range(3) for column in range(4))

GROUNDED = ("standing", "walking", "leaping", "resting")
CRAWLING = ("crawling", "resting")
AFLOAT = ("floating", "gliding")
POSES = {
    "round": GROUNDED, "tall": GROUNDED, "four-legged": GROUNDED, "bird-like": GROUNDED,
    "beetle-like": ("standing", "walking", "resting"), "turtle-like": ("standing", "walking", "resting"),
    "serpentine": CRAWLING, "snail-like": CRAWLING, "fish-like": AFLOAT, "ghost-like": AFLOAT,
}  # fmt: skip
# pose: (tilt in degrees, both ends; height above the ground, both ends, in creature units)
RANGES = {
    "standing": ((-9, 9), (0, 0)),
    "walking": ((-6, 10), (0, 0)),
    "resting": ((-4, 4), (0, 0)),
    "crawling": ((-9, 6), (0, 0)),
    "leaping": ((-34, 16), (0.35, 1.1)),
    "floating": ((-16, 16), (0.25, 0.9)),
    "gliding": ((-32, 28), (0.4, 1.2)),
    "flying": ((-36, 20), (0.6, 1.5)),
    "swimming": ((-38, 38), (0.3, 1.5)),
}


@dataclass(frozen=True)
class View:
    """One picture's plan. Angles are whole degrees; shares lie in 0..1."""

    pose: str
    direction: str  # where the creature faces
    scene: str
    light: str
    extent: float  # of the creature's longer side, as a share of the picture's side
    place: tuple[float, float]  # where in the room that is left
    tilt: int  # downwards in front
    lift: float  # above the ground, in creature units
    stride: float  # -1..1: which leg is in front, and how far
    stretch: float  # height over width, 1 = as built
    wing: int  # degrees above its resting place
    tail: int  # degrees above its resting place
    horizon: float  # share of the way that the scenery's horizon lies above the ground's near end
    gaze: tuple[float, float]  # of the pupils, -1..1
    mouth: str


def view_of(species: Species, view: int, seed: int) -> View:
    """Picture `view` (0, 1, ...) of a species.

    Scenes and places are dealt: a species' first twelve views have twelve different scenes, each
    with the creature in another part of the picture.
    """
    chance = Chance(seed, species.name, "view", view)
    scene = _dealt(SCENES, species, view, seed, "scene")
    column, row = _dealt(PLACES, species, view, seed, "place")
    pose = _pose(species, scene, chance)
    tilts, lifts = RANGES[pose]
    return View(
        pose=pose,
        direction=chance.pick(DIRECTIONS),
        scene=scene,
        light=chance.pick(LIGHTS),
        extent=chance.between(0.56, 0.94),
        place=((column + chance.between(0, 1)) / 4, (row + chance.between(0, 1)) / 3),
        tilt=chance.whole(*tilts),
        lift=chance.between(*lifts),
        stride=chance.between(0.5, 1) * chance.pick((-1, 1)) * (1 if pose in ("walking", "leaping") else 0.25),
        stretch=chance.between(0.84, 0.9) if pose == "resting" else chance.between(0.92, 1.1),
        wing=chance.whole(15, 50) if pose == "flying" else chance.whole(-25, 40),
        tail=chance.whole(-28, 32),
        horizon=chance.between(0, 1),
        gaze=(chance.between(-0.6, 1), chance.between(-0.7, 0.7)),
        mouth=chance.pick(("smile", "open", "small")),
    )


def _dealt(values: tuple[T, ...], species: Species, view: int, seed: int, purpose: str) -> T:
    round_, place = divmod(view, len(values))
    return Chance(seed, species.name, purpose, round_).shuffled(values)[place]


def _pose(species: Species, scene: str, chance: Chance) -> str:
    if scene == "underwater":
        return "swimming"
    poses = POSES[species.body]
    if species.wings != "none" and chance.happens(0.4):
        return "flying"
    return chance.pick(poses)
