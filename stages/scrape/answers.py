"""Answers -> results: each listed picture is a result or a drop with its reason."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urldefrag, urlsplit

from stages.record import Drop
from stages.scrape.licences import licence_of
from stages.scrape.queries import Query
from stages.scrape.store import Request

# what an answer says of a picture, not of the search: no ids, no times, no addresses of the search service
EXPORTED = (
    "position",
    "title",
    "link",
    "source",
    "original",
    "original_width",
    "original_height",
    "license_details_url",
    "is_product",
)


@dataclass(frozen=True)
class Answer:
    """One page of one query. `images` are the listed pictures as they came, `error` what an empty answer says."""

    entity: str
    label: str
    query: str
    page: int
    request: Request
    images: tuple[Any, ...]
    error: str
    search_id: str  # differs from search to search; thumbnails' addresses hold it

    @classmethod
    def of(cls, query: Query, page: int, request: Request, body: dict[str, Any]) -> Self:
        metadata = body.get("search_metadata")
        return cls(
            entity=query.entity,
            label=query.label,
            query=query.text,
            page=page,
            request=request,
            images=tuple(body.get("images_results") or ()),
            error=_text(body.get("error")),
            search_id=_text(metadata.get("id")) if isinstance(metadata, dict) else "",
        )


@dataclass(frozen=True)
class Result:
    """One listed picture. Sizes are in pixels, 0 where none is said; texts are as the pages gave them: untrusted."""

    entity: str
    label: str
    query: str
    page: int
    position: int
    url: str
    title: str
    link: str
    source: str
    licence_url: str
    width: int
    height: int
    thumbnail: str  # "" where its address is the search's own, which differs each time

    @property
    def id(self) -> str:
        """The row's name: one picture of one entity."""
        return hashlib.sha256(f"{self.entity}\0{self.url}".encode()).hexdigest()[:24]

    @property
    def licence(self) -> str:
        return licence_of(self.licence_url)


def results_of(answers: Iterable[Answer]) -> list[Result | Drop]:
    """One result or drop for each listed picture, in the order of the answers."""
    found: list[Result | Drop] = []
    seen: set[tuple[str, str]] = set()
    for answer in answers:
        for place, item in enumerate(answer.images):
            result = _result(answer, place, item)
            if isinstance(result, Result):
                if (result.entity, result.url) in seen:
                    result = _drop(answer, place, "listed twice for the same entity", result.url)
                else:
                    seen.add((result.entity, result.url))
            found.append(result)
    return found


def export_answers(answers: Sequence[Answer], path: Path) -> None:
    """answers.jsonl: each search once, sorted by its request; equal answers give equal bytes."""
    lines = {
        json.dumps(answer.request, sort_keys=True, ensure_ascii=False): {
            "request": answer.request,
            "error": answer.error,
            "images_results": [_exported(item) for item in answer.images],
        }
        for answer in answers
    }
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
        for _, line in sorted(lines.items()):
            stream.write(json.dumps(line, sort_keys=True, ensure_ascii=False) + "\n")


def _result(answer: Answer, place: int, item: Any) -> Result | Drop:
    if not isinstance(item, dict):
        return _drop(answer, place, "no description of a picture", _text(item))
    original = _text(item.get("original"))
    if not original:
        return _drop(answer, place, "no original", _text(item.get("link")))
    if not _is_web(original):
        return _drop(answer, place, "not http or https", original)
    thumbnail = _text(item.get("thumbnail"))
    return Result(
        entity=answer.entity,
        label=answer.label,
        query=answer.query,
        page=answer.page,
        position=_count(item.get("position")) or place + 1,
        url=urldefrag(original).url,
        title=_text(item.get("title")),
        link=_text(item.get("link")),
        source=_text(item.get("source")),
        licence_url=_text(item.get("license_details_url")),
        width=_count(item.get("original_width")),
        height=_count(item.get("original_height")),
        thumbnail="" if answer.search_id and answer.search_id in thumbnail else thumbnail,
    )


def _drop(answer: Answer, place: int, reason: str, detail: str) -> Drop:
    name = f"{answer.entity}\0{answer.query}\0{answer.page}\0{place}"
    return Drop(hashlib.sha256(name.encode()).hexdigest()[:24], reason, detail)


def _is_web(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:  # brackets that hold no IPv6 address
        return False


def _exported(item: Any) -> Any:
    return {key: item[key] for key in EXPORTED if key in item} if isinstance(item, dict) else None


def _text(value: object) -> str:
    """A field as text, lone surrogates spelt out: they can be written neither to Parquet nor to CSV."""
    return value.strip().encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else ""


def _count(value: object) -> int:
    """A number of pixels or a position; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
