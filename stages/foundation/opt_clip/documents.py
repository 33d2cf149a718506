"""General text for the language model: scenes described, listed and asked about; words said again; prose.

A document may come with soft prefix groups: keywords that are given as vectors before the text (each group's
embeddings summed up), so that the model learns to speak about what vectors tell it.
"""

from dataclasses import dataclass

import numpy as np

from stages.foundation.opt_clip.asking import questions
from stages.foundation.opt_clip.describe import Told, describe, tell
from stages.foundation.opt_clip.naming import made_up_name
from stages.foundation.opt_clip.prose import prose_paragraphs
from stages.foundation.opt_clip.scene import draw_scene, pick
from stages.foundation.opt_clip.words import EVERY_WORD

WEIGHTS = {"caption": 5, "listed": 2, "questions": 9, "again": 2, "prose": 1}
SOFT_SHARE = 0.6  # of captions, lists and questions, the share that is told by vectors
MOST_SOFT = 4
MOST_QUESTIONS = 5


@dataclass(frozen=True)
class Document:
    """`pieces`: text, and whether what stands before decides it. `soft`: groups of keywords given as vectors."""

    kind: str
    pieces: tuple[tuple[str, bool], ...]
    soft: tuple[tuple[str, ...], ...] = ()

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.pieces)


def document(rng: np.random.Generator, prose: list[str], progress: float = 1.0) -> Document:
    """One document by chance. `progress` of the training, 0..1: few facts and short answers come first."""
    kinds = list(WEIGHTS)
    shares = np.array([WEIGHTS[kind] for kind in kinds], float)
    kind = str(rng.choice(kinds, p=shares / shares.sum()))
    if kind == "prose":
        return Document(kind, ((prose[int(rng.integers(len(prose)))], False),))
    if kind == "again":
        return _again(rng, progress)
    soft = rng.random() < SOFT_SHARE
    named = not soft and rng.random() < 0.2 + 0.3 * progress
    scene = draw_scene(rng, made_up_name(rng) if named else "")
    told = tell(scene, rng, share=float(rng.uniform(0.1, 0.3 + 0.7 * progress)))
    groups = soft_groups(told, rng) if soft else ()
    if kind == "caption":
        return Document(kind, _captioned(told, soft, rng), groups)
    if kind == "listed":
        return Document(kind, _listed(told, groups, rng), groups)
    asked = questions(scene, told, rng, 1 + round((MOST_QUESTIONS - 1) * progress))
    pieces = [*_before_questions(told, soft, progress, rng)]
    for place, (question, answer) in enumerate(asked, start=1):
        pieces += [(f"Q: {question}\nA:", False), (f" {answer}" + ("\n" if place < len(asked) else ""), True)]
    return Document(kind, tuple(pieces), groups)


def _captioned(told: Told, soft: bool, rng: np.random.Generator) -> tuple[tuple[str, bool], ...]:
    text = describe(told, rng) + ("." if rng.random() < 0.5 else "")
    if soft or rng.random() < 0.3:
        return ((text, soft),)
    return ((f"{_shuffled(told, rng)}\n", False), (text, True))


def _listed(told: Told, groups: tuple[tuple[str, ...], ...], rng: np.random.Generator) -> tuple[tuple[str, bool], ...]:
    """The keywords: vector by vector, or after a description."""
    if groups:
        return ((f"{', '.join(word for group in groups for word in group)}.", True),)
    named = [told.name] if told.name else []
    return ((f"{describe(told, rng)}.\nIn short:", False), (f" {', '.join([*named, *told.keywords])}.", True))


def _before_questions(told: Told, soft: bool, progress: float, rng: np.random.Generator) -> list[tuple[str, bool]]:
    """What the questions are about: a description or, more often at first, a list of keywords."""
    if soft:
        return [(f"{describe(told, rng)}.\n", True)] if rng.random() < 0.25 else []
    return [(f"{describe(told, rng)}.\n" if rng.random() < progress else f"{_shuffled(told, rng)}\n", False)]


def _shuffled(told: Told, rng: np.random.Generator) -> str:
    words = [str(word) for word in rng.permutation(told.keywords)]
    return f"{', '.join([told.name, *words] if told.name else words)}."


def soft_groups(told: Told, rng: np.random.Generator) -> tuple[tuple[str, ...], ...]:
    """The keywords dealt into one to four groups; what stands where is left to chance."""
    count = int(rng.integers(1, MOST_SOFT + 1))
    groups: list[list[str]] = [[] for _ in range(count)]
    for place, word in enumerate(rng.permutation(told.keywords)):
        groups[place % count].append(str(word))
    return tuple(tuple(group) for group in groups if group)


def _again(rng: np.random.Generator, progress: float) -> Document:
    """Something said twice: words, names that no text has or, later on, a description."""
    turn = rng.random()
    if turn < 0.2 * progress:
        text = describe(tell(draw_scene(rng, made_up_name(rng)), rng), rng)
    elif turn < 0.6:
        text = ", ".join(pick(rng, EVERY_WORD) for _ in range(int(rng.integers(3, 12))))
    else:
        text = ", ".join(made_up_name(rng) for _ in range(int(rng.integers(1, 5))))
    return Document("again", ((f"{text}.\nAgain:", False), (f" {text}.", True)))


def every_wording(rng: np.random.Generator, count: int) -> list[str]:
    """Texts to train a tokenizer on."""
    prose = list(prose_paragraphs())
    return [document(rng, prose, float(rng.random())).text for _ in range(count)]
