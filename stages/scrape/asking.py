"""One call of the search API at a time: retried where that helps, its failures as values.

The key is a parameter of the address, so every exception, traceback and log line below this module can hold
it. None leaves: failures are turned into redacted texts here, outside of any `except`, so that nothing
hangs on to the exception that they came from.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from stages.params import UserError
from stages.scrape.redaction import Redaction

ENGINE = "google_images"
TIMEOUT = 90.0  # seconds; SerpApi itself gives up on a search after about a minute
ATTEMPTS = 4
BACK_OFF = 2.0  # seconds before the second attempt, doubled for each further one
REDIRECTS = 0  # an address with the key in it goes to the service, and nowhere that an answer names
POLLS = 30  # times that an unfinished search is asked for again
POLL_PAUSE = 2.0  # seconds
MANAGE = "https://serpapi.com/manage-api-key"
WAITING = ("Queued", "Processing")


@dataclass(frozen=True)
class Endpoint:
    """Where to search. `base` None is the real service; the key is shown by no repr."""

    base: str | None
    key: str | None = field(repr=False)

    @property
    def kind(self) -> str:
        """What tells its answers from another endpoint's, without host and port."""
        return "serpapi" if self.base is None else f"local{urlsplit(self.base).path}"


@dataclass(frozen=True)
class Reply:
    """What came back: `status` 200 and a body, or another status (0: no HTTP answer) and what was wrong, redacted."""

    status: int
    body: dict[str, Any]
    trouble: str = ""

    @property
    def passing(self) -> bool:
        """Whether another attempt may end better; after a timeout it is free, as answers are cached for an hour."""
        return self.status in (0, 500, 502, 503, 504)


class Asker:
    """Calls one endpoint through SerpApi's own client."""

    def __init__(self, endpoint: Endpoint) -> None:
        import serpapi  # type: ignore[import-untyped]

        if not endpoint.key:
            raise UserError(f"no key for the search service: get one at {MANAGE}.")
        self.redaction = Redaction(endpoint.key)
        self._client = serpapi.Client(api_key=endpoint.key, timeout=TIMEOUT)
        self._client.session.max_redirects = REDIRECTS
        if endpoint.base is not None:
            self._client.BASE_DOMAIN = endpoint.base
            self._client.session.trust_env = False  # a proxy could not reach this machine's loopback

    def search(self, request: dict[str, Any]) -> dict[str, Any]:
        """A finished answer to `request`, redacted; UserError when there is none to be had."""
        reply = self._retried(lambda: self._client.search({**request, "engine": ENGINE}))
        for _ in range(POLLS):
            metadata = _metadata(reply)
            if reply.status != 200 or metadata.get("status") not in WAITING:
                break
            time.sleep(POLL_PAUSE)
            reply = self._retried(partial(self._archived, _search_id(metadata)))
        if reply.status != 200:
            raise self._failed(reply)
        status, said = _metadata(reply).get("status"), reply.body.get("error", "")
        if status != "Success":
            raise UserError(f"the search service could not answer `{request['q']}`: status {status!r}, {said or '-'}.")
        if not isinstance(reply.body.get("images_results", []), list):
            raise UserError(f"the search service's answer to `{request['q']}` has no list of pictures in it.")
        return reply.body

    def searches_left(self) -> int:
        """How many searches the account still has; asking is free."""
        reply = self._account()
        if reply.status != 200:
            raise self._failed(reply)
        left = reply.body.get("total_searches_left")
        if not isinstance(left, int):
            raise UserError("the search service's account page does not say how many searches are left.")
        return left

    def _archived(self, name: str) -> Any:
        return self._client.search_archive({"search_id": name})

    def _account(self) -> Reply:
        return self._retried(lambda: self._client.account({}))

    def _retried(self, call: Callable[[], Any]) -> Reply:
        reply = self._once(call)
        for attempt in range(1, ATTEMPTS):
            if not reply.passing:
                break
            time.sleep(BACK_OFF * 2 ** (attempt - 1))
            reply = self._once(call)
        return reply

    def _once(self, call: Callable[[], Any]) -> Reply:
        """One call. What the client raises ends here: not even as another exception's context may it go on."""
        with self.redaction.logs():
            try:
                answer = call()
                if isinstance(answer, Mapping):
                    return Reply(200, self.redaction.json(dict(answer)))
                status, trouble = 0, "no JSON object, but a web page or the like"
            except Exception as error:  # whatever it is, its text or its traceback may hold the address
                status = max(getattr(error, "status_code", 0) or 0, 0)
                said = getattr(error, "error", None) or error
                trouble = self.redaction.text(f"{type(error).__name__}: {said}")
        return Reply(status, {}, trouble)

    def _failed(self, reply: Reply) -> UserError:
        if reply.status == 429:
            return self._exhausted()
        if reply.status in (401, 403):
            return UserError(
                f"the search service refused the key ({reply.status}): check SERPAPI_API_KEY against {MANAGE}."
            )
        if reply.passing:
            return UserError(
                f"the search service did not answer, {ATTEMPTS} times in a row ({reply.trouble}). "
                "What was searched so far is kept: run the same command again later."
            )
        return UserError(f"the search service refused the request ({reply.status}): {reply.trouble}.")

    def _exhausted(self) -> UserError:
        """429 means one of two things; the account tells which."""
        account = self._account().body
        left, hourly = account.get("total_searches_left"), account.get("account_rate_limit_per_hour", "?")
        if isinstance(left, int) and left <= 0:
            return UserError(
                "the account has no searches left (429): wait for its next month or change the plan at "
                "https://serpapi.com/change-plan. What was searched so far is kept and never paid again."
            )
        return UserError(
            f"the account's hourly limit is reached (429; {hourly} an hour, {left} searches left in all): "
            "run the same command again in an hour. What was searched so far is kept and never paid again."
        )


def _metadata(reply: Reply) -> dict[str, Any]:
    metadata = reply.body.get("search_metadata")
    return metadata if isinstance(metadata, dict) else {}


def _search_id(metadata: dict[str, Any]) -> str:
    """The id of an unfinished search. It becomes part of an address, so it must look like one."""
    name = str(metadata.get("id", ""))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", name):
        raise UserError(f"the search service named an unfinished search {name!r}, which is no id.")
    return name
