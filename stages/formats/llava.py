"""LLaVA's JSON: a list of {id, image, conversations}, with `<image>` at the head of the first question.

https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md
"""

import json
from pathlib import Path
from typing import Any

from stages.formats.captioned import Flaw, Item, captioned, entries_of, read_json, shown
from stages.formats.chat import QUESTION, neutral
from stages.formats.exporting import Layout, Row, by_split, in_images

ANSWERS = ("gpt", "assistant")


def read(path: Path) -> list[Item]:
    """One item an answer; entries without a picture (LLaVA mixes in plain conversations) are Flaws."""
    entries = entries_of(path, read_json(path), "the list of conversations that LLaVA trains on")
    return [item for number, entry in enumerate(entries, start=1) for item in _entry(number, entry)]


def _entry(number: int, entry: object) -> list[Item]:
    if not isinstance(entry, dict) or not isinstance(entry.get("conversations"), list):
        return [Flaw(number, "malformed entry", shown(entry))]
    turns = [turn for turn in entry["conversations"] if isinstance(turn, dict) and turn.get("from") in ANSWERS]
    picture = entry.get("image")
    if isinstance(picture, list):
        if len(picture) > 1:
            return [Flaw(number, "several pictures", shown(picture))]
        picture = picture[0] if picture else None
    author = entry.get("author", "")
    return [captioned(picture, turn.get("value"), number, author) for turn in turns] or [
        Flaw(number, "no answer", shown(picture))
    ]


def _write(rows: list[Row], out: Path) -> None:
    for split, group in by_split(rows).items():
        entries = [_conversation(row, number) for row in group for number in range(len(row.texts))]
        text = json.dumps(entries, ensure_ascii=False, indent=1)
        (out / f"llava_{split}.json").write_text(text + "\n", encoding="utf-8")


def _conversation(row: Row, number: int) -> dict[str, Any]:
    text = row.texts[number]
    return {
        "id": f"{row.record.id}-{number}",
        "image": row.file,
        "author": text.author,
        "conversations": [
            {"from": "human", "value": f"<image>\n{QUESTION}"},
            {"from": "gpt", "value": neutral(text.text)},
        ],
    }


LAYOUT = Layout(in_images, _write, needs_text=True)
