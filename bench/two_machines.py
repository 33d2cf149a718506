"""Two clones, two workers, one DVC remote: what one machine does, sent to another, gives the same and is done once.

    python -m bench.two_machines FOLDER

On this machine alone: the orchestrator has the server and a worker of the pool `cpu`, the other clone has a worker
of the pool `gpu`, with two GPUs that it only believes in. Prints seconds: wall, and user + system of each run.
"""

import argparse
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).parents[1]
RECIPES = ("left", "right")
GRAPH = """
stages:
  draw:
    cmd: python work.py seed.txt drawn/pictures.txt
    deps: [seed.txt, work.py]
    outs: [drawn]
  train:
    foreach: ${recipes}
    do:
      cmd: python work.py drawn/pictures.txt ${key}.txt
      deps: [drawn, work.py]
      params: ["recipes.${key}"]
      outs: ["${key}.txt"]
      meta: {queue: gpu, gpus: 1, without_gpu: fail}
  evaluate:
    foreach: ${recipes}
    do:
      cmd: python work.py ${key}.txt reports/metrics/${key}.json
      deps: ["${key}.txt", work.py]
      metrics: ["reports/metrics/${key}.json": {cache: false}]
      meta: {queue: gpu, without_gpu: fail}
  report:
    foreach: ${recipes}
    do:
      cmd: python work.py ${key}.txt report-${key}.txt
      deps: ["${key}.txt", work.py]
      outs: ["report-${key}.txt"]
"""
WORK = """
import hashlib, json, os, pathlib, sys
given, made = map(pathlib.Path, sys.argv[1:])
made.parent.mkdir(parents=True, exist_ok=True)
made.write_text(json.dumps({"digest": hashlib.sha256(given.read_bytes() + made.name.encode()).hexdigest()}))
if log := os.environ.get("BENCH_LOG"):
    with open(log, "a") as file:
        print(made.name, os.environ["CUDA_VISIBLE_DEVICES"] or "none", os.getcwd(), file=file)
"""
FILES = {
    "dvc.yaml": GRAPH,
    "work.py": WORK,
    "params.yaml": "recipes:\n  left: {steps: 1}\n  right: {steps: 2}\n",
    "seed.txt": "1",
    ".gitignore": ".scratch/\n__pycache__/\n/drawn\n/*.txt\n!/seed.txt\n",
    "reports/metrics/.gitkeep": "",
}


def main() -> int:
    """Exit status 0 when everything came out as on one machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=4271)
    given = parser.parse_args()
    root = given.folder.resolve()
    os.environ.update({"DVC_NO_ANALYTICS": "1", "BENCH_LOG": str(root / "log"), "PYTHONWARNINGS": "ignore"})
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for name in [name for name in os.environ if name.startswith("PREFECT_") or name == "CUDA_VISIBLE_DEVICES"]:
        del os.environ[name]
    here, there = make_clones(root)
    alone = root / "alone"
    run(["git", "clone", "-q", root / "origin.git", alone])
    run([sys.executable, "-m", "dvc", "repro", "-q"], alone, {"CUDA_VISIBLE_DEVICES": ""})
    (root / "log").write_text("")

    server = started([sys.executable, "-m", "flows.server", "--port", str(given.port), "--workers", "cpu"], here, {})
    processes = [server]
    try:
        wait_for(here / ".scratch/prefect/server.json", server)
        known = {
            "PREFECT_API_URL": f"http://127.0.0.1:{given.port}/api",
            "PREFECT_API_AUTH_STRING": (here / ".scratch/prefect/auth").read_text(),
            "CUDA_VISIBLE_DEVICES": "0,1",
        }
        processes.append(started([sys.executable, "-m", "flows.worker", "gpu"], there, known))
        plumbline(here, "everything but the GPUs' stages here", "--pool", "gpu")
        check(here, there, alone, root / "log")
        plumbline(here, "the same again", "--pool", "gpu")
        (here / "seed.txt").write_text("2")
        run(["git", "commit", "-qam", "another seed"], here)
        run(["git", "push", "-q"], here)
        plumbline(here, "another seed, every stage elsewhere", "--pool", "gpu", "--pool", "cpu")
        run(["git", "-C", alone, "pull", "-q"])
        run([sys.executable, "-m", "dvc", "repro", "-q"], alone, {"CUDA_VISIBLE_DEVICES": ""})
        same_results(here, alone)
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            process.wait()
    print((root / "log").read_text())
    return 0


def make_clones(root: Path) -> tuple[Path, Path]:
    """A bare repository that both fetch from, the clones, and the folder that is their DVC remote."""
    if root.exists():
        shutil.rmtree(root)
    here, there = root / "here", root / "there"
    for name, text in FILES.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text)
    shutil.copytree(PROJECT / "flows", here / "flows", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "prefect.yaml", here)
    run(["git", "init", "-q", "-b", "main", here])
    run([sys.executable, "-m", "dvc", "init", "-q"], here)
    run([sys.executable, "-m", "dvc", "config", "core.autostage", "false"], here)
    run(["git", "add", "--all"], here)
    run(["git", "commit", "-qm", "begin"], here)
    run(["git", "clone", "-q", "--bare", here, root / "origin.git"])
    run(["git", "remote", "add", "origin", root / "origin.git"], here)
    run(["git", "push", "-qu", "origin", "main"], here)
    run(["git", "clone", "-q", root / "origin.git", there])
    for clone in (here, there):
        run([sys.executable, "-m", "dvc", "remote", "add", "-q", "--local", "-d", "store", root / "store"], clone)
    return here, there


def plumbline(root: Path, what: str, *arguments: str) -> None:
    begun, used = time.monotonic(), spent()
    run([sys.executable, "-m", "stages.cli", "run", *arguments], root)
    print(f"{what}: {time.monotonic() - begun:.1f} s, {spent() - used:.1f} s of CPU in this process tree", flush=True)


def check(here: Path, there: Path, alone: Path, log: Path) -> None:
    """The results of one machine, each GPU stage done once and in the other clone, which is as it was."""
    same_results(here, alone)
    lines = [line.split(maxsplit=2) for line in log.read_text().splitlines()]
    names = [name for name, _, _ in lines]
    assert len(names) == len(set(names)) == 1 + 3 * len(RECIPES), names
    for name, gpu, folder in lines:
        on_gpu = name in ("left.txt", "right.txt", "left.json", "right.json")
        assert Path(folder).is_relative_to(there if on_gpu else here), (name, folder)
        assert (gpu in ("0", "1")) == on_gpu, (name, gpu)
    assert not run(["git", "status", "--porcelain"], there)
    assert not (there / "drawn").exists()
    assert not list((there / ".scratch/worktrees").iterdir())


def same_results(here: Path, alone: Path) -> None:
    for path in ("dvc.lock", "left.txt", "report-right.txt", "reports/metrics/left.json"):
        assert (here / path).read_bytes() == (alone / path).read_bytes(), path


def run(command: list[object], root: Path | None = None, more: dict[str, str] | None = None) -> str:
    environment = {**os.environ, **(more or {}), "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b"}
    environment |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    if root and (root / "flows").is_dir():
        environment["PYTHONPATH"] = str(root)
    done = subprocess.run([str(part) for part in command], cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stdout[-6000:]}{done.stderr[-6000:]}")
    return re.sub(r"\s+$", "", done.stdout)


def started(command: list[str], root: Path, more: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, cwd=root, env={**os.environ, **more, "PYTHONPATH": str(root)})


def wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    while not path.exists():
        if process.poll() is not None:
            raise SystemExit("the server did not start")
        time.sleep(0.1)


def spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
