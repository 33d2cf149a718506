"""The sealed files that lie on this machine: each is compared with its digest in the seal before it is believed."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stages.lineage.form import Files, Lineage
from stages.lineage.reading import Opened, plain
from stages.params import UserError
from stages.shards import sha256_of_file

CONSUMED = "consumed.parquet"
ROWS = "rows.parquet"


class Shelf:
    """Looks files up by their path in the lineage; `remarks` says what is missing here, or differs from the seal."""

    def __init__(self, opened: Opened, project: Path) -> None:
        self.opened, self.project = opened, project
        self.lineage: Lineage = opened.lineage
        self.remarks: list[str] = []
        self._looked: dict[str, Path | None] = {}

    def file(self, folder: str, name: str) -> Path | None:
        """The file of a sealed out, if the seal names one and it lies here."""
        out = self.lineage.outs.get(folder)
        if out is None or name not in out.files:
            return None
        return self._checked(self.project / folder / name, f"{folder}/{name}", out.files, name, f"dvc pull {folder}")

    def consumed(self) -> Path | None:
        """What was trained on, beside the weights or in the project."""
        for folder in (self.opened.folder, self.project / "models/trained" / self.lineage.recipe):
            if (folder / CONSUMED).is_file():
                return self._checked(folder / CONSUMED, CONSUMED, self.lineage.adapter.files, CONSUMED, "")
        self.remarks.append(f"{CONSUMED} is not here: `dvc pull` brings it")
        return None

    def parents_consumed(self) -> Path | None:
        """What the adapter before this one was trained on."""
        parent = self.lineage.parent
        if parent is None or CONSUMED not in parent.files:
            return None
        where = f"{parent.path}/{CONSUMED}"
        return self._checked(self.project / where, where, parent.files, CONSUMED, f"dvc pull {parent.path}")

    def _checked(self, path: Path, told: str, files: Files, name: str, pull: str) -> Path | None:
        if told not in self._looked:
            self._looked[told] = path if path.is_file() else None
            if not path.is_file():
                self.remarks.append(f"{told} is not here: `{pull}` brings it")
            elif name not in files or sha256_of_file(path) != files[name].sha256:
                self.remarks.append(f"{told} is NOT THE SEALED ONE: `plumbline lineage verify` says what differs")
        return self._looked[told]


def table(path: Path, columns: list[str] | None = None, filters: Any = None) -> Any:
    """A Parquet file as a pyarrow Table; UserError when it can't be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if filters is None:  # this way a column "image.sha256" stays in its struct
            return pq.ParquetFile(path).read(columns=columns)
        return pq.read_table(path, columns=columns, filters=filters)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise UserError(f"{path} can't be read ({plain(str(error))}): run `dvc checkout`, or rebuild it.") from error


def holding(found: Any, column: str, wanted: Iterable[str], beginning: bool = False) -> Any:
    """The rows of a table whose `column` is one of `wanted`, or begins with one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not beginning:
        return found.filter(pc.is_in(found[column], pa.array(list(wanted), pa.string())))
    mask = None
    for start in wanted:
        one = pc.starts_with(found[column], start)
        mask = one if mask is None else pc.or_(mask, one)
    return found.slice(0, 0) if mask is None else found.filter(mask)


def csv_rows(path: Path | None) -> Iterator[dict[str, str]]:
    """The lines of drops.csv and its like; none where there is no file."""
    if path is None:
        return
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            yield {key: value for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}
