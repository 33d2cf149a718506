"""Scrape, from queries to a table of bytes as they came, against the local service; and the command that adds one."""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.cli.__main__ import main
from stages.params import UserError
from stages.record import read_manifest, read_rows
from stages.scrape import asking
from stages.scrape.download import fetch
from stages.scrape.download.addresses import Address
from stages.scrape.parameters import KEY, Catalogue, Download, Scrape
from stages.scrape.service.catalogue import build, queries_of
from stages.scrape.stage import run
from stages.shards import ShardReader

ROOT = Path(__file__).parents[1]
CATALOGUE = Catalogue(seed=3, species=12, views=5, faults=0.4, image_size=96)
DOWNLOAD = Download(attempts=2, deadline=8, slowest=1000, most_bytes=2_000_000)
PARAMS = Scrape(queries="few", endpoint="local", catalogue=CATALOGUE, download=DOWNLOAD)


@pytest.fixture(scope="module", autouse=True)
def impatient() -> Iterator[None]:
    """Bodies that drip are given up after one second, not five."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "WINDOW", 1.0)
        yield


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue's queries, one a species."""
    path = tmp_path_factory.mktemp("queries") / "few.yaml"
    rows = [query.model_dump(mode="json", exclude_none=True) for query in queries_of(CATALOGUE)]
    path.write_text(yaml.safe_dump({"snapshot": "2026-11-21", "queries": rows}))
    return path


@pytest.fixture(scope="module")
def scraped(queries: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stage's `out` and `scratch`."""
    root = tmp_path_factory.mktemp("scraped")
    run(PARAMS, queries=queries, scratch=root / "scratch", out=root / "out")
    return root


def files_of(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_every_result_is_a_row_or_a_drop_with_one_reason(scraped: Path) -> None:
    manifest = read_manifest(scraped / "out")
    rows = read_rows(scraped / "out")
    with (scraped / "out/drops.csv").open(newline="") as stream:
        drops = list(csv.DictReader(stream))
    assert manifest["rows_in"] == len(rows) + len(drops)
    assert rows
    assert all(drop["reason"] for drop in drops)
    assert len({row.id for row in rows} | {drop["id"] for drop in drops}) == manifest["rows_in"]


def test_what_can_be_fetched_is_fetched_and_nothing_else(scraped: Path) -> None:
    listed = [entry for entry in build(CATALOGUE) if entry.url.startswith("http")]
    fetched = {row.source.url for row in read_rows(scraped / "out")}
    lost = {entry.url for entry in listed if entry.recoverable} - fetched
    assert not lost
    assert {entry.fault for entry in listed} > {""}  # faults were planted
    unwelcome = ("robots", "noai", "redirect", "404", "410", "drip", "gzip bomb", "huge", "lying length")
    refused = {entry.url for entry in listed if entry.fault.startswith(unwelcome) and not entry.recoverable}
    assert len(refused) >= 10
    assert not refused & fetched


def test_the_bytes_are_kept_as_they_came_under_their_digest(scraped: Path) -> None:
    with ShardReader(scraped / "out") as reader:
        for row in read_rows(scraped / "out"):
            data = reader.read(row.image.shard, row.image.member, row.image.sha256)
            assert hashlib.sha256(data).hexdigest() == row.image.member == row.origin
            assert (row.image.width, row.image.height) == (0, 0)
            assert row.source.date == "2026-11-21"


def test_a_second_run_fetches_no_picture_twice_and_writes_the_same_bytes(
    scraped: Path, queries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again, anew = tmp_path / "again", tmp_path / "anew"
    run(PARAMS, queries=queries, scratch=tmp_path / "scratch", out=anew)
    assert files_of(anew) == files_of(scraped / "out")
    asked: list[str] = []
    get = fetch.Fetcher.get

    async def noted(self: fetch.Fetcher, address: Address, *given: Any) -> fetch.Answer:
        asked.append(str(address.url))
        return await get(self, address, *given)

    monkeypatch.setattr(fetch.Fetcher, "get", noted)
    monkeypatch.setattr(asking.Asker, "search", None)  # no answer is asked for again
    run(PARAMS, queries=queries, scratch=scraped / "scratch", out=again)
    assert not {row.source.url for row in read_rows(again)} & set(asked)  # what failed for now may be tried again
    assert files_of(again) == files_of(scraped / "out")


def test_no_port_and_no_loopback_address_is_in_the_out(scraped: Path) -> None:
    for path in (scraped / "out").iterdir():
        if path.suffix in (".csv", ".jsonl", ".json"):
            assert b"127.0.0." not in path.read_bytes(), path.name


def test_the_real_service_needs_a_key_and_says_where_it_belongs(
    queries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY, raising=False)
    params = Scrape(queries="few", endpoint="serpapi", download=DOWNLOAD)
    with pytest.raises(UserError, match=r"SERPAPI_API_KEY .*endpoint: local"):
        run(params, queries=queries, scratch=tmp_path / "s", out=tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_a_collection_is_added_with_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data/queries/scizor.yaml", "data/decisions/none.csv"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    Path("params.yaml").write_text("scrape: {}\ncurate:\n  a: {b: 1}\nrecipes: {}\n")
    main(["scrape", "add", "scizor", "--contact", "https://example.org/me"])
    params = yaml.safe_load(Path("params.yaml").read_text())
    assert params["scrape"]["scizor"]["download"] == {"contact": "https://example.org/me"}
    assert params["curate"]["scizor"]["licences"] == "known"
    assert params["caption"]["scizor"] == {"dataset": "scizor", "log": "scizor", "dialogues": "none"}
    assert Path("data/captions/scizor.jsonl").read_text() == ""
    assert "searches" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["scrape", "add", "scizor"])
    assert "already" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["scrape", "add", "nosuch"])
    assert "nosuch.yaml" in capsys.readouterr().err
