"""A trained chat model, loaded as its adapter folder describes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.adapter import attach, check_adapter
from stages.chat.build import Facts, load_projector, read_facts
from stages.chat.model import assemble, attach_tower, llava_of
from stages.chat.templates import Templates

if TYPE_CHECKING:
    from stages.features.tower import Tower


@dataclass(frozen=True)
class Trained:
    """A trained model with its tokenizer and templates, ready to be asked; `tower` is attached if asked for."""

    facts: Facts
    model: Any
    tokenizer: Any
    templates: Templates
    tower: "Tower | None"


def load_trained(adapter: Path, base_dir: Path, device: str, *, tower: bool = False) -> Trained:
    """The adapter in `adapter` over the frozen parts in `base_dir`/<its base>, quantised as they were.

    Without `tower` it reads cached patches; with it, pixels too. UserError for what is missing or doesn't fit.
    """
    facts = read_facts(adapter)
    if facts.task == "instruct":
        check_adapter(adapter)  # what is wrong with it is said before gigabytes are loaded
    base = base_dir / facts.base
    model, tokenizer = assemble(base, facts.model, facts, facts.projector, device)
    load_projector(model, adapter)
    if facts.task == "instruct":
        model = attach(model, adapter)  # before the tower comes, whose layers have the names of Phi's
    looks = None
    if tower:
        from stages.features.tower import load_tower

        looks = load_tower(base, facts.model.vision, device)
        attach_tower(llava_of(model), looks.vision)
    patches = llava_of(model).config.image_seq_length
    return Trained(facts, model.eval(), tokenizer, Templates(tokenizer, facts.tokenize, patches), looks)
