"""`plumbline recipe add --like` an interleaved recipe (IDEFICS): what a hub model's numbers are, and another set."""

import json
from typing import Any

from stages.cli.parameters import BASES, PARAMS, section
from stages.ingest.parameters import Ingest
from stages.interleaved.recipe import InterleavedRecipe
from stages.params import UserError, check_params

ARCHITECTURE = "idefics"
HUB_TRAIN: dict[str, Any] = {  # of both tasks, as in the notebooks that the recipes rebuild
    "quantisation": "nf4",
    "double_quantisation": True,
    "compute_dtype": "bfloat16",
    "lora_rank": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.05,
    "target_modules": ("q_proj", "k_proj", "v_proj"),
    "gradient_accumulation_steps": 8,
    "optim": "paged_adamw_8bit",
    "context_examples": 0,
}
HUB_NUMBERS: dict[str, dict[str, dict[str, Any]]] = {
    "label": {
        "tokenize": {"max_length": 128},
        "train": {
            **HUB_TRAIN,
            "learning_rate": 2e-4,
            "num_train_epochs": 1,
            "max_steps": None,
            "per_device_train_batch_size": 4,
        },
        "evaluate": {"batch_size": 8, "max_new_tokens": 15},
    },
    "caption": {
        "tokenize": {"max_length": 256},  # a row that is longer is refused, never cut; Flickr30k has 80-word captions
        "train": {
            **HUB_TRAIN,
            "learning_rate": 3e-5,
            "num_train_epochs": None,
            "max_steps": 200,
            "per_device_train_batch_size": 2,
        },
        "evaluate": {"batch_size": 8, "max_new_tokens": 40},
    },
}
HUB_REASON = (
    "these are the numbers with which the published notebooks tuned IDEFICS-9b (bfloat16 for their float16); "
    "max_length and evaluate.batch_size are for longer texts and a larger model"
)
CLEANING = ("near_duplicates", "pictures", "texts")  # without them, copies stand in train and in test


def require_base(base: str) -> None:
    """UserError unless the embedded base `base`, which is complete, is an IDEFICS."""
    path = BASES / base / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise UserError(f"{path} is no JSON object: restore it with `git checkout {path.parent}`.") from error
    if found != ARCHITECTURE:
        raise UserError(f"--base {base} is a {found} model; an interleaved recipe needs one of `{ARCHITECTURE}`.")


def cleaning(source: InterleavedRecipe) -> dict[str, Any]:
    """What a new set's row under `curate:` takes from the one that `source` reads: how copies and sizes are seen to.

    Not the licences: they are unknown until someone fills them in, so that every picture would be dropped.
    """
    like = section("curate").get(source.dataset) if source.source == "curate" else None
    return {key: like[key] for key in CLEANING if key in like} if isinstance(like, dict) else {}


def name_paths(row: Any) -> None:
    """Write out the defaults that choose paths in dvc.yaml, which knows no default."""
    for key in ("features", "parent"):
        if key not in row:
            row.insert(list(row).index("task"), key, "none")


def name_dataset(row: Any, source: InterleavedRecipe, dataset: str) -> None:
    """Make `row` read a set that params.yaml has: a row under `curate:`, or a captioned one under `caption:`."""
    kinds = ("caption", "curate") if source.task == "caption" else ("curate",)
    found = [kind for kind in kinds if dataset in section(kind) and not _lacks(source, kind, dataset)]
    if not found:
        why = next((reason for kind in kinds if (reason := _lacks(source, kind, dataset))), "")
        where = " or ".join(f"`{kind}.{dataset}`" for kind in kinds)
        known = ", ".join(name for kind in kinds for name in section(kind)) or "none"
        raise UserError(f"--dataset {dataset}: {why or f'{PARAMS} has no row {where} (there is: {known})'}.")
    row["source"], row["dataset"] = found[0], dataset


def features_row(row: Any, source: InterleavedRecipe, name: str) -> dict[str, Any] | None:
    """The row to add under `features:` where examples are chosen by them and the set is another one; else None."""
    if source.features == "none" or (row["source"], row["dataset"]) == (source.source, source.dataset):
        return None
    like = section("features").get(source.features)
    if not isinstance(like, dict):
        raise UserError(f"{PARAMS} has no row `features.{source.features}`, which `features` of this recipe names.")
    row["features"] = name
    return {**like, "source": row["source"], "dataset": row["dataset"]}


def kept_notes(row: Any, source: InterleavedRecipe) -> list[str]:
    """What is about the old set and stays as it is, for the person to check."""
    if (row["source"], row["dataset"]) == (source.source, source.dataset):
        return []
    notes = [f"check tokenize.prompt for these pictures: {source.tokenize.prompt!r}"]
    if source.evaluate.synonyms != "none":
        notes.append(f"check evaluate.synonyms: `{source.evaluate.synonyms}` has other names of labels; or set `none`")
    return notes


def _lacks(source: InterleavedRecipe, kind: str, dataset: str) -> str:
    """Why a set can't be learnt from by the task of `source`, as far as params.yaml tells; "" when it can."""
    row = section(kind).get(dataset)
    if kind != "curate" or not isinstance(row, dict):
        return ""
    ingested = section("ingest").get(str(row.get("dataset"))) if row.get("source") == "ingest" else None
    if ingested is None:
        plain = f"the pictures of `curate.{dataset}` have no captions: name a captioned set, a row under `caption:`"
        return plain if source.task == "caption" else ""
    params = check_params(Ingest, ingested, f"ingest.{row['dataset']}", PARAMS)
    if source.task == "label" and not params.has_labels:
        return f"`ingest.{row['dataset']}` has captions and no labels: start from a caption recipe"
    captioned = params.format in ("flickr30k", "coco") or params.text_column is not None
    if source.task == "caption" and not captioned:
        return f"`ingest.{row['dataset']}` has labels and no captions: start from a label recipe"
    return ""
