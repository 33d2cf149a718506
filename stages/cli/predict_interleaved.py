"""How an adapter of objective `interleaved` (IDEFICS) is asked: a fitted picture and a prompt in, a text out."""

import argparse
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stages.cli.predict_answers import FACTS, read_content
from stages.cli.questions import Question
from stages.interleaved.recipe import Tokenize
from stages.interleaved.templates import stops
from stages.params import Params, UserError, check_params
from stages.pictures import open_picture
from stages.recipe import Model

if TYPE_CHECKING:
    from PIL import Image

    from stages.generated import Answer

    Prepared = tuple[tuple[int, ...], Image.Image]  # token ids up to the prompt's end; the picture, fitted to the model
    Ask = Callable[[list[Prepared]], list[Answer]]

MAX_NEW_TOKENS = {"label": 15, "caption": 40}  # by task: those of the notebooks that the recipes rebuild


class Facts(Params, extra="ignore"):
    """What predict needs of an adapter's plumbline.json: the base, and how its rows were made."""

    objective: Literal["interleaved"]
    task: Literal["label", "caption"]
    model: Model
    base: str = Field(pattern=r"^\w[\w.-]*$")  # a name, never a path: adapters come from elsewhere too
    tokenize: Tokenize
    quantisation: Literal["nf4", "none"]
    double_quantisation: bool
    compute_dtype: Literal["bfloat16", "float32"]


def read_facts(adapter: Path) -> Facts:
    """plumbline.json of an `interleaved` adapter; UserError when it is missing or doesn't fit."""
    return check_params(Facts, read_content(adapter), "adapter", adapter / FACTS)


def asking(facts: Facts, prompt: str) -> Tokenize:
    """The adapter's template with another prompt, by the rules of a recipe's own: not empty, no <image>."""
    return check_params(Tokenize, {**facts.tokenize.model_dump(), "prompt": prompt}, "tokenize", Path(FACTS))


def prompt_ids(processor: Any, template: Tokenize) -> tuple[int, ...]:
    """Token ids that generation starts from; UserError when they are too many, or hold a control token."""
    from stages.tokenize.interleaved.encode import Encoder

    encoder = Encoder(processor, template)
    held = encoder.held(template.prompt)
    if held:
        raise UserError(
            f"the prompt {template.prompt!r} holds {', '.join(held)}, a control token of the model: leave it out."
        )
    ids = encoder.prefix()
    if len(ids) > template.max_length:
        raise UserError(f"the prompt has {len(ids)} tokens with its picture, the recipe allows {template.max_length}.")
    return ids


def load(given: argparse.Namespace, facts: Facts) -> "tuple[Callable[[Question], Prepared], Ask]":
    """The two halves of an answer: a question as the model sees it, and what the model says to a batch."""
    from stages.adapter import attach, check_adapter
    from stages.bases import load_model, load_processor, pick_device
    from stages.interleaved.generation import answer
    from stages.tokenize.interleaved.views import Fit

    check_adapter(given.adapter)  # before the base is loaded
    base = given.base_dir / facts.base
    processor = load_processor(base, facts.model)
    fit = Fit.of(processor, facts.tokenize.fit)
    bare = load_model(
        base,
        facts.model,
        quantisation=facts.quantisation,
        double=facts.double_quantisation,
        compute_dtype=facts.compute_dtype,
        device=pick_device(given.device),
    )
    model = attach(bare, given.adapter)

    @lru_cache
    def prefix(prompt: str) -> tuple[int, ...]:
        return prompt_ids(processor, asking(facts, prompt))

    def prepare(question: Question) -> "Prepared":
        asked = facts.tokenize.prompt if question.prompt is None else question.prompt
        return prefix(asked), fit(open_picture(question.path))

    def ask(batch: "list[Prepared]") -> "list[Answer]":
        return answer(
            model,
            processor,
            [(ids, [picture]) for ids, picture in batch],
            batch_size=given.batch_size,
            max_new_tokens=given.max_new_tokens,
            stops=stops(facts.tokenize, facts.task),
            label="predict",
        )

    return prepare, ask
