"""From a curated record to the conversations that may become rows, and what is left out of them by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from stages.chat.recipe import ChatRecipe
from stages.chat.templates import Templates
from stages.params import UserError
from stages.record import Drop, Image, Record, Source, Text, read_manifest
from stages.tokenize.chat.rows import Kind

READ_AT_ONCE = 1000  # records
KINDS: dict[str, Kind] = {"align": "caption", "instruct": "conversation"}
NOTHING = {"caption": "no caption", "conversation": "no conversation"}
EMPTY_QUESTION, EMPTY_ANSWER = "empty question", "empty answer"
HOLDS_SPECIAL = "text holds a special token"
TOO_LONG = "answer longer than longest_answer"
BEHIND = "behind a turn that was left out"
OVER = "row longer than max_length"


@dataclass(frozen=True)
class Candidate:
    """A conversation that can be tokenized: `turns` are question and answer, none of them empty."""

    id: str
    kind: Kind
    record: Record
    turns: tuple[tuple[str, str], ...]
    references: tuple[str, ...]


def read_records(folder: Path) -> Iterator[list[Record]]:
    """A finished table folder's records, some at a time."""
    import pyarrow.parquet as pq

    read_manifest(folder)  # refuses an unfinished folder
    with pq.ParquetFile(folder / "rows.parquet", pre_buffer=False) as table:
        for batch in table.iter_batches(READ_AT_ONCE):
            yield [_record(row) for row in batch.to_pylist()]


def candidates(record: Record, params: ChatRecipe, templates: Templates, drops: list[Drop]) -> list[Candidate]:
    """What `record` gives: of a training picture every caption or every conversation, of a test picture both kinds.

    A test picture has one row for its captions: all are references. What is left out goes to `drops`, one a turn.
    """
    own, found = KINDS[params.task], []
    if record.split != "train" or own == "caption":
        found += _captions(record, params, templates, drops)
    if record.split != "train" or own == "conversation":
        for number, turns in enumerate(conversations_of(record)):
            found += _kept(f"{record.id}/t{number}", "conversation", record, turns, params, templates, drops)
    given = record.texts if own == "caption" else conversations_of(record)
    if not given:
        drops.append(Drop(record.id, NOTHING[own]))
    return found


def turns_in(record: Record, params: ChatRecipe) -> int:
    """How many turns `record` comes with, a picture without any of the task's kind counting as one."""
    own, count, talks = KINDS[params.task], 0, conversations_of(record)
    if record.split != "train":
        count = bool(record.texts) + sum(map(len, talks))
    elif own == "caption":
        count = len(record.texts[: params.tokenize.captions_a_picture])
    else:
        count = sum(map(len, talks))
    return count + (not (record.texts if own == "caption" else talks))


def conversations_of(record: Record) -> list[list[tuple[str, str]]]:
    """The record's conversations as (question, answer) turns; UserError where `ingest` didn't write them so."""
    told = record.source.drawn.get("conversations", [])
    try:
        found = [[(turn["question"], turn["answer"]) for turn in turns] for turns in told]
        sound = all(isinstance(text, str) for turns in found for turn in turns for text in turn)
    except (TypeError, KeyError):
        sound = False
    if not sound:
        raise UserError(
            f"row {record.id}: `conversations` must be lists of question and answer: run `dvc repro` for its ingest."
        )
    return [turns for turns in found if turns]


def _captions(record: Record, params: ChatRecipe, templates: Templates, drops: list[Drop]) -> list[Candidate]:
    prompts, texts = params.tokenize.caption_prompts, [text.text for text in record.texts]
    if record.split != "train":
        fitting = tuple(text.strip() for text in texts if _flaw(prompts[0], text, params, templates) is None)
        if fitting:
            return [Candidate(record.id, "caption", record, ((prompts[0], fitting[0]),), fitting)]
        texts = texts[:1]  # what is wrong with the first is why the picture has no row
    rows = []
    for number, text in enumerate(texts[: params.tokenize.captions_a_picture]):
        name = f"{record.id}/{number}"
        turns = [(prompts[_chosen(name, len(prompts))], text)]
        rows += _kept(name, "caption", record, turns, params, templates, drops)
    return rows


def _kept(
    name: str,
    kind: Kind,
    record: Record,
    turns: list[tuple[str, str]],
    params: ChatRecipe,
    templates: Templates,
    drops: list[Drop],
) -> list[Candidate]:
    """The conversation up to its first turn that can't be used: the turns behind that one answer to it."""
    kept: list[tuple[str, str]] = []
    flaw: tuple[str, str] | None = None
    for number, (question, answer) in enumerate(turns, start=1):
        if flaw is not None:
            drops.append(Drop(f"{name}#{number}", BEHIND, flaw[0]))
            continue
        flaw = _flaw(question, answer, params, templates)
        if flaw is None:
            kept.append((question.strip(), answer.strip()))
        else:
            drops.append(Drop(f"{name}#{number}" if kind == "conversation" else name, *flaw))
    return [Candidate(name, kind, record, tuple(kept), (kept[-1][1],))] if kept else []


def _flaw(question: str, answer: str, params: ChatRecipe, templates: Templates) -> tuple[str, str] | None:
    """(reason, detail) why a turn can't be used, or None."""
    most = params.tokenize.longest_answer
    if not question.strip():
        return EMPTY_QUESTION, ""
    if not answer.strip():
        return EMPTY_ANSWER, ""
    if most is not None and len(answer.strip()) > most:
        return TOO_LONG, f"{len(answer.strip())} characters"
    held = sorted({*templates.held(question), *templates.held(answer)})
    return (HOLDS_SPECIAL, ", ".join(held)) if held else None


def _chosen(name: str, count: int) -> int:
    """Which of `count` prompts a row is asked with: spread evenly, and the same in every run."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") % count


def _record(row: dict[str, Any]) -> Record:
    return Record(
        **{key: row[key] for key in ("id", "label", "entity", "split")},
        image=Image(**row["image"]),
        texts=tuple(Text(**text) for text in row["texts"]),
        source=Source(**row["source"]),
    )
