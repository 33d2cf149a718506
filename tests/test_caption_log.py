"""The caption log: what was acknowledged is there, whatever happens to the process, the disk or the file."""

import json
import multiprocessing
import os
import random
import resource
import signal
from pathlib import Path

import pytest
from captions import ADA, PARAMS, curated, good, line, origin
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.caption import log as module
from stages.caption.desk import Desk
from stages.caption.log import KINDS, Line, Log, open_log, person, read_log
from stages.caption.state import state_of
from stages.params import UserError

BEN = "person:Ben"
MODEL = "model:tiny@1#2"
FILE = "import:coco:captions.json:unknown"
DRAWN = "generator:plumbline.creatures/1 seed 1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "captions" / "pets.jsonl"


def written(path: Path, *lines: Line) -> None:
    with open_log(path) as log:
        log.append(*lines)


def test_what_is_appended_is_read_back(path: Path) -> None:
    first, second = line(1, "caption", "ein Fuchs, “weiß”\u2028 mit \\ und \n"), line(2, "draft", "a fox", MODEL)
    written(path, first)
    written(path, second, line(1, "undo"))
    assert read_log(path) == ([first, second, line(1, "undo")], b"")
    assert path.read_bytes().count(b"\n") == 3


def torn_at(path: Path, cut: int) -> list[Line]:
    """The log as it was acknowledged, followed by the first `cut` bytes of one more line."""
    lines = [line(1, "caption", "eine weiße Katze"), line(2, "skip")]
    path.unlink(missing_ok=True)
    written(path, *lines)
    with path.open("ab") as stream:
        stream.write(line(3, "caption", "ein grüner Frosch auf einem Blatt").encoded()[:cut])
    return lines


def test_a_line_cut_anywhere_loses_nothing_that_was_acknowledged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_sync", lambda _: None)  # hundreds of them, and no power is cut here
    last = line(3, "caption", "ein grüner Frosch auf einem Blatt").encoded()
    for cut in range(len(last) + 1):
        lines = torn_at(path, cut)
        whole = cut >= len(last) - 1  # but for its line feed
        with open_log(path) as log:
            assert log.lines == lines + [line(3, "caption", "ein grüner Frosch auf einem Blatt")] * whole
            assert log.torn == (b"" if whole else last[:cut])
            log.append(line(4, "skip"))
        assert read_log(path)[0] == [*log.lines]
        assert log.lines[-1] == line(4, "skip")


def test_zeros_that_a_power_cut_left_are_cut_off(path: Path) -> None:
    written(path, line(1, "skip"))
    with path.open("ab") as stream:
        stream.write(b"\0" * 300)
    with open_log(path) as log:
        assert (log.lines, log.torn) == ([line(1, "skip")], b"\0" * 300)


def test_cutting_the_torn_line_is_what_keeps_the_next_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torn_at(path, 40)
    monkeypatch.setattr(os, "ftruncate", lambda *_: None)
    monkeypatch.setattr(Log, "_require_untouched", lambda _: None)
    written(path, line(4, "skip"))
    with pytest.raises(UserError, match="line 3"):
        read_log(path)


def test_reading_changes_nothing(path: Path) -> None:
    lines = torn_at(path, 40)
    before = path.read_bytes()
    assert read_log(path)[0] == lines
    assert path.read_bytes() == before


WHOLE = json.loads(line(1, "skip").encoded())


@pytest.mark.parametrize(
    "broken",
    [
        b"<<<<<<< HEAD",
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"sha256": 1}',
        *(json.dumps({**WHOLE, key: value}).encode() for key, value in [
            ("sha256", "ab"), ("action", "delete"), ("author", "Ada"), ("author", "person: "), ("text", 5),
            ("author", "person:A\nB"), ("at", "yesterday"), ("at", "2026-01-02T03:04:05"), ("more", "x"),
            ("text", "text with a skip"), ("author", FILE), ("text", "\ud800"),
        ]),
        json.dumps({**WHOLE, "action": "caption", "text": "by a model", "author": MODEL}).encode(),
        json.dumps({**WHOLE, "action": "draft", "text": "by a person"}).encode(),
    ],
)  # fmt: skip
def test_a_whole_line_that_is_none_is_named(path: Path, broken: bytes) -> None:
    written(path, line(1, "skip"))
    with path.open("ab") as stream:
        stream.write(broken + b"\n" + line(2, "skip").encoded())
    before = path.read_bytes()
    with pytest.raises(UserError, match="line 2"):
        read_log(path)
    with pytest.raises(UserError, match="line 2"), open_log(path):
        pass
    assert path.read_bytes() == before


def test_one_process_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_log(path):
        with pytest.raises(UserError, match="another `plumbline caption`"), open_log(path):
            pass
        with monkeypatch.context() as without:
            without.setattr("fcntl.flock", lambda *_: None)
            with open_log(path):
                pass  # the lock is what kept the second one out
    with open_log(path):
        pass


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> dict[int, bytes]:
    """What a power cut would leave of every file and folder, by inode: its content when it was last synced."""
    kept: dict[int, bytes] = {}

    def sync(descriptor: int) -> None:
        name = f"/proc/self/fd/{descriptor}"
        kept[os.fstat(descriptor).st_ino] = (
            "\n".join(os.listdir(name)).encode() if os.path.isdir(name) else Path(os.readlink(name)).read_bytes()
        )

    monkeypatch.setattr(os, "fsync", sync)
    return kept


def test_a_save_is_on_the_disk_before_it_returns(
    path: Path, durable: dict[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_log(path) as log:
        inode = path.stat().st_ino
        assert path.name.encode() in durable[path.parent.stat().st_ino]  # or the file itself could be gone
        log.append(line(1, "skip"))
        assert durable[inode] == line(1, "skip").encoded()
        monkeypatch.setattr(module, "_sync", lambda _: None)
        log.append(line(2, "skip"))
        assert line(2, "skip").encoded() not in durable[inode]


def fill(path: Path, log: Log) -> None:
    """Let the disk be full in the middle of the next line."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, hard))
    try:
        with pytest.raises(UserError, match="not saved"):
            log.append(line(2, "caption", "too much for this disk"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))


def test_a_full_disk_is_said_and_the_next_save_is_whole(path: Path) -> None:
    with open_log(path) as log:
        log.append(line(1, "skip"))
        fill(path, log)
        log.append(line(3, "skip"))
    assert read_log(path)[0] == log.lines == [line(1, "skip"), line(3, "skip")]


def test_cutting_back_is_what_keeps_the_line_after_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Log, "_cut_back", lambda _: None)
    monkeypatch.setattr(Log, "_require_untouched", lambda _: None)
    with open_log(path) as log:
        log.append(line(1, "skip"))
        fill(path, log)
        log.append(line(3, "skip"))
    with pytest.raises(UserError, match="line 2"):
        read_log(path)


def replaced(path: Path, log: Log) -> None:
    """What `git checkout` does to a file that is open."""
    other = path.with_suffix(".new")
    other.write_bytes(line(9, "skip").encoded())
    other.replace(path)
    log.append(line(2, "caption", "written into a file that nobody sees"))


def test_a_log_that_git_replaced_takes_no_more_captions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_log(path) as log, pytest.raises(UserError, match="replaced while it was open"):
        replaced(path, log)
    monkeypatch.setattr(Log, "_require_untouched", lambda _: None)
    with open_log(path) as log:
        replaced(path, log)  # acknowledged, and lost
    assert read_log(path)[0] == [line(9, "skip")]


def test_a_failed_sync_ends_the_session(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with open_log(path) as log:
        with monkeypatch.context() as broken:
            broken.setattr(module, "_sync", fail)
            with pytest.raises(UserError, match="not saved"):
                log.append(line(1, "skip"))
        with pytest.raises(UserError, match="start the command again"):
            log.append(line(1, "skip"))
    assert read_log(path)[0] == []


def save_for_ever(path: Path, folder: Path, pipe: int) -> None:
    """A child that captions and acknowledges until it is killed."""
    records = curated(folder, 4)
    with open_log(path) as log:
        desk = Desk(PARAMS, records, log, ADA)
        for number in range(len(log.lines), 100_000):
            told = desk.save(origin(number % 4), good(number % 4, f", take {number}"))
            os.write(pipe, f"{told.message}\n".encode())


def killed(path: Path, folder: Path, seed: int) -> list[str]:
    """The captions that a child acknowledged until it was killed, at a random moment."""
    receiver, sender = os.pipe()
    child = multiprocessing.get_context("fork").Process(target=save_for_ever, args=(path, folder, sender))
    child.start()
    os.close(sender)
    with os.fdopen(receiver, encoding="utf-8") as stream:
        said = [stream.readline() for _ in range(random.Random(seed).randrange(1, 25))]
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        said += stream.readlines()
    return [one.removeprefix("saved: “").removesuffix("”\n") for one in said]


def test_ten_kills_lose_nothing_that_was_acknowledged(path: Path, tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for seed in range(10):
        acknowledged += killed(path, tmp_path / str(seed), seed)
    assert len(acknowledged) >= 100
    texts = [one.text for one in read_log(path)[0]]
    assert set(acknowledged) <= set(texts)
    assert len(texts) <= len(acknowledged) + 10


def test_an_acknowledgment_without_a_write_is_lost(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_write", lambda *_: None)  # as a program that buffers
    monkeypatch.setattr(Log, "_require_untouched", lambda _: None)
    assert killed(path, tmp_path / "pets", 1)
    assert read_log(path)[0] == []


actions = st.lists(
    st.builds(
        lambda number, action, author, text: line(number, action, text if action == "caption" else "", author),
        st.integers(0, 2),
        st.sampled_from(["caption", "caption", "skip", "reject", "undo"]),
        st.sampled_from([ADA, BEN]),
        st.text(min_size=1, max_size=3).filter(lambda text: text.isprintable()),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(actions)
def test_undoing_everything_leaves_the_others_lines(lines: list[Line]) -> None:
    state = state_of(lines)
    while (last := state.last_of(ADA)) is not None:
        before = len(state.by_author[ADA])
        state.add(Line(last.sha256, "undo", "", ADA, last.at))
        assert len(state.by_author[ADA]) == before - 1
    others = state_of([one for one in lines if one.author == BEN])
    assert {key: one.lines for key, one in state.pictures.items() if one.lines} == {
        key: one.lines for key, one in others.pictures.items() if one.lines
    }


@settings(max_examples=150, deadline=None)
@given(actions, actions.filter(bool))
def test_an_undo_takes_back_exactly_the_last_action(lines: list[Line], more: list[Line]) -> None:
    last = next((one for one in more if one.action != "undo"), line(0, "skip"))
    before, after = state_of(lines), state_of([*lines, last, line_undo(last)])
    assert after.last_of(last.author) == before.last_of(last.author)
    assert {key: one.lines for key, one in after.pictures.items() if one.lines} == {
        key: one.lines for key, one in before.pictures.items() if one.lines
    }


def line_undo(last: Line) -> Line:
    return Line(last.sha256, "undo", "", last.author, last.at)


def test_decisions_follow_the_last_person(path: Path) -> None:
    lines = [line(1, "reject"), line(1, "caption", "an import takes nothing back", FILE)]
    assert state_of(lines).of(origin(1)).decision == "reject"
    lines.append(line(1, "caption", "a person does", BEN))
    assert state_of(lines).of(origin(1)).decision == ""
    lines.append(line(1, "undo", author=BEN))
    assert state_of(lines).of(origin(1)).decision == "reject"
    lines.append(line(1, "undo", author=BEN))  # nothing left of Ben's: Ada's stays
    assert state_of(lines).of(origin(1)).decision == "reject"
    assert state_of([line(2, "draft", "d", MODEL)]).of(origin(2)).decided is False


@settings(max_examples=100, deadline=None)
@given(st.permutations([(ADA, "p"), (FILE, "i"), (DRAWN, "g"), (MODEL, "m"), (MODEL, "n")]), st.integers(0, 5))
def test_the_best_kind_of_author_counts_in_any_order(order: list[tuple[str, str]], count: int) -> None:
    lines = [line(1, "draft" if author == MODEL else "caption", text, author) for author, text in order[:count]]
    picture = state_of(lines).of(origin(1))
    best = min((KINDS.index(one.kind) for one in lines), default=None)
    counted = picture.counted(KINDS)
    assert [one.kind for one in counted] == ([] if best is None else [KINDS[best]])
    drafts = [one for one in lines if one.kind == "model"]
    assert picture.draft == (drafts[-1] if drafts else None)
    assert not picture.counted(["model"]) or picture.counted(["model"]) == [picture.draft]


@pytest.mark.parametrize("name", ["", "  ", "\u202eadA", "A\x07"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UserError, match="author"):
        person(name)


def test_a_name_is_one_line() -> None:
    assert person(" Ada \n Lovelace ") == "person:Ada Lovelace"
