"""What there is to grade: the different captions of a recipe's predictions, in an order that says nothing of modes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.grading.log import digest_of
from stages.params import UserError
from stages.shards import sha256

MODES = ("zero_shot", "few_shot", "tuned")


@dataclass(frozen=True)
class Predicted:
    """What each mode said of the picture of row `id`; every row of a file has the same modes."""

    id: str
    said: dict[str, str]


@dataclass(frozen=True)
class Item:
    """A text under a picture, and who wrote it; modes that said the same to the letter are graded once."""

    id: str
    text: str
    modes: tuple[str, ...]

    @property
    def caption(self) -> str:
        return digest_of(self.text)

    @property
    def key(self) -> str:
        """Names the item on the page; it comes from row and text, so it tells no more than these do."""
        return sha256(f"{self.id}\n{self.caption}".encode())[:20]


def read_predictions(path: Path) -> list[Predicted]:
    """The captions of reports/predictions/RECIPE.jsonl, in its order.

    A line has an `id`, and of `MODES` at least one key with a text or {"text": ...}. UserError names the line that
    has none, other modes than the first line, or a row's second appearance.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: run `dvc repro evaluate@{path.stem}`, or `dvc checkout {path}`.")
    rows: list[Predicted] = []
    seen: set[str] = set()
    for number, data in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = _predicted(json.loads(data.decode()))
            if row.id in seen:
                raise ValueError(f"row {row.id!r} has a line already")
            if rows and row.said.keys() != rows[0].said.keys():
                raise ValueError(f"it has {', '.join(row.said)}, the first line has {', '.join(rows[0].said)}")
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{path}, line {number} can't be graded ({error}): run `dvc repro -f evaluate@{path.stem}`."
            ) from None
        seen.add(row.id)
        rows.append(row)
    if not rows:
        raise UserError(f"{path} is empty: run `dvc repro -f evaluate@{path.stem}`.")
    return rows


def _predicted(values: Any) -> Predicted:
    if not isinstance(values, dict) or not isinstance(values.get("id"), str):
        raise ValueError("it is no object with an `id`")
    values["id"].encode()  # a lone surrogate is a ValueError here, not when a verdict is written
    said = {mode: _text(mode, values[mode]) for mode in MODES if mode in values}
    if not said:
        raise ValueError(f"it has none of {', '.join(MODES)}")
    return Predicted(values["id"], said)


def _text(mode: str, value: Any) -> str:
    text = value.get("text") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise ValueError(f'`{mode}` is neither a text nor {{"text": ...}}')
    return text


def items_of(predicted: Sequence[Predicted], rows: int, seed: int) -> list[Item]:
    """The different captions of `rows` rows, drawn and shuffled by `seed`.

    Both follow from digests of row and text: neither the file's order nor a mode's name has a part in it, more rows
    keep those of fewer, and a caption that was written anew moves no other one.
    """
    drawn = sorted(predicted, key=lambda row: sha256(f"{seed}\nrow\n{row.id}".encode()))[:rows]
    items = [
        Item(row.id, text, tuple(mode for mode, said in row.said.items() if said == text))
        for row in drawn
        for text in dict.fromkeys(row.said.values())
    ]
    return sorted(items, key=lambda item: sha256(f"{seed}\n{item.key}".encode()))
