"""What a host asks of robots: robots.txt (RFC 9309) and the X-Robots-Tag header."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from protego import Protego

from stages.scrape.download.addresses import Address, RefusedError, redirected
from stages.scrape.download.body import Body
from stages.scrape.download.fetch import PRODUCT, Answer, Fetcher, FetchError
from stages.scrape.download.retry import MOST_RETRY_AFTER, backoff, may_help, retry_after
from stages.scrape.parameters import Download

MOST_ROBOTS_BYTES = 512_000  # RFC 9309, 2.5: at least 500 KiB are read; what comes after is ignored
FEWEST_REDIRECTS = 5  # the same, 2.3.1.2
NOBODY = ("host not found", "no connection", "TLS fails")  # failures that say nothing about robots
OPT_OUTS = ("noai", "noimageai", "noml")
# directives with a value after a colon: what stands before that colon is no robot's name
_VALUED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
# a date has a comma and colons of its own, which would look like the next directive and its robot
_DATE = re.compile(r"unavailable_after:\s*(?:[a-z]+,\s*)?[^,]*")


@dataclass(frozen=True)
class Rules:
    """What one robots.txt says to us. `refusal` is a reason that goes for the whole host."""

    text: Protego | None = None
    refusal: str = ""

    def refuses(self, address: Address) -> str:
        """The reason not to fetch the address, "" when there is none."""
        if self.refusal:
            return self.refusal
        if self.text is not None and not self.text.can_fetch(str(address.url), PRODUCT):
            return "robots.txt forbids it"
        return ""

    @property
    def delay(self) -> float:
        """Seconds between two requests, as asked for; 0 when nothing is."""
        return float(self.text.crawl_delay(PRODUCT) or 0) if self.text is not None else 0.0


NO_RULES = Rules()
UNREACHABLE = Rules(refusal="robots.txt unreachable")


class Robots:
    """The rules of each origin, read once, when first asked for."""

    def __init__(self, params: Download, fetcher: Fetcher, folder: Path) -> None:
        self._params = params
        self._fetcher = fetcher
        self._folder = folder
        self._known: dict[str, asyncio.Task[Rules]] = {}

    async def rules(self, address: Address) -> Rules:
        """The rules for an address.

        RefusedError when its host is out of bounds, FetchError when nobody answers there. Several may wait
        for the same answer, and one that stops waiting doesn't stop the others.
        """
        if address.origin not in self._known:
            self._known[address.origin] = asyncio.create_task(self._read(address))
        return await asyncio.shield(self._known[address.origin])

    async def _read(self, address: Address) -> Rules:
        """2xx: its rules; 4xx: none; 5xx, 429 or no answer: everything is forbidden until the next run."""
        start = Address(address.url.origin() / "robots.txt", address.host, address.port)
        for attempt in range(1, self._params.attempts + 1):
            wait = backoff(attempt)
            try:
                answer, body = await self._follow(start)
            except FetchError as error:
                last = attempt == self._params.attempts or not error.transient
                if last and error.reason in NOBODY:
                    raise
                if last:
                    return UNREACHABLE
            else:
                if 200 <= answer.status < 300:
                    return Rules(Protego.parse(body.text()))
                if not may_help(answer.status):
                    return NO_RULES
                wait = max(wait, retry_after(answer.headers.get("Retry-After")))
            if attempt == self._params.attempts or wait > MOST_RETRY_AFTER:
                break
            await asyncio.sleep(wait)
        return UNREACHABLE

    async def _follow(self, start: Address) -> tuple[Answer, Body]:
        """The answer after redirects, over hosts too; where they lead out of bounds, it counts as an error."""
        address = start
        for _ in range(max(FEWEST_REDIRECTS, self._params.most_redirects) + 1):
            body = Body(MOST_ROBOTS_BYTES, self._folder, cut=True)
            try:
                answer = await self._fetcher.get(address, body, self._params.deadline, _is_success)
                location = answer.headers.get("Location")
                if not 300 <= answer.status < 400 or location is None:
                    return answer, body
                address = redirected(address, location)
            except RefusedError as error:
                if address is start:
                    raise
                raise FetchError("redirect refused", transient=False) from error
        raise FetchError("too many redirects", transient=False)

    async def close(self) -> None:
        for task in self._known.values():
            task.cancel()
        await asyncio.gather(*self._known.values(), return_exceptions=True)


def _is_success(answer: Answer) -> bool:
    return answer.status == 200


def opt_out(headers: Iterable[str]) -> str:
    """The opt-out in the X-Robots-Tag headers of an answer ("noai", ...), "" when there is none.

    A header may name a robot first ("plumbline: noai, noml"): the directives after it are for that one, until
    the next name. Those for another robot are not for us.
    """
    for header in headers:
        ours = True
        for part in _DATE.sub("", header.lower()).split(","):
            name, colon, value = part.partition(":")
            if colon and name.strip() not in _VALUED:
                ours = name.strip() in (PRODUCT, "*")
                part = value
            if ours and part.strip() in OPT_OUTS:
                return part.strip()
    return ""
