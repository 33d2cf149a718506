"""A chat model as a recipe describes it before training, and the projector's file."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from stages.chat.model import assemble, llava_of
from stages.chat.recipe import ChatRecipe, Parts, ProjectorKind, Task, Tokenize
from stages.params import Params, UserError, check_params
from stages.shards import sha256_of_file

FACTS = "plumbline.json"
PROJECTOR = "projector.safetensors"
PREFIX = "multi_modal_projector."  # transformers' name of the part, so that a whole LLaVA can take the file
NAME = r"^\w[\w.-]*$"  # a name, never a path: adapters come from elsewhere too


class Pictured(Params):
    """The curated set that an adapter was trained on, and the features of its pictures."""

    source: Literal["curate"]
    dataset: str = Field(pattern=NAME)
    features: str = Field(pattern=NAME)


class Parent(Params):
    """Where a projector started from: the adapter's path below models/, and its projector's sha256."""

    id: str = Field(pattern=r"^trained/\w[\w.-]*$")
    projector: str = Field(pattern=r"^[0-9a-f]{64}$")


class Facts(Params, extra="ignore"):
    """What an adapter's plumbline.json says: all that is needed to use it as it was trained."""

    objective: Literal["chat"]
    task: Task
    base: str = Field(pattern=NAME)
    pictures: Pictured
    model: Parts
    tokenize: Tokenize
    projector: ProjectorKind
    parent: Parent | None
    quantisation: Literal["nf4", "none"]
    double_quantisation: bool
    compute_dtype: Literal["bfloat16", "float32"]


def build(base: Path, params: ChatRecipe, device: str, parent: Path | None = None) -> tuple[Any, Any]:
    """(LlavaForConditionalGeneration, tokenizer) to be trained: frozen parts, a float32 projector, no tower.

    The projector is new, or that of the adapter in `parent`; UserError where that doesn't fit the recipe.
    """
    if parent is not None:
        require_parent(parent, params)
    settings = params.train
    model, tokenizer = assemble(base, params.model, settings, settings.projector, device, settings.seed)
    if parent is not None:
        load_projector(model, parent)
    return model, tokenizer


def require_parent(parent: Path, params: ChatRecipe) -> Facts:
    """The facts of `parent`; UserError unless `align` wrote it, over the recipe's base, with its projector's shape."""
    facts = read_facts(parent)
    told = [
        ("task", facts.task, "align"),
        ("base", facts.base, params.base),
        ("model", facts.model.model_dump(), params.model.model_dump()),
        ("train.projector", facts.projector, params.train.projector),
    ]
    for key, found, wanted in told:
        if found != wanted:
            raise UserError(
                f"`parent: {params.parent}` has {key} {found!r}, this recipe needs {wanted!r}: "
                "name the adapter of an `align` recipe with the same base and projector."
            )
    return facts


def parent_of(parent: Path | None, params: ChatRecipe) -> dict[str, str] | None:
    """What plumbline.json says of the parent: its id and its projector's digest."""
    return None if parent is None else {"id": params.parent, "projector": sha256_of_file(parent / PROJECTOR)}


def read_facts(adapter: Path) -> Facts:
    """plumbline.json of a chat adapter's folder; UserError when it is missing, another objective's, or unsound."""
    path = adapter / FACTS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing: name an adapter that `train` wrote; `dvc checkout` or `dvc repro` gives it."
        ) from None
    except ValueError as error:
        raise UserError(f"{path} is no valid JSON ({error}): run `dvc checkout`, or train the adapter anew.") from error
    found = content.get("objective") if isinstance(content, dict) else type(content).__name__
    if found != "chat":
        raise UserError(f"{path}: the objective is {found!r}, not 'chat'; name the adapter of a chat recipe.")
    return check_params(Facts, content, "adapter", path)


def save_projector(model: Any, folder: Path) -> None:
    """projector.safetensors in float32; equal tensors make equal bytes."""
    from safetensors.torch import save_file

    state = llava_of(model).model.multi_modal_projector.state_dict()
    tensors = {f"{PREFIX}{name}": tensor.detach().cpu().float().contiguous() for name, tensor in state.items()}
    save_file(tensors, folder / PROJECTOR, metadata={"format": "pt"})


def load_projector(model: Any, folder: Path) -> None:
    """Put a saved projector into `model`, all of it or nothing; UserError names what doesn't fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / PROJECTOR
    if not path.is_file():
        raise UserError(f"{path} is missing: an adapter folder holds it; run `dvc checkout`, or train it anew.")
    try:
        found = {name.removeprefix(PREFIX): tensor for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise UserError(f"{path} can't be read as safetensors ({error}); copy it from its source again.") from error
    projector = llava_of(model).model.multi_modal_projector
    own = projector.state_dict()
    wrong = [
        f"{name}: found {_shape(found.get(name))}, expected {_shape(own.get(name))}"
        for name in sorted({*found, *own})
        if _shape(found.get(name)) != _shape(own.get(name))
    ]
    if wrong:
        raise UserError(f"{path} was trained for another model ({'; '.join(wrong)}): name the base that it belongs to.")
    bad = next((name for name, tensor in found.items() if not bool(tensor.isfinite().all())), None)
    if bad:
        raise UserError(f"{path}: {bad} holds values that aren't finite; that training diverged: lower its rates.")
    projector.load_state_dict({name: tensor.float() for name, tensor in found.items()})


def _shape(tensor: Any) -> list[int] | None:
    return None if tensor is None else list(tensor.shape)
