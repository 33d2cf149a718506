"""A folder of pictures in one of several layouts -> records: every row and every file ends as a row or as a drop."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from stages.ingest import captions, class_folders, hugging_face, rows
from stages.ingest.found import Survey
from stages.ingest.packing import IMPORTER, pack
from stages.ingest.parameters import Format, Ingest
from stages.params import UserError
from stages.record import Drop, Record, Tally, new_folder, write_drops, write_manifest, write_rows

Reader = Callable[[Ingest, Path, Path], Survey]  # (parameters, folder, an empty folder that goes away afterwards)

READERS: dict[Format, Reader] = {
    "table": rows.read,
    "class_folders": class_folders.read,
    "flickr30k": captions.read_flickr30k,
    "coco": captions.read_coco,
    "llava": captions.read_llava,
    "hugging_face": hugging_face.read,
}


def run(params: Ingest, *, source: Path, out: Path) -> None:
    """Import the pictures of `source`, their bytes as they are, with what its table or its folders say of them."""
    new_folder(out)
    scratch = out / "scratch"
    scratch.mkdir()
    survey = survey_of(params, source, scratch)
    tally = Tally(survey.rows_in, list(survey.drops))
    records: list[Record] = []
    for one in pack(params, survey.found, out):
        if isinstance(one, Drop):
            tally.drops.append(one)
        else:
            records.append(one)
    shutil.rmtree(scratch)
    tally.close(len(records))
    _require_usable(params, source, survey, [record.label for record in records], tally)
    write_rows(out / "rows.parquet", records)
    write_drops(out / "drops.csv", tally.drops)
    facts: dict[str, Any] = {
        "stage": "ingest",
        "importer": IMPORTER,
        "format": params.format,
        "table": survey.table,
        "rows_in": tally.rows_in,
        "rows_out": len(records),
        "dropped": tally.reasons,
        "labels": dict(sorted(Counter(record.label for record in records if record.label).items())),
        "texts": sum(len(record.texts) for record in records),
    }
    if params.has_conversations:
        facts["conversations"] = sum(len(record.source.drawn.get("conversations", ())) for record in records)
    write_manifest(out, facts)
    print(f"{len(records)} of {tally.rows_in} rows and files imported; dropped: {tally.reasons or 'none'}")


def survey_of(params: Ingest, source: Path, scratch: Path) -> Survey:
    """What is in `source`, before a picture is opened; UserError when nothing of it can be learnt from."""
    survey = READERS[params.format](params, source, scratch)
    tally = Tally(survey.rows_in, list(survey.drops))
    _require_usable(params, source, survey, [one.label for one in survey.found], tally)
    return survey


def _require_usable(params: Ingest, source: Path, survey: Survey, labels: Iterable[str], tally: Tally) -> None:
    found = Counter(labels)
    least = 2 if params.has_labels else 1
    if len(found) >= least:
        return
    said = f"{found.total()} usable pictures"
    if params.has_labels:
        named = f" ({', '.join(found)})" if found else ""
        said += f" with {len(found)} label{'' if len(found) == 1 else 's'}{named}; at least 2 labels are needed"
    reasons = ", ".join(f"{count} x {reason}" for reason, count in tally.reasons.items()) or "nothing"
    raise UserError(f"`folder` = {source}: {said}. Dropped: {reasons}; {survey.remedy}.")
