"""Whose turn it is: requests spread over hosts, few at once to one, with the pauses that it asks for."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from stages.scrape.download.addresses import Address, parse_address

MOST_CRAWL_DELAY = 10.0  # seconds between two requests; a host that asks for more gets this


@dataclass
class Item:
    """A URL on its way: where it is being redirected to, which attempt this is, how long that has taken."""

    url: str
    address: Address
    attempt: int = 1
    redirects: int = 0
    spent: float = 0.0


@dataclass
class _Host:
    fresh: deque[str] = field(default_factory=deque)  # URLs not begun: a million of them must not take much room
    begun: deque[Item] = field(default_factory=deque)  # redirected here, or to be tried again
    active: int = 0
    at_once: int = 1  # until its robots.txt is known
    delay: float = 0.0
    not_before: float = 0.0
    known: bool = False
    ready: bool = False  # in the queue of hosts


class Pace:
    """Hands out items: hosts in turn, each within its limits. Every item is given back: `done`, `again` or `later`."""

    def __init__(self, per_host: int) -> None:
        self._per_host = per_host
        self._hosts: dict[str, _Host] = {}
        self._ready: deque[_Host] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._left = 0  # items not done

    def line_up(self, name: str, url: str) -> None:
        """A URL to be fetched from the host called `name`."""
        self._left += 1
        host = self._hosts.setdefault(name, _Host())
        host.fresh.append(url)
        self._offer(host)

    async def next(self) -> Item | None:
        """The next item whose host may be asked now; None when all are done."""
        while self._left:
            if self._ready:
                host = self._ready.popleft()
                host.ready = False
                if self._may_start(host):
                    host.active += 1
                    if host.delay:
                        host.not_before = _now() + host.delay
                    item = host.begun.popleft() if host.begun else _begin(host.fresh.popleft())
                    self._offer(host)
                    return item
                self._offer(host)
                continue
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        return None

    def done(self, item: Item) -> None:
        """The item has ended."""
        self._leave(item.address.host)
        self._left -= 1
        if not self._left:
            while self._waiting:
                self._wake()

    def again(self, item: Item, left: str) -> None:
        """The item goes on, at its present address, before others; `left` is the host that it was given out for."""
        self._leave(left)
        self._put(item)

    def later(self, item: Item, left: str, seconds: float) -> None:
        """The item is tried again after a while; its place is free meanwhile."""
        self._leave(left)
        asyncio.get_running_loop().call_later(seconds, self._put, item)

    def pause(self, name: str, seconds: float) -> None:
        """Nothing more to this host for a while."""
        host = self._hosts[name]
        host.not_before = max(host.not_before, _now() + seconds)

    def set_rules(self, name: str, delay: float) -> bool:
        """The host's robots.txt is known, with its delay; whether the item at hand must wait because of it."""
        host = self._hosts[name]
        first, host.known = not host.known, True
        if not first:
            return False
        host.delay = min(delay, MOST_CRAWL_DELAY)
        host.at_once = 1 if host.delay else self._per_host
        host.not_before = max(host.not_before, _now() + host.delay)
        self._offer(host)
        return host.delay > 0

    def _put(self, item: Item) -> None:
        host = self._hosts.setdefault(item.address.host, _Host())
        host.begun.append(item)
        self._offer(host)

    def _leave(self, name: str) -> None:
        host = self._hosts[name]
        host.active -= 1
        self._offer(host)

    def _may_start(self, host: _Host) -> bool:
        return bool(host.begun or host.fresh) and host.active < host.at_once and host.not_before <= _now()

    def _offer(self, host: _Host) -> None:
        """Queue the host if it has something to start, now or when its pause is over."""
        if host.ready or not (host.begun or host.fresh) or host.active >= host.at_once:
            return
        host.ready = True
        wait = host.not_before - _now()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._queue, host)
        else:
            self._queue(host)

    def _queue(self, host: _Host) -> None:
        self._ready.append(host)
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


def _begin(url: str) -> Item:
    return Item(url, parse_address(url))


def _now() -> float:
    return asyncio.get_running_loop().time()
