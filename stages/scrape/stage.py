"""Queries -> answers -> addresses -> a table of the bytes as they came: nothing is decoded here.

What was paid for or fetched is kept in `scratch`, outside the out: a killed run goes on where it stopped,
and a search is never paid twice. The out is an export of it that holds no time, host or port of this machine.
"""

import csv
import hashlib
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.creatures.captions import GENERATOR
from stages.params import UserError
from stages.record import (
    Drop,
    Image,
    Record,
    Source,
    Tally,
    new_folder,
    plain_cell,
    write_drops,
    write_manifest,
    write_rows,
)
from stages.scrape.answers import Result, export_answers, results_of
from stages.scrape.download import Journal, Network, Outcome, fetch_all, local_network, public_network
from stages.scrape.parameters import KEY, Scrape
from stages.scrape.queries import Queries, read_queries
from stages.scrape.search import Endpoint, search
from stages.scrape.service import running
from stages.shards import shard_of, write_shard

SCRAPER = "plumbline.scrape/1"
URL_COLUMNS = ("url", "status", "reason", "http_status", "final_url", "content_type", "sha256", "bytes")


def run(params: Scrape, *, queries: Path, scratch: Path, out: Path) -> None:
    """Search, fetch what the answers list, and write the table folder `out`; `scratch` holds what is under way."""
    wanted = read_queries(queries)
    with _reached(params) as (endpoint, network):
        answers = search(wanted, endpoint, scratch / "searches")
        found = results_of(answers)
        results = [result for result in found if isinstance(result, Result)]
        addresses = sorted({result.url for result in results})
        folder = scratch / "downloads" / _snapshot(params, wanted, endpoint)
        journal = fetch_all(addresses, params.download, folder, network)

    tally = Tally(rows_in=len(found), drops=[drop for drop in found if isinstance(drop, Drop)])
    new_folder(out)
    outcomes = {outcome.url: outcome for outcome in journal.rows()}
    records = _records(results, outcomes, wanted, tally)
    tally.close(len(records))
    if not records:
        raise UserError(f"{queries}: no picture was fetched; dropped: {tally.reasons}.")
    _write_pictures(out, records, journal)
    write_rows(out / "rows.parquet", records)
    write_drops(out / "drops.csv", tally.drops)
    export_answers(answers, out / "answers.jsonl")
    _write_urls(out / "urls.csv", outcomes.values())
    write_manifest(out, _facts(params, wanted, records, outcomes.values(), tally))
    fetched = sum(outcome.status == "fetched" for outcome in outcomes.values())
    print(f"{fetched} of {len(addresses)} addresses fetched, {len(records)} of {len(found)} results kept", end="; ")
    print(f"dropped: {tally.reasons or 'none'}")


@contextmanager
def _reached(params: Scrape) -> Iterator[tuple[Endpoint, Network]]:
    """Where to search, and what may be connected to. The local service lives as long as the block."""
    if params.catalogue is not None:
        with running(params.catalogue) as service:
            yield Endpoint(service.search_base, "local"), local_network(service.addresses, service.port)
        return
    key = os.environ.get(KEY, "").strip()
    if not key:
        raise UserError(
            f"`endpoint: serpapi` needs the environment variable {KEY} (from https://serpapi.com/manage-api-key); "
            "it is read from there only and written nowhere. Without a key, `endpoint: local` serves drawn pictures."
        )
    yield Endpoint(None, key), public_network()


def _snapshot(params: Scrape, wanted: Queries, endpoint: Endpoint) -> str:
    """The journal's name: other queries, another snapshot date or another catalogue start a new one."""
    asked: dict[str, object] = {"endpoint": endpoint.kind, "queries": wanted.model_dump(mode="json")}
    if params.catalogue is not None:
        asked |= {"catalogue": params.catalogue.model_dump(mode="json"), "drawn_by": GENERATOR}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _records(results: list[Result], outcomes: dict[str, Outcome], wanted: Queries, tally: Tally) -> list[Record]:
    records = []
    for result in results:
        outcome = outcomes[result.url]
        if outcome.status == "fetched":
            records.append(_record(result, outcome, wanted))
        else:
            tally.drops.append(Drop(result.id, f"{outcome.status}: {outcome.reason}", result.url))
    return records


def _record(result: Result, outcome: Outcome, wanted: Queries) -> Record:
    said = {
        "query": result.query,
        "page": result.page,
        "position": result.position,
        "title": result.title,
        "site": result.source,
        "final_url": outcome.final_url,
        "content_type": outcome.content_type,
    }
    source = Source(
        kind="url",
        licence=result.licence,
        url=result.url,
        page=result.link,
        licence_url=result.licence_url,
        date=wanted.snapshot.isoformat(),
        importer=SCRAPER,
        parameters=json.dumps(said, sort_keys=True),
        sha256=outcome.sha256,
    )
    image = Image(outcome.sha256, shard_of(outcome.sha256), outcome.sha256, 0, 0)
    return Record(result.id, image, texts=(), label=result.label, entity=result.entity, source=source)


def _write_pictures(out: Path, records: list[Record], journal: Journal) -> None:
    """Each picture's bytes once, named by their digest, however many rows point there."""
    shards: dict[str, set[str]] = defaultdict(set)
    for record in records:
        shards[record.image.shard].add(record.image.member)
    for shard, members in sorted(shards.items()):
        write_shard(out / shard, ((digest, journal.read(digest)) for digest in members))


def _write_urls(path: Path, outcomes: Iterable[Outcome]) -> None:
    """urls.csv: every address with its end and why; what a spreadsheet would run as a formula is quoted."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(URL_COLUMNS)
        for outcome in sorted(outcomes, key=lambda outcome: outcome.url):
            writer.writerow([plain_cell(str(getattr(outcome, column))) for column in URL_COLUMNS])


def _facts(
    params: Scrape, wanted: Queries, records: list[Record], outcomes: Iterable[Outcome], tally: Tally
) -> dict[str, object]:
    ends = Counter(outcome.status for outcome in outcomes)
    return {
        "stage": "scrape",
        "scraper": SCRAPER,
        "endpoint": params.endpoint,
        "snapshot": wanted.snapshot.isoformat(),
        "queries": len(wanted.queries),
        "rows_in": tally.rows_in,
        "rows_out": len(records),
        "dropped": tally.reasons,
        "addresses": dict(sorted(ends.items())),
        "pictures": len({record.image.sha256 for record in records}),
        "entities": len({record.entity for record in records}),
        "licences": dict(sorted(Counter(record.source.licence for record in records).items())),
    }
