"""Captions and drafts from files: other tools' formats, and the answers of `plumbline predict`."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from stages.caption.offers import Offer, Refusal, printable
from stages.formats.captioned import Captioned, Flaw, captioned, json_lines
from stages.formats.matching import match
from stages.record import Record
from stages.shards import sha256_of_file


def from_file(
    path: Path, form: str, records: Sequence[Record], author: str | None
) -> tuple[list[Offer], list[Refusal]]:
    """The captions in a file of format `form` for the pictures of `records`, and the entries that are none."""
    from stages.formats.registry import READERS  # the readers of spreadsheets take a while to load

    def written_by(one: Captioned) -> str:
        return f"import:{form}:{printable(path.name)}:{printable(one.author or author or 'unknown')}"

    found, refused = _matched(READERS[form](path), records)
    return [Offer(sha256, one.caption, written_by(one), one.line) for sha256, one in found], refused


def from_predictions(path: Path, records: Sequence[Record], model: str | None) -> tuple[list[Offer], list[Refusal]]:
    """The answers of `plumbline predict`, as a model's: the file doesn't say which, so its digest stands for it."""
    items = [
        line if isinstance(line, Flaw) else captioned(line.get("input"), line.get("output"), number)
        for number, line in json_lines(path)
    ]
    author = f"model:{printable(model or path.stem)}@{sha256_of_file(path)[:12]}#unknown"
    found, refused = _matched(items, records)
    return [Offer(sha256, one.caption, author, one.line) for sha256, one in found], refused


def _matched(
    items: Iterable[Captioned | Flaw], records: Sequence[Record]
) -> tuple[list[tuple[str, Captioned]], list[Refusal]]:
    """(origin, caption) in the file's order, and every entry that has no picture or no caption."""
    items = list(items)
    flaws = [item for item in items if isinstance(item, Flaw)]
    by_origin, unmatched = match([item for item in items if isinstance(item, Captioned)], records)
    found = [(origin, one) for origin, several in by_origin.items() for one in several]
    refused = [Refusal(flaw.line, flaw.reason, flaw.detail) for flaw in [*flaws, *unmatched]]
    return sorted(found, key=lambda pair: pair[1].line), refused
