"""How an adapter of objective `answers` is asked: a recipe's prompt and a fitted picture in, a few words out."""

import argparse
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stages.answers.recipe import Tokenize
from stages.cli.questions import Question
from stages.params import Params, UserError, check_params
from stages.pictures import open_picture
from stages.recipe import Model

if TYPE_CHECKING:
    from PIL import Image

    from stages.generated import Answer
    from stages.tokenize.answers.encode import Encoder

    Prepared = tuple[list[int], Image.Image]  # token ids of the prompt; the picture, fitted to the model
    Ask = Callable[[list[Prepared]], list[Answer]]

FACTS = "plumbline.json"
MAX_NEW_TOKENS = 4


class Facts(Params, extra="ignore"):
    """What predict needs of an adapter's plumbline.json: the base, and how its rows were made."""

    model: Model
    base: str = Field(pattern=r"^\w[\w.-]*$")  # a name, never a path: adapters come from elsewhere too
    tokenize: Tokenize
    quantisation: Literal["nf4", "none"]
    double_quantisation: bool
    compute_dtype: Literal["bfloat16", "float32"]


def read_facts(adapter: Path) -> Facts:
    """plumbline.json of an `answers` adapter; UserError when it is missing or doesn't fit."""
    content = read_content(adapter)
    objective = content.get("objective", "answers")  # the first adapters didn't say
    if objective != "answers":
        raise UserError(
            f"{adapter / FACTS}: `objective` is {objective!r}; an adapter of objective 'answers' is needed."
        )
    return check_params(Facts, content, "adapter", adapter / FACTS)


def read_content(adapter: Path) -> dict[str, Any]:
    """What plumbline.json holds; UserError when it is missing or no JSON object."""
    path = adapter / FACTS
    if not path.is_file():
        raise UserError(
            f"{path} is missing: name an adapter that `train` wrote; `dvc checkout` or `dvc repro` gives it."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no valid JSON ({error}): run `dvc checkout`, or train the adapter anew.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds {type(content).__name__}, not an object: run `dvc checkout`, or train it anew.")
    return content


def checked_prompt(facts: Facts, prompt: str) -> str:
    """`prompt` by the rules of a recipe's own: not empty, no <image>."""
    return check_params(Tokenize, {**facts.tokenize.model_dump(), "prompt": prompt}, "tokenize", Path(FACTS)).prompt


def prompt_ids(encoder: "Encoder", prompt: str) -> list[int]:
    """Token ids that generation starts from; UserError when they are too many, or hold a control token."""
    ids = list(encoder.prefix(prompt))
    if len(ids) > encoder.max_length:
        raise UserError(f"the prompt has {len(ids)} tokens with its picture, the recipe allows {encoder.max_length}.")
    control = set(encoder.processor.tokenizer.all_special_ids) - {encoder.processor.image_token_id}
    if sum(token in control for token in ids) != 1:  # the <bos> before the prompt
        raise UserError(f"the prompt {prompt!r} holds a control token of the model, such as <eos>: leave it out.")
    return ids


def load(given: argparse.Namespace, facts: Facts) -> "tuple[Callable[[Question], Prepared], Ask]":
    """The two halves of an answer: a question as the model sees it, and what the model says to a batch."""
    from stages.adapter import attach, check_adapter
    from stages.bases import load_model, load_processor, pick_device
    from stages.evaluate.answers.generation import answer
    from stages.tokenize.answers.encode import Encoder, image_features
    from stages.tokenize.answers.views import Fit

    check_adapter(given.adapter)  # before the base is loaded
    base = given.base_dir / facts.base
    processor = load_processor(base, facts.model)
    bare = load_model(
        base,
        facts.model,
        quantisation=facts.quantisation,
        double=facts.double_quantisation,
        compute_dtype=facts.compute_dtype,
        device=pick_device(given.device),
    )
    fit = Fit.of(processor, facts.tokenize)
    encoder = Encoder(processor, image_features(bare.config, fit.height, fit.width), facts.tokenize.max_length)
    model = attach(bare, given.adapter)

    @lru_cache
    def prefix(prompt: str) -> list[int]:
        return prompt_ids(encoder, checked_prompt(facts, prompt))

    def prepare(question: Question) -> "Prepared":
        asked = facts.tokenize.prompt if question.prompt is None else question.prompt
        return prefix(asked), fit(open_picture(question.path))

    def ask(batch: "list[Prepared]") -> "list[Answer]":
        prefixes, pictures = [ids for ids, _ in batch], [picture for _, picture in batch]
        settings = {"batch_size": given.batch_size, "max_new_tokens": given.max_new_tokens}
        return answer(model, processor, prefixes, pictures.__getitem__, label="predict", **settings)

    return prepare, ask
