"""TRL's conversational vision data: JSON lines with `messages` and the picture that they are about.

TRL wants a column `images` that holds pictures, not paths. `datasets` makes one of `file_names` in an
imagefolder's metadata.jsonl, so the export loads with `load_dataset(FOLDER)` from anywhere.
https://huggingface.co/docs/trl/dataset_formats#vision-datasets
"""

import json
from pathlib import Path
from typing import Any

from stages.formats.captioned import Flaw, Item, captioned, json_lines, shown
from stages.formats.chat import QUESTION, neutral
from stages.formats.exporting import Layout, Row, by_split, in_split
from stages.formats.imagefolder import METADATA, metadata_files
from stages.formats.sheet import PICTURE_COLUMNS


def read(path: Path) -> list[Item]:
    """One item an assistant's message, from a JSON-lines file or a folder with a metadata.jsonl a split."""
    files = [file for file in metadata_files(path) if file.suffix != ".csv"]
    return [item for file in files for number, entry in json_lines(file) for item in _entry(number, entry)]


def _entry(number: int, entry: dict[str, Any] | Flaw) -> list[Item]:
    if isinstance(entry, Flaw):
        return [entry]
    messages = entry.get("messages") or entry.get("completion")
    if not isinstance(messages, list):
        return [Flaw(number, "malformed entry", shown(entry))]
    pictures = _pictures(entry)
    if len(pictures) > 1:
        return [Flaw(number, "several pictures", shown(pictures))]
    answers = [_text(one) for one in messages if isinstance(one, dict) and one.get("role") == "assistant"]
    picture, author = pictures[0] if pictures else None, entry.get("author", "")
    return [captioned(picture, answer, number, author) for answer in answers] or [
        Flaw(number, "no answer", shown(picture))
    ]


def _pictures(entry: dict[str, Any]) -> list[object]:
    """Names of the entry's pictures; `datasets` writes a picture as {bytes, path}."""
    many = next((entry[key] for key in ("images", "file_names") if isinstance(entry.get(key), list)), None)
    found = many if many is not None else [entry[name] for name in PICTURE_COLUMNS if entry.get(name)][:1]
    return [one.get("path") if isinstance(one, dict) else one for one in found]


def _text(message: dict[str, Any]) -> object:
    """A message's text: plain, or the text parts of a list."""
    content = message.get("content")
    if not isinstance(content, list):
        return content
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return " ".join(part for part in parts if isinstance(part, str))


def _write(rows: list[Row], out: Path) -> None:
    for split, group in by_split(rows).items():
        lines = [json.dumps(_conversation(row, number), ensure_ascii=False) for row in group for number in _each(row)]
        (out / split / METADATA[0]).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _each(row: Row) -> range:
    return range(len(row.texts))


def _conversation(row: Row, number: int) -> dict[str, Any]:
    text = row.texts[number]
    answer = {"type": "text", "text": neutral(text.text)}
    return {
        "file_names": [row.file],
        "messages": [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]},
            {"role": "assistant", "content": [answer]},
        ],
        "author": text.author,
    }


LAYOUT = Layout(in_split, _write, needs_text=True)
