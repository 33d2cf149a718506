"""Drafts from a trained adapter: what it says to pictures that nobody has captioned yet."""

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.caption.offers import Offer, Refusal, printable
from stages.cli import predict_answers, predict_grounding
from stages.cli.predict import objective_of
from stages.cli.questions import Question, answer_lines
from stages.record import Record
from stages.shards import ShardReader, sha256_of_file

WEIGHTS = "adapter_model.safetensors"


def drafts_of(
    given: argparse.Namespace, adapter: Path, records: Sequence[Record], curated: Path
) -> tuple[list[Offer], list[Refusal]]:
    """An answer a record, in its recipe's own prompt; `given` has what `predict` takes besides the pictures.

    A grounding adapter has no prompt: it describes.
    """
    asked = argparse.Namespace(**{**vars(given), "adapter": adapter})
    prompt, prepare, ask = _grounding(asked) if objective_of(adapter) == "grounding" else _answers(asked)
    digest = hashlib.sha256((prompt or "").encode()).hexdigest()[:12]
    author = f"model:{printable(adapter.resolve().name)}@{sha256_of_file(adapter / WEIGHTS)[:12]}#{digest}"
    offers, refused = [], []
    with tempfile.TemporaryDirectory() as folder, ShardReader(curated) as shards:
        questions = []
        for record in records:
            path = Path(folder) / record.origin
            path.write_bytes(shards.read(record.image.shard, record.image.member, record.image.sha256))
            questions.append(Question(record.origin, path, prompt))
        for record, line in zip(records, answer_lines(questions, prepare, ask), strict=True):
            if isinstance(line["output"], str):
                offers.append(Offer(record.origin, line["output"].strip(), author))
            else:
                refused.append(Refusal(0, "no answer", f"{record.id}: {line['error']}"))
    return offers, refused


def _answers(given: argparse.Namespace) -> tuple[str | None, Any, Any]:
    facts = predict_answers.read_facts(given.adapter)
    return facts.tokenize.prompt, *predict_answers.load(given, facts)


def _grounding(given: argparse.Namespace) -> tuple[str | None, Any, Any]:
    return None, *predict_grounding.load(given)
