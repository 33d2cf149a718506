"""Answers, by every method: shares right, what the picture and the training add, by kind of question and by turn."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stages.chat.recipe import ChatRecipe
from stages.evaluate.captions import flat_scores
from stages.evaluate.chat.marking import loops, rouge_l, same, token_f1
from stages.evaluate.chat.rows import Asked
from stages.evaluate.chat.said import ASKED, MODELS, Said
from stages.evaluate.statistics import mcnemar, mean_interval

Answers = Mapping[str, Sequence[Said]]
Measure = Callable[[str, str], float]

CLOSED: dict[str, Measure] = {"exact": lambda said, answer: float(same(said, answer)), "f1": token_f1}
OPEN: dict[str, Measure] = {"rouge_l": rouge_l}
FEWEST = 5  # questions of a kind that is told apart
MOST_KINDS = 14
MOST_TURNS = 5  # turns that are told apart; later ones count in the whole
RIVALS = ("before", "withheld", "own_history", "usual")
REST = "other"


class Marks:
    """How well each method answers each question: by `exact` and `f1` where the answer is closed, else by `rouge_l`."""

    def __init__(self, params: ChatRecipe, asked: Sequence[Asked], answers: Answers) -> None:
        self.settings, self.asked = params.evaluate, asked
        self.closed = [place for place, one in enumerate(asked) if one.closed]
        self.open = [place for place, one in enumerate(asked) if not one.closed]
        self.values = {
            (name, measure): {place: mark(answers[name][place].text, asked[place].answer) for place in places}
            for name in ASKED
            if name in answers
            for measures, places in ((CLOSED, self.closed), (OPEN, self.open))
            for measure, mark in measures.items()
        }

    @property
    def methods(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.values))

    def score(self, name: str, less: str = "") -> dict[str, float]:
        """Means with intervals over entities; of `name` minus `less` on the same questions where that is given."""
        found = {}
        for measure in (*CLOSED, *OPEN):
            values = self.values[name, measure]
            if less:
                other = self.values[less, measure]
                values = {place: mark - other[place] for place, mark in values.items()}
            if values:
                entities = [self.asked[place].entity for place in values]
                settings = self.settings
                found[measure] = mean_interval(
                    list(values.values()), entities, settings.bootstrap_samples, settings.seed
                )
        return flat_scores(found)

    def shares(self, places: Sequence[int]) -> dict[str, float | int]:
        """How many closed questions stand at `places`, and each method's share right."""
        rights = {name: [self.values[name, "exact"][place] for place in places] for name in self.methods}
        return {"rows": len(places), **{name: sum(flags) / len(flags) for name, flags in rights.items()}}

    def right(self, name: str) -> list[bool]:
        """Of the closed questions, in order."""
        return [self.values[name, "exact"][place] == 1 for place in self.closed]

    def of(self, name: str, place: int) -> float:
        """1 or 0 of a closed question, ROUGE-L of an open one."""
        measure = "exact" if self.asked[place].closed else "rouge_l"
        return self.values[name, measure][place]


def question_metrics(marks: Marks) -> dict[str, Any]:
    """Shares of 0..1 with intervals over entities; every lead is paired on the same questions."""
    rivals = [name for name in RIVALS if name in marks.methods]
    tests = {name: mcnemar(marks.right(name), marks.right("trained")) for name in rivals} if marks.closed else {}
    return {
        "rows": len(marks.asked),
        "closed": len(marks.closed),
        "open": len(marks.open),
        "pictures": len({one.picture for one in marks.asked}),
        "entities": len({one.entity for one in marks.asked}),
        "methods": {name: marks.score(name) for name in marks.methods},
        "leads": {name: marks.score("trained", less=name) for name in rivals},
        "mcnemar": {name: {"b": test.b, "c": test.c, "p": test.p} for name, test in tests.items()},
        "by_kind": _groups(marks, _kinds(marks)),
        "by_turn": _groups(marks, _turns(marks)),
    }


def stopping(methods: Mapping[str, Sequence[Said]]) -> dict[str, dict[str, float | int]]:
    """Of what the models said: the share that ended by itself, the share that is stuck in a loop, the empty share."""
    return {
        name: {
            "rows": len(said),
            "ended": sum(one.ended for one in said) / len(said),
            "looping": sum(loops(one.text) for one in said) / len(said),
            "empty": sum(not one.text.strip() for one in said) / len(said),
        }
        for name, said in methods.items()
        if name in MODELS and said
    }


def _groups(marks: Marks, groups: Mapping[str, list[int]]) -> dict[str, dict[str, float | int]]:
    return {name: marks.shares(places) for name, places in groups.items()}


def _kinds(marks: Marks) -> dict[str, list[int]]:
    """Closed questions by their beginning, the frequent ones first; the rare ones together."""
    counts = Counter(marks.asked[place].about for place in marks.closed)
    told = [name for name, rows in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if rows >= FEWEST]
    groups: dict[str, list[int]] = {name: [] for name in told[:MOST_KINDS]}
    for place in marks.closed:
        groups.setdefault(marks.asked[place].about if marks.asked[place].about in groups else REST, []).append(place)
    return groups


def _turns(marks: Marks) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for place in marks.closed:
        if marks.asked[place].turn <= MOST_TURNS:
            groups.setdefault(str(marks.asked[place].turn), []).append(place)
    return dict(sorted(groups.items()))
