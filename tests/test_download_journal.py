"""The journal: what is committed stays, what isn't is fetched again, and nothing else is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from download_server import PICTURE, Server, fetched, reply, verdicts

from stages.params import UserError
from stages.scrape.download import Journal, Outcome, fetch_all, local_network, retry
from stages.scrape.download.body import Body
from stages.scrape.parameters import Download

CONCURRENCY = 16
CHILD = """
import sys
from pathlib import Path
from stages.scrape.download import fetch_all, local_network
from stages.scrape.parameters import Download

scratch, port, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
hosts = {f"h{host}.test": "127.0.0.1" for host in range(5)}
urls = [f"http://h{number % 5}.test/{number}" for number in range(count)]
print("ready", flush=True)
fetch_all(urls, Download(concurrency=16, slowest=0), scratch, local_network(hosts, port)).close()
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.01)


def stored(folder: Path, data: bytes) -> Body:
    body = Body(10**7, folder)
    body.begin("", None)
    body.add(data)
    return body


def row(url: str, status: str = "fetched", transient: bool = False) -> Outcome:
    return Outcome(url, status, transient=transient)  # type: ignore[arg-type]


def test_rows_come_back_sorted_with_their_bytes(tmp_path: Path) -> None:
    urls = ["http://b/", "http://a/\ud800", "http://a/", "http://\u00e9/", "http://c/"]
    large = os.urandom(3_000_000)  # longer than what is kept in memory
    with Journal(tmp_path) as journal:
        assert journal.begin([*urls, *urls]) == urls
        journal.commit([(row(urls[0]), stored(tmp_path, b"x")), (row(urls[1]), stored(tmp_path, large))])
        journal.commit([(row(urls[2]), stored(tmp_path, large)), (row(urls[3], "gone"), None)])
    with Journal(tmp_path) as journal:
        assert journal.begin(urls) == ["http://c/"]
        rows = list(journal.rows())
        assert [row.url for row in rows] == ["http://a/", "http://a/\ud800", "http://b/", "http://\u00e9/"]
        assert (
            [len(journal.read(row.sha256)) for row in rows[:3]]
            == [row.bytes for row in rows[:3]]
            == [3 * 10**6] * 2 + [1]
        )
        assert rows[3] == Outcome("http://\u00e9/", "gone")
    assert (tmp_path / "fetched.bytes").stat().st_size == 3_000_001
    assert not list(tmp_path.glob("*.part"))


def test_rows_are_those_of_the_urls_last_asked_for(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.begin(["http://a/", "http://b/"])
        journal.commit([(row("http://a/"), stored(tmp_path, b"a")), (row("http://b/"), stored(tmp_path, b"b"))])
        assert journal.begin(["http://b/", "http://c/"]) == ["http://c/"]
        assert [row.url for row in journal.rows()] == ["http://b/"]
        assert journal.begin(["http://a/"]) == []  # what was fetched before is not forgotten


def test_a_second_row_of_one_url_is_an_error(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.begin(["http://a/"])
        journal.commit([(row("http://a/"), None)])
        with pytest.raises(Exception, match="UNIQUE"):
            journal.commit([(row("http://a/"), None)])


def test_failures_that_may_pass_are_tried_again_once_a_run_is_complete(tmp_path: Path) -> None:
    urls = ["http://a/", "http://b/", "http://c/"]
    with Journal(tmp_path) as journal:
        journal.begin(urls)
        journal.commit([(row(urls[0], "failed", transient=True), None), (row(urls[1], "failed"), None)])
    with Journal(tmp_path) as journal:  # the run was killed: what had failed in it stays for now
        assert journal.begin(urls) == urls[2:]
        journal.commit([(row(urls[2], "gone"), None)])
        journal.finish()
    with Journal(tmp_path) as journal:
        assert journal.begin(urls) == urls[:1]


def test_a_finished_download_asks_again_only_for_what_may_have_passed(tmp_path: Path) -> None:
    answers = {"/good": 200, "/gone": 404, "/no": 403, "/bad": 418, "/busy": 503}
    urls = [f"http://a.test{path}" for path in answers]
    with Server(lambda request: reply(PICTURE, answers[request.path])) as server:
        network = local_network({"a.test": "127.0.0.1"}, server.port)
        before = verdicts(urls, tmp_path, network)
        answers["/busy"] = 200
        server.requests.clear()
        after = verdicts(urls, tmp_path, network)
        assert before[:4] == after[:4]
        assert (before[4], after[4]) == (("failed", "HTTP 503"), ("fetched", ""))
        assert server.paths == ["/busy"]


@pytest.mark.parametrize("off", [False, True])
def test_what_no_row_names_is_swept(off: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path) as journal:
        journal.begin(["http://a/"])
        journal.commit([(row("http://a/"), stored(tmp_path, b"kept"))])
    with (tmp_path / "fetched.bytes").open("ab") as stream:
        stream.write(b"written, but its row was not committed")
    (tmp_path / "0123.part").write_bytes(b"a body on its way")
    if off:
        monkeypatch.setattr(Journal, "_sweep", lambda _: None)
    with Journal(tmp_path) as journal:
        assert journal.read(next(journal.rows()).sha256) == b"kept"
    assert ((tmp_path / "fetched.bytes").stat().st_size > 4) == off
    assert (tmp_path / "0123.part").exists() == off


@pytest.mark.parametrize("off", [False, True])
def test_a_row_never_names_bytes_that_are_not_there(off: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are written and synced first: when that fails, there is no row."""
    with Journal(tmp_path) as journal:
        journal.begin(["http://a/"])
        if off:
            monkeypatch.setattr("stages.scrape.download.journal._write", lambda file, data, offset: len(data))
        else:
            monkeypatch.setattr(os, "fdatasync", lambda _: os.strerror(5) and os.close(-1))
        try:
            journal.commit([(row("http://a/"), stored(tmp_path, b"data"))])
        except OSError:
            assert not off
        assert len(list(journal.rows())) == int(off)
    monkeypatch.undo()
    with Journal(tmp_path) as journal:  # a row whose bytes are missing is open again
        assert journal.begin(["http://a/"]) == ["http://a/"]


def test_damaged_bytes_are_named_and_fetched_anew(tmp_path: Path) -> None:
    with Server(lambda request: reply(PICTURE + request.path.encode())) as server:
        network = local_network({"a.test": "127.0.0.1"}, server.port)
        urls = [f"http://a.test/{number}" for number in range(3)]
        outcomes = fetched(urls, tmp_path, network)
        with (tmp_path / "fetched.bytes").open("r+b") as stream:
            stream.write(b"bad")
        with Journal(tmp_path) as journal:
            digests = {url: outcome.sha256 for url, outcome in outcomes.items()}
            bad = [url for url, digest in digests.items() if not _readable(journal, digest)]
            assert len(bad) == 1
        assert fetched(urls, tmp_path, network) == outcomes
        assert server.paths.count(bad[0].removeprefix("http://a.test")) == 2
        with Journal(tmp_path) as journal:
            assert all(_readable(journal, digest) for digest in digests.values())


def _readable(journal: Journal, digest: str) -> bool:
    try:
        journal.read(digest)
    except UserError as error:
        if "damaged" not in str(error):
            raise
        return False
    return True


def start(scratch: Path, port: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(scratch), str(port), str(count)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(lambda request: reply(PICTURE + os.urandom(20_000) + request.path.encode())) as server:
        yield server


def wait_for(server: Server, requests: int) -> None:
    deadline = time.monotonic() + 30
    while len(server.requests) < requests:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def finished(scratch: Path, server: Server, count: int) -> Sequence[Outcome]:
    """The rows after a last, undisturbed run, every file looked at."""
    hosts = {f"h{host}.test": "127.0.0.1" for host in range(5)}
    urls = [f"http://h{number % 5}.test/{number}" for number in range(count)]
    with fetch_all(urls, Download(), scratch, local_network(hosts, server.port)) as journal:
        rows = list(journal.rows())
        for each in rows:
            assert journal.read(each.sha256).endswith(each.final_url.partition(".test")[2].encode())
    assert [each.url for each in rows] == sorted(urls)
    assert {each.status for each in rows} == {"fetched"}
    assert sum(each.bytes for each in rows) == (scratch / "fetched.bytes").stat().st_size
    assert {path.name for path in scratch.iterdir()} == {"fetched.bytes", "journal.sqlite", "lock"}
    return rows


def test_killed_at_any_moment_nothing_is_lost_twice_or_left_over(tmp_path: Path, server: Server) -> None:
    count, kills, random = 300, 4, Random(1)
    for _ in range(kills):
        child = start(tmp_path, server.port, count)
        wait_for(server, len(server.requests) + random.randrange(5, 80))
        child.kill()
        child.wait()
    finished(tmp_path, server, count)
    times = Counter(server.paths)
    assert len(times) == count
    assert sum(times.values()) - count <= kills * CONCURRENCY


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_signal_ends_a_run_in_good_order(number: int, code: int, tmp_path: Path, server: Server) -> None:
    child = start(tmp_path, server.port, 300)
    wait_for(server, 60)
    child.send_signal(number)
    assert child.wait(20) == code
    before = len(server.paths)
    finished(tmp_path, server, 300)
    assert len(server.paths) - 300 <= CONCURRENCY
    assert before < 300


def test_two_runs_cannot_share_a_journal(tmp_path: Path, server: Server) -> None:
    child = start(tmp_path, server.port, 300)
    wait_for(server, 10)
    with pytest.raises(UserError, match="is in use by another run"):
        Journal(tmp_path)
    child.kill()
    child.wait()
    Journal(tmp_path).close()  # the lock went with the process


def test_a_commit_costs_the_same_in_a_long_journal(tmp_path: Path) -> None:
    """Looking for equal bytes asks the index: without it every commit would read the whole table."""

    def steps(journal: Journal) -> int:
        taken = 0

        def count() -> None:
            nonlocal taken
            taken += 1

        journal._rows.set_progress_handler(count, 100)  # called every 100 instructions of SQLite's machine
        journal.commit([(row(f"http://last/{journal._end}"), stored(tmp_path, b"%d" % journal._end))])
        journal._rows.set_progress_handler(None, 0)
        return taken

    with Journal(tmp_path) as journal:
        short = steps(journal)
        journal.commit([(row(f"http://a/{n}"), stored(tmp_path, b"bytes %d" % n)) for n in range(1000)])
        assert steps(journal) <= short + 2
