"""List the recipes, print one's results, or add one: a new row with other data or another base."""

import argparse
import json
import sys
from pathlib import Path

from stages.answers.recipe import AnswerRecipe
from stages.chat.recipe import ChatRecipe
from stages.cli.columns import columns
from stages.cli.parameters import Available, available, recipe_row, section, typed_recipe
from stages.entry import require
from stages.interleaved.recipe import InterleavedRecipe
from stages.naming.recipe import NamingRecipe
from stages.params import UserError
from stages.recipe import Model


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="list|results|add")
    verbs.add_parser("list", help="the recipes, and the models that one can be added for").set_defaults(command=show)
    printing = verbs.add_parser("results", help="the numbers of the last evaluation, and where the page is")
    printing.set_defaults(command=results)
    printing.add_argument("name", metavar="RECIPE")
    adding = verbs.add_parser("add", help="write a new row under `recipes:` in params.yaml")
    adding.set_defaults(command=_add)
    adding.add_argument("name", metavar="NAME", help="small letters, digits and _")
    adding.add_argument("--like", required=True, metavar="RECIPE", help="the recipe to start from")
    adding.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="a folder of pictures: class folders, captions, or a table; a naming recipe's: a table, or its folder",
    )
    adding.add_argument("--table", metavar="FILE", help="the table in DIR, where there are several")
    adding.add_argument("--label-column", metavar="COLUMN", help="of the table in DIR (default: label)")
    adding.add_argument("--text-column", metavar="COLUMN", help="of its captions, for a caption recipe (default: text)")
    adding.add_argument(
        "--entity-column", metavar="COLUMN", help="what train and test must not share (default: the picture)"
    )
    adding.add_argument("--conversations", metavar="FILE", help="of a chat recipe: LLaVA's JSON in DIR, if several")
    adding.add_argument("--base", metavar="ID", help="a hub id, or a folder in models/base")
    adding.add_argument("--revision", metavar="SHA", help="the hub commit to pin (40 hex digits)")
    adding.add_argument("--dataset", metavar="NAME", help="a set that is there: a row under `caption:` (or `curate:`)")
    adding.add_argument("--vision", metavar="ID", help="of a grounding or chat recipe: the tower's hub id")
    adding.add_argument("--vision-revision", metavar="SHA", help="the tower's hub commit")


def show(_: argparse.Namespace) -> int:
    """Print both tables; a row that isn't valid is listed as such, and the exit status is 1."""
    complaints: list[str] = []
    rows = [_recipe_cells(name, row, complaints) for name, row in section("recipes").items()]
    print(columns([("RECIPE", "TASK", "MODEL", "DATA", "ADAPTER", "REPORT"), *rows]))
    models = [_available_cells(model, row) for model, row in available().items()]
    if models:
        print("\nMore models: plumbline recipe add NAME --like RECIPE --base MODEL")
        print(columns([("MODEL", "ARCHITECTURE", "PARAMETERS", "NEEDS"), *models]))
    for complaint in complaints:
        print(f"error: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def results(given: argparse.Namespace) -> int:
    """Print the table of reports/metrics/RECIPE.json, and the report's path."""
    recipe = typed_recipe(given.name, recipe_row(given.name))
    metrics = require(Path(f"reports/metrics/{given.name}.json"), f"run `dvc repro report@{given.name}`.")
    found = json.loads(metrics.read_text(encoding="utf-8"))
    if isinstance(recipe, AnswerRecipe):
        from stages.answers.tasks import TASKS  # these bring pyarrow and numpy
        from stages.evaluate.answers.published import not_the_same_rows
        from stages.evaluate.answers.table import side_by_side

        print(side_by_side(found, TASKS[recipe.task].rules[0], not_the_same_rows(found["pictures"], found["held_out"])))
    elif isinstance(recipe, InterleavedRecipe):
        from stages.evaluate.interleaved.table import caption_table, label_table

        print((label_table if recipe.task == "label" else caption_table)(found))
    elif isinstance(recipe, NamingRecipe):
        from stages.evaluate.naming.table import naming_table

        print(naming_table(found))
    elif isinstance(recipe, ChatRecipe):
        from stages.evaluate.chat.table import summary as chat_summary

        print(chat_summary(found))
    else:
        from stages.evaluate.grounding.table import summary

        print(summary(found))
    report = Path(f"reports/html/{given.name}.html")
    print(f"report: {require(report, f'run `dvc repro report@{given.name}`.').resolve()}")
    return 0


def _recipe_cells(name: str, row: object, complaints: list[str]) -> tuple[str, ...]:
    try:
        recipe = typed_recipe(name, row)
    except UserError as error:
        complaints.append(str(error))
        return (name, "not valid, see below", "", "", "", "")
    model = " + ".join(dict.fromkeys(map(_named, recipe.models)))
    trained = Path("models/trained") / name
    adapter = any((trained / file).is_file() for file in ("adapter_model.safetensors", "projector.safetensors"))
    report = Path("reports/html") / f"{name}.html"
    return (name, recipe.task, model, f"{recipe.source}/{recipe.dataset}", _yes(adapter), _yes(report.is_file()))


def _named(model: Model) -> str:
    return f"{model.id}@{model.revision[:12]}" if model.revision else model.id


def _yes(there: bool) -> str:
    return "yes" if there else "no"


def _available_cells(model: str, row: Available) -> tuple[str, ...]:
    needs = [] if row.revision else ["--revision SHA"]
    if row.gated:
        needs += [f"its licence accepted at {row.licence_page or f'https://huggingface.co/{model}'}", "HF_TOKEN"]
    return (model, row.architecture, f"{row.parameters / 1e9:.1f} billion", ", ".join(needs) or "nothing more")


def _add(given: argparse.Namespace) -> int:
    from stages.cli.addition import add  # ruamel.yaml is for this command only

    add(
        given.name,
        like=given.like,
        data=given.data,
        table=given.table,
        label_column=given.label_column,
        text_column=given.text_column,
        entity_column=given.entity_column,
        conversations=given.conversations,
        base=given.base,
        revision=given.revision,
        dataset=given.dataset,
        vision=given.vision,
        vision_revision=given.vision_revision,
    )
    return 0
