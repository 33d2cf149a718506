"""Label Studio's JSON: its export (and JSON-MIN) in, tasks to import out.

A task's picture stands under `image` or `captioning` (the name in its own captioning template); captions
are the texts of textareas. https://labelstud.io/guide/task_format
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from stages.formats.captioned import Flaw, Item, captioned, entries_of, read_json, shown
from stages.formats.exporting import Layout, Row, in_images

PICTURE_KEYS = ("image", "captioning", "picture", "img", "file_name", "url")
CAPTION_KEYS = ("caption", "captions", "captioning", "text", "comment", "description")
CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Header value="Describe the picture"/>
  <TextArea name="caption" toName="image" rows="3" editable="true" maxSubmissions="10"/>
</View>
"""


def read(path: Path) -> list[Item]:
    """One item a text that a person submitted; `line` is the task's place in the list.

    Tasks that nobody annotated (predictions don't count), skipped annotations, and those without a text
    are Flaws.
    """
    tasks = entries_of(path, read_json(path), "the list of tasks that Label Studio exports")
    return [item for number, task in enumerate(tasks, start=1) for item in _task(number, task)]


def _task(number: int, task: object) -> list[Item]:
    if not isinstance(task, dict):
        return [Flaw(number, "malformed entry", shown(task))]
    if not isinstance(task.get("data"), dict):
        return _minimal(number, task)
    picture = _picture(task["data"])
    annotations = task.get("annotations") or task.get("completions") or []
    if not isinstance(annotations, list):
        return [Flaw(number, "malformed entry", shown(annotations))]
    if not annotations:
        return [Flaw(number, "not annotated", shown(picture))]
    return [item for annotation in annotations for item in _annotation(number, picture, annotation)]


def _annotation(number: int, picture: object, annotation: object) -> list[Item]:
    if not isinstance(annotation, dict) or not isinstance(annotation.get("result") or [], list):
        return [Flaw(number, "malformed entry", shown(annotation))]
    if annotation.get("was_cancelled") or annotation.get("skipped"):
        return [Flaw(number, "annotation cancelled", shown(picture))]
    results = [one for one in annotation.get("result") or [] if isinstance(one, dict) and one.get("type") == "textarea"]
    named = [one for one in results if one.get("from_name") in CAPTION_KEYS]
    texts = [text for one in named or results for text in _texts(one.get("value"))]
    author = _author(annotation.get("completed_by"))
    return [captioned(picture, text, number, author) for text in texts] or [Flaw(number, "no text", shown(picture))]


def _minimal(number: int, task: dict[str, Any]) -> list[Item]:
    """JSON-MIN: the data and the results of one annotation, side by side."""
    picture = _picture(task)
    key = next((name for name in CAPTION_KEYS if name in task and task[name] != picture), None)
    texts = _texts(task[key]) if key else []
    author = _author(task.get("annotator"))
    return [captioned(picture, text, number, author) for text in texts] or [Flaw(number, "no text", shown(picture))]


def _texts(value: object) -> list[object]:
    """The texts of a textarea: one, a list, or an object that holds them."""
    if isinstance(value, list):
        return [text for part in value for text in ([part] if not isinstance(part, dict) else _texts(part))]
    if isinstance(value, dict):
        return _texts(value.get("text"))
    return [] if value is None else [value]


def _author(value: object) -> object:
    """Who annotated: Label Studio gives a number, or an object with an e-mail address."""
    return value.get("email") or value.get("id") or "" if isinstance(value, dict) else value


def _picture(data: dict[str, Any]) -> object:
    """The picture's name; local files and uploads are served under addresses of Label Studio's own."""
    value = next((data[key] for key in PICTURE_KEYS if isinstance(data.get(key), str) and data[key]), "")
    if value.startswith("/data/local-files/"):
        return parse_qs(urlsplit(value).query).get("d", [value])[0]
    if value.startswith("/data/upload/"):
        return re.sub(r"^[0-9a-f]{8}-", "", value.rpartition("/")[2])
    return value


def _write(rows: list[Row], out: Path) -> None:
    """Tasks with the texts that there are as pre-annotations, one prediction an author, and the interface."""
    tasks = [_exported(row) for row in rows]
    (out / "tasks.json").write_text(json.dumps(tasks, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (out / "labeling_config.xml").write_text(CONFIG, encoding="utf-8")


def _exported(row: Row) -> dict[str, Any]:
    record = row.record
    texts: dict[str, list[str]] = {}
    for text in row.texts:
        texts.setdefault(text.author, []).append(text.text)
    data = {
        "image": f"/data/local-files/?d={row.place}",
        "sha256": record.image.sha256,
        "label": record.label,
        "split": row.split,
        "licence": record.source.licence,
        "url": record.source.url,
    }
    return {"data": data, "predictions": [_prediction(author, group) for author, group in texts.items()]}


def _prediction(author: str, texts: list[str]) -> dict[str, Any]:
    field = {"id": "caption", "from_name": "caption", "to_name": "image", "type": "textarea"}
    return {"model_version": author or "unknown", "result": [{**field, "value": {"text": texts}}]}


LAYOUT = Layout(in_images, _write, needs_text=False)
