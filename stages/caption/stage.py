"""The curated pictures with the texts that the caption log gives them, and the dialogues about them.

Pure bookkeeping: no picture is decoded.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stages.blocklist import BLOCKLISTED, Blocklist, read_blocklist
from stages.caption.dialogues import Dialogue, read_dialogues, write_compiled
from stages.caption.log import Line, read_log
from stages.caption.parameters import CaptionParams
from stages.caption.state import Picture, State, state_of
from stages.caption.validation import TWICE, flaws_of, same, unsafe
from stages.params import UserError
from stages.record import (
    Drop,
    Record,
    Tally,
    Text,
    facts_of,
    new_folder,
    plain_cell,
    read_rows,
    write_drops,
    write_manifest,
    write_rows,
)
from stages.shards import ShardReader, write_shard

REJECTED = "rejected by a person"
SKIPPED = "skipped by a person"
NO_CAPTION = "no caption"
TOO_FEW = "too few captions"
UNUSABLE = "no usable caption"
NOT_CURATED = "picture not in the curated set"
NOT_KEPT = "picture dropped"
NOT_COUNTED = "author not allowed"
LEFT_OUT_COLUMNS = ("id", "author", "reason", "text")


@dataclass
class Books:
    """What became of every row, every text that counted and every dialogue."""

    tally: Tally
    left_out: list[tuple[str, Text, str]] = field(default_factory=list)  # row id, text, reason
    dialogues_left_out: Counter[str] = field(default_factory=Counter)  # by reason


def run(params: CaptionParams, *, curated: Path, log: Path, dialogues: Path, blocklist: Path, out: Path) -> None:
    """Fill the texts of `curated`'s rows from `log`; rows that got too few, or were rejected, are dropped.

    The `dialogues` about the pictures that are kept go into dialogues.jsonl; a row needs none. What authors on the
    `blocklist` wrote counts for nothing; what they decided about pictures stands.
    """
    records = read_rows(curated)
    lines, torn = read_log(log)
    offered = read_dialogues(dialogues)
    blocked = read_blocklist(blocklist)
    state = state_of(lines)
    books = Books(Tally(rows_in=len(records)))
    _silence(blocked, state, records, books)
    kept = [row for row in (_captioned(params, record, state, books) for record in records) if row is not None]
    books.tally.close(len(kept))
    _check_splits(records, kept, books.tally, out.name)
    about = _dialogues(params, records, kept, offered, blocked, books)

    new_folder(out)
    _copy_pictures(curated, kept, out)
    write_rows(out / "rows.parquet", kept)
    write_drops(out / "drops.csv", books.tally.drops)
    _write_left_out(out / "left_out.csv", books.left_out)
    write_compiled(out, about)
    facts = _facts(params, kept, state, {record.origin for record in records}, books) | _dialogue_facts(about, books)
    write_manifest(out, {**facts, "upstream": facts_of(curated)})
    print(f"{len(kept)} of {len(records)} rows have captions; dropped: {books.tally.reasons or 'none'}")
    if offered:
        left_out = f"; left out: {facts['dialogues_left_out']}" if facts["dialogues_left_out"] else ""
        print(f"{len(about)} rows have a dialogue, of {facts['turns']} turns in all{left_out}")
    if facts["orphans"]:
        print(f"{facts['orphans']} pictures in {log.name} are not in the curated set; their captions wait in the log")
    if torn:
        print(f"{log.name}: its last line is incomplete and was never acknowledged; it does not count")


def _silence(blocked: Blocklist, state: State, records: list[Record], books: Books) -> None:
    """Take the texts of blocked authors out of the state, before the best kind of author is chosen."""
    for record in records if blocked else ():
        picture = state.of(record.origin)
        for line in [line for line in picture.lines if line.text and blocked.of_author(line.author) is not None]:
            picture.lines.remove(line)
            books.left_out.append((record.id, Text(line.text, line.author), BLOCKLISTED))


def _captioned(params: CaptionParams, record: Record, state: State, books: Books) -> Record | None:
    """The row with its texts, or None when it is dropped."""
    picture = state.of(record.origin)
    if picture.decision == "reject":
        books.tally.drops.append(Drop(record.id, REJECTED, record.origin))
        return None
    texts, flawed = _texts(params, record, picture.counted(params.authors))
    books.left_out += [(record.id, text, reason) for text, reason in flawed]
    if len(texts) < params.least:
        books.tally.drops.append(Drop(record.id, *_shortage(params, picture, texts, flawed)))
        return None
    return replace(record, texts=tuple(texts[: params.most]))


def _texts(params: CaptionParams, record: Record, lines: Iterable[Line]) -> tuple[list[Text], list[tuple[Text, str]]]:
    """The texts that the row gets, its own first, and those that are left out with their reasons."""
    offered = [(text, unsafe(text.text)) for text in record.texts] if params.keep_existing else []
    offered += [(Text(line.text, line.author), flaws_of(params, line.text)) for line in lines]
    texts: list[Text] = []
    flawed = []
    for text, flaws in offered:
        if flaws:
            flawed.append((text, str(flaws[0])))
        elif same(text.text) in {same(other.text) for other in texts}:
            flawed.append((text, TWICE))
        else:
            texts.append(text)
    return texts, flawed


def _shortage(
    params: CaptionParams, picture: Picture, texts: list[Text], flawed: list[tuple[Text, str]]
) -> tuple[str, str]:
    """Reason and detail of a row without enough texts."""
    if texts:
        return TOO_FEW, f"{len(texts)} of {params.least}"
    if flawed:
        return UNUSABLE, flawed[0][1]
    return (SKIPPED if picture.decision == "skip" else NO_CAPTION), ""


def _dialogues(
    params: CaptionParams,
    records: list[Record],
    kept: list[Record],
    offered: list[Dialogue],
    blocked: Blocklist,
    books: Books,
) -> dict[str, Dialogue]:
    """The dialogue of each kept row that has one; every other one is counted with its reason."""
    rows: dict[str, list[str]] = defaultdict(list)
    for record in kept:
        rows[record.origin].append(record.id)
    curated = {record.origin for record in records}
    about = {}
    for dialogue in offered:
        if blocked.of_author(dialogue.author) is not None:
            books.dialogues_left_out[BLOCKLISTED] += 1
        elif dialogue.kind not in params.authors:
            books.dialogues_left_out[NOT_COUNTED] += 1
        elif dialogue.sha256 not in rows:
            books.dialogues_left_out[NOT_KEPT if dialogue.sha256 in curated else NOT_CURATED] += 1
        else:
            about.update(dict.fromkeys(rows[dialogue.sha256], dialogue))
    return about


def _copy_pictures(curated: Path, records: Iterable[Record], out: Path) -> None:
    """The rows' bytes, checked against their digests, under the names that they have: ids don't change here."""
    shards: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        shards[record.image.shard].append(record)
    with ShardReader(curated) as reader:
        for shard, rows in sorted(shards.items()):
            images = {row.image.member: row.image for row in rows}
            members = [(name, reader.read(shard, name, image.sha256)) for name, image in images.items()]
            write_shard(out / shard, members)


def _check_splits(records: list[Record], kept: list[Record], tally: Tally, name: str) -> None:
    for split in sorted({record.split for record in records} - {record.split for record in kept}):
        raise UserError(
            f"no picture of the {split or 'whole'} split has captions: {tally.rows_in} rows in, {len(kept)} kept, "
            f"dropped: {tally.reasons}; write some with `plumbline caption {name}`, or name more kinds of "
            "`authors` in this row of params.yaml."
        )


def _write_left_out(path: Path, left_out: Iterable[tuple[str, Text, str]]) -> None:
    """left_out.csv: every text that counted and could not be used, with its one reason."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(LEFT_OUT_COLUMNS)
        for row_id, text, reason in left_out:
            writer.writerow([plain_cell(cell) for cell in (row_id, text.author, reason, text.text)])


def _facts(params: CaptionParams, kept: list[Record], state: State, origins: set[str], books: Books) -> dict[str, Any]:
    texts = [text for record in kept for text in record.texts]
    orphans = [sha256 for sha256, picture in state.pictures.items() if picture.lines and sha256 not in origins]
    reasons = Counter(reason.split(":")[0] for _, _, reason in books.left_out)
    return {
        "stage": "caption",
        "authors_allowed": list(params.authors),
        "rows_in": books.tally.rows_in,
        "rows_out": len(kept),
        "dropped": books.tally.reasons,
        "captions": len(texts),
        "authors": dict(sorted(Counter(text.author for text in texts).items())),
        "left_out": dict(sorted(reasons.items())),
        "orphans": len(orphans),
        "splits": dict(sorted(Counter(record.split for record in kept).items())),
        "licences": dict(sorted(Counter(record.source.licence for record in kept).items())),
    }


def _dialogue_facts(about: dict[str, Dialogue], books: Books) -> dict[str, Any]:
    return {
        "dialogues": len(about),
        "turns": sum(len(dialogue.turns) for dialogue in about.values()),
        "dialogue_authors": dict(sorted(Counter(dialogue.author for dialogue in about.values()).items())),
        "dialogues_left_out": dict(sorted(books.dialogues_left_out.items())),
    }
