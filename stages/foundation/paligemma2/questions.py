"""What the base is asked while it learns to read: a drawn line, a prompt, and the suffix it must answer.

Every answer is written letter by letter ("t a b l e"), so that each letter is one token and each
sample supervises all the letters it can.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.foundation.paligemma2.drawing import INKS, MARKS, Line
from stages.foundation.paligemma2.withheld import is_test_word

LONGEST = 20  # letters in a word
READ_AT_MOST = 10  # letters in an answer that reads a whole word
READ_ON = 5  # letters in an answer that reads on from the mark
CONSONANTS, VOWELS = "bcdfghjklmnpqrstvwxyz", "aeiou"
# Letters whose capital differs from the small letter by its size alone.
SIZE_ALONE = set("cCkKoOpPsSuUvVwWxXzZ")
WEIGHTS = {
    "letter": 4, "read": 20, "marked": 44, "read on": 20, "beside": 3, "after": 3, "count": 2, "kind": 2, "colour": 2,
}  # fmt: skip

MARKED_BY = {
    "underline": "underlined", "overline": "overlined", "bars": "set between two bars",
    "arrow": "pointed at by an arrow", "dot": "marked with a dot", "highlight": "highlighted",
    "strike": "struck through", "ink": "written in another colour",
}  # fmt: skip
FRAMES = (
    "Which letter is being {}?",
    "Which character is being {}?",
    "Which letter is {}?",
    "Name the letter that is {}.",
)
FIXED_PROMPTS = {
    "letter": "Which letter is this?",
    "read": "Read the word.",
    "count": "How many letters has the word?",
    "kind": "How is a letter being marked?",
    "colour": "Which colour is the mark?",
}
READ_ON_FRAME = "Read on from the letter that is {}."
BESIDE_FRAME = "Which letter stands {} the letter that is {}?"
AFTER_FRAME = "Which letter comes after {}?"
ANY_MARK = "marked"


@dataclass(frozen=True)
class Question:
    """One training sample before it is drawn."""

    task: str
    line: Line
    prompt: str
    suffix: str

    @property
    def whole_line(self) -> bool:
        """Show the full height of the type, where the ink alone could not tell a capital's size."""
        return set(self.line.word) <= SIZE_ALONE


def every_text() -> list[str]:
    """All prompts and answer words in use: what the tokenizer is trained on."""
    ways = [*MARKED_BY.values(), ANY_MARK]
    texts = [frame.format(way) for way in ways for frame in (*FRAMES, READ_ON_FRAME)]
    texts += [BESIDE_FRAME.format(side, way) for side in ("before", "after") for way in ways]
    texts += [AFTER_FRAME.format("a"), *FIXED_PROMPTS.values(), *ways, *INKS, *map(str, range(1, LONGEST + 1))]
    return texts


def draw_word(rng: np.random.Generator, shortest: int, longest: int) -> str:
    """A made-up word: syllables, capitalised or not, or letters at random; never a test word."""
    while True:
        length = int(rng.integers(shortest, longest + 1))
        kind = rng.random()
        if kind < 0.45:
            start = int(rng.integers(2))
            word = "".join(
                str(rng.choice(list((CONSONANTS, VOWELS)[(start + i) % 2 if rng.random() > 0.15 else 0])))
                for i in range(length)
            )
            word = word.capitalize() if rng.random() < 0.35 else word.upper() if rng.random() < 0.08 else word
        else:
            letters = rng.integers(0, 26, length)
            capital = rng.random(length) < (0.5 if kind < 0.8 else 0.0 if kind < 0.92 else 1.0)
            word = "".join(chr((65 if up else 97) + i) for i, up in zip(letters, capital, strict=True))
        if not is_test_word(word):
            return word


def ask(rng: np.random.Generator, faces: list[Path], longest: int) -> Question:
    """Draw one question with words of at most `longest` letters."""
    names = list(WEIGHTS)
    share = np.array(list(WEIGHTS.values()), float)
    task = str(rng.choice(names, p=share / share.sum()))
    top = {"letter": 1, "read": READ_AT_MOST}.get(task, longest)
    bottom = 1 if task == "letter" else 2 if task in ("beside", "after") else 1 if longest < 6 else 3
    word = draw_word(rng, bottom, max(bottom, min(top, longest)))
    if len(word) > 6 and rng.random() < 0.3 and task != "read":  # the hard ones: long words
        word = draw_word(rng, max(bottom, longest - 6), longest)
    mark, ink = str(rng.choice(MARKS)), str(rng.choice(list(INKS)))
    index = int(rng.integers(len(word)))
    unmarked = task in ("letter", "read", "count", "after") and rng.random() < 0.6
    line = Line(word, faces[int(rng.integers(len(faces)))], None if unmarked else mark, index, ink)
    way = MARKED_BY[mark] if rng.random() < 0.6 else ANY_MARK
    prompt, suffix = _wording(task, line, way, rng)
    return Question(task, line, prompt, suffix)


def _wording(task: str, line: Line, way: str, rng: np.random.Generator) -> tuple[str, str]:
    word, index = line.word, line.index
    if task == "marked":
        return FRAMES[int(rng.integers(len(FRAMES)))].format(way), word[index]
    if task == "read on":
        return READ_ON_FRAME.format(way), " ".join(word[index : index + READ_ON])
    if task == "beside":
        after = index == 0 or (index < len(word) - 1 and rng.random() < 0.5)
        neighbour = word[index + 1] if after else word[index - 1]
        return BESIDE_FRAME.format("after" if after else "before", way), neighbour
    if task == "after":
        once = [i for i in range(len(word) - 1) if word.count(word[i]) == 1]
        if not once:
            return FIXED_PROMPTS["read"], " ".join(word[:READ_AT_MOST])
        i = int(rng.choice(once))
        return AFTER_FRAME.format(word[i]), word[i + 1]
    suffix = {
        "letter": word,
        "read": " ".join(word),
        "count": str(len(word)),
        "kind": MARKED_BY[line.mark or "underline"],
        "colour": line.ink,
    }[task]
    return FIXED_PROMPTS[task], suffix
