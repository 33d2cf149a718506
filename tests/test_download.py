"""Downloads: each URL ends as one row, within its limits in time and size, and nothing is fetched twice."""

import asyncio
import gzip
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from download_server import PICTURE, Request, Server, fetched, redirect, reply, verdicts

from stages.params import UserError
from stages.scrape.download import Network, fetch, fetch_all, journal, local_network, pace, retry
from stages.scrape.download.body import Body, BodyError
from stages.scrape.download.fetch import Fetcher
from stages.scrape.download.journal import Journal
from stages.scrape.download.network import PublicNetwork
from stages.scrape.parameters import Download


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)


def network(server: Server) -> Network:
    return local_network({f"{name}.test": "127.0.0.1" for name in "abcd"}, server.port)


def test_what_is_fetched_is_kept_as_it_came(tmp_path: Path) -> None:
    urls = [f"http://{host}.test/{number}.jpg" for number in range(20) for host in "ab"]
    with (
        Server(lambda request: reply(PICTURE + request.path.encode(), headers=["Content-Type: image/jpeg"])) as server,
        fetch_all([*urls, *urls], Download(), tmp_path, network(server)) as journal,
    ):
        rows = list(journal.rows())
        assert [row.url for row in rows] == sorted(urls)
        for row in rows:
            assert (row.status, row.http_status, row.content_type) == ("fetched", 200, "image/jpeg")
            assert (row.final_url, row.transient) == (row.url, False)
            body = PICTURE + row.url.partition(".test")[2].encode()
            assert (journal.read(row.sha256), row.bytes) == (body, len(body))
        assert sorted(server.paths) == sorted(url.partition(".test")[2] for url in urls)
        assert server.requests[0].headers["user-agent"].startswith("plumbline/")
        assert "cookie" not in server.requests[-1].headers
    kept = (tmp_path / "fetched.bytes").stat().st_size
    assert kept == sum(row.bytes for row in rows) / 2  # equal bytes are kept once


def test_a_status_ends_or_asks_again(tmp_path: Path) -> None:
    expected = {
        "/404": ("gone", "HTTP 404", 1),
        "/410": ("gone", "HTTP 410", 1),
        "/401": ("refused", "HTTP 401", 1),
        "/403": ("refused", "HTTP 403", 1),
        "/451": ("refused", "HTTP 451", 1),
        "/400": ("failed", "HTTP 400", 1),
        "/418": ("failed", "HTTP 418", 1),
        "/204": ("failed", "HTTP 204", 1),
        "/300": ("failed", "HTTP 300", 1),
        "/302": ("failed", "HTTP 302", 1),  # without a target
        "/408": ("failed", "HTTP 408", 3),
        "/425": ("failed", "HTTP 425", 3),
        "/429": ("failed", "HTTP 429", 3),
        "/500": ("failed", "HTTP 500", 3),
        "/503": ("failed", "HTTP 503", 3),
    }
    urls = [f"http://a.test{path}" for path in expected]
    with Server(lambda request: reply(b"", int(request.path[1:]))) as server:
        outcomes = fetched(urls, tmp_path, network(server))
        for url, (path, (status, reason, times)) in zip(urls, expected.items(), strict=True):
            assert (outcomes[url].status, outcomes[url].reason) == (status, reason)
            assert (outcomes[url].http_status, outcomes[url].transient) == (int(path[1:]), times == 3)
            assert server.paths.count(path) == times


def test_what_passes_is_tried_again_and_then_fetched(tmp_path: Path) -> None:
    def answer(request: Request) -> bytes | None:
        if request.time == 1 and request.path != "/good":
            return {"/busy": reply(b"", 503), "/reset": None, "/cut": reply(length=1000)}[request.path]
        return reply()

    urls = [f"http://a.test/{name}" for name in ("busy", "reset", "cut", "good")]
    with Server(answer) as server:
        assert verdicts(urls, tmp_path / "3", network(server)) == [("fetched", "")] * 4
        server.requests.clear()
        once = verdicts([urls[0], urls[2]], tmp_path / "1", network(server), attempts=1)
        assert once == [("failed", "HTTP 503"), ("failed", "connection broken")]


def test_retry_after_is_honoured_up_to_a_cap(tmp_path: Path) -> None:
    waits = {"/soon": "1", "/later": "3600", "/date": "Fri, 31 Dec 2100 23:59:59 GMT", "/noise": "soon"}

    def answer(request: Request) -> bytes:
        return reply(b"", 503, [f"Retry-After: {waits[request.path]}"]) if request.time == 1 else reply()

    urls = [f"http://{host}.test{path}" for host, path in zip("abcd", waits, strict=True)]
    with Server(answer) as server:
        outcomes = fetched(urls, tmp_path, network(server))
        assert [outcomes[url].status for url in urls] == ["fetched", "failed", "failed", "fetched"]
        assert outcomes[urls[1]].transient  # the next run asks again
        assert server.paths.count("/later") == 1
    assert retry.retry_after("Fri, 31 Dec 1999 23:59:59 GMT") == 0
    assert [retry.retry_after(text) for text in (None, "", "-1", "1e9", "x", "\u0662")] == [0] * 6


def test_backing_off_doubles_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.5)
    for attempt, most in [(1, 0.75), (2, 1.5), (3, 3), (10, 45), (1000, 45)]:
        assert most / 3 <= retry.backoff(attempt) <= most


async def endless() -> AsyncIterator[bytes]:
    yield reply(b"", length=-1)
    while True:
        yield b"x" * 10_000


async def drip() -> AsyncIterator[bytes]:
    yield reply(b"", length=12)
    for _ in range(12):
        yield b"x"
        await asyncio.sleep(0.1)


async def slow_head() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-More: more\r\n"
        await asyncio.sleep(0.05)


async def silence() -> AsyncIterator[bytes]:
    yield reply(b"", length=100)
    await asyncio.sleep(60)


def bomb(size: int) -> bytes:
    return gzip.compress(bytes(size), 9)


LIMITED: dict[str, tuple[str, Callable[[], AsyncIterator[bytes]] | bytes]] = {
    "endless": ("body over the cap", endless),
    "long": ("body over the cap", reply(bytes(200_001))),
    "announced": ("body over the cap", reply(length=10**12)),
    "bomb": ("body over the cap", reply(bomb(20_000_000), headers=["Content-Encoding: gzip"])),
    "drip": ("body too slow", drip),
    "silence": ("body too slow", silence),
    "head": ("deadline passed", slow_head),
    "empty": ("empty body", reply(b"")),
    "brotli": ("unknown content encoding", reply(headers=["Content-Encoding: br"])),
    "twice": (
        "unknown content encoding",
        reply(bomb(9), headers=["Content-Encoding: gzip"] * 2),
    ),
    "unpacked": ("broken content encoding", reply(headers=["Content-Encoding: gzip"])),
    "half": ("broken content encoding", reply(bomb(9_999)[:-9], headers=["Content-Encoding: gzip"])),
    "noise": ("malformed answer", b"\x00\x01\x02 not HTTP\r\n\r\n"),
}


@pytest.mark.parametrize("name", LIMITED)
def test_limits_end_a_body(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "WINDOW", 0.5)
    reason, what = LIMITED[name]
    with Server(lambda _: what if isinstance(what, bytes) else what()) as server:
        limits = {"most_bytes": 200_000, "slowest": 1000, "deadline": 1, "attempts": 1}
        assert verdicts(["http://a.test/x"], tmp_path, network(server), **limits) == [("failed", reason)]
        assert server.sent < 20_000_000  # the socket's buffers take some
    assert not list(tmp_path.glob("*.part"))
    assert (tmp_path / "fetched.bytes").stat().st_size == 0


def test_without_the_watch_a_drip_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def idle(_: Fetcher) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(fetch, "WINDOW", 0.5)
    monkeypatch.setattr(Fetcher, "watch", idle)
    with Server(lambda _: drip()) as server:
        assert verdicts(["http://a.test/x"], tmp_path, network(server), slowest=1000) == [("fetched", "")]


def test_a_steady_body_is_not_too_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "WINDOW", 0.5)
    with Server(lambda _: drip()) as server:
        assert verdicts(["http://a.test/x"], tmp_path, network(server), slowest=1) == [("fetched", "")]


def test_the_cap_is_what_stops_a_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = bomb(20_000_000)
    body = Body(1000, tmp_path)
    body.begin("gzip", None)
    with pytest.raises(BodyError):
        body.add(packed[:900])
    assert body.size == 1001  # one byte more than the cap came into being

    def whole(self: Body, chunk: bytes) -> None:
        self.size += len(zlib.decompress(chunk, 31))

    monkeypatch.setattr(Body, "_decode", whole)
    body = Body(1000, tmp_path)
    body.begin("gzip", None)
    body._most_bytes = len(packed)
    body.add(packed)
    assert body.size == 20_000_000


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "identity", ""])
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_bodies_are_decoded_in_any_pieces(encoding: str, step: int, tmp_path: Path) -> None:
    data = bytes(range(256)) * (3000 if step > 7 else 3)
    packed = {"g": gzip.compress(data[:500]) + gzip.compress(data[500:]), "d": zlib.compress(data)}
    wire = packed.get(encoding.removeprefix("x-")[:1], data)
    body = Body(10**6, tmp_path)
    body.begin(encoding, None)
    for start in range(0, len(wire), step):
        body.add(wire[start : start + step])
    body.end()
    assert b"".join(body.pieces()) == data
    assert list(tmp_path.glob("*.part")) == ([] if len(data) < 512 * 1024 else list(tmp_path.iterdir()))
    body.discard()
    assert not list(tmp_path.iterdir())


def test_lying_lengths_do_not_reach_the_next_answer(tmp_path: Path) -> None:
    def answer(request: Request) -> bytes:
        if request.path == "/0":
            return reply(b"x" * 10 + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL", length=10)
        return reply(b"good " + request.path.encode())

    urls = [f"http://a.test/{number}" for number in range(8)]
    with (
        Server(answer) as server,
        fetch_all(urls, Download(per_host=1), tmp_path, network(server)) as journal,
    ):
        bodies = [journal.read(row.sha256) for row in journal.rows()]
        assert bodies == [b"x" * 10, *(f"good /{number}".encode() for number in range(1, 8))]


def test_redirects_are_followed_up_to_a_limit(tmp_path: Path) -> None:
    def answer(request: Request) -> bytes:
        number = int(request.path.strip("/") or 0)
        return redirect(f"http://{'ab'[number % 2]}.test/{number - 1}") if number else reply()

    with Server(answer) as server:
        urls = [f"http://a.test/{number}" for number in (1, 5, 6)]
        outcomes = fetched(urls, tmp_path, network(server), most_redirects=5)
        assert [outcomes[url].status for url in urls] == ["fetched", "fetched", "failed"]
        assert (outcomes[urls[2]].reason, outcomes[urls[2]].http_status) == ("too many redirects", 302)
        assert outcomes[urls[0]].final_url == "http://b.test/0"


async def unhurried(body: bytes) -> AsyncIterator[bytes]:
    await asyncio.sleep(0.05)
    yield reply(body)


@pytest.mark.parametrize("per_host", [1, 3])
def test_a_host_is_asked_few_things_at_once(per_host: int, tmp_path: Path) -> None:
    with Server(lambda _: unhurried(b"x")) as server:
        fetched([f"http://a.test/{number}" for number in range(12)], tmp_path / "1", network(server), per_host=per_host)
        assert server.most_at_once == per_host
        fetched([f"http://{h}.test/{n}" for n in range(6) for h in "ab"], tmp_path / "2", network(server), per_host=3)
        assert 3 < server.most_at_once <= 6


def test_a_crawl_delay_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[float] = []

    def answer(request: Request) -> bytes:
        starts.append(asyncio.get_running_loop().time())
        if request.path == "/robots.txt":
            return reply(b"User-agent: *\nCrawl-delay: 500")
        return reply()

    monkeypatch.setattr(pace, "MOST_CRAWL_DELAY", 0.1)  # what is asked for beyond the cap is cut to it
    with Server(answer, robots=True) as server:
        fetched([f"http://a.test/{number}" for number in range(4)], tmp_path, network(server))
    assert len(starts) == 5
    assert min(after - before for before, after in pairwise(starts)) > 0.09


def test_parameters_that_cannot_work_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(lambda _: reply()) as server:
        with pytest.raises(UserError, match="`contact` = 'a\\\\r\\\\nX: y'"):
            fetched(["http://a.test/"], tmp_path, network(server), contact="a\r\nX: y")
        monkeypatch.setattr("resource.getrlimit", lambda _: (256, 256))
        with pytest.raises(UserError, match="`concurrency` = 128 needs 356 open files"):
            fetched(["http://a.test/"], tmp_path, network(server), concurrency=128)
        fetched(["http://a.test/"], tmp_path, network(server), concurrency=64, contact="mail@example.org")
        assert server.requests[-1].headers["user-agent"].endswith(" (+mail@example.org)")


def test_a_failing_store_ends_the_crawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Awaitable[None]:
        raise OSError(28, "No space left on device")

    with Server(lambda _: reply()) as server:
        with monkeypatch.context() as patch:
            patch.setattr(journal, "_write", full)
            with pytest.raises(OSError, match="No space left"):
                fetched([f"http://a.test/{number}" for number in range(9)], tmp_path, network(server))
        with Journal(tmp_path) as opened:
            assert list(opened.rows()) == []
        assert set(verdicts(["http://a.test/1"], tmp_path, network(server))) == {("fetched", "")}


@pytest.mark.parametrize(("number", "attempts"), [(socket.EAI_NONAME, 1), (socket.EAI_AGAIN, 3), (None, 1)])
def test_a_host_without_an_address_is_not_found(number: int | None, attempts: int, tmp_path: Path) -> None:
    asked: list[str] = []

    async def nowhere(host: str, port: int) -> list[str]:
        asked.append(host)
        if number is None:
            return []
        raise socket.gaierror(number, "not found")

    outcomes = fetched(["http://nowhere.com/"], tmp_path, PublicNetwork(nowhere, lambda ip, port: (ip, port)))
    (row,) = outcomes.values()
    assert (row.status, row.reason, row.transient) == ("failed", "host not found", number == socket.EAI_AGAIN)
    assert len(asked) == attempts


def test_the_watch_outlives_a_body_whose_deadline_has_just_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its limit can't be moved any more; a watch that stumbled over it would leave all other bodies unwatched."""
    monkeypatch.setattr(fetch, "WINDOW", 0.05)

    async def late() -> bool:
        fetcher = Fetcher(Download(), None, None)  # type: ignore[arg-type]
        watch = asyncio.create_task(fetcher.watch())
        with suppress(TimeoutError):
            async with asyncio.timeout(0.001) as limit:
                fetcher._flows.add(fetch._Flow(Body(1, Path()), limit))
                try:
                    await asyncio.sleep(10)
                except asyncio.CancelledError:
                    await asyncio.sleep(0.3)
                    raise
        return watch.cancel()

    assert asyncio.run(late())


def test_tls_is_asked_for_under_the_name_and_not_under_the_pinned_address(tmp_path: Path) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34"]

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        hello = bytearray()

        def listen() -> None:
            connection, _ = listening.accept()
            with connection:
                hello.extend(connection.recv(4096))
                connection.sendall(b"no TLS here")

        thread = threading.Thread(target=listen)
        thread.start()
        pinned = PublicNetwork(resolve, lambda ip, port: ("127.0.0.1", listening.getsockname()[1]))
        assert verdicts(["https://pub.com/"], tmp_path, pinned, attempts=1) == [("failed", "TLS fails")]
        thread.join()
    assert b"pub.com" in hello
