"""Held-out descriptions with their names: the best, the worst, some by hash, and names that the model invented."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 6  # of each group
INVENTIONS = 24

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a model wrote; `right` by exact match, `rank` of the true name ("" where it wasn't ranked)."""

    title: str
    kind: str
    said: str
    right: bool
    rank: str
    top: tuple[tuple[str, str, bool], ...]  # (name, log-likelihood, whether it is the true one)


@dataclass(frozen=True)
class Shown:
    """A description, its name, what each model made of it, and whose training description reads most alike."""

    name: str
    language: str
    description: str
    answers: tuple[Answer, ...]
    nearest: str
    simple: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Group:
    """What is shown of a kind, and of how many."""

    title: str
    shown: list[Shown]
    of: int


def groups(lines: Sequence[Line]) -> list[Group]:
    """Best and worst by the rank that tuned gives the true name; of equal ranks by hash, one line an entity."""
    ranked = [line for line in by_hash(lines) if line["ranks"]]
    best = sorted(ranked, key=lambda line: line["ranks"]["tuned"])
    chosen = (("By hash", by_hash(lines)), ("Best", best), ("Worst", best[::-1]))
    return [Group(title, [_shown(line) for line in _apart(some)[:SHOWN]], len(some)) for title, some in chosen]


def inventions(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """(invented, true name, new, valid): what tuned wrote where it didn't write the true name, each answer once."""
    found: dict[str, tuple[str, ...]] = {}
    for line in by_hash(lines):
        if not line["tuned_correct"]:
            told = (line["tuned"] or "(nothing)", line["name"], _yes(line["tuned_new"]), _yes(line["tuned_valid"]))
            found.setdefault(line["tuned"], told)
    return list(found.values())[:INVENTIONS]


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def by_hash(lines: Sequence[Line]) -> list[Line]:
    """In the order of the sha256 of their ids."""
    return sorted(lines, key=lambda line: hashlib.sha256(line["id"].encode()).hexdigest())


def _apart(lines: Sequence[Line]) -> list[Line]:
    found: dict[str, Line] = {}
    for line in lines:
        found.setdefault(line["entity"], line)
    return list(found.values())


def _shown(line: Line) -> Shown:
    answers = tuple(
        Answer(
            title=title,
            kind=kind,
            said=line[name],
            right=line[f"{name}_correct"],
            rank=str(line["ranks"][name]) if line["ranks"] else "",
            top=tuple((one, f"{score:.1f}", one == line["name"]) for one, score in (line["top"] or {}).get(name, [])),
        )
        for name, title, kind in (("tuned", "tuned", "after"), ("zero_shot", "zero-shot", "before"))
    )
    simple = (("20 nearest (TF-IDF)", "tfidf_kernel"), ("nearest (TF-IDF)", "tfidf_nearest"), ("blind", "blind"))
    ranks = tuple((title, str(line["ranks"][name])) for title, name in simple) if line["ranks"] else ()
    return Shown(line["name"], line["language"], line["description"], answers, line["tfidf_nearest"], ranks)
