"""Queries -> answers: from the store where they were paid for already, else from the search service."""

from pathlib import Path
from typing import Any

from stages.params import UserError
from stages.scrape.answers import Answer
from stages.scrape.asking import Asker, Endpoint
from stages.scrape.queries import Queries, Query
from stages.scrape.store import Request, Store, digest

__all__ = ["Endpoint", "search"]


def search(queries: Queries, endpoint: Endpoint, store: Path) -> list[Answer]:
    """Every page of every query, in the file's order. Nothing is paid for when it can't all be paid for.

    A query ends at its last page, or at `pages`. A run that was stopped goes on where it stopped.
    """
    kept = Store(store)
    needed = _needed(queries, endpoint, kept)
    asker = None
    if needed:
        asker = Asker(endpoint)
        left = asker.searches_left()
        if needed > left:
            raise UserError(
                f"up to {needed} searches are needed, but the account has {left} left: nothing was searched. "
                "Take queries or pages out, wait for the account's next month, or change its plan."
            )
    answers = []
    asked = 0
    for query in queries.queries:
        for page in range(query.pages or queries.pages):
            request = request_of(queries, query, page, endpoint)
            answer = kept.get(request)
            if answer is None:
                asker = asker or Asker(endpoint)
                answer = asker.search(_sent(request))
                kept.put(request, answer)
                asked += 1
            answers.append(Answer.of(query, page, request, answer))
            if _is_last(answer):
                break
    print(f"{len(answers)} searches, {asked} of them new, {len(answers) - asked} from the store")
    return answers


def request_of(queries: Queries, query: Query, page: int, endpoint: Endpoint) -> Request:
    """What names a search for good: what is asked for, of which endpoint, as of which day. No key."""
    wanted: dict[str, str | int | None] = {
        "q": query.text,
        "ijn": page,
        "safe": queries.safe,
        "licenses": queries.licences,
        "gl": queries.gl,
        "hl": queries.hl,
        "snapshot": queries.snapshot.isoformat(),
        "endpoint": endpoint.kind,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _sent(request: Request) -> dict[str, Any]:
    """The part of a request that goes over the wire."""
    return {name: value for name, value in request.items() if name not in ("snapshot", "endpoint")}


def _needed(queries: Queries, endpoint: Endpoint, kept: Store) -> int:
    """The most searches that are still to be paid for: a query's end is known only once it was searched."""
    missing: set[str] = set()
    for query in queries.queries:
        for page in range(query.pages or queries.pages):
            request = request_of(queries, query, page, endpoint)
            answer = kept.get(request)
            if answer is None:
                missing.add(digest(request))
            elif _is_last(answer):
                break
    return len(missing)


def _is_last(answer: dict[str, Any]) -> bool:
    """An empty page, or one that names no next one. Where it leads is never followed: it could lead the key away."""
    pagination = answer.get("serpapi_pagination")
    return not answer.get("images_results") or (isinstance(pagination, dict) and "next" not in pagination)
