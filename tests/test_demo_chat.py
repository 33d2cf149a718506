"""The demo page with a chat adapter: a conversation about one given picture, over plain HTTP and in a browser."""

import io
import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from browser import CHROMIUM, browsing
from chatting import ALIGN, make_base, picture
from PIL import Image
from test_demo_page import HOSTILE, Served, words

from stages.chat import conversation
from stages.chat.conversation import Conversation, prefix_of
from stages.chat.generation import reply
from stages.chat.trained import Trained, load_trained
from stages.cli.__main__ import main
from stages.demo import app, looks
from stages.demo.room import PictureRoom, Talks
from stages.pages import serving
from stages.params import UserError

RED, BLUE = picture(0), picture(5)
TOKENS = 5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat adapter with a random projector, over a tiny base."""
    from stages.chat.build import build
    from stages.train.chat.stage import save_trained, what_predict_needs

    folder = tmp_path_factory.mktemp("demo")
    model, tokenizer = build(make_base(folder / "bases/tiny"), ALIGN, "cpu")
    (folder / "adapter").mkdir()
    save_trained(model, tokenizer, what_predict_needs(ALIGN, None), folder / "adapter")
    return folder


@pytest.fixture(scope="module")
def trained(root: Path) -> Trained:
    return load_trained(root / "adapter", root / "bases", "cpu", tower=True)


@pytest.fixture(scope="module")
def room(trained: Trained) -> PictureRoom:
    return PictureRoom(trained, max_new_tokens=TOKENS)


@pytest.fixture(scope="module")
def served(room: PictureRoom) -> Iterator[Served]:
    before = dict(os.environ)
    listener = serving.listening(0)
    server = serving.server(lambda: app.application(room, "scenes"), listener)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield Served(cast(Any, room), listener.getsockname()[1])
    server.should_exit = True
    thread.join()
    listener.close()
    os.environ.clear()
    os.environ.update(before)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def given(served: Served, data: bytes) -> str:
    return str(json.loads(served.request("/picture/given", data)[1])["token"])


def test_it_answers_upon_what_was_said(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    def second() -> float:
        talk = Conversation(trained, max_new_tokens=TOKENS)
        talk.ask("What colour is it?", opened(RED))
        return talk.ask("Is it\na ball?\x00").probability

    talk = Conversation(trained, max_new_tokens=TOKENS)
    first = talk.ask("What colour is it?", opened(RED))
    prefix = prefix_of(trained, [("What colour is it?", first.text), ("Is it a ball?", None)], TOKENS)
    seen = conversation.patches_seen(trained, [opened(RED)])
    told = reply(trained.model, trained.tokenizer, [prefix], seen, max_new_tokens=TOKENS, batch_size=1)[0]
    answer = talk.ask("Is it a ball?")
    assert (answer.text, answer.probability, answer.ended) == (told.text, told.score, told.ended)
    assert second() == told.score
    monkeypatch.setattr(Conversation, "_about", lambda *_: [])
    assert second() != told.score


def test_a_new_picture_starts_a_new_conversation(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    def after(*before: bytes) -> tuple[str, float]:
        talk = Conversation(trained, max_new_tokens=TOKENS)
        for data in before:
            talk.ask("What is it?", opened(data))
        answer = talk.ask("Which colour?", opened(BLUE))
        assert len(talk.turns) == len(before) + 1
        return answer.text, answer.probability

    assert after(RED, RED) == after()
    monkeypatch.setattr(Conversation, "_about", lambda self, _: self.turns)
    assert after(RED, RED) != after()


def test_the_page_holds_a_conversation_about_a_picture(served: Served, room: PictureRoom) -> None:
    token, _, saved = served.run("start")
    assert token in saved
    red, blue = given(served, RED), given(served, BLUE)
    chat, question, waiting, message = served.run("ask", token, "What is it?", red)
    assert (question, waiting, message) == ("", "", "")
    assert f"/picture/given/{red}" in chat
    chat = served.run("submit", token, HOSTILE, "")[0]
    assert chat.count("<img") == chat.count("/picture/given/") == 1
    assert "new conversation" not in chat
    chat = served.run("ask", token, "And this?", blue)[0]
    assert chat.count('class="said answered"') == 3
    assert chat.index("new conversation") < chat.index(blue)
    lines = [json.loads(line) for line in served.request(f"/picture/transcript/{token}")[1].splitlines()]
    assert [bool(line["given_sha256"]) for line in lines] == [True, False, True]
    said = room.talk(token).conversation.turns
    assert [line["answer"] for line in lines] == [turn.reply.text for turn in said]
    assert chat.count("cut off") == sum(not turn.reply.ended for turn in said)
    chat, message = served.run("reset", token)
    assert room.invitation in chat
    assert message == ""
    assert served.request(f"/picture/transcript/{token}")[1] == b""


def test_what_is_refused_is_said_and_stays(served: Served, room: PictureRoom) -> None:
    token = served.run("start")[0]
    red = given(served, RED)
    for args, says in (
        ((token, "What is it?", ""), "no picture yet"),
        ((token, " ", red), "The question is empty"),
        ((token, "<|endoftext|>", red), "control token"),
        ((token, "long " * 200, red), "positions for 256"),
        ((token, "What?", "gone"), "choose it again"),
        (("gone", "What?", ""), "reload the page"),
    ):
        _, question, waiting, message = served.run("ask", *args)
        assert says in words(message)
        assert (question, waiting) == args[1:]
    assert room.talk(token).conversation.turns == []
    served.run("ask", token, "What is it?", red)
    served.run("reset", token)
    assert "no picture yet" in served.run("ask", token, "And now?", "")[-1]  # the picture went too


def test_oldest_turns_are_left_out_when_the_memory_is_full(
    served: Served, room: PictureRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = served.run("start")[0]
    turns = room.talk(token).conversation.turns
    served.run("ask", token, "What is it?", given(served, RED))
    while turns[-1].reply.left_out == 0:
        assert len(turns) < 40
        chat, *_, message = served.run("ask", token, "Is there a ball in the picture?", "")
        assert message == ""
    assert "oldest turn was left out" in chat
    monkeypatch.setattr(conversation, "_fits", lambda *_: True)
    _, question, _, message = served.run("ask", token, "And a box?", "")
    assert (question, "positions for 256" in message) == ("And a box?", True)


def test_a_question_that_cannot_fit_keeps_the_conversation(trained: Trained) -> None:
    talk = Conversation(trained, max_new_tokens=TOKENS)
    talk.ask("What is it?", opened(RED))
    for text, seen in (("long " * 200, None), ("long " * 200, opened(BLUE)), (" ", opened(BLUE))):
        with pytest.raises(UserError):
            talk.ask(text, seen)
    other = Conversation(trained, max_new_tokens=TOKENS)
    other.ask("What is it?", opened(RED))
    assert talk.ask("Red?") == other.ask("Red?")


def test_the_page_shows_no_pictures_of_its_own(served: Served, room: PictureRoom) -> None:
    names = {str(one["props"].get("elem_id")) for one in json.loads(served.request("/config")[1])["components"]}
    assert {"question", "ask", "reset", "upload"} <= names
    assert names.isdisjoint({"factor", "text", "found", "strip"})
    assert served.request("/picture/found/0")[0] == 404
    with pytest.raises(UserError, match="no pictures to find"):
        room.find("a ball", 3)


def test_two_tabs_do_not_hear_each_other(served: Served, room: PictureRoom) -> None:
    one, other = (served.run("start")[0] for _ in range(2))
    served.run("ask", one, "What is it?", given(served, RED))
    assert "no picture yet" in served.run("ask", other, "What is it?", "")[-1]
    assert [len(room.talk(token).conversation.turns) for token in (one, other)] == [1, 0]


def test_the_command_opens_the_adapters_kind(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--port", "0", "--device", "cpu", "--base-dir", str(root / "bases")]

    def said(*argv: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(["demo", *options, *argv])
        assert stopped.value.code == 1
        return capsys.readouterr().err

    monkeypatch.chdir(tmp_path)
    (tmp_path / "plumbline.json").write_text('{"objective": "naming"}')
    assert "`objective: naming`" in said(str(tmp_path))
    assert "shows no pictures" in said(str(root / "adapter"), "--pictures", str(tmp_path))
    opened_as: list[Talks[Any, Any]] = []
    monkeypatch.setattr(app, "application", lambda room, _: opened_as.append(room))
    monkeypatch.setattr(serving, "serve", lambda make, _: make())
    main(["demo", str(root / "adapter"), *options])
    assert isinstance(opened_as[0], PictureRoom)
    token = opened_as[0].start()
    assert opened_as[0].talk(token).conversation.max_new_tokens == 64
    assert "about one picture" in capsys.readouterr().out


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_is_asked_for_a_picture_and_keeps_the_question(served: Served, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{served.port}/"
    with browsing(url, tmp_path / "profile") as page:
        page.until("document.querySelector('#session textarea, #session input').value.length === 32")
        assert re.sub(r"\s+", " ", page.text("#chat")) == "Add a picture and ask about it."
        page.js("document.querySelector('#question textarea, #question input').focus()")
        page.type("What is it?")
        page.click("#ask")
        page.until("document.querySelector('#message').innerText.includes('no picture yet')")
        page.until("document.body.dataset.busy === undefined")
        for turns in (1, 2):
            page.js(
                "(async () => { const canvas = document.createElement('canvas');"
                "const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));"
                "const given = new DataTransfer(); given.items.add(new File([blob], 'a.png', {type: 'image/png'}));"
                "const file = document.querySelector('#file'); file.files = given.files;"
                "file.dispatchEvent(new Event('change', {bubbles: true})); })()"
            )
            page.until("document.querySelector('#upload img').naturalWidth > 0")
            assert page.js("document.querySelector('#question textarea, #question input').value") == "What is it?"
            page.click("#ask")
            page.until(f"document.querySelectorAll('#chat .asked img').length === {turns}")
            page.until("document.querySelector('#upload img') === null")
            page.js("document.querySelector('#question textarea, #question input').focus()")
            page.type("What is it?")
        assert page.text("#chat .note").startswith("A new picture")
        page.click("#reset")
        page.until("document.querySelector('#chat .empty') !== null")
        assert page.problems == []
        assert [one for one in page.requested if not one.startswith((url, "data:", "blob:"))] == []


def test_questions_are_text(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    token = served.run("start")[0]
    assert "<img src=x" not in served.run("ask", token, HOSTILE, given(served, RED))[0]
    monkeypatch.setattr(looks, "plain", str)
    assert "<img src=x" in served.run("ask", token, HOSTILE, "")[0]
