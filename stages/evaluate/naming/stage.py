"""The stage: names of held-out creatures, before and after, beside what is simpler."""

from pathlib import Path

from stages.adapter import check_adapter
from stages.evaluate.metrics import rounded, write_metrics
from stages.evaluate.naming.asking import ask_models
from stages.evaluate.naming.given import Given, Names, balanced
from stages.evaluate.naming.invention import Inventions
from stages.evaluate.naming.lines import prediction_lines, write_lines
from stages.evaluate.naming.methods import all_methods
from stages.evaluate.naming.results import Marking
from stages.evaluate.naming.table import naming_table
from stages.evaluate.provenance import kind_of_pictures
from stages.naming.recipe import NamingRecipe
from stages.params import UserError
from stages.record import read_rows
from stages.threads import set_threads
from stages.tokenize.naming.rows import read_tokenized


def run(
    params: NamingRecipe,
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

    `features`, `parent` and `synonyms` are placeholders: these recipes read text, start from the base, and a creature
    has one name.
    """
    set_threads()
    check_adapter(trained)  # before the long part
    train, test = read_tokenized(tokenized, "train"), read_tokenized(tokenized, "test")
    for split, rows in (("train", train), ("test", test)):
        if not rows:
            raise UserError(f"{tokenized} has no row of split {split}: look at the drops.csv of its described set.")
    settings = params.evaluate
    given = Given(
        params=params,
        base=base,
        trained=trained,
        train=train,
        test=test,
        names=Names.of(train, test),
        ranked=balanced(test, settings.ranked_rows or len(test), settings.seed),
    )
    methods = all_methods(given, ask_models(given))
    inventions = Inventions([row.name for row in train], [row.name for row in test], settings.seed)
    marking = Marking(given, methods, inventions)
    found = {"descriptions": kind_of_pictures(read_rows(curated)), **marking.metrics()}
    write_lines(predictions, prediction_lines(marking))
    write_metrics(metrics, dict(rounded(found)))
    print(naming_table(found))
