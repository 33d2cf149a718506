"""The hosts of the pictures: robots.txt, the pictures, and every planted fault as it looks on the wire."""

import asyncio
import gzip
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from aiohttp import web

from stages.scrape.service.bodies import Bodies
from stages.scrape.service.catalogue import BARE, BROKEN, CLOSED, GALLERIES, Entry
from stages.scrape.service.conduct import Conduct

TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
INSIDE = ("http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://localhost/")
HUGE = 48_000_000  # bytes
BOMB = 64_000_000  # bytes, once unpacked
BLOCK = 65_536
MISSING_LENGTH = 5_000  # bytes that a lying Content-Length promises and that never come
DRIP_PAUSE = 0.5  # seconds
DRIP = 2  # bytes
MOVED = "/moved"

# one line for everybody, a group for this client, none at all, and an empty one: all allow the galleries' own paths
ROBOTS = (
    "User-agent: *\nDisallow: /private/\n",
    "User-agent: *\nDisallow:\n\nUser-agent: plumbline\nDisallow: /private/\n",
    "# pictures for everybody\nUser-agent: otherbot\nDisallow: /\n\nUser-agent: *\nDisallow: /private\n",
    "\ufeffUSER-AGENT: * # all\r\nDISALLOW: /priv*/\r\n",
)

Handler = Callable[[web.Request, Entry], Awaitable[web.StreamResponse]]


class Pictures:
    """Answers for every host but the search's own. `hits` counts requests by host and path."""

    def __init__(self, entries: list[Entry], bodies: Bodies, conduct: Conduct) -> None:
        self._entries = {entry.path: entry for entry in entries}
        self._bodies = bodies
        self._conduct = conduct
        self._bomb = b""
        self.hits: Counter[str] = Counter()
        self._failed: set[str] = set()  # paths that failed once, and won't again
        self._special: dict[str, Handler] = {
            "404": self._gone,
            "410": self._gone,
            "503 once": self._unavailable_once,
            "reset once": self._reset_once,
            "drip": self._drip,
            "lying length": self._lying_length,
            "redirect": self._redirect,
            "redirect: inside": self._redirect_inside,
            "redirect: loop": self._redirect_loop,
            "gzip bomb": self._gzip_bomb,
            "huge": self._huge,
        }

    def restart(self) -> None:
        """As if just started: counts at zero, and what fails once fails again."""
        self.hits.clear()
        self._failed.clear()

    async def answer(self, request: web.Request, host: str) -> web.StreamResponse:
        """`host`: the logical one, or "" where an IP address was asked for, which leaves it to the path."""
        self.hits[f"{host}{request.path}"] += 1
        if request.path == "/robots.txt":
            return _robots(host)
        path = request.path.removeprefix(MOVED)
        entry = self._entries.get(path)
        if entry is None or (host not in ("", entry.host) and path == request.path):
            raise web.HTTPNotFound
        if path != request.path:
            return await self._good(entry) if entry.fault == "redirect" else await self._redirect_loop(request, entry)
        handler = self._special.get(entry.fault)
        return await self._good(entry) if handler is None else await handler(request, entry)

    async def _good(self, entry: Entry) -> web.Response:
        kind = "text/plain" if entry.fault == "wrong type" else TYPES[entry.format]
        headers = {"X-Robots-Tag": entry.fault.partition(": ")[2]} if entry.fault.startswith("noai: ") else {}
        return web.Response(body=await self._body(entry), content_type=kind, headers=headers)

    async def _body(self, entry: Entry) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(None, self._bodies.of, entry)

    async def _gone(self, request: web.Request, entry: Entry) -> web.Response:
        return web.Response(status=int(entry.fault), text="<h1>It is not here any more</h1>", content_type="text/html")

    async def _unavailable_once(self, request: web.Request, entry: Entry) -> web.Response:
        if entry.path in self._failed:
            return await self._good(entry)
        self._failed.add(entry.path)
        return web.Response(status=503, text="busy")

    async def _reset_once(self, request: web.Request, entry: Entry) -> web.Response:
        if entry.path in self._failed:
            return await self._good(entry)
        self._failed.add(entry.path)
        reset(request)
        return web.Response()

    async def _drip(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        body = await self._body(entry)
        response = web.StreamResponse(headers={"Content-Type": TYPES[entry.format]})
        await response.prepare(request)
        with suppress(ConnectionError):  # the client has had enough, as it should
            for number in range(round(self._conduct.drip_seconds / DRIP_PAUSE)):
                start = number * DRIP % len(body)
                await response.write(body[start : start + DRIP])
                await asyncio.sleep(DRIP_PAUSE)
        return response

    async def _lying_length(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        body = await self._body(entry)
        response = web.StreamResponse(headers={"Content-Type": TYPES[entry.format]})
        response.content_length = len(body) + MISSING_LENGTH
        response.force_close()
        await response.prepare(request)
        await response.write(body)
        if request.transport is not None:
            request.transport.close()
        return response

    async def _redirect(self, request: web.Request, entry: Entry) -> web.Response:
        other = GALLERIES[(GALLERIES.index(entry.host) + 1) % len(GALLERIES)]
        return _found(request, other, f"{MOVED}{entry.path}")

    async def _redirect_loop(self, request: web.Request, entry: Entry) -> web.Response:
        onward = entry.path if request.path.startswith(MOVED) else f"{MOVED}{entry.path}"
        return _found(request, entry.host, onward)

    async def _redirect_inside(self, request: web.Request, entry: Entry) -> web.Response:
        if _asked_by_ip(request):  # by a client without defences, which would go there
            raise web.HTTPFound(INSIDE[0])
        raise web.HTTPFound(INSIDE[sum(entry.path.encode()) % len(INSIDE)])

    async def _gzip_bomb(self, request: web.Request, entry: Entry) -> web.Response:
        self._bomb = self._bomb or gzip.compress(bytes(BOMB), 9, mtime=0)
        return web.Response(body=self._bomb, content_type=TYPES[entry.format], headers={"Content-Encoding": "gzip"})

    async def _huge(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        body = await self._body(entry)
        response = web.StreamResponse(headers={"Content-Type": TYPES[entry.format]})
        await response.prepare(request)
        with suppress(ConnectionError):
            await response.write(body)
            for _ in range(HUGE // BLOCK):
                await response.write(bytes(BLOCK))
        return response


def reset(request: web.Request) -> None:
    """Break the connection with an RST, as a crashed or overloaded server does."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _robots(host: str) -> web.Response:
    if host == BROKEN:
        return web.Response(status=500, text="out of order")
    if host == CLOSED:
        return web.Response(text="User-agent: *\nDisallow: /\n")
    if host == BARE or not host:
        raise web.HTTPNotFound
    return web.Response(text=ROBOTS[GALLERIES.index(host) % len(ROBOTS)])


def _found(request: web.Request, host: str, path: str) -> web.Response:
    """302 within the service; whoever asked for an IP address is sent on to that, as it can't resolve our names."""
    raise web.HTTPFound(f"http://{request.host if _asked_by_ip(request) else host}{path}")


def _asked_by_ip(request: web.Request) -> bool:
    return (urlsplit(f"//{request.host}").hostname or "").startswith("127.")
