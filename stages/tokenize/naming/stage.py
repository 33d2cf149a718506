"""The stage: described rows in; tokenized rows and the mask receipt out."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from stages.naming.model import load_tokenizer
from stages.naming.recipe import NamingRecipe
from stages.params import UserError
from stages.record import Tally, facts_of, new_folder, write_drops, write_manifest
from stages.tokenize.naming.encode import CHECKS, Encoder
from stages.tokenize.naming.rows import RowsWriter, TokenizedRow
from stages.tokenize.naming.told import pieces, read_told

EXAMPLES = 6  # rows shown in the receipt: the first of each language in each split
DROPS_PRINTED = 20


def run(params: NamingRecipe, *, curated: Path, base: Path, out: Path) -> None:
    """Tokenize every described row, a piece at a time; drop by name what can't be trained on, cut nothing."""
    from tqdm import tqdm

    tokenizer = load_tokenizer(base, params.model)
    encoder, tally, counts = Encoder(tokenizer, params.tokenize), Tally(rows_in=0), _Counts()
    new_folder(out)
    with RowsWriter(out / "rows.parquet") as writer, tqdm(desc="tokenize", unit="row") as bar:
        for piece in pieces(read_told(curated)):
            rows, drops = encoder.encode(piece)
            tally.rows_in += len(piece)
            tally.drops += drops
            writer.write(rows)
            counts.add(rows)
            bar.update(len(piece))
    tally.close(writer.rows)
    counts.require_every_split(curated, tally)
    write_drops(out / "drops.csv", tally.drops)
    receipt = counts.receipt(tokenizer, params)
    (out / "receipt.json").write_text(json.dumps(receipt, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    facts = {"rows_in": tally.rows_in, "rows_out": writer.rows, "dropped": tally.reasons}
    write_manifest(out, {"stage": "tokenize", **facts, "upstream": facts_of(curated)})
    for drop in tally.drops[:DROPS_PRINTED]:
        print(f"tokenize: left out {drop.id}: {drop.reason} {drop.detail}")
    if len(tally.drops) > DROPS_PRINTED:
        print(f"tokenize: left out {len(tally.drops) - DROPS_PRINTED} more: {out / 'drops.csv'} has each")
    print(f"tokenize: {writer.rows} rows, {receipt['supervised_tokens']} supervised tokens, nothing cut")


class _Counts:
    """What the receipt says of rows that are written and gone."""

    def __init__(self) -> None:
        self.splits: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.supervised = self.longest = 0
        self.shown: dict[tuple[str, str], TokenizedRow] = {}

    def add(self, rows: list[TokenizedRow]) -> None:
        self.splits.update(row.split for row in rows)
        self.languages.update(row.language for row in rows)
        self.supervised += sum(len(row.answer_ids) for row in rows)
        self.longest = max([self.longest, *(len(row.prompt_ids) + len(row.answer_ids) for row in rows)])
        for row in rows:
            self.shown.setdefault((row.split, row.language), row)

    def require_every_split(self, curated: Path, tally: Tally) -> None:
        """UserError when training or evaluation would have nothing."""
        for split in ("train", "test"):
            if not self.splits[split]:
                left = ", ".join(f"{reason}: {count}" for reason, count in tally.reasons.items()) or "none"
                raise UserError(
                    f"{curated} has no row of split `{split}` that can be tokenized ({tally.rows_in} rows; left out: "
                    f"{left}): look at its drops.csv, at `tokenize.languages` and at `tokenize.max_length`."
                )

    def receipt(self, tokenizer: Any, params: NamingRecipe) -> dict[str, Any]:
        """What a person checks before training: decoded rows, their tokens, and a mask of one digit a token."""
        return {
            "prompt": params.tokenize.prompt,
            "rows": self.splits.total(),
            "splits": dict(sorted(self.splits.items())),
            "languages": dict(sorted(self.languages.items())),
            "supervised_tokens": self.supervised,
            "longest": self.longest,
            "checks": CHECKS,
            "examples": [_shown(row, tokenizer) for _, row in sorted(self.shown.items(), reverse=True)[:EXAMPLES]],
        }


def _shown(row: TokenizedRow, tokenizer: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "text": tokenizer.decode(list(row.prompt_ids)),
        "supervised": tokenizer.decode(list(row.answer_ids)),
        "tokens": " ".join(tokenizer.convert_ids_to_tokens([*row.prompt_ids, *row.answer_ids])),
        "mask": "0" * len(row.prompt_ids) + "1" * len(row.answer_ids),
    }
