"""Curate a table: verify every picture, drop with reasons, split, and copy what is left."""

import io
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from stages.curate.split import Curate, crossings, decide
from stages.entry import die_with_parent, require
from stages.params import UserError
from stages.record import Image, Record, Tally, read_rows, write_drops, write_manifest, write_rows
from stages.shards import ShardReader, shard_of, write_shard

SPLITS = ("train", "test")
ROWS_A_WORKER = 2000  # below this, starting another process takes longer than decoding


def run(params: Curate, *, raw: Path, words: Path, out: Path) -> None:
    """Split the table in `raw` into `out`; `words` holds the benchmark's words, which never get in."""
    records = read_rows(raw)
    withheld = require(words / "withheld.txt", "restore it with git: it names the words that must never get in.")
    _check_ids(records)
    verify_pictures(raw, records)

    tally = Tally(rows_in=len(records))
    kept, tally.drops = decide(params, records, frozenset(withheld.read_text(encoding="utf-8").casefold().split()))
    tally.close(len(kept))
    _check_splits(params, kept, tally)

    if out.exists():  # half-written: a stage that was killed leaves no manifest
        shutil.rmtree(out)
    out.mkdir(parents=True)
    copied = copy_pictures(raw, kept, out)
    tally.close(write_rows(out / "rows.parquet", copied))
    write_drops(out / "drops.csv", tally.drops)
    write_manifest(out, {"stage": "curate", **_facts(copied, tally)})


def verify_pictures(raw: Path, records: list[Record]) -> None:
    """Read and decode every picture; UserError names the first that is missing, changed or broken.

    A broken picture is no reason for a drop: the stage before wrote it whole.
    """
    from joblib import Parallel, cpu_count, delayed
    from tqdm import tqdm

    shards: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        shards[record.image.shard].append(record)
    jobs = (delayed(_verify_shard)(raw, rows) for _, rows in sorted(shards.items()))
    workers = min(cpu_count(), 1 + len(records) // ROWS_A_WORKER)
    with tqdm(total=len(records), desc="verifying", unit="picture") as progress:
        for count in Parallel(n_jobs=workers, return_as="generator_unordered")(jobs):
            progress.update(count)


def _verify_shard(raw: Path, records: list[Record]) -> int:
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        die_with_parent()
    with ShardReader(raw) as reader:
        for record in records:
            image = record.image
            _check_decodes(raw, record, reader.read(image.shard, image.member, image.sha256))
    return len(records)


def _check_decodes(raw: Path, record: Record, data: bytes) -> None:
    import PIL.Image

    where = f"row {record.id}: {record.image.member} in {raw / record.image.shard}"
    try:
        with PIL.Image.open(io.BytesIO(data)) as picture:
            picture.load()
            size = picture.size
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise UserError(
            f"{where} is no picture that can be decoded ({error}): rebuild the stage that wrote it."
        ) from error
    if size != (record.image.width, record.image.height):
        expected = f"{record.image.width} x {record.image.height}"
        raise UserError(f"{where} is {size[0]} x {size[1]} pixels, its row says {expected}: rebuild the stage.")


def copy_pictures(raw: Path, records: Iterable[Record], out: Path) -> list[Record]:
    """Copy the rows' bytes into `out`'s own shards; returns the rows that point there."""
    shards: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        shards[shard_of(record.id)].append(record)
    copied = []
    with ShardReader(raw) as reader:
        for shard, rows in sorted(shards.items()):
            members = []
            for record in rows:
                image = record.image
                member = record.id + PurePosixPath(image.member).suffix
                members.append((member, reader.read(image.shard, image.member, image.sha256)))
                copied.append(replace(record, image=Image(image.sha256, shard, member, image.width, image.height)))
            write_shard(out / shard, members)
    return copied


def _check_ids(records: list[Record]) -> None:
    twice = sorted(row_id for row_id, count in Counter(record.id for record in records).items() if count > 1)
    if twice:
        raise UserError(
            f"{len(twice)} ids name more than one row, {twice[0]} first: rebuild the stage that wrote them."
        )


def _check_splits(params: Curate, kept: list[Record], tally: Tally) -> None:
    """UserError for an empty split; RuntimeError when something is on both sides: that would be a bug."""
    for split in SPLITS:
        if not any(record.split == split for record in kept):
            remedy = (
                f"give the {split} side both words and fonts (`{split}_images` and `families` in `synthesize`)"
                if params.split == "words_and_fonts"
                else f"change `test_share` = {params.test_share} or bring more entities than "
                f"{len({record.entity.casefold() for record in kept})}"
            )
            raise UserError(
                f"the {split} split is empty: {tally.rows_in} rows in, {len(kept)} kept, dropped: "
                f"{tally.reasons or 'none'}; {remedy}."
            )
    crossing = crossings(params, kept)
    if crossing:
        raise RuntimeError(f"{len(crossing)} names are in both splits: {', '.join(crossing[:5])}")


def _facts(records: list[Record], tally: Tally) -> dict[str, Any]:
    words: dict[str, set[str]] = {split: set() for split in SPLITS}
    families: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    for record in records:
        drawn = record.source.drawn
        words[record.split].add(str(drawn.get("word", record.entity)).casefold())
        if "family" in drawn:
            families[record.split][drawn["family"]] += 1
    return {
        "rows_in": tally.rows_in,
        "rows_out": len(records),
        "dropped": tally.reasons,
        "splits": dict(Counter(record.split for record in records)),
        "words": {split: len(found) for split, found in words.items()},
        "families": {split: dict(found) for split, found in families.items()},
        "licences": dict(Counter(record.source.licence for record in records)),
    }
