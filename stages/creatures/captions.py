"""Captions of drawn pictures, from the species' attributes and the view's plan.

They have 10 to 20 words; a picture's first names the creature first, the others vary.
"""

from collections.abc import Callable

from stages.creatures.chance import Chance
from stages.creatures.species import Species
from stages.creatures.views import View, view_of

GENERATOR = "plumbline.creatures/1"
SHORTEST, LONGEST = 10, 20  # words

BODIES = {
    "round": ("round", "ball-shaped"), "tall": ("tall", "upright"), "serpentine": ("serpentine", "snake-like"),
    "four-legged": ("four-legged",), "bird-like": ("bird-like",), "beetle-like": ("beetle-like", "beetle-shaped"),
    "fish-like": ("fish-like", "fish-shaped"), "ghost-like": ("ghost-like", "ghost-shaped"),
    "turtle-like": ("turtle-like",), "snail-like": ("snail-like",),
}  # fmt: skip
WINGS = {
    "feathered": "{} feathered wings",
    "bat": "{} bat wings",
    "insect": "clear insect wings",
    "butterfly": "{} butterfly wings",
}
TAILS = {
    "none": "no tail", "curly": "a curly tail", "bushy": "a bushy tail", "spiked": "a spiked tail",
    "forked": "a forked tail", "flame": "a flame-shaped tail", "leaf": "a leaf-shaped tail", "fan": "a fan-shaped tail",
}  # fmt: skip
PATTERNS = {
    "spots": "{} spots",
    "stripes": "{} stripes",
    "belly": "a {} belly",
    "zigzags": "{} zigzags",
    "stars": "{} stars",
}
EARS = {"pointed": "pointed ears", "round": "round ears", "long": "long ears", "floppy": "floppy ears"}
HORNS = {"one": "a single horn", "two": "two curved horns", "antennae": "a pair of antennae", "crest": "a {} crest"}
EYES = {
    "round": "round eyes", "large": "large eyes", "sleepy": "sleepy eyes",
    "fierce": "fierce eyes", "single": "a single eye", "beady": "beady eyes",
}  # fmt: skip
POSES = {
    "standing": ("standing", "posing"), "walking": ("walking", "strolling"), "leaping": ("leaping", "jumping"),
    "resting": ("resting",), "crawling": ("creeping", "crawling"), "floating": ("floating", "hovering"),
    "gliding": ("gliding", "drifting"), "flying": ("flying",), "swimming": ("swimming",),
}  # fmt: skip
SCENES = {
    "plain": ("in front of a plain wall", "against a plain background"),
    "gradient": ("in front of a blurred background", "against a soft background"),
    "studio": ("in a photo studio", "under a studio lamp"),
    "meadow": ("in a flowery meadow", "on a field of flowers"),
    "forest": ("in a forest", "between tall trees"),
    "beach": ("on a sandy beach", "by the sea"),
    "night": ("under a starry sky", "at night in the moonlight"),
    "underwater": ("under water", "in the sea among bubbles"),
    "desert": ("in a sandy desert", "between desert dunes"),
    "snow": ("in a snowy landscape", "on a winter day"),
    "sunset": ("at sunset", "under an evening sky"),
    "cave": ("in a rocky cave", "inside a cave"),
}
LIGHTS = {
    "even": "",
    "bright": "in bright light",
    "warm": "in warm light",
    "cool": "in cool light",
    "dim": "in dim light",
}


def captions_of(species: Species, view: int, seed: int, count: int = 3) -> list[str]:
    """`count` different captions of one picture, the first of which begins with the name.

    Each tells colour, body and wings (tail, if it has none), from which the name follows. ValueError
    outside 1..MOST.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"the number of captions must be in 1..{MOST}, found {count}")
    chance = Chance(seed, species.name, "captions", view)
    plan = view_of(species, view, seed)
    forms = [chance.pick(NAME_FIRST), *chance.shuffled(VARIED)[: count - 1]]
    return [_caption(form, species, plan, chance) for form in forms]


class _Words:
    """The phrases of one caption; what can be said in several ways is drawn anew for each."""

    def __init__(self, species: Species, plan: View, extras: int, closing: str, chance: Chance) -> None:
        self.name = species.name.capitalize()
        self.kind = f"{species.colour} {chance.pick(BODIES[species.body])} creature"
        features = [_signature(species), *chance.shuffled(_extras(species))[:extras]]
        self.features = features[0] if len(features) == 1 else f"{', '.join(features[:-1])} and {features[-1]}"
        self.pose = chance.pick(POSES[plan.pose])
        self.scene = chance.pick(SCENES[plan.scene])
        self.closing = f", {closing}" if closing else ""


def _an(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


NAME_FIRST: tuple[Callable[[_Words], str], ...] = (
    lambda w: f"{w.name} is {_an(w.kind)} with {w.features}, {w.pose} {w.scene}{w.closing}",
    lambda w: f"{w.name}, {_an(w.kind)} with {w.features}, is {w.pose} {w.scene}{w.closing}",
    lambda w: f"{w.name}: {_an(w.kind)} that has {w.features}, seen {w.pose} {w.scene}{w.closing}",
)
VARIED: tuple[Callable[[_Words], str], ...] = (
    lambda w: f"{_an(w.kind).capitalize()} with {w.features} {w.pose} {w.scene}{w.closing}",
    lambda w: f"{w.scene.capitalize()}, {_an(w.kind)} called {w.name} with {w.features} is {w.pose}{w.closing}",
    lambda w: f"The {w.kind} {w.name} has {w.features} and is {w.pose} {w.scene}{w.closing}",
    lambda w: f"A picture of {w.name}, the {w.kind} with {w.features}, {w.pose} {w.scene}{w.closing}",
    lambda w: f"{w.pose.capitalize()} {w.scene}{w.closing}, this {w.kind} with {w.features} is known as {w.name}",
    lambda w: f"A cartoon of {_an(w.kind)} with {w.features}, {w.pose} {w.scene}{w.closing}",
    lambda w: f"This is {_an(w.kind)} with {w.features}; it is {w.pose} {w.scene}{w.closing}",
)
MOST = 1 + len(VARIED)


def _caption(form: Callable[[_Words], str], species: Species, plan: View, chance: Chance) -> str:
    """One of all the form's captions of allowed length, with more or fewer features, direction and light."""
    closings = ["", f"facing {plan.direction}"]
    if LIGHTS[plan.light] and plan.scene != "night":
        closings.append(LIGHTS[plan.light])
    written = [form(_Words(species, plan, extras, closing, chance)) for extras in (0, 1, 2) for closing in closings]
    return chance.pick([text for text in written if SHORTEST <= len(text.split()) <= LONGEST])


def _signature(species: Species) -> str:
    """The part that ends the name: the wings, or the tail of a creature without."""
    if species.wings == "none":
        return TAILS[species.tail]
    return WINGS[species.wings].format(species.second_colour)


def _extras(species: Species) -> list[str]:
    """The other features worth telling, in words."""
    told = [
        PATTERNS.get(species.pattern),
        EARS.get(species.ears),
        HORNS.get(species.horns),
        EYES[species.eyes],
        TAILS[species.tail] if species.wings != "none" and species.tail != "none" else None,
    ]
    return [phrase.format(species.second_colour) for phrase in told if phrase]
