"""Flickr30k's results.csv: `image_name| comment_number| comment`, one caption a line, separated by pipes."""

import csv
from collections.abc import Iterator
from pathlib import Path

from stages.formats.captioned import Flaw, Item, captioned, lines_of, read_text, shown
from stages.formats.cells import unquoted
from stages.formats.exporting import Layout, Row, by_split

HEADER = ("image_name", " comment_number", " comment")


def read(path: Path) -> list[Item]:
    """One item a line; everything behind the second pipe is the caption.

    The published file has a line that lacks a pipe (2199200615.jpg, number 4): a Flaw.
    """
    lines = list(lines_of(read_text(path)))
    if lines and [cell.strip() for cell in lines[0][1].split("|")][1:] == [name.strip() for name in HEADER[1:]]:
        lines = lines[1:]
    return [_item(number, line) for number, line in lines]


def _item(number: int, line: str) -> Item:
    cells = line.split("|", 2)
    if len(cells) < 3 or not cells[1].strip().isdecimal():
        return Flaw(number, "malformed row", shown(line))
    return captioned(unquoted(cells[0]), unquoted(cells[2]), number)


def _place(_: str, file: str) -> str:
    return f"flickr30k_images/{file}"


def _write(rows: list[Row], out: Path) -> None:
    """results.csv, and the file names of each split in a list of their own, as Flickr8k has them.

    A caption with a pipe or a quote is quoted as a CSV cell, so that both pandas and `read` get it whole.
    """
    with (out / "results.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter="|", lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(cells for row in rows for cells in _cells(row))
    for split, group in by_split(rows).items():
        (out / f"{split}.txt").write_text("".join(f"{row.file}\n" for row in group), encoding="utf-8")


def _cells(row: Row) -> Iterator[tuple[str, str, str]]:
    for number, text in enumerate(row.texts):
        yield row.file, f" {number}", f" {text.text}"


LAYOUT = Layout(_place, _write, needs_text=True)
