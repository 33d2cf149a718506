"""Conversations about the pictures of a folder (LLaVA-Instruct's JSON): which picture each one is about."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.formats.captioned import Flaw, entries_of, read_json
from stages.ingest.found import row_id
from stages.ingest.listing import Listing
from stages.ingest.turns import Conversation, conversation_of
from stages.params import UserError
from stages.record import Drop

PIECE = 1 << 20  # characters that are read at once
BLANKS = " \t\r\n"  # RFC 8259


@dataclass(frozen=True)
class Told:
    """The conversations of a file by the picture's file, what of it was dropped, and every name that it uses."""

    of: dict[str, list[Conversation]] = field(default_factory=dict)
    drops: list[Drop] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)  # names of pictures that aren't there


def read_conversations(path: Path) -> list[Conversation | Flaw]:
    """One item an entry; UserError when none of them is a conversation about a picture."""
    try:
        items = [conversation_of(number, entry) for number, entry in enumerate(_entries(path), start=1)]
    except (ValueError, RecursionError):  # no list, or a piece of one: said by the reader of whole files
        entries = entries_of(path, read_json(path), "the list of conversations that LLaVA trains on")
        items = [conversation_of(number, entry) for number, entry in enumerate(entries, start=1)]
    if not any(isinstance(item, Conversation) for item in items):
        first = next((f" (entry {item.line}: {item.reason})" for item in items if isinstance(item, Flaw)), "")
        raise UserError(
            f"{path}: none of its {len(items)} entries is a conversation about a picture{first}; expected a list of "
            "{id, image, conversations}: set `conversations` (or `table`) to the right file."
        )
    return items


def _entries(path: Path) -> Iterator[object]:
    """The entries of a JSON list, one after the other: a published file takes a gigabyte when it is read at once.

    Raises ValueError where the file is anything else, or ends early.
    """
    decoder = json.JSONDecoder()
    with path.open(encoding="utf-8-sig", newline="") as stream:
        ahead = stream.read(PIECE).lstrip(BLANKS)
        if not ahead.startswith("["):
            raise ValueError("no list")
        at, more = 1, PIECE
        while True:
            try:
                at += _blanks(ahead, at)
                entry, end = decoder.raw_decode(ahead, at)
                end += _blanks(ahead, end)
                mark = ahead[end]
            except (json.JSONDecodeError, IndexError):  # the entry goes on in the next piece
                piece = stream.read(more)
                if not piece:
                    raise ValueError("no end") from None
                ahead, at, more = ahead[at:] + piece, 0, 2 * more  # doubled: a file that is one flaw takes few tries
                continue
            yield entry
            at, more = end + 1, PIECE
            if mark == "]" and not (ahead[at:] + stream.read(PIECE)).strip(BLANKS):
                return
            if mark != ",":
                raise ValueError("no list")


def _blanks(text: str, at: int) -> int:
    """How many blanks there are from `at` on."""
    start = at
    while text[at : at + 1] in BLANKS and at < len(text):
        at += 1
    return at - start


def told_of(items: Iterable[Conversation | Flaw], name: str, listing: Listing) -> Told:
    """Each conversation under its picture's file, or its drop: `name` is what the file is called."""
    told = Told()
    meanings: dict[str, tuple[str, str]] = {}
    for item in items:
        if isinstance(item, Flaw):
            told.drops.append(_drop(name, item.line, item.reason, item.detail))
            continue
        if item.picture not in meanings:
            meanings[item.picture] = listing.find_anywhere(item.picture)
        file, reason = meanings[item.picture]
        if file:
            told.of.setdefault(file, []).append(item)
        else:
            told.missing.add(item.picture)
            told.drops.append(_drop(name, item.number, reason, item.picture))
    return told


def said_of(conversations: list[Conversation]) -> dict[str, Any]:
    """What `Source.parameters` holds of a picture's conversations; one list entry each, in the file's order."""
    if not conversations:
        return {}
    return {
        "conversations": [one.as_list() for one in conversations],
        "image_in_turn": [one.image_in_turn for one in conversations],
        "entries": [one.number for one in conversations],
    }


def _drop(name: str, number: int, reason: str, detail: str) -> Drop:
    where = f"{name} entry {number}"
    return Drop(row_id(f"{name}:{number}", number), reason, f"{where}: {detail}" if detail else where)
