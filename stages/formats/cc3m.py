"""Conceptual Captions TSV: Google's (no header, caption and address) and FROMAGe's (header, caption and file).

FROMAGe reads `cc3m_train.tsv` and `cc3m_val.tsv` with pandas, and the pictures from `cc3m/training` and
`cc3m/validation`; our test split is its validation. https://github.com/kohjingyu/fromage, fromage/data.py
"""

import csv
from pathlib import Path

from stages.formats.captioned import Flaw, Item, captioned, lines_of, read_text, shown
from stages.formats.cells import FORMULA, unquoted
from stages.formats.exporting import Layout, Row, by_split
from stages.formats.sheet import CAPTION_COLUMNS, PICTURE_COLUMNS, column_of

NAMES = {"train": ("cc3m_train.tsv", "training"), "test": ("cc3m_val.tsv", "validation")}


def read(path: Path) -> list[Item]:
    """One item a line. Cells are unquoted only below a header: Google's file has none and quotes nothing."""
    rows = [(number, line.split("\t")) for number, line in lines_of(read_text(path))]
    if not rows:
        return []
    header = [cell.strip().casefold() for cell in rows[0][1]]
    picture, caption = column_of(header, PICTURE_COLUMNS), column_of(header, CAPTION_COLUMNS)
    if picture is None or caption is None:
        return [_item(number, cells, 1, 0, 2) for number, cells in rows]
    return [_item(number, list(map(unquoted, cells)), picture, caption, len(header)) for number, cells in rows[1:]]


def _item(number: int, cells: list[str], picture: int, caption: int, width: int) -> Item:
    if len(cells) != width:
        return Flaw(number, "malformed row", f"{len(cells)} cells for {width} columns: {shown(' | '.join(cells))}")
    return captioned(cells[picture], cells[caption], number)


def _place(split: str, file: str) -> str:
    return f"cc3m/{NAMES.get(split, (split, split))[1]}/{file}"


def _write(rows: list[Row], out: Path) -> None:
    for split, group in by_split(rows).items():
        name = NAMES.get(split, (f"cc3m_{split}.tsv", split))[0]
        with (out / name).open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
            writer.writerow(["caption", "image"])
            writer.writerows([_guarded(text.text), row.file] for row in group for text in row.texts)


def _guarded(caption: str) -> str:
    """A space before what a spreadsheet would run: readers of this format would learn a quote."""
    return f" {caption}" if FORMULA.match(caption) else caption


LAYOUT = Layout(_place, _write, needs_text=True)
