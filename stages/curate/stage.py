"""Curate a table: look at every picture, drop with reasons, merge copies, split, and write what is left."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.blocklist import read_blocklist
from stages.curate.blocklist import shows_blocked
from stages.curate.copies import DUPLICATE, NEAR_DUPLICATE
from stages.curate.decide import Copy, Evidence, Ruling, decide
from stages.curate.decisions import read_decisions, resolve
from stages.curate.decode import Facts, Quarantine
from stages.curate.parameters import Curate
from stages.curate.sheet import write_sheet
from stages.curate.split import crossings
from stages.curate.verification import verify_pictures
from stages.curate.writing import Written, as_fetched, look_at, write_pictures
from stages.entry import require
from stages.params import UserError
from stages.record import (
    Record,
    Tally,
    facts_of,
    new_folder,
    plain_cell,
    read_rows,
    write_drops,
    write_manifest,
    write_rows,
)
from stages.sides import SPLITS

GROUP_COLUMNS = ("group", "id", "sha256", "role", "reason", "of", "bits")


def run(params: Curate, *, raw: Path, words: Path, decisions: Path, blocklist: Path, out: Path) -> None:
    """Curate the table in `raw` into `out`.

    `words` holds the benchmark's words, which never get in; `decisions` what a person decided about pictures;
    `blocklist` what must not be learned from.
    """
    records = read_rows(raw)
    withheld = require(words / "withheld.txt", "restore it with git: it names the words that must never get in.")
    decided = resolve(read_decisions(decisions), [record.origin for record in records])
    _check_ids(records)
    verify_pictures(raw, [record for record in records if not as_fetched(record)])

    evidence = Evidence(
        records,
        look_at(params, raw, records),
        decided=decided,
        withheld=frozenset(withheld.read_text(encoding="utf-8").casefold().split()),
        blocklist=read_blocklist(blocklist),
    )
    evidence, ruling, written = _settle(params, evidence, raw, out)
    tally = Tally(len(records), ruling.drops)
    tally.close(write_rows(out / "rows.parquet", written.records))
    write_drops(out / "drops.csv", ruling.drops)
    _write_groups(out / "groups.csv", ruling.copies)
    if params.source != "synthesize":  # what we drew ourselves holds no surprise to look for
        write_sheet(params, raw, evidence, ruling, written.records, out / "sheet.html")
    write_manifest(
        out, {"stage": "curate", **_facts(params, written.records, ruling, tally), "upstream": facts_of(raw)}
    )
    print(f"{len(written.records)} of {len(records)} rows kept; dropped: {tally.reasons or 'none'}")
    for decision in ruling.not_applied:
        print(f"decision not applied: {decision}")


def _settle(params: Curate, evidence: Evidence, raw: Path, out: Path) -> tuple[Evidence, Ruling, Written]:
    """Decide and write; anew where writing shows what looking had not, so that another copy can step in.

    That is a picture that fails after all, two files that hold the same pixels, or one that the blocklist names by
    what it is stored as. Each round settles one more picture at least, so this ends; nearly always after one or two.
    """
    facts: dict[str, Facts | Quarantine] = dict(evidence.facts)
    pixels: dict[str, str] = {}
    while True:
        evidence = replace(evidence, facts=facts, pixels=pixels)
        ruling = decide(params, evidence)
        tally = Tally(len(evidence.records), ruling.drops)
        tally.close(len(ruling.kept))
        _check_splits(params, ruling, tally)
        new_folder(out)
        written = write_pictures(params, raw, ruling.kept, out)
        if written.settled and not shows_blocked(evidence.blocklist, written.pixels):
            return evidence, ruling, written
        facts = {**facts, **written.failed}
        pixels = {**pixels, **written.pixels}


def _check_ids(records: list[Record]) -> None:
    twice = sorted(row_id for row_id, count in Counter(record.id for record in records).items() if count > 1)
    if twice:
        raise UserError(
            f"{len(twice)} ids name more than one row, {twice[0]} first: rebuild the stage that wrote them."
        )


def _check_splits(params: Curate, ruling: Ruling, tally: Tally) -> None:
    """UserError for an empty split; RuntimeError when something is on both sides: that would be a bug."""
    for split in SPLITS:
        if not any(record.split == split for record in ruling.kept):
            remedy = (
                f"give the {split} side both words and fonts (`{split}_images` and `families` in `synthesize`)"
                if params.split == "words_and_fonts"
                else f"change `test_share` = {params.test_share} or bring more entities than "
                f"{len({record.entity.casefold() for record in ruling.kept})}"
            )
            raise UserError(
                f"the {split} split is empty: {tally.rows_in} rows in, {len(ruling.kept)} kept, dropped: "
                f"{tally.reasons or 'none'}; {remedy}."
            )
    crossing = crossings(params, ruling.kept, ruling.linked)
    if crossing:
        raise RuntimeError(f"{len(crossing)} names are in both splits: {', '.join(crossing[:5])}")


def _write_groups(path: Path, copies: Iterable[Copy]) -> None:
    """groups.csv: every row that has a copy, what became of it, and in how many bits it differs from what stayed."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(GROUP_COLUMNS)
        for copy in copies:
            bits = "" if copy.bits is None else str(copy.bits)
            cells = [copy.group, copy.record.id, copy.record.origin, copy.role, copy.reason, copy.of, bits]
            writer.writerow([plain_cell(cell) for cell in cells])


def _facts(params: Curate, records: list[Record], ruling: Ruling, tally: Tally) -> dict[str, Any]:
    words: dict[str, set[str]] = {split: set() for split in SPLITS}
    families: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    entities: dict[str, set[str]] = {split: set() for split in SPLITS}
    for record in records:
        drawn = record.source.drawn
        entities[record.split].add(record.entity.casefold())
        words[record.split].add(str(drawn.get("word", record.entity)).casefold())
        if "family" in drawn:
            families[record.split][drawn["family"]] += 1
    return {
        "rows_in": tally.rows_in,
        "rows_out": len(records),
        "dropped": tally.reasons,
        "split": params.split,
        "splits": dict(Counter(record.split for record in records)),
        "entities": _sizes(entities),
        "words": _sizes(words),
        "families": {split: dict(found) for split, found in families.items()},
        "licences": dict(Counter(record.source.licence for record in records)),
        "groups": _group_counts(ruling.copies),
        "texts_left_out": ruling.texts_left_out,
        "decisions": {"applied": ruling.applied, "not_applied": list(ruling.not_applied)},
    }


def _sizes(found: Mapping[str, set[str]]) -> dict[str, int]:
    return {split: len(names) for split, names in found.items()}


def _group_counts(copies: list[Copy]) -> dict[str, int]:
    """Groups of rows that look alike, and what became of their rows."""
    reasons = Counter(copy.reason for copy in copies)
    roles = Counter(copy.role for copy in copies)
    return {
        "groups": len({copy.group for copy in copies}),
        "rows": len(copies),
        "exact_copies": reasons[DUPLICATE],
        "near_copies": reasons[NEAR_DUPLICATE],
        "contradictory": roles["contradictory"],
        "kept": roles["kept"],
    }
