"""Descriptions of named things -> records without a picture: the text with its name masked, the name as the label."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.blocklist import BLOCKLISTED, Blocklist, read_blocklist
from stages.describe import hugging_face, pokeapi, table
from stages.describe.checks import checked
from stages.describe.folding import folded
from stages.describe.leaks import Ordinary, leak
from stages.describe.lines import lines_of, names_by_line
from stages.describe.masking import Masked, Masker
from stages.describe.parameters import Describe, Format
from stages.describe.rows import Row, Survey
from stages.describe.text import has_control_token
from stages.params import UserError
from stages.record import (
    Drop,
    Image,
    Record,
    Source,
    Tally,
    Text,
    new_folder,
    write_drops,
    write_manifest,
    write_rows,
)
from stages.sides import SPLITS, side_by_entity

IMPORTER = "plumbline.describe/1"
NO_PICTURE = Image("", "", "", 0, 0)

Reader = Callable[[Describe, Path, Path], Survey]  # (parameters, folder, an empty folder that goes away afterwards)
READERS: dict[Format, Reader] = {
    "table": table.read,
    "named_lines": table.read,
    "pokeapi": pokeapi.read,
    "hugging_face": hugging_face.read,
}


@dataclass(frozen=True)
class Described:
    """A row with its masked text."""

    row: Row
    line: str
    masked: Masked


def run(params: Describe, *, source: Path, blocklist: Path, out: Path) -> None:
    """Import the descriptions of `source`: every row ends as a record or as a drop.

    What `blocklist` names is left out before copies are looked for; names in it are still masked in other rows.
    """
    blocked = read_blocklist(blocklist)
    new_folder(out)
    scratch = out / "scratch"
    scratch.mkdir()
    survey = READERS[params.format](params, source, scratch)
    tally = Tally(0)
    rows: list[Row] = []
    for found in survey.found:
        tally.rows_in += 1
        one = checked(params, found) if isinstance(found, Row) else found
        (tally.drops if isinstance(one, Drop) else rows).append(one)  # type: ignore[arg-type]
    allowed, taken = _allowed(params, survey, blocked, mask(params, rows, survey, tally))
    described, drops = distinct(allowed)
    tally.drops += [*taken, *drops]
    shutil.rmtree(scratch)
    tally.close(len(described))
    records = [_record(params, survey, one) for one in described]
    _require_usable(params, source, records, tally)
    write_rows(out / "rows.parquet", records)
    write_drops(out / "drops.csv", tally.drops)
    write_manifest(out, _facts(params, survey, described, records, tally))
    print(f"{len(records)} of {tally.rows_in} descriptions imported; dropped: {tally.reasons or 'none'}")


def mask(params: Describe, rows: list[Row], survey: Survey, tally: Tally) -> list[Described]:
    """The rows with masked texts; those that can't be masked go to `tally`."""
    lines = lines_of(rows)
    on_line, of_thing = names_by_line(rows, lines, survey.names)
    ordinary = Ordinary()
    for row in rows:
        ordinary.add(lines[row.id], row.description)

    by_line: dict[str, list[Row]] = {}
    for row in rows:
        by_line.setdefault(lines[row.id], []).append(row)

    described = []
    for line, members in by_line.items():
        masker = Masker(on_line[line], params.mask)
        for row in members:
            masked = masker(row.description, tuple(of_thing[row.thing or folded(row.name)]))
            flaw = _flaw(params, masked, masker, ordinary)
            if flaw is None:
                described.append(Described(row, line, masked))
            else:
                tally.drops.append(row.dropped(*flaw))
    return described


def _flaw(params: Describe, masked: Masked, masker: Masker, ordinary: Ordinary) -> tuple[str, str] | None:
    """(reason, detail) of a masked text that can't be used."""
    if masker.in_the_mask:
        return "the mask says the name", f"`mask` = {params.mask}"
    given_away = "the name itself" if masked.left else leak(masked.text, masker.names, ordinary)
    if given_away:
        return "name given away", given_away
    if has_control_token(masked.text):
        return "a chat template's token", "made by the mask"
    if len(masked.text) < params.shortest:
        return "too short a description", f"{len(masked.text)} characters, `shortest` is {params.shortest}"
    return None


def _allowed(
    params: Describe, survey: Survey, blocklist: Blocklist, described: list[Described]
) -> tuple[list[Described], list[Drop]]:
    """What the blocklist doesn't name, and a drop for each of the others."""
    if not blocklist:
        return described, []
    allowed, drops = [], []
    for one in described:
        entry = blocklist.of(_record(params, survey, one))
        if entry is None:
            allowed.append(one)
        else:
            drops.append(one.row.dropped(BLOCKLISTED, entry.text))
    return allowed, drops


def distinct(described: Iterable[Described]) -> tuple[list[Described], list[Drop]]:
    """Each text once: a second one under the same name is a duplicate, under another name both contradict."""
    by_text: dict[str, list[Described]] = {}
    for one in described:
        by_text.setdefault(folded(one.masked.text), []).append(one)
    kept, drops = [], []
    for same in by_text.values():
        names = {folded(one.row.name): one.row for one in same}
        if len(names) > 1:
            for one in same:
                other = next(row for name, row in names.items() if name != folded(one.row.name))
                drops.append(one.row.dropped("contradiction", f"same text as {other.name}, row {other.number}"))
            continue
        kept.append(same[0])
        drops += [one.row.dropped("duplicate", f"of row {same[0].row.number}") for one in same[1:]]
    return kept, drops


def _record(params: Describe, survey: Survey, one: Described) -> Record:
    row = one.row
    said = {
        "language": row.language,
        "masked": one.masked.count,
        "relatives": one.masked.relatives,
        "row": row.number,
        "stage": row.stage,
    }
    source = Source(
        kind="table",
        licence=params.licence,
        url=survey.url,
        file=row.file,
        importer=IMPORTER,
        parameters=json.dumps(said, ensure_ascii=False, sort_keys=True),
    )
    texts = (Text(one.masked.text, params.author),)
    side = side_by_entity(one.line, params.test_share)
    return Record(row.id, NO_PICTURE, texts, row.name, one.line, source, side)


def _require_usable(params: Describe, source: Path, records: list[Record], tally: Tally) -> None:
    reasons = ", ".join(f"{count} x {reason}" for reason, count in tally.reasons.items()) or "nothing"
    if len({record.label for record in records}) < 2:
        raise UserError(
            f"`folder` = {source}: {len(records)} usable descriptions; at least 2 names are needed. Dropped: {reasons}."
        )
    sides = {record.split for record in records}
    if params.test_share and sides != set(SPLITS):
        lines = len({record.entity for record in records})
        raise UserError(
            f"`test_share` = {params.test_share} of {lines} lines leaves {', '.join(sorted(sides))} alone: give more "
            "lines or another share, or 0 to train on all."
        )


def _facts(
    params: Describe, survey: Survey, described: list[Described], records: list[Record], tally: Tally
) -> dict[str, Any]:
    return {
        "stage": "describe",
        "importer": IMPORTER,
        "format": params.format,
        "table": survey.table,
        "rows_in": tally.rows_in,
        "rows_out": len(records),
        "dropped": tally.reasons,
        "mask": params.mask,
        "masked": sum(one.masked.count for one in described),
        "masked_rows": sum(one.masked.count > 0 for one in described),
        "masked_relatives": sum(one.masked.relatives for one in described),
        "languages": dict(sorted(Counter(one.row.language for one in described).items())),
        "names": len({record.label for record in records}),
        "lines": len({record.entity for record in records}),
        "splits": dict(sorted(Counter(record.split for record in records).items())),
    }
