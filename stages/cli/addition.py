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
from stages.cli.addition_grounding import rewrite
from stages.cli.parameters import (
    BASES,
    HUB_NUMBERS,
    PARAMS,
    available,
    commit,
    page,
    recipe_row,
    row_lines,
    section,
    typed_recipe,
    with_row,
)
from stages.cli.replacing import replacing
from stages.grounding.recipe import GroundingRecipe
from stages.ingest.layout import layout_of
from stages.ingest.parameters import Ingest
from stages.ingest.rows import columns
from stages.ingest.stage import survey_of
from stages.ingest.table import find_table, read_table
from stages.params import UserError, check_params
from stages.recipe import Model

TEST_SHARE = 0.2
HUB_REASON = (
    "a hub model of billions of parameters is to fit one GPU (small batches, accumulated) and to move little "
    "(rank 8 and 5e-5 are the published PaliGemma fine-tuning notebook's); its prompts hold more image tokens"
)


def add(
    name: str,
    *,
    like: str,
    data: Path | None = None,
    label_column: str | None = None,
    entity_column: str | None = None,
    base: str | None = None,
    revision: str | None = None,
    dataset: str | None = None,
    vision: str | None = None,
    vision_revision: str | None = None,
) -> None:
    """Write recipe `name` (and `ingest` and `curate` rows for `data`) into params.yaml; print what was decided."""
    source = typed_recipe(like, recipe_row(like))
    _require_free(
        name, ("recipes", "features") if isinstance(source, GroundingRecipe) else ("recipes", "ingest", "curate")
    )
    with PARAMS.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    row = _parsed(row_lines(text, "recipes", like))[like]
    notes: list[str] = []
    if isinstance(source, GroundingRecipe):
        if data or label_column or entity_column:
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
        if features is not None:
            text = with_row(text, "features", name, _written({name: features}))
    elif dataset or vision or vision_revision:
        raise UserError(f"--dataset and --vision are for grounding recipes; `{like}` is none: use --data, --base.")
    elif base is not None:
        _rebase(row, source, base, revision, notes)
    elif revision is not None:
        if not source.model.on_hub:
            raise UserError(
                f"--revision pins a hub model, but `{like}` uses the embedded base {source.base}: add --base."
            )
        row["model"]["revision"] = Quoted(commit(source.model.id, revision))
    if data is not None:
        folder = _ingest_row(name, data, label_column, entity_column)
        text = with_row(text, "ingest", name, _written({name: folder}))
        curated = {"source": "ingest", "dataset": name, "decisions": "none", "split": "entities"}
        text = with_row(text, "curate", name, _written({name: {**curated, "test_share": TEST_SHARE}}))
        row["source"], row["dataset"] = "curate", name
        notes.append(f"data: {folder['folder']}; licence and author stand as `unknown` in ingest.{name}: fill them in")
    elif label_column or entity_column:
        raise UserError("--label-column and --entity-column describe the table of a folder: add --data DIR.")
    typed_recipe(name, yaml.safe_load(_written(row)))
    text = with_row(text, "recipes", name, _written({name: row}))
    with replacing(PARAMS) as stream:
        stream.write(text)
    print(f"added recipes.{name} to {PARAMS}, like {like}")
    for note in notes:
        print(f"  {note}")
    print(f"next: plumbline doctor --recipe {name}; then: dvc repro report@{name}")


def _require_free(name: str, kinds: tuple[str, ...]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UserError(f"recipe name `{name}` is not allowed: a small letter, then small letters, digits and _.")
    if not isinstance(yaml.safe_load(name), str):
        raise UserError(
            f"recipe name `{name}` is not allowed: YAML reads it as {yaml.safe_load(name)!r}, not as a name."
        )
    for kind in kinds:
        if name in section(kind):
            raise UserError(f"{PARAMS} has a row `{kind}.{name}` already: choose another name, or edit that row.")


def _rebase(row: Any, source: AnswerRecipe, base: str, revision: str | None, notes: list[str]) -> None:
    """Put another base into `row`: a hub id, or a folder in models/base."""
    if "/" not in base:
        _embedded(row, base, revision)
        return
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", base, re.ASCII):
        raise UserError(f"--base {base} is neither a hub id (owner/name) nor the name of a folder in {BASES}.")
    listed = available().get(base)
    pinned = revision or (listed.revision if listed else None)
    row["base"], row["model"]["id"], row["model"]["revision"] = "hub", base, Quoted(commit(base, pinned))
    if listed is None:
        notes.append(
            f"{base} is not under `available:`: check that its class and module names suit `train.target_modules`"
        )
    elif listed.gated:
        notes.append(f"{base} is gated: accept its licence at {listed.licence_page or page(base)} and set HF_TOKEN")
    if not source.model.on_hub:  # a hub recipe's numbers were chosen for a hub model
        changed = _set(row)
        if changed:
            notes += [f"changed: {', '.join(changed)}", f"because {HUB_REASON}"]


def _embedded(row: Any, base: str, revision: str | None) -> None:
    if revision is not None:
        raise UserError(f"--revision pins a hub model; {base} is an embedded base: leave it out.")
    found = sorted(path.name for path in BASES.iterdir() if (path / "config.json").is_file()) if BASES.is_dir() else []
    if base not in found:
        known = ", ".join(found) or "none: git checkout models/base"
        raise UserError(f"--base {base}: no such base in {BASES} (there is: {known}); a hub model is named owner/name.")
    model = Model(id=base)
    base_location(BASES / base, model)  # refuses an incomplete folder
    row["base"], row["model"]["id"], row["model"]["revision"] = base, base, None


def _set(row: Any) -> list[str]:
    """Write HUB_NUMBERS into the row; what changed, as `train.lora_rank 16 -> 8`."""
    changed = []
    for part, values in HUB_NUMBERS.items():
        for key, value in values.items():
            before = row[part].get(key)
            if before != value:
                changed.append(f"{part}.{key} {before} -> {value}")
                row[part][key] = value
    return changed


def _ingest_row(name: str, data: Path, label_column: str | None, entity_column: str | None) -> dict[str, Any]:
    """The row under `ingest:`; UserError when the folder, its table or a column isn't there.

    A folder without a table, but with folders, is one of class folders.
    """
    layout = layout_of(data)
    folder = data.resolve()
    if folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    if not re.fullmatch(r"[^\"'$`\\{}\x00-\x1f]+", folder.as_posix()):
        raise UserError(f"--data {data}: the path goes through a shell; rename it without quotes, braces, $, ` and \\.")
    row = {  # quoted: a column may be called `no`, which YAML 1.1 takes for false
        "folder": Quoted(folder.as_posix()),
        **({} if layout == "table" else {"format": layout}),
        "label_column": Quoted(label_column or "label"),
        "entity_column": Quoted(entity_column) if entity_column else None,
        "licence": "unknown",
        "author": "unknown",
    }
    params = check_params(Ingest, row, f"ingest.{name}", PARAMS)
    if layout == "table":
        read_table(find_table(data), columns(params))
    else:
        survey_of(params, data, data)
    return row


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
