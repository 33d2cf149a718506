"""Test pictures with what each method said of them, chosen by hash and not by hand."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.report.page.gallery import Gallery, Thumbnail

SHOWN = 6  # of each kind
CAPTIONS = 12
KINDS = {  # (right before, right after)
    (False, True): "Newly right",
    (True, False): "Newly wrong",
    (True, True): "Right before and after",
    (False, False): "Wrong before and after",
}
SHALLOW = {"blind": "tuned, without the picture", "thumbnail": "nearest thumbnail", "histogram": "nearest colours"}
MORE_SHALLOW = SHALLOW | {"usual": "most frequent caption"}

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a method said, and what it chose from the list; None where it wasn't asked. `right`: None if unmarked."""

    title: str
    kind: str
    said: str | None
    chosen: str | None = None
    right: bool | None = None


@dataclass(frozen=True)
class Shown:
    """A picture, what it shows, and the answers; `more` holds those of methods without a model or a picture."""

    thumbnail: Thumbnail
    truth: tuple[str, ...]
    answers: tuple[Answer, ...]
    more: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class Group:
    """What is shown of a kind, and of how many."""

    title: str
    shown: list[Shown]
    of: int


def labelled(lines: Sequence[Line], gallery: Gallery, rule: str, best_shots: int) -> list[Group]:
    """Pictures by whether the base and the tuned model are right by `rule`."""
    groups = []
    for (before, after), title in KINDS.items():
        own = [
            line for line in lines if (line["zero_shot_correct"][rule], line["tuned_correct"][rule]) == (before, after)
        ]
        shown = [_label(line, gallery, rule, best_shots) for line in by_hash(own)[:SHOWN]]
        groups.append(Group(title, shown, len(own)))
    return groups


def captioned(lines: Sequence[Line], gallery: Gallery) -> Group:
    """Pictures with their references and every method's caption."""
    return Group("Pictures", [_caption(line, gallery) for line in by_hash(lines)[:CAPTIONS]], len(lines))


def by_hash(lines: Sequence[Line]) -> list[Line]:
    """In the order of the sha256 of their ids."""
    return sorted(lines, key=lambda line: hashlib.sha256(line["id"].encode()).hexdigest())


def _label(line: Line, gallery: Gallery, rule: str, best_shots: int) -> Shown:
    methods = {"zero_shot": ("zero-shot", "before"), "tuned": ("tuned", "after")}
    if best_shots:
        methods = {"zero_shot": methods["zero_shot"], f"{best_shots}_shot": (f"{best_shots}-shot", "few"), **methods}
    answers = tuple(
        Answer(
            title,
            kind,
            line.get(name),
            line.get(f"{name}_chosen"),
            line[f"{name}_correct"][rule] if f"{name}_correct" in line else None,
        )
        for name, (title, kind) in methods.items()
    )
    more = tuple(
        Answer(title, "shallow", line.get(name), line.get(f"{name}_chosen"))
        for name, title in SHALLOW.items()
        if name in line or f"{name}_chosen" in line
    )
    return Shown(gallery.thumbnail(line["id"]), (line["label"],), answers, more)


def _caption(line: Line, gallery: Gallery) -> Shown:
    methods = {"zero_shot": ("zero-shot", "before"), "few_shot": ("few-shot", "few"), "tuned": ("tuned", "after")}
    answers = tuple(Answer(title, kind, line[name]) for name, (title, kind) in methods.items() if name in line)
    more = tuple(Answer(title, "shallow", line[name]) for name, title in MORE_SHALLOW.items() if name in line)
    return Shown(gallery.thumbnail(line["id"]), tuple(line["references"]), answers, more)
