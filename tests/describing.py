"""Small tables of descriptions, and what came of them."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from stages.describe import stage
from stages.describe.parameters import Describe
from stages.record import Record, read_manifest, read_rows

BLOCKLIST = Path(__file__).parents[1] / "data" / "blocklist.txt"

HEADER = ("name", "line", "language", "description")
PARAMS = Describe(folder="unused", language_column="language", line_column="line", test_share=0)
GOOD = (  # two names on two lines, so that a set is one
    ("Pyrofel", "1", "en", "A small cat that breathes flames and sleeps a lot."),
    ("Marokan", "2", "en", "A tiny dog that sprays jets of water at its owner."),
)


def run(params: Describe, *, source: Path, out: Path) -> None:
    stage.run(params, source=source, blocklist=BLOCKLIST, out=out)


def table(folder: Path, rows: Iterable[Sequence[str]], header: Sequence[str] = HEADER, name: str = "t.csv") -> Path:
    """A folder with one table."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w", newline="", encoding="utf-8", errors="surrogatepass") as stream:
        writer = csv.writer(stream, delimiter="\t" if name.endswith(".tsv") else ",")
        writer.writerow(header)
        writer.writerows(rows)
    return folder


def described(params: Describe, source: Path, out: Path) -> tuple[list[Record], list[dict[str, str]]]:
    """Records and drops; the books are checked."""
    run(params, source=source, out=out)
    with (out / "drops.csv").open(encoding="utf-8", newline="") as stream:
        drops = list(csv.DictReader(stream))
    records = read_rows(out)
    facts = read_manifest(out)
    assert facts["rows_in"] == len(records) + len(drops)
    assert facts["rows_out"] == len(records)
    assert sum(facts["dropped"].values()) == len(drops)
    assert len({row.id for row in records} | {drop["id"] for drop in drops}) == len(records) + len(drops)
    assert not (out / "scratch").exists()
    return records, drops


def texts(records: Iterable[Record]) -> dict[str, str]:
    """Name -> masked text, of the last row of that name."""
    return {record.label: record.texts[0].text for record in records}


def reasons(drops: Iterable[dict[str, str]]) -> dict[str, str]:
    """Row -> reason; file and row are in every detail."""
    found = {}
    for drop in drops:
        file, row, number = drop["detail"].split()[:3]
        assert (row, bool(file)) == ("row", True)
        found[number.rstrip(":")] = drop["reason"]
    return found
