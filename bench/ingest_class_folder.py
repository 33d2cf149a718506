"""How fast a class folder is imported, and how much memory that takes: files of noise, 224 x 224 JPEG.

    python -m bench.ingest_class_folder SCRATCH [COUNT ...]

Each count is imported REPEATS times, each time in a process of its own that may use one core. The gate: as many rows as
files, and in the shards the very bytes of the files. At last, how the memory grew with the files.
"""

import hashlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

COUNTS = (3_000, 15_000)
CLASSES = 100
SIDE, QUALITY = 224, 60
REPEATS = 5
LEAST_FILES_A_SECOND = 1_000
IMPORT = "import json, sys; from bench.ingest_class_folder import measure; print(json.dumps(measure(*sys.argv[1:])))"


def make(folder: Path, count: int) -> None:
    """`count` different pictures in class folders; one picture's noise, shifted and marked, so that it goes fast."""
    import io

    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(1).integers(0, 256, (SIDE, 2 * SIDE, 3), dtype=np.uint8)
    for number in range(count):
        page = noise[:, number % SIDE : number % SIDE + SIDE].copy()
        page[:16, :16] = np.frombuffer(random.Random(number).randbytes(16 * 16 * 3), np.uint8).reshape(16, 16, 3)
        stream = io.BytesIO()
        Image.fromarray(page).save(stream, "JPEG", quality=QUALITY)
        path = folder / f"class_{number % CLASSES:03d}" / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stream.getvalue())


def measure(source: str, out: str) -> dict[str, float]:
    """One import in this process: seconds, processor seconds, and the peak of its memory in MB."""
    from stages.ingest.parameters import Ingest
    from stages.ingest.stage import run

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, busy = time.perf_counter(), time.process_time()
    sys.stdout = sys.stderr
    run(Ingest(folder=source, format="class_folders"), source=Path(source), out=Path(out))
    sys.stdout = sys.__stdout__
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "wall": time.perf_counter() - start,
        "cpu": time.process_time() - busy,
        "peak": peak / 1024,
        "grown": (peak - before) / 1024,
    }


def check(source: Path, out: Path) -> int:
    """Files that were imported; RuntimeError unless they are all there, byte by byte, under their folder's label."""
    from stages.record import read_rows
    from stages.shards import ShardReader

    files = {path.relative_to(source).as_posix(): path for path in source.rglob("*.jpg")}
    records = read_rows(out)
    if Counter(record.source.file for record in records) != Counter(list(files)):
        raise RuntimeError(f"{len(files)} files, but {len(records)} rows that name others")
    with ShardReader(out) as shards:
        for record in records:
            file = files[record.source.file]
            data = shards.read(record.image.shard, record.image.member, record.source.sha256)
            label = file.parent.name.replace("_", " ")
            if hashlib.sha256(file.read_bytes()).digest() != hashlib.sha256(data).digest() or record.label != label:
                raise RuntimeError(f"{file} came in changed")
    return len(records)


def main() -> int:
    scratch = Path(sys.argv[1])
    counts = [int(count) for count in sys.argv[2:]] or list(COUNTS)
    peaks, passed = [], True
    for count in counts:
        source, out = scratch / f"classes_{count}", scratch / f"ingested_{count}"
        if not source.is_dir():
            make(source, count)
        runs = []
        for _ in range(REPEATS):
            done = subprocess.run(
                [sys.executable, "-c", IMPORT, source, out], check=True, capture_output=True, text=True
            )
            runs.append(json.loads(done.stdout))
        checked = check(source, out)
        size = sum(path.stat().st_size for path in source.rglob("*.jpg")) / count
        rates = sorted(count / run["wall"] for run in runs)
        peaks.append(max(run["peak"] for run in runs))
        passed &= checked == count and statistics.median(rates) >= LEAST_FILES_A_SECOND
        busy = statistics.median(run["cpu"] for run in runs)
        print(
            f"{count:,} files of {size / 1000:.1f} kB: {statistics.median(rates):,.0f} files/s ({rates[0]:,.0f} to "
            f"{rates[-1]:,.0f}), {count / busy:,.0f} a second of processor, peak {peaks[-1]:.0f} MB "
            f"({max(run['grown'] for run in runs):.0f} MB over the start); {checked:,} checked by sha256; "
            f"load {os.getloadavg()[0]:.1f}"
        )
    print(
        f"peak memory, most files over fewest: {peaks[-1] / peaks[0]:.2f}x for {counts[-1] / counts[0]:.1f}x the files"
    )
    print("passed" if passed else f"FAILED: under {LEAST_FILES_A_SECOND} files/s")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
