"""From answers to the metrics file and the predictions file."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stages.answers.recipe import Evaluate
from stages.answers.tasks import Task
from stages.evaluate.answers.breakdowns import groups_of, neighbours_of
from stages.evaluate.metrics import rounded
from stages.evaluate.provenance import kind_of_pictures
from stages.evaluate.statistics import Interval, mcnemar, mean_interval
from stages.generated import Answer
from stages.record import Record

SHOWN = ("word", "index", "kind", "family", "style", "length", "thickness", "thickness_of_em")


@dataclass(frozen=True)
class Outcome:
    """One test row and what each method answered to it."""

    record: Record
    label: str
    zero_shot: Answer
    tuned: Answer
    blind: str
    thumbnail_knn: str

    @property
    def word(self) -> str:
        """The word that was drawn, "" when the row's source names none."""
        word = self.record.source.drawn.get("word")
        return word if isinstance(word, str) else ""


def metrics_of(
    outcomes: Sequence[Outcome], task: Task, majority: str, withheld: str, settings: Evaluate
) -> dict[str, Any]:
    """The metrics file's content: shares in 0..1, rounded; intervals over entities. `withheld` is `held_out`'s."""
    entities = [outcome.record.entity for outcome in outcomes]
    main = task.rules[0]

    def right(answered: Callable[[Outcome], str], rule: str = main) -> list[bool]:
        return [task.score(answered(outcome), outcome.label)[rule] for outcome in outcomes]

    def interval(values: Sequence[float]) -> Interval:
        return mean_interval(values, entities, settings.bootstrap_samples, settings.seed)

    def by_rule(answered: Callable[[Outcome], str]) -> dict[str, float]:
        return {k: v for rule in task.rules for k, v in _named(rule, interval(right(answered, rule))).items()}

    before, after = right(lambda o: o.zero_shot.text), right(lambda o: o.tuned.text)
    lift = interval([int(new) - int(old) for old, new in zip(before, after, strict=True)])
    found: dict[str, Any] = {
        "rows": len(outcomes),
        "entities": len(set(entities)),
        "pictures": kind_of_pictures(outcome.record for outcome in outcomes),
        "held_out": withheld,
        "classes": len(task.classes),
        "chance": 1 / len(task.classes),
        **_named("majority", interval(right(lambda _: majority))),
        **_named("blind", interval(right(lambda o: o.blind))),
        **_named("thumbnail_knn", interval(right(lambda o: o.thumbnail_knn))),
        "zero_shot": by_rule(lambda o: o.zero_shot.text),
        "tuned": by_rule(lambda o: o.tuned.text),
        "lift": {main: lift.mean, "low": lift.low, "high": lift.high},
        "mcnemar": asdict(mcnemar(before, after)),
        **_breakdowns(outcomes, before, after),
    }
    if all(outcome.word for outcome in outcomes):
        found["chance_in_word"] = sum(o.word.count(o.label) / len(o.word) for o in outcomes) / len(outcomes)
        found["neighbour_errors"] = {
            "zero_shot": sum(_names_neighbour(o, o.zero_shot.text, task) for o in outcomes),
            "tuned": sum(_names_neighbour(o, o.tuned.text, task) for o in outcomes),
        }
    return dict(rounded(found))


def _named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _names_neighbour(outcome: Outcome, answer: str, task: Task) -> bool:
    """A wrong answer that names the letter next to the marked one."""
    rule = task.rules[0]
    wrong = not task.score(answer, outcome.label)[rule]
    return wrong and any(task.score(answer, letter)[rule] for letter in neighbours_of(outcome.record))


def _breakdowns(outcomes: Sequence[Outcome], before: list[bool], after: list[bool]) -> dict[str, Any]:
    """{breakdown: {group: {rows, zero_shot, tuned}}}, by the main rule."""
    tables: dict[str, dict[str, list[tuple[bool, bool]]]] = {}
    for outcome, old, new in zip(outcomes, before, after, strict=True):
        for breakdown, group in groups_of(outcome.record).items():
            tables.setdefault(breakdown, {}).setdefault(group, []).append((old, new))
    return {
        breakdown: {
            group: {
                "rows": len(pairs),
                "zero_shot": sum(old for old, _ in pairs) / len(pairs),
                "tuned": sum(new for _, new in pairs) / len(pairs),
            }
            for group, pairs in groups.items()
        }
        for breakdown, groups in tables.items()
    }


def write_predictions(path: Path, outcomes: Sequence[Outcome], task: Task) -> None:
    """One JSON line a test row, in the order of `outcomes`; `correct` flags by every rule."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        for outcome in outcomes:
            stream.write(json.dumps(_prediction(outcome, task), ensure_ascii=False) + "\n")


def _prediction(outcome: Outcome, task: Task) -> dict[str, Any]:
    record, drawn = outcome.record, outcome.record.source.drawn
    line: dict[str, Any] = {"id": record.id, "label": outcome.label, "entity": record.entity}
    line |= {key: drawn[key] for key in SHOWN if key in drawn}
    for name, answer in (("zero_shot", outcome.zero_shot), ("tuned", outcome.tuned)):
        line |= {
            name: answer.text,
            f"{name}_score": answer.score,
            f"{name}_correct": task.score(answer.text, outcome.label),
        }
    return line | {"blind": outcome.blind, "thumbnail_knn": outcome.thumbnail_knn}
