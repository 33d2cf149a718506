"""Say what this machine can run and what is missing, each gap with its remedy; downloads nothing.

Exit status 1 when something that is needed is missing; a `note` is worth knowing and stops nothing.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stages.answers.recipe import AnswerRecipe
from stages.chat.recipe import ChatRecipe
from stages.cli import checks, machine
from stages.cli.addition_interleaved import ARCHITECTURE
from stages.cli.addition_interleaved import HUB_NUMBERS as IDEFICS_NUMBERS
from stages.cli.checks import Finding
from stages.cli.columns import columns
from stages.cli.estimate import ChatWorkload, Estimate, GroundingWorkload, InterleavedWorkload, NamingWorkload, Workload
from stages.cli.naming_base import ARCHITECTURE as NAMING
from stages.cli.naming_base import HUB_NUMBERS as NAMING_NUMBERS
from stages.cli.naming_base import is_language
from stages.cli.packages import check_packages
from stages.cli.parameters import BASES, HUB_NUMBERS, Available, available, recipe_row, section, typed_recipe
from stages.cli.reproducible import reproducible
from stages.cli.workspace_checks import workspace
from stages.grounding.recipe import GroundingRecipe, Parts
from stages.interleaved.recipe import InterleavedRecipe
from stages.naming.recipe import NamingRecipe
from stages.params import UserError
from stages.recipe import Model


def arguments(parser: argparse.ArgumentParser) -> None:
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--recipe", metavar="NAME", help="what this recipe needs (default: what all of them need)")
    parser.add_argument(
        "--repro",
        action="store_true",
        help="train two steps of the recipe twice and compare the bytes (default: the first)",
    )
    chosen.add_argument("--base", metavar="ID", help="what this base needs: a hub id, or a folder in models/base")


def command(given: argparse.Namespace) -> int:
    """Print the findings; 1 when one of them is a gap."""
    findings = [
        checks.python(),
        *check_packages(),
        checks.fonts(module for row in section("synthesize").values() for module in row.get("font_sources", [])),
        *checks.search_key(section("scrape")),
        checks.processor(),
        *checks.repository(),
        *workspace(),
    ]
    if any(one.what == "packages" and one.state == "gap" for one in findings):
        findings.append(Finding("note", "memory, disk, GPU", "not looked at", "run this again with the packages there"))
    elif given.base:
        findings += _base(given.base)
    else:
        rows = {given.recipe: recipe_row(given.recipe)} if given.recipe else section("recipes")
        findings += _recipes(rows)
    if given.repro:
        findings.append(reproducible(given.recipe or next(iter(section("recipes")))))
    lines = [(one.state, one.what, one.found, one.remedy) for one in dict.fromkeys(findings)]
    print(columns([("", "WHAT", "FOUND", "REMEDY"), *lines]))
    gaps = sum(one.state == "gap" for one in findings)
    print(f"\n{gaps} gap{'' if gaps == 1 else 's'}" if gaps else "\nnothing is missing")
    return 1 if gaps else 0


def _recipes(rows: dict[str, object]) -> list[Finding]:
    findings: list[Finding] = []
    for name, row in rows.items():
        try:
            recipe = typed_recipe(name, row)
        except UserError as error:
            findings.append(Finding("gap", f"recipe {name}", "not valid", str(error).replace("\n", " ")))
            continue
        if isinstance(recipe, GroundingRecipe | ChatRecipe):
            findings += _grounding(recipe)
        elif isinstance(recipe, NamingRecipe):
            numbers = (recipe.train.lora_rank, recipe.train.per_device_train_batch_size, recipe.tokenize.max_length)
            findings += _naming(recipe.model, recipe.base, *numbers)
        elif recipe.model.on_hub:
            findings += _hub(recipe.model.id, recipe.model.revision, partial(_of_recipe, recipe))
        else:
            findings += _embedded(checks.embedded_base(BASES / recipe.base, recipe.model))
    return findings


def _grounding(recipe: GroundingRecipe | ChatRecipe) -> list[Finding]:
    """What a language model and a tower need together."""
    if not recipe.model.language.on_hub:
        parts = Parts(language=recipe.model.language, vision=recipe.model.vision)
        return _embedded(checks.embedded_parts(BASES / recipe.base, parts))
    findings, sizes = [], []
    for model in recipe.models:
        listed = available().get(model.id)
        findings += [checks.revision(model.id, model.revision), *checks.access(model.id, model.revision, listed)]
        sizes.append(listed.parameters if listed else None)
    language, vision = sizes
    if language is None or vision is None:
        remedy = "add rows under `available:` for estimates"
        return [*findings, Finding("note", "size", "of the models unknown", remedy), checks.graphics(machine.gpus())]
    train = recipe.train
    work: GroundingWorkload | ChatWorkload = GroundingWorkload(
        language, vision, train.per_device_train_batch_size, recipe.tokenize.max_length
    )
    if isinstance(recipe, ChatRecipe):
        rank = recipe.train.lora_rank if recipe.train_adapter else 0
        work = ChatWorkload(language, vision, rank, train.per_device_train_batch_size, recipe.tokenize.max_length)
    return [*findings, *_enough(work, recipe.model.language)]


def _naming(model: Model, base: str, rank: int, batch_size: int, max_length: int) -> list[Finding]:
    """What a language model needs on its own."""
    if not model.on_hub:
        return _embedded(checks.embedded_language(BASES / base, model))
    listed = available().get(model.id)
    findings = [checks.revision(model.id, model.revision), *checks.access(model.id, model.revision, listed)]
    if listed is None:
        remedy = "add a row under `available:` for estimates"
        return [*findings, Finding("note", "size", f"of {model.id} unknown", remedy), checks.graphics(machine.gpus())]
    return [*findings, *_enough(NamingWorkload(listed.parameters, rank, batch_size, max_length), model)]


def _base(base: str) -> list[Finding]:
    """A base without a recipe: with the numbers that `plumbline recipe add` would write."""
    if "/" not in base:
        if (BASES / base / "language").is_dir():
            model = Model(id=base)
            return _embedded(checks.embedded_parts(BASES / base, Parts(language=model, vision=model)))
        if is_language(base):
            return _embedded(checks.embedded_language(BASES / base, Model(id=base)))
        return _embedded(checks.embedded_base(BASES / base, Model(id=base)))
    listed = available().get(base)
    if listed is not None and listed.architecture == NAMING:
        train = NAMING_NUMBERS["train"]
        numbers = (train["lora_rank"], train["per_device_train_batch_size"], NAMING_NUMBERS["tokenize"]["max_length"])
        return _naming(Model.model_construct(id=base, revision=listed.revision), "hub", *numbers)
    return _hub(base, listed.revision if listed else None, _of_base)


def _embedded(base: Finding) -> list[Finding]:
    return [
        base,
        checks.memory(checks.EMBEDDED_MEMORY),
        checks.disk(Path(), checks.EMBEDDED_DISK),
        checks.graphics(machine.gpus()),
    ]


def _hub(model: str, pinned: str | None, workload: Callable[[Available, int], Estimate]) -> list[Finding]:
    """`workload` estimates by the model's row under `available:` and its picture size in pixels."""
    listed = available().get(model)
    findings = [checks.revision(model, pinned), *checks.access(model, pinned, listed)]
    if listed is None or listed.image_size is None:
        what = "unknown: not under `available:`" if listed is None else "not estimated without a recipe"
        remedy = "add a row there for estimates" if listed is None else "plumbline doctor --recipe NAME"
        return [*findings, Finding("note", "size", f"of {model} {what}", remedy), checks.graphics(machine.gpus())]
    return [*findings, *_enough(workload(listed, listed.image_size), Model(id=model, revision=pinned or "unknown"))]


def _of_recipe(recipe: AnswerRecipe | InterleavedRecipe, listed: Available, image_size: int) -> Estimate:
    train = recipe.train
    if isinstance(recipe, AnswerRecipe):
        numbers = (train.lora_rank, train.per_device_train_batch_size, recipe.tokenize.max_length)
        return Workload(listed.parameters, image_size, *numbers)
    return InterleavedWorkload(
        listed.parameters,
        image_size,
        lora_rank=train.lora_rank,
        adapted=len(train.target_modules),
        batch_size=train.per_device_train_batch_size,
        max_length=recipe.tokenize.max_length,
        pictures=recipe.train.context_examples + 1,
    )


def _of_base(listed: Available, image_size: int) -> Estimate:
    idefics = listed.architecture == ARCHITECTURE
    numbers = IDEFICS_NUMBERS["label"] if idefics else HUB_NUMBERS
    train, max_length = numbers["train"], numbers["tokenize"]["max_length"]
    rank, batch_size = train["lora_rank"], train["per_device_train_batch_size"]
    if idefics:
        adapted = len(train["target_modules"])
        return InterleavedWorkload(listed.parameters, image_size, rank, adapted, batch_size, max_length)
    return Workload(listed.parameters, image_size, rank, batch_size, max_length)


def _enough(work: Estimate, model: Model) -> list[Finding]:
    """Space, memory and time against what this machine has."""
    needed, cards = sum(work.memory().values()), machine.gpus()
    return [
        checks.download_space(model.id, model.revision, work.download()),
        *checks.estimates(work),
        checks.graphics(cards, needed=needed),
        checks.memory(checks.LOADING_MEMORY if cards else needed),
    ]
