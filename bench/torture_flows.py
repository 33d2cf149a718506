"""kill -9 at random moments, of a run, a dvc, a stage, the server, a worker; then again, until everything is there.

    python -m bench.torture_flows FOLDER --kills 30

A toy project in FOLDER, a server with auth, and the flow as it is here. A round has a new seed, a kill, and a run
afterwards: it has to succeed, and its outputs have to be those of the same commands run without any of this. Exit
status 1, and the folder is left for a look, when they aren't.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from flows.plan import read_plan
from flows.processes import started_at

PROJECT = Path(__file__).parents[1]
STAGES = {"left": "seed.txt", "right": "seed.txt", "join": "left"}
GRAPH = """
stages:
  left: {cmd: python work.py seed.txt left, deps: [seed.txt, work.py], outs: [left], meta: {queue: gpu}}
  right: {cmd: python work.py seed.txt right, deps: [seed.txt, work.py], outs: [right]}
  join: {cmd: python work.py left join, deps: [left, right, work.py], outs: [join]}
"""
WORK = """
import hashlib, pathlib, sys, time
given, made = map(pathlib.Path, sys.argv[1:])
data = (given / "last").read_bytes() if given.is_dir() else given.read_bytes()
made.mkdir()
for name in ("first", "middle", "last"):
    data = hashlib.sha256(data + made.name.encode()).hexdigest().encode()
    (made / name).write_bytes(data[:20])
    time.sleep(0.2)
    (made / name).write_bytes(data)
"""
FILES = {
    "dvc.yaml": GRAPH,
    "work.py": WORK,
    "params.yaml": "{}\n",
    "seed.txt": "0",
    ".gitignore": ".scratch/\n__pycache__/\n/left\n/right\n/join\n",
}
VICTIMS = ("run", "dvc", "stage", "server", "worker")
STARTUP_SECONDS, RUN_SECONDS = 600, 900


class BrokenError(Exception):
    """What must not happen."""


class Toy:
    """The project, its server, and the processes that a run has at work."""

    def __init__(self, root: Path, port: int, served: bool = True) -> None:
        self.root, self.port, self.served = root, port, served
        self.server: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        for name, text in FILES.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        shutil.copytree(PROJECT / "flows", self.root / "flows", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PROJECT / "prefect.yaml", self.root)
        store = self.root.parent / "store"
        for command in (
            ["git", "init", "-q"],
            ["dvc", "init", "-q"],
            ["dvc", "remote", "add", "-q", "-d", "store", store],
        ):
            tool = [sys.executable, "-m"] if command[0] == "dvc" else []
            subprocess.run([*tool, *map(str, command)], cwd=self.root, check=True)
        self.new_seed(0)

    def new_seed(self, seed: int) -> None:
        (self.root / "seed.txt").write_text(str(seed))
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        for command in (["add", "--all"], [*who, "commit", "-qm", f"seed {seed}"]):
            subprocess.run(["git", *command], cwd=self.root, check=True)

    def serve(self) -> None:
        """Start the server unless it is up; the same command a person would give again."""
        if not self.served or (self.server is not None and self.server.poll() is None):
            return
        command = [sys.executable, "-m", "flows.server", "--port", str(self.port), "--workers", "gpu"]
        self.server = self._start(command, "server.log")
        wait_until((self.root / ".scratch/prefect/server.json").exists, STARTUP_SECONDS, "no server", self.server)

    def run(self, *arguments: str) -> "subprocess.Popen[bytes]":
        return self._start([sys.executable, "-m", "stages.cli", "run", *arguments], "run.log")

    def _start(self, command: list[str], log: str) -> "subprocess.Popen[bytes]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        environment |= {"PYTHONPATH": str(self.root), "CUDA_VISIBLE_DEVICES": "", "DVC_NO_ANALYTICS": "1"}
        with (self.root.parent / log).open("ab") as stream:
            return subprocess.Popen(
                command, cwd=self.root, env=environment, stdout=stream, stderr=stream, start_new_session=True
            )

    def processes(self, victim: str) -> list[int]:
        """The pids of this project that are a `victim` now."""
        words = {
            "dvc": (b"dvc", b"repro"),
            "stage": (b"work.py",),
            "server": (b"prefect", b"server", b"start"),
            "worker": (b"prefect", b"worker", b"start"),
        }[victim]
        return [pid for pid, line in command_lines(self.root) if all(any(word in w for w in line) for word in words)]

    def end(self) -> None:
        if self.server is not None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait()


def torture(
    toy: Toy, kills: int, chance: random.Random, victims: tuple[str, ...] = VICTIMS, took: float | None = None
) -> Counter[str]:
    """`kills` rounds; BrokenError as soon as something is not as without a kill. Returns what was killed how often.

    `took`: about how many seconds a run takes; None: try one first.
    """
    killed: Counter[str] = Counter()
    seed, took = 0, took or full_run(toy, 0)
    while killed.total() < kills:
        seed += 1
        victim = victims[seed % len(victims)]
        toy.new_seed(seed)
        elsewhere = ["--pool", "gpu"] if victim == "worker" else []
        run = toy.run(*elsewhere)
        moment = chance.uniform(0.1, 0.9) * took
        time.sleep(moment if victim in ("run", "server") else moment / 4)
        if kill(toy, run, victim, chance):
            killed[victim] += 1
            print(f"{killed.total()}: killed the {victim}", end="", flush=True)
        wait_or_kill(run)
        if toy.server is not None and victim in ("server", "worker"):
            toy.server.wait(RUN_SECONDS)  # it ends when a part of it is gone
        toy.serve()
        took = full_run(toy, seed, *elsewhere)
        print(f", then complete in {took:.1f} s", flush=True)
    return killed


def kill(toy: Toy, run: "subprocess.Popen[bytes]", victim: str, chance: random.Random) -> bool:
    """Kill one as soon as there is one; False when the run is over before."""
    while run.poll() is None:
        if pids := [run.pid] if victim == "run" else toy.processes(victim):
            time.sleep(chance.uniform(0, 0.5) if victim in ("dvc", "stage") else 0)
            try:
                os.kill(chance.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                continue
            return True
        time.sleep(0.02)
    return False


def full_run(toy: Toy, seed: int, *arguments: str) -> float:
    """A run that nobody disturbs; returns its seconds."""
    begun = time.monotonic()
    run = toy.run(*arguments)
    if status := run.wait(RUN_SECONDS):
        raise BrokenError(f"seed {seed}: exit status {status}, see {toy.root.parent}/run.log")
    took = time.monotonic() - begun
    if changes := read_plan(toy.root).changes:
        raise BrokenError(f"seed {seed}: not up to date after a run that succeeded: {changes}")
    for name, digest in expected(toy.root.parent / "undisturbed", seed).items():
        if hashlib.sha256((toy.root / name).read_bytes()).hexdigest() != digest:
            raise BrokenError(f"seed {seed}: {name} is not what an undisturbed run makes")
    for path in (toy.root / ".dvc/cache/files/md5").glob("??/*"):
        data = path.read_bytes()
        if hashlib.md5(data).hexdigest() != path.parent.name + path.name.removesuffix(".dir"):
            raise BrokenError(f"seed {seed}: the cache's {path} is not what its name says")
    left = [pid for victim in ("dvc", "stage") for pid in toy.processes(victim)]
    if left:
        raise BrokenError(f"seed {seed}: still at work after the run: {left}")
    return took


def expected(folder: Path, seed: int) -> dict[str, str]:
    """File -> SHA-256 of what the stages' own commands write, one after the other, without DVC and Prefect."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "seed.txt").write_text(str(seed))
    (folder / "work.py").write_text(WORK)
    for name, given in STAGES.items():
        subprocess.run([sys.executable, "work.py", given, name], cwd=folder, check=True)
    return {
        f"{name}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for name in STAGES
        for file in (folder / name).iterdir()
    }


def wait_or_kill(run: "subprocess.Popen[bytes]") -> None:
    """What was hit ends by itself, or has to be helped: then it is one more that was killed."""
    try:
        run.wait(RUN_SECONDS)
    except subprocess.TimeoutExpired:
        print(" (and the run, which did not end)", end="")
        run.kill()
        run.wait()


def command_lines(root: Path) -> list[tuple[int, list[bytes]]]:
    """(pid, command line) of the live processes that work in `root` or below."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if Path(os.readlink(entry / "cwd")).is_relative_to(root) and started_at(int(entry.name)) is not None:
                found.append((int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")))
        except OSError:  # it has just ended
            continue
    return found


def wait_until(true: Callable[[], bool], seconds: float, what: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline or process.poll() is not None:
            raise BrokenError(what)
        time.sleep(0.1)


def main() -> int:
    """Exit status 0 when every round came out right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="is made, and removed first when it is there")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=4272)
    parser.add_argument("--victims", nargs="*", choices=VICTIMS, default=list(VICTIMS))
    given = parser.parse_args()
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if given.folder.exists():
        shutil.rmtree(given.folder)
    toy = Toy(given.folder.resolve() / "project", given.port)
    toy.make()
    try:
        toy.serve()
        killed = torture(toy, given.kills, random.Random(given.seed), tuple(given.victims))
    except BrokenError as error:
        print(f"\nbroken: {error}")
        return 1
    finally:
        toy.end()
    print(f"{killed.total()} kills ({', '.join(f'{name} {count}' for name, count in killed.items())}): all complete")
    return 0


if __name__ == "__main__":
    sys.exit(main())
