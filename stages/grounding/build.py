"""A FROMAGe as a recipe describes it before training, or as an adapter folder describes it afterwards."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stages.bases import without_known_noise
from stages.grounding.recipe import GroundingRecipe, Parts
from stages.params import Params, UserError, check_params

if TYPE_CHECKING:
    from stages.features.tower import Tower

FACTS = "plumbline.json"
NAME = r"^\w[\w.-]*$"  # a name, never a path: adapters come from elsewhere too


class Pictured(Params):
    """The captioned set that an adapter was trained on, and the features of its pictures."""

    source: Literal["curate", "caption"]
    dataset: str = Field(pattern=NAME)
    features: str = Field(pattern=NAME)


class Facts(Params, extra="ignore"):
    """What an adapter's plumbline.json says of its frozen parts."""

    objective: Literal["grounding"]
    base: str = Field(pattern=NAME)
    pictures: Pictured
    model: Parts
    quantisation: Literal["nf4", "none"]
    double_quantisation: bool
    compute_dtype: Literal["bfloat16", "float32"]


@dataclass(frozen=True)
class Trained:
    """A trained FROMAGe with its tokenizer and tower, ready to be asked."""

    facts: Facts
    model: Any  # stages.grounding.model.Fromage, the tower attached
    tokenizer: Any
    tower: "Tower"


def build(params: GroundingRecipe, base: Path, vision_width: int, device: str) -> tuple[Any, Any]:
    """An untrained FROMAGe over the recipe's language model, and its tokenizer. No tower: features are cached."""
    import torch

    with without_known_noise():  # this brings bitsandbytes, which speaks when it is imported
        from stages.grounding.configuration import FromageConfig
        from stages.grounding.model import Fromage
        from stages.grounding.towers import load_language, tokenizer_of

    settings, parts = params.train, params.model
    language = load_language(
        base / "language",
        parts.language,
        quantisation=settings.quantisation,
        double=settings.double_quantisation,
        dtype=settings.compute_dtype,
        device=device,
    )
    tokenizer = tokenizer_of(base / "language", parts.language)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = Fromage(
            FromageConfig(
                visual_tokens=settings.visual_tokens,
                shared_width=settings.shared_width,
                language_width=language.get_input_embeddings().embedding_dim,
                vision_width=vision_width,
                language=parts.language.id,
                language_revision=parts.language.revision,
                vision=parts.vision.id,
                vision_revision=parts.vision.revision,
                ret_id=len(tokenizer) - 1,
            )
        )
    model.attach(language, None)
    model.start_ret()
    return model, tokenizer


def read_facts(adapter: Path) -> Facts:
    """plumbline.json of a grounding adapter's folder; UserError when it is missing or doesn't fit."""
    path = adapter / FACTS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{path} is missing: name an adapter that `train` wrote; `dvc checkout` or `dvc repro` gives it."
        ) from None
    except ValueError as error:
        raise UserError(f"{path} is no valid JSON ({error}): run `dvc checkout`, or train the adapter anew.") from error
    return check_params(Facts, content, "adapter", path)


def load_trained(adapter: Path, base_dir: Path, device: str) -> Trained:
    """The adapter in `adapter` over the frozen parts that it was trained on, quantised as they were.

    UserError for a missing file, for frozen parts of other widths, and for another tokenizer.
    """
    facts = read_facts(adapter)
    with without_known_noise():
        from stages.features.tower import load_tower
        from stages.grounding.adapter import load_adapter, read_config, read_shell
        from stages.grounding.model import Fromage
        from stages.grounding.towers import load_language, tokenizer_of

    config = read_config(adapter)
    read_shell(adapter)  # what is wrong with it is said before gigabytes are loaded
    base = base_dir / facts.base
    tower = load_tower(base, facts.model.vision, device)
    tokenizer = tokenizer_of(base / "language", facts.model.language)
    if len(tokenizer) - 1 != config.ret_id:
        raise UserError(
            f"{adapter} was trained with a tokenizer of {config.ret_id} tokens; that of {base} has "
            f"{len(tokenizer) - 1}: name the folder of its own bases with --base-dir."
        )
    language = load_language(
        base / "language",
        facts.model.language,
        quantisation=facts.quantisation,
        double=facts.double_quantisation,
        dtype=facts.compute_dtype,
        device=device,
    )
    model = Fromage(config)
    try:
        model.attach(language, tower.vision)
    except ValueError as error:
        raise UserError(
            f"{adapter} wasn't trained on the models in {base} ({error}): name the folder of its own with --base-dir."
        ) from error
    load_adapter(model, adapter)
    return Trained(facts, model.eval(), tokenizer, tower)
