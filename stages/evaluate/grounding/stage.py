"""The stage: retrieval, captions and dialogues on held-out pictures, before and after, beside what is simpler."""

from pathlib import Path
from typing import Any

from stages.bases import pick_device
from stages.evaluate.grounding.asking import Asked
from stages.evaluate.grounding.dialogue import usual_answers
from stages.evaluate.grounding.probe import fit_probe, pictures_by_text, score_probe
from stages.evaluate.grounding.results import Results, metrics_of, write_predictions
from stages.evaluate.grounding.rows import Rows, read_split
from stages.evaluate.grounding.shallow import (
    blind,
    captions_by_picture,
    nearest_captions,
    typical_captions,
    typical_pictures,
)
from stages.evaluate.grounding.shallow import pictures_by_text as pictures_by_looks
from stages.evaluate.grounding.table import summary
from stages.evaluate.looks import LOOKS
from stages.evaluate.metrics import rounded, write_metrics
from stages.features.store import read_features
from stages.features.tower import identity_of
from stages.grounding.adapter import load_adapter, read_shell
from stages.grounding.recipe import GroundingRecipe
from stages.threads import set_threads
from stages.tokenize.grounding.encode import Marks


def run(
    params: GroundingRecipe,
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
    """Score FROMAGe as it starts (an untrained shell, or `parent`) and as `trained` has it; write both files.

    `synonyms` is a placeholder here: retrieval names nothing.
    """
    set_threads()
    read_shell(trained)  # before the long part
    cached = read_features(features, identity_of(base, params.model.vision))
    train, test = read_split("train", tokenized, curated, cached), read_split("test", tokenized, curated, cached)
    results = Results(test)
    _shallow(train, test, results)
    probed = _probe(train, test, results)
    results.add("clip", _by_clip(params, base, test))
    _by_fromage(params, base, parent, trained, train, test, results)
    found = metrics_of(results, train, params.evaluate) | {"probe": rounded(probed)}
    write_predictions(predictions, results)
    write_metrics(metrics, found)
    print(summary(found))


def _shallow(train: Rows, test: Rows, results: Results) -> None:
    """What can be had without a model: no look at the query, colours, thumbnails, the usual answer."""
    known, asked = train.looks, test.looks
    for look in LOOKS:
        results.add(look, pictures_by_looks(known, asked, look), captions_by_picture(known, asked, look))
        results.captions[look] = nearest_captions(known, asked, look)
    usual_pictures = blind(typical_pictures(known, asked, "histogram"), len(test.captions))
    results.add("blind", usual_pictures, blind(typical_captions(known, asked), len(test.records)))
    if test.dialogues:
        results.answers["usual"] = usual_answers(train.dialogues, test.dialogues)


def _probe(train: Rows, test: Rows, results: Results) -> dict[str, Any]:
    """What a linear probe reads off the same features; why there is none, where the captions have too few words."""
    try:
        probe = fit_probe(train.features, train.texts, train.entities)
        scores = score_probe(probe, test.features, test.texts, test.entities)
    except ValueError as error:
        return {"left_out": str(error)}
    results.add("probe", pictures_by_text(probe, [row.text for row in test.captions], test.features))
    return dict(scores.flat())


def _by_clip(params: GroundingRecipe, base: Path, test: Rows) -> Any:
    """The frozen CLIP's own similarity, (captions, pictures)."""
    import torch

    from stages.grounding.towers import load_clip_text

    device = pick_device(params.evaluate.device)
    clip = load_clip_text(base / "vision", params.model.vision, dtype="float32", device=device)
    texts = clip.texts([row.text for row in test.captions])
    return (texts @ clip.images(torch.from_numpy(test.features)).T).cpu().numpy()


def _by_fromage(
    params: GroundingRecipe, base: Path, parent: Path, trained: Path, train: Rows, test: Rows, results: Results
) -> None:
    """Retrieval, captions and answers before and after, and after without the picture."""
    import numpy as np

    from stages.grounding.build import build

    model, tokenizer = build(params, base, test.features.shape[1], pick_device(params.evaluate.device))
    settings = params.evaluate
    marks = Marks.of(tokenizer, params.train.visual_tokens)
    asked = Asked(model, tokenizer, marks, settings.batch_size, settings.max_new_tokens)
    at_dialogues = test.features[[test.number[row.id] for row in test.dialogues]]
    for name, adapter in (("before", parent if params.parent != "none" else None), ("tuned", trained)):
        if adapter is not None:
            load_adapter(model, adapter)
        model.eval()
        texts = asked.texts(test.captions, f"{name}: texts")
        results.add(name, texts @ asked.pictures(test.features).T)
        results.captions[name] = asked.captions(test.features, f"{name}: captions")
        if test.dialogues:
            results.answers[name] = asked.dialogues(test.dialogues, at_dialogues, f"{name}: dialogues")
    nothing = train.features.mean(axis=0, keepdims=True)  # a picture like all pictures: what a blind one sees
    results.captions["unseen"] = asked.captions(nothing, "without picture: caption") * len(test.records)
    if test.dialogues:
        blank = np.repeat(nothing, len(test.dialogues), axis=0)
        results.answers["unseen"] = asked.dialogues(test.dialogues, blank, "without picture: dialogues")
