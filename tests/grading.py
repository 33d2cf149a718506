"""A small made-up project to grade: drawn pictures, predictions of three modes, a params.yaml."""

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from captions import curated

from stages.grading.desk import Desk
from stages.grading.items import Item, items_of, read_predictions
from stages.grading.log import Grade

ADA = "person:Ada"
AT = "2026-01-02T03:04:05+00:00"
ROWS = 4
LINES: list[dict[str, Any]] = [
    {
        "id": f"row-{number:04d}",
        "label": f"sport {number}",
        "references": [f"a person plays sport {number}"],
        "zero_shot": {"text": f"A crowd of people waits, scene {number}", "score": 0.5},
        "few_shot": f"Two people play sport {number}",
        "tuned": {"text": f"A person plays sport {number}"},
    }
    for number in range(ROWS)
]


def write_lines(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def project(folder: Path, lines: list[dict[str, Any]] | None = None) -> Path:
    """data/curate/pets, reports/predictions/sport.jsonl and the row `sport`; returns the predictions."""
    curated(folder / "data/curate/pets", ROWS, size=400)
    row = {"objective": "interleaved", "source": "curate", "dataset": "pets", "base": "tiny", "model": {"id": "tiny"}}
    (folder / "params.yaml").write_text(yaml.safe_dump({"recipes": {"sport": row}}))
    return write_lines(folder / "reports/predictions/sport.jsonl", LINES if lines is None else lines)


def items(predictions: Path) -> list[Item]:
    return items_of(read_predictions(predictions), ROWS, 1)


def grade(item: Item, verdict: Any, author: str = ADA) -> Grade:
    return Grade(item.id, item.caption, item.modes, verdict, author, AT)


@dataclass
class Served:
    """A page that is being served, its desk, and plain HTTP requests to it."""

    desk: Desk
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def request(self, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = None if body is None else json.dumps(body).encode()
        typed = {"Content-Type": "application/json"} if data else {}
        connection.request("POST" if data else "GET", path, data, {**typed, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def press(self, name: str, key: str) -> list[Any]:
        """What the page gets for a press of a button: key, picture, caption, progress, what is so now."""
        status, body = self.request(f"/gradio_api/run/{name}", {"data": [key] if name != "start" else []})
        assert status == 200, body
        return list(json.loads(body)["data"])
