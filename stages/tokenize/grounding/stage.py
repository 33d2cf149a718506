"""The stage: captioned pictures in; token ids of captions and dialogues, and the mask receipt, out."""

import json
from pathlib import Path
from typing import Any

from stages.grounding.recipe import GroundingRecipe
from stages.grounding.towers import tokenizer_of
from stages.params import UserError
from stages.record import Drop, Record, Tally, facts_of, new_folder, read_rows, write_drops, write_manifest
from stages.tokenize.grounding.encode import (
    ANSWER,
    QUESTION,
    Marks,
    Sample,
    caption_sequence,
    dialogue_sequence,
    retrieval_sequence,
    text_ids,
)
from stages.tokenize.grounding.rows import CaptionRow, DialogueRow, write_tokenized

CHECKS = {
    "prompt": "no picture, no question and no beginning is supervised",
    "end": "a caption's last supervised token is the end, a text's is [RET], an answer's is the end of its line",
    "length": "nothing was cut: every row fits max_length, or longest_dialogue",
    "special": "no text holds a special token; one that spells [RET] or <image> is dropped by name",
}
CONTROLS = ("[RET]", "<image>")
EMPTY = "empty caption"
HOLDS_CONTROL = "caption holds a control token"
EXAMPLES = 3  # rows of each kind shown in the receipt


def run(params: GroundingRecipe, *, curated: Path, base: Path, out: Path) -> None:
    """Tokenize every caption and every dialogue; what can't be used is dropped by name, what is too long is refused."""
    records = read_rows(curated)
    tokenizer = tokenizer_of(base / "language", params.model.language)
    marks = Marks.of(tokenizer, visual_tokens=1)  # the receipt shows a picture as one word
    tally = Tally(rows_in=sum(len(record.texts) for record in records))
    captions = [row for record in records for row in _captions(record, tokenizer, params, tally)]
    tally.close(len(captions))
    _require_every_split(curated, records, captions)
    found = _read_dialogues(curated / "dialogues.jsonl")
    dialogues = [_dialogue(record, found[record.id], tokenizer, params) for record in records if record.id in found]

    new_folder(out)
    write_tokenized(out, CaptionRow, captions)
    write_tokenized(out, DialogueRow, dialogues)
    write_drops(out / "drops.csv", tally.drops)
    receipt = make_receipt(captions, dialogues, tokenizer, marks)
    (out / "receipt.json").write_text(json.dumps(receipt, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    facts = {"rows_in": tally.rows_in, "rows_out": len(captions), "dialogues": len(dialogues), "dropped": tally.reasons}
    write_manifest(out, {"stage": "tokenize", **facts, "upstream": facts_of(curated)})
    for drop in tally.drops:
        print(f"tokenize: left out {drop.id}: {drop.reason} {drop.detail}")
    print(f"tokenize: {len(captions)} captions, {len(dialogues)} dialogues, nothing cut")


def _captions(record: Record, tokenizer: Any, params: GroundingRecipe, tally: Tally) -> list[CaptionRow]:
    """A record's captions, one row each."""
    rows = []
    for number, text in enumerate(record.texts):
        name = f"{record.id}/{number}"
        if not text.text.strip():
            tally.drops.append(Drop(name, EMPTY, text.author))
            continue
        held = [token for token in CONTROLS if token.lower() in text.text.lower()]
        if held:
            tally.drops.append(Drop(name, HOLDS_CONTROL, ", ".join(held)))
            continue
        ids = text_ids(tokenizer, text.text.strip())
        _require_fits(name, len(ids) + 2, "max_length", params.tokenize.max_length)
        place = (record.image.sha256, record.split, record.entity)
        rows.append(CaptionRow(name, record.id, *place, text.text.strip(), ids))
    return rows


def _dialogue(record: Record, turns: list[tuple[str, str]], tokenizer: Any, params: GroundingRecipe) -> DialogueRow:
    questions = tuple(text_ids(tokenizer, QUESTION.format(question=question)) for question, _ in turns)
    answers = tuple(text_ids(tokenizer, ANSWER.format(answer=answer)) for _, answer in turns)
    length = 1 + sum(map(len, questions + answers))
    _require_fits(record.id, length, "longest_dialogue", params.tokenize.longest_dialogue)
    return DialogueRow(
        record.id,
        record.image.sha256,
        record.split,
        record.entity,
        tuple(question for question, _ in turns),
        tuple(answer for _, answer in turns),
        questions,
        answers,
    )


def _require_fits(name: str, length: int, key: str, most: int) -> None:
    if length > most:
        raise UserError(f"row {name} has {length} tokens, `tokenize.{key}` is {most}: raise it, or shorten the text.")


def _require_every_split(curated: Path, records: list[Record], captions: list[CaptionRow]) -> None:
    for split in ("train", "test"):
        if not any(row.split == split for row in captions):
            raise UserError(
                f"{curated} has no caption of split `{split}` ({len(records)} rows): look at its drops.csv, or "
                "write some with `plumbline caption`."
            )


def _read_dialogues(path: Path) -> dict[str, list[tuple[str, str]]]:
    """{row id: turns} that the captioned set came with; none when it has no such file."""
    if not path.is_file():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return {line["id"]: [(turn["question"], turn["answer"]) for turn in line["turns"]] for line in lines}


def make_receipt(
    captions: list[CaptionRow], dialogues: list[DialogueRow], tokenizer: Any, marks: Marks
) -> dict[str, Any]:
    """What a person checks before training: decoded rows with the supervised part marked."""
    samples = [(row.id, "caption", caption_sequence(marks, [row.ids])) for row in _spread(captions)]
    samples += [(row.id, "retrieval", retrieval_sequence(marks, row.ids)) for row in _spread(captions)]
    samples += [
        (row.id, "dialogue", dialogue_sequence(marks, list(zip(row.question_ids, row.answer_ids, strict=True))))
        for row in _spread(dialogues)
    ]
    return {
        "captions": len(captions),
        "dialogues": len(dialogues),
        "supervised_tokens": sum(2 * (len(row.ids) + 1) for row in captions)
        + sum(len(ids) for row in dialogues for ids in row.answer_ids),
        "longest": max(len(row.ids) + 2 for row in captions),
        "checks": CHECKS,
        "examples": [{"id": name, "kind": kind, **_shown(sample, tokenizer)} for name, kind, sample in samples],
    }


def _spread(rows: list[Any]) -> list[Any]:
    return rows[:: max(1, len(rows) // EXAMPLES)][:EXAMPLES]


def _shown(sample: Sample, tokenizer: Any) -> dict[str, str]:
    """The whole sample, and its supervised part, as text; a picture's vectors as <picture>."""

    def text(ids: list[int]) -> str:
        parts = ["<picture>" if token < 0 else tokenizer.decode([token]) for token in ids]
        return "".join(part for i, part in enumerate(parts) if part != "<picture>" or parts[i - 1] != part)

    learnt = [token for token, is_learnt in zip(sample.ids, sample.learnt, strict=True) if is_learnt]
    return {"text": text(list(sample.ids)), "supervised": text(learnt)}
