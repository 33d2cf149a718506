"""Flickr's captions in all their forms: pipes (30k), `image,caption` (8k on Kaggle), `image#number<TAB>caption` (8k).

Only the first commas separate: whatever follows the last one of them is the caption.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from stages.formats import flickr30k
from stages.formats.captioned import Flaw, Item, captioned, lines_of, read_text, shown
from stages.formats.cells import unquoted
from stages.params import UserError

HEADERS = (("image", "caption"), ("image_name", "comment"), ("image_name", "comment_number", "comment"))
QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"\s*,')
TOKEN = re.compile(r"(?P<picture>[^\t]+)#\d+\t(?P<caption>.*)")


def read(path: Path) -> list[Item]:
    """One item a line, whichever of Flickr's forms the first line shows; UserError when it is none of them."""
    lines = list(lines_of(read_text(path)))
    if not lines:
        raise UserError(f"{path} is empty: give the file that holds the captions.")
    first = lines[0][1]
    if TOKEN.fullmatch(first):
        return [_token(number, line) for number, line in lines]
    header = tuple(cell.strip().strip('"').casefold() for cell in first.split(","))
    if header in HEADERS:
        return [_cells(number, line, len(header)) for number, line in lines[1:]]
    if first.count("|") >= 2:
        return flickr30k.read(path)
    forms = " or ".join(f"`{','.join(names)}`" for names in HEADERS)
    raise UserError(
        f"{path} starts with `{shown(first)}`; expected `image_name| comment_number| comment`, {forms}: "
        "write one of these above the captions, or name the right file in `table`."
    )


def _token(number: int, line: str) -> Item:
    found = TOKEN.fullmatch(line)
    if found is None:
        return Flaw(number, "malformed row", shown(line))
    return captioned(found["picture"], found["caption"], number)


def _cells(number: int, line: str, width: int) -> Item:
    cells = list(_split(line, width))
    if len(cells) < width or (width == 3 and not cells[1].strip().isdecimal()):
        return Flaw(number, "malformed row", shown(line))
    caption = cells[-1].strip()
    if caption.startswith('"') and caption.count('"') % 2:  # the rest of it is on the next line
        return Flaw(number, "quote is not closed", shown(line))
    return captioned(cells[0], unquoted(caption), number)


def _split(line: str, width: int) -> Iterator[str]:
    """At most `width` cells; the last one is the rest of the line as it is."""
    for _ in range(width - 1):
        quoted = QUOTED.match(line)
        if quoted:
            yield quoted[1].replace('""', '"')
            line = line[quoted.end() :]
        else:
            cell, comma, line = line.partition(",")
            yield cell
            if not comma:
                return
    yield line
