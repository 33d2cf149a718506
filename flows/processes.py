"""Processes by pid and start time, since pids are used again; and stages that outlived the run that started them.

While a stage works, `.scratch/run/stages/NAME.json` names the leader of its process group. Whoever holds the
project's lock and finds such a note finds an orphan, or what is left of one: `kill -9` of the run leaves dvc at
work, `kill -9` of dvc may leave the stage. Without /proc (not Linux) orphans are not looked for.
"""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NOTES = Path(".scratch/run/stages")
MARK = "PLUMBLINE_STAGE"  # in the environment of a stage's processes: what they work on
GRACE_SECONDS = 5.0  # between SIGINT, SIGTERM and SIGKILL


def started_at(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when there is none (or a zombie)."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] != "Z" else None


def boot() -> str:
    """This boot of the machine: pids and ticks mean nothing in another one."""
    file = Path("/proc/sys/kernel/random/boot_id")
    return file.read_text().strip() if file.is_file() else ""


def identity(pid: int) -> dict[str, Any]:
    """What a note says about a process, so that `is_alive` can tell it from a later one of the same pid."""
    return {"pid": pid, "started": started_at(pid), "boot": boot()}


def is_alive(note: dict[str, Any]) -> bool:
    """Whether the process of an `identity` still runs."""
    pid, started = note.get("pid"), note.get("started")
    return isinstance(pid, int) and note.get("boot") == boot() and started is not None and started_at(pid) == started


def write_note(path: Path, said: Mapping[str, Any]) -> None:
    """All of it or nothing, whenever we are killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(said), encoding="utf-8")
    part.replace(path)


def read_note(path: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return said


@contextmanager
def noted(root: Path, stage: str, pid: int, notes: Path = NOTES) -> Iterator[None]:
    """A note of the stage's process group as long as the block runs."""
    note = root / notes / f"{stage.replace('/', '_').replace(':', '_')}.json"
    write_note(note, {"stage": stage, "mark": mark(root, stage), **identity(pid)})
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def mark(root: Path, stage: str) -> str:
    return f"{stage} in {root}"


def end_orphans(root: Path, notes: Path = NOTES) -> list[str]:
    """End what is left of the stages that a killed run had at work; returns their names. Hold the project's lock."""
    ended: list[str] = []
    for note in sorted((root / notes).glob("*.json")):
        said = read_note(note)
        if said["boot"] == boot() and _is_group_of(said["pid"], said["mark"]):
            ended.append(said["stage"])
            _end(said["pid"])
        _clear_cut_off(root)
        _release(root, said["pid"])
        note.unlink()
    _clear_cut_off(root)
    return ended


def _clear_cut_off(root: Path) -> None:
    """Remove DVC's lock of paths when a dvc was killed while it wrote that: DVC would refuse all work."""
    path = root / ".dvc" / "tmp" / "rwlock"
    for pause in (1.0, 0.0):  # a live dvc would have written the rest by then
        try:
            json.loads(path.read_text(encoding="utf-8"))
            return
        except FileNotFoundError:
            return
        except ValueError:
            time.sleep(pause)
    path.unlink(missing_ok=True)


def _release(root: Path, pid: int) -> None:
    """Take a dead dvc's entries out of DVC's lock of paths: to DVC a zombie that nobody waits for is still at work."""
    path = root / ".dvc" / "tmp" / "rwlock"
    if started_at(pid) is not None or not path.is_file() or not (text := path.read_text(encoding="utf-8")):
        return
    held: dict[str, dict[str, Any]] = {}
    for name, entry in json.loads(text).items():
        reading = [one for one in entry.get("read", []) if one["pid"] != pid]
        writing = entry.get("write")
        left = {"read": reading} if reading else {}
        held[name] = left | ({"write": writing} if writing and writing["pid"] != pid else {})
    write_note(path, {name: entry for name, entry in held.items() if entry})


def _is_group_of(group: int, mark: str) -> bool:
    """Whether the group works on the marked stage. The leader may be gone; its pid isn't given away meanwhile."""
    return any(f"{MARK}={mark}".encode() in _environment(pid) for pid in _members(group))


def _members(group: int) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")] if Path("/proc/self").exists() else []
    stats = [(pid, _stat(pid)) for pid in pids]
    return [pid for pid, fields in stats if fields and fields[0] != "Z" and int(fields[2]) == group]


def _end(group: int) -> None:
    """Ctrl+C's signal first: a dvc that gets it clears up its locks."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE_SECONDS
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        while time.monotonic() < deadline:
            if not _members(group):
                return
            time.sleep(0.05)


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on (state, parent, group, ...); [] when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
