"""Queries -> answers -> results: nothing paid twice, nothing lost, failures with a remedy."""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from stages.params import UserError
from stages.record import Drop
from stages.scrape import answers as answers_module
from stages.scrape import asking, store
from stages.scrape.answers import Answer, Result, export_answers, results_of
from stages.scrape.licences import licence_of
from stages.scrape.parameters import Catalogue
from stages.scrape.queries import Queries, Query
from stages.scrape.search import Endpoint, search
from stages.scrape.service import Conduct, Running, build, queries_of, running

CATALOGUE = Catalogue(seed=5, species=10, views=8, faults=0.3, image_size=64)
KEY = "c4nary+key/7f3a9d=&x e%2F"  # every encoding of it differs from it
NAMES = [query.entity for query in queries_of(CATALOGUE)]
Reset = Callable[..., Endpoint]
Counts = Callable[[], dict[str, int]]


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running(CATALOGUE) as started:
        yield started


@pytest.fixture
def reset(service: Running, monkeypatch: pytest.MonkeyPatch) -> Reset:
    """Starts the service anew with some conduct, and gives the endpoint with its key."""
    monkeypatch.setattr(asking, "BACK_OFF", 0.001)
    monkeypatch.setattr(asking, "POLL_PAUSE", 0.001)

    def start(**conduct: object) -> Endpoint:
        told = Conduct(key=KEY, **conduct).model_dump(mode="json")
        requests.post(f"http://127.0.0.1:{service.port}/_reset", json=told, timeout=10).raise_for_status()
        return Endpoint(service.search_base, KEY)

    return start


@pytest.fixture
def counts(service: Running) -> Counts:
    return lambda: requests.get(f"http://127.0.0.1:{service.port}/_counts", timeout=10).json()


def wanted(*names: str, pages: int = 2, **more: object) -> Queries:
    rows = [{"text": f"{name} creature", "entity": name} for name in names]
    return Queries.model_validate({"snapshot": "2026-11-21", "pages": pages, "queries": rows, **more})


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_every_listed_picture_is_a_result_or_a_drop(reset: Reset, counts: Counts, tmp_path: Path) -> None:
    found = search(wanted(*NAMES, "snark", pages=3), reset(), tmp_path)
    results = results_of(found)
    kept = [result for result in results if isinstance(result, Result)]
    drops = [drop for drop in results if isinstance(drop, Drop)]
    assert len(kept) + len(drops) == sum(len(answer.images) for answer in found)
    assert {result.url for result in kept} == {entry.url for entry in build(CATALOGUE)}
    assert Counter(drop.reason for drop in drops) == {
        "no original": 1,
        "not http or https": 1,
        "listed twice for the same entity": 1,
    }
    assert len({row.id for row in results}) == len(results)
    # 10 species with 8 results, 3 of them with one more, and nothing about snarks: no page beyond the last is paid for
    assert counts()["paid"] == 10 + 3 + 1 == len(found)
    (empty,) = [answer for answer in found if not answer.images]
    assert (empty.entity, "any results" in empty.error) == ("snark", True)
    entries = {entry.url: entry for entry in build(CATALOGUE)}
    for result in kept:
        entry = entries[result.url]
        assert (result.entity, result.label, result.title) == (entry.species, entry.species, entry.title)
        assert (result.licence_url, result.link, result.query) == (
            entry.licence_url,
            entry.page,
            f"{entry.species} creature",
        )
        assert (result.width, result.height) in ((entry.width, entry.height), (0, 0))
        assert result.licence != "unknown" or entry.fault == "no licence"


def test_no_search_is_paid_twice(reset: Reset, counts: Counts, tmp_path: Path) -> None:
    endpoint = reset()
    one = search(wanted(*NAMES[:3]), endpoint, tmp_path)
    paid = counts()["paid"]
    assert paid == len(one) > 3
    assert search(wanted(*NAMES[:3]), endpoint, tmp_path) == one
    other_file = wanted(*NAMES[:2], "snark").model_copy(update={"pages": 1})
    search(other_file, endpoint, tmp_path)
    assert counts() == {**counts(), "paid": paid + 1, "searches": paid + 1, "account_calls": 2}
    search(wanted(NAMES[0], snapshot="2026-11-22"), endpoint, tmp_path)
    search(wanted(NAMES[0], licences="cl"), endpoint, tmp_path)
    assert counts()["paid"] >= paid + 3


def test_another_catalogues_answers_are_not_taken(reset: Reset, counts: Counts, tmp_path: Path) -> None:
    endpoint = reset()
    search(wanted(NAMES[0], pages=1), endpoint, tmp_path)
    base = str(endpoint.base).rpartition("/")[0]  # the same service under no name
    search(wanted(NAMES[0], pages=1), Endpoint(base, KEY), tmp_path)
    assert counts()["paid"] == 2
    assert Endpoint(None, KEY).kind == "serpapi"


def test_a_stopped_run_goes_on_where_it_stopped(reset: Reset, counts: Counts, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is kept"):
        search(wanted(*NAMES, pages=1), reset(hourly=4), tmp_path)
    assert counts()["paid"] == 4
    search(wanted(*NAMES, pages=1), reset(), tmp_path)
    assert counts()["paid"] == 6


def test_a_broken_file_in_the_store_is_searched_again(
    reset: Reset, counts: Counts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = reset()
    queries = wanted(*NAMES[:4], pages=1)
    good = search(queries, endpoint, tmp_path)
    half, empty, stranger, _ = kept = files(tmp_path)
    half.write_bytes(half.read_bytes()[:100])
    empty.write_bytes(b"")
    stranger.write_bytes(kept[3].read_bytes())  # a good answer, but to another question
    capsys.readouterr()
    again = search(queries, endpoint, tmp_path)
    said = capsys.readouterr().out
    assert [answer.images[0]["title"] for answer in again] == [answer.images[0]["title"] for answer in good]
    assert counts()["paid"] == 4 + 3
    assert said.count("searched again") == 3
    search(queries, endpoint, tmp_path)
    assert counts()["paid"] == 7


def in_place(self: store.Store, request: store.Request, answer: dict[str, object]) -> None:
    with self._path(request).open("w") as stream:
        json.dump({"request": request, "answer": answer}, stream)


@pytest.mark.parametrize("put", [store.Store.put, in_place])
def test_a_kill_while_saving_leaves_nothing(
    reset: Reset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put: Callable[..., None]
) -> None:
    """And were answers written in place, it would leave half of one."""
    dump = json.dumps

    def killed(value: object, stream: io.TextIOBase, **_: object) -> None:
        stream.write(dump(value)[:50])
        raise KeyboardInterrupt

    monkeypatch.setattr(store.Store, "put", put)
    monkeypatch.setattr(json, "dump", killed)
    with pytest.raises(KeyboardInterrupt):
        search(wanted(NAMES[0], pages=1), reset(), tmp_path)
    assert bool(files(tmp_path)) == (put is in_place)


def test_the_quota_is_known_before_anything_is_paid(reset: Reset, counts: Counts, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"up to 20 searches are needed, but the account has 19 left"):
        search(wanted(*NAMES), reset(quota=19), tmp_path)
    assert (counts()["searches"], counts()["account_calls"]) == (0, 1)
    search(wanted(*NAMES), reset(quota=20), tmp_path)
    search(wanted(*NAMES), reset(quota=0), tmp_path)  # all in the store: nothing to ask, not even for the account
    assert (counts()["searches"], counts()["account_calls"]) == (0, 0)


@pytest.mark.parametrize(
    ("script", "conduct", "complaint", "searches"),
    [
        (["401"], {}, "refused the key .401.: check SERPAPI_API_KEY", 1),
        (["400"], {}, "refused the request .400.", 1),
        (["error"], {}, "could not answer .* creature.*status 'Error', the search failed", 1),
        (["500", "503", "500", "500"], {}, "did not answer, 4 times in a row .*told to answer 500.*is kept", 4),
        (["html"] * 4, {}, "did not answer, 4 times", 4),
        (["reset"] * 4, {}, "did not answer, 4 times", 4),
        (["list"] * 4, {}, "did not answer, 4 times", 4),
        (["redirect"] * 4, {}, "did not answer, 4 times", 4),
        (["429"], {"hourly": 7}, "hourly limit is reached .429; 7 an hour, 1000000 searches left.*in an hour", 1),
        (["429"], {"quota": 1}, "hourly limit is reached", 1),
    ],
)
def test_failures_end_with_a_remedy(
    reset: Reset,
    counts: Counts,
    tmp_path: Path,
    script: list[str],
    conduct: dict[str, int],
    complaint: str,
    searches: int,
) -> None:
    with pytest.raises(UserError, match=complaint):
        search(wanted(NAMES[0], pages=1), reset(script=script, **conduct), tmp_path)
    assert (counts()["searches"], counts()["paid"], files(tmp_path)) == (searches, 0, [])


def test_no_searches_left_in_the_middle(reset: Reset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Someone else uses the same account."""
    endpoint = reset(quota=2)
    monkeypatch.setattr(asking.Asker, "searches_left", lambda self: 100)
    with pytest.raises(UserError, match=r"no searches left .429.*change-plan"):
        search(wanted(*NAMES[:3], pages=1), endpoint, tmp_path)
    assert len(files(tmp_path)) == 2


def test_a_wrong_key_is_refused_before_a_search(reset: Reset, counts: Counts, tmp_path: Path) -> None:
    base = reset().base
    with pytest.raises(UserError, match="refused the key"):
        search(wanted(NAMES[0]), Endpoint(base, "another key"), tmp_path)
    with pytest.raises(UserError, match="no key"):
        search(wanted(NAMES[0]), Endpoint(base, ""), tmp_path)
    assert counts()["searches"] == 0


def test_passing_failures_are_waited_out(reset: Reset, counts: Counts, tmp_path: Path) -> None:
    queries = wanted(NAMES[0], pages=1)
    straight = search(queries, reset(), tmp_path / "straight")
    for script in (["500", "503"], ["reset", "html", "list"], ["processing"], ["500", "processing"]):
        (answer,) = search(queries, reset(script=script), tmp_path / script[0] / script[-1])
        assert _stable(answer) == _stable(straight[0])
        assert counts()["paid"] == 1


def _stable(answer: Answer) -> list[dict[str, object]]:
    return [{key: value for key, value in item.items() if key != "thumbnail"} for item in answer.images]


def test_no_proxy_of_the_environment_is_used_for_loopback(
    reset: Reset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = reset()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert search(wanted(NAMES[0]), endpoint, tmp_path)
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(str(endpoint.base), timeout=5)


@pytest.mark.parametrize("exported", [answers_module.EXPORTED, (*answers_module.EXPORTED, "thumbnail")])
def test_the_export_holds_what_does_not_change(
    reset: Reset, service: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: tuple[str, ...]
) -> None:
    """Two searches differ in ids, times and thumbnails; with a field that holds an id the exports would differ too."""
    monkeypatch.setattr(answers_module, "EXPORTED", exported)
    texts, stores = [], []
    for number, names in enumerate([NAMES, NAMES[::-1]]):
        found = search(wanted(*names), reset(), tmp_path / str(number))
        export_answers([*found, found[0]], tmp_path / f"{number}.jsonl")
        texts.append((tmp_path / f"{number}.jsonl").read_text(encoding="utf-8"))
        stores.append([path.read_bytes() for path in files(tmp_path / str(number))])
    assert stores[0] != stores[1]
    assert (texts[0] == texts[1]) == ("thumbnail" not in exported)
    if "thumbnail" not in exported:
        assert not [word for word in (str(service.port), "127.0.0", "search_metadata", KEY) if word in texts[0]]
    lines = [json.loads(line) for line in texts[0].splitlines()]
    assert len(lines) == len({json.dumps(line["request"], sort_keys=True) for line in lines})
    assert not any(result.thumbnail.startswith("https://serpapi") for result in results_of(found) if _is_result(result))


def _is_result(row: Result | Drop) -> bool:
    return isinstance(row, Result)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ITEM = st.dictionaries(st.sampled_from([*answers_module.EXPORTED, "thumbnail"]), JSON | st.just("http://a.test/[b"))


@given(items=st.lists(ITEM | JSON, max_size=5), metadata=JSON, error=JSON)
def test_whatever_an_answer_lists_is_a_result_or_a_drop(
    tmp_path_factory: pytest.TempPathFactory, items: list[object], metadata: object, error: object
) -> None:
    body = {"images_results": items, "search_metadata": metadata, "error": error}
    answer = Answer.of(Query(text="x"), 0, {"q": "x"}, body)
    rows = results_of([answer])
    assert len(rows) == len(items)
    for row in rows:
        assert json.dumps(vars(row), ensure_ascii=False).encode()  # no lone surrogates
    export_answers([answer], tmp_path_factory.getbasetemp() / "answers.jsonl")


@pytest.mark.parametrize(
    ("url", "licence"),
    [
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("http://creativecommons.org/licenses/by-nc-sa/2.0", "CC-BY-NC-SA-2.0"),
        ("https://creativecommons.org/licenses/by-sa/3.0/de/deed.de", "CC-BY-SA-3.0-DE"),
        ("https://www.creativecommons.org/licenses/by-sa/4.0/legalcode", "CC-BY-SA-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/deed.en?ref=x#y", "CC-BY-4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/deed.fr", "CC-PDM-1.0"),
        ("https://www.gnu.org/licenses/fdl-1.3.html", "GFDL-1.3"),
        ("https://opensource.org/licenses/MIT/", "MIT"),
        ("https://creativecommons.org/licenses/by/9.0/", "unknown"),
        ("https://creativecommons.org.evil.test/licenses/by/4.0/", "unknown"),
        ("https://evil.test/https://creativecommons.org/licenses/by/4.0/", "unknown"),
        ("https://creativecommons.org@evil.test/licenses/by/4.0/", "unknown"),
        ("javascript://creativecommons.org/licenses/by/4.0/", "unknown"),
        ("https://stock.test/terms", "unknown"),
        ("http://[", "unknown"),
        ("", "unknown"),
    ],
)
def test_licences(url: str, licence: str) -> None:
    assert licence_of(url) == licence
