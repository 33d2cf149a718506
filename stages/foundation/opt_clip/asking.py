"""Questions about a scene that what was told of it answers, in the wordings of everyday English."""

import numpy as np

from stages.foundation.opt_clip.describe import Told, an
from stages.foundation.opt_clip.scene import Scene, pick
from stages.foundation.opt_clip.words import (
    COLOUR_WORDS,
    EARS,
    EYES,
    HORNS,
    NUMBERS,
    PATTERNS,
    POSES,
    SCENERIES,
    SHAPES,
    TAILS,
    WINGS,
)  # fmt: skip

WORDINGS: dict[str, tuple[str, ...]] = {
    "colour": (
        "What colour is {it}?", "Which colour does {it} have?", "What is the main colour of {it}?",
        "What is its main colour?", "Which colour is {it} mostly?", "And its colour?",
    ),
    "second": (
        "What is the second colour?", "Which colour does {it} have besides its main one?", "What is its other colour?",
        "And what colour are they?",
    ),
    "kind": ("What is this?", "What do you see?", "What is in the picture?", "What is {it}?"),
    "shape": (
        "What shape is {it}?", "What kind of body does {it} have?", "What shape is its body?",
        "And what kind of body is it?",
    ),
    "scenery": (
        "Where is {it}?", "Where is this?", "What place is it?", "And where is {it}?",
        "What are the surroundings of {it}?",
    ),
    "pattern": (
        "What pattern does {it} have?", "What is on its body?", "Which markings does {it} have?",
        "And what is painted on its body?",
    ),
    "wings": (
        "What kind of wings does {it} have?", "What are its wings like?", "What about its wings?", "And its wings?",
    ),
    "tail": (
        "What kind of tail does {it} have?", "What is its tail like?", "What about its tail?", "And its tail?",
        "Which kind of tail does {it} have, if any?",
    ),
    "ears": (
        "What kind of ears does {it} have?", "What are its ears like?", "What about its ears?", "And its ears?",
        "Which kind of ears does {it} have, if any?",
    ),
    "eyes": (
        "What kind of eyes does {it} have?", "What are its eyes like?", "What about its eyes?", "And its eyes?",
        "How would you describe the eyes of {it}?",
    ),
    "horns": (
        "What is on its head?", "What does {it} have on its head?", "And on top of its head?",
        "What grows on its head besides ears?",
    ),
    "pose": ("What is {it} doing?", "What does {it} do?", "And what is it doing?"),
    "direction": (
        "Which way does {it} face?", "Which way is {it} facing?", "Where does {it} look?",
        "To which side does {it} face?",
    ),
    "company": ("How many {things} are there?",),
    "name": ("What is {it} called?", "What is its name?", "What is the name of {it}?"),
}  # fmt: skip
TABLES = {
    "wings": WINGS, "tail": TAILS, "ears": EARS, "horns": HORNS, "pattern": PATTERNS, "eyes": EYES,
    "colour": COLOUR_WORDS, "scenery": SCENERIES, "shape": SHAPES, "pose": POSES,
}  # fmt: skip
HAS = ("wings", "tail", "ears", "horns", "pattern", "eyes")  # "does it have", else "is it"
CHECKED = 0.25  # of the questions, the share that is asked for yes or no


def questions(scene: Scene, told: Told, rng: np.random.Generator, most: int) -> list[tuple[str, str]]:
    """One to `most` questions that the told facts answer, in any order, none twice."""
    answers = _answers(scene, told)
    noun = told.noun.partition(" ")[2]
    it = "it" if rng.random() < 0.6 else pick(rng, (f"the {noun}", f"this {noun}", f"the {noun} in the picture"))
    asked = []
    for topic in rng.permutation(list(answers))[: int(rng.integers(1, most + 1))]:
        if topic in TABLES and rng.random() < CHECKED:
            asked.append(_check(str(topic), answers[topic], scene, it, rng))
        else:
            wording = pick(rng, WORDINGS[topic]).format(it=it, things=f"{scene.company}s")
            asked.append((wording, answers[topic]))
    return asked


def _answers(scene: Scene, told: Told) -> dict[str, str]:
    """Topic -> what the text says of it."""
    colour, _, noun = told.noun.partition(" ")
    answers = {"colour": colour, "kind": an(noun), "scenery": told.scenery, **dict(told.parts)}
    if "second" in told.facts:
        said = {word for phrase in told.features for word in phrase.split()}
        answers["second"] = next(word for word in COLOUR_WORDS[scene.second] if word in said)
    if scene.family in SHAPES:
        answers["shape"] = noun.split()[0] if scene.made else SHAPES[scene.family][0]
    if "pose" in told.facts:
        answers["pose"] = told.pose
    if "direction" in told.facts:
        answers["direction"] = scene.direction
    if "company" in told.facts:
        answers["company"] = NUMBERS[scene.company_count]
    if told.name:
        answers["name"] = told.name
    return answers


def _check(topic: str, answer: str, scene: Scene, it: str, rng: np.random.Generator) -> tuple[str, str]:
    """A question for yes or no; "no" asks for another value of the same table."""
    asked = answer
    true = rng.random() < 0.5 and answer != "no tail"
    if not true:
        own = scene.family if topic == "shape" else getattr(scene, topic)
        unlike = {own, "none", "plain", "still"} | ({"round", "large"} if topic == "eyes" else set())
        values = tuple(value for value in TABLES[topic] if value not in unlike)
        asked = pick(rng, TABLES[topic][pick(rng, values)]).format(pick(rng, COLOUR_WORDS[scene.second]))
    mostly = "mostly " if topic == "colour" and rng.random() < 0.5 else ""
    question = f"Does {it} have {asked}?" if topic in HAS else f"Is {it} {mostly}{asked}?"
    return question, "yes" if true else "no"
