"""A folder of pictures and its table (the imagefolder convention): each row is a picture, each column has a name."""

from pathlib import Path

from stages.ingest.found import Found, Survey, opener, printable, row_id
from stages.ingest.listing import Listing, list_folder
from stages.ingest.parameters import Ingest
from stages.ingest.table import CONVENTION, FILE_COLUMN, TableRow, find_table, read_table
from stages.record import Drop, Text


def columns(params: Ingest) -> list[str]:
    """The columns that a table must have."""
    return [name for name in (FILE_COLUMN, params.label_column, params.text_column, params.entity_column) if name]


def read(params: Ingest, source: Path, _: Path) -> Survey:
    """Every row of the table, and every file that no row names."""
    table = find_table(source, params.table)
    rows = read_table(table, columns(params))
    listing = list_folder(source, table)
    named: set[str] = set()
    found: list[Found] = []
    drops: list[Drop] = []
    for row in rows:
        one = _found(params, listing, row, named)
        if isinstance(one, Drop):
            drops.append(one)
        else:
            found.append(one)
    unnamed = listing.drops(named)
    return Survey(len(rows) + len(unnamed), found, drops + unnamed, table.name, CONVENTION)


def _found(params: Ingest, listing: Listing, row: TableRow, named: set[str]) -> Found | Drop:
    """Everything about a row that can be said without opening its picture; marks its file in `named`."""
    name = row.cells.get(FILE_COLUMN, "")
    number = row_id(name, row.number)
    where = f"row {row.number}: {name}"
    if row.flaw:
        return Drop(number, "malformed row", f"row {row.number}: {row.flaw}")
    if not name:
        return Drop(number, "no file name", f"row {row.number}")
    file, reason = listing.find(name)
    named.update((name, file))  # a link that can't be followed has its drop here
    if not file:
        return Drop(number, reason, where)
    label = row.cells.get(params.label_column, "")
    if params.label_column and not label:
        return Drop(number, "empty label", where)
    entity = row.cells.get(params.entity_column, "") if params.entity_column else ""
    if params.entity_column and not entity:
        return Drop(number, "empty entity", where)
    texts = row.texts(params.text_column) if params.text_column else (label,)
    if not texts:
        return Drop(number, "empty text", where)
    said = {"row": row.number} if file == name else {"row": row.number, "file_name": name}
    written = tuple(Text(text, params.author) for text in texts)
    return Found(printable(file), label, written, opener(listing.path(file)), row.number, entity, said)
