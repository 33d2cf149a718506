"""`plumbline lineage verify`: its speed against plain sha256, and whether it notices what was changed.

    python -m bench.verify_lineage --speed ADAPTER             (in the project's folder; reads only)
    python -m bench.verify_lineage --speed ADAPTER --pictures
    python -m bench.verify_lineage --campaign ADAPTER          (in a COPY of a project: files are changed and put back)

Speed: the same files are digested by plain sha256 on as many threads, in turn with `verify`, over several rounds; both
read them from memory, as the files were read once before. Hard links are told apart by neither.

Campaign: one byte of one file of the line is changed at random, a hundred times; each must give exit 1 and name that
file first. Then trees that nobody changed must give exit 0: plain copies, hard-linked ones, with other times and modes,
with a comment in params.yaml, on other numbers of threads.
"""

import argparse
import hashlib
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from stages.lineage.form import NAME, Lineage
from stages.lineage.graph import read_yaml
from stages.lineage.reading import ADAPTERS, open_adapter
from stages.lineage.verify.hashing import usable_cores
from stages.lineage.verify.line import Asked, verify
from stages.params import UserError

COPIED = ("data", "models", "reports", "dvc.yaml", "dvc.lock", "params.yaml", "stages")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapter", metavar="ADAPTER")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--campaign", action="store_true")
    parser.add_argument("--pictures", action="store_true", help="with --speed: hash every picture too")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--trees", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    passed = not given.speed or race(given.adapter, given.rounds, given.threads, given.pictures)
    if given.campaign:
        noticed = change_bytes(given.adapter, given.changes, random.Random(given.seed))
        quiet = leave_alone(given.adapter, given.trees, random.Random(given.seed))
        passed = passed and noticed and quiet
    return 0 if passed else 1


def race(adapter: str, rounds: int, threads: int, pictures: bool) -> bool:
    """`verify` and plain sha256 in turn; True when the median share of plain speed is at least 0.8."""
    opened = open_adapter(adapter)
    files = distinct(files_of(opened.folder, opened.lineage))
    size = sum(path.stat().st_size for path in files)
    print(f"{adapter}: {len(files)} files, {size / 1e6:.0f} MB, {threads} threads, load {os.getloadavg()[0]:.2f}")

    def plain() -> None:
        plain_sha256(files, threads)

    def ours() -> None:
        verify(adapter, asked=Asked(threads, pictures))

    timed(plain), timed(ours)  # into memory
    shares: dict[str, list[float]] = {"wall": [], "CPU": []}
    for number in range(rounds):
        first, second = (plain, ours) if number % 2 else (ours, plain)
        taken = {run: timed(run) for run in (first, second)}
        for place, clock in enumerate(shares):
            shares[clock].append(taken[plain][place] / taken[ours][place])
        wall = {run: size / taken[run][0] / 1e6 for run in taken}
        told = ", ".join(f"{clock} {share[-1]:.2f}" for clock, share in shares.items())
        print(f"  plain {wall[plain]:5.0f} MB/s, verify {wall[ours]:5.0f} MB/s; share: {told}", flush=True)
    for clock, share in shares.items():
        print(f"median share by {clock} time {statistics.median(share):.2f} ({min(share):.2f} to {max(share):.2f})")
    print(f"load {os.getloadavg()[0]:.2f}")
    return statistics.median(shares["wall"]) >= 0.8


def timed(run: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of all this process's threads together."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def files_of(folder: Path, lineage: Lineage) -> list[Path]:
    """Every file of the line: of the adapter's folder, and below the project."""
    found = [path for path in sorted(folder.iterdir()) if path.is_file()]
    for name, out in lineage.outs.items():
        found += [Path(name) / rel for rel in out.files]
    found += [Path("models/trained") / lineage.recipe / rel for rel in lineage.adapter.files]
    found += [Path(lineage.base.path) / rel for rel in lineage.base.files]
    if lineage.parent is not None:
        found += [Path(lineage.parent.path) / rel for rel in lineage.parent.files]
    found += [Path(name) for name in lineage.inputs]
    found += [Path(name) for name in sorted({name for stage in lineage.stages for name in stage.code})]
    return [path for path in dict.fromkeys(found) if path.is_file()]


def distinct(paths: list[Path]) -> list[Path]:
    """One path of each file: hard links are the same bytes on the disk."""
    return list({(path.stat().st_dev, path.stat().st_ino): path for path in paths}.values())


def plain_sha256(paths: list[Path], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_digest, sorted(paths, key=lambda path: -path.stat().st_size)))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def kinds_of(adapter: str, lineage: Lineage) -> dict[str, list[Path]]:
    """The files of the line, by what they are: a change picks a kind first, so that small files have their share."""
    folder, recipe = ADAPTERS / adapter, lineage.recipe
    outs = [(Path(name) / rel, rel) for name, out in lineage.outs.items() for rel in out.files]
    kinds = {
        "adapter": [folder / rel for rel in lineage.adapter.files],
        "header": sorted(folder.glob("*.safetensors")),
        "lineage": [folder / NAME, Path("reports/seals") / f"{recipe}.json"],
        "card": [folder / "README.md"],
        "trained": [Path("models/trained") / recipe / rel for rel in lineage.adapter.files],
        "shard": [path for path, rel in outs if rel.endswith(".tar")],
        "manifest": [path for path, rel in outs if rel == "manifest.json"],
        "rows": [path for path, rel in outs if rel.endswith(".parquet")],
        "other outs": [path for path, rel in outs if not rel.endswith((".tar", ".parquet", "manifest.json"))],
        "inputs": [Path(name) for name in lineage.inputs if not name.endswith(".gitkeep")],
        "base": [Path(lineage.base.path) / rel for rel in lineage.base.files],
        "params": [Path("params.yaml")],
        "metrics": [Path("reports/metrics") / f"{recipe}.json"],
    }
    found = {kind: [path for path in paths if path.is_file() and path.stat().st_size] for kind, paths in kinds.items()}
    return {kind: paths for kind, paths in found.items() if paths}


def change_bytes(adapter: str, changes: int, chance: random.Random) -> bool:
    """Change one byte at a time, and put it back; True when each was noticed and its file named first."""
    lineage = open_adapter(adapter).lineage
    kinds = kinds_of(adapter, lineage)
    noticed: Counter[str] = Counter()
    done: Counter[str] = Counter()
    idle = 0
    while sum(done.values()) < changes:
        kind = list(kinds)[sum(done.values()) % len(kinds)]
        path = chance.choice(kinds[kind])
        reach = 1 << 12 if kind == "header" else path.stat().st_size
        place, flip = chance.randrange(min(reach, path.stat().st_size)), chance.randrange(1, 256)
        before = read_yaml(path) if kind == "params" else None
        with changed(path, place, flip):
            if kind == "params" and _says_the_same(before, path, lineage):
                idle += 1
                if verify(adapter).verdict != 0:
                    print(f"  FALSE ALARM: {path} byte {place} ^ {flip} changes nothing that the line reads")
                    noticed[kind] -= 1
                continue
            report = verify(adapter)
        done[kind] += 1
        first = next(iter(report.of("differs")), None)
        if report.verdict == 1 and first is not None and str(path) in f"{first.file} {first.what}":
            noticed[kind] += 1
        else:
            print(f"  MISSED: {path} byte {place} ^ {flip} ({kind}): exit {report.verdict}, {first}")
    for kind, count in done.items():
        print(f"  {kind}: {noticed[kind]} of {count} noticed and named first")
    print(f"{sum(noticed.values())} of {changes} changes; {idle} more of params.yaml said nothing to this line: exit 0")
    return noticed == done


def _says_the_same(before: object, path: Path, lineage: Lineage) -> bool:
    """Whether a changed params.yaml still has the same values for every stage of the line (comments, other rows)."""
    try:
        after = read_yaml(path)
    except (UserError, UnicodeDecodeError):
        return False
    if not isinstance(before, dict) or not isinstance(after, dict):
        return bool(before == after)
    for stage in lineage.stages:
        row = stage.name.partition("@")[2]
        for section in {"recipes", "threads", *(key.partition(".")[0] for key in stage.params)}:
            was, now = before.get(section), after.get(section)
            if isinstance(was, dict):
                was, now = was.get(row), now.get(row) if isinstance(now, dict) else None
            if repr(was) != repr(now):
                return False
    return True


@contextmanager
def changed(path: Path, place: int, flip: int) -> Iterator[None]:
    """One byte of `path` is another one while this lasts."""
    before = path.read_bytes()
    after = bytearray(before)
    after[place] ^= flip
    try:
        path.write_bytes(after)
        yield
    finally:
        path.write_bytes(before)


def leave_alone(adapter: str, trees: int, chance: random.Random) -> bool:
    """Verify copies whose contents nobody changed; True when none is called different."""
    home, alarms = Path.cwd(), 0
    for number in range(trees):
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            os.chdir(copied(home, Path(scratch) / "tree", number, chance))
            report = verify(adapter, asked=Asked(threads=1 + number % 5, pictures=number % 4 == 3))
            os.chdir(home)
        if report.verdict != 0:
            alarms += 1
            print(f"  FALSE ALARM in tree {number}: {report.findings[:1]}")
    print(f"{alarms} false alarms in {trees} untouched trees")
    return alarms == 0


def copied(project: Path, target: Path, number: int, chance: random.Random) -> Path:
    """A copy of the project: every other one hard-linked, with times and modes of its own, or with a comment more."""
    target.mkdir()
    copy = os.link if number % 2 else shutil.copyfile
    for name in COPIED:
        if (project / name).is_dir():
            shutil.copytree(project / name, target / name, copy_function=copy, symlinks=True)
        else:
            shutil.copyfile(project / name, target / name)
    if number % 2 == 0:
        for path in target.rglob("*"):
            if path.is_file():
                os.utime(path, (chance.randrange(2_000_000_000),) * 2)
                path.chmod(chance.choice((0o400, 0o444, 0o644)))
        (target / "params.yaml").chmod(0o644)
    if number % 3 == 0:
        text = (target / "params.yaml").read_text(encoding="utf-8")
        (target / "params.yaml").write_text(f"# tree {number}\n{text}", encoding="utf-8")
    return target


if __name__ == "__main__":
    sys.exit(main())
