"""The demo page: a conversation over plain HTTP, for this machine's own browser only, and nothing on it is believed."""

import http.client
import io
import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, browsing
from PIL import Image
from talking import project

from stages.cli.__main__ import main
from stages.demo import app, looks, room
from stages.demo.room import Room
from stages.demo.shelf import Shelf, of_folder, of_set
from stages.grounding.build import Trained, load_trained
from stages.grounding.conversation import Conversation
from stages.pages import guard, serving
from stages.params import UserError

HOSTILE = "<img src=x onerror=\"document.title='taken'\"> ${document.title='taken'} {{value}}"


@dataclass
class Served:
    """A page that is being served, and plain HTTP requests to it."""

    room: Room
    port: int

    def request(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def run(self, name: str, *data: Any, **headers: str) -> list[Any]:
        """What the page gets for an event; the API that its own script uses."""
        body = json.dumps({"data": data}).encode()
        status, answer = self.request(f"/gradio_api/run/{name}", body, **{"Content-Type": "application/json"} | headers)
        assert status == 200, answer
        return list(json.loads(answer)["data"])

    def ask(self, token: str, question: str, given: str = "", factor: float = 1.0) -> list[Any]:
        return self.run("ask", token, question, given, factor)

    def give(self, colour: str) -> str:
        status, answer = self.request("/picture/given", png(colour))
        assert status == 200, answer
        return str(json.loads(answer)["token"])


def png(colour: str, size: tuple[int, int] = (60, 40)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


def words(html: Any) -> str:
    return re.sub(r"<[^>]*>", " ", str(html))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "params.yaml").write_text("threads: 1\n")
        project(folder)
    return folder


@pytest.fixture(scope="module")
def trained(root: Path) -> Trained:
    return load_trained(root / "models/trained/pets", root / "models/base", "cpu")


@pytest.fixture(scope="module")
def shelf(root: Path, trained: Trained) -> Shelf:
    return of_set(trained, root / "data")


@pytest.fixture(scope="module")
def served(trained: Trained, shelf: Shelf) -> Iterator[Served]:
    before = dict(os.environ)
    found = Room(trained, shelf, max_new_tokens=6)
    listener = serving.listening(0)
    server = serving.server(lambda: app.application(found, "pets"), listener)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Served(found, listener.getsockname()[1])
    server.should_exit = True
    thread.join()
    listener.close()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def ret_always(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model says [RET] at once."""
    plain = type(trained.model).logits_of

    def logits_of(self: Any, hidden: Any) -> Any:
        logits = plain(self, hidden).clone()
        logits[..., -1] = 1000.0
        return logits

    monkeypatch.setattr(type(trained.model), "logits_of", logits_of)


def test_the_page_remembers_a_given_picture(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def second(colour: str) -> tuple[str, float]:
        token = served.run("start")[0]
        given = served.give(colour)
        chat, _, question, waiting, message = served.ask(token, "what is it?", given)
        assert (question, waiting, message) == ("", "", "")
        assert f"/picture/given/{given}" in chat
        status, shown = served.request(f"/picture/given/{given}")
        assert (status, Image.open(io.BytesIO(shown)).size) == (200, (60, 40))
        chat = served.ask(token, "which colour?")[0]
        assert chat.count('class="said answered"') == 2
        reply = served.room.talk(token).conversation.turns[-1].reply
        assert looks.plain(reply.text) in chat
        return reply.text, reply.probability

    assert second("red") != second("blue")
    monkeypatch.setattr(Conversation, "_remembered", lambda *_: [])
    assert second("red") == second("blue")


@pytest.mark.usefixtures("ret_always")
def test_pictures_that_it_finds_are_shown(served: Served, shelf: Shelf) -> None:
    token = served.run("start")[0]
    chat, strip = served.ask(token, "show me a pet")[:2]
    found = re.findall(r"/picture/found/(\d+)", chat)
    assert re.findall(r"/picture/found/(\d+)", strip) == found
    status, data = served.request(f"/picture/found/{found[0]}")
    assert (status, data) == (200, shelf.read(int(found[0])))
    strip = served.ask(token, "another one")[1]
    assert len(set(re.findall(r"/picture/found/(\d+)", strip))) == 2
    status, lines = served.request(f"/picture/transcript/{token}")
    first, second = [json.loads(line) for line in lines.splitlines()]
    assert (first["question"], shelf.number(first["picture"])) == ("show me a pet", int(found[0]))
    assert second["picture"] != first["picture"]
    chat, strip, _ = served.run("reset", token)
    assert "Ask something" in chat
    assert "none so far" in strip
    assert served.request("/picture/found/9999")[0] == served.request("/picture/given/none")[0] == 404


def test_a_text_finds_pictures(served: Served, shelf: Shelf) -> None:
    found, message = served.run("find", "a red pet")
    numbers = re.findall(r"/picture/found/(\d+)", found)
    assert len(numbers) == app.FOUND
    assert [shelf.number(one) for one, _ in served.room.find("a red pet", 3)] == [int(one) for one in numbers[:3]]
    assert message == ""
    assert "is empty" in served.run("find", " ")[1]


def test_what_is_refused_is_said_and_stays(served: Served) -> None:
    token, given = served.run("start")[0], served.give("red")
    for args, says in (
        ((token, " ", given), "The question is empty"),
        ((token, "long " * 99, given), "shorter question"),
        ((token, "what?", "gone"), "choose it again"),
        (("gone", "what?", ""), "reload the page"),
    ):
        _, _, question, picture, message = served.ask(*args)
        assert says in words(message)
        assert (question, picture) == args[1:]
    assert served.room.talk(token).conversation.turns == []
    served.ask(token, "what is it?", given)
    assert len(served.room.talk(token).conversation.turns) == 1


def test_only_pictures_are_taken(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(served.room._waiting)
    status, answer = served.request("/picture/given", b"<svg onload=alert(1)>")
    assert (status, json.loads(answer)["error"]) == (400, "not a PNG, JPEG, WEBP or GIF picture")
    monkeypatch.setattr(app, "MOST_BYTES", 100)
    assert served.request("/picture/given", png("red", (600, 600)))[0] == 413
    assert len(served.room._waiting) == before
    status, _ = served.request("/gradio_api/upload", png("red"), **{"Content-Type": "multipart/form-data; boundary=x"})
    assert status == 403


def test_tabs_and_given_pictures_are_kept_in_bounds(
    trained: Trained, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_TALKS", 2)
    monkeypatch.setattr(room, "MOST_WAITING", 1)
    own = Room(trained, shelf, max_new_tokens=2)
    first, second, third = (own.start() for _ in range(3))
    with pytest.raises(UserError, match="reload"):
        own.talk(first)
    gone, kept = own.give(png("red")), own.give(png("blue"))
    with pytest.raises(UserError, match="choose it again"):
        own.ask(second, "what?", gone, 1.0)
    own.ask(second, "what?", kept, 1.0)
    assert [len(own.talk(one).conversation.turns) for one in (second, third)] == [1, 0]


STRANGE: list[tuple[str, dict[str, str]]] = [
    ("/", {"Host": "evil.test"}),
    ("/config", {"Origin": "http://evil.test"}),
    ("/picture/found/0", {"Sec-Fetch-Site": "cross-site"}),
]


def test_only_the_page_itself_is_answered(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {"Origin": f"http://127.0.0.1:{served.port}"}
    upload = ("/picture/given", png("red"))
    for path, headers in STRANGE:
        assert served.request(path, **headers)[0] == 403, headers
    assert served.request(*upload, Origin="http://evil.test")[0] == 403
    assert served.request(*upload, **ours)[0] == 200
    assert served.request("/", **ours)[0] == 200
    monkeypatch.setattr(guard, "refusal", lambda *_: "")
    for path, headers in STRANGE:
        assert served.request(path, **headers)[0] == 200, headers
    assert served.request(*upload, Origin="http://evil.test")[0] == 200


def test_questions_are_text(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    token = served.run("start")[0]
    chat = served.ask(token, HOSTILE)[0]
    assert "<img" not in chat
    assert "${" not in chat
    monkeypatch.setattr(looks, "plain", str)
    assert "<img src=x" in served.ask(token, HOSTILE)[0]


def test_a_folder_of_pictures(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, data in (("b.png", png("red")), ("a.png", png("blue")), ("c.png", png("red")[:60]), ("d.txt", b"x")):
        (tmp_path / name).write_bytes(data)
    found = of_folder(trained, tmp_path)
    assert found.names == ("a.png", "b.png")
    assert Image.open(io.BytesIO(found.read(1))).getpixel((0, 0)) == (255, 0, 0)
    assert "left out: c.png" in capsys.readouterr().err
    with pytest.raises(UserError, match="is no folder"):
        of_folder(trained, tmp_path / "none")
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match="holds no PNG"):
        of_folder(trained, tmp_path)


def test_the_command_refuses(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*argv: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(["demo", "--port", "0", "--device", "cpu", *argv])
        assert stopped.value.code == 1
        return capsys.readouterr().err

    monkeypatch.chdir(tmp_path)
    (tmp_path / "plumbline.json").write_text("{}")
    assert "plumbline predict" in said(str(tmp_path))
    assert "plumbline.json is missing" in said(str(tmp_path / "none"))
    adapter, bases = str(root / "models/trained/pets"), ["--base-dir", str(root / "models/base")]
    assert "--max-new-tokens 0" in said(adapter, "--max-new-tokens", "0")
    assert "--pictures DIR" in said(adapter, *bases)  # here is no data/


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_gives_a_picture_and_asks(served: Served, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{served.port}/"
    with browsing(url, tmp_path / "profile") as page:
        page.until("document.querySelector('#session textarea, #session input').value.length === 32")
        page.js(
            "(async () => { const canvas = document.createElement('canvas');"
            "const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));"
            "const given = new DataTransfer(); given.items.add(new File([blob], 'a.png', {type: 'image/png'}));"
            "const file = document.querySelector('#file'); file.files = given.files;"
            "file.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        page.until("document.querySelector('#upload img').naturalWidth > 0")
        page.js("document.querySelector('#question textarea, #question input').focus()")
        page.type("what is it?")
        page.click("#ask")
        page.until("document.querySelector('#chat .asked img').naturalWidth > 0")
        page.until("document.querySelector('#upload img') === null")
        page.until("document.querySelector('#question textarea, #question input').value === ''")
        assert page.problems == []
        assert [one for one in page.requested if not one.startswith((url, "data:", "blob:"))] == []
