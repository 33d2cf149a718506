"""The stage: labels or captions of held-out pictures, before and after, beside what is simpler."""

from pathlib import Path
from typing import Any

from stages.adapter import check_adapter
from stages.evaluate.interleaved.caption_results import evaluate_captions
from stages.evaluate.interleaved.given import Given
from stages.evaluate.interleaved.label_results import evaluate_labels
from stages.evaluate.interleaved.methods import vectors_of
from stages.evaluate.metrics import rounded, write_metrics
from stages.evaluate.provenance import kind_of_pictures
from stages.interleaved.model import Views
from stages.interleaved.recipe import InterleavedRecipe
from stages.params import UserError
from stages.record import read_rows
from stages.shards import ShardReader
from stages.threads import set_threads
from stages.tokenize.interleaved.rows import read_tokenized


def run(
    params: InterleavedRecipe,
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
    """Score the base before and after the adapter in `trained`; write metrics JSON and predictions JSONL.

    `synonyms` is the folder with the CSV that `evaluate.synonyms` names; `parent` is a placeholder: these recipes
    start from the base.
    """
    set_threads()
    check_adapter(trained)  # before the long part
    train, test = read_tokenized(tokenized, "train"), read_tokenized(tokenized, "test")
    for split, rows in (("train", train), ("test", test)):
        if not rows:
            raise UserError(f"{tokenized} has no row of split {split}: look at the drops.csv of its curated set.")
    records = {record.id: record for record in read_rows(curated)}
    with ShardReader(tokenized) as shards:
        given = Given(
            params=params,
            base=base,
            trained=trained,
            synonyms=synonyms,
            train=train,
            test=test,
            views=Views(shards),
            vectors=vectors_of(params, features, records),
        )
        found, lines, table = (evaluate_labels if params.task == "label" else evaluate_captions)(given)
    drawn = kind_of_pictures(records.values())
    write_lines(predictions, lines)
    write_metrics(metrics, dict(rounded({"pictures": drawn, **found})))
    print(table)


def write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    """One JSON line a test picture."""
    import json

    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
