"""A folder of pictures and its table -> records: every row and every file ends as a row or as a drop."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from stages.ingest.parameters import Ingest
from stages.ingest.table import CONVENTION, FILE_COLUMN, TableRow, find_table, read_table
from stages.params import UserError
from stages.pictures import RefusedPictureError, open_picture, png_bytes
from stages.record import Drop, Image, Record, Source, Tally, Text, new_folder, write_drops, write_manifest, write_rows
from stages.shards import sha256, sha256_of_file, shard_of, write_shard

IMPORTER = "plumbline.ingest/1"


@dataclass(frozen=True)
class Candidate:
    """A row whose file is there: what remains is to decode it."""

    id: str
    row: TableRow
    path: Path
    name: str  # relative to the folder
    label: str
    entity: str  # "" = the picture's own sha256


def run(params: Ingest, *, source: Path, out: Path) -> None:
    """Import the pictures that the table of `source` names, as PNG without EXIF."""
    table = find_table(source)
    columns = [FILE_COLUMN, params.label_column, *([params.entity_column] if params.entity_column else [])]
    rows = read_table(table, columns)
    named: set[Path] = set()
    found = [_candidate(params, source, row, named) for row in rows]
    unnamed = [_relative(path, source) for path in _files(source, table) - named]
    tally = Tally(rows_in=len(rows) + len(unnamed))
    tally.drops += [drop for drop in found if isinstance(drop, Drop)]
    tally.drops += [Drop(_row_id(name, 0), "not in the table", name) for name in unnamed]

    new_folder(out)
    records = _import(params, [row for row in found if isinstance(row, Candidate)], out, tally)
    tally.close(len(records))
    _require_two_labels(source, records, tally)
    write_rows(out / "rows.parquet", records)
    write_drops(out / "drops.csv", tally.drops)
    counts = {"rows_in": tally.rows_in, "rows_out": len(records), "dropped": tally.reasons}
    write_manifest(out, {"stage": "ingest", "importer": IMPORTER, "table": table.name, **counts})
    print(f"{len(records)} of {tally.rows_in} rows and files imported; dropped: {tally.reasons or 'none'}")


def _candidate(params: Ingest, source: Path, row: TableRow, named: set[Path]) -> Candidate | Drop:
    """Everything about a row that can be said without decoding; marks its file in `named`."""
    name = row.cells.get(FILE_COLUMN, "")
    row_id = _row_id(name, row.number)
    where = f"row {row.number}: {name}"
    if row.flaw:
        return Drop(row_id, "malformed row", f"row {row.number}: {row.flaw}")
    if not name:
        return Drop(row_id, "no file name", f"row {row.number}")
    path = _inside(source, name)
    if path is None:
        return Drop(row_id, "path leaves the folder", where)
    if not _is_file(path):
        return Drop(row_id, "missing picture", where)
    named.add(path)
    label = row.cells.get(params.label_column, "")
    if not label:
        return Drop(row_id, "empty label", where)
    entity = row.cells.get(params.entity_column, "") if params.entity_column else ""
    if params.entity_column and not entity:
        return Drop(row_id, "empty entity", where)
    return Candidate(row_id, row, path, _relative(path, source), label, entity)


def _inside(source: Path, name: str) -> Path | None:
    """The file that `name` stands for, links followed; None when it is absolute or lies outside `source`."""
    if Path(name).is_absolute():
        return None
    try:
        path = (source / name).resolve()
    except (OSError, ValueError):  # NUL, a link loop: no such file, but nothing outside either
        return source / "\0"
    return path if path.is_relative_to(source.resolve()) else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name longer than the file system takes
        return False


def _files(source: Path, table: Path) -> set[Path]:
    """Every file below `source` but the table, links not followed out of it."""
    found = {path.resolve() for path in source.rglob("*") if _is_file(path)}
    return {path for path in found if path.is_relative_to(source.resolve())} - {table.resolve()}


def _relative(path: Path, source: Path) -> str:
    return path.relative_to(source.resolve()).as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _row_id(name: str, number: int) -> str:
    """From the file's name and the row's number (0: a file that no row names)."""
    return hashlib.sha256(f"{name}\0{number}".encode()).hexdigest()[:24]


def _import(params: Ingest, candidates: list[Candidate], out: Path, tally: Tally) -> list[Record]:
    """Decode and write one shard after the other, so that memory holds one shard's pictures at most."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    records: list[Record] = []
    by_shard: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        by_shard.setdefault(shard_of(candidate.id), []).append(candidate)
    with Parallel(n_jobs=-1, prefer="threads") as parallel:  # Pillow decodes and packs without the interpreter lock
        for shard, group in tqdm(sorted(by_shard.items()), desc="ingest", unit="shard"):
            members = []
            for done in parallel(delayed(_decoded)(params, candidate) for candidate in group):
                if isinstance(done, Drop):
                    tally.drops.append(done)
                    continue
                record, data = done
                records.append(record)
                members.append((record.image.member, data))
            if members:
                write_shard(out / shard, members)
    return records


def _decoded(params: Ingest, candidate: Candidate) -> tuple[Record, bytes] | Drop:
    where = f"row {candidate.row.number}: {candidate.name}"
    try:
        picture = open_picture(candidate.path)
    except RefusedPictureError as refused:
        detail = f"{where}: {refused.detail}" if refused.detail else where
        return Drop(candidate.id, refused.reason, detail)
    data = png_bytes(picture)
    digest = sha256(data)
    image = Image(digest, shard_of(candidate.id), f"{candidate.id}.png", picture.width, picture.height)
    source = Source(
        kind="folder",
        licence=params.licence,
        importer=IMPORTER,
        file=candidate.name,
        parameters=json.dumps({"row": candidate.row.number}),
        sha256=sha256_of_file(candidate.path),
    )
    texts = (Text(candidate.label, params.author),)
    record = Record(candidate.id, image, texts, candidate.label, candidate.entity or digest, source)
    return record, data


def _require_two_labels(source: Path, records: list[Record], tally: Tally) -> None:
    labels = sorted({record.label for record in records})
    if len(labels) >= 2:
        return
    found = f"{len(records)} usable pictures with {len(labels)} label{'' if len(labels) == 1 else 's'}"
    reasons = ", ".join(f"{count} x {reason}" for reason, count in tally.reasons.items()) or "nothing"
    raise UserError(f"{source}: {found}; at least 2 labels are needed to learn from. Dropped: {reasons}; {CONVENTION}.")
