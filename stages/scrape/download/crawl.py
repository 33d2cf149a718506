"""The crawl: every URL to its terminal row, some at once, each attempt judged by what may help."""

import asyncio
import resource
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from stages.params import UserError
from stages.scrape.download.addresses import RefusedError, parse_address, redirected
from stages.scrape.download.body import Body
from stages.scrape.download.fetch import Answer, Fetcher, FetchError, open_session, user_agent
from stages.scrape.download.journal import Journal, Outcome, Status
from stages.scrape.download.network import Network
from stages.scrape.download.pace import Item, Pace
from stages.scrape.download.retry import MOST_RETRY_AFTER, backoff, may_help, retry_after
from stages.scrape.download.robots import UNREACHABLE, Robots, opt_out
from stages.scrape.download.writer import Writer
from stages.scrape.parameters import Download

FILES_BESIDES = 100  # open files that are no connections
BATCHES = 4  # that the requests in flight are committed in: while one is synced, the others go on
LOOK_UPS = 32  # names looked up at once: the system's resolver blocks a thread for each
REFUSALS = (401, 403, 451)
GONE = (404, 410)
REDIRECTS = (301, 302, 303, 307, 308)


def fetch_all(urls: Sequence[str], params: Download, scratch: Path, network: Network) -> Journal:
    """Fetch each of `urls` once; returns the journal in `scratch`, open and locked (close it, or use `with`).

    What an earlier run has ended is not fetched again, but for failures that may have passed. Ctrl+C and
    SIGTERM end the crawl with everything committed that was fetched, as KeyboardInterrupt and SystemExit.
    """
    from tqdm import tqdm

    user_agent(params.contact)
    _require_files(params)
    journal = Journal(scratch)
    try:
        left = journal.begin(urls)
        known = len(set(urls)) - len(left)
        with tqdm(total=known + len(left), initial=known, desc="download", unit="URL") as bar:
            if left:
                _run(_Crawl(params, network, journal, bar.update), left)
        journal.finish()
    except BaseException:
        journal.close()
        raise
    return journal


def _require_files(params: Download) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 2 * params.concurrency + FILES_BESIDES > most:  # a connection and a file each
        raise UserError(
            f"`concurrency` = {params.concurrency} needs {2 * params.concurrency + FILES_BESIDES} open files, "
            f"but this process may have {most}: lower it, or raise `ulimit -n`."
        )


def _run(crawl: "_Crawl", left: list[str]) -> None:
    """Run the crawl to its end, or to a signal; what was fetched by then is committed."""
    with _terminated() as told:
        try:
            asyncio.run(_until_told(crawl, left, told))
        except asyncio.CancelledError:
            raise SystemExit(128 + signal.SIGTERM) from None


@contextmanager
def _terminated() -> Iterator[list[Callable[[], object]]]:
    """While this holds, SIGTERM calls what is in the list instead of ending the process."""
    told: list[Callable[[], object]] = []
    if threading.current_thread() is not threading.main_thread():  # signals are none of our business there
        yield told
        return
    before = signal.signal(signal.SIGTERM, lambda *_: [call() for call in told])
    try:
        yield told
    finally:
        signal.signal(signal.SIGTERM, before)


async def _until_told(crawl: "_Crawl", left: list[str], told: list[Callable[[], object]]) -> None:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    told.append(lambda: loop.call_soon_threadsafe(task.cancel))
    try:
        await crawl.run(left)
    finally:
        told.clear()


class _Crawl:
    """One crawl: its workers share the turns (`Pace`), the rules (`Robots`), the session and the writer."""

    def __init__(
        self, params: Download, network: Network, journal: Journal, committed: Callable[[int], object]
    ) -> None:
        self._params = params
        self._network = network
        self._journal = journal
        self._committed = committed
        self._pace = Pace(params.per_host)

    async def run(self, left: list[str]) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="resolver"))
        hosts = self._line_up(left)
        # with more hosts than connections can stay open, keeping them would only cost files
        keep = hosts * self._params.per_host <= resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
        async with open_session(self._params, self._network, keep) as session:
            self._fetcher = Fetcher(self._params, self._network, session)
            self._robots = Robots(self._params, self._fetcher, self._journal.scratch)
            self._writer = Writer(self._journal, max(1, self._params.concurrency // BATCHES), self._committed)
            watch = asyncio.create_task(self._fetcher.watch())
            workers = [asyncio.create_task(self._work()) for _ in range(min(self._params.concurrency, len(left)))]
            work = asyncio.gather(*workers)
            try:
                await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
                await (watch if watch.done() else work)  # the watch ends by an error only
            finally:
                for task in (*workers, watch):
                    task.cancel()
                await asyncio.gather(*workers, watch, return_exceptions=True)
                await self._robots.close()
                await self._writer.close()

    def _line_up(self, left: list[str]) -> int:
        """Give every URL to its host's queue, the unusable ones to the journal; returns the count of hosts."""
        hosts, refused = set(), []
        for url in left:
            try:
                host = parse_address(url).host
            except RefusedError as error:
                refused.append((Outcome(url, "refused", str(error)), None))
            else:
                hosts.add(host)
                self._pace.line_up(host, url)
        self._journal.commit(refused)
        self._committed(len(refused))
        return len(hosts)

    async def _work(self) -> None:
        while (item := await self._pace.next()) is not None:
            body = Body(self._params.most_bytes, self._journal.scratch)
            kept = False
            try:
                outcome = await self._attempt(item, body)
                if outcome is not None:
                    kept = outcome.status == "fetched"
                    await self._writer.store(outcome, body if kept else None)
            finally:
                if not kept:
                    body.discard()

    async def _attempt(self, item: Item, body: Body) -> Outcome | None:
        """One turn of an item: how it ended, or None when it goes on (a redirect, another attempt)."""
        host = item.address.host
        started = asyncio.get_running_loop().time()
        try:
            self._network.check(item.address)
            try:
                rules = await self._robots.rules(item.address)
            except FetchError as error:
                return self._ended(item, "failed", error.reason, transient=error.transient)
            if self._pace.set_rules(host, rules.delay):
                self._pace.again(item, host)
                return None
            if reason := rules.refuses(item.address):
                return self._ended(item, "refused", reason, transient=rules is UNREACHABLE)
            started = asyncio.get_running_loop().time()
            seconds = self._params.deadline - item.spent
            answer = await self._fetcher.get(item.address, body, seconds, _is_wanted)
            item.spent += asyncio.get_running_loop().time() - started
            return self._judge(item, answer)
        except RefusedError as error:
            return self._ended(item, "refused", str(error))
        except FetchError as error:
            return self._failed(item, error.reason, error.transient)

    def _judge(self, item: Item, answer: Answer) -> Outcome | None:
        if answer.status < 400 and (word := opt_out(answer.headers.getall("X-Robots-Tag", []))):
            return self._ended(item, "refused", f"X-Robots-Tag: {word}", answer)
        if answer.status == 200:
            return self._ended(item, "fetched", "", answer)
        if answer.status in REDIRECTS and (location := answer.headers.get("Location")):
            return self._redirect(item, answer, location)
        reason = f"HTTP {answer.status}"
        if answer.status in REFUSALS:
            return self._ended(item, "refused", reason, answer)
        if answer.status in GONE:
            return self._ended(item, "gone", reason, answer)
        wait = retry_after(answer.headers.get("Retry-After"))
        return self._failed(item, reason, may_help(answer.status), answer, wait)

    def _redirect(self, item: Item, answer: Answer, location: str) -> Outcome | None:
        """Go on at the new address, in its host's queue: it is asked as politely as any other, and checked anew."""
        if item.redirects >= self._params.most_redirects:
            return self._ended(item, "failed", "too many redirects", answer)
        left = item.address.host
        item.address = redirected(item.address, location)
        item.redirects += 1
        self._pace.again(item, left)
        return None

    def _failed(
        self, item: Item, reason: str, transient: bool, answer: Answer | None = None, wait: float = 0
    ) -> Outcome | None:
        """Try again from the start where that may help, else end."""
        if not transient or item.attempt >= self._params.attempts or wait > MOST_RETRY_AFTER:
            return self._ended(item, "failed", reason, answer, transient)
        left = item.address.host
        if wait:
            self._pace.pause(left, wait)
        again = Item(item.url, parse_address(item.url), item.attempt + 1)
        self._pace.later(again, left, max(wait, backoff(item.attempt)))
        return None

    def _ended(
        self, item: Item, status: Status, reason: str, answer: Answer | None = None, transient: bool = False
    ) -> Outcome:
        self._pace.done(item)
        return Outcome(
            url=item.url,
            status=status,
            reason=reason,
            http_status=answer.status if answer is not None else 0,
            final_url=str(item.address.url),
            content_type=_plain(answer.headers.get("Content-Type", "")) if answer is not None else "",
            transient=transient,
        )


def _is_wanted(answer: Answer) -> bool:
    return answer.status == 200 and not opt_out(answer.headers.getall("X-Robots-Tag", []))


def _plain(text: str) -> str:
    """A header as text that can be stored anywhere: short, one line, no half characters."""
    text = "".join(character for character in text[:100] if character.isprintable())
    with suppress(UnicodeEncodeError):
        text.encode()
        return text
    return text.encode("ascii", "backslashreplace").decode()
