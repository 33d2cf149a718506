"""Downloads a second, fetched and resized to 256 px: ours against img2dataset.

Both take the same 10,000 URLs from a server on this machine, on 200 hosts of 127/8, a fifth of them faulty
(bench/download_server.py); the order within a round alternates. The gate comes with each run: every
picture that can be had is there exactly once, decodes, is 256 x 256 and no more than 1 dB farther from its
original than the peer's are, and our journal has a row a URL.

    python -m venv VENV && VENV/bin/pip install img2dataset simplejpeg
    python -m bench.download --peer VENV/bin/python --rounds 5
    python -m bench.download --kills 20

The last kills our side at random moments and looks at what is left. "ours" is our fetching, with pictures
resized by simplejpeg and by the peer's OpenCV, in the peer's environment; the other lines need nothing but ours.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.download_check import LEAST_OF_PEER, examined, missing_rows
from bench.download_ours import CONCURRENCY
from bench.download_server import HOSTS, ip_of, plan
from stages.scrape.download import Journal

OURS = {"ours": "scaled", "ours, Pillow": "draft", "ours, full decode": "full", "ours, fetch only": "none"}
CONTENDERS = [*OURS, "img2dataset, best", "img2dataset, defaults"]
# of processes 1 and 2, threads 32 to 256, shards of 250 to 2,000, files or tar, nothing was faster beyond noise
BEST = {"processes_count": 2, "thread_count": 64, "retries": 2, "number_sample_per_shard": 1000}
PEER = """
import json, sys
from img2dataset import download
if __name__ == "__main__":
    download(**json.loads(sys.argv[1]))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, help="the Python of an environment with img2dataset and simplejpeg")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--urls", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--sides", type=int, nargs=2, default=[512, 1024], help="of the pictures, in pixels")
    parser.add_argument("--only", nargs="*", help="names of the contenders to run")
    parser.add_argument("--settings", default="{}", help="JSON: other settings for img2dataset's best")
    given = parser.parse_args()
    given.best = BEST | json.loads(given.settings)
    with tempfile.TemporaryDirectory(prefix="download-bench-") as folder, server(given.sides) as (port, mean):
        print(f"{given.urls} URLs on {HOSTS} hosts, pictures of {mean / 1000:.0f} kB, {os.cpu_count()} cores")
        if given.kills:
            return killed(Path(folder), port, given.urls, given.kills)
        return race(Path(folder), port, given)


@contextmanager
def server(sides: list[int]) -> Iterator[tuple[int, int]]:
    command = [sys.executable, "-m", "bench.download_server", *map(str, sides)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port, mean = map(int, process.stdout.readline().split())
        try:
            yield port, mean
        finally:
            process.kill()


def race(folder: Path, port: int, given: argparse.Namespace) -> int:
    """Run everyone `rounds` times; 1 when a gate fails for ours."""
    names = [name for name in CONTENDERS if given.peer or OURS.get(name, "scaled") != "scaled"]
    names = [name for name in names if not given.only or name in given.only]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(given.rounds):
        for name in names if number % 2 == 0 else reversed(names):
            result = run(name, folder / "run", f"r{number}{CONTENDERS.index(name)}", port, given)
            shutil.rmtree(folder / "run")
            found[name].append(result)
            print(f"round {number + 1}: {name:22} {json.dumps(result)}", flush=True)
    print(f"load average {os.getloadavg()[0]:.2f}")
    for name, results in found.items():
        print(summary(name, results, found.get("ours", [])))
    ours = [result for name in names if name in OURS for result in found[name]]
    near = {name: statistics.median(result.get("psnr", 0.0) for result in results) for name, results in found.items()}
    blurred = near.get("ours", 99.0) < near.get("img2dataset, best", 0.0) - LEAST_OF_PEER
    incomplete = any(result["lost"] or result["twice"] or result["rows"] != given.urls for result in ours)
    return int(blurred or incomplete)


def summary(name: str, results: list[dict[str, float]], ours: list[dict[str, float]]) -> str:
    rates = [result["rate"] for result in results]
    most = {key: max(result[key] for result in results) for key in ("lost", "twice", "peak")}
    text = f"{name:22} {statistics.median(rates):5.0f} URL/s ({min(rates):.0f} to {max(rates):.0f})"
    text += f", {statistics.median(result['cpu'] for result in results):.2f} ms CPU"
    if "psnr" in results[0]:
        text += f", {statistics.median(result['psnr'] for result in results):.2f} dB"
    text += f", lost {most['lost']}, twice {most['twice']}, peak {most['peak']} MB"
    if name != "ours" and ours:
        text += f"; ours is {_spread([mine['rate'] / rate for mine, rate in zip(ours, rates, strict=True)])}"
        cpu = [its["cpu"] / mine["cpu"] for mine, its in zip(ours, results, strict=True)]
        text += f", by CPU time {_spread(cpu)}"  # other work on the machine disturbs it less
    return text


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"


def run(name: str, folder: Path, key: str, port: int, given: argparse.Namespace) -> dict[str, float]:
    """One contender once: URLs a second, CPU a URL, peak memory in MB of all its processes, lost pictures."""
    folder.mkdir()
    urls, paths = write_urls(folder, key, port, given.urls, logical=name in OURS)
    if name in OURS:
        command = our_command(folder, port, OURS[name])
        command += [str(given.peer)] if OURS[name] == "scaled" else []
    else:
        settings = {"url_list": str(folder / "urls.txt"), "output_folder": str(folder / "out"), "image_size": 256}
        settings |= {"output_format": "webdataset"} | (given.best if name == "img2dataset, best" else {})
        (folder / "peer.py").write_text(PEER)
        command = [str(given.peer), str(folder / "peer.py"), json.dumps(settings)]
    started, cpu = time.perf_counter(), _cpu()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        with watched(process.pid) as memory:
            said, _ = process.communicate()
    seconds, cpu = time.perf_counter() - started, _cpu() - cpu
    if process.returncode:
        raise SystemExit(f"{name} failed:\n{(folder / 'log').read_text()[-3000:]}")
    result = {"rate": round(given.urls / seconds, 1), "cpu": round(cpu / given.urls * 1000, 2)}
    result["peak"] = round(max(memory) / 1e6)
    if name in OURS:
        facts = json.loads(said.splitlines()[-1])
        print("   ", facts["reasons"], (folder / "log").read_text().splitlines()[-1])
        result["rows"] = facts["rows"]
    if name == "ours, fetch only":
        return result | {"lost": len(missing_rows(folder / "scratch", urls)), "twice": 0}
    return result | examined(folder / "out", paths, tuple(given.sides))


def write_urls(folder: Path, key: str, port: int, count: int, logical: bool) -> tuple[list[str], list[str]]:
    """URLs and paths of one run, the former also in urls.txt; `logical`: with host names, and where these are."""
    kinds = plan(count)
    hosts = [f"h{host:03}.bench.test" if logical else f"{ip_of(host)}:{port}" for host in range(HOSTS)]
    paths = [f"{key}/{kind}/{number}.jpg" for number, (kind, _) in enumerate(kinds)]
    urls = [f"http://{hosts[host]}/{path}" for path, (_, host) in zip(paths, kinds, strict=True)]
    (folder / "urls.txt").write_text("\n".join(urls))
    (folder / "hosts.json").write_text(json.dumps({host: ip_of(number) for number, host in enumerate(hosts)}))
    return urls, paths


def our_command(folder: Path, port: int, pictures: str) -> list[str]:
    files = [str(folder / name) for name in ("urls.txt", "hosts.json", "scratch", "out")]
    return [sys.executable, "-m", "bench.download_ours", *files[:2], str(port), *files[2:], pictures]


def killed(folder: Path, port: int, count: int, kills: int) -> int:
    """Our side killed at random moments, then run to its end: 1 when anything is lost, twice or left over."""
    urls, _ = write_urls(folder, "k", port, count, logical=True)
    moments = random.Random(1)
    for number in range(kills):
        shutil.rmtree(folder / "out", ignore_errors=True)
        command = our_command(folder, port, "none")
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = counts(port)[0] + moments.randrange(1, 2 * count // (kills + 1))
        while counts(port)[0] < until and child.poll() is None:
            time.sleep(0.002)
        child.kill()
        child.wait()
        print(f"kill {number + 1}: {counts(port)[0]} pictures served, {counts(port)[1]} of them again", flush=True)
    shutil.rmtree(folder / "out", ignore_errors=True)
    subprocess.run(our_command(folder, port, "none"), check=True, stderr=subprocess.DEVNULL)
    again, scratch = counts(port)[1], folder / "scratch"
    lost = missing_rows(scratch, urls)
    with Journal(scratch) as journal:
        rows = list(journal.rows())
        sizes = {row.sha256: len(journal.read(row.sha256)) for row in rows if row.sha256}  # read() checks the digest
    left_over = {path.name for path in scratch.iterdir()} - {"journal.sqlite", "fetched.bytes", "lock"}
    stray = (scratch / "fetched.bytes").stat().st_size - sum(sizes.values())
    twice = len(rows) - len({row.url for row in rows})
    print(
        f"{kills} kills: {len(rows)} rows of {count}, {len(lost)} lost, {twice} twice, {again} fetched again", end=" "
    )
    print(f"(at most {CONCURRENCY * kills} in flight), {stray} stray bytes, stray files: {left_over or 'none'}")
    return int(bool(lost or twice or stray or left_over) or len(rows) != count or again > CONCURRENCY * kills)


def counts(port: int) -> tuple[int, int]:
    with urllib.request.urlopen(f"http://{ip_of(0)}:{port}/counts") as answer:
        total, again = map(int, answer.read().split())
    return total, again


def _cpu() -> float:
    """CPU seconds of all processes started here that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def watched(pid: int) -> Iterator[list[float]]:
    """Total memory (each process's share of what is shared) of `pid` and its children, twice a second."""
    seen, ended = [0.0], threading.Event()

    def look() -> None:
        while not ended.wait(0.5):
            total = 0.0
            try:
                for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
                    total += process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                pass
            seen.append(total)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
