"""The stage: rows in, tokenized rows, fitted pictures and the mask receipt out."""

import json
from pathlib import Path
from typing import Any

from stages.answers.recipe import AnswerRecipe
from stages.answers.tasks import TASKS
from stages.bases import base_location, load_processor
from stages.engine import spread
from stages.record import Image, Record, Tally, new_folder, read_manifest, read_rows, write_drops, write_manifest
from stages.tokenize.answers.encode import CHECKS, Encoded, Encoder, image_features
from stages.tokenize.answers.rows import TokenizedRow, write_tokenized
from stages.tokenize.answers.views import Fit
from stages.tokenize.fitting import fit_shard

EXAMPLES = 4  # rows shown in the receipt


def run(params: AnswerRecipe, *, curated: Path, base: Path, out: Path) -> None:
    """Tokenize every curated row with the base's own processor; refuse a mask that is not right."""
    from joblib import delayed
    from tqdm import tqdm

    records = read_rows(curated)
    encoder, fit = prepare(params, base)
    task, template = TASKS[params.task], params.tokenize.answer
    answers = {record.id: template.format(label=task.target(record)) for record in records}
    encoded = {answer: encoder.encode(params.tokenize.prompt, answer) for answer in sorted(set(answers.values()))}

    new_folder(out)
    shards: dict[str, list[Record]] = {}
    for record in records:
        shards.setdefault(record.image.shard, []).append(record)
    jobs = (delayed(fit_shard)(curated, shard, rows, fit, out) for shard, rows in sorted(shards.items()))
    done = spread(jobs, -1, "generator")
    views = {
        key: view for part in tqdm(done, total=len(shards), desc="fit pictures", unit="shard") for key, view in part
    }

    rows = [_row(record, answers[record.id], encoded[answers[record.id]], views[record.id]) for record in records]
    Tally(rows_in=len(records)).close(len(rows))
    write_tokenized(out / "rows.parquet", rows)
    write_drops(out / "drops.csv", [])
    receipt = make_receipt(rows, encoder.processor, params.tokenize.prompt)
    (out / "receipt.json").write_text(json.dumps(receipt, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_manifest(out, {"rows_in": len(records), "rows_out": len(rows), "curated": read_manifest(curated)["files"]})
    print(f"tokenize: {len(rows)} rows, {receipt['supervised_tokens']} supervised tokens, nothing cut")


def prepare(params: AnswerRecipe, base: Path) -> tuple[Encoder, Fit]:
    """The encoder and the fit of a recipe's base."""
    from transformers import AutoConfig

    processor = load_processor(base, params.model)
    where, revision = base_location(base, params.model)
    config = AutoConfig.from_pretrained(where, revision=revision)
    fit = Fit.of(processor, params.tokenize)
    return Encoder(processor, image_features(config, fit.height, fit.width), params.tokenize.max_length), fit


def make_receipt(rows: list[TokenizedRow], processor: Any, prompt: str) -> dict[str, Any]:
    """What a person checks before training: decoded rows with the supervised part marked."""
    shown = rows[:: max(1, len(rows) // EXAMPLES)][:EXAMPLES]
    image = processor.tokenizer.convert_ids_to_tokens(processor.image_token_id)
    examples = []
    for row in shown:
        count = row.prefix_ids.count(processor.image_token_id)
        text = processor.tokenizer.decode(list(row.prefix_ids)).replace(image * count, f"{image}×{count}")
        examples.append({"id": row.id, "text": text, "supervised": processor.tokenizer.decode(list(row.suffix_ids))})
    return {
        "prompt": prompt,
        "rows": len(rows),
        "supervised_tokens": sum(len(row.suffix_ids) for row in rows),
        "longest": max((len(row.prefix_ids) + len(row.suffix_ids) for row in rows), default=0),
        "checks": CHECKS,
        "examples": examples,
    }


def _row(record: Record, answer: str, encoded: Encoded, view: Image) -> TokenizedRow:
    return TokenizedRow(record.id, record.split, record.label, answer, encoded.prefix, encoded.suffix, view)
