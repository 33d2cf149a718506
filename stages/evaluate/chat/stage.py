"""The stage: captions and answers about held-out pictures, before and after a step, with and without the picture."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.bases import pick_device
from stages.chat.recipe import ChatRecipe
from stages.evaluate.chat.baselines import UsualAnswers, central_caption, nearest
from stages.evaluate.chat.given import Given, pooled, read_given
from stages.evaluate.chat.methods import ask_before, ask_trained, check_adapters
from stages.evaluate.chat.results import score
from stages.evaluate.chat.said import Said, quoted
from stages.evaluate.chat.table import summary
from stages.evaluate.metrics import rounded, write_metrics
from stages.features.patches import read_patches
from stages.features.tower import identity_of
from stages.record import read_rows
from stages.threads import set_threads


def run(
    params: ChatRecipe,
    *,
    tokenized: Path,
    curated: Path,
    features: Path,
    base: Path,
    parent: Path,
    trained: Path,
    synonyms: Path,
    metrics: Path,
    predictions: Path,
) -> None:
    """Score `parent` (an untrained projector where there is none) and `trained`; write metrics JSON and JSONL lines.

    `synonyms` is a placeholder: answers are marked by their own words.
    """
    set_threads()
    check_adapters(params.base, trained, *([] if params.parent == "none" else [parent]))
    records = read_rows(curated)
    patches = read_patches(features, identity_of(base, params.model.vision))
    given = read_given(params, tokenized, records, patches)
    device = pick_device(params.evaluate.device)
    # one after the other, so that two language models are never in memory
    before = ask_before(given, base, parent, device)
    after = ask_trained(given, base, trained, device)
    captions, answers = before.captions | after.captions, before.answers | after.answers
    if given.pictures:
        captions |= _caption_baselines(given)
    if given.asked:
        usual = UsualAnswers(given.answers)
        answers["usual"] = quoted([usual(one.question) for one in given.asked])
    found, lines = score(given, captions, answers)
    write_lines(predictions, lines)
    write_metrics(metrics, rounded(found))
    print(summary(found))


def _caption_baselines(given: Given) -> dict[str, list[Said]]:
    """What needs no language model: one caption for all, and that of the training picture whose patches are nearest."""
    captions = dict(reversed(given.captions))  # of a picture with several captions the first
    pictures = list(captions)
    places = nearest(pooled(given, pictures), pooled(given, [one.picture for one in given.pictures]))
    central = central_caption([text for _, text in given.captions])
    return {
        "central": quoted([central] * len(given.pictures)),
        "nearest": quoted([captions[pictures[place]] for place in places]),
    }


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """One JSON line a caption or a question."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
