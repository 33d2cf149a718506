"""The stage: curated pictures with captions and conversations in; token ids and the mask receipt out."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.chat.model import load_tokenizer, patches_a_picture, vision_config
from stages.chat.recipe import ChatRecipe
from stages.chat.templates import Sample, Templates
from stages.params import UserError
from stages.record import Drop, Record, Tally, facts_of, new_folder, write_drops, write_manifest
from stages.tokenize.chat.encode import KINDS, OVER, Candidate, candidates, read_records, turns_in
from stages.tokenize.chat.rows import TokenizedRow, Writer

CHECKS = {
    "prompt": "no token of picture, system, question or name is supervised",
    "end": "each answer ends with the end of sequence, supervised, and holds no other",
    "image": "each row has one picture, before its first question",
    "length": "nothing was cut: every row fits max_length",
    "prefix": "an answer is learnt behind the very tokens that it is asked with (checked on the examples)",
    "special": "no text holds a special token; one that spells <image> is dropped by name",
    "split": "no picture is in both splits",
}
EXAMPLES = 4  # rows of each kind that are shown in the receipt
SHOWN_DROPS = 20


@dataclass
class Book:
    """What is counted while rows stream by. Rows in and out count turns: a conversation can lose its last ones."""

    tally: Tally = field(default_factory=lambda: Tally(rows_in=0))
    rows: dict[tuple[str, str], int] = field(default_factory=dict)  # (split, kind): rows
    turns: int = 0
    supervised: int = 0
    longest: int = 0
    sides: dict[str, str] = field(default_factory=dict)  # sha256: split
    examples: list[dict[str, str]] = field(default_factory=list)

    def note_side(self, record: Record) -> None:
        """UserError when a picture is on both sides of the split."""
        if self.sides.setdefault(record.image.sha256, record.split) != record.split:
            raise UserError(
                f"row {record.id}: its picture (sha256 {record.image.sha256[:12]}) is in both splits, so the test "
                "would show what training showed: run `dvc repro` for `curate`, which keeps a picture on one side."
            )

    def note_row(self, one: Candidate, sample: Sample, templates: Templates) -> None:
        place = (one.record.split, one.kind)
        self.rows[place] = self.rows.get(place, 0) + 1
        self.turns += len(one.turns)
        self.supervised += sum(sample.supervised)
        self.longest = max(self.longest, len(sample.ids))
        templates.require_sound(sample, one.turns)
        if self.rows[place] <= EXAMPLES:
            templates.require_prefixes(sample, one.turns)
            self.examples.append({"id": one.id, "kind": one.kind, **_shown(sample, templates)})


def run(params: ChatRecipe, *, curated: Path, base: Path, out: Path) -> None:
    """Tokenize what the task trains on, and captions and conversations of test pictures; drop by name, cut nothing."""
    from tqdm import tqdm

    vision = vision_config(base / "vision", params.model.vision)
    tokenizer = load_tokenizer(base / "language", params.model.language)
    templates = Templates(tokenizer, params.tokenize, patches_a_picture(vision))
    book = Book()
    new_folder(out)
    with Writer(out / "rows.parquet") as writer, tqdm(desc="tokenize", unit="picture") as bar:
        for records in read_records(curated):
            writer.write(_rows(records, params, templates, book))
            bar.update(len(records))
    book.tally.close(book.turns)
    _require_every_split(curated, params, book)
    write_drops(out / "drops.csv", book.tally.drops)
    receipt = make_receipt(book, params, templates)
    (out / "receipt.json").write_text(json.dumps(receipt, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    facts = {"rows_in": book.tally.rows_in, "rows_out": book.turns, "dropped": book.tally.reasons, "counted": "turns"}
    write_manifest(out, {"stage": "tokenize", **facts, "rows": receipt["rows"], "upstream": facts_of(curated)})
    _say(book)


def _rows(records: list[Record], params: ChatRecipe, templates: Templates, book: Book) -> list[TokenizedRow]:
    """The token rows of some records; one call of the tokenizer for all of them."""
    found: list[Candidate] = []
    for record in records:
        book.note_side(record)
        book.tally.rows_in += turns_in(record, params)
        found += candidates(record, params, templates, book.tally.drops)
    rows = []
    for one, sample in zip(found, templates.samples([one.turns for one in found]), strict=True):
        if len(sample.ids) > params.tokenize.max_length:
            book.tally.drops += [Drop(name, OVER, f"{len(sample.ids)} tokens") for name in _turn_names(one)]
            continue
        book.note_row(one, sample, templates)
        rows.append(_row(one, sample))
    return rows


def _row(one: Candidate, sample: Sample) -> TokenizedRow:
    questions, answers = zip(*one.turns, strict=True)
    place = (one.record.split, one.record.entity, one.record.image.sha256)
    return TokenizedRow(one.id, *place, one.kind, questions, answers, one.references, sample.ids, sample.supervised)


def _turn_names(one: Candidate) -> list[str]:
    if one.kind == "caption":
        return [one.id]
    return [f"{one.id}#{number}" for number in range(1, len(one.turns) + 1)]


def make_receipt(book: Book, params: ChatRecipe, templates: Templates) -> dict[str, Any]:
    """What a person checks before training: decoded rows with the supervised part marked."""
    return {
        "template": params.tokenize.model_dump(include={"system", "user", "assistant"}),
        "rows": {f"{split} {kind}": count for (split, kind), count in sorted(book.rows.items())},
        "turns": book.turns,
        "supervised_tokens": book.supervised,
        "longest": book.longest,
        "tokens_a_picture": templates.patches,
        "checks": CHECKS,
        "examples": book.examples,
    }


def _shown(sample: Sample, templates: Templates) -> dict[str, str]:
    """The whole sample, its picture as one <image>, and its supervised part."""
    decode, first = templates.tokenizer.decode, sample.ids.index(templates.image)
    told = sample.ids[: first + 1] + sample.ids[first + templates.patches :]
    learnt = [token for token, yes in zip(sample.ids, sample.supervised, strict=True) if yes]
    return {"text": decode(list(told)), "supervised": decode(learnt)}


def _require_every_split(curated: Path, params: ChatRecipe, book: Book) -> None:
    kind = KINDS[params.task]
    for split in ("train", "test"):
        if not book.rows.get((split, kind)):
            raise UserError(
                f"{curated} has no {kind} of split `{split}` that task `{params.task}` could use "
                f"(left out: {book.tally.reasons or 'nothing'}): its ingest must give captions and conversations."
            )


def _say(book: Book) -> None:
    for drop in book.tally.drops[:SHOWN_DROPS]:
        print(f"tokenize: left out {drop.id}: {drop.reason} {drop.detail}")
    if len(book.tally.drops) > SHOWN_DROPS:
        print(f"tokenize: left out {len(book.tally.drops) - SHOWN_DROPS} more, see drops.csv")
    print(f"tokenize: {sum(book.rows.values())} rows, {book.supervised} supervised tokens, nothing cut")
