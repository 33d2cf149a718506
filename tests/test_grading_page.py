"""The grading page: what it must not tell, what it must not mix up, and what it does not answer."""

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, PATIENCE, Page, browsing
from grading import ADA, LINES, Served, items, project

from stages.grading import looks
from stages.grading.app import application, pictures_of
from stages.grading.desk import Desk
from stages.grading.items import MODES, Item
from stages.grading.log import VERDICTS, GradeLog, open_log, read_log
from stages.pages import guard, serving
from stages.params import UserError

HOSTILE = "<img src=x onerror=\"document.title='taken'\"> ${document.title='taken'} {{value}} </script>'\"`\\"
HOSTILE_LINES = [{**LINES[0], "zero_shot": HOSTILE, "few_shot": f"{HOSTILE} \ud800 \u202e", "tuned": ""}]


@contextmanager
def page_of(folder: Path, lines: list[dict[str, Any]] | None = None) -> Iterator[Served]:
    """The page of a small project, in a thread of this process."""
    found = items(project(folder, lines))
    curated = folder / "data/curate/pets"
    with open_log(folder / "data/grades/sport.jsonl") as log, serving.listening(0) as listener:
        desk = Desk(found, log, ADA)
        server = serving.server(lambda: application(desk, pictures_of(found, curated), curated), listener)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Served(desk, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module", autouse=True)
def environment() -> Iterator[None]:
    """What the page's process sets is set back."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with page_of(tmp_path) as found:
        yield found


def text(html: str) -> str:
    return re.sub(r"<[^>]*>", " ", html).strip()


def test_the_buttons(served: Served) -> None:
    keys = [item.key for item in served.desk.items]
    start = served.press("start", "")
    assert (start[0], text(start[3])) == (keys[0], "1 of 12  · 0 graded")
    answer = served.press("right", keys[0])
    assert (answer[0], text(answer[3]), text(answer[4])) == (keys[1], "2 of 12  · 1 graded", "saved: right")
    assert served.press("wrong", keys[1])[0] == keys[2]
    back = served.press("back", keys[2])
    assert (back[0], text(back[4])) == (keys[1], "Your verdict so far: wrong")
    assert text(served.press("partly", keys[1])[4]) == "changed: partly, was wrong"
    assert served.press("back", keys[0])[0] == keys[0]
    assert served.press("forth", keys[-1])[0] == keys[-1]
    assert served.press("first", keys[7])[0] == keys[2]
    for key in keys[2:]:
        answer = served.press("wrong", key)
    assert (answer[0], "all graded" in answer[3]) == (keys[-1], True)
    assert [line.verdict for line in served.desk.log.grades] == ["right", "wrong", "partly", *["wrong"] * 10]
    status, picture = served.request(f"/picture/{keys[0]}")
    assert (status, picture[:4]) == (200, b"\x89PNG")
    assert served.request("/picture/row-0000")[0] == 404


def sent(served: Served) -> str:
    """Everything that the browser gets to see."""
    parts = [served.request(path)[1].decode() for path in ("/", "/config", "/gradio_api/info")]
    for item in served.desk.items:
        parts += [json.dumps(served.press(name, item.key)) for name in ("first", "forth", "right")]
    return "".join(parts)


def test_nothing_that_is_sent_names_a_mode(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sent(served)
    assert not [word for word in (*MODES, "row-0000", "references", "plays sport 0;") if word in whole]
    assert {mode for line in served.desk.log.grades for mode in line.modes} == set(MODES)
    monkeypatch.setattr(looks, "caption_html", repr)  # as a page that shows the item as it is
    assert all(mode in sent(served) for mode in MODES)


def test_a_late_press_of_another_tab_is_for_what_it_shows(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = served.desk.items[:2]
    served.press("right", first.key)
    served.press("wrong", first.key)  # the other tab still shows the first caption
    assert (served.desk.verdict(first), served.desk.verdict(second)) == ("wrong", None)

    def current(desk: Desk, _: str) -> Item:
        return next(item for item in desk.items if desk.verdict(item) is None)

    monkeypatch.setattr(Desk, "item", current)  # "the caption that we are at"
    served.press("right", first.key)
    assert (served.desk.verdict(first), served.desk.verdict(second)) == ("wrong", "right")


def test_many_presses_at_once_are_whole_lines(served: Served) -> None:
    def press(verdict: str) -> None:
        for item in served.desk.items:
            served.press(verdict, item.key)

    threads = [threading.Thread(target=press, args=(verdict,)) for verdict in VERDICTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    grades, torn = read_log(served.desk.log.path)
    assert (len(grades), torn) == (3 * len(served.desk.items), b"")
    last = {(line.id, line.caption): line.verdict for line in grades}
    assert last == {(item.id, item.caption): served.desk.verdict(item) for item in served.desk.items}


def test_what_the_log_does_not_take_is_not_acknowledged(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise UserError("not saved (No space left on device)")

    monkeypatch.setattr(GradeLog, "append", full)
    key = served.desk.items[0].key
    answer = served.press("right", key)
    assert (answer[0], text(answer[4])) == (key, "not saved (No space left on device)")
    assert (served.desk.graded, served.desk.saved) == (0, 0)


def test_a_caption_of_another_draw_is_not_graded(served: Served) -> None:
    for key in ("", "f" * 20, "../../etc"):
        assert "nothing was saved" in text(served.press("right", key)[4])
    assert served.desk.log.grades == []


def test_only_the_page_itself_is_answered(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    key = served.desk.items[0].key
    strange = [("/", {"Host": "evil.test"}), ("/config", {"Origin": "http://evil.test"}),
               (f"/picture/{key}", {"Sec-Fetch-Site": "cross-site"})]  # fmt: skip
    for path, headers in strange:
        assert served.request(path, **headers)[0] == 403, headers
    assert served.request("/gradio_api/run/right", {"data": [key]}, Origin="http://evil.test")[0] == 403
    assert served.desk.log.grades == []
    monkeypatch.setattr(guard, "refusal", lambda *_: "")
    for path, headers in strange:
        assert served.request(path, **headers)[0] == 200, headers
    served.request("/gradio_api/run/right", {"data": [key]}, Origin="http://evil.test")
    assert len(served.desk.log.grades) == 1  # another site's verdict


def test_captions_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with page_of(tmp_path, HOSTILE_LINES) as served:

        def shown() -> str:
            return "".join(served.press("back", item.key)[2] for item in (*served.desk.items, served.desk.items[-1]))

        served.desk.step = lambda key, by: key  # type: ignore[method-assign]  # every caption, once
        assert "nothing was said" in shown()
        assert "taken" in shown()
        assert not re.search(r"<img|</script|\$\{|\{\{", shown())
        monkeypatch.setattr(looks, "plain", str)
        assert re.search(r"<img .*onerror", shown())


def test_predictions_of_another_set_are_refused(tmp_path: Path) -> None:
    found = items(project(tmp_path, [*LINES[:2], {**LINES[0], "id": "elsewhere"}]))
    with pytest.raises(UserError, match=r"1 rows of the predictions are not in .*'elsewhere'"):
        pictures_of(found, tmp_path / "data/curate/pets")


needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def ready(page: Page, number: int) -> None:
    page.until(f"document.querySelector('#progress').innerText.startsWith('{number} of')")
    page.until("document.querySelector('#shown img').naturalWidth > 0")
    page.until("!('waiting' in document.body.dataset)")


@needs_chromium
def test_a_browser_grades_with_the_keyboard(tmp_path: Path) -> None:
    with page_of(tmp_path, HOSTILE_LINES) as served, browsing(served.url, tmp_path / "profile") as page:
        ready(page, 1)
        seen = [page.text("#said")]
        for number, key in enumerate("12", start=2):
            page.press(key)
            ready(page, number)
            seen.append(page.text("#said"))
        page.press("ArrowLeft")
        ready(page, 2)
        assert page.text("#now") == "Your verdict so far: partly"
        page.press("3")
        ready(page, 3)
        page.js("document.querySelector('#right').click(); document.querySelector('#wrong').click()")
        page.until("document.querySelector('#progress').innerText.includes('all graded')")
        assert [line.verdict for line in served.desk.log.grades] == ["right", "partly", "wrong", "right"]
        assert HOSTILE in seen
        assert "(nothing was said)" in seen
        assert page.js("document.title") == "Plumbline: grading"
        assert {url.split("/")[2] for url in page.requested if url.startswith("http")} == {f"127.0.0.1:{served.port}"}
        assert page.problems == []


@needs_chromium
def test_without_waiting_a_second_press_takes_the_place_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "SCRIPT", looks.SCRIPT.replace("event.stopImmediatePropagation();", "void 0;"))
    with page_of(tmp_path) as served, browsing(served.url, tmp_path / "profile") as page:
        ready(page, 1)
        page.js("document.querySelector('#right').click(); document.querySelector('#wrong').click()")
        ready(page, 2)
        end = time.monotonic() + PATIENCE
        while len(served.desk.log.grades) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        assert {line.id for line in served.desk.log.grades} == {served.desk.items[0].id}
        assert sorted(line.verdict for line in served.desk.log.grades) == ["right", "wrong"]
