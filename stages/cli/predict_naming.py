"""How an adapter of objective `naming` (Gemma) is asked: a description in, a name out."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stages.cli.predict_answers import FACTS, read_content
from stages.cli.questions import Question
from stages.naming.recipe import Tokenize
from stages.params import Params, UserError, check_params
from stages.recipe import Model

if TYPE_CHECKING:
    from stages.naming.generation import Named

    Ask = Callable[[list[list[int]]], list[Named]]

MAX_NEW_TOKENS = 24


class Facts(Params, extra="ignore"):
    """What predict needs of an adapter's plumbline.json: the base, and how its rows were made."""

    objective: Literal["naming"]
    model: Model
    base: str = Field(pattern=r"^\w[\w.-]*$")  # a name, never a path: adapters come from elsewhere too
    tokenize: Tokenize
    quantisation: Literal["nf4", "none"]
    double_quantisation: bool
    compute_dtype: Literal["bfloat16", "float32"]


def read_facts(adapter: Path) -> Facts:
    """plumbline.json of a `naming` adapter; UserError when it is missing or doesn't fit."""
    return check_params(Facts, read_content(adapter), "adapter", adapter / FACTS)


def asking(facts: Facts, prompt: str | None) -> Tokenize:
    """The adapter's template, with another prompt if one is given: it must hold {description}, as a recipe's own."""
    if prompt is None:
        return facts.tokenize
    return check_params(Tokenize, {**facts.tokenize.model_dump(), "prompt": prompt}, "tokenize", Path(FACTS))


def questions(given: argparse.Namespace) -> list[Question]:
    """One a description, of --text or of --rows; its text is its name in the output."""
    if given.text:
        return [_question(text, Path()) for text in given.text]
    if given.rows:
        return _questions_in_rows(given.rows)
    raise UserError(f"--images: {given.adapter} names what a text describes; give --text TEXT or --rows FILE.jsonl.")


def load(given: argparse.Namespace, facts: Facts) -> "tuple[Callable[[Question], list[int]], Ask]":
    """The two halves of an answer: a description as the model reads it, and what the model says to a batch."""
    from stages.adapter import attach, check_adapter
    from stages.bases import pick_device
    from stages.naming.generation import generate
    from stages.naming.model import load_in, load_tokenizer
    from stages.naming.templates import Templates

    check_adapter(given.adapter)  # before the base is loaded
    base, template = given.base_dir / facts.base, asking(facts, given.prompt)
    tokenizer = load_tokenizer(base, facts.model)
    templates = Templates(tokenizer, template)
    bare = load_in(
        base,
        facts.model,
        quantisation=facts.quantisation,
        double=facts.double_quantisation,
        dtype=facts.compute_dtype,
        device=pick_device(given.device),
    )
    model = attach(bare, given.adapter)

    def prepare(question: Question) -> list[int]:
        ids = templates.prompt_ids(question.input or "")
        if len(ids) > template.max_length:
            raise UserError(f"the prompt has {len(ids)} tokens, the recipe allows {template.max_length}.")
        return ids

    def ask(batch: "Sequence[list[int]]") -> "list[Named]":
        sizes = {"batch_size": given.batch_size, "max_new_tokens": given.max_new_tokens}
        return generate(model, tokenizer, batch, label="predict", **sizes)

    return prepare, ask


def _question(description: str, path: Path) -> Question:
    return Question(description, path, None, "" if description.strip() else "the description is empty")


def _questions_in_rows(path: Path) -> list[Question]:
    """A question a line; a broken line stays as an error."""
    if not path.is_file():
        raise UserError(f'--rows {path} is missing: a file of lines {{"description": text}}.')
    lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    if not lines:
        raise UserError(f"--rows {path} is empty.")
    return [_row_question(path, number, line) for number, line in enumerate(lines, start=1)]


def _row_question(path: Path, number: int, line: bytes) -> Question:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Question(None, path, None, f"row {number} is no JSON")
    if not isinstance(row, dict) or not isinstance(row.get("description"), str):
        return Question(None, path, None, f'row {number} has no text "description"')
    return _question(row["description"], path)
