"""Captioned sets (Flickr30k, Flickr8k, COCO): a table of captions, several a picture, and the pictures beside it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from stages.formats import coco
from stages.formats.captioned import Captioned, Flaw, Item
from stages.ingest import comma
from stages.ingest.found import Found, Survey, opener, printable, row_id
from stages.ingest.listing import Listing, list_folder
from stages.ingest.parameters import Ingest
from stages.ingest.table import named_table
from stages.params import UserError
from stages.record import Drop, Text

Read = Callable[[Path], list[Item]]
FLICKR_TABLES = (("results.csv", "results_*.csv", "captions.txt"), ("*.token", "*.token.txt"), ("*.csv", "*.txt"))
COCO_TABLES = (("captions*.json", "annotations/captions*.json"), ("*.json", "annotations/*.json"))


def read_flickr30k(params: Ingest, source: Path, _: Path) -> Survey:
    """results.csv (pipes) or captions.txt (commas), the pictures anywhere below the folder."""
    return _read(params, source, _table(params, source, FLICKR_TABLES), comma.read)


def read_coco(params: Ingest, source: Path, _: Path) -> Survey:
    """captions_*.json at the top or in annotations/, the pictures anywhere below the folder."""
    return _read(params, source, _table(params, source, COCO_TABLES), coco.read)


def _table(params: Ingest, source: Path, patterns: Sequence[Sequence[str]]) -> Path:
    """The table that the parameters name, or the only one that is called as the published ones are."""
    if not source.is_dir():
        raise UserError(f"`folder` = {source} is no folder: give the one that holds the captions and the pictures.")
    if params.table is not None:
        return named_table(source, params.table)
    for group in patterns:
        found = sorted({path for pattern in group for path in source.glob(pattern) if path.is_file()})
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(path.relative_to(source).as_posix() for path in found)
            raise UserError(f"`folder` = {source} has several caption files ({names}): name one of them in `table`.")
    looked_for = ", ".join(pattern for group in patterns for pattern in group)
    raise UserError(
        f"`folder` = {source} has no caption file for `format: {params.format}` (looked for {looked_for}): "
        "put it there, or name it in `table`."
    )


def _read(params: Ingest, source: Path, table: Path, read: Read) -> Survey:
    """One row a picture, with all its captions; a line that is no caption is a row that is dropped."""
    items = read(table)
    captions = [item for item in items if isinstance(item, Captioned)]
    flaws = [item for item in items if isinstance(item, Flaw)]
    name = table.relative_to(source).as_posix()
    if not captions:
        first = f" (line {flaws[0].line}: {flaws[0].reason})" if flaws else ""
        raise UserError(
            f"{table}: none of its {len(items)} lines or entries is a caption{first}; "
            f"`format: {params.format}` expects others: set `format` or `table` to what is there."
        )
    listing = list_folder(source, but=table)
    pictures: dict[str, list[Captioned]] = {}
    missing: dict[str, tuple[str, list[Captioned]]] = {}
    meanings = {called: listing.find_anywhere(called) for called in {one.picture for one in captions}}
    for one in captions:
        file, reason = meanings[one.picture]
        if file:
            pictures.setdefault(file, []).append(one)
        else:
            missing.setdefault(one.picture, (reason, []))[1].append(one)
    found = [_found(params, listing, file, texts) for file, texts in pictures.items()]
    drops = [Drop(row_id(f"{name}:{flaw.line}", flaw.line), flaw.reason, _said(flaw)) for flaw in flaws]
    drops += [
        Drop(row_id(f"{name}:{called}", lost[0].line), reason, f"{called}: {len(lost)} captions")
        for called, (reason, lost) in missing.items()
    ]
    drops += listing.drops([*pictures, *missing])
    kept = sum(map(len, pictures.values())) + sum(len(lost) for _, lost in missing.values()) + len(flaws)
    if kept != len(items):
        raise RuntimeError(f"{len(items)} captions in, but {kept} with a picture or a reason")
    remedy = f"check that {name} names the pictures as the files are called"
    return Survey(len(found) + len(drops), found, drops, name, remedy)


def _found(params: Ingest, listing: Listing, file: str, captions: list[Captioned]) -> Found:
    texts = tuple(Text(one.caption, one.author or params.author) for one in captions)
    said = {"lines": [one.line for one in captions]}
    return Found(printable(file), "", texts, opener(listing.path(file)), said=said)


def _said(flaw: Flaw) -> str:
    return f"line {flaw.line}: {flaw.detail}" if flaw.detail else f"line {flaw.line}"
