"""The caption page: served to this machine's own browser only, and nothing on it is believed."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from browser import CHROMIUM, Page, browsing
from captions import ADA, PARAMS, curated, good, line, origin

from stages.caption.desk import Desk
from stages.caption.log import open_log, read_log
from stages.caption.page import looks
from stages.caption.page.app import application
from stages.pages import guard, serving
from stages.params import UserError

HOSTILE = "<img src=x onerror=\"document.title='taken'\"> ${document.title='taken'} {{value}} </script>'\"`\\"
ROOT = Path(__file__).parents[1]
MODEL = "model:tiny@1#2"


@dataclass
class Served:
    """A page that is being served, its desk, and plain HTTP requests to it."""

    desk: Desk
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def request(self, path: str, body: Any = None, **headers: str) -> tuple[int, str, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if data else {}
        connection.request("POST" if data else "GET", path, data, {**given, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), dict(answer.getheaders())

    def act(self, name: str, number: int, text: str) -> list[Any]:
        """What the page gets for a press of a button; the API that its own script uses."""
        return act(self, name, number, text)


def act(served: Served, name: str, number: int, text: str) -> list[Any]:
    status, body, _ = served.request(f"/gradio_api/run/{name}", {"data": [origin(number), text]})
    assert status == 200, body
    return list(json.loads(body)["data"])


@contextmanager
def page_of(folder: Path, title: str = "") -> Iterator[Served]:
    """The page of six pets, in a thread of this process."""
    records = curated(folder / "pets", 6, title=title)
    with open_log(folder / "pets.jsonl") as log:
        desk = Desk(PARAMS, records, log, ADA)
        listener = serving.listening(0)
        server = serving.server(lambda: application(desk, folder / "pets"), listener)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Served(desk, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
            listener.close()


@pytest.fixture(scope="module")
def environment() -> Iterator[None]:
    """What the page's process sets is set back."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def served(tmp_path: Path, environment: None) -> Iterator[Served]:
    with page_of(tmp_path, HOSTILE) as found:
        yield found


def message(answer: list[Any]) -> str:
    return re.sub(r"<[^>]*>", "", str(answer[-1]))


def test_the_buttons(served: Served) -> None:
    desk = served.desk
    answer = served.act("save", 0, f"  {good(0)} ")
    assert (answer[0], message(answer)) == (origin(1), f"saved: “{looks.plain(good(0))}”")
    assert served.act("save_more", 1, good(1))[0] == origin(1)
    assert "already a caption" in message(served.act("save", 1, good(1).upper()))
    assert served.act("save", 1, good(1, " too"))[0] == origin(2)
    assert served.act("skip", 2, "")[0] == origin(3)
    assert served.act("reject", 3, "")[0] == origin(4)
    assert [one.action for one in desk.log.lines] == ["caption", "caption", "caption", "skip", "reject"]
    assert served.act("undo", 4, "")[0] == origin(3)
    assert served.act("undo", 4, "")[0] == origin(2)
    answer = served.act("undo", 4, "")
    assert (answer[0], answer[6]) == (origin(1), good(1, " too"))
    progress = desk.progress()
    assert (progress.decided, progress.skipped, progress.rejected, progress.captions) == (2, 0, 0, {ADA: 2})
    assert read_log(desk.log.path)[0] == desk.log.lines
    again = Desk(PARAMS, desk.records, desk.log, ADA)
    assert again.next_undecided() == origin(2)  # where the next session goes on
    assert served.act("back", 0, "")[0] == origin(5)
    assert served.act("forth", 5, "")[0] == origin(0)
    assert served.act("first", 5, "")[0] == origin(2)


@pytest.mark.parametrize(
    "text", ["", "too short", "a \u202ereversed caption here", "an <image> of a pet", "pet at www.a.test"]
)
def test_flaws_are_not_saved_and_the_text_stays(served: Served, text: str) -> None:
    answer = served.act("save", 0, text)
    assert (answer[0], answer[6]) == (origin(0), text)
    assert message(answer).startswith("not saved")
    assert served.desk.log.lines == []


def test_what_the_log_does_not_take_is_not_acknowledged(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise UserError("not saved (No space left on device)")

    monkeypatch.setattr(served.desk.log, "append", full)
    answer = served.act("save", 0, good(0))
    assert (answer[0], answer[6], message(answer)) == (origin(0), good(0), "not saved (No space left on device)")
    assert served.desk.progress().decided == 0
    assert served.desk.state.pictures == {}


def test_a_picture_of_another_set_cannot_be_captioned(served: Served) -> None:
    assert "not in this set" in message(served.act("save", 77, good(0)))
    assert served.desk.log.lines == []
    assert served.request(f"/picture/{origin(77)}")[0] == 404


STRANGE: list[tuple[str, dict[str, str]]] = [
    ("/", {"Host": "evil.test"}),
    ("/", {"Host": "127.0.0.1.evil.test"}),
    ("/", {"Host": "127.0.0.1:1"}),
    ("/config", {"Origin": "http://evil.test"}),
    ("/config", {"Origin": "null"}),
    ("/config", {"Origin": "http://127.0.0.1:1"}),
    (f"/picture/{origin(0)}", {"Sec-Fetch-Site": "cross-site"}),
    (f"/picture/{origin(0)}", {"Sec-Fetch-Site": "same-site"}),
]


def test_only_the_page_itself_is_answered(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = f"http://127.0.0.1:{served.port}"
    save = {"data": [origin(0), good(0)]}
    for path, headers in STRANGE:
        assert served.request(path, **headers)[0] == 403, headers
    assert served.request("/gradio_api/run/save", save, Origin="http://evil.test")[0] == 403
    assert served.request("/config", Origin=ours)[0] == 200
    assert served.request("/", Host=f"localhost:{served.port}", **{"Sec-Fetch-Site": "cross-site"})[0] == 200
    assert served.desk.log.lines == []
    monkeypatch.setattr(guard, "refusal", lambda *_: "")
    for path, headers in STRANGE:
        assert served.request(path, **headers)[0] == 200, headers
    served.request("/gradio_api/run/save", save, Origin="http://evil.test")
    assert len(served.desk.log.lines) == 1  # another site's words


def test_what_the_page_does_not_need_does_not_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    unused = ["/gradio_api/file=/etc/hosts", "/gradio_api/proxy=http://127.0.0.1:1/", "/gradio_api/upload_progress",
              "/gradio_api/run-history/buckets", "/monitoring/summary", "/docs", "/openapi.json", "/login",
              "/gradio_api/openapi.json", "/assets/../../routes.py"]  # fmt: skip
    for path in unused:
        assert served.request(path)[0] == 403, path
    monkeypatch.setattr(guard, "refusal", lambda *_: "")
    assert {served.request(path)[0] for path in unused} != {403}
    assert served.request("/gradio_api/openapi.json")[0] == 200


def test_gradio_sends_nothing_home(served: Served) -> None:
    config = json.loads(served.request("/config")[1])
    assert config["analytics_enabled"] is False
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert not config.get("is_space")
    assert not re.findall(r'"https?://[^"]+"', served.request("/theme.css")[1])
    policy = served.request("/")[2]["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self'" in policy


def reachable(port: int, address: str) -> bool:
    try:
        socket.create_connection((address, port), timeout=10).close()
    except OSError:
        return False
    return True


def test_only_this_machine_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving.listening(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert reachable(listener.getsockname()[1], "127.0.0.1")
        assert not reachable(listener.getsockname()[1], "127.0.0.2")
        with pytest.raises(UserError, match="choose another"):
            serving.listening(listener.getsockname()[1])
    monkeypatch.setattr(serving, "LOOPBACK", "0.0.0.0")
    with serving.listening(0) as listener:
        assert reachable(listener.getsockname()[1], "127.0.0.2")  # as any other address of the machine


class Tags(HTMLParser):
    """Every tag of a piece of HTML, with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_titles_captions_and_drafts_are_text(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.desk.state.add(line(0, "draft", HOSTILE, MODEL))
    served.desk.state.add(line(0, "caption", HOSTILE))

    def active() -> list[Any]:
        content = "".join(str(part) for part in served.act("forth", 5, "") if isinstance(part, str))
        assert "taken" in content
        return [tag for tag, attributes in Tags(content).found if "onerror" in attributes or tag == "script"]

    assert active() == []
    assert not re.search(r"[${}`]", looks.plain(HOSTILE))
    monkeypatch.setattr(looks, "plain", str)
    assert active()


def project(folder: Path) -> None:
    curated(folder / "data/curate/pets", 6)
    (folder / "params.yaml").write_text(yaml.safe_dump({"caption": {"pets": {"dataset": "pets", "log": "pets"}}}))


def test_ctrl_c_ends_the_command_with_a_line_of_what_was_done(tmp_path: Path) -> None:
    project(tmp_path)
    command = [sys.executable, "-m", "stages.cli", "caption", "pets", "--author", "Ada", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    said = [process.stdout.readline(), process.stdout.readline()]
    port = int(re.findall(r"http://127\.0\.0\.1:(\d+)", said[1])[0])
    answer = act(Served(None, port), "save", 0, good(0))  # type: ignore[arg-type]  # it waits until the page is up
    assert "saved" in message(answer)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert "1 captions saved, 0 skipped, 0 rejected, 0 undone; 1 of 6 pictures decided" in rest
    assert "Traceback" not in rest
    assert process.returncode == 0
    assert [one.text for one in read_log(tmp_path / "data/captions/pets.jsonl")[0]] == [good(0)]


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def ready(page: Page) -> None:
    page.until("document.querySelector('#facts').innerText.includes('CC-BY')")
    page.until("document.querySelector('#shown img').naturalWidth > 0")


@needs_chromium
def test_a_browser_captions_with_the_keyboard(tmp_path: Path, environment: None) -> None:
    with (
        page_of(tmp_path, HOSTILE) as served,
        browsing(served.url, tmp_path / "profile") as page,
    ):
        ready(page)
        page.until("document.activeElement.tagName === 'TEXTAREA'")
        page.type("a pet <image> here")
        page.until("document.querySelector('#verdict').innerText.includes('control token')")
        page.js("document.querySelector('#caption textarea').select()")
        page.type(good(0))
        page.press("Enter", modifiers=2)
        page.until("document.querySelector('#message').innerText.startsWith('saved')")
        page.until("document.querySelector('#facts').innerText.includes('2 of 6')")
        page.until("document.querySelector('#caption textarea').value === ''")
        page.until("document.querySelector('#verdict').innerText.startsWith('10 to 20 words')")
        page.until("document.activeElement.tagName === 'TEXTAREA'")
        assert [one.text for one in served.desk.log.lines] == [good(0)]
        page.click("#undo")
        page.until(f"document.querySelector('#caption textarea').value === {json.dumps(good(0))}")
        page.click("#reject")
        page.until("document.querySelector('#message').innerText.startsWith('rejected')")
        assert [one.action for one in served.desk.log.lines] == ["caption", "undo", "reject"]
        assert HOSTILE in page.text("#facts")
        assert page.js("document.title") == "Plumbline: captions"
        assert {url.split("/")[2] for url in page.requested if url.startswith("http")} == {f"127.0.0.1:{served.port}"}
        assert page.problems == []


@needs_chromium
def test_escaping_is_what_keeps_a_title_from_running(
    tmp_path: Path, environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "plain", str)
    with (
        page_of(tmp_path, HOSTILE) as served,
        browsing(served.url, tmp_path / "profile") as page,
    ):
        page.until("document.title === 'taken'")
        assert page.js("document.title") == "taken"


@needs_chromium
@pytest.mark.parametrize("defended", [True, False])
def test_the_policy_keeps_the_page_from_sending_elsewhere(
    tmp_path: Path, environment: None, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    if not defended:
        monkeypatch.setattr(guard, "HEADERS", ())
    with socket.create_server(("127.0.0.1", 0)) as elsewhere, page_of(tmp_path) as served:
        target = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
        with browsing(served.url, tmp_path / "profile") as page:
            ready(page)
            elsewhere.settimeout(60)
            page.js(f"void fetch('{target}', {{mode: 'no-cors'}}).catch((e) => {{ document.title = 'kept in' }})")
            if defended:
                page.until("document.title === 'kept in'")
                elsewhere.setblocking(False)
                with pytest.raises(BlockingIOError):
                    elsewhere.accept()
            else:
                elsewhere.accept()[0].close()
