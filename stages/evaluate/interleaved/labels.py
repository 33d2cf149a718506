"""Labels: what was said and chosen by each method, and how often it is right."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stages.evaluate.statistics import Interval, mcnemar, mean_interval
from stages.interleaved.recipe import Evaluate
from stages.interleaved.tasks import LabelTask

CHOSEN = "closed"  # the rule by which a label chosen from the closed list is right


@dataclass(frozen=True)
class Answers:
    """One answer a row: written freely, and chosen from the list of labels; None where that wasn't asked."""

    said: list[str] | None
    chosen: list[str] | None


@dataclass(frozen=True)
class Marking:
    """What is right: rows with their label and entity, by the task's rules and by choice."""

    task: LabelTask
    labels: Sequence[str]
    entities: Sequence[str]
    settings: Evaluate

    def right(self, answers: Answers) -> dict[str, list[bool]]:
        """{rule: one flag a row}; the main rule first."""
        flags: dict[str, list[bool]] = {}
        if answers.said is not None:
            marks = [self.task.score(said, label) for said, label in zip(answers.said, self.labels, strict=True)]
            flags |= {rule: [mark[rule] for mark in marks] for rule in self.task.rules}
        if answers.chosen is not None:
            flags[CHOSEN] = [chosen == label for chosen, label in zip(answers.chosen, self.labels, strict=True)]
        return flags

    def interval(self, values: Sequence[float]) -> Interval:
        return mean_interval(values, self.entities, self.settings.bootstrap_samples, self.settings.seed)

    def score(self, answers: Answers) -> dict[str, float]:
        """{rule, rule_low, rule_high} of every rule that the answers can be marked by."""
        return {
            name: value
            for rule, flags in self.right(answers).items()
            for name, value in named(rule, self.interval(flags)).items()
        }

    def score_seeds(self, by_seed: Sequence[Answers]) -> dict[str, Any]:
        """As `score`, of the mean over seeds; `RULE_by_seed` has each one's own."""
        each = [self.right(answers) for answers in by_seed]
        found: dict[str, Any] = {}
        for rule in each[0]:
            found |= named(rule, self.interval(self._mean([flags[rule] for flags in each])))
            found[f"{rule}_by_seed"] = [sum(flags[rule]) / len(flags[rule]) for flags in each]
        return found

    def lead(self, one: Answers, others: Sequence[Answers]) -> dict[str, float]:
        """`one` minus the mean of `others` on the same rows, by every rule, with paired intervals."""
        mine, theirs = self.right(one), [self.right(other) for other in others]
        found: dict[str, float] = {}
        for rule, flags in mine.items():
            mean = self._mean([other[rule] for other in theirs])
            found |= named(rule, self.interval([flag - other for flag, other in zip(flags, mean, strict=True)]))
        return found

    def paired_test(self, before: Answers, after: Answers) -> dict[str, Any]:
        """McNemar's test, by every rule."""
        old, new = self.right(before), self.right(after)
        return {rule: asdict(mcnemar(old[rule], new[rule])) for rule in old}

    def by_label(self, methods: Mapping[str, Answers], rule: str) -> dict[str, dict[str, float]]:
        """{label: {rows, share right by each method}}."""
        flags = {name: self.right(answers)[rule] for name, answers in methods.items()}
        found: dict[str, dict[str, float]] = {}
        for label, rows in sorted(Counter(self.labels).items()):
            own = [place for place, one in enumerate(self.labels) if one == label]
            shares = {name: sum(marks[place] for place in own) / rows for name, marks in flags.items()}
            found[label] = {"rows": rows, **shares}
        return found

    def confusion(self, answers: Answers, every_label: Sequence[str], rule: str) -> dict[str, dict[str, int]]:
        """{label: {answer: rows}} of the answers that `rule` marks; those that name no label are `something else`."""
        named_by = {self.task.named(label): label for label in every_label}
        found: dict[str, Counter[str]] = {label: Counter() for label in sorted(set(self.labels))}
        for place, label in enumerate(self.labels):
            if rule == CHOSEN and answers.chosen is not None:
                found[label][answers.chosen[place]] += 1
            elif answers.said is not None:
                said = self.task.named(answers.said[place])
                found[label][named_by.get(self.task.synonyms.get(said, said), "something else")] += 1
        return {label: dict(sorted(counts.items())) for label, counts in found.items()}

    @staticmethod
    def _mean(each: Sequence[Sequence[bool]]) -> list[float]:
        return [sum(marks) / len(each) for marks in zip(*each, strict=True)]


def named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def worse(by_label: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Labels that the tuned model gets right less often than the base, the largest loss first."""
    losses = {label: shares["zero_shot"] - shares["tuned"] for label, shares in by_label.items()}
    return sorted((label for label, loss in losses.items() if loss > 0), key=lambda label: (-losses[label], label))
