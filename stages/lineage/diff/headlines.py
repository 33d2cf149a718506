"""A recipe's headline metric: which number of the metrics file it is, and what each test row gives to it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stages.lineage.diff.facts import value_at

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Marked:
    """One test question: `key` says which, `target` what was asked of the model, `mark` or `said` how it did."""

    key: str
    target: str
    entity: str
    mark: float = 0.0
    said: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Headline:
    """`name`: dotted key in the metrics file. `captions`: scored together by CIDEr-D, not row by row."""

    name: str
    marked: Callable[[Line], list[Marked]]
    captions: bool = False


def headline_of(metrics: Mapping[str, Any]) -> Headline | None:
    """The headline of whichever objective wrote `metrics`, by the keys that it has; None for an unknown form."""
    rule = metrics.get("rule", "exact")
    at = max((k for k in metrics.get("at") or () if isinstance(k, int)), default=0)
    choices = (
        Headline(f"ranking.methods.tuned.r_at_{at}", lambda line: _ranked(line, at)),
        Headline("retrieval.tuned.t2i_r1", _retrieved),
        Headline("questions.methods.trained.exact", _answered),
        Headline("captions.methods.trained.cider", lambda line: _captioned(line, "trained"), captions=True),
        Headline("captioning.tuned.cider", lambda line: _captioned(line, "tuned"), captions=True),
        Headline(f"tuned.{rule}", lambda line: _right(line, str(rule))),
    )
    return next((one for one in choices if value_at(metrics, one.name) is not None), None)


def _right(line: Line, rule: str) -> list[Marked]:
    """An answer is right or wrong by a rule."""
    return [Marked(line["id"], line["label"], line["entity"], float(line["tuned_correct"][rule]))]


def _ranked(line: Line, at: int) -> list[Marked]:
    """A name is among the first `at`; rows that weren't ranked give nothing."""
    if not line.get("ranks"):
        return []
    target = json.dumps([line["name"], line["description"]])
    return [Marked(line["id"], target, line["entity"], float(line["ranks"]["tuned"] <= at))]


def _retrieved(line: Line) -> list[Marked]:
    """Each caption finds its picture first, or not (a tie is taken as not)."""
    return [
        Marked(f"{line['id']}/{place}", text, line["entity"], float(rank <= 1))
        for place, (text, rank) in enumerate(zip(line["captions"], line["tuned_ranks"], strict=True))
    ]


def _answered(line: Line) -> list[Marked]:
    """A closed question's answer is right or wrong."""
    if line["kind"] != "question" or not line["closed"]:
        return []
    key = json.dumps([line["id"], line["conversation"], line["turn"]])
    return [Marked(key, json.dumps([line["question"], line["answer"]]), line["entity"], line["marks"]["trained"])]


def _captioned(line: Line, method: str) -> list[Marked]:
    if line.get("kind", "caption") != "caption":
        return []
    said = line["said"][method] if "said" in line else line[method]
    references = tuple(line["references"])
    return [Marked(line["id"], json.dumps(references), line["entity"], said=said, references=references)]
