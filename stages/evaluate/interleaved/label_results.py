"""Labels, by every method: metrics, predictions, and the table on stdout."""

from dataclasses import replace
from typing import Any

from stages.evaluate.interleaved.asking import Questions, Respondent
from stages.evaluate.interleaved.given import Given
from stages.evaluate.interleaved.labels import Answers, Marking, worse
from stages.evaluate.interleaved.methods import Methods, ask_all
from stages.evaluate.interleaved.shallow import looks_of, majority, nearest_labels
from stages.evaluate.interleaved.table import label_table
from stages.interleaved.tasks import LabelTask, read_synonyms
from stages.interleaved.templates import frame
from stages.tokenize.interleaved.rows import TokenizedRow

Found = tuple[dict[str, Any], list[dict[str, Any]], str]


def evaluate_labels(given: Given) -> Found:
    """(metrics, one prediction a picture, the table)."""
    params, settings = given.params, given.params.evaluate
    synonyms = read_synonyms(given.synonyms / f"{settings.synonyms}.csv") if settings.synonyms != "none" else {}
    task = LabelTask(synonyms, frame(params.tokenize, params.task))
    labels = sorted({row.label for row in given.train})
    choices = [_choice(given, label) for label in labels]

    def ask(respond: Respondent, questions: Questions, label: str) -> Answers:
        said = chosen = None
        if settings.scoring != "closed":
            said = respond.says(questions, label)
        if settings.scoring != "generation":
            chosen = [labels[place] for place in respond.chooses(questions, choices, f"{label}, choosing")]
        return Answers(said, chosen)

    found = ask_all(params, given.base, given.trained, given.train, given.test, given.views, given.vectors, ask)
    shallow = _shallow(given)
    marking = Marking(task, [row.label for row in given.test], given.entities, settings)
    metrics = _metrics(marking, found, shallow, labels)
    lines = [_line(place, row, found, shallow, marking) for place, row in enumerate(given.test)]
    return metrics, lines, label_table(metrics)


def _choice(given: Given, label: str) -> tuple[int, ...]:
    """The tokens of a label as an answer. Its end (the template's full stop, else </s>) belongs to it: ski, skiing."""
    row = next(row for row in given.train if row.label == label)
    ends_itself = bool(frame(given.params.tokenize, given.params.task)[1].strip())
    return row.suffix_ids[:-1] if ends_itself else row.suffix_ids


def _shallow(given: Given) -> dict[str, list[str]]:
    """What each method without a model answers to every question."""
    taught = [row.label for row in given.train]
    known, asked = looks_of(given.train, given.views), looks_of(given.test, given.views)
    answers = {look: nearest_labels(look, known[look], taught, asked[look]) for look in known}
    return {"majority": [majority(taught)] * len(given.test), **answers}


def _metrics(
    marking: Marking, found: Methods[Answers], shallow: dict[str, list[str]], labels: list[str]
) -> dict[str, Any]:
    """Shares of 0..1 with intervals over entities; what is led by how much is paired on the same rows."""
    rules = marking.right(found.tuned)
    main = next(iter(rules))
    by_label = marking.by_label({"zero_shot": found.zero_shot, "tuned": found.tuned}, main)
    best = max((shots for shots, _ in found.by_shots), key=lambda shots: _mean(marking, found, shots, main), default=0)
    return {
        "task": "label",
        "rows": len(marking.labels),
        "entities": len(set(marking.entities)),
        "classes": len(labels),
        "chance": 1 / len(labels),
        "rule": main,
        **{name: marking.score(_said(answers, found.tuned)) for name, answers in shallow.items()},
        "blind": marking.score(found.blind),
        "zero_shot": marking.score(found.zero_shot),
        "few_shot": {str(shots): marking.score_seeds(seeds) for shots, seeds in found.by_shots},
        "tuned": marking.score(found.tuned),
        "lift": marking.lead(found.tuned, [found.zero_shot]),
        "mcnemar": marking.paired_test(found.zero_shot, found.tuned),
        **({"best_shots": best, "over_few_shot": marking.lead(found.tuned, found.few_shot[best])} if best else {}),
        "by_label": by_label,
        "worse": worse(by_label),
        "confusion": {
            "rule": main,
            "zero_shot": marking.confusion(found.zero_shot, labels, main),
            "tuned": marking.confusion(found.tuned, labels, main),
        },
    }


def _said(answers: list[str], like: Answers) -> Answers:
    """A method that names labels, marked by the rules that mark `like`."""
    return replace(like, said=answers if like.said is not None else None, chosen=answers if like.chosen else None)


def _mean(marking: Marking, found: Methods[Answers], shots: int, rule: str) -> float:
    flags = [marking.right(seed)[rule] for seed in found.few_shot[shots]]
    return sum(sum(one) for one in flags) / len(flags)


def _line(
    place: int, row: TokenizedRow, found: Methods[Answers], shallow: dict[str, list[str]], marking: Marking
) -> dict[str, Any]:
    """One test picture and what each method answered; few-shot as the first seed had it."""
    line: dict[str, Any] = {"id": row.id, "label": row.label, "entity": row.entity}
    methods = {"zero_shot": found.zero_shot, "tuned": found.tuned, "blind": found.blind}
    methods |= {f"{shots}_shot": seeds[0] for shots, seeds in found.by_shots}
    for name, answers in methods.items():
        if answers.said is not None:
            line[name] = answers.said[place]
        if answers.chosen is not None:
            line[f"{name}_chosen"] = answers.chosen[place]
    for name in ("zero_shot", "tuned"):
        line[f"{name}_correct"] = {rule: flags[place] for rule, flags in marking.right(methods[name]).items()}
    return line | {name: answers[place] for name, answers in shallow.items() if name != "majority"}
