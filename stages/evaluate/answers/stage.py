"""Evaluate: zero-shot, tuned, blind and shallow baselines on the same test rows, in the same order."""

from pathlib import Path
from typing import Any

from stages.adapter import attach, check_adapter
from stages.answers.recipe import AnswerRecipe
from stages.answers.tasks import TASKS
from stages.bases import load_processor, load_quantised, pick_device
from stages.evaluate.answers.baselines import majority, nearest_labels, thumbnails, white
from stages.evaluate.answers.generation import answer
from stages.evaluate.answers.published import held_out, not_the_same_rows
from stages.evaluate.answers.results import Outcome, metrics_of, write_predictions
from stages.evaluate.answers.table import side_by_side
from stages.evaluate.metrics import write_metrics
from stages.generated import Answer
from stages.params import UserError
from stages.record import read_manifest, read_rows
from stages.shards import ShardReader
from stages.threads import set_threads
from stages.tokenize.answers.rows import TokenizedRow, read_tokenized


def run(
    params: AnswerRecipe,
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

    `features`, `parent` and `synonyms` are placeholders here: these recipes read their pictures, start from the base,
    and have one name for each answer.
    """
    set_threads()
    check_adapter(trained)  # before the long part
    task = TASKS[params.task]
    train, test = read_tokenized(tokenized, "train"), read_tokenized(tokenized, "test")
    for split, rows in (("train", train), ("test", test)):
        if not rows:
            raise UserError(f"{tokenized} has no row of split {split}: look at the drops.csv of its curated set.")
    records = {record.id: record for record in read_rows(curated)}
    with ShardReader(tokenized) as views:
        neighbours = _thumbnail_knn(train, test, views)
        zero_shot, tuned, blind = _answers(params, base, trained, test, views)
    outcomes = [
        Outcome(records[row.id], row.label, zero_shot[i], tuned[i], blind[i].text, neighbours[i])
        for i, row in enumerate(test)
    ]
    withheld = held_out(read_manifest(curated).get("split"))
    found = metrics_of(outcomes, task, majority([row.label for row in train]), withheld, params.evaluate)
    write_predictions(predictions, outcomes, task)
    write_metrics(metrics, found)
    print(side_by_side(found, task.rules[0], not_the_same_rows(found["pictures"], found["held_out"])))


def _answers(
    params: AnswerRecipe, base: Path, trained: Path, rows: list[TokenizedRow], views: ShardReader
) -> tuple[list[Answer], list[Answer], list[Answer]]:
    """Answers to `rows`: zero-shot; tuned; and tuned but shown an empty view."""
    processor = load_processor(base, params.model)
    model = load_quantised(base, params.model, params.train, pick_device(params.evaluate.device))
    settings: dict[str, Any] = {
        "batch_size": params.evaluate.batch_size,
        "max_new_tokens": params.evaluate.max_new_tokens,
    }
    prefixes = [row.prefix_ids for row in rows]

    def picture(i: int) -> Any:
        return rows[i].picture(views)

    zero_shot = answer(model, processor, prefixes, picture, label="zero-shot", **settings)
    model = attach(model, trained)
    tuned = answer(model, processor, prefixes, picture, label="tuned", **settings)
    # Without a picture, rows of one prompt and size are one and the same input: it is asked once.
    inputs = [(row.prefix_ids, (row.view.width, row.view.height)) for row in rows]
    distinct = sorted(set(inputs))
    empty = [white(size) for _, size in distinct]
    said = answer(model, processor, [prefix for prefix, _ in distinct], empty.__getitem__, label="blind", **settings)
    by_input = dict(zip(distinct, said, strict=True))
    return zero_shot, tuned, [by_input[one] for one in inputs]


def _thumbnail_knn(train: list[TokenizedRow], test: list[TokenizedRow], views: ShardReader) -> list[str]:
    from tqdm import tqdm

    known = thumbnails(row.picture(views) for row in tqdm(train, desc="thumbnails", unit="row"))
    return nearest_labels(known, [row.label for row in train], thumbnails(row.picture(views) for row in test))
