"""Captioned sets (Flickr30k, Flickr8k, COCO): a table of captions, several a picture, and the pictures beside it.

Conversations about the same pictures (LLaVA-Instruct's JSON) may lie beside the table, or stand alone.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stages.formats import coco
from stages.formats.captioned import Captioned, Flaw, Item
from stages.ingest import comma
from stages.ingest.conversations import Told, read_conversations, said_of, told_of
from stages.ingest.found import Found, Survey, opener, printable, row_id
from stages.ingest.listing import Listing, list_folder
from stages.ingest.parameters import Ingest
from stages.ingest.table import named_table
from stages.ingest.turns import Conversation
from stages.params import UserError
from stages.record import Drop, Text

Read = Callable[[Path], list[Item]]
FLICKR_TABLES = (("results.csv", "results_*.csv", "captions.txt"), ("*.token", "*.token.txt"), ("*.csv", "*.txt"))
LLAVA_TABLES = (("conversations*.json", "llava*.json"), ("*.json",))
COCO_TABLES = (("captions*.json", "annotations/captions*.json"), ("*.json", "annotations/*.json"))


def read_flickr30k(params: Ingest, source: Path, _: Path) -> Survey:
    """results.csv (pipes) or captions.txt (commas), the pictures anywhere below the folder."""
    return _read(params, source, FLICKR_TABLES, comma.read)


def read_coco(params: Ingest, source: Path, _: Path) -> Survey:
    """captions_*.json at the top or in annotations/, the pictures anywhere below the folder."""
    return _read(params, source, COCO_TABLES, coco.read)


def read_llava(params: Ingest, source: Path, _: Path) -> Survey:
    """A LLaVA-Instruct JSON at the top, the pictures anywhere below the folder: rows without captions."""
    table = _conversations(params, source) or _table(params, source, LLAVA_TABLES)
    name = table.relative_to(source).as_posix()
    items = read_conversations(table)
    listing = list_folder(source, table)
    told = told_of(items, name, listing)
    found = [_found(params, listing, file, [], said) for file, said in told.of.items()]
    drops = told.drops + listing.drops([*told.of, *told.missing])
    return Survey(len(found) + len(drops), found, drops, name, _remedy(name))


def _conversations(params: Ingest, source: Path) -> Path | None:
    return None if params.conversations is None else named_table(source, params.conversations, "conversations")


def _table(params: Ingest, source: Path, patterns: Sequence[Sequence[str]], but: Path | None = None) -> Path:
    """The table that the parameters name, or the only one but `but` that is called as the published ones are."""
    if not source.is_dir():
        raise UserError(f"`folder` = {source} is no folder: give the one that holds the captions and the pictures.")
    if params.table is not None:
        return named_table(source, params.table)
    key, what = ("conversations", "conversations") if params.format == "llava" else ("table", "caption")
    for group in patterns:
        found = sorted({path for pattern in group for path in source.glob(pattern) if path.is_file()} - {but})
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(path.relative_to(source).as_posix() for path in found)
            raise UserError(f"`folder` = {source} has several {what} files ({names}): name one of them in `{key}`.")
    looked_for = ", ".join(pattern for group in patterns for pattern in group)
    raise UserError(
        f"`folder` = {source} has no {what} file for `format: {params.format}` (looked for {looked_for}): "
        f"put it there, or name it in `{key}`."
    )


def _read(params: Ingest, source: Path, patterns: Sequence[Sequence[str]], read: Read) -> Survey:
    """One row a picture, with all its captions and conversations; a line or entry that is none is a dropped row."""
    beside = _conversations(params, source)
    table = _table(params, source, patterns, beside)
    items = read(table)
    name = table.relative_to(source).as_posix()
    captions = [item for item in items if isinstance(item, Captioned)]
    flaws = [item for item in items if isinstance(item, Flaw)]
    if not captions:
        first = f" (line {flaws[0].line}: {flaws[0].reason})" if flaws else ""
        raise UserError(
            f"{table}: none of its {len(items)} lines or entries is a caption{first}; "
            f"`format: {params.format}` expects others: set `format` or `table` to what is there."
        )
    entries = [] if beside is None else read_conversations(beside)
    listing = list_folder(source, *(path for path in (table, beside) if path is not None))
    pictures: dict[str, list[Captioned]] = {}
    missing: dict[str, tuple[str, list[Captioned]]] = {}
    meanings = {called: listing.find_anywhere(called) for called in {one.picture for one in captions}}
    for one in captions:
        file, reason = meanings[one.picture]
        if file:
            pictures.setdefault(file, []).append(one)
        else:
            missing.setdefault(one.picture, (reason, []))[1].append(one)
    told = Told() if beside is None else told_of(entries, beside.relative_to(source).as_posix(), listing)
    files = dict.fromkeys([*pictures, *told.of])
    found = [_found(params, listing, file, pictures.get(file, []), told.of.get(file, [])) for file in files]
    drops = [Drop(row_id(f"{name}:{flaw.line}", flaw.line), flaw.reason, _said(flaw)) for flaw in flaws]
    drops += [
        Drop(row_id(f"{name}:{called}", lost[0].line), reason, f"{called}: {len(lost)} captions")
        for called, (reason, lost) in missing.items()
    ]
    drops += told.drops
    drops += listing.drops([*files, *missing, *told.missing])
    kept = sum(map(len, pictures.values())) + sum(len(lost) for _, lost in missing.values()) + len(flaws)
    if kept != len(items):
        raise RuntimeError(f"{len(items)} captions in, but {kept} with a picture or a reason")
    return Survey(len(found) + len(drops), found, drops, name, _remedy(name))


def _found(
    params: Ingest, listing: Listing, file: str, captions: list[Captioned], conversations: list[Conversation]
) -> Found:
    texts = tuple(Text(one.caption, one.author or params.author) for one in captions)
    said: dict[str, Any] = {"lines": [one.line for one in captions]} if captions else {}
    return Found(printable(file), "", texts, opener(listing.path(file)), said=said | said_of(conversations))


def _remedy(name: str) -> str:
    return f"check that {name} names the pictures as the files are called"


def _said(flaw: Flaw) -> str:
    return f"line {flaw.line}: {flaw.detail}" if flaw.detail else f"line {flaw.line}"
