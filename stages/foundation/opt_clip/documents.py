"""General text for the language model: scenes described, asked about, put in short; names said again; prose.

A document may come with soft prefix groups: keywords that are given as vectors before the text (each group's
embeddings summed up), so that the model learns to speak about what vectors tell it.
"""

import ast
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from stages.foundation.opt_clip.describe import Told, an, capital, describe, joined, tell
from stages.foundation.opt_clip.scene import Scene, draw_scene, pick
from stages.foundation.opt_clip.withheld import is_withheld_name, speaks_of_withheld
from stages.foundation.opt_clip.words import EARS, HORNS, NUMBERS, PATTERNS, TAILS, WINGS

WEIGHTS = {"caption": 5, "in short": 4, "from keywords": 2, "questions": 6, "again": 3, "prose": 3}
SOFT_SHARE = 0.6  # of captions and questions, the share that is told by vectors
MOST_SOFT = 4
ONSETS = [
    "b",
    "c",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "z",
    "br",
    "cl",
    "dr",
    "fl",
    "gr",
    "kl",
    "pl",
    "pr",
    "sh",
    "sk",
    "sl",
    "sp",
    "st",
    "tr",
    "th",
    "qu",
]
VOWELS, CODAS = (
    ["a", "e", "i", "o", "u", "ai", "ea", "oo", "ou", "y"],
    ["", "", "l", "n", "m", "r", "s", "t", "x", "p", "k", "ng", "ff"],
)
PROSE_MODULES = (
    "argparse", "asyncio/*", "collections/__init__", "concurrent/futures/*", "configparser", "csv", "dataclasses",
    "datetime", "decimal", "difflib", "doctest", "email/*", "fractions", "functools", "heapq", "html/*", "http/*",
    "imaplib", "importlib/*", "inspect", "ipaddress", "json/*", "logging/*", "mailbox", "optparse", "pathlib", "pdb",
    "pickle", "pickletools", "pprint", "random", "re/*", "sched", "shelve", "shutil", "smtplib", "socket", "statistics",
    "string", "subprocess", "tarfile", "tempfile", "textwrap", "threading", "tokenize", "turtle", "types", "typing",
    "unittest/*", "urllib/*", "uuid", "weakref", "xml/*/*", "zipfile",
)  # fmt: skip


@dataclass(frozen=True)
class Document:
    """`soft`: groups of keywords given as vectors; empty for text alone."""

    kind: str
    text: str
    soft: tuple[tuple[str, ...], ...] = ()


def made_up_name(rng: np.random.Generator) -> str:
    """Two or three syllables, capitalised; never a withheld name."""
    while True:
        count = int(rng.integers(2, 4))
        name = "".join(
            pick(rng, tuple(ONSETS)) + pick(rng, tuple(VOWELS)) + pick(rng, tuple(CODAS)) for _ in range(count)
        )
        if len(name) <= 12 and not is_withheld_name(name):
            return name.capitalize()


def document(rng: np.random.Generator, prose: list[str]) -> Document:
    """One document by chance."""
    kinds = list(WEIGHTS)
    shares = np.array([WEIGHTS[kind] for kind in kinds], float)
    kind = str(rng.choice(kinds, p=shares / shares.sum()))
    if kind == "prose":
        return Document(kind, prose[int(rng.integers(len(prose)))])
    if kind == "again":
        return Document(kind, _again(rng))
    soft = kind in ("caption", "questions") and rng.random() < SOFT_SHARE
    scene = draw_scene(rng, made_up_name(rng) if not soft and rng.random() < 0.5 else "")
    told = tell(scene, rng, share=float(rng.uniform(0.2, 1.0)))
    stop = "." if rng.random() < 0.5 else ""
    if kind == "caption":
        return Document(kind, describe(told, rng) + stop, soft_groups(told, rng) if soft else ())
    if kind == "in short":
        text = describe(told, rng)
        called = [told.name] if told.name else []
        return Document(kind, f"{text}.\nIn short: {', '.join([*called, *told.keywords])}.")
    if kind == "from keywords":
        words = [str(word) for word in rng.permutation(told.keywords)]
        return Document(kind, f"Keywords: {', '.join(words)}.\n{describe(told, rng)}.")
    dialogue = "\n".join(f"Q: {question}\nA: {answer}" for question, answer in questions(scene, told, rng))
    if soft:
        before = "" if rng.random() < 0.7 else describe(told, rng) + ".\n"
        return Document(kind, before + dialogue, soft_groups(told, rng))
    return Document(kind, f"{describe(told, rng)}.\n{dialogue}")


def soft_groups(told: Told, rng: np.random.Generator) -> tuple[tuple[str, ...], ...]:
    """The keywords dealt into one to four groups; what stands where is left to chance."""
    count = int(rng.integers(1, MOST_SOFT + 1))
    groups: list[list[str]] = [[] for _ in range(count)]
    for place, word in enumerate(rng.permutation(told.keywords)):
        groups[place % count].append(str(word))
    return tuple(tuple(group) for group in groups if group)


def questions(scene: Scene, told: Told, rng: np.random.Generator) -> list[tuple[str, str]]:
    """One to five questions that the told facts answer, in any order, none twice."""
    colour, _, noun = told.noun.partition(" ")
    it = "it" if rng.random() < 0.7 else f"the {noun}"
    asked = [
        (pick(rng, (f"What colour is {it}?", f"Which colour does {it} have?", f"What is the colour of {it}?")), colour),
        (
            pick(rng, ("What is this?", "What is it?", "What do you see?", "What is in the picture?")),
            pick(rng, (an(noun), an(told.noun))),
        ),
        (pick(rng, (f"Where is {it}?", "Where is this?", "What place is it?")), told.scenery),
    ]
    if told.features:
        asked.append(
            (
                pick(rng, (f"What does {it} have?", "What else do you see?", f"What is special about {it}?")),
                joined(told.features),
            )
        )
    if "pose" in told.facts:
        asked.append((pick(rng, (f"What is {it} doing?", f"What does {it} do?")), told.pose))
    if "direction" in told.facts:
        asked.append((pick(rng, (f"Which way does {it} face?", f"Where does {it} look?")), scene.direction))
    if "company" in told.facts:
        asked.append((f"How many {scene.company}s are there?", NUMBERS[scene.company_count]))
    if told.name:
        asked.append((pick(rng, (f"What is {it} called?", "What is its name?")), told.name))
    asked += _about_parts(told, it, rng)
    order = rng.permutation(len(asked))[: int(rng.integers(1, 6))]
    stop = "." if rng.random() < 0.5 else ""
    return [(asked[place][0], capital(asked[place][1]) + stop if stop else asked[place][1]) for place in order]


def _about_parts(told: Told, it: str, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Yes or no, and which; "no" only for what the text says is lacking or has otherwise."""
    asked = []
    for part, table in (("wings", WINGS), ("tail", TAILS), ("ears", EARS), ("horns", HORNS), ("pattern", PATTERNS)):
        if part not in told.facts:
            continue
        phrase = next(phrase for phrase in told.features if _is_of(phrase, table))
        if part in ("wings", "tail", "ears"):
            asked.append(
                (f"Does {it} have {'a tail' if part == 'tail' else part}?", "no" if phrase == "no tail" else "yes")
            )
            if phrase != "no tail":
                asked.append(
                    (pick(rng, (f"What kind of {part} does {it} have?", f"What {part} does {it} have?")), phrase)
                )
        other = pick(rng, tuple(pick(rng, phrases) for phrases in table.values() if phrases[0]))
        if "{}" not in other and other != phrase and other != "no tail" and not _same(other, phrase, table):
            asked.append((f"Does {it} have {other}?", "no"))
        if phrase != "no tail":
            asked.append((f"Does {it} have {phrase}?", "yes"))
        if part == "pattern":
            asked.append((f"What pattern does {it} have?", phrase))
    return asked


def _is_of(phrase: str, table: dict[str, tuple[str, ...]]) -> bool:
    """Whether a phrase (its colour filled in) is one of the table's."""
    return any(form and _matches(form, phrase) for forms in table.values() for form in forms)


def _matches(form: str, phrase: str) -> bool:
    before, hole, after = form.partition("{}")
    return phrase == form if not hole else phrase.startswith(before) and phrase.endswith(after)


def _same(one: str, other: str, table: dict[str, tuple[str, ...]]) -> bool:
    return any(
        any(form and _matches(form, one) for form in forms) and any(form and _matches(form, other) for form in forms)
        for forms in table.values()
    )


def _again(rng: np.random.Generator) -> str:
    """Something said twice: names that no text has, or a description."""
    if rng.random() < 0.3:
        told = tell(draw_scene(rng, made_up_name(rng)), rng)
        text = describe(told, rng)
        return f"{text}.\nAgain: {text}."
    names = ", ".join(made_up_name(rng) for _ in range(int(rng.integers(1, 6))))
    return f"{names}.\nAgain: {names}."


@lru_cache(maxsize=1)
def prose_paragraphs() -> tuple[str, ...]:
    """Plain paragraphs of the standard library's docstrings (PSF licence), as this Python has them."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, None] = {}
    for pattern in PROSE_MODULES:
        for path in sorted(root.glob(pattern + ".py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                        text = " ".join(paragraph.split())
                        if _is_plain(text):
                            found[text] = None
    return tuple(found)


def _is_plain(text: str) -> bool:
    """Sentences rather than code; nothing that is withheld."""
    letters = sum(char.isalpha() or char == " " for char in text)
    return 60 <= len(text) <= 420 and letters > 0.93 * len(text) and text[0].isupper() and not speaks_of_withheld(text)


def every_wording(rng: np.random.Generator, count: int) -> list[str]:
    """Texts to train a tokenizer on."""
    prose = list(prose_paragraphs())
    return [document(rng, prose).text for _ in range(count)]
