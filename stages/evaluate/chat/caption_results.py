"""Captions, by every method, against all that people wrote of the picture."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.chat.recipe import ChatRecipe
from stages.evaluate.captions import caption_scores, difference, flat_scores
from stages.evaluate.chat.rows import Captioned
from stages.evaluate.chat.said import CAPTIONED, Said

RIVALS = ("before", "withheld", "nearest", "central")


def caption_metrics(
    params: ChatRecipe, pictures: Sequence[Captioned], captions: Mapping[str, Sequence[Said]]
) -> dict[str, Any]:
    """BLEU-4 (0 to 100), CIDEr (0 to 10) and ROUGE-L (0 to 1) of every method, and what trained has over each."""
    settings, entities = params.evaluate, [one.entity for one in pictures]
    references = [one.references for one in pictures]
    bootstrap = settings.bootstrap_samples, settings.seed
    scores = {
        name: caption_scores([one.text for one in captions[name]], references, entities, *bootstrap)
        for name in CAPTIONED
        if name in captions
    }
    leads = {
        name: flat_scores(difference(scores["trained"].each, scores[name].each, entities, *bootstrap))
        for name in RIVALS
        if name in scores
    }
    return {
        "pictures": len(pictures),
        "entities": len(set(entities)),
        "references": sum(map(len, references)),
        "methods": {name: found.flat() for name, found in scores.items()},
        "leads": leads,
    }
