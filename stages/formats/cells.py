"""Cells of tables that a spreadsheet opens: quoted on the way out, and taken back on the way in."""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

FORMULA = re.compile(r"'*[=+\-@\t\r]")  # quotes in front too, so that `plain` undoes `quoted` for every text


def quoted(cell: str) -> str:
    """`cell` with a quote before what a spreadsheet would run as a formula (OWASP, CSV injection)."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def plain(cell: str) -> str:
    """What `quoted` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], encoding: str = "utf-8") -> None:
    """A comma-separated table with every cell quoted as above."""
    with path.open("w", newline="", encoding=encoding) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([quoted(cell) for cell in row] for row in rows)


def unquoted(cell: str) -> str:
    """A cell as the csv module reads it, where the line was split by hand; one that isn't quoted right stays."""
    inner = cell[1:-1]
    if len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell
