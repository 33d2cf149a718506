"""Ask a trained adapter about pictures: one JSON line an input, in input order.

Each line is {"input", "output", "score"}; score is the probability (0 to 1) that the model gave its
answer. A file that can't be read gets output and score null and an "error"; the rest is answered all
the same, and the exit status is 1.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stages.answers.recipe import Tokenize
from stages.cli.replacing import replacing
from stages.params import Params, UserError, check_params
from stages.pictures import RefusedPictureError, looks_like_picture, open_picture
from stages.recipe import Model

if TYPE_CHECKING:
    from PIL import Image

    from stages.evaluate.answers.generation import Answer
    from stages.tokenize.answers.encode import Encoder

    Prepared = tuple[list[int], Image.Image]  # token ids of the prompt; the picture, fitted to the model
    Ask = Callable[[list[Prepared]], list[Answer]]

Line = dict[str, str | float | None]

ROWS_AT_ONCE = 512  # fitted pictures in memory: 77 MB at 224 x 224
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
FACTS = "plumbline.json"


class Facts(Params, extra="ignore"):
    """What predict needs of an adapter's plumbline.json: the base, and how its rows were made."""

    model: Model
    base: str = Field(pattern=r"^\w[\w.-]*$")  # a name, never a path: adapters come from elsewhere too
    tokenize: Tokenize
    quantisation: Literal["nf4", "none"]
    double_quantisation: bool
    compute_dtype: Literal["bfloat16", "float32"]


@dataclass(frozen=True)
class Question:
    """One input: its name in the output, its picture's path, its prompt; or what is wrong with it."""

    input: str | None
    path: Path
    prompt: str
    error: str = ""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="a folder such as models/trained/RECIPE")
    inputs = parser.add_mutually_exclusive_group(required=True)
    inputs.add_argument("--images", type=Path, metavar="DIR", help="its pictures by content, sorted by name")
    inputs.add_argument(
        "--rows", type=Path, metavar="FILE.jsonl", help='lines {"image": path from the file\'s folder, "prompt": text}'
    )
    parser.add_argument("--prompt", metavar="TEXT", help="default: the recipe's own")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    parser.add_argument("--recursive", action="store_true", help="folders below DIR too")
    parser.add_argument("--base-dir", type=Path, default=Path("models/base"), metavar="DIR", help="embedded bases")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N")
    parser.add_argument("--max-new-tokens", type=int, default=4, metavar="N", help="of an answer (default: 4)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def command(given: argparse.Namespace) -> int:
    """Answer everything that can be read; 1 when something couldn't be."""
    for option, value in (("--batch-size", given.batch_size), ("--max-new-tokens", given.max_new_tokens)):
        if value < 1:
            raise UserError(f"{option} {value} is not allowed: a whole number from 1 up.")
    facts = read_facts(given.adapter)
    default = facts.tokenize.prompt
    if given.prompt is not None:
        default = checked_prompt(facts, given.prompt)
    if given.rows:
        questions = questions_in_rows(given.rows, default)
    else:
        questions = questions_in_folder(given.images, default, given.recursive)
    prepare, ask = load(given, facts)
    failed = 0
    with replacing(given.out) as stream:
        for line in answer_lines(questions, prepare, ask):
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            if "error" in line:
                failed += 1
                print(f"error: {line['input']}: {line['error']}", file=sys.stderr)
    print(f"{len(questions) - failed} of {len(questions)} answered: {given.out}")
    return 1 if failed else 0


def read_facts(adapter: Path) -> Facts:
    """plumbline.json of an adapter folder; UserError when it is missing or doesn't fit."""
    path = adapter / FACTS
    if not path.is_file():
        raise UserError(
            f"{path} is missing: name an adapter that `train` wrote; `dvc checkout` or `dvc repro` gives it."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no valid JSON ({error}): run `dvc checkout`, or train the adapter anew.") from error
    return check_params(Facts, content, "adapter", path)


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


def questions_in_folder(folder: Path, prompt: str, recursive: bool = False) -> list[Question]:
    """A question for every picture: by its content, or by its suffix (then an unreadable one is an error)."""
    if not folder.is_dir():
        raise UserError(f"--images {folder} is no folder; for one list of files use --rows.")
    found = folder.rglob("*") if recursive else folder.iterdir()
    paths = sorted(path for path in found if path.is_file() and not path.name.startswith("."))
    questions = [_question(path, path.relative_to(folder).as_posix(), prompt) for path in paths]
    pictures = [question for question in questions if question is not None]
    if not pictures:
        raise UserError(f"--images {folder} holds no PNG, JPEG, WEBP or GIF picture; --recursive looks below it too.")
    return pictures


def _question(path: Path, name: str, prompt: str) -> Question | None:
    """None for a file that is no picture by name nor by content: a table beside the pictures, say."""
    try:
        if path.suffix.lower() in SUFFIXES or looks_like_picture(path):
            return Question(name, path, prompt)
    except OSError as error:
        return Question(name, path, prompt, f"can't be opened: {error.strerror}")
    return None


def questions_in_rows(path: Path, prompt: str) -> list[Question]:
    """A question a line; a line without a prompt gets `prompt`, a broken one stays as an error."""
    if not path.is_file():
        raise UserError(f'--rows {path} is missing: a file of lines {{"image": path, "prompt": text}}.')
    lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    if not lines:
        raise UserError(f"--rows {path} is empty.")
    return [_row_question(path, number, line, prompt) for number, line in enumerate(lines, start=1)]


def _row_question(path: Path, number: int, line: bytes, prompt: str) -> Question:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Question(None, path, "", f"row {number} is no JSON")
    if not isinstance(row, dict) or not isinstance(row.get("image"), str):
        return Question(None, path, "", f'row {number} has no text "image"')
    asked = row.get("prompt", prompt)
    if not isinstance(asked, str):
        return Question(row["image"], path, "", f'row {number}: "prompt" must be text')
    return Question(row["image"], path.parent / row["image"], asked)


def answer_lines(questions: list[Question], prepare: "Callable[[Question], Prepared]", ask: "Ask") -> Iterator[Line]:
    """A line a question, in order; what can't be prepared becomes a line with its error, and is not asked."""
    for start in range(0, len(questions), ROWS_AT_ONCE):
        chunk = questions[start : start + ROWS_AT_ONCE]
        prepared = [_prepared(question, prepare) for question in chunk]
        answers = iter(ask([one for one in prepared if not isinstance(one, str)]))
        for question, one in zip(chunk, prepared, strict=True):
            if isinstance(one, str):
                yield {"input": question.input, "output": None, "score": None, "error": one}
            else:
                said = next(answers)
                yield {"input": question.input, "output": said.text, "score": said.score}


def _prepared(question: Question, prepare: "Callable[[Question], Prepared]") -> "Prepared | str":
    if question.error:
        return question.error
    try:
        return prepare(question)
    except (RefusedPictureError, UserError) as error:
        return str(error)


def load(given: argparse.Namespace, facts: Facts) -> "tuple[Callable[[Question], Prepared], Ask]":
    """The two halves of an answer: a question as the model sees it, and what the model says to a batch."""
    from stages.bases import load_model, load_processor, pick_device
    from stages.evaluate.answers.adapter import attach, check_adapter
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
        return prefix(question.prompt), fit(open_picture(question.path))

    def ask(batch: "list[Prepared]") -> "list[Answer]":
        prefixes, pictures = [ids for ids, _ in batch], [picture for _, picture in batch]
        settings = {"batch_size": given.batch_size, "max_new_tokens": given.max_new_tokens}
        return answer(model, processor, prefixes, pictures.__getitem__, label="predict", **settings)

    return prepare, ask
