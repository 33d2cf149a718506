"""Captions, by every method: metrics, predictions, and the table on stdout."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from stages.evaluate.captions import CaptionScores, caption_scores, difference, flat_scores
from stages.evaluate.interleaved.asking import Questions, Respondent
from stages.evaluate.interleaved.given import Given
from stages.evaluate.interleaved.methods import Methods, ask_all
from stages.evaluate.interleaved.shallow import looks_of, nearest_captions
from stages.evaluate.interleaved.table import caption_table
from stages.interleaved.tasks import said

Captions = list[str]


def evaluate_captions(given: Given) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    """(metrics, one prediction a picture, the table)."""
    params = given.params

    def ask(respond: Respondent, questions: Questions, label: str) -> Captions:
        return [said(text) for text in respond.says(questions, label)]

    found = ask_all(params, given.base, given.trained, given.train, given.test, given.views, given.vectors, ask)
    captions = _by_method(given, found)
    scores = {name: _scores(given, texts) for name, texts in captions.items()}
    metrics = _metrics(given, scores)
    return metrics, [_line(given, place, captions, metrics) for place in range(len(given.test))], caption_table(metrics)


def _by_method(given: Given, found: Methods[Captions]) -> dict[str, Captions]:
    """Method -> a caption for each picture."""
    known, asked = looks_of(given.train, given.views), looks_of(given.test, given.views)
    texts = [row.references[0] for row in given.train]
    usual = Counter(texts)
    shallow = {look: nearest_captions(look, known[look], texts, asked[look]) for look in known}
    few_shot = {
        f"{shots}_shot_{number}": captions
        for shots, seeds in found.by_shots
        for number, captions in enumerate(seeds, start=1)
    }
    return {
        "usual": [min(usual, key=lambda text: (-usual[text], text))] * len(given.test),
        **shallow,
        "blind": found.blind,
        "zero_shot": found.zero_shot,
        **few_shot,
        "tuned": found.tuned,
    }


def _scores(given: Given, captions: Captions) -> CaptionScores:
    references = [row.references for row in given.test]
    settings = given.params.evaluate
    return caption_scores(captions, references, given.entities, settings.bootstrap_samples, settings.seed)


def _metrics(given: Given, scores: Mapping[str, CaptionScores]) -> dict[str, Any]:
    """`few_shot` is the number of examples and the seed that did best on these very pictures: it flatters few-shot."""
    settings = given.params.evaluate
    shots = [name for name in scores if "_shot_" in name]
    best = max(shots, key=lambda name: scores[name].scores["cider"].mean, default="")
    leads = {
        name: flat_scores(
            difference(
                scores["tuned"].each, scores[other].each, given.entities, settings.bootstrap_samples, settings.seed
            )
        )
        for name, other in (("zero_shot", "zero_shot"), ("few_shot", best), *((one, one) for one in SHALLOW))
        if other
    }
    return {
        "task": "caption",
        "rows": len(given.test),
        "entities": len(set(given.entities)),
        "references": sum(len(row.references) for row in given.test),
        "captioning": {name: found.flat() for name, found in scores.items()},
        "best_few_shot": best,
        "tuned_over": leads,
    }


SHALLOW = ("usual", "histogram", "thumbnail", "blind")


def _line(given: Given, place: int, captions: Mapping[str, Captions], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """One test picture; `few_shot` is the best few-shot method's caption."""
    row, best = given.test[place], metrics["best_few_shot"]
    line: dict[str, Any] = {
        "id": row.id,
        "label": row.label,
        "entity": row.entity,
        "references": list(row.references),
        "zero_shot": captions["zero_shot"][place],
    }
    if best:
        line["few_shot"] = captions[best][place]
    return line | {name: captions[name][place] for name in ("tuned", *SHALLOW)}
