"""A web server on loopback for the download tests: it says exactly the bytes that a test wants said."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from stages.scrape.download import Network, Outcome, fetch_all
from stages.scrape.parameters import Download

PICTURE = b"\xff\xd8 as good as a picture \xff\xd9"


@dataclass(frozen=True)
class Request:
    path: str
    host: str
    headers: dict[str, str]
    time: int  # how often this path was asked for on this host, this time included


# what an answer may be: bytes as they go out, None for a reset, or pieces that come one after the other
Answer = bytes | None | AsyncIterator[bytes]


def reply(body: bytes = PICTURE, status: int = 200, headers: Sequence[str] = (), length: int | None = None) -> bytes:
    """A whole answer; `length` is what it says about its length, -1 for nothing (then the end is the connection's)."""
    lines = [f"HTTP/1.1 {status} So", *headers]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(to: str, status: int = 302) -> bytes:
    return reply(b"", status, [f"Location: {to}"])


@dataclass
class Server:
    """Serves `answer(request)` on 127.0.0.1 in a thread; robots.txt is missing unless `answer` wants to say."""

    answer: Callable[[Request], Answer]
    robots: bool = False  # whether robots.txt is `answer`'s too
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    sent: int = 0
    port: int = 0

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    @property
    def paths(self) -> list[str]:
        """Paths in the order in which they were asked for, robots.txt left out."""
        return [request.path for request in self.requests if request.path != "/robots.txt"]

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._end.wait()
        server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                first = await reader.readexactly(1)
                if first == b"\x16":  # TLS
                    return
                head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    whole = await self._say(self._request(head), writer)
                finally:
                    self.at_once -= 1
                if not whole:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _request(self, head: list[str]) -> Request:
        headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in head[1:] if line)}
        path, host = head[0].split(" ")[1], headers["host"]
        time = 1 + sum(known.path == path and known.host == host for known in self.requests)
        request = Request(path, host, headers, time)
        self.requests.append(request)
        return request

    async def _say(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection can go on."""
        if request.path == "/robots.txt" and not self.robots:
            answer: Answer = reply(b"", 404)
        else:
            answer = self.answer(request)
        if answer is None:
            writer.transport.abort()
            return False
        if isinstance(answer, bytes):
            writer.write(answer)
            await writer.drain()
            length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or -1)
            return length == len(answer.partition(b"\r\n\r\n")[2])
        async for piece in answer:
            writer.write(piece)
            self.sent += len(piece)
            await writer.drain()
        return False


def fetched(urls: Sequence[str], scratch: Path, network: Network, **params: object) -> dict[str, Outcome]:
    """Outcome by URL of one run."""
    given = Download.model_validate({"slowest": 0, "deadline": 20, **params})
    with fetch_all(urls, given, scratch, network) as journal:
        return {outcome.url: outcome for outcome in journal.rows()}


def verdicts(urls: Sequence[str], scratch: Path, network: Network, **params: object) -> list[tuple[str, str]]:
    """(status, reason) of each URL of one run, in the order of `urls`."""
    outcomes = fetched(urls, scratch, network, **params)
    return [(outcomes[url].status, outcomes[url].reason) for url in urls]
