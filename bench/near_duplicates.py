"""Groups of near hashes: `near_groups` against faiss's fastest exact binary index, and how the hashes do on copies.

    python -m bench.near_duplicates --peer PYTHON    (an interpreter with faiss-cpu and numpy)
    python -m bench.near_duplicates --quality

The rows are random hashes, a tenth of them planted near others. First the gates: all pairs against brute force on
fewer rows, all planted pairs found on all rows, and the same pairs as the peer's. Then both in turn, over several
rounds. Ours is timed from rows to groups, on one core; the peer from rows to pairs, on as many threads as it is given.
How ours grows with the rows is told in CPU time, which other work on the machine disturbs less.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.near_copies import report_quality
from stages.curate.near import near_groups, near_pairs

Rows = NDArray[np.uint8]
CHECKED = 20_000  # rows that brute force is asked about


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--bits", type=int, default=256, choices=(64, 256))
    parser.add_argument("--radius", type=int, default=23)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.5, help="of the bits that are 1; pictures give about 0.25")
    parser.add_argument("--peer", type=Path, help="an interpreter that has faiss and numpy")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of the peer")
    parser.add_argument("--quality", action="store_true", help="copies found and false merges instead of speed")
    given = parser.parse_args()
    if given.quality:
        return report_quality()
    rows, planted = draw_rows(given.rows, given.bits, given.radius, given.share)
    print(f"{given.rows} rows of {given.bits} bits, {given.share:.0%} of them 1, radius {given.radius}", flush=True)
    if not gate(rows, planted, given.radius, given.share):
        return 1
    load = os.getloadavg()[0]
    report_growth(given)
    passed = given.peer is None or race(given, rows)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"load average {load:.2f} before, {os.getloadavg()[0]:.2f} after; at most {memory:.2f} GB here")
    return 0 if passed else 1


def draw_rows(count: int, bits: int, radius: int, share: float, seed: int = 1) -> tuple[Rows, NDArray[np.int64]]:
    """Rows, and (pairs, 2) of those planted within `radius`; as many are planted beyond it, up to twice as far."""
    random = np.random.default_rng(seed)
    blocks = [random.random((min(50_000, count - start), bits)) < share for start in range(0, count, 50_000)]
    rows = np.concatenate([np.packbits(block, axis=1) for block in blocks])
    copies, originals = np.split(random.permutation(count)[: count // 5], 2) if count >= 10 else (np.empty(0, int),) * 2
    apart = random.integers(1, 2 * radius + 2, len(copies))
    ranks = random.random((len(copies), bits), np.float32).argsort(axis=1).argsort(axis=1)
    rows[copies] = rows[originals] ^ np.packbits(ranks < apart[:, None], axis=1)
    pairs = np.sort(np.stack([copies, originals], axis=1), axis=1)[apart <= radius]
    return rows, pairs


def gate(rows: Rows, planted: NDArray[np.int64], radius: int, share: float) -> bool:
    fewer, _ = draw_rows(min(CHECKED, len(rows)), rows.shape[1] * 8, radius, share, seed=2)
    words = fewer.view(np.uint64)
    expected = [
        (number, number + 1 + int(other))
        for number in range(len(words))
        for other in np.flatnonzero(np.bitwise_count(words[number] ^ words[number + 1 :]).sum(axis=1) <= radius)
    ]
    brute = [tuple(pair) for pair in near_pairs(fewer, radius).tolist()] == expected
    labels = near_groups(rows, radius)
    found = int((labels[planted[:, 0]] == labels[planted[:, 1]]).sum())
    print(f"gate: {len(expected)} pairs of {len(fewer)} rows, {'the same as' if brute else 'NOT those of'} brute force")
    print(f"gate: {found} of {len(planted)} planted pairs in one group", flush=True)
    return brute and found == len(planted)


def report_growth(given: argparse.Namespace) -> None:
    """Seconds of CPU time by number of rows, and for equal rows: the best of the rounds, which alternate."""
    counts = [count for count in (10_000, 30_000, 100_000, 300_000, 1_000_000) if count < given.rows] + [given.rows]
    drawn = {f"{count} rows": draw_rows(count, given.bits, given.radius, given.share)[0] for count in counts}
    drawn["all equal"] = np.repeat(drawn[f"{given.rows} rows"][:1], given.rows, axis=0)
    seconds: dict[str, list[float]] = {name: [] for name in drawn}
    for number in range(given.rounds):
        for name in drawn if number % 2 else reversed(drawn):
            seconds[name].append(timed(drawn[name], given.radius, time.process_time))
    best = {name: min(found) for name, found in seconds.items()}
    for name, found in best.items():
        print(f"  {name:>14}: {found:.3f} s of CPU time (median {statistics.median(seconds[name]):.3f})")
    first, last = f"{counts[0]} rows", f"{counts[-1]} rows"
    if len(counts) > 1:
        exponent = math.log(best[last] / best[first]) / math.log(counts[-1] / counts[0])
        print(f"  grows with exponent {exponent:.2f} from {first} to {last}")
    print(f"  all equal: {best['all equal'] / best[last]:.2f} x the random rows' time", flush=True)


def timed(rows: Rows, radius: int, clock: Callable[[], float] = time.perf_counter) -> float:
    started = clock()
    near_groups(rows, radius)
    return clock() - started


def race(given: argparse.Namespace, rows: Rows) -> bool:
    """In turn over the rounds; False when the peer finds other pairs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "rows.npy", rows)
        command = [str(given.peer), str(Path(__file__).with_name("near_peer.py")), name]
        command += [str(given.radius), str(given.threads)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
            while "fastest" not in (said := hear(peer)):
                print(f"  {said['index']}: about {said['estimate']} s")
            print(f"peer: {said['fastest']}, {given.threads} threads", flush=True)
            hear(peer, "keep")
            theirs = np.load(folder / "pairs.npy")
            same = np.array_equal(theirs, near_pairs(rows, given.radius))
            print(f"gate: {len(theirs)} pairs, {'the same from both' if same else 'NOT the same'}", flush=True)
            ratios = []
            for number in range(given.rounds):
                if number % 2:
                    other, ours = hear(peer, "run")["seconds"], timed(rows, given.radius)
                else:
                    ours, other = timed(rows, given.radius), hear(peer, "run")["seconds"]
                ratios.append(other / ours)
                print(f"  round {number + 1}: ours {ours:.2f} s, peer {other:.2f} s, {ratios[-1]:.1f} x", flush=True)
            assert peer.stdin is not None
            peer.stdin.close()
    print(f"ours is {statistics.median(ratios):.1f} x as fast ({min(ratios):.1f} to {max(ratios):.1f})")
    return same


def hear(peer: "subprocess.Popen[str]", ask: str | None = None) -> dict[str, Any]:
    assert peer.stdin is not None
    assert peer.stdout is not None
    if ask:
        print(ask, file=peer.stdin, flush=True)
    line = peer.stdout.readline()
    if not line:
        raise SystemExit(f"The peer stopped (exit code {peer.wait()}); see above.")
    said: dict[str, Any] = json.loads(line)
    return said


if __name__ == "__main__":
    sys.exit(main())
