"""Descriptions of things, places, animals and people in general, and questions about them."""

from dataclasses import dataclass

import numpy as np

from stages.foundation.gemma.sounds import pick
from stages.foundation.gemma.words import ASKED, FILLERS, FORMS, GERMAN, KINDS, KOREAN, QUALITIES, SAID


@dataclass(frozen=True)
class Told:
    """`values`: quality -> value; `said`: quality -> how the text says it."""

    group: str
    kind: str
    values: dict[str, str]
    said: dict[str, str]
    text: str


def describe(
    rng: np.random.Generator,
    group: str = "",
    must: tuple[str, ...] = (),
    others: int = 2,
    fillers: float = 0.3,
    must_say: dict[str, str] | None = None,
) -> Told:
    """A description that tells the qualities `must` and up to `others` more; `must_say` fixes values."""
    group = group or pick(rng, tuple(KINDS))
    fixed = must_say or {}
    free = [quality for quality in QUALITIES[group] if quality not in must]
    more = [str(one) for one in rng.permutation(free)[: int(rng.integers(0, others + 1))]] if free else []
    told = [*must, *more] or [QUALITIES[group][0]]
    values = {quality: fixed.get(quality) or pick(rng, tuple(SAID[quality])) for quality in told}
    said = {quality: pick(rng, SAID[quality][value]) for quality, value in values.items()}
    kind = pick(rng, KINDS[group])
    return Told(group, kind, values, said, _sentences(rng, group, kind, said, fillers))


def _sentences(rng: np.random.Generator, group: str, kind: str, said: dict[str, str], fillers: float) -> str:
    """The first sentence names the kind with some of what is told, the others say the rest, in any order."""
    order = [str(one) for one in rng.permutation(list(said))]
    first = [quality for quality in order if rng.random() < 0.6 and FORMS[quality] != "deed"]
    adjectives = [said[one] for one in first if FORMS[one] == "adjective"][:2]
    behind = [one for one in first if FORMS[one] in ("phrase", "part")][:2]
    rest = [one for one in order if one not in behind and said[one] not in adjectives]
    named = f"{', '.join(adjectives)} {kind}".strip()
    tails = [f"with {said[one]}" if FORMS[one] == "part" else said[one] for one in behind]
    article = "An" if named[0] in "aeiou" else "A"
    lead = pick(rng, (f"{article} {named}", f"{article} {named}", f"This is {article.lower()} {named}", f"The {named}"))
    text = [" ".join([lead, *tails]) + "."]
    pronoun = "It" if group != "people" else "This one"
    for one in rest:
        text.append(_sentence(rng, FORMS[one], said[one], pronoun))
        if rng.random() < fillers:
            text.append(pick(rng, FILLERS))
    return " ".join(text)


def _sentence(rng: np.random.Generator, form: str, said: str, pronoun: str) -> str:
    if form == "part":
        return pick(rng, (f"{pronoun} has {said}.", f"You can tell it by {said}.", f"There is {said} to be seen."))
    if form == "deed":
        return pick(rng, (f"{pronoun} {said}.", f"{pronoun} often {said}."))
    return pick(rng, (f"{pronoun} is {said}.", f"{pronoun} is {said}, they say.", f"Everyone knows that it is {said}."))


def questions(rng: np.random.Generator, told: Told, most: int) -> list[tuple[str, str]]:
    """(question, answer): the kind, one quality in the text's words or by its value, yes or no, all qualities."""
    asked = []
    for _ in range(most):
        quality = pick(rng, tuple(told.values))
        turn = rng.random()
        if turn < 0.1:
            asked.append(("What is it?", told.kind))
        elif turn < 0.4:
            asked.append((pick(rng, ASKED[quality]), told.said[quality]))
        elif turn < 0.65:
            asked.append((f"Its {quality} in one word?", told.values[quality]))
        elif turn < 0.85:
            value = told.values[quality] if rng.random() < 0.5 else pick(rng, tuple(SAID[quality]))
            asked.append((f"Is its {quality} {value}?", "yes" if value == told.values[quality] else "no"))
        else:
            order = [one for one in QUALITIES[told.group] if one in told.values]
            asked.append((f"In short ({', '.join(order)})?", ", ".join(told.values[one] for one in order)))
    return asked


def foreign(rng: np.random.Generator) -> tuple[str, list[tuple[str, str]]]:
    """A small description in German or Korean, and questions about it."""
    german = rng.random() < 0.5
    table = GERMAN if german else KOREAN
    kind, size, colour, place = (pick(rng, tuple(table[one].values())) for one in ("kind", "size", "colour", "place"))
    if german:
        word = kind.split()[1]
        text = pick(rng, (
            f"{kind} ist {size} und {colour}. Man sieht es {place}.",
            f"{kind} {place} ist {colour} und {size}.", f"{place.capitalize()}: {word}, {size}, {colour}.",
        ))  # fmt: skip
        asked = [("Welche Farbe?", colour), ("Wie groß?", size), ("Wo?", place), ("Was ist es?", word)]
    else:
        text = pick(rng, (
            f"{place} {size} {colour} {kind} 있다.", f"{colour} {size} {kind}. 이것은 {place} 있습니다.",
            f"이 {kind}의 특성: {size}, {colour}. {place} 산다.",
        ))  # fmt: skip
        asked = [("무슨 색?", colour), ("얼마나 큰가?", size), ("어디에?", place), ("무엇인가?", kind)]
    return text, [asked[int(place)] for place in rng.permutation(4)[:3]]


def translated(rng: np.random.Generator) -> tuple[str, str]:
    """(question, answer): a word in German or Korean."""
    name, table = pick(rng, (("German", GERMAN), ("Korean", KOREAN)))
    values = table[pick(rng, ("size", "colour", "place", "kind"))]
    value = pick(rng, tuple(values))
    if rng.random() < 0.5:
        return f"In {name}: {value} ->", values[value]
    return f"From {name}: {values[value]} ->", value
