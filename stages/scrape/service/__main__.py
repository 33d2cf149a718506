"""Run the local search service by hand, or draw its pictures beforehand (a benchmark should not wait for a pencil).

python -m stages.scrape.service --species 160 --views 8
python -m stages.scrape.service --species 400 --views 25 --bodies DIR --prerender
"""

import argparse
import signal
import threading
from pathlib import Path

from stages.entry import stop_on
from stages.params import check_params
from stages.scrape.parameters import Catalogue
from stages.scrape.service.catalogue import build, queries_of
from stages.scrape.service.conduct import Conduct
from stages.scrape.service.process import running

SECTION = "catalogue"
CHUNK = 32  # pictures for a worker at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, field in Catalogue.model_fields.items():
        parser.add_argument(f"--{name.replace('_', '-')}", default=field.default, help=f"default: {field.default}")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--bodies", type=Path, help="a folder that keeps what was drawn")
    parser.add_argument("--prerender", action="store_true", help="draw everything into --bodies, and end")
    given = parser.parse_args()
    if given.prerender and given.bodies is None:
        parser.error("--prerender needs --bodies")
    catalogue = check_params(
        Catalogue, {name: getattr(given, name) for name in Catalogue.model_fields}, SECTION, Path("arguments")
    )
    if given.prerender:
        prerender(catalogue, given.bodies)
    else:
        serve(catalogue, Conduct(bodies=given.bodies), given.port)


def prerender(catalogue: Catalogue, folder: Path) -> None:
    """Draw every picture of the catalogue into `folder`, on all cores; what lies there already is kept."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    from stages.scrape.service.bodies import Bodies

    def draw(start: int) -> None:
        bodies = Bodies(catalogue, folder)
        for entry in entries[start : start + CHUNK]:
            bodies.of(entry)

    entries = build(catalogue)
    Parallel(n_jobs=-1)(delayed(draw)(start) for start in tqdm(range(0, len(entries), CHUNK), desc="draw"))


def serve(catalogue: Catalogue, conduct: Conduct, port: int) -> None:
    """Serve until Ctrl+C or SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with running(catalogue, conduct, port) as service:
        entries = build(catalogue)
        print(f"search:   {service.search_base}/search?engine=google_images&api_key={conduct.key}", end="")
        print(f"&q={queries_of(catalogue)[0].text.replace(' ', '+')}")
        print(f"pictures: {len(entries)}, {sum(entry.recoverable for entry in entries)} of them recoverable, such as")
        ip = service.addresses[entries[0].host]
        print(f"          curl -H 'Host: {entries[0].host}' http://{ip}:{service.port}{entries[0].path} -o picture")
        print("stop with Ctrl+C", flush=True)
        ended.wait()


if __name__ == "__main__":
    stop_on(main)
