"""Our side of the download bench: `python -m bench.download_ours URLS HOSTS PORT SCRATCH OUT PICTURES`.

PICTURES: draft (decoded at half or a quarter of the size where that is enough), full, or none (fetch only).
"""

import json
import multiprocessing
import sys
import time
from collections import Counter
from pathlib import Path

from bench.download_resize import follow
from stages.scrape.download import Journal, fetch_all, local_network
from stages.scrape.parameters import Download

CONCURRENCY = 128


def main() -> None:
    urls, hosts, port, pictures = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[6]
    scratch, out = Path(sys.argv[4]), Path(sys.argv[5])
    out.mkdir()
    Journal(scratch).close()  # so that there is something to follow
    context = multiprocessing.get_context("spawn")  # a fork would inherit the journal's lock
    fetched = context.Event()
    count = context.cpu_count() if pictures != "none" else 0
    workers = [
        context.Process(target=follow, args=(scratch, out, number, count, pictures == "full", fetched))
        for number in range(count)
    ]
    for worker in workers:
        worker.start()
    network = local_network(json.loads(Path(hosts).read_text()), port)
    started = time.perf_counter()
    lines = Path(urls).read_text().splitlines()
    with fetch_all(lines, Download(concurrency=CONCURRENCY), scratch, network) as journal:
        print(f"fetched in {time.perf_counter() - started:.2f} s, CPU {time.process_time():.2f} s", file=sys.stderr)
        fetched.set()
        for worker in workers:
            worker.join()
        reasons = Counter(f"{row.status} {row.reason}".strip() for row in journal.rows())
    print(json.dumps({"rows": reasons.total(), "reasons": reasons}))


if __name__ == "__main__":
    main()
