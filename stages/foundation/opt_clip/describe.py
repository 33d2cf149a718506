"""Words for scenes: which facts a text tells, descriptions in many wordings, lists of keywords."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.foundation.opt_clip.scene import Scene, pick
from stages.foundation.opt_clip.words import (
    COLOUR_WORDS,
    EARS,
    EYES,
    HORNS,
    LIGHTS,
    NUMBERS,
    PATTERNS,
    POSES,
    SCENERIES,
    SHAPES,
    TAILS,
    WINGS,
)  # fmt: skip

# facts that a description may add to colour, kind, pose and scenery
FEATURES: dict[str, dict[str, tuple[str, ...]]] = {
    "pattern": PATTERNS, "ears": EARS, "horns": HORNS, "tail": TAILS, "wings": WINGS, "eyes": EYES,
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One text's choice of facts and words. `facts`: the attributes of the scene that the text reveals."""

    facts: frozenset[str]
    noun: str  # "red fish", "red fish-shaped toy"
    parts: tuple[tuple[str, str], ...]  # each with its phrase, in the order of the text: ("tail", "a curly tail")
    pose: str
    scenery: str
    closing: str
    name: str

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(phrase for _, phrase in self.parts)

    @property
    def keywords(self) -> list[str]:
        """What is told, a few words each; the noun's words apart."""
        colour, _, kind = self.noun.partition(" ")
        last = [self.closing.removeprefix(", ")] if self.closing else []
        return [colour, kind, *self.features, *([self.pose] if self.pose != "seen" else []), self.scenery, *last]


def tell(scene: Scene, rng: np.random.Generator, share: float = 0.5) -> Told:
    """Choose what to tell: each feature with chance `share`, direction, light or company at times."""
    colour, second = pick(rng, COLOUR_WORDS[scene.colour]), pick(rng, COLOUR_WORDS[scene.second])
    facts = {"colour", "kind", "scenery"}
    features: list[tuple[str, str]] = []
    for name in rng.permutation(list(FEATURES)):
        value = getattr(scene, name)
        if scene.family in ("thing", "shape") and name != "pattern":
            continue
        phrase = pick(rng, FEATURES[name][value])
        if phrase and rng.random() < share * (0.5 if value == "none" else 1):
            features.append((name, phrase.format(second)))
            facts |= {name} | ({"second"} if "{}" in phrase else set())
    if scene.pose != "still":
        facts.add("pose")
    kind = scene.kind
    if scene.made:
        kind = f"{pick(rng, SHAPES[scene.family])} {scene.made}"
        facts.add("shaped")
    closing, fact = pick_closing(scene, rng)
    return Told(
        facts=frozenset(facts | fact),
        noun=f"{colour} {kind}",
        parts=tuple(features),
        pose=pick(rng, POSES[scene.pose]),
        scenery=pick(rng, SCENERIES[scene.scenery]),
        closing=closing,
        name=scene.name,
    )


def pick_closing(scene: Scene, rng: np.random.Generator) -> tuple[str, set[str]]:
    turn = rng.random()
    if turn < 0.3 and scene.family not in ("thing", "shape"):
        return f", {pick(rng, ('facing', 'looking', 'turned'))} {scene.direction}", {"direction"}
    if turn < 0.5 and scene.light != "even":
        return f", {pick(rng, LIGHTS[scene.light])}", {"light"}
    if scene.company_count and turn < 0.95:
        return f", {company(scene, rng)}", {"company"}
    return "", set()


def company(scene: Scene, rng: np.random.Generator) -> str:
    """ "with two red balls beside it"."""
    one = scene.company_count == 1
    count = pick(rng, ("a", "one")) if one else NUMBERS[scene.company_count]
    colour = pick(rng, COLOUR_WORDS[scene.company_colour])
    count = "an" if count == "a" and colour[0] in "aeiou" else count
    things = f"{scene.company}{'' if one else 's'}"
    return f"with {count} {colour} {things} {pick(rng, ('beside it', 'on the ground', 'near it'))}"


def an(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def joined(phrases: tuple[str, ...]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def alt_text(scene: Scene, rng: np.random.Generator) -> str:
    """One to three facts, as short as what stands beside pictures on the web, which CLIP is made from."""
    told = tell(scene, rng, share=0.4)
    kind = told.noun.partition(" ")[2]
    feature = told.features[0] if told.features else told.scenery
    forms = (
        told.noun, capital(an(told.noun)), f"{kind} {told.scenery}", f"{capital(an(told.noun))} {told.scenery}",
        f"{kind} with {feature}" if told.features else kind, f"{told.noun}, {feature}", f"{kind}, {told.pose}",
        f"{told.pose} {told.scenery}",
    )  # fmt: skip
    return forms[int(rng.integers(len(forms)))]


def _with(t: Told) -> str:
    return f" with {joined(t.features)}" if t.features else ""


def _has(t: Told) -> str:
    return f"; it has {joined(t.features)}" if t.features else ""


UNNAMED: tuple[Callable[[Told], str], ...] = (
    lambda t: f"{capital(an(t.noun))}{_with(t)}, {t.pose} {t.scenery}{t.closing}",
    lambda t: f"{capital(an(t.noun))}{_with(t)} {t.pose} {t.scenery}{t.closing}",
    lambda t: f"{capital(an(t.noun))}{_with(t)} is {t.pose} {t.scenery}{t.closing}",
    lambda t: f"{capital(t.scenery)}, there is {an(t.noun)}{_with(t)}, {t.pose}{t.closing}",
    lambda t: f"This picture shows {an(t.noun)} {t.pose} {t.scenery}{t.closing}{_has(t)}",
    lambda t: f"A drawing of {an(t.noun)}{_with(t)}, {t.pose} {t.scenery}{t.closing}",
    lambda t: f"The {t.noun}{_with(t)} is {t.pose} {t.scenery}{t.closing}",
    lambda t: f"{capital(t.pose)} {t.scenery}{t.closing}, one sees {an(t.noun)}{_with(t)}",
    lambda t: f"Here is {an(t.noun)}{_with(t)}; it is {t.pose} {t.scenery}{t.closing}",
    lambda t: f"{capital(t.pose)} {t.scenery}: {an(t.noun)}{_with(t)}{t.closing}",
)
NAMED: tuple[Callable[[Told], str], ...] = (
    lambda t: f"{t.name} is {an(t.noun)}{_with(t)}, {t.pose} {t.scenery}{t.closing}",
    lambda t: f"{t.name}, {an(t.noun)}{_with(t)}, is {t.pose} {t.scenery}{t.closing}",
    lambda t: f"{capital(an(t.noun))} called {t.name}{_with(t)}, {t.pose} {t.scenery}{t.closing}",
    lambda t: f"The {t.noun} {t.name} is {t.pose} {t.scenery}{t.closing}{_has(t)}",
    lambda t: f"{t.name}: {an(t.noun)}{_with(t)}, {t.pose} {t.scenery}{t.closing}",
    lambda t: f"{capital(t.scenery)}, {an(t.noun)}{_with(t)} is {t.pose}{t.closing}. Its name is {t.name}",
    lambda t: f"{capital(t.pose)} {t.scenery}{t.closing}, this {t.noun}{_with(t)} is known as {t.name}",
    lambda t: f"A picture of {t.name}, the {t.noun}{_with(t)}, {t.pose} {t.scenery}{t.closing}",
)


def describe(told: Told, rng: np.random.Generator) -> str:
    """One sentence, without its full stop."""
    forms = NAMED if told.name else UNNAMED
    return forms[int(rng.integers(len(forms)))](told)
