"""One stage as a `dvc repro --single-item` process: its output live, its outcome by dvc's own words, its end."""

import codecs
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flows.processes import MARK, mark, noted
from flows.redaction import without_prefects_secrets
from flows.route import Lease
from flows.stop import Stop, StoppedError
from flows.terminal import Terminal, Write

Outcome = Literal["unchanged", "ran", "replayed", "failed", "not run"]

KEPT_FIRST, KEPT_LAST = 10_000, 90_000  # characters of a stage's output; dvc says at the beginning what it does
LAST_LINES = 12  # of a failed stage's output, repeated at the end
GRACE_SECONDS = 5.0  # between SIGINT, SIGTERM and SIGKILL
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class StageRun:
    """What became of a stage, and the end of what it printed. `why`: its changes, or what it lacked."""

    name: str
    outcome: Outcome
    seconds: float = 0.0
    why: str = ""
    output: str = ""
    elsewhere: float | None = None  # seconds on another machine, whose result was replayed here

    @property
    def last_lines(self) -> str:
        return "\n".join([line for line in self.output.splitlines() if line.strip()][-LAST_LINES:])


def run_stage(
    name: str,
    root: Path,
    leased: Lease,
    why: str = "",
    terminal: Terminal | None = None,
    stop: Stop | None = None,
    options: Sequence[str] = (),
    replay_only: bool = False,
) -> StageRun:
    """`dvc repro --single-item NAME`, its output on the terminal as it comes. However we leave, its group is ended.

    `options` are more of dvc's own (`--force`, `--pull`). `replay_only`: it fails rather than run its command.
    StoppedError when `stop` was asked for meanwhile (a thread gets no KeyboardInterrupt).
    """
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", *options, name]
    scripts = str(Path(sys.executable).parent)  # where the `python` of dvc.yaml is to be found
    environment = {
        **without_prefects_secrets(dict(os.environ)),
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
        MARK: mark(root, name),
        **leased.environment,
    }
    stop = stop or Stop()
    begun = time.monotonic()
    on_terminal = sys.stdout.isatty()
    reader, writer = pty.openpty() if on_terminal else os.pipe()
    try:
        if on_terminal:  # progress bars want a terminal, and its width
            columns, lines = shutil.get_terminal_size()
            termios.tcsetwinsize(writer, (lines, columns))
        try:
            process = start(command, root, environment, writer, leased.locks)
        finally:
            os.close(writer)  # with ours open the output would never end
        try:
            with noted(root, name, process.pid), (terminal or Terminal()).part(name) as write:
                try:
                    begins = f"Running stage '{name}'" if replay_only else None
                    output = relay(reader, process, write, stop, begins)
                finally:
                    end_group(process, stop)
        finally:
            if process.poll() is None:  # the note could not be written
                end_group(process, stop)
    finally:
        os.close(reader)
    outcome = _outcome(name, process.returncode, output)
    return StageRun(
        name, "failed" if replay_only and outcome == "ran" else outcome, time.monotonic() - begun, why, output
    )


def start(
    command: list[str], root: Path, environment: dict[str, str], output: int, inherited: tuple[int, ...]
) -> "subprocess.Popen[bytes]":
    """The one place where a process is started."""
    return subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=inherited,
        start_new_session=True,
    )


def relay(reader: int, process: "subprocess.Popen[bytes]", write: Write, stop: Stop, until: str | None = None) -> str:
    """Hand the process's output to `write` until it ends; returns its beginning and end as plain lines.

    A process that says `until` is ended.
    """
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    first = last = ""
    while True:
        if stop.asked:
            raise StoppedError
        if select.select([reader], [], [], 0.2)[0]:
            try:
                chunk = os.read(reader, 65536)
            except OSError:  # how a pseudo-terminal says that its other end is closed
                chunk = b""
            if not chunk:
                break
            write(text := decoder.decode(chunk))
            room = KEPT_FIRST - len(first)
            first, last = first + text[:room], (last + text[room:])[-KEPT_LAST:]
            if until and until in first:
                end_group(process, stop)
                break
        elif process.poll() is not None:  # a daemon that it left behind may keep the other end open
            break
    process.wait()
    lines = ESCAPES.sub("", first + last).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines).strip()  # a bar's last state only


def end_group(process: "subprocess.Popen[bytes]", stop: Stop | None = None, grace: float | None = None) -> None:
    """End what is left of the process's group; a next signal after `grace` (GRACE_SECONDS), or another Ctrl+C.

    A dvc that is still at work gets Ctrl+C's signal first: its stage stops, and dvc clears up its locks.
    The group is waited for, not the process: of two that are told to end, the stage may take longer.
    """
    stop = stop or Stop()
    at_work = process.poll() is None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[0 if at_work else 1 :]:
        deadline, asked = time.monotonic() + (GRACE_SECONDS if grace is None else grace), stop.asked
        try:
            os.killpg(process.pid, number)
            while time.monotonic() < deadline and stop.asked == asked:
                process.poll()  # reaps it: a zombie would keep the group in being
                os.killpg(process.pid, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            return
        except KeyboardInterrupt:
            continue
    process.poll()


def _outcome(name: str, code: int, output: str) -> Outcome:
    """What dvc says it did. "Running" comes first: the stage's own output may hold any line."""
    if code != 0:
        return "failed"
    if f"Running stage '{name}'" in output:
        return "ran"
    if f"Stage '{name}' is cached - skipping run" in output:
        return "replayed"
    if f"Stage '{name}' didn't change, skipping" in output or "frozen stage" in output:
        return "unchanged"
    return "ran"
