"""What may be reached, and where a connection really goes: one place that every connection passes.

A host is resolved once for a connection, each of its addresses is checked, and the connector gets these
addresses and no name, so there is no second answer that could differ from the checked one.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from stages.scrape.download import addresses
from stages.scrape.download.addresses import Address, RefusedError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Destination = tuple[str, int]  # IP address and port that a socket is connected to

ANSWER_LASTS = 60.0  # seconds
MOST_ANSWERS = 10_000


class Network(Protocol):
    """Which addresses may be fetched, and where they are."""

    def check(self, address: Address) -> None:
        """RefusedError when the address is out of bounds by its mere look; asks nobody."""

    async def destinations(self, host: str, port: int) -> list[Destination]:
        """Where `host` is: checked, never empty. RefusedError, or OSError when the host isn't found."""


class PublicNetwork:
    """The internet at large, and nothing of this machine or its networks."""

    def __init__(self, resolve: Resolve, connect_to: Callable[[str, int], Destination]) -> None:
        self._resolve = resolve
        self._connect_to = connect_to
        self._answers: dict[str, tuple[float, list[str]]] = {}

    def check(self, address: Address) -> None:
        if not addresses.is_web_port(address.port):
            raise RefusedError("port not allowed")
        if addresses.literal(address.host) is None and not addresses.is_public_name(address.host):
            raise RefusedError("host is no public name")
        if addresses.literal(address.host) is not None and not addresses.is_global(address.host):
            raise RefusedError("address not global")

    async def destinations(self, host: str, port: int) -> list[Destination]:
        found = await self._addresses(host, port)
        # one bad address spoils the host: honest names don't point in here, and the others may be bait
        if not all(addresses.is_global(ip) for ip in found):
            raise RefusedError("address not global")
        return [self._connect_to(ip, port) for ip in found]

    async def _addresses(self, host: str, port: int) -> list[str]:
        """All of the host's IP addresses, unchecked; asked for once a minute at most."""
        if addresses.literal(host) is not None:
            return [host]
        until, found = self._answers.get(host, (0.0, []))
        if until <= time.monotonic():
            found = list(await self._resolve(host, port))
            if not found:
                raise OSError(f"{host} has no address")
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            self._answers[host] = (time.monotonic() + ANSWER_LASTS, found)
        return found


class LocalNetwork:
    """One service on loopback: its hosts, its port, and nothing else, neither here nor out there."""

    def __init__(self, hosts: Mapping[str, str], port: int) -> None:
        strangers = [ip for ip in hosts.values() if not ip.startswith("127.")]
        if strangers:
            raise ValueError(f"a local service lives in 127.0.0.0/8, not at {strangers[0]}")
        self._hosts = {host.lower(): ip for host, ip in hosts.items()}
        self._port = port

    def check(self, address: Address) -> None:
        # port 80 stands for the service's own: its addresses are logical, so that no port gets into an out
        if address.url.scheme != "http" or address.port not in (80, self._port):
            raise RefusedError("port not allowed")
        if address.host not in self._hosts:
            raise RefusedError("host not of the local service")

    async def destinations(self, host: str, port: int) -> list[Destination]:
        if host not in self._hosts:
            raise RefusedError("host not of the local service")
        return [(self._hosts[host], self._port)]


def public_network() -> PublicNetwork:
    """The internet, through this machine's resolver."""
    return PublicNetwork(system_resolve, lambda ip, port: (ip, port))


def local_network(hosts: Mapping[str, str], port: int) -> LocalNetwork:
    """The service on `port`, with its logical hosts at IP addresses of 127.0.0.0/8."""
    return LocalNetwork(hosts, port)


async def system_resolve(host: str, port: int) -> list[str]:
    """Every address of `host`, IPv4 first (more pictures' hosts answer there); OSError when there is none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0])))


class PinningConnector(aiohttp.TCPConnector):
    """Connects to what the network gave out, and to nothing else."""

    def __init__(self, network: Network, keep: bool) -> None:
        """`keep`: whether connections are kept open for the next request to the same host."""
        super().__init__(
            resolver=_NoResolver(),
            use_dns_cache=False,
            limit=0,  # the crawl counts by itself
            force_close=not keep,
            happy_eyeballs_delay=None,
            socket_factory=self._socket,
        )
        self._network = network
        self._given_out: set[Destination] = set()

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> list[ResolveResult]:
        # aiohttp would take an IP address in a URL for resolved; here everything goes through the network.
        # Should a later aiohttp not ask here any more, _NoResolver and _socket refuse what wasn't given out.
        found = await self._network.destinations(host.rstrip(".").lower(), port)
        self._given_out.update(found)
        return [
            ResolveResult(hostname=host, host=ip, port=to, family=_family(ip), proto=0, flags=socket.AI_NUMERICHOST)
            for ip, to in found
        ]

    def _socket(self, info: Any) -> socket.socket:
        """The last gate: a socket is made for a destination that passed the checks only."""
        family, kind, protocol, _, where = info
        if tuple(where[:2]) not in self._given_out:
            raise RefusedError("address not checked")
        return socket.socket(family, kind, protocol)


class _NoResolver(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        raise RefusedError("address not checked")

    async def close(self) -> None:
        pass


def _family(ip: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET
