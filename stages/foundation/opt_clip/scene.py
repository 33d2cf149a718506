"""What one picture shows, drawn by chance: one thing or animal, its looks, where it is, and small things beside it."""

from dataclasses import dataclass

import numpy as np

from stages.foundation.opt_clip.words import (
    ANIMALS,
    COLOURS,
    COMPANY,
    DIRECTIONS,
    EARS,
    EYES,
    HORNS,
    LIGHTS,
    MADE,
    PATTERNS,
    PLAIN_SHAPES,
    SCENERIES,
    TAILS,
    THINGS,
    TOO_CLOSE,
    WINGS,
)  # fmt: skip

# What a kind of animal usually has; every other part comes by chance, as on a toy.
USUAL: dict[str, dict[str, str]] = {
    "cat": {"ears": "pointed", "tail": "thin"}, "dog": {"ears": "floppy", "tail": "curly"},
    "fox": {"ears": "pointed", "tail": "bushy"}, "horse": {"ears": "pointed", "tail": "bushy"},
    "mouse": {"ears": "round", "tail": "thin"}, "bird": {"wings": "feathered", "tail": "forked"},
    "duck": {"wings": "feathered", "tail": "leaf"}, "parrot": {"wings": "feathered", "horns": "crest", "tail": "fan"},
    "penguin": {"pattern": "belly", "tail": "none"}, "owl": {"wings": "feathered", "eyes": "large"},
    "teddy bear": {"ears": "round", "tail": "none"}, "fish": {"tail": "fan"}, "whale": {"tail": "forked"},
    "shark": {"tail": "forked", "eyes": "fierce"}, "snake": {"tail": "thin"}, "worm": {"tail": "none"},
    "snail": {"horns": "antennae", "tail": "none"}, "turtle": {"tail": "thin"},
    "beetle": {"horns": "antennae", "tail": "none"}, "ladybird": {"wings": "insect", "pattern": "spots"},
    "chick": {"horns": "crest", "wings": "feathered"}, "pufferfish": {"tail": "fan", "pattern": "spots"},
    "butterfly": {"wings": "butterfly", "horns": "antennae"}, "bat": {"wings": "bat", "ears": "pointed"},
    "ghost lantern": {"tail": "none"},
}  # fmt: skip
POSED: dict[str, tuple[str, ...]] = {
    "four": ("standing", "walking", "leaping", "resting"), "bird": ("standing", "walking", "leaping", "resting"),
    "upright": ("standing", "walking", "leaping", "resting"), "round": ("standing", "walking", "leaping", "resting"),
    "turtle": ("standing", "walking", "resting"), "beetle": ("standing", "walking", "resting"),
    "snake": ("crawling", "resting"), "snail": ("crawling", "resting"), "fish": ("floating", "gliding"),
    "ghost": ("floating", "gliding"),
}  # fmt: skip
AIRBORNE = ("kite", "rocket", "balloon")


@dataclass(frozen=True)
class Scene:
    """Keys of the tables in `words`; parts are "none" on what isn't an animal. `made`: a toy in the animal's shape."""

    kind: str
    made: str
    colour: str
    second: str
    pattern: str
    ears: str
    horns: str
    tail: str
    wings: str
    eyes: str
    pose: str
    direction: str
    scenery: str
    light: str
    company: str  # "none", or what lies beside it
    company_colour: str
    company_count: int
    name: str

    @property
    def family(self) -> str:
        """An animal's build; "thing" or "shape" for the others."""
        return ANIMALS.get(self.kind, "thing" if self.kind in THINGS else "shape")


def pick(rng: np.random.Generator, values: tuple[str, ...]) -> str:
    return values[int(rng.integers(len(values)))]


def draw_scene(rng: np.random.Generator, name: str = "") -> Scene:
    """A scene by chance: four in five show an animal."""
    turn = rng.random()
    kind = pick(rng, tuple(ANIMALS) if turn < 0.82 else THINGS if turn < 0.95 else PLAIN_SHAPES)
    family = ANIMALS.get(kind, "")
    colour = pick(rng, tuple(COLOURS))
    second = pick(rng, tuple(c for c in COLOURS if c != colour and frozenset((c, colour)) not in TOO_CLOSE))
    pattern = pick(rng, tuple(p for p in PATTERNS if family or p != "belly"))
    scenery = pick(rng, tuple(SCENERIES))
    parts = dict.fromkeys(("ears", "horns", "tail", "wings", "eyes"), "none")
    if family:
        parts = _parts(rng, kind)
        pattern = USUAL[kind].get("pattern", pattern) if rng.random() < 0.3 else pattern
    company = pick(rng, tuple(thing for thing in COMPANY if thing != kind)) if rng.random() < 0.15 else "none"
    return Scene(
        kind=kind,
        made=pick(rng, MADE) if family and rng.random() < 0.4 else "",
        colour=colour,
        second=second,
        pattern=pattern,
        **parts,
        pose=_pose(rng, kind, family, parts["wings"], scenery),
        direction=pick(rng, DIRECTIONS),
        scenery=scenery,
        light=pick(rng, tuple(LIGHTS)),
        company=company,
        company_colour=pick(rng, tuple(COLOURS)),
        company_count=int(rng.integers(1, 5)) if company != "none" else 0,
        name=name,
    )


def _parts(rng: np.random.Generator, kind: str) -> dict[str, str]:
    """Mostly the kind's own parts; else, as toys have them, any."""
    usual = USUAL[kind]
    any_of = {"ears": EARS, "horns": HORNS, "tail": TAILS, "wings": WINGS, "eyes": EYES}
    parts = {}
    for part, table in any_of.items():
        lacking = part in ("wings", "horns") and rng.random() < 0.35
        free = "none" if lacking else pick(rng, tuple(table))
        parts[part] = usual[part] if part in usual and rng.random() < 0.35 else free
    return parts


def _pose(rng: np.random.Generator, kind: str, family: str, wings: str, scenery: str) -> str:
    if not family:
        return "flying" if kind in AIRBORNE and rng.random() < 0.6 else "still"
    if scenery == "underwater":
        return "swimming"
    if wings != "none" and rng.random() < 0.4:
        return "flying"
    return pick(rng, POSED[family])
