"""The way from finished attempts to the journal: in batches, in a thread, and nobody goes on before it is committed."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from stages.scrape.download.body import Body
from stages.scrape.download.journal import Journal, Outcome


class Writer:
    """Commits what has ended. While one batch is synced the next one gathers, so syncs are few when much comes."""

    def __init__(self, journal: Journal, at_once: int, committed: Callable[[int], object]) -> None:
        """`at_once`: rows in a batch at most; `committed` is told how many each had."""
        self._journal = journal
        self._at_once = at_once
        self._committed = committed
        self._queue: list[tuple[Outcome, Body | None, asyncio.Future[None]]] = []
        self._some = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run())

    async def store(self, outcome: Outcome, body: Body | None) -> None:
        """Returns when the row is committed: until then its URL counts as in flight."""
        done = asyncio.get_running_loop().create_future()
        self._queue.append((outcome, body, done))
        self._some.set()
        await done

    async def close(self) -> None:
        """Commit what is still queued."""
        self._closing = True
        self._some.set()
        await self._task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="journal") as thread:
            while not (self._closing and not self._queue):
                if not self._queue:
                    self._some.clear()
                    await self._some.wait()
                batch, self._queue = self._queue[: self._at_once], self._queue[self._at_once :]
                ended = [(outcome, body) for outcome, body, _ in batch]
                try:
                    await loop.run_in_executor(thread, self._journal.commit, ended)
                except Exception as error:  # a full disk, say: whoever stored it gets to know
                    _settle(batch, error)
                else:
                    _settle(batch, None)
                    self._committed(len(batch))


def _settle(batch: list[tuple[Outcome, Body | None, asyncio.Future[None]]], error: Exception | None) -> None:
    for _, _, done in batch:
        if done.done():  # its worker was cancelled
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
