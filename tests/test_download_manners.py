"""What hosts see of a download, and what a user is told when its store is broken."""

import asyncio
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from download_server import Server, reply, verdicts

from stages.params import UserError
from stages.scrape.download import fetch_all, local_network, network
from stages.scrape.download.network import LocalNetwork
from stages.scrape.download.robots import opt_out
from stages.scrape.parameters import Download


def only(server: Server) -> LocalNetwork:
    return local_network({"a.test": "127.0.0.1"}, server.port)


def test_a_date_with_commas_hides_no_opt_out() -> None:
    assert opt_out(["unavailable_after: Tue, 25 Jun 2030 15:00:00 GMT, noai"]) == "noai"
    assert opt_out(["unavailable_after: 25 Jun 2030 15:00:00 PST, noml"]) == "noml"
    assert opt_out(["otherbot: unavailable_after: Tue, 25 Jun 2030 15:00:00 GMT, noai"]) == ""


@pytest.mark.parametrize("defended", [True, False])
def test_cookies_are_not_sent_back(defended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not defended:
        jar: Any = aiohttp.CookieJar
        monkeypatch.setattr(aiohttp, "DummyCookieJar", jar)
    with Server(lambda _: reply(headers=["Set-Cookie: id=1; Path=/"])) as server:
        verdicts([f"http://a.test/{n}" for n in range(5)], tmp_path, only(server), per_host=1)
        assert any("cookie" in request.headers for request in server.requests) != defended


def test_a_request_says_who_asks(tmp_path: Path) -> None:
    with Server(lambda _: reply()) as server:
        verdicts(["http://a.test/x"], tmp_path, only(server), contact="https://example.org/about")
        headers = [request.headers for request in server.requests]
        assert len(headers) == 2  # robots.txt is asked for by name too
        for header in headers:
            assert re.fullmatch(r"plumbline/[0-9a-z.+]+ \(\+https://example\.org/about\)", header["user-agent"])
            assert not {"referer", "authorization", "cookie"} & set(header)


def test_the_system_resolver_is_what_the_public_network_asks() -> None:
    assert asyncio.run(network.system_resolve("127.0.0.1", 80)) == ["127.0.0.1"]
    assert network.public_network()._resolve is network.system_resolve


@pytest.mark.parametrize("damage", ["noise", "cut"])
def test_a_damaged_journal_is_named(damage: str, tmp_path: Path) -> None:
    urls = [f"http://a.test/{number}" for number in range(200)]
    with Server(lambda _: reply()) as server:
        fetch_all(urls, Download(), tmp_path, only(server)).close()
        path = tmp_path / "journal.sqlite"
        data = path.read_bytes()
        path.write_bytes(b"no database at all " * 100 if damage == "noise" else data[: len(data) // 2])
        with pytest.raises(UserError, match=r"journal\.sqlite is damaged .* remove"):
            fetch_all(urls, Download(), tmp_path, only(server))
