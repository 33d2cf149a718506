"""`plumbline recipe add`: the new row, what it changes, and why."""

import io
import re
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

from stages.answers.recipe import AnswerRecipe
from stages.bases import base_location
from stages.chat.recipe import ChatRecipe
from stages.cli import addition_chat, addition_interleaved, addition_naming, naming_base
from stages.cli.addition_data import Folder, ingest_row
from stages.cli.addition_grounding import rewrite
from stages.cli.addition_numbers import set_numbers
from stages.cli.parameters import (
    BASES,
    HUB_NUMBERS,
    PARAMS,
    available,
    commit,
    page,
    recipe_row,
    require_free,
    row_lines,
    typed_recipe,
    with_row,
)
from stages.cli.replacing import replacing
from stages.grounding.recipe import GroundingRecipe
from stages.interleaved.recipe import InterleavedRecipe
from stages.naming.recipe import NamingRecipe
from stages.params import UserError
from stages.recipe import Model

TEST_SHARE = 0.2
SECTIONS = {  # where a new recipe's name must be free
    "answers": ("recipes", "ingest", "curate"),
    "grounding": ("recipes", "features"),
    "interleaved": ("recipes", "ingest", "curate", "features"),
    "naming": ("recipes", "describe"),
    "chat": ("recipes", "ingest", "curate", "features"),
}
ARCHITECTURES = {
    "answers": "paligemma2",
    "interleaved": addition_interleaved.ARCHITECTURE,
    "naming": naming_base.ARCHITECTURE,
}
Tuned = AnswerRecipe | InterleavedRecipe | NamingRecipe  # of one model
HUB_REASON = (
    "a hub model of billions of parameters is to fit one GPU (small batches, accumulated) and to move little "
    "(rank 8 and 5e-5 are the published PaliGemma fine-tuning notebook's); its prompts hold more image tokens"
)


def add(
    name: str,
    *,
    like: str,
    data: Path | None = None,
    table: str | None = None,
    label_column: str | None = None,
    text_column: str | None = None,
    entity_column: str | None = None,
    conversations: str | None = None,
    base: str | None = None,
    revision: str | None = None,
    dataset: str | None = None,
    vision: str | None = None,
    vision_revision: str | None = None,
) -> None:
    """Write recipe `name` (and `ingest` and `curate` rows for `data`) into params.yaml; print what was decided."""
    source = typed_recipe(like, recipe_row(like))
    require_free(name, SECTIONS[source.objective])
    with PARAMS.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    row = _parsed(row_lines(text, "recipes", like))[like]
    notes: list[str] = []
    described = table or label_column or text_column or entity_column
    if conversations and not isinstance(source, ChatRecipe):
        raise UserError(f"--conversations is for chat recipes; `{like}` is none.")
    added = [("recipes", name, row)]
    if isinstance(source, ChatRecipe):
        if dataset or described:
            raise UserError(f"`{like}` reads COCO captions and LLaVA conversations: give their folder with --data.")
        added = addition_chat.rows(
            name,
            like,
            source,
            lambda one: _parsed(row_lines(text, "recipes", one))[one],
            data=data,
            conversations=conversations,
            base=base,
            revision=revision,
            vision=vision,
            vision_revision=vision_revision,
            notes=notes,
        )
    elif isinstance(source, GroundingRecipe):
        if data or described:
            raise UserError(f"`{like}` reads captioned pictures: scrape or import them, and name them with --dataset.")
        features = rewrite(
            row,
            source,
            name,
            dataset=dataset,
            base=base,
            revision=revision,
            vision=vision,
            vision_revision=vision_revision,
            notes=notes,
        )
        text = _with(text, "features", name, features)
    else:
        if vision or vision_revision or (dataset and isinstance(source, AnswerRecipe)):
            raise UserError(f"--dataset and --vision are for grounding recipes; `{like}` is none: use --data, --base.")
        if data is None and described:
            raise UserError("--table and the options for columns describe a folder's table: add --data DIR.")
        _change_base(row, source, like, base, revision, notes)
        folder = None if data is None else Folder(data, table, label_column, text_column, entity_column)
        text = _change_data(text, row, source, name, like, folder, dataset, notes)
    for kind, new, written in added:
        if kind == "recipes":
            typed_recipe(new, yaml.safe_load(_written(written)))
        text = _with(text, kind, new, written)
    with replacing(PARAMS) as stream:
        stream.write(text)
    recipes = " and ".join(f"recipes.{new}" for kind, new, _ in added if kind == "recipes")
    print(f"added {recipes} to {PARAMS}, like {like}")
    for note in notes:
        print(f"  {note}")
    print(f"next: plumbline doctor --recipe {name}; then: dvc repro report@{name}")


def _change_base(
    row: Any,
    source: Tuned,
    like: str,
    base: str | None,
    revision: str | None,
    notes: list[str],
) -> None:
    if base is not None:
        _rebase(row, source, base, revision, notes)
    elif revision is not None:
        if not source.model.on_hub:
            raise UserError(
                f"--revision pins a hub model, but `{like}` uses the embedded base {source.base}: add --base."
            )
        row["model"]["revision"] = Quoted(commit(source.model.id, revision))


def _change_data(
    text: str,
    row: Any,
    source: Tuned,
    name: str,
    like: str,
    folder: Folder | None,
    dataset: str | None,
    notes: list[str],
) -> str:
    """Make `row` read another set; `text` with the rows that this set needs."""
    if folder is not None and dataset is not None:
        raise UserError("--data brings a new set and --dataset names one that is there: give one of them.")
    if isinstance(source, NamingRecipe):
        described = addition_naming.change_data(row, source, name, like, folder, dataset, notes)
        return _with(text, "describe", name, described)
    if folder is not None:
        ingested = ingest_row(name, folder, like, captions=source.task == "caption")
        text = _with(text, "ingest", name, ingested)
        curated: dict[str, Any] = {"source": "ingest", "dataset": name, "decisions": "none", "split": "entities"}
        curated["test_share"] = TEST_SHARE
        if isinstance(source, InterleavedRecipe):
            curated |= addition_interleaved.cleaning(source)
        text = _with(text, "curate", name, curated)
        row["source"], row["dataset"] = "curate", name
        notes.append(
            f"data: {ingested['folder']}; licence and author stand as `unknown` in ingest.{name}: fill them in"
        )
    if isinstance(source, InterleavedRecipe):
        addition_interleaved.name_paths(row)
        if dataset is not None:
            addition_interleaved.name_dataset(row, source, dataset)
        text = _with(text, "features", name, addition_interleaved.features_row(row, source, name))
        notes += addition_interleaved.kept_notes(row, source)
    return text


def _with(text: str, section_name: str, name: str, row: Any) -> str:
    """`text` with one more row; as it is when there is none to add."""
    return text if row is None else with_row(text, section_name, name, _written({name: row}))


def _rebase(row: Any, source: Tuned, base: str, revision: str | None, notes: list[str]) -> None:
    """Put another base into `row`: a hub id, or a folder in models/base."""
    if "/" not in base:
        _embedded(row, source, base, revision)
        return
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", base, re.ASCII):
        raise UserError(f"--base {base} is neither a hub id (owner/name) nor the name of a folder in {BASES}.")
    listed = available().get(base)
    wanted = ARCHITECTURES[source.objective]
    if listed is not None and listed.architecture != wanted:
        raise UserError(
            f"--base {base} is {listed.architecture}; a recipe of objective {source.objective} is {wanted}."
        )
    pinned = revision or (listed.revision if listed else None)
    row["base"], row["model"]["id"], row["model"]["revision"] = "hub", base, Quoted(commit(base, pinned))
    if listed is None:
        notes.append(
            f"{base} is not under `available:`: check that its class and module names suit `train.target_modules`"
        )
    elif listed.gated:
        notes.append(f"{base} is gated: accept its licence at {listed.licence_page or page(base)} and set HF_TOKEN")
    if not source.model.on_hub:  # a hub recipe's numbers were chosen for a hub model
        numbers, reason = HUB_NUMBERS, HUB_REASON
        if isinstance(source, InterleavedRecipe):
            numbers, reason = addition_interleaved.HUB_NUMBERS[source.task], addition_interleaved.HUB_REASON
        elif isinstance(source, NamingRecipe):
            numbers, reason = naming_base.HUB_NUMBERS, naming_base.HUB_REASON
        changed = set_numbers(row, source, numbers)
        if changed:
            notes += [f"changed: {', '.join(changed)}", f"because {reason}"]


def _embedded(row: Any, source: Tuned, base: str, revision: str | None) -> None:
    if revision is not None:
        raise UserError(f"--revision pins a hub model; {base} is an embedded base: leave it out.")
    found = sorted(path.name for path in BASES.iterdir() if (path / "config.json").is_file()) if BASES.is_dir() else []
    if base not in found:
        known = ", ".join(found) or "none: git checkout models/base"
        raise UserError(f"--base {base}: no such base in {BASES} (there is: {known}); a hub model is named owner/name.")
    if isinstance(source, NamingRecipe):
        addition_naming.require_base(base)
    else:
        base_location(BASES / base, Model(id=base))  # refuses an incomplete folder
    if isinstance(source, InterleavedRecipe):
        addition_interleaved.require_base(base)
    row["base"], row["model"]["id"], row["model"]["revision"] = base, base, None


def _parsed(lines: str) -> Any:
    try:
        return _round_trip().load(lines)
    except YAMLError as error:
        raise UserError(f"{PARAMS}: the row can't be copied on its own ({error}): write it without anchors.") from error


def _written(row: Any) -> str:
    stream = io.StringIO()
    _round_trip().dump(row, stream)
    return stream.getvalue()


def _round_trip() -> YAML:
    dumper = YAML()  # keeps comments, order and quotes
    dumper.preserve_quotes = True
    dumper.width = 120
    dumper.representer.add_representer(type(None), _null)
    dumper.representer.add_representer(float, _decimal)
    return dumper


def _null(own: Any, _: None) -> Any:
    return own.represent_scalar("tag:yaml.org,2002:null", "null")


def _decimal(own: Any, value: float) -> Any:
    """0.00005, not 5e-05: YAML 1.1 takes the latter for a word."""
    return own.represent_scalar("tag:yaml.org,2002:float", re.sub(r"(\.\d+?)0+$", r"\1", f"{value:.10f}"))
