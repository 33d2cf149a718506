"""Kill the caption page again and again while it saves, and count what it had acknowledged and is not there.

`python -m bench.caption_kills --kills 200` serves the real page (its HTTP interface, on loopback) over a made-up set,
saves through several connections at once, and ends the server with SIGKILL at a random moment.
Prints one JSON line; exit 1 when an acknowledged caption is missing or there twice.
"""

import argparse
import http.client
import io
import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from PIL import Image as Pillow

from stages.caption.desk import Desk
from stages.caption.log import open_log, read_log
from stages.caption.page.app import application
from stages.caption.parameters import CaptionParams
from stages.pages import serving
from stages.record import Image, Record, Source, write_drops, write_manifest, write_rows
from stages.shards import sha256, write_shard

PICTURES = 64
CONNECTIONS = 4
PARAMS = CaptionParams(dataset="kills", log="kills")


def curated(folder: Path) -> list[Record]:
    """A finished table folder of plain pictures."""
    folder.mkdir()
    records = []
    for number in range(PICTURES):
        stream = io.BytesIO()
        Pillow.new("RGB", (64, 64), (number * 3, 90, 120)).save(stream, "PNG")
        data, name = stream.getvalue(), f"row-{number:03d}"
        image = Image(sha256(data), f"{number:x}.tar", f"{name}.png", 64, 64)
        write_shard(folder / image.shard, [(image.member, data)])
        records.append(Record(name, image, (), name, name, Source("folder", "CC0", file=f"{name}.png"), "train"))
    write_rows(folder / "rows.parquet", records)
    write_drops(folder / "drops.csv", [])
    write_manifest(folder, {"stage": "curate"})
    return records


def page(folder: Path, records: list[Record], listener: socket.socket) -> None:
    """The child: what `plumbline caption` runs."""
    with open_log(folder / "kills.jsonl") as log:
        desk = Desk(PARAMS, records, log, "person:bench")
        serving.serve(lambda: application(desk, folder / "curated"), listener)


def save(port: int, records: list[Record], start: int, acknowledged: list[str]) -> None:
    """One connection that saves until the server is gone; `acknowledged` gets what the page confirmed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for number in range(start, start + 1_000_000, CONNECTIONS):
        text = f"a plain picture of one colour, caption number {number} of this bench"
        body = json.dumps({"data": [records[number % PICTURES].origin, text]})
        try:
            connection.request("POST", "/gradio_api/run/save", body, {"Content-Type": "application/json"})
            answer = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return
        if "saved: " in json.loads(answer)["data"][-1]:
            acknowledged.append(text)


def one_kill(folder: Path, records: list[Record], first: int, rng: random.Random) -> tuple[list[str], bytes]:
    """Serve, save, kill; returns what was acknowledged and what stands behind the log's last line feed."""
    listener = serving.listening(0)
    child = multiprocessing.get_context("fork").Process(target=page, args=(folder, records, listener))
    child.start()
    port = listener.getsockname()[1]
    listener.close()  # the child has its own; its death must close the port
    acknowledged: list[list[str]] = [[] for _ in range(CONNECTIONS)]
    clients = [
        threading.Thread(target=save, args=(port, records, first + place, own))
        for place, own in enumerate(acknowledged)
    ]
    for client in clients:
        client.start()
    while not any(acknowledged) and child.is_alive():
        time.sleep(0.01)
    time.sleep(rng.random() * 0.3)
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    for client in clients:
        client.join()
    return [text for own in acknowledged for text in own], (folder / "kills.jsonl").read_bytes().rpartition(b"\n")[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    os.environ.update(serving.QUIET)
    import gradio  # once, before the children are forked; importing it takes longer than a round  # noqa: F401

    rng, started = random.Random(given.seed), time.monotonic()
    acknowledged: list[str] = []
    torn = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = curated(folder / "curated")
        for kill in range(given.kills):
            confirmed, tail = one_kill(folder, records, 1_000_000 * kill, rng)
            acknowledged += confirmed
            torn += bool(tail)
        lines, _ = read_log(folder / "kills.jsonl")
    written = Counter(line.text for line in lines)
    result = {
        "kills": given.kills,
        "acknowledged": len(acknowledged),
        "lost": sum(text not in written for text in acknowledged),
        "twice": sum(count > 1 for count in written.values()),
        "saved, killed before the answer": len(written) - len(acknowledged),
        "torn lines": torn,
        "seconds": round(time.monotonic() - started),
    }
    print(json.dumps(result))
    return 1 if result["lost"] or result["twice"] else 0


if __name__ == "__main__":
    sys.exit(main())
