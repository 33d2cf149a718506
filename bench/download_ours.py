"""Our side of the download bench: `python -m bench.download_ours URLS HOSTS PORT SCRATCH OUT PICTURES [PYTHON]`.

PICTURES: none (fetch only), or as in `bench.download_resize`, which runs with PYTHON.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from stages.scrape.download import Journal, fetch_all, local_network
from stages.scrape.parameters import Download

CONCURRENCY = 128


def main() -> None:
    urls, hosts, port, pictures = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[6]
    scratch, out = Path(sys.argv[4]), Path(sys.argv[5])
    python = sys.argv[7] if len(sys.argv) > 7 else sys.executable
    out.mkdir()
    Journal(scratch).close()  # so that there is something to follow
    count = os.cpu_count() or 1 if pictures != "none" else 0
    command = [python, "-m", "bench.download_resize", str(scratch), str(out)]
    alone = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # NumPy's other threads would only spin
    workers = [
        subprocess.Popen([*command, str(number), str(count), pictures], stdin=subprocess.PIPE, env=alone)
        for number in range(count)
    ]
    network = local_network(json.loads(Path(hosts).read_text()), port)
    started = time.perf_counter()
    lines = Path(urls).read_text().splitlines()
    with fetch_all(lines, Download(concurrency=CONCURRENCY), scratch, network) as journal:
        print(f"fetched in {time.perf_counter() - started:.2f} s, CPU {time.process_time():.2f} s", file=sys.stderr)
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.close()  # all are fetched
        if failed := [worker.args for worker in workers if worker.wait()]:
            raise SystemExit(f"failed: {failed}")
        reasons = Counter(f"{row.status} {row.reason}".strip() for row in journal.rows())
    print(json.dumps({"rows": reasons.total(), "reasons": reasons}))


if __name__ == "__main__":
    main()
