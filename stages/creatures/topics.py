"""What a dialogue can ask about a drawn creature: the wordings, and one answer a value."""

from collections.abc import Callable
from dataclasses import dataclass

from stages.creatures.captions import BODIES, EARS, EYES, HORNS, POSES, SCENES, TAILS
from stages.creatures.species import COLOURS, Species
from stages.creatures.views import View

COLOURED_WINGS = ("feathered", "bat", "butterfly")  # in the second colour; an insect's are clear
MARKS = {
    "plain": "no pattern", "spots": "spots", "stripes": "stripes",
    "belly": "a belly patch", "zigzags": "zigzags", "stars": "stars",
}  # fmt: skip
PLACES = {  # of a scene's phrases the one that has four words or fewer
    scene: next(phrase for phrase in phrases if len(phrase.split()) <= 4) for scene, phrases in SCENES.items()
}
HEADS = {"none": "no horns", **HORNS, "crest": "a crest"}
EARED = {"none": "no ears", **EARS}
WINGED = {kind: f"{kind} wings" for kind in (*COLOURED_WINGS, "insect")} | {"none": "no wings"}

PLURAL = frozenset(  # "What colour are they?" can follow: the second one
    {*(WINGED[kind] for kind in COLOURED_WINGS), *(MARKS[kind] for kind in ("spots", "stripes", "zigzags", "stars"))}
)
ABSENT = {"wings": "no wings", "horns": "no horns"}  # what most species, or nearly half of them, lack


@dataclass(frozen=True)
class Topic:
    """One thing to ask about. `full` wordings name the creature, `back` ones refer to it. None holds an answer."""

    answer: Callable[[Species, View], str]
    full: tuple[str, ...]
    back: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """A yes-or-no question. `pool` leaves out values that are arguably true of a picture with another one."""

    value: Callable[[Species, View], str]
    pool: tuple[str, ...]
    phrase: Callable[[str], str]
    wording: str


TOPICS = {
    "colour": Topic(
        lambda species, plan: species.colour,
        ("What colour is this creature?", "What is the main colour of the creature in the picture?"),
        ("What is its main colour?", "Which colour is it mostly?"),
    ),
    "second colour": Topic(
        lambda species, plan: species.second_colour,
        ("What is the second colour of this creature?", "Which colour does this creature have besides its main one?"),
        ("What is its second colour?", "Which colour does it have besides its main one?"),
    ),
    "body": Topic(
        lambda species, plan: BODIES[species.body][0],
        ("What shape is this creature's body?", "What kind of body does the creature in the picture have?"),
        ("What shape is its body?", "And what kind of body is it?"),
    ),
    "pattern": Topic(
        lambda species, plan: MARKS[species.pattern],
        ("What is painted on this creature's body?", "Which markings does the creature in the picture have?"),
        ("Which markings does it have?", "And what is painted on its body?"),
    ),
    "wings": Topic(
        lambda species, plan: WINGED[species.wings],
        ("What are this creature's wings like?", "Which kind of wings does this creature have, if any?"),
        ("What about its wings?", "And its wings?"),
    ),
    "tail": Topic(
        lambda species, plan: TAILS[species.tail],
        ("What is this creature's tail like?", "Which kind of tail does this creature have, if any?"),
        ("What about its tail?", "And its tail?"),
    ),
    "ears": Topic(
        lambda species, plan: EARED[species.ears],
        ("What are this creature's ears like?", "Which kind of ears does this creature have, if any?"),
        ("What about its ears?", "And its ears?"),
    ),
    "horns": Topic(
        lambda species, plan: HEADS[species.horns],
        ("What grows on this creature's head besides ears?", "Besides ears, what does this creature have on its head?"),
        ("What grows on its head besides ears?", "And on top of its head, besides ears?"),
    ),
    "eyes": Topic(
        lambda species, plan: EYES[species.eyes],
        ("What are this creature's eyes like?", "How would you describe the eyes of this creature?"),
        ("What about its eyes?", "And its eyes?"),
    ),
    "scene": Topic(
        lambda species, plan: PLACES[plan.scene],
        ("Where is this creature?", "What are the surroundings of this creature?"),
        ("Where is it?", "And where is it?"),
    ),
    "pose": Topic(
        lambda species, plan: POSES[plan.pose][0],
        ("What is this creature doing?", "What does the creature in the picture do?"),
        ("What is it doing?", "And what is it doing?"),
    ),
    "direction": Topic(
        lambda species, plan: plan.direction,
        ("Which way is this creature facing?", "To which side does this creature face?"),
        ("Which way is it facing?", "And which way does it face?"),
    ),
}
ALWAYS = tuple(topic for topic in TOPICS if topic not in ("second colour", *ABSENT))  # can be asked of every picture

CHECKS = {
    "colour": Check(lambda s, plan: s.colour, tuple(COLOURS), lambda value: value, "Is {it} mostly {value}?"),
    "body": Check(
        lambda s, plan: s.body,
        ("serpentine", "four-legged", "bird-like", "fish-like", "ghost-like", "snail-like"),
        lambda value: value,
        "Is {it} {value}?",
    ),
    "tail": Check(
        lambda s, plan: s.tail,
        tuple(kind for kind in TAILS if kind != "none"),
        TAILS.__getitem__,
        "Does {it} have {value}?",
    ),
    "ears": Check(
        lambda s, plan: s.ears, ("pointed", "round", "floppy"), EARS.__getitem__, "Does {it} have {value}?"
    ),
    "eyes": Check(
        lambda s, plan: s.eyes,
        ("sleepy", "fierce", "single", "beady"),
        EYES.__getitem__,
        "Does {it} have {value}?",
    ),
    "scene": Check(
        lambda s, plan: plan.scene,
        ("forest", "meadow", "underwater", "desert", "snow", "cave"),
        PLACES.__getitem__,
        "Is {it} {value}?",
    ),
}  # fmt: skip
