"""Training texts without pictures: sentences, words said again, pairs to remember.

From these the decoder learns to write all its tokens (answers about scenes use few of them, and a token that
was never written can't be spelled by a small adapter either), to copy, and to look up what stood before.
"""

import numpy as np

from stages.foundation.idefics.documents import ANSWER, END, TOLD, Document, made_up_word, prompt_of
from stages.foundation.idefics.prose import prose_sentences, prose_words
from stages.foundation.idefics.scene import Scene
from stages.foundation.idefics.texts import STYLES, caption

SENTENCE = 0.3  # weight of a character of prose
MOST_SAID, MOST_PAIRS = 6, 4


def written(scene: Scene, rng: np.random.Generator, progress: float) -> Document:
    """One document by chance. `progress` of the training, 0..1: few words and pairs come first."""
    turn = rng.random()
    if turn < 0.25:
        return sentence(rng)
    if turn < 0.6:
        return again(scene, rng, progress)
    return pairs(rng, progress)


def sentence(rng: np.random.Generator) -> Document:
    document = Document()
    document.say(_one(rng, prose_sentences()), SENTENCE)
    document.say(END, TOLD)
    return document


def again(scene: Scene, rng: np.random.Generator, progress: float) -> Document:
    """Something said twice: words, made-up ones too, or a description."""
    if rng.random() < 0.2 * progress:
        text = caption(scene, STYLES[int(rng.integers(len(STYLES)))], rng).rstrip(".")
    else:
        text = ", ".join(any_word(rng) for _ in range(int(rng.integers(1, 2 + round((MOST_SAID - 1) * progress)))))
    document = Document()
    document.say("Words:", 0.0)
    document.say(f" {text}.\nAgain:", SENTENCE)
    document.say(f" {text}.", ANSWER)
    document.say(END, TOLD)
    return document


def pairs(rng: np.random.Generator, progress: float) -> Document:
    """Made-up words that stand for words, asked for again in another order."""
    most = 1 + round((MOST_PAIRS - 1) * progress)
    known = {any_word(rng): made_up_word(rng) for _ in range(int(rng.integers(1, most + 1)))}
    asked = [str(word) for word in rng.permutation([*known] * 2)]
    bare = rng.random() < 0.5
    document = Document()
    seen: set[str] = set()
    for place, word in enumerate([*known, *asked]):
        if place:
            document.say("\n", 0.0)
        document.say(f"{word}:" if bare else prompt_of(f"What is {word}?"), 0.0)
        document.say(f" {known[word]}", ANSWER if word in seen else 0.0)
        seen.add(word)
    document.say(END, TOLD)
    return document


def any_word(rng: np.random.Generator) -> str:
    """A word of the prose, or one that no text has."""
    return _one(rng, prose_words()) if rng.random() < 0.6 else made_up_word(rng)


def _one(rng: np.random.Generator, of: tuple[str, ...]) -> str:
    return of[int(rng.integers(len(of)))]
