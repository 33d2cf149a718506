"""What pictures are to be called: what was drawn is called drawn, whichever way it came in."""

from collections.abc import Iterable

from stages.record import Record


def kind_of_pictures(records: Iterable[Record]) -> str:
    """ "drawn" when a generator made every one; else "collected" (searched for) or "imported" (from a folder)."""
    found = list(records)
    if all(is_drawn(record) for record in found):
        return "drawn"
    return "collected" if any(record.source.kind == "url" for record in found) else "imported"


def is_drawn(record: Record) -> bool:
    """A generator's own row, the local search service's (hosts end in `.test`), or one whose author is a generator."""
    authors = [text.author for text in record.texts]
    by_generator = bool(authors) and all(author.startswith("generator:") for author in authors)
    return record.source.kind == "generator" or ".test/" in record.source.url or by_generator
