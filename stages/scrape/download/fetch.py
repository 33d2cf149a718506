"""One request: its limits in time and size, and what can go wrong with it, named."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

import aiohttp
from multidict import CIMultiDictProxy

from stages.params import UserError
from stages.scrape.download.addresses import Address, RefusedError
from stages.scrape.download.body import Body, BodyError
from stages.scrape.download.network import Network, PinningConnector
from stages.scrape.parameters import Download

PRODUCT = "plumbline"  # the name that hosts, their robots.txt and their headers call us by
CONNECT_WITHIN = 15.0  # seconds
WINDOW = 5.0  # seconds over which a body must keep its minimum rate
TICKS = 5  # looks within a window


class FetchError(Exception):
    """A request that failed; `reason` is one of a few fixed texts. `transient`: another one could succeed."""

    def __init__(self, reason: str, transient: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.transient = transient


@dataclass(frozen=True)
class Answer:
    """Status and headers of one answer, no redirect followed."""

    status: int
    headers: CIMultiDictProxy[str]


@dataclass(eq=False)
class _Flow:
    """A body that is being read: how much had come at the last looks, and the limit that ends it."""

    body: Body
    limit: asyncio.Timeout
    looks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=TICKS + 1))
    slow: bool = False


class Fetcher:
    """Requests over one network, each within the limits of `params`."""

    def __init__(self, params: Download, network: Network, session: aiohttp.ClientSession) -> None:
        self._params = params
        self._network = network
        self._session = session
        self._flows: set[_Flow] = set()

    async def get(self, address: Address, body: Body, seconds: float, wanted: Callable[[Answer], bool]) -> Answer:
        """The answer of `address`, its body read into `body` if it is `wanted`.

        Raises RefusedError or FetchError; `seconds` is the wall time for everything.
        """
        self._network.check(address)
        flow: _Flow | None = None
        try:
            async with asyncio.timeout(seconds) as limit:
                async with self._session.get(address.url, allow_redirects=False) as response:
                    answer = Answer(response.status, response.headers)
                    if wanted(answer):
                        flow = _Flow(body, limit)
                        await self._read(response, flow)
                    return answer
        except BodyError as error:
            raise FetchError(str(error), transient=False) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise _named(error) from error
        except TimeoutError as error:
            reason = "body too slow" if flow is not None and flow.slow else "deadline passed"
            raise FetchError(reason, transient=True) from error

    async def _read(self, response: aiohttp.ClientResponse, flow: _Flow) -> None:
        encoding = ", ".join(response.headers.getall("Content-Encoding", []))
        flow.body.begin(encoding, response.content_length)
        self._flows.add(flow)
        try:
            while not flow.body.full and (chunk := await response.content.readany()):
                flow.body.add(chunk)
            flow.body.end()
        finally:
            self._flows.discard(flow)

    async def watch(self) -> None:
        """End bodies that come slower than `slowest` over a window; one look serves all of them. Runs for ever."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(WINDOW / TICKS)
            now = loop.time()
            for flow in self._flows:
                if now - last > 2 * WINDOW / TICKS:  # we were held up, so that what came meanwhile isn't read yet
                    flow.looks.clear()
                flow.looks.append((now, flow.body.raw))
                since, raw = flow.looks[0]
                too_little = flow.body.raw - raw < self._params.slowest * (now - since)
                if len(flow.looks) > TICKS and too_little and not flow.limit.expired():
                    flow.slow = True
                    flow.limit.reschedule(now)
            last = now


@asynccontextmanager
async def open_session(params: Download, network: Network, keep: bool) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that follows nothing, remembers nothing, takes no proxy, and leaves decoding to `Body`."""
    headers = {
        "User-Agent": user_agent(params.contact),
        "Accept": "image/*,*/*;q=0.8",
        "Accept-Encoding": "identity",  # pictures are packed already
    }
    async with aiohttp.ClientSession(
        connector=PinningConnector(network, keep),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN),
        trust_env=False,
        auto_decompress=False,
    ) as session:
        yield session


def user_agent(contact: str) -> str:
    """Who we are, and where to complain."""
    if not contact.isprintable() or not contact.isascii():
        raise UserError(f"`contact` = {contact!r} can't stand in a header: give an address or a page in plain ASCII.")
    return f"{PRODUCT}/{version('plumbline')}" + (f" (+{contact})" if contact else "")


def _named(error: Exception) -> Exception:
    """What went wrong, in our words: those of the library hold hosts, ports and object addresses."""
    match error:
        case aiohttp.InvalidURL():
            return RefusedError("malformed address")
        case aiohttp.ClientConnectorDNSError():
            return FetchError("host not found", transient=error.os_error.errno == socket.EAI_AGAIN)
        case aiohttp.ClientSSLError():
            return FetchError("TLS fails", transient=False)
        case aiohttp.ClientConnectorError() | aiohttp.ServerTimeoutError():
            return FetchError("no connection", transient=True)
        case aiohttp.ClientResponseError():
            return FetchError("malformed answer", transient=False)
        case _:
            return FetchError("connection broken", transient=True)
