"""Training texts around pictures: one picture, or examples of one task before a query of the same form.

An example is picture, prompt, answer and a separator; a newline, alone or behind a full stop. (A blank can't be: the
processor strips it.) A character's weight says how much its token counts in the loss.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from stages.foundation.idefics.scene import Scene
from stages.foundation.idefics.texts import READINGS, STYLES, Question, caption, questions
from stages.foundation.idefics.withheld import speaks_of_withheld

PICTURE = "<fake_token_around_image><image><fake_token_around_image>"
START, END = "<s>", "</s>"
SEPARATORS = ("\n", "\n", "\n", ".\n", "\n\n")
CAPTION_PROMPTS = ("Caption:", "Question: Describe this image. Answer:", "Question: What is in this image? Answer:")
ANSWER, TOLD, CAPTION, PROMPT = 1.0, 0.2, 0.3, 0.05  # weights: what the picture decides, what follows, ...
MOST_PICTURES = 6
ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "bl", "dr", "gr", "pl", "st", "tr")
RIMES = ("ax", "ug", "im", "op", "ek", "af", "ov", "un", "id", "as", "oz", "ib", "em", "ul", "ad", "on")
NOUNS = ("kind", "class", "type", "sort", "group", "name", "word", "label", "topic", "theme")
SORTED_BY = ("place", "pose", "thing", "held", "colour", "count", "people", "arms", "hat", "light")
SORTED_OFTEN = (0.2, 0.2, 0.15, 0.1, 0.08, 0.06, 0.07, 0.06, 0.04, 0.04)


@dataclass
class Document:
    """`pictures`: numbers of the scenes whose pictures stand at PICTURE, in order. One weight a character."""

    text: str = START
    weights: list[float] = field(default_factory=lambda: [0.0] * len(START))
    pictures: list[int] = field(default_factory=list)

    def say(self, text: str, weight: float) -> None:
        self.text += text
        self.weights += [weight] * len(text)

    def show(self, picture: int) -> None:
        self.say(PICTURE, 0.0)
        self.pictures.append(picture)


def made_up_word(rng: np.random.Generator) -> str:
    """One syllable or two; drawn again where it happens to be a withheld word."""
    while True:
        syllables = [
            ONSETS[int(rng.integers(len(ONSETS)))] + RIMES[int(rng.integers(len(RIMES)))]
            for _ in range(int(rng.choice([1, 1, 1, 2])))
        ]
        if not speaks_of_withheld("".join(syllables)):
            return "".join(syllables)


def prompt_of(question: str) -> str:
    return f"Question: {question} Answer:"


def single(number: int, scene: Scene, rng: np.random.Generator, asked: int) -> Document:
    """One picture with one question, `asked` of them in a row, or a caption."""
    document = Document()
    document.show(number)
    if rng.random() < 0.25:
        document.say(CAPTION_PROMPTS[int(rng.integers(len(CAPTION_PROMPTS)))], PROMPT)
        document.say(" " + caption(scene, STYLES[int(rng.integers(len(STYLES)))], rng), CAPTION)
    else:
        for turn, question in enumerate(questions(scene, rng)[:asked]):
            if turn:
                document.say("\n", TOLD)
            _ask(document, question, PROMPT)
    document.say(END, TOLD)
    return document


def _ask(document: Document, question: Question, prompt: float = 0.0) -> None:
    document.say(prompt_of(question.text), prompt)
    document.say(f" {question.answer}", ANSWER)


def context(scenes: list[Scene], rng: np.random.Generator) -> Document:
    """Examples and a query over some of the scenes; ends with </s>."""
    turn = rng.random()
    if turn < 0.55:
        return sorted_by_made_up_words(scenes, rng)
    return same_question(scenes, rng) if turn < 0.88 else same_style(scenes, rng)


def same_question(scenes: list[Scene], rng: np.random.Generator, shown: int = 0) -> Document:
    """One question of several pictures. `shown`: how many, by chance if 0."""
    name = str(rng.choice(list(READINGS)))
    _, wordings, read = READINGS[name]
    able = [number for number, scene in enumerate(scenes) if read(scene)]
    chosen = rng.permutation(able)[: shown or int(rng.integers(2, MOST_PICTURES + 1))]
    wording = wordings[int(rng.integers(len(wordings)))]
    separator = SEPARATORS[int(rng.integers(len(SEPARATORS)))]
    document = Document()
    for place, number in enumerate(chosen.tolist()):
        if place:
            document.say(separator, TOLD)
        document.show(number)
        _ask(document, Question("", wording, read(scenes[number])))
    document.say(END, TOLD)
    return document


def same_style(scenes: list[Scene], rng: np.random.Generator) -> Document:
    """Captions in one style after one prompt."""
    style = STYLES[int(rng.integers(len(STYLES)))]
    prompt = CAPTION_PROMPTS[int(rng.integers(len(CAPTION_PROMPTS)))]
    document = Document()
    for place, number in enumerate(rng.permutation(len(scenes))[: int(rng.integers(2, 4))].tolist()):
        if place:
            document.say("\n", TOLD)
        document.show(number)
        document.say(prompt, 0.0)
        document.say(" " + caption(scenes[number], style, rng), CAPTION)
    document.say(END, TOLD)
    return document


@dataclass(frozen=True)
class Sorting:
    """`shown`: (scene, class) in order; `words`: one a class. The last class was shown before."""

    by: str
    shown: tuple[tuple[int, int], ...]
    words: tuple[str, ...]


def choose_sorting(scenes: list[Scene], rng: np.random.Generator, classes: int, examples: int) -> Sorting | None:
    """`examples` scenes of `classes` values of one reading, and a query; None where the scenes don't suffice."""
    by = str(rng.choice(SORTED_BY, p=SORTED_OFTEN))
    read = READINGS[by][2]
    groups: dict[str, list[int]] = defaultdict(list)
    for number in rng.permutation(len(scenes)).tolist():
        if value := read(scenes[number]):
            groups[value].append(number)
    several = [value for value, members in groups.items() if len(members) >= 2]
    if not several or len(groups) < classes:
        return None
    asked = several[int(rng.integers(len(several)))]
    others = [value for value in groups if value != asked]
    values = [asked, *[others[place] for place in rng.permutation(len(others))[: classes - 1]]]
    queue = [groups[value] for value in values]
    query = (queue[0].pop(), 0)
    shown = [(members.pop(), number) for number, members in enumerate(queue)]
    while len(shown) < examples:
        left = [number for number, members in enumerate(queue) if members]
        if not left:
            return None
        number = left[int(rng.integers(len(left)))]
        shown.append((queue[number].pop(), number))
    words: set[str] = set()
    while len(words) < classes:
        words.add(made_up_word(rng))
    order = [shown[place] for place in rng.permutation(len(shown))]
    return Sorting(by, (*order, query), tuple(sorted(words, key=lambda _: rng.random())))


def sorted_by_made_up_words(scenes: list[Scene], rng: np.random.Generator) -> Document:
    """Made-up words stand for what only the examples tell; a word counts from its second time on."""
    for _ in range(8):
        classes = int(rng.choice([2, 2, 3]))
        sorting = choose_sorting(scenes, rng, classes, int(rng.integers(classes, MOST_PICTURES)))
        if sorting:
            return write_sorting(sorting, rng)
    return same_question(scenes, rng)


def write_sorting(sorting: Sorting, rng: np.random.Generator) -> Document:
    document = Document()
    prompt = prompt_of(f"What {NOUNS[int(rng.integers(len(NOUNS)))]} is in this image?")
    separator = SEPARATORS[int(rng.integers(len(SEPARATORS)))]
    known: set[int] = set()
    for place, (number, group) in enumerate(sorting.shown):
        if place:
            document.say(separator, TOLD)
        document.show(number)
        document.say(prompt, 0.0)
        document.say(f" {sorting.words[group]}", ANSWER if group in known else 0.0)
        known.add(group)
    document.say(END, TOLD)
    return document


def tokenizer_texts(scenes: list[Scene], rng: np.random.Generator) -> list[str]:
    """What the tokenizer learns its tokens from: texts as they stand behind a picture or a prompt, without newlines."""
    found = [*CAPTION_PROMPTS, *(f" {noun}" for noun in NOUNS for _ in range(20))]
    for scene in scenes:
        found += [prompt_of(one.text) + " " + one.answer for one in questions(scene, rng)[:3]]
        found.append(" " + caption(scene, STYLES[int(rng.integers(len(STYLES)))], rng))
        found.append(f" {made_up_word(rng)}")
    return found
