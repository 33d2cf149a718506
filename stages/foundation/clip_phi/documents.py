"""General text for the language model: scenes described, listed and asked about; words said again and spelt; prose.

What a document is about is told before it in words, or by vectors (`Document.soft`), so that the model learns to
speak about what vectors tell it.
"""

from dataclasses import dataclass

import numpy as np

from stages.foundation.clip_phi.architecture import END
from stages.foundation.clip_phi.asking import questions
from stages.foundation.clip_phi.prefix import Vector, vectors_of
from stages.foundation.clip_phi.scene import Scene, draw_scene
from stages.foundation.clip_phi.telling import describe, everything, listed, tell
from stages.foundation.clip_phi.words import EVERY_WORD, pick

SHARES = {"questions": 0.62, "caption": 0.16, "again": 0.12, "prose": 0.1}
SOFT_SHARE = 0.62  # of captions and questions, the share that is told by vectors
MOST_QUESTIONS = 8
SHORT = 0.6  # share of the steps in which documents grow to full length
Piece = tuple[str | None, float]  # text (None: where the vectors stand), how much each of its tokens counts
# What is before decides an answer, and what is to be said again; of a caption it decides the content but not the
# wording; it hardly decides which question is asked, or how prose goes on. Answers are a few tokens among many.
ANSWER, REPEATED, CAPTION, UNDECIDED = 1.0, 0.4, 0.25, 0.04

# What comes before a question, before an answer, and after it
FORMATS = (
    ("USER: ", "\nASSISTANT:", f"{END}\n"), ("USER: ", " ASSISTANT:", END), ("USER: ", "\nASSISTANT:", END),
    ("User: ", "\nAssistant:", f"{END}\n"), ("Q: ", "\nA:", "\n"), ("Question: ", "\nAnswer:", f"{END}\n"),
    ("Question: ", " Answer:", END), ("Instruct: ", "\nOutput:", f"{END}\n"), ("", "", f"{END}"), ("", "\n", "\n"),
)  # fmt: skip
SYSTEMS = (
    "", "", "", "", "A chat about a scene.\n", "Someone asks and an assistant answers. ",
    "A talk between a user and an assistant that sees the picture.\n", "Short answers to plain questions.\n",
)  # fmt: skip
CAPTIONS_ASKED = (
    "What does the picture show?", "Say what you see.", "Give a caption.", "Tell me about the scene.",
    "Write a sentence about it.", "Put the picture into words.", "What is going on here?",
)  # fmt: skip
LISTS_ASKED = ("List the things.", "Make a list.", "Take notes.", "In short?", "Note what is there.")


@dataclass(frozen=True)
class Document:
    """`pieces` in order; `soft`: what each vector tells."""

    kind: str
    pieces: tuple[Piece, ...]
    soft: tuple[Vector, ...] = ()

    @property
    def text(self) -> str:
        return "".join(text or "" for text, _ in self.pieces)


def document(rng: np.random.Generator, prose: list[str], progress: float = 1.0) -> Document:
    """One document by chance. `progress` of the training, 0..1: few facts and single questions come first."""
    grown = min(1.0, progress / SHORT)
    kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    if kind == "prose":
        return Document(kind, ((prose[int(rng.integers(len(prose)))], UNDECIDED), (END, CAPTION)))
    if kind == "again":
        return _again(rng, grown)
    scene = draw_scene(rng)
    while grown < 0.5 and len(scene.groups) == 3:
        scene = draw_scene(rng)
    if rng.random() < SOFT_SHARE:
        return Document(kind, _told_by_vectors(kind, scene, rng, grown), vectors_of(scene, rng, progress))
    return Document(kind, _told_in_words(kind, scene, rng, grown))


def _told_by_vectors(kind: str, scene: Scene, rng: np.random.Generator, grown: float) -> tuple[Piece, ...]:
    """The vectors stand first of all, or within the first turn, before or after what is asked."""
    if kind == "caption":
        return _captioned(scene, rng, grown)
    asked = questions(everything(scene), rng, 2 + round((MOST_QUESTIONS - 2) * grown))
    return _turns(asked, rng, int(rng.integers(3)))


def _turns(
    asked: list[tuple[str, str]], rng: np.random.Generator, soft_at: int, weight: float = ANSWER
) -> tuple[Piece, ...]:
    """`soft_at`: 0 before all, 1 before the first question, 2 after it, -1 nowhere."""
    before, answer_sign, after = FORMATS[int(rng.integers(len(FORMATS)))]
    system = pick(rng, SYSTEMS) if before else ""
    blank = pick(rng, ("\n", "\n", " ", ""))
    pieces: list[Piece] = [(None, UNDECIDED)] if soft_at == 0 else []
    pieces += [(system, UNDECIDED)] if system else []
    for place, (question, answer) in enumerate(asked):
        if soft_at == 1 and place == 0:
            pieces += [(before, UNDECIDED), (None, UNDECIDED), (f"{blank}{question}{answer_sign}", UNDECIDED)]
        elif soft_at == 2 and place == 0:
            pieces += [(f"{before}{question}{blank}", UNDECIDED), (None, UNDECIDED), (answer_sign, UNDECIDED)]
        else:
            pieces.append((f"{before}{question}{answer_sign}", UNDECIDED))
        last = place == len(asked) - 1
        pieces.append((f"{answer if answer_sign == chr(10) else ' ' + answer}{END if last else after}", weight))
    return tuple(pieces)


def _captioned(scene: Scene, rng: np.random.Generator, grown: float) -> tuple[Piece, ...]:
    told = tell(scene, rng, float(rng.uniform(0.2, 0.4 + 0.6 * grown)))
    noted = rng.random() < 0.25
    text = listed(told, rng) if noted else describe(told, rng)
    text += "." if rng.random() < 0.6 else ""
    if rng.random() < 0.4:
        return ((None, UNDECIDED), (pick(rng, ("\n", "", " ")), UNDECIDED), (f"{text}{END}", CAPTION))
    return _turns([(pick(rng, LISTS_ASKED if noted else CAPTIONS_ASKED), text)], rng, int(rng.integers(3)), CAPTION)


def _told_in_words(kind: str, scene: Scene, rng: np.random.Generator, grown: float) -> tuple[Piece, ...]:
    """A description, or more often at first a list; then questions, or the same said in the other way."""
    told = tell(scene, rng, float(rng.uniform(0.1, 0.3 + 0.7 * grown)))
    described, noted = f"{describe(told, rng)}.", f"{listed(told, rng)}."
    first_listed = rng.random() > 0.6 * grown
    if kind == "caption":
        if rng.random() < 0.3:
            return ((described, UNDECIDED), (END, CAPTION))
        one, other = (noted, described) if first_listed else (described, noted)
        sign = pick(rng, ("\n", "\nIn other words:\n", "\nThat is:\n"))
        return ((f"{one}{sign}", UNDECIDED), (f"{other}{END}", CAPTION))
    asked = questions(told, rng, 1 + round((MOST_QUESTIONS - 1) * grown))
    return ((f"{noted if first_listed else described}\n", UNDECIDED), *_turns(asked, rng, -1))


def _again(rng: np.random.Generator, grown: float) -> Document:
    """Words said again, spelt or looked up."""
    turn = rng.random()
    if turn < 0.3:
        pairs = [f"{pick(rng, EVERY_WORD)} {_syllables(rng)}" for _ in range(2 + int(rng.integers(2 + int(5 * grown))))]
        wanted = pick(rng, tuple(pairs))
        key, _, value = wanted.partition(" ")
        if sum(pair.startswith(f"{key} ") for pair in pairs) == 1:
            return Document("again", ((f"{'; '.join(pairs)}.\n{key}", UNDECIDED), (f" {value}{END}", REPEATED)))
    if turn < 0.5:
        word = pick(rng, EVERY_WORD) if rng.random() < 0.5 else _syllables(rng)
        return Document("again", ((f"Spell {word}:", UNDECIDED), (f" {' '.join(word)}{END}", REPEATED)))
    many = int(rng.integers(2, 4 + int(8 * grown)))
    words = [pick(rng, EVERY_WORD) if rng.random() < 0.6 else _syllables(rng) for _ in range(many)]
    text, asked = pick(rng, (" ", ", ")).join(words), pick(rng, ("Again:", "Once more:", "Repeat:"))
    return Document("again", ((f"Words: {text}.\n{asked}", UNDECIDED), (f" {text}.{END}", REPEATED)))


def _syllables(rng: np.random.Generator) -> str:
    """A word that no text has."""
    parts = [pick(rng, tuple("bdfgklmnprstvz")) + pick(rng, tuple("aeiou")) for _ in range(int(rng.integers(2, 4)))]
    return "".join(parts)


def every_wording(rng: np.random.Generator, prose: list[str], count: int) -> list[str]:
    """Texts to train a tokenizer on; every word of the scenes behind a blank is among them often."""
    words = [f" {word}" for word in EVERY_WORD for _ in range(30)]
    return [*words, *(document(rng, prose, float(rng.random())).text.replace(END, " ") for _ in range(count))]
