"""General text for the base: prose, descriptions with questions, and work on words; plain or as a chat."""

from dataclasses import dataclass

import numpy as np

from stages.foundation.gemma import glossary, spelling
from stages.foundation.gemma.architecture import CHAT_TEMPLATE_TURNS
from stages.foundation.gemma.describing import describe, foreign, questions, translated
from stages.foundation.gemma.prose import prose_sentences
from stages.foundation.gemma.sounds import pick
from stages.foundation.gemma.withheld import speaks_of_withheld

WEIGHTS = {
    "prose": 2, "description": 2, "questions": 6, "foreign": 2, "spelling": 8, "lookup": 5, "composed": 6, "by_heart": 8
}  # fmt: skip
CHAT_SHARE = 0.5
DECIDED, TOLD, ASKED = 1.0, 0.4, 0.08  # weight of a token: of an answer, of running text, of what is given or asked
MOST_ASKED = 4
HELD_OUT_EVERY = 20  # every 20th sentence of the prose is kept for the exam
Asked = tuple[str, str]


@dataclass(frozen=True)
class Document:
    """`pieces`: text, and how much each token of it counts. What ends it (<eos>) is not part of it."""

    kind: str
    pieces: tuple[tuple[str, float], ...]

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.pieces)


def document(rng: np.random.Generator, progress: float = 1.0) -> Document:
    """One document by chance; `progress` of the training, 0..1: short ones come first. Never one that is withheld."""
    while True:
        shares = np.array(list(WEIGHTS.values()), float)
        kind = str(rng.choice(list(WEIGHTS), p=shares / shares.sum()))
        made = Document(kind, _pieces(rng, kind, progress))
        if not speaks_of_withheld(made.text):
            return made


def learned_prose() -> tuple[str, ...]:
    return tuple(text for place, text in enumerate(prose_sentences()) if place % HELD_OUT_EVERY)


def held_out_prose() -> tuple[str, ...]:
    return prose_sentences()[::HELD_OUT_EVERY]


def _pieces(rng: np.random.Generator, kind: str, progress: float) -> tuple[tuple[str, float], ...]:
    if kind == "prose":
        return ((pick(rng, learned_prose()), TOLD),)
    if kind == "description":
        return ((describe(rng, others=4).text, TOLD),)
    context, asked = exchange(rng, kind, progress)
    return chat(rng, context, asked) if rng.random() < CHAT_SHARE else plain(context, asked)


def exchange(rng: np.random.Generator, kind: str, progress: float = 1.0) -> tuple[str, list[Asked]]:
    """(what is given, questions with their answers) of a kind that asks."""
    most = 1 + round((MOST_ASKED - 1) * progress)
    if kind == "questions":
        told = describe(rng, others=1 + round(3 * progress), fillers=0.2)
        return told.text, questions(rng, told, int(rng.integers(1, most + 1)))
    if kind == "foreign":
        return ("", [translated(rng) for _ in range(most)]) if rng.random() < 0.4 else foreign(rng)
    if kind == "lookup":
        return glossary.lookup(rng, progress)
    if kind == "composed":
        return glossary.composed(rng, progress)
    if kind == "by_heart":
        return "", [glossary.by_heart(rng, progress) for _ in range(min(most, 2))]
    names = list(spelling.TASKS)
    shares = np.array([weight for _, weight in spelling.TASKS.values()], float)
    tasks = [str(rng.choice(names, p=shares / shares.sum())) for _ in range(most)]
    return "", [spelling.TASKS[task][0](rng) for task in tasks]


def chat(rng: np.random.Generator, context: str, asked: list[Asked]) -> tuple[tuple[str, float], ...]:
    """One turn, or as many as there are questions, in Gemma's template; what is given stands in the first."""
    user, model, end = CHAT_TEMPLATE_TURNS
    kept = asked[: int(rng.integers(1, len(asked) + 1))]
    pieces: list[tuple[str, float]] = []
    for place, (ask, answer) in enumerate(kept):
        given = f"{context}\n{ask}" if context and place == 0 else ask
        pieces += [(f"{user}{given}{end}\n{model}", ASKED), (f"{answer}{end}", DECIDED)]
        if place + 1 < len(kept):
            pieces.append(("\n", ASKED))
    return tuple(pieces)


def plain(context: str, asked: list[Asked]) -> tuple[tuple[str, float], ...]:
    pieces = [(f"{context}\n", ASKED)] if context else []
    for place, (ask, answer) in enumerate(asked):
        pieces += [(ask, ASKED), (f" {answer}" + ("\n" if place + 1 < len(asked) else ""), DECIDED)]
    return tuple(pieces)


def tokenizer_texts(rng: np.random.Generator, count: int) -> list[str]:
    """Natural text alone: of made-up words no piece is learned."""
    described = [describe(rng, others=4).text for _ in range(count)]
    told = [foreign(rng)[0] for _ in range(count // 4)]
    asked = [" ".join(ask for ask, _ in exchange(rng, "questions")[1]) for _ in range(count // 2)]
    return [*described, *told, *asked, *learned_prose()]
