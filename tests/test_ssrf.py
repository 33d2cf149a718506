"""Nothing inside is ever asked: every attempt to send the crawl to this machine or its networks ends at a check.

The canary stands for all that is inside, and counts who connects. The tests give the network its resolver and its
connector, so that every IP address leads to the canary or to a public server, both on loopback, and a guard over
the socket calls sees to it that nothing leaves 127.0.0.0/8, with a check patched away too.
"""

import asyncio
import hashlib
import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from download_server import PICTURE, Request, Server, fetched, redirect, reply
from yarl import URL

from stages.scrape.download import Outcome, addresses, crawl, local_network, network, pace, retry
from stages.scrape.download.addresses import NOT_GLOBAL, Address, RefusedError
from stages.scrape.download.network import PinningConnector, PublicNetwork

PUBLIC = ("93.184.216.34", "2606:2800:220:1::1")  # the public server
DEAD = "93.184.216.35"  # public too, but nobody answers
PUBLIC_PORTS = (80, 443, 6379, 8080)  # at others of the public server, the canary stands for what isn't the web's
SECRET = b"what is inside"
Patch = pytest.MonkeyPatch

EDGES = [str(edge) for text in NOT_GLOBAL for edge in (ipaddress.ip_network(text)[0], ipaddress.ip_network(text)[-1])]
RANGES = [f"http://[{ip}]/" if ":" in ip else f"http://{ip}/" for ip in dict.fromkeys(EDGES)]

LITERALS = """
127.0.0.1 127.0.0.1. 127.0.0.1:8080 127.0.0.1:6379 2130706433 0x7f000001 0X7F000001 017700000001 0 127.1 127.0.1 0x7f.1
0x7f.0.0.1 0177.0.0.1 00000177.0.0.1 127.0.0.01 10.1 192.168.257 2852039166 169.254.169.254 168.63.129.16
[::1] [0:0:0:0:0:0:0:1] [0000::0001]:8080 [::] [::ffff:127.0.0.1] [::FFFF:7f00:1] [::ffff:169.254.169.254]
[::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::127.0.0.1] [2002:7f00:1::] [2001:0:7f00:1::80ff:fffe] [::ffff:0:127.0.0.1]
[fd00:ec2::254] [fe80::1%25eth0] [::1%25lo] [fe80::1%eth0]
\uff11\uff12\uff17.0.0.1 127\u30020\u30020\u30021 \u2460\u2461\u2466.0.0.1
"""
SPECIAL_NAMES = """
localhost localhost. LOCALHOST a.localhost \u24dbocalhost localhost.localdomain metadata.google.internal printer.local
router nas.home.arpa files.corp x.lan 1.0.0.127.in-addr.arpa
"""
HIDDEN = """
pub.com@127.0.0.1 pub.com:80@127.0.0.1 u:p@localhost @127.0.0.1 %31%32%37.0.0.1 127%2e0%2e0%2e1 loc%61lhost
"""
SPELLINGS = [f"http://{host}/" for host in (LITERALS + SPECIAL_NAMES + HIDDEN).split()]
ANSWERS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("pub.com", "other.com", "rules.com"), PUBLIC[:1]),
    "six.com": PUBLIC[1:],
    **{f"edge{number}.com": [ip] for number, ip in enumerate(EDGES)},
    **{"loop.com": ["127.0.0.1"], "127.0.0.1.nip.io": ["127.0.0.1"], "meta.com": ["169.254.169.254"]},
    **{"mapped.com": ["::ffff:127.0.0.1"], "zone.com": ["fe80::1%eth0"], "old.com": ["::1"]},
    "first.com": ["10.0.0.1", *PUBLIC],
    "last.com": [DEAD, "10.0.0.1"],  # the public one is bait: it fails, and the next is tried
    "middle.com": [DEAD, "::1", DEAD],
}
INSIDE_NAMES = [f"http://{name}/" for name, ips in ANSWERS.items() if not set(ips) & set(PUBLIC) or name == "first.com"]
PORTS = [f"http://pub.com:{port}/" for port in (0, 1, 22, 25, 81, 445, 1023, 2049, 6000, 6667, 10080)]
# nobody gets inside with these in this client; another reading of them would
_UNREADABLE = r"""
file:///etc/passwd file://127.0.0.1/x ftp://127.0.0.1/ gopher://127.0.0.1:6379/_INFO data:,x javascript:alert(1)
dict://127.0.0.1:11211/ ws://127.0.0.1/ unix:/run/docker.sock jar:http://x!/ http://127.0.0.1@pub.com/
http://127.0.0.1%2f@pub.com/ http://pub.com%40127.0.0.1/ http://1／.com/ http://pub.com\@127.0.0.1/
http://127.0.0.1\@pub.com/ http:\\127.0.0.1\ http:/127.0.0.1/ http:127.0.0.1/ http:///127.0.0.1/ http://::1/
http://127.0.0.1:80:80/ http://[127.0.0.1]/ http://[::1/ http://127.0.0.1%00.pub.com/ http://127.0.0.1:99999/
"""
UNREADABLE = [*_UNREADABLE.split(), "http://127.0.0.1 .pub.com/"]
REACHABLE = list(dict.fromkeys([*RANGES, *SPELLINGS, *INSIDE_NAMES, *PORTS]))
ENCRYPTED = ["https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://loop.com/"]
ATTEMPTS = [*REACHABLE, *UNREADABLE, *ENCRYPTED, "", "127.0.0.1", "/etc/passwd", "//127.0.0.1/"]
REASONS = {"malformed address", "scheme not http or https", "user name in the address", "port not allowed"}
REASONS |= {"host is no public name", "address not global"}

STATUSES = (301, 302, 303, 307, 308)
TARGETS = [*REACHABLE, *UNREADABLE, *ENCRYPTED, "//127.0.0.1/", "//localhost/x", "//[::1]/"]
REDIRECTS = [
    *(f"http://pub.com/to/{STATUSES[number % 5]}/{number}" for number in range(len(TARGETS))),
    *(f"http://other.com/to/{status}/{TARGETS.index('http://127.0.0.1/')}" for status in STATUSES),
    *(f"http://pub.com/chain/{hops}" for hops in range(4)),
]


class Canary(Server):
    """Answers whatever is said to it, TLS too, with the secret."""

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if await reader.read(65536):
            writer.write(reply(SECRET, headers=["Connection: close"]))
        writer.close()


@dataclass
class World:
    """A network whose public addresses are all `public`, and whose others are all `canary`."""

    canary: Canary
    public: Server
    asked: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)

    @property
    def network(self) -> PublicNetwork:
        return PublicNetwork(self.resolve, self.connect_to)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """The worst resolver: what it doesn't know, it takes for an old spelling of an address, or for loopback."""
        self.asked.append(host)
        if host == "rebind.com":
            return PUBLIC[:1] if self.asked.count(host) == 1 else ["127.0.0.1"]
        try:
            return ANSWERS.get(host) or [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            return ["127.0.0.1"]

    def connect_to(self, ip: str, port: int) -> tuple[str, int]:
        self.connected.append(ip)
        if ip == DEAD:
            return "127.0.0.1", 1
        return "127.0.0.1", self.public.port if ip in PUBLIC and port in PUBLIC_PORTS else self.canary.port

    @property
    def untouched(self) -> bool:
        """Whether nobody came to the canary, and nobody was given an address of the inside."""
        return self.canary.connections == 0 and set(self.connected) <= {*PUBLIC, DEAD}


def public_answer(request: Request) -> bytes:
    match request.path.split("/")[1:]:
        case ["robots.txt"]:
            return redirect("http://127.0.0.1/robots.txt") if request.host == "rules.com" else reply(b"", 404)
        case ["to", status, number]:
            return redirect(TARGETS[int(number)], int(status))
        case ["chain", left]:
            return redirect(f"http://other.com/chain/{int(left) - 1}" if int(left) else "http://127.0.0.1/")
        case ["away", *_] if request.time == 1:
            return redirect(unquote(request.path.removeprefix("/away/")))
    return reply(headers=["Connection: close"])


@pytest.fixture(autouse=True)
def guard(monkeypatch: Patch) -> Iterator[None]:
    """No socket goes out of 127.0.0.0/8, and no name is asked for at a real resolver."""
    strays: list[object] = []

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: socket.socket, *given: Any) -> Any:
            if self.family != socket.AF_UNIX and not str(given[-1][0]).startswith("127."):
                strays.append(given[-1])
                raise OSError("a packet would leave this machine")
            return real(self, *given)

        return call

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **_: strays.append(given))
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)
    yield
    assert not strays


@pytest.fixture
def world() -> Iterator[World]:
    with Canary(lambda _: b"") as canary, Server(public_answer, robots=True) as public:
        yield World(canary, public)


def naive_address(text: str) -> Address:
    """What a parser makes of an address that takes everything it can read."""
    try:
        url = URL(text)
    except ValueError as error:
        raise RefusedError("unreadable") from error
    return Address(url, (url.host or "").rstrip(".").lower(), 80 if url.port is None else url.port)


def disarm_everything(monkeypatch: Patch) -> None:
    for check in ("is_global", "is_public_name", "is_web_port"):
        monkeypatch.setattr(addresses, check, lambda _: True)
    for module in (addresses, crawl, pace):
        monkeypatch.setattr(module, "parse_address", naive_address)


def leaked(outcomes: Mapping[str, Outcome]) -> set[str]:
    """Those that brought the secret out."""
    return {url for url, outcome in outcomes.items() if outcome.sha256 == hashlib.sha256(SECRET).hexdigest()}


def test_no_attempt_reaches_the_inside(world: World, tmp_path: Path) -> None:
    outcomes = fetched(ATTEMPTS, tmp_path, world.network)
    assert len(outcomes) == len(set(ATTEMPTS)) >= 60
    assert {url: outcome for url, outcome in outcomes.items() if outcome.status != "refused"} == {}
    assert {outcome.reason for outcome in outcomes.values()} == REASONS
    assert world.untouched
    assert not world.connected  # a name with one address inside isn't asked at its public one either
    assert set(world.asked) == {URL(url).host for url in INSIDE_NAMES} | {"loop.com"}  # nobody hears of the others


def test_each_attempt_reaches_the_inside_without_the_checks(world: World, tmp_path: Path, monkeypatch: Patch) -> None:
    disarm_everything(monkeypatch)
    assert set(REACHABLE) - leaked(fetched(REACHABLE, tmp_path / "plain", world.network)) == set()
    before = world.canary.connections
    fetched(ENCRYPTED, tmp_path / "encrypted", world.network)
    assert world.canary.connections >= before + len(ENCRYPTED)


def test_no_redirect_reaches_the_inside(world: World, tmp_path: Path, monkeypatch: Patch) -> None:
    outcomes = fetched(REDIRECTS, tmp_path / "on", world.network)
    assert {url: outcome for url, outcome in outcomes.items() if outcome.status != "refused"} == {}
    assert {outcome.reason for outcome in outcomes.values()} == REASONS
    assert world.untouched
    assert {path for path in world.public.paths if "/chain/" in path} == {f"/chain/{left}" for left in range(4)}
    disarm_everything(monkeypatch)
    urls = [url for url in REDIRECTS if "/to/" not in url or TARGETS[int(url.split("/")[-1])] in REACHABLE]
    assert len(urls) > 60
    assert set(urls) - leaked(fetched(urls, tmp_path / "off", world.network)) == set()


@pytest.mark.parametrize("skipped", ["look", "answers"])
def test_each_of_the_two_checks_suffices(skipped: str, world: World, tmp_path: Path, monkeypatch: Patch) -> None:
    """By its look before anything is asked; by what would be connected to, when it is."""
    urls = ["http://127.0.0.1/", "http://[::1]/", f"http://pub.com/to/302/{TARGETS.index('http://127.0.0.1/')}"]
    if skipped == "look":
        monkeypatch.setattr(PublicNetwork, "check", lambda *_: None)
    else:
        monkeypatch.setattr(PublicNetwork, "destinations", unchecked)
    assert leaked(fetched(urls, tmp_path / "one", world.network)) == set()
    assert world.canary.connections == 0
    monkeypatch.setattr(PublicNetwork, "check", lambda *_: None)
    monkeypatch.setattr(PublicNetwork, "destinations", unchecked)
    assert leaked(fetched(urls, tmp_path / "none", world.network)) == set(urls)


async def unchecked(self: PublicNetwork, host: str, port: int) -> list[tuple[str, int]]:
    return [self._connect_to(ip, port) for ip in await self._addresses(host, port)]


@pytest.mark.parametrize("defended", [True, False])
def test_a_resolver_that_changes_its_mind(defended: bool, world: World, tmp_path: Path, monkeypatch: Patch) -> None:
    """First public, then inside: a connection goes to the very answer that was checked, the next is checked anew."""
    urls = [f"http://rebind.com/{number}" for number in range(8)]
    assert {outcome.status for outcome in fetched(urls, tmp_path / "kept", world.network).values()} == {"fetched"}
    assert world.asked == ["rebind.com"]  # an answer is good for a minute
    world.asked.clear()
    monkeypatch.setattr(network, "ANSWER_LASTS", -1.0)  # and now for one connection
    if not defended:
        monkeypatch.setattr(addresses, "is_global", lambda _: True)
    outcomes = fetched(urls, tmp_path / "anew", world.network)
    assert len(world.asked) > 1
    assert ("address not global" in {outcome.reason for outcome in outcomes.values()}) == defended
    assert world.untouched == defended
    assert bool(leaked(outcomes)) != defended


@pytest.mark.parametrize("defended", [True, False])
def test_robots_txt_leads_nowhere_inside(defended: bool, world: World, tmp_path: Path, monkeypatch: Patch) -> None:
    if not defended:
        monkeypatch.setattr(addresses, "is_global", lambda _: True)
    (outcome,) = fetched(["http://rules.com/x"], tmp_path, world.network).values()
    assert (outcome.reason == "robots.txt unreachable") == defended
    assert world.untouched == defended


@pytest.mark.parametrize("defended", [True, False])
def test_no_socket_for_an_unchecked_address(defended: bool, world: World, tmp_path: Path, monkeypatch: Patch) -> None:
    """A later aiohttp that resolves by itself, and a check of the look that is gone: the socket isn't made."""
    monkeypatch.setattr(PublicNetwork, "check", lambda *_: None)
    monkeypatch.setattr(PinningConnector, "_resolve_host", aiohttp.TCPConnector._resolve_host)
    if not defended:
        monkeypatch.setattr(PinningConnector, "_socket", lambda _, info: socket.socket(*info[:3]))
    literal = f"http://127.0.0.1:{world.canary.port}/"
    outcomes = fetched([literal, "http://pub.com/"], tmp_path, world.network)
    assert outcomes["http://pub.com/"].reason == "address not checked"
    assert (outcomes[literal].reason == "address not checked") == defended
    assert (world.canary.connections == 0) == defended


def test_public_addresses_are_fetched(world: World, tmp_path: Path) -> None:
    urls = ["http://pub.com/", "http://six.com/", "http://93.184.216.34/", "http://[2606:2800:220:1::1]:8080/"]
    outcomes = fetched([*urls, "http://pub.com:6379/", "http://pub.com/away//x"], tmp_path, world.network)
    assert {outcome.sha256 for outcome in outcomes.values()} == {hashlib.sha256(PICTURE).hexdigest()}
    assert world.untouched


def test_backslashes_in_a_redirect_stay_on_the_host(world: World, tmp_path: Path) -> None:
    """A browser reads these as //127.0.0.1/; here they are paths."""
    urls = [f"http://pub.com/away/{path}" for path in ("/\\127.0.0.1/", "\\\\127.0.0.1\\x", "/.\\127.0.0.1")]
    outcomes = fetched(urls, tmp_path, world.network)
    assert {(outcome.status, URL(outcome.final_url).host) for outcome in outcomes.values()} == {("fetched", "pub.com")}
    assert world.untouched


def test_proxies_of_the_environment_are_not_used(world: World, tmp_path: Path, monkeypatch: Patch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{world.canary.port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    outcomes = fetched(["http://pub.com/", "http://127.0.0.1/"], tmp_path, world.network)
    assert [outcomes[url].status for url in sorted(outcomes)] == ["refused", "fetched"]
    assert world.untouched


@pytest.mark.parametrize("defended", [True, False])
def test_only_the_local_service_is_reached(defended: bool, world: World, tmp_path: Path, monkeypatch: Patch) -> None:
    port = world.canary.port
    inside = [f"http://{host}:{port}/" for host in ("127.0.0.1", "127.0.0.2", "localhost", "a.test", "b.test")]
    others = ["http://127.0.0.1/", "http://b.test/", "http://pub.com/", "https://a.test/", f"https://a.test:{port}/"]
    urls = [*inside, *others, *(f"http://a.test/away/{url}" for url in (*inside, *others))]
    given = local_network({"a.test": "127.0.0.1"}, world.public.port)
    if not defended:
        monkeypatch.setattr(type(given), "check", lambda *_: None)
        monkeypatch.setattr(type(given), "destinations", anywhere)
        urls = [url for url in urls if url.endswith(f":{port}/") and "https" not in url]
    outcomes = fetched([*urls, "http://a.test/", f"http://a.test:{world.public.port}/"], tmp_path, given)
    assert leaked(outcomes) == (set() if defended else set(urls))
    assert (world.canary.connections == 0) == defended
    if defended:
        assert {outcomes[url].status for url in urls} == {"refused"}
        assert {outcome.status for url, outcome in outcomes.items() if url not in urls} == {"fetched"}


async def anywhere(self: Any, host: str, port: int) -> list[tuple[str, int]]:
    return [("127.0.0.1", self._port if port == 80 else port)]
