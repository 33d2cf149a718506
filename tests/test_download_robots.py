"""What hosts ask of robots is done: robots.txt, X-Robots-Tag, and no second look at what was refused."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from download_server import Answer, Request, Server, redirect, reply, verdicts
from hypothesis import given
from hypothesis import strategies as st

from stages.scrape.download import crawl, local_network, retry
from stages.scrape.download.addresses import parse_address
from stages.scrape.download.robots import Rules, opt_out

FORBIDDEN = ("refused", "robots.txt forbids it")
UNREACHABLE = ("refused", "robots.txt unreachable")
FETCHED = ("fetched", "")
NOBODY = ("failed", "connection broken")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)


def asked(robots: Answer, tmp_path: Path, paths: Sequence[str] = ("/a/x.jpg",)) -> tuple[list[tuple[str, str]], Server]:
    """What becomes of `paths` under an answer for robots.txt (bytes without a status are its text)."""
    if isinstance(robots, bytes) and not robots.startswith(b"HTTP/"):
        robots = reply(robots)

    def answer(request: Request) -> Answer:
        return robots if request.path == "/robots.txt" else reply()

    with Server(answer, robots=True) as server:
        network = local_network({"a.test": "127.0.0.1"}, server.port)
        return verdicts([f"http://a.test{path}" for path in paths], tmp_path, network, attempts=2), server


RULES = {
    b"": FETCHED,
    b"User-agent: *\nDisallow:": FETCHED,
    b"User-agent: *\nDisallow: /": FORBIDDEN,
    b"User-agent: *\nDisallow: /a/": FORBIDDEN,
    b"User-agent: *\nDisallow: /b/": FETCHED,
    b"User-agent: *\nDisallow: /*.jpg$": FORBIDDEN,
    b"User-agent: *\nDisallow: /\nAllow: /a/": FETCHED,
    b"User-agent: plumbline\nDisallow: /": FORBIDDEN,
    b"User-agent: Plumbline/0.1\nDisallow: /": FETCHED,  # RFC 9309: a product token has no version
    b"User-agent: PLUMBLINE\nDisallow: /": FORBIDDEN,
    b"User-agent: otherbot\nDisallow: /": FETCHED,
    b"User-agent: *\nDisallow: /\n\nUser-agent: plumbline\nDisallow:": FETCHED,
    b"User-agent: *\nDisallow:\n\nUser-agent: plumbline\nDisallow: /": FORBIDDEN,
    b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /": FORBIDDEN,
    b"\xff\xfe\x00 noise \x80": FETCHED,
    b"<html><body>Welcome</body></html>": FETCHED,
    b"User-agent: *\nDisallow: /a/\n" + b"#" * 600_000: FORBIDDEN,
    b"#" * 600_000 + b"\nUser-agent: *\nDisallow: /a/": FETCHED,  # beyond what is read
    b"User-agent: *\nDisallow: /" + b"*a" * 100_000 + b"z": FETCHED,  # no endless matching
}


@pytest.mark.parametrize("text", RULES, ids=lambda text: repr(text[:60]))
def test_the_rules_of_robots_txt_are_kept(text: bytes, tmp_path: Path) -> None:
    found, server = asked(text, tmp_path)
    assert found == [RULES[text]]
    assert server.paths == (["/a/x.jpg"] if found == [FETCHED] else [])


STATUSES = {
    **dict.fromkeys((400, 401, 403, 404, 410, 451), (FETCHED, 1)),
    **dict.fromkeys((204, 206, 304), (FETCHED, 1)),
    **dict.fromkeys((429, 500, 502, 503), (UNREACHABLE, 2)),
}


@pytest.mark.parametrize("status", STATUSES)
def test_the_status_of_robots_txt_decides(status: int, tmp_path: Path) -> None:
    expected, times = STATUSES[status]
    found, server = asked(reply(b"", status), tmp_path)
    assert found == [expected]
    assert sum(request.path == "/robots.txt" for request in server.requests) == times


def test_without_an_answer_nothing_is_fetched(tmp_path: Path) -> None:
    found, server = asked(None, tmp_path)
    assert found == [UNREACHABLE]
    assert server.paths == []
    closed = local_network({"a.test": "127.0.0.1"}, server.port)
    assert verdicts(["http://a.test/1", "http://a.test/2"], tmp_path / "2", closed) == [("failed", "no connection")] * 2


def test_robots_txt_is_read_once_a_host(tmp_path: Path) -> None:
    found, server = asked(b"User-agent: *\nDisallow: /b", tmp_path, [f"/{'ab'[n % 2]}{n}" for n in range(30)])
    assert found == [FETCHED, FORBIDDEN] * 15
    assert sum(request.path == "/robots.txt" for request in server.requests) == 1


@pytest.mark.parametrize("hops", [0, 1, 5, 6])
def test_robots_txt_may_lie_elsewhere(hops: int, tmp_path: Path) -> None:
    """Five redirects are followed, over hosts too; what takes more can't be read, so nothing is fetched."""

    def answer(request: Request) -> bytes:
        if request.path == "/x":
            return reply()
        number = int(request.path[2:]) if request.path != "/robots.txt" else 0
        return redirect(f"http://b.test/r{number + 1}", 301) if number < hops else reply(b"User-agent: *\nDisallow: /y")

    with Server(answer, robots=True) as server:
        network = local_network({"a.test": "127.0.0.1", "b.test": "127.0.0.1"}, server.port)
        found = verdicts(["http://a.test/x", "http://a.test/y"], tmp_path, network, most_redirects=1)
    assert found == ([FETCHED, FORBIDDEN] if hops <= 5 else [UNREACHABLE] * 2)


def test_a_redirect_s_target_has_its_say(tmp_path: Path) -> None:
    def answer(request: Request) -> bytes:
        if request.path == "/robots.txt":
            return reply(b"User-agent: *\nDisallow: /" if request.host == "b.test" else b"")
        return redirect("http://b.test/x") if request.host == "a.test" else reply()

    with Server(answer, robots=True) as server:
        network = local_network({"a.test": "127.0.0.1", "b.test": "127.0.0.1"}, server.port)
        assert verdicts(["http://a.test/x"], tmp_path, network) == [FORBIDDEN]
        assert not any(request.host == "b.test" and request.path == "/x" for request in server.requests)


def test_the_rules_are_what_keeps_us_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rules, "refuses", lambda *_: "")
    assert asked(b"User-agent: *\nDisallow: /", tmp_path)[0] == [FETCHED]


HEADERS = {
    ("noai",): "noai",
    ("NoAI",): "noai",
    ("noimageai",): "noimageai",
    ("noml",): "noml",
    ("noindex, noai",): "noai",
    ("noindex,nofollow , noimageai ",): "noimageai",
    ("noindex", "noai"): "noai",
    ("plumbline: noai",): "noai",
    ("Plumbline: noindex, noai",): "noai",
    ("*: noai",): "noai",
    ("otherbot: noindex, plumbline: noai",): "noai",
    ("unavailable_after: 25 Jun 2030 15:00:00 PST, noai",): "noai",
    ("max-snippet: 5, noai",): "noai",
    ("otherbot: noai", "noml"): "noml",
    ("",): "",
    ("all",): "",
    ("noindex, nofollow",): "",
    ("otherbot: noai",): "",
    ("otherbot: noindex, noai",): "",
    ("plumbline2: noai",): "",
    ("noaimore",): "",
    ("unavailable_after: noai",): "",
    (): "",
}


@pytest.mark.parametrize("headers", HEADERS)
def test_opt_outs_are_read(headers: tuple[str, ...]) -> None:
    assert opt_out(headers) == HEADERS[headers]


@pytest.mark.parametrize("off", [False, True])
def test_a_picture_that_opts_out_is_not_kept_nor_fetched_again(
    off: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if off:
        monkeypatch.setattr(crawl, "opt_out", lambda _: "")

    def answer(request: Request) -> bytes:
        if request.path == "/moved":
            return reply(b"", 302, ["Location: /fine", "X-Robots-Tag: noai"])
        return reply(headers=["X-Robots-Tag: noindex", "X-ROBOTS-TAG: noml"] if request.path == "/out" else [])

    urls = [f"http://a.test/{name}" for name in ("out", "moved", "fine")]
    with Server(answer) as server:
        network = local_network({"a.test": "127.0.0.1"}, server.port)
        out = [FETCHED, FETCHED] if off else [("refused", "X-Robots-Tag: noml"), ("refused", "X-Robots-Tag: noai")]
        assert verdicts(urls, tmp_path, network) == [*out, FETCHED]
        server.requests.clear()
        assert verdicts(urls, tmp_path, network) == [*out, FETCHED]
        assert server.requests == []


@given(st.text(max_size=300))
def test_any_robots_txt_can_be_read(text: str) -> None:
    from protego import Protego

    rules = Rules(Protego.parse(text))
    assert rules.refuses(parse_address("http://a.test/x?y=\u00e9")) in ("", "robots.txt forbids it")
    assert 0 <= rules.delay < float("inf")


@given(st.lists(st.text(max_size=40)))
def test_any_header_can_be_read(headers: list[str]) -> None:
    assert opt_out(headers) in ("", "noai", "noimageai", "noml")


def test_a_host_that_wants_to_be_left_alone_is(tmp_path: Path) -> None:
    found, server = asked(reply(b"", 503, ["Retry-After: 3600"]), tmp_path)
    assert found == [UNREACHABLE]
    assert len(server.requests) == 1
