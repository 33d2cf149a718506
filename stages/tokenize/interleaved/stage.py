"""The stage: rows in; tokenized rows, fitted pictures and the mask receipt out."""

import json
from pathlib import Path
from typing import Any

from stages.bases import load_processor
from stages.engine import spread
from stages.interleaved.recipe import InterleavedRecipe
from stages.interleaved.tasks import TASKS, CaptionTask, LabelTask
from stages.interleaved.templates import fill
from stages.params import UserError
from stages.record import (
    Drop,
    Image,
    Record,
    Tally,
    facts_of,
    new_folder,
    read_rows,
    write_drops,
    write_manifest,
)
from stages.tokenize.fitting import fit_shard
from stages.tokenize.interleaved.encode import CHECKS, Encoder
from stages.tokenize.interleaved.rows import TokenizedRow, write_tokenized
from stages.tokenize.interleaved.views import Fit

EXAMPLES = 4  # rows shown in the receipt, and compared with the processor itself
NOTHING_TO_SAY = "nothing to answer"  # no label, or no caption
HOLDS_SPECIAL = "text holds a special token"


def run(params: InterleavedRecipe, *, curated: Path, base: Path, out: Path) -> None:
    """Tokenize every curated row; drop by name what can't be an answer, refuse a mask that is not right."""
    from joblib import delayed
    from tqdm import tqdm

    records = read_rows(curated)
    processor = load_processor(base, params.model)
    encoder, fit = Encoder(processor, params.tokenize), Fit.of(processor, params.tokenize.fit)
    task = TASKS[params.task]()
    wanted = [(record, *pair) for record in records for pair in candidates(record, task, encoder)]
    tally = Tally(rows_in=len(wanted))
    kept = [one for one in wanted if _usable(one, encoder, tally)]
    _require_every_split(curated, records, kept)
    for _, _, target in _spread(kept):
        encoder.check_with_processor(fill(params.tokenize, params.task, target))

    new_folder(out)
    shards: dict[str, dict[str, Record]] = {}
    for record, _, _ in kept:
        shards.setdefault(record.image.shard, {})[record.id] = record
    jobs = (delayed(fit_shard)(curated, shard, list(some.values()), fit, out) for shard, some in sorted(shards.items()))
    done = spread(jobs, -1, "generator")
    views = {
        key: view for part in tqdm(done, total=len(shards), desc="fit pictures", unit="shard") for key, view in part
    }

    rows = [_row(record, name, target, task, params, encoder, views[record.id]) for record, name, target in kept]
    tally.close(len(rows))
    write_tokenized(out / "rows.parquet", rows)
    write_drops(out / "drops.csv", tally.drops)
    receipt = make_receipt(rows, processor, params)
    (out / "receipt.json").write_text(json.dumps(receipt, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    facts = {"rows_in": tally.rows_in, "rows_out": len(rows), "pictures": len(views), "dropped": tally.reasons}
    write_manifest(out, {"stage": "tokenize", **facts, "upstream": facts_of(curated)})
    for drop in tally.drops:
        print(f"tokenize: left out {drop.id}: {drop.reason} {drop.detail}")
    print(f"tokenize: {len(rows)} rows, {receipt['supervised_tokens']} supervised tokens, nothing cut")


def candidates(record: Record, task: LabelTask | CaptionTask, encoder: Encoder) -> list[tuple[str, str]]:
    """(row id, target) of a record: each caption of a training picture is a row (id/0, id/1), else there is one."""
    targets = task.targets(record) or ("",)
    if task.several and record.split == "train":
        return [(f"{record.id}/{number}", target) for number, target in enumerate(targets)]
    return [(record.id, next((target for target in targets if target and not encoder.held(target)), targets[0]))]


def make_receipt(rows: list[TokenizedRow], processor: Any, params: InterleavedRecipe) -> dict[str, Any]:
    """What a person checks before training: decoded rows with the supervised part marked."""
    tokenizer = processor.tokenizer
    examples = [
        {
            "id": row.id,
            "text": tokenizer.decode(list(row.prefix_ids)),
            "supervised": tokenizer.decode(list(row.suffix_ids)),
            "as_example": tokenizer.decode(list(row.example_ids)),
        }
        for row in _spread(rows)
    ]
    return {
        "prompt": params.tokenize.prompt,
        "rows": len(rows),
        "supervised_tokens": sum(len(row.suffix_ids) for row in rows),
        "longest": max((len(row.prefix_ids) + len(row.suffix_ids) for row in rows), default=0),
        "checks": CHECKS,
        "examples": examples,
    }


def _spread(rows: list[Any]) -> list[Any]:
    return rows[:: max(1, len(rows) // EXAMPLES)][:EXAMPLES]


def _usable(candidate: tuple[Record, str, str], encoder: Encoder, tally: Tally) -> bool:
    _, name, target = candidate
    held = encoder.held(target)
    if not target:
        tally.drops.append(Drop(name, NOTHING_TO_SAY))
    elif held:
        tally.drops.append(Drop(name, HOLDS_SPECIAL, ", ".join(held)))
    return bool(target) and not held


def _require_every_split(curated: Path, records: list[Record], kept: list[tuple[Record, str, str]]) -> None:
    for split in ("train", "test"):
        if not any(record.split == split for record, _, _ in kept):
            raise UserError(
                f"{curated} has no row of split `{split}` with something to answer ({len(records)} rows): "
                "look at its drops.csv, or at `recipes.<name>.task`."
            )


def _row(
    record: Record,
    name: str,
    target: str,
    task: LabelTask | CaptionTask,
    params: InterleavedRecipe,
    encoder: Encoder,
    view: Image,
) -> TokenizedRow:
    encoded = encoder.encode(fill(params.tokenize, params.task, target))
    return TokenizedRow(
        id=name,
        split=record.split,
        label=record.label if task.several else target,
        entity=record.entity,
        answer=fill(params.tokenize, params.task, target),
        references=tuple(text for text in task.targets(record) if text),
        prefix_ids=encoded.prefix,
        suffix_ids=encoded.suffix,
        example_ids=encoded.example,
        view=view,
    )
