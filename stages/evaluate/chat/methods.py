"""The two models of a step, one after the other: what it started from, and what it made of that."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.chat.build import build, read_facts
from stages.chat.model import llava_of
from stages.chat.templates import Templates
from stages.chat.trained import load_trained
from stages.evaluate.chat.asking import Respondent
from stages.evaluate.chat.given import Given
from stages.evaluate.chat.said import Said
from stages.params import UserError


@dataclass(frozen=True)
class Told:
    """Method -> what it said: of each picture, and to each question."""

    captions: dict[str, list[Said]] = field(default_factory=dict)
    answers: dict[str, list[Said]] = field(default_factory=dict)


def ask_before(given: Given, base: Path, parent: Path, device: str) -> Told:
    """What the step started from: the adapter in `parent`, or where there is none the projector before training."""
    if given.params.parent == "none":
        respond = _untrained(given, base, device)
    else:
        respond = _adapted(given, base, parent, device)
    return Told({"before": respond.captions()}, {"before": respond.answers()})


def ask_trained(given: Given, base: Path, trained: Path, device: str) -> Told:
    """The step's own adapter: with the picture, without it, and in conversations with itself."""
    respond = _adapted(given, base, trained, device)
    answers = respond.answers()
    return Told(
        {"trained": respond.captions(), "withheld": respond.captions(sees=False)},
        {
            "trained": answers,
            "withheld": respond.answers(sees=False),
            "own_history": respond.upon_own(answers),
        },
    )


def check_adapters(given_base: str, *adapters: Path) -> None:
    """UserError where an adapter isn't a chat model's, or stands on another base: said before anything is loaded."""
    for adapter in adapters:
        facts = read_facts(adapter)
        if facts.base != given_base:
            raise UserError(
                f"{adapter} was trained on the base {facts.base}, this recipe's is {given_base}: `dvc repro` trains it."
            )


def _adapted(given: Given, base: Path, adapter: Path, device: str) -> Respondent:
    found = load_trained(adapter, base.parent, device)
    return Respondent(found.model, found.templates, given)


def _untrained(given: Given, base: Path, device: str) -> Respondent:
    """The frozen parts, joined by the very projector that training began with."""
    from stages.chat.projector import SAMPLED, begin

    model, tokenizer = build(base, given.params, device)
    llava: Any = llava_of(model)
    pictures = list(dict.fromkeys(picture for picture, _ in given.captions))
    sample = given.patches.of(given.pairs(pictures[:: max(1, len(pictures) // SAMPLED)][:SAMPLED]))
    begin(llava.model.multi_modal_projector, sample, llava.get_input_embeddings().weight)
    templates = Templates(tokenizer, given.params.tokenize, llava.config.image_seq_length)
    return Respondent(model, templates, given)
