"""The search service's key: in the environment and in the requests to the service, and nowhere else.

Each defence is shown twice: with it the key is nowhere, without it the key really is there.
"""

import base64
import html
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import requests
import serpapi
from hypothesis import given
from hypothesis import strategies as st

from stages.params import UserError
from stages.scrape import asking, redaction
from stages.scrape.answers import export_answers, results_of
from stages.scrape.parameters import Catalogue
from stages.scrape.queries import Queries
from stages.scrape.redaction import REDACTED, Redaction
from stages.scrape.search import Endpoint, search
from stages.scrape.service import Conduct, Running, queries_of, running

CATALOGUE = Catalogue(seed=5, species=2, views=8, faults=0, image_size=64)
KEY = 'c4nary+key/7f3a9d=&x 5% "q"'  # every encoding of it differs from it
FORMS = {
    KEY,
    quote(KEY, safe=""),
    quote_plus(KEY),
    json.dumps(KEY)[1:-1],
    KEY.encode().hex(),
    base64.b64encode(KEY.encode()).decode(),
    base64.b64encode(f"ab{KEY}".encode()).decode()[4:-4],
    base64.urlsafe_b64encode(f"u:{KEY}".encode()).decode()[4:-4],
}
QUERIES = Queries.model_validate(
    {"snapshot": "2026-11-21", "pages": 2, "queries": [query.model_dump() for query in queries_of(CATALOGUE)]}
)
Reset = Callable[..., Endpoint]


def holds_key(text: str) -> bool:
    return any(form in text for form in FORMS)


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running(CATALOGUE) as started:
        yield started


@pytest.fixture
def reset(service: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Reset:
    monkeypatch.setattr(asking, "BACK_OFF", 0.001)
    caplog.set_level(logging.DEBUG)

    def start(script: list[str]) -> Endpoint:
        told = Conduct(key=KEY, script=tuple(script)).model_dump(mode="json")
        logging.disable(logging.CRITICAL)
        requests.post(f"http://127.0.0.1:{service.port}/_reset", json=told, timeout=10).raise_for_status()
        logging.disable(logging.NOTSET)
        caplog.clear()
        return Endpoint(service.search_base, KEY)

    return start


@pytest.fixture
def no_redaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction.Redaction, "text", lambda self, text: text)


def told(error: BaseException) -> str:
    """Everything that a traceback could show: its text, its causes, and the variables of each frame."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(shown.format()) + "".join(traceback.format_exception(error)) + repr(error)


FAILURES = (
    ["400"],
    ["401"],
    ["429"],
    ["500"] * 4,
    ["html"] * 4,
    ["list"] * 4,
    ["redirect"] * 4,
    ["reset"] * 4,
    ["error"],
)


@pytest.mark.parametrize("script", FAILURES, ids=lambda script: script[0])
def test_no_failure_tells_the_key(
    reset: Reset, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], script: list[str]
) -> None:
    endpoint = reset(script)
    with pytest.raises(UserError) as raised:
        search(QUERIES, endpoint, tmp_path)
    error = raised.value
    assert error.__cause__ is error.__context__ is None
    assert not holds_key(told(error))
    assert "account.json?api_key=[key]" in caplog.text
    assert not holds_key(caplog.text)
    assert not holds_key("".join(capfd.readouterr()))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_redaction")
@pytest.mark.parametrize("script", [["400"], ["500"] * 4], ids=lambda script: script[0])
def test_without_redaction_a_failure_would(
    reset: Reset, tmp_path: Path, caplog: pytest.LogCaptureFixture, script: list[str]
) -> None:
    endpoint = reset(script)
    with pytest.raises(UserError) as raised:
        search(QUERIES, endpoint, tmp_path)
    assert holds_key(told(raised.value))
    assert holds_key(caplog.text)


@pytest.mark.parametrize("script", [["500"], ["reset"]], ids=lambda script: script[0])
def test_the_client_alone_would(reset: Reset, service: Running, script: list[str]) -> None:
    """Which is why its exceptions end where they are caught, and none is raised on top of one."""
    endpoint = reset(script)
    client = serpapi.Client(api_key=endpoint.key, timeout=10)
    client.BASE_DOMAIN = service.search_base
    asked = {"engine": "google_images", "q": "x"}
    with pytest.raises(requests.RequestException) as raised:
        client.search(dict(asked))
    assert holds_key(told(raised.value))
    client.search(asked)
    assert asked["api_key"] == KEY  # the caller's own dict


def test_a_service_that_is_not_there(reset: Reset, tmp_path: Path) -> None:
    reset([])
    with pytest.raises(UserError, match=r"did not answer, 4 times in a row .HTTPConnectionError") as raised:
        search(QUERIES, Endpoint("http://127.0.0.1:1", KEY), tmp_path)
    assert not holds_key(told(raised.value))


def _searched(endpoint: Endpoint, folder: Path) -> str:
    """All that a search leaves behind: the store, the export, and what results and answers say of themselves."""
    found = search(QUERIES, endpoint, folder / "store")
    export_answers(found, folder / "answers.jsonl")
    left = [path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()]
    assert len(left) > 2
    return "".join(left) + repr([endpoint, found, results_of(found)])


def test_what_was_searched_does_not_hold_the_key(
    reset: Reset, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    left = _searched(reset(["echo"]), tmp_path)  # the service repeats the key in a title
    assert REDACTED in left
    assert not holds_key(left)
    assert not holds_key(caplog.text)
    assert not holds_key("".join(capfd.readouterr()))


@pytest.mark.usefixtures("no_redaction")
def test_without_redaction_it_would(reset: Reset, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert holds_key(_searched(reset(["echo"]), tmp_path))
    assert holds_key(caplog.text)


@pytest.mark.parametrize("redirects", [asking.REDIRECTS, 30])
def test_the_key_is_not_taken_elsewhere(
    reset: Reset, service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redirects: int
) -> None:
    """With redirects followed, whoever answers could have the key sent on."""
    monkeypatch.setattr(asking, "REDIRECTS", redirects)
    with pytest.raises(UserError):
        search(QUERIES, reset(["redirect"] * 4), tmp_path)
    hits = requests.get(f"http://127.0.0.1:{service.port}/_counts", timeout=10).json()["hits"]
    assert ("/_elsewhere" in hits) == (redirects > 0)


def test_logs_are_left_alone_afterwards(reset: Reset, tmp_path: Path) -> None:
    search(QUERIES, reset([]), tmp_path)
    assert all(not logging.getLogger(name).filters for name in redaction.CHATTY)


def test_the_key_is_no_part_of_the_request(reset: Reset, tmp_path: Path) -> None:
    """So another key, or none, finds what this one paid for."""
    found = search(QUERIES, reset([]), tmp_path)
    assert search(QUERIES, Endpoint(reset([]).base, None), tmp_path) == found


SPELLINGS = (
    str,
    lambda text: quote(text, safe=""),
    lambda text: re.sub("%..", lambda escape: escape[0].lower(), quote(text, safe="")),
    lambda text: quote(quote(text, safe="")),
    quote_plus,
    lambda text: json.dumps(text)[1:-1],
    lambda text: repr(text)[1:-1],
    html.escape,
    lambda text: f"&#{ord(text)};",
    lambda text: f"\\u{ord(text):04X}" if ord(text) < 0x10000 else text,
)


@given(
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=redaction.SHORTEST, max_size=40),
    spelt=st.lists(st.sampled_from(SPELLINGS), min_size=40, max_size=40),
)
def test_every_spelling_is_found(key: str, spelt: list[Callable[[str], str]]) -> None:
    """Programs escape different characters: an address can come back half escaped."""
    hidden = Redaction(key)
    mixed = "".join(spell(character) for spell, character in zip(spelt, key, strict=False))
    for form in (key, mixed, key.encode().hex(), key.encode().hex().upper()):
        assert REDACTED in hidden.text(f"a={form}&b")
    assert hidden.json({"a": [key, 1, None, {key: True}]}) == {"a": [REDACTED, 1, None, {REDACTED: True}]}


@given(key=st.binary(min_size=8, max_size=40), before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_base64_of_a_text_around_the_key(key: bytes, before: bytes, after: bytes) -> None:
    hidden = Redaction(key.hex())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert REDACTED in hidden.text(encode(before + key.hex().encode() + after).decode())


def test_text_that_nearly_holds_the_key_costs_little() -> None:
    """A pattern with two ways to match a character would take years here."""
    assert Redaction("a b&" * 16).text(("a b&" * 16)[:-1] * 50) == ("a b&" * 16)[:-1] * 50


def test_a_short_key_is_no_secret() -> None:
    assert Redaction("local").text("http://localhost") == "http://localhost"
    assert Redaction(None).text("None") == "None"
