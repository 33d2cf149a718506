"""From answers and scores to the metrics file: every method on identical rows, intervals over entities."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.evaluate.naming.given import Given
from stages.evaluate.naming.invention import Inventions
from stages.evaluate.naming.methods import Methods
from stages.evaluate.naming.names import edit_similarity, normalised
from stages.evaluate.naming.ranking import chance, named, ranks, recall, scored
from stages.evaluate.naming.table import BASELINES
from stages.evaluate.statistics import mcnemar, mean_interval

WRITERS = ("zero_shot", "tuned")  # whose inventions are judged
Ranks = dict[str, NDArray[np.int64]]


class Marking:
    """Marks answers and ranks of one set of rows."""

    def __init__(self, given: Given, methods: Methods, inventions: Inventions) -> None:
        self.given, self.methods, self.inventions = given, methods, inventions
        self.settings = given.params.evaluate
        self.at = sorted(self.settings.at)
        true = [given.true_columns[place] for place in given.ranked]
        self.ranks: Ranks = {name: ranks(one, true, self.settings.seed) for name, one in methods.scores.items()}

    def exact(self, method: str) -> list[bool]:
        pairs = zip(self.methods.answers[method], self.given.test, strict=True)
        return [normalised(said) == normalised(row.name) for said, row in pairs]

    def metrics(self) -> dict[str, Any]:
        """All of it; shares are 0 to 1, and x_low and x_high the 95 % interval of x."""
        given, names = self.given, len(self.given.names)
        return {
            "task": "name",
            "rows": len(given.test),
            "entities": len(set(given.entities)),
            "names": names,
            "new_names": len(given.names.new),
            "at": self.at,
            "answers": {name: self._answers(name) for name in self.methods.answers},
            "invented": {name: self._invented(name) for name in WRITERS},
            "rules": {script: asdict(rule) for script, rule in self.inventions.rules.items()},
            "ranking": {
                "rows": len(given.ranked),
                "entities": len(set(self._ranked(given.entities))),
                "methods": {"chance": chance(names, self.at), **{name: self._scored(name) for name in self.ranks}},
                "among_new": self._among_new(),
            },
            "tuned_over": {name: self._lead(name) for name in BASELINES},
            "by_language": self._by_language(),
        }

    def _answers(self, method: str) -> dict[str, Any]:
        said = self.methods.answers[method]
        exact = [float(right) for right in self.exact(method)]
        alike = [edit_similarity(one, row.name) for one, row in zip(said, self.given.test, strict=True)]
        found = self._interval("exact", exact) | self._interval("edit_similarity", alike)
        if method in self.methods.ended:
            single = [float(self.inventions.judge(one).one_name) for one in said]
            ended = [float(one) for one in self.methods.ended[method]]
            found |= self._interval("one_name", single) | self._interval("ended", ended)
        return {**found, "distinct": len({normalised(one) for one in said}) / len(said)}

    def _invented(self, method: str) -> dict[str, Any]:
        """Of the answers that aren't the true name; null shares where there is none."""
        answers, right = self.methods.answers[method], self.exact(method)
        places = [place for place, one in enumerate(right) if not one]
        if not places:
            return {"rows": 0}
        verdicts = [self.inventions.judge(answers[place]) for place in places]
        entities = [self.given.entities[place] for place in places]
        shares = {
            "new": [one.new for one in verdicts],
            "pronounceable": [one.pronounceable for one in verdicts],
            "usual_length": [one.usual_length for one in verdicts],
            "valid": [one.valid for one in verdicts],
            "new_and_valid": [one.new and one.valid for one in verdicts],
        }
        found: dict[str, Any] = {"rows": len(places)}
        for name, flags in shares.items():
            found |= self._interval(name, [float(flag) for flag in flags], entities)
        return {**found, "distinct": len({normalised(answers[place]) for place in places}) / len(places)}

    def _scored(self, method: str) -> dict[str, Any]:
        entities = self._ranked(self.given.entities)
        samples, seed = self.settings.bootstrap_samples, self.settings.seed
        return scored(self.ranks[method], len(self.given.names), self.at, entities, samples, seed)

    def _among_new(self) -> dict[str, Any]:
        """R@k among the names that no training row has: what is left when known names are ruled out."""
        new = list(self.given.names.new)
        place_of = {column: place for place, column in enumerate(new)}
        true = self._ranked(self.given.true_columns)
        rows = [row for row, column in enumerate(true) if column in place_of]
        if not rows:
            return {"rows": 0}
        columns = [place_of[true[row]] for row in rows]
        found: dict[str, Any] = {"chance": {f"r_at_{k}": min(1.0, k / len(new)) for k in self.at}}
        for name, scores in self.methods.scores.items():
            placed = ranks(scores[np.ix_(rows, new)], columns, self.settings.seed)
            found[name] = {f"r_at_{k}": float(recall(placed, k).mean()) for k in self.at}
        return {"rows": len(rows), "methods": found}

    def _lead(self, baseline: str) -> dict[str, Any]:
        """What tuned has over `baseline` on the same rows, with paired intervals; McNemar's test on exact match."""
        entities = self._ranked(self.given.entities)
        found: dict[str, Any] = {}
        by_chance = chance(len(self.given.names), self.at)
        for k in self.at:
            mine = recall(self.ranks["tuned"], k)
            theirs = by_chance[f"r_at_{k}"] if baseline == "chance" else recall(self.ranks[baseline], k)
            found |= self._interval(f"r_at_{k}", (mine - theirs).tolist(), entities)
        theirs = by_chance["mrr"] if baseline == "chance" else 1 / self.ranks[baseline]
        found |= self._interval("mrr", (1 / self.ranks["tuned"] - theirs).tolist(), entities)
        right = self.exact("tuned")
        if baseline == "chance":
            return found | self._interval("exact", [one - 1 / len(self.given.names) for one in right])
        before = self.exact(baseline)
        lead = [float(one) - float(other) for one, other in zip(right, before, strict=True)]
        return {**found, **self._interval("exact", lead), "mcnemar": asdict(mcnemar(before, right))}

    def _by_language(self) -> dict[str, Any]:
        """Ranked among all names as everywhere; `names` are those of the language, training rows' included."""
        rows = [*self.given.train, *self.given.test]
        ranked, right = self._ranked(self.given.test), self.exact("tuned")
        found: dict[str, Any] = {}
        for language in sorted({row.language for row in self.given.test}):
            own = [place for place, row in enumerate(self.given.test) if row.language == language]
            asked = [place for place, row in enumerate(ranked) if row.language == language]
            names = {normalised(row.name) for row in rows if row.language == language}
            found[language] = {
                "rows": len(own),
                "names": len(names),
                "exact": sum(right[place] for place in own) / len(own),
            }
            if asked:
                found[language] |= {f"r_at_{k}": float(recall(self.ranks["tuned"][asked], k).mean()) for k in self.at}
        return found

    def _interval(self, name: str, values: list[float], entities: list[str] | None = None) -> dict[str, float]:
        samples, seed = self.settings.bootstrap_samples, self.settings.seed
        return named(name, mean_interval(values, entities or self.given.entities, samples, seed))

    def _ranked(self, values: Sequence[Any]) -> list[Any]:
        return [values[place] for place in self.given.ranked]
