"""Kills small trainings of every room at random moments, damages what they saved, and compares bytes.

    python bench/torture_resume.py [--kills 110] [--seed 1]

Each setting is trained once undisturbed. Then it is killed again and again (SIGKILL or SIGTERM, at a random moment
from its start to its end) until it ends by itself, and each file of the newest checkpoint is damaged in four ways;
every time the result must be the undisturbed one's bytes. Exits with 1 when one isn't.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent)]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])  # for the processes
os.environ.setdefault("OMP_NUM_THREADS", "1")

from resuming import SETTINGS, exit_code, killed, often, prepare, process, result, train  # noqa: E402

DAMAGES = ("truncated", "flipped", "deleted", "empty")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10 * len(SETTINGS), help="in all, over the settings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    given = parser.parse_args()
    chance = random.Random(given.seed)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in given.settings:
            exit_code(prepare, root, SETTINGS[name][0])
            started = time.monotonic()
            assert exit_code(often, name, root, root / "undisturbed") == 0, (root / "undisturbed.log").read_text()
            whole, seconds = result(root / "undisturbed"), time.monotonic() - started
            wrong += _kills(name, root, whole, seconds, -(-given.kills // len(given.settings)), chance)
        wrong += _damages(root, chance)
    print("all equal" if not wrong else f"{wrong} differ")
    return int(wrong > 0)


def _kills(name: str, root: Path, whole: dict[str, bytes], seconds: float, kills: int, chance: random.Random) -> int:
    """Kill `kills` times; after each the run goes on, and when it ends it must be right. The number that was not."""
    out, done, ended, wrong, resumed = root / "killed", 0, 0, 0, 0
    while done < kills:
        running = process(often, name, root, out)
        running.join(chance.uniform(0.05, 1.0) * seconds)
        if running.exitcode is None:
            os.kill(running.pid, chance.choice((signal.SIGKILL, signal.SIGTERM)))
            running.join()
            done += 1
        if done == kills and running.exitcode != 0:  # to its end, once more
            exit_code(often, name, root, out)
            running = None
        resumed += "goes on from" in out.with_suffix(".log").read_text(errors="replace")
        if running is None or running.exitcode == 0:
            ended += 1
            wrong += result(out) != whole
            shutil.rmtree(out)
            shutil.rmtree(root / ".scratch/train", ignore_errors=True)
    print(f"{name}: {kills} kills, {resumed} times gone on, {ended} ends, {wrong} of them differ", flush=True)
    return wrong


def _damages(root: Path, chance: random.Random) -> int:
    """Each file of the newest checkpoint, in each way: the run ends right, whatever it started from."""
    name, out, wrong, count = "naming, added up", root / "damaged", 0, 0
    exit_code(prepare, root, SETTINGS[name][0])
    exit_code(train, name, root, root / "undisturbed")
    whole = result(root / "undisturbed")
    shutil.rmtree(root / ".scratch/train", ignore_errors=True)
    exit_code(killed, name, root, out, 6, signal.SIGKILL)
    shutil.copytree(root / ".scratch/train", root / "kept")
    newest = next((root / "kept").glob("*/step-00000006"))
    for file in sorted(path.relative_to(root / "kept") for path in newest.iterdir()):
        for damage in DAMAGES:
            shutil.rmtree(root / ".scratch/train", ignore_errors=True)
            shutil.copytree(root / "kept", root / ".scratch/train")
            _damage(root / ".scratch/train" / file, damage, chance)
            code = exit_code(train, name, root, out)
            log = out.with_suffix(".log").read_text(errors="replace")
            right = code == 0 and result(out) == whole and "is damaged" in log and "goes on from step 5" in log
            print(f"{file.name} {damage}: {'gone on from the one before' if right else 'WRONG'}", flush=True)
            wrong, count = wrong + (not right), count + 1
            shutil.rmtree(out, ignore_errors=True)
    print(f"{count} damages, {wrong} not noticed")
    return wrong


def _damage(path: Path, how: str, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    if how == "deleted":
        path.unlink()
    elif how == "flipped":
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
    else:
        path.write_bytes(b"" if how == "empty" else data[: chance.randrange(len(data))])


if __name__ == "__main__":
    raise SystemExit(main())
