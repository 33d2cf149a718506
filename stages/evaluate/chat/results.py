"""What was said, scored: the metrics of a step, and one line a caption or a question."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.evaluate.chat.caption_results import caption_metrics
from stages.evaluate.chat.given import Given
from stages.evaluate.chat.question_results import Marks, question_metrics, stopping
from stages.evaluate.chat.said import MODELS, Said
from stages.evaluate.provenance import kind_of_pictures

Methods = Mapping[str, Sequence[Said]]


def score(given: Given, captions: Methods, answers: Methods) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics, lines) of what each method said of every picture, and to every question."""
    marks = Marks(given.params, given.asked, answers)
    metrics = {
        "task": given.params.task,
        "pictures": kind_of_pictures(given.records.values()),
        "rows": len({one.picture for one in given.pictures} | {one.picture for one in given.asked}),
        "captions": _caption_part(given, captions) if given.pictures else None,
        "questions": question_metrics(marks) if given.asked else None,
        "stopping": {
            what: stopping(said)
            for what, said, rows in (("captions", captions, given.pictures), ("answers", answers, given.asked))
            if rows
        },
    }
    return metrics, [*_caption_lines(given, captions), *_question_lines(given, answers, marks)]


def _caption_part(given: Given, captions: Methods) -> dict[str, Any]:
    return {"prompt": given.prompt, **caption_metrics(given.params, given.pictures, captions)}


def _caption_lines(given: Given, captions: Methods) -> list[dict[str, Any]]:
    return [
        {
            "kind": "caption",
            "id": given.records[one.picture].id,
            "picture": one.picture,
            "entity": one.entity,
            "references": list(one.references),
            **_said(captions, place),
        }
        for place, one in enumerate(given.pictures)
    ]


def _question_lines(given: Given, answers: Methods, marks: Marks) -> list[dict[str, Any]]:
    """`marks`: of a closed question 1 or 0, of an open one ROUGE-L."""
    return [
        {
            "kind": "question",
            "id": given.records[one.picture].id,
            "conversation": one.conversation,
            "picture": one.picture,
            "entity": one.entity,
            "turn": one.turn,
            "question": one.question,
            "answer": one.answer,
            "closed": one.closed,
            "about": one.about,
            **_said(answers, place),
            "marks": {name: round(marks.of(name, place), 4) for name in marks.methods},
        }
        for place, one in enumerate(given.asked)
    ]


def _said(methods: Methods, place: int) -> dict[str, Any]:
    """What each method said at `place`, and whether each model ended it."""
    return {
        "said": {name: said[place].text for name, said in sorted(methods.items())},
        "ended": {name: methods[name][place].ended for name in MODELS if name in methods},
    }
