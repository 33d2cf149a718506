"""`plumbline recipe add --like` a chat recipe: both steps, with other pictures, or with a hub's CLIP and Phi.

A row's `parent` is the step before it, so one command writes the pair: NAME_align, then NAME.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

from stages.chat.recipe import ChatRecipe
from stages.cli.addition_data import Folder, ingest_row
from stages.cli.addition_numbers import set_numbers
from stages.cli.parameters import PARAMS, available, commit, recipe_row, section, typed_recipe
from stages.ingest.parameters import Ingest
from stages.params import UserError, check_params

Added = tuple[str, str, Any]  # section, name, row
ARCHITECTURES = {"language": "phi", "vision": "clip"}
HUB = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
CURATED = ("near_duplicates", "pictures", "texts", "test_share")  # without the first, copies stand in train and test
TEST_SHARE = 0.2
HEAD = 1 << 16  # bytes that tell conversations from other JSON
BOTH_STEPS: dict[str, Any] = {
    "quantisation": "nf4",
    "double_quantisation": True,
    "compute_dtype": "bfloat16",
    "projector": "mlp",
    "num_train_epochs": 1,
    "max_steps": None,
    "warmup_steps": 100,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 8,  # 32 rows a step, as in the original
}
HUB_NUMBERS: dict[str, dict[str, dict[str, Any]]] = {
    "align": {
        "tokenize": {"longest_answer": 200, "max_length": 512},
        "train": {**BOTH_STEPS, "learning_rate": 1e-3, "projector_learning_rate": None, "optim": "adamw_torch"},
        "evaluate": {"batch_size": 8, "max_new_tokens": 64},
    },
    "instruct": {
        "tokenize": {"longest_answer": 200, "max_length": 1024},
        "train": {
            **BOTH_STEPS,
            "lora_rank": 64,
            "lora_alpha": 16,
            "lora_dropout": 0.1,
            "target_modules": ("q_proj", "k_proj", "v_proj", "fc1", "fc2"),
            "learning_rate": 2e-4,
            "projector_learning_rate": 2e-5,
            "optim": "paged_adamw_8bit",
        },
        "evaluate": {"batch_size": 8, "max_new_tokens": 64},
    },
}
HUB_REASON = (
    "these are the numbers of the CLIP + Phi-2 run that `image_chat` rebuilds (rank 64, alpha 16, dropout 0.1, answers "
    "of at most 200 characters, 32 rows a step), but for its learning rates: those are LLaVA-1.5's (arXiv:2310.03744)"
)


def rows(
    name: str,
    like: str,
    source: ChatRecipe,
    copied: Callable[[str], Any],
    *,
    data: Path | None,
    conversations: str | None,
    base: str | None,
    revision: str | None,
    vision: str | None,
    vision_revision: str | None,
    notes: list[str],
) -> list[Added]:
    """The rows that recipe `name` needs, in the order in which they are added; what was decided goes to `notes`.

    `copied` gives a recipe's row as it is written, comments included.
    """
    if (base is None) != (vision is None):
        raise UserError("--base names the language model and --vision the tower: give both, or neither.")
    if base is None and (revision or vision_revision):
        raise UserError("--revision and --vision-revision pin hub models: add --base and --vision.")
    steps = _steps(name, like, source)
    for step in steps.values():
        if step in section("recipes"):
            raise UserError(f"{PARAMS} has a row `recipes.{step}` already: choose another name, or edit that row.")
    added: list[Added] = []
    if data is not None:
        added += _data(name, source, data, conversations, like, notes)
    elif conversations is not None:
        raise UserError("--conversations names a file of a new folder: add --data DIR.")
    models = None
    if base is not None and vision is not None:
        pinned = (("language", base, revision), ("vision", vision, vision_revision))
        models = {part: _pinned(part, model, given, notes) for part, model, given in pinned}
    recipes = {step: copied(original) for original, step in steps.items()}
    changed: list[str] = []
    for original, step in steps.items():
        row, typed = recipes[step], typed_recipe(original, recipe_row(original))
        if data is not None:
            row["dataset"] = name
        if models is not None:
            row["base"] = "hub"
            row["model"] = {part: dict(model) for part, model in models.items()}
            changed += [f"{step}: {text}" for text in set_numbers(row, typed, HUB_NUMBERS[row["task"]])]
        if row.get("parent", "none") != "none":
            row["parent"] = f"trained/{steps[_name_of(row['parent'])]}"
    if changed:
        notes += [f"changed in recipes.{changed[0]}", *changed[1:], f"because {HUB_REASON}"]
    added += _features(name, source, recipes)
    return added + [("recipes", step, row) for step, row in recipes.items()]


def _steps(name: str, like: str, source: ChatRecipe) -> dict[str, str]:
    """{recipe to start from: its new name}, the first step first."""
    if source.parent == "none":
        return {like: name}
    return {_name_of(source.parent): f"{name}_align", like: name}


def _name_of(parent: str) -> str:
    return parent.removeprefix("trained/")


def _data(
    name: str, source: ChatRecipe, data: Path, conversations: str | None, like: str, notes: list[str]
) -> list[Added]:
    """Rows under `ingest:` and `curate:` for COCO's captions and a file of LLaVA's conversations beside them."""
    ingested = ingest_row(name, Folder(data), like, captions=True)
    if ingested.get("format") != "coco":
        raise UserError(
            f"--data {data} holds no COCO captions (captions*.json, or annotations/captions*.json), which the step "
            "`align` learns from: put them beside the pictures."
        )
    told = conversations or (_conversations(data) if source.task == "instruct" else None)
    if told is not None:
        ingested["conversations"] = Quoted(told)
    check_params(Ingest, ingested, f"ingest.{name}", PARAMS)
    like_curated = section("curate").get(source.dataset)
    kept = {key: like_curated[key] for key in CURATED if key in like_curated} if isinstance(like_curated, dict) else {}
    curated = {"source": "ingest", "dataset": name, "decisions": "none", "split": "entities"}
    notes.append(f"data: {ingested['folder']}; licence and author stand as `unknown` in ingest.{name}: fill them in")
    return [("ingest", name, ingested), ("curate", name, curated | {"test_share": TEST_SHARE} | kept)]


def _conversations(data: Path) -> str:
    """The one JSON file in `data` (or its annotations/) that begins like LLaVA's, relative to `data`."""
    files = sorted({*data.glob("*.json"), *data.glob("annotations/*.json")})
    found = [path for path in files if _is_told(path)]
    if len(found) != 1:
        names = ", ".join(path.relative_to(data).as_posix() for path in found) or "none"
        raise UserError(
            f"--data {data}: conversations in LLaVA-Instruct's form are needed, as {{id, image, conversations}}; "
            f"found: {names}. Put one file there, or name it with --conversations FILE."
        )
    return found[0].relative_to(data).as_posix()


def _is_told(path: Path) -> bool:
    with path.open("rb") as stream:
        return b'"conversations"' in stream.read(HEAD)


def _features(name: str, source: ChatRecipe, recipes: dict[str, Any]) -> list[Added]:
    """The row under `features:` that both steps share, where pictures or tower are others than those of `source`."""
    row = next(iter(recipes.values()))
    if (row["dataset"], row["base"]) == (source.dataset, source.base):
        return []
    like = section("features").get(source.features)
    if not isinstance(like, dict):
        raise UserError(f"{PARAMS} has no row `features.{source.features}`, which `features` of this recipe names.")
    for one in recipes.values():
        one["features"] = name
    paths = {key: row[key] for key in ("source", "dataset", "base")}
    return [("features", name, {**like, **paths, "model": dict(row["model"]["vision"])})]


def _pinned(part: str, model: str, revision: str | None, notes: list[str]) -> dict[str, Any]:
    """A hub model with its commit: as given, or as `available:` knows it."""
    if not HUB.fullmatch(model):
        raise UserError(f"the {part} model {model} is no hub id (owner/name); an embedded base has both parts already.")
    listed, wanted = available().get(model), ARCHITECTURES[part]
    if listed is None:
        notes.append(f"{model} is not under `available:`: check that it is {wanted}, or has the same module names")
    elif listed.architecture != wanted:
        raise UserError(f"the {part} model {model} is {listed.architecture}; a chat recipe needs {wanted}.")
    return {"id": model, "revision": Quoted(commit(model, revision or (listed.revision if listed else None)))}
