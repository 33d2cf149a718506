"""One line a held-out row: what was asked, what was said, and where the true name stands by each method."""

import json
from pathlib import Path
from typing import Any

from stages.evaluate.naming.ranking import best
from stages.evaluate.naming.results import WRITERS, Marking

TOP = 5  # likeliest names that a line has


def prediction_lines(marking: Marking) -> list[dict[str, Any]]:
    """In the rows' order; `ranks` and `top` are null where a row isn't among the ranked ones."""
    given, methods = marking.given, marking.methods
    place_of = {place: number for number, place in enumerate(given.ranked)}
    tops = {name: best(methods.scores[name], TOP) for name in WRITERS}
    exact = {name: marking.exact(name) for name in WRITERS}
    lines: list[dict[str, Any]] = []
    for place, row in enumerate(given.test):
        line: dict[str, Any] = {key: getattr(row, key) for key in ("id", "entity", "name", "language", "description")}
        for name in WRITERS:
            said = methods.answers[name][place]
            verdict = marking.inventions.judge(said)
            line[name] = said
            line[f"{name}_correct"] = exact[name][place]
            line[f"{name}_ended"] = methods.ended[name][place]
            line[f"{name}_one_name"] = verdict.one_name
            line[f"{name}_new"], line[f"{name}_valid"] = verdict.new, verdict.valid
        line["tfidf_nearest"] = methods.answers["tfidf_nearest"][place]
        number = place_of.get(place)
        line["ranks"] = line["top"] = None
        if number is not None:
            line["ranks"] = {name: int(ranks[number]) for name, ranks in marking.ranks.items()}
            line["top"] = {name: _top(marking, name, number, tops[name][number]) for name in WRITERS}
        lines.append(line)
    return lines


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    """One JSON line a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def _top(marking: Marking, method: str, number: int, columns: Any) -> list[list[Any]]:
    """[name, log-likelihood] of the likeliest names."""
    scores = marking.methods.scores[method][number]
    return [[marking.given.names.texts[column], round(float(scores[column]), 3)] for column in columns]
