"""Starts the service as a child process, and stops it: `with running(catalogue) as service`."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stages.params import UserError
from stages.scrape.parameters import Catalogue
from stages.scrape.service.conduct import Conduct
from stages.scrape.service.listing import fingerprint, listed

MODULE = "stages.scrape.service.server"
STARTS_WITHIN = 120.0  # seconds, on a busy machine
STOPS_WITHIN = 10.0


@dataclass(frozen=True)
class Running:
    """Where the service listens.

    `search_base` names the catalogue too, so that another catalogue's answers are never taken for this one's.
    `addresses`: logical host -> IP address in 127.0.0.0/8; the port is the same for all.
    """

    search_base: str
    addresses: Mapping[str, str]
    port: int
    pid: int


@contextmanager
def running(catalogue: Catalogue, conduct: Conduct | None = None, port: int = 0) -> Iterator[Running]:
    """The service, from when it listens until the block ends; UserError when it can't start."""
    conduct = conduct or Conduct()
    asked = {
        "catalogue": catalogue.model_dump(mode="json"),
        "conduct": conduct.model_dump(mode="json"),
        "parent": os.getpid(),
        "port": port,
    }
    # a pipe rather than arguments: those are for every user of the machine to see
    with subprocess.Popen(
        [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            said = _first_line(child, json.dumps(asked))
            mark = fingerprint(listed(catalogue), conduct.page)
            yield Running(f"http://127.0.0.1:{said['port']}/{mark}", said["addresses"], said["port"], child.pid)
        finally:
            _stop(child)


def _first_line(child: "subprocess.Popen[str]", asked: str) -> dict[str, Any]:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(asked + "\n")
        child.stdin.close()
        ready = select.select([child.stdout], [], [], STARTS_WITHIN)[0]
        line = child.stdout.readline() if ready else ""
    except BrokenPipeError:  # it ended before it read
        line = ""
    said = dict(json.loads(line)) if line.endswith("\n") else {"error": "it ended, or did not answer; see above"}
    if "error" in said:
        raise UserError(
            f"the local search service did not start: {said['error']}. "
            "It listens on 127.0.0.1 (on Linux 127.0.0.2 to 127.0.0.19 too), at one port that must be free: try again."
        )
    return said


def _stop(child: "subprocess.Popen[str]") -> None:
    child.terminate()
    try:
        child.wait(STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
