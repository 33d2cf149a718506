"""Ask a trained adapter about pictures: one JSON line an input, in input order.

Each line is {"input", "output", "score"}; score is the probability (0 to 1) that the model gave its
answer. A file that can't be read gets output and score null and an "error"; the rest is answered all
the same, and the exit status is 1.

An interleaved adapter (IDEFICS) names or describes each picture, in its recipe's prompt or in --prompt. A
grounding adapter (FROMAGe) describes each picture, or answers --prompt. With --find TEXT it ranks the
pictures instead: a line each for the best of them, where score is the cosine (-1 to 1). A naming adapter (Gemma)
names what --text describes, or each {"description": text} of --rows. A chat adapter (CLIP + Phi) describes each
picture or answers --prompt; with --image FILE it answers --text, again for each further question of one conversation.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from stages.cli import predict_answers, predict_chat, predict_grounding, predict_interleaved, predict_naming
from stages.cli.questions import Line, Question, answer_lines, questions_in_folder, questions_in_rows
from stages.cli.replacing import replacing
from stages.params import UserError

OBJECTIVES = ("answers", "grounding", "interleaved", "naming", "chat")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="a folder such as models/trained/RECIPE")
    inputs = parser.add_mutually_exclusive_group()
    inputs.add_argument("--images", type=Path, metavar="DIR", help="its pictures by content, sorted by name")
    inputs.add_argument(
        "--rows",
        type=Path,
        metavar="FILE.jsonl",
        help='lines {"image": path from the file\'s folder, "prompt": text}; to be named: {"description": text}',
    )
    inputs.add_argument("--image", type=Path, metavar="FILE", help="the picture of a conversation (chat)")
    parser.add_argument(
        "--text", action="append", metavar="TEXT", help="to be named, or asked about --image; repeatable"
    )
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--prompt", metavar="TEXT", help="default: the recipe's own; a grounding adapter describes")
    asked.add_argument("--find", metavar="TEXT", help="rank the pictures of --images for this text (grounding)")
    parser.add_argument("--top", type=int, default=5, metavar="N", help="pictures that --find names (default: 5)")
    parser.add_argument("--out", type=Path, metavar="FILE.jsonl", help="needed but for a conversation, which is shown")
    parser.add_argument("--recursive", action="store_true", help="folders below DIR too")
    parser.add_argument("--base-dir", type=Path, default=Path("models/base"), metavar="DIR", help="embedded bases")
    parser.add_argument("--batch-size", type=int, default=16, metavar="N")
    tasks = ", ".join(f"{task} {count}" for task, count in predict_interleaved.MAX_NEW_TOKENS.items())
    lengths = f"{predict_answers.MAX_NEW_TOKENS}; grounding {predict_grounding.MAX_NEW_TOKENS}; interleaved {tasks}; "
    lengths += f"naming {predict_naming.MAX_NEW_TOKENS}; chat {predict_chat.MAX_NEW_TOKENS}"
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help=f"of an answer (default: {lengths})")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def command(given: argparse.Namespace) -> int:
    """Answer everything that can be read; 1 when something couldn't be."""
    for option in ("--batch-size", "--max-new-tokens", "--top"):
        value = getattr(given, option[2:].replace("-", "_"))
        if value is not None and value < 1:
            raise UserError(f"{option} {value} is not allowed: a whole number from 1 up.")
    objective = objective_of(given.adapter)
    if given.find is not None and objective != "grounding":
        raise UserError(f"--find: {given.adapter} answers in words alone; ask it with --images DIR --prompt TEXT.")
    if given.find is not None and given.rows:
        raise UserError("--find ranks the pictures of a folder: give --images DIR instead of --rows.")
    _require_inputs(given, objective)
    if objective == "chat":
        return _talked(given) if given.image else _chat(given)
    if objective == "naming":
        return _naming(given)
    if objective == "answers":
        return _answers(given)
    if objective == "interleaved":
        return _interleaved(given)
    return _found(given) if given.find is not None else _grounding(given)


def _require_inputs(given: argparse.Namespace, objective: str) -> None:
    """What is asked about must be given once, in a form that the adapter takes."""
    if given.image and objective != "chat":
        raise UserError(f"--image: {given.adapter} holds no conversation; give --images DIR or --rows FILE.jsonl.")
    if given.text and not (objective == "naming" or given.image):
        raise UserError(f"--text: {given.adapter} looks at pictures; give --images DIR or --rows FILE.jsonl.")
    if given.text and (given.images or given.rows):
        raise UserError("--text is an input of its own: leave out --images and --rows.")
    if not (given.images or given.rows or given.image or given.text):
        one = "--text TEXT or --rows FILE.jsonl" if objective == "naming" else "--images DIR or --rows FILE.jsonl"
        raise UserError(f"nothing to ask {given.adapter} about: give {one}.")
    if given.out is None and not given.image:
        raise UserError("--out FILE.jsonl is missing: where the answers go.")


def objective_of(adapter: Path) -> str:
    """What an adapter was trained for; the first ones didn't say, and answer in words."""
    objective = predict_answers.read_content(adapter).get("objective", "answers")
    if objective not in OBJECTIVES:
        raise UserError(
            f"{adapter / predict_answers.FACTS}: `objective` = {objective!r} is not known here; "
            f"allowed: {', '.join(OBJECTIVES)}."
        )
    return str(objective)


def _answers(given: argparse.Namespace) -> int:
    facts = predict_answers.read_facts(given.adapter)
    default = facts.tokenize.prompt
    if given.prompt is not None:
        default = predict_answers.checked_prompt(facts, given.prompt)
    questions = _questions(given, default)
    given.max_new_tokens = given.max_new_tokens or predict_answers.MAX_NEW_TOKENS
    prepare, ask = predict_answers.load(given, facts)
    return _written(given.out, answer_lines(questions, prepare, ask), f"of {len(questions)} answered")


def _interleaved(given: argparse.Namespace) -> int:
    facts = predict_interleaved.read_facts(given.adapter)
    default = facts.tokenize.prompt if given.prompt is None else given.prompt
    predict_interleaved.asking(facts, default)
    questions = _questions(given, default)
    given.max_new_tokens = given.max_new_tokens or predict_interleaved.MAX_NEW_TOKENS[facts.task]
    prepare, ask = predict_interleaved.load(given, facts)
    return _written(given.out, answer_lines(questions, prepare, ask), f"of {len(questions)} answered")


def _naming(given: argparse.Namespace) -> int:
    facts = predict_naming.read_facts(given.adapter)
    predict_naming.asking(facts, given.prompt)  # refuses a prompt before the base is loaded
    questions = predict_naming.questions(given)
    given.max_new_tokens = given.max_new_tokens or predict_naming.MAX_NEW_TOKENS
    prepare, ask = predict_naming.load(given, facts)
    return _written(given.out, answer_lines(questions, prepare, ask), f"of {len(questions)} named")


def _chat(given: argparse.Namespace) -> int:
    if given.prompt is not None:
        predict_chat.checked_prompt(given.prompt)
    questions = _questions(given, given.prompt)
    given.max_new_tokens = given.max_new_tokens or predict_chat.MAX_NEW_TOKENS
    prepare, ask = predict_chat.load(given, predict_chat.read_facts(given.adapter))
    return _written(given.out, answer_lines(questions, prepare, ask), f"of {len(questions)} answered")


def _talked(given: argparse.Namespace) -> int:
    """A conversation on the terminal, and in --out if that is given."""
    given.max_new_tokens = given.max_new_tokens or predict_chat.MAX_NEW_TOKENS
    lines = []
    for line in predict_chat.talk(given):
        print(f"{line['prompt']}\n  {line['output']}")
        lines.append(line)
    return _written(given.out, lines, f"of {len(lines)} answered") if given.out else 0


def _grounding(given: argparse.Namespace) -> int:
    if given.prompt is not None:
        predict_grounding.checked_prompt(given.prompt)
    questions = _questions(given, given.prompt)
    given.max_new_tokens = given.max_new_tokens or predict_grounding.MAX_NEW_TOKENS
    prepare, ask = predict_grounding.load(given)
    return _written(given.out, answer_lines(questions, prepare, ask), f"of {len(questions)} answered")


def _found(given: argparse.Namespace) -> int:
    text = predict_grounding.checked_text(given.find)
    questions = questions_in_folder(given.images, None, given.recursive)
    return _written(given.out, predict_grounding.ranking(given, text, questions), f"of {len(questions)} pictures named")


def _questions(given: argparse.Namespace, default: str | None) -> list[Question]:
    if given.rows:
        return questions_in_rows(given.rows, default)
    return questions_in_folder(given.images, default, given.recursive)


def _written(out: Path, lines: Iterable[Line], what: str) -> int:
    """Write the lines, say each error and the count; 1 when there was an error."""
    done = failed = 0
    with replacing(out) as stream:
        for line in lines:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            if "error" in line:
                failed += 1
                print(f"error: {line['input']}: {line['error']}", file=sys.stderr)
            else:
                done += 1
    print(f"{done} {what}: {out}")
    return 1 if failed else 0
