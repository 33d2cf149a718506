"""Ingest of conversations: one row a picture with all that was said about it, and a reason for what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingested import imported, pictures

from stages.caption.validation import unsafe
from stages.formats.captioned import Flaw
from stages.ingest import conversations, turns
from stages.ingest.conversations import read_conversations
from stages.ingest.parameters import Ingest
from stages.ingest.stage import run
from stages.ingest.turns import Conversation, conversation_of
from stages.params import UserError, check_params
from stages.record import Record, read_manifest

BESIDE = Ingest(folder="unused", format="coco", conversations="talk.json")
ALONE = Ingest(folder="unused", format="llava")


def talk(*texts: str, image: object = "1.jpg") -> dict[str, Any]:
    """An entry whose speakers take turns."""
    said = [{"from": ("human", "gpt")[index % 2], "value": text} for index, text in enumerate(texts)]
    return {"id": "1", "image": image, "conversations": said}


def source_of(tmp_path: Path, entries: object, name: str = "talk.json") -> Path:
    source = pictures(tmp_path / "in", ["train2017/1.jpg", "train2017/2.jpg", "3.jpg"])
    images = [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "gone.jpg"}]
    annotations = [{"image_id": 1, "caption": "One."}, {"image_id": 2, "caption": "Gone."}]
    annotations.append({"image_id": 1, "caption": "long " * 20_000})
    (source / "captions.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    (source / name).write_text(json.dumps(entries), encoding="utf-8")
    return source


def said(record: Record) -> dict[str, Any]:
    return record.source.drawn


def test_captions_and_conversations_of_a_picture_are_one_row(tmp_path: Path) -> None:
    entries = [
        talk("<image>\nWhat?", "A dog.", "And?", "It runs.\n\nFast."),
        talk("Which colour?\n<image>", "red", image="coco/train2017/1.jpg"),
        talk("Hello.", "Hi.", "What of <image> this?", "a cat", image="2.jpg"),
        talk("<image>\nLost?", "yes", image="gone.jpg"),
        talk("<image>\nEmpty?", " "),
    ]
    records, drops = imported(BESIDE, source_of(tmp_path, entries), tmp_path / "out")
    rows = {record.source.file: record for record in records}
    assert [text.text for text in rows["train2017/1.jpg"].texts] == ["One."]
    assert said(rows["train2017/1.jpg"]) == {
        "lines": [1],
        "conversations": [
            [{"question": "What?", "answer": "A dog."}, {"question": "And?", "answer": "It runs.\n\nFast."}],
            [{"question": "Which colour?", "answer": "red"}],
        ],
        "image_in_turn": [0, 0],
        "entries": [1, 2],
    }
    assert rows["train2017/2.jpg"].texts == ()
    assert said(rows["train2017/2.jpg"])["image_in_turn"] == [1]
    assert said(rows["train2017/2.jpg"])["conversations"][0][1]["question"] == "What of this?"
    assert drops == {
        "line 3: 1.jpg": "longer than 30000 characters",
        "gone.jpg: 1 captions": "missing picture",
        "talk.json entry 4: gone.jpg": "missing picture",
        "talk.json entry 5": "empty answer",
        "3.jpg": "not in the table",
    }
    assert read_manifest(tmp_path / "out")["conversations"] == 3


def test_conversations_alone(tmp_path: Path) -> None:
    source = source_of(tmp_path, [talk("<image>\nWhat?", "A dog."), talk("Where?\n<image>", "here", image="3.jpg")])
    (source / "captions.json").unlink()
    records, drops = imported(ALONE, source, tmp_path / "out")
    assert {record.source.file: len(said(record)["conversations"]) for record in records} == {
        "train2017/1.jpg": 1,
        "3.jpg": 1,
    }
    assert all(record.texts == () and record.label == "" for record in records)
    assert drops == {"train2017/2.jpg": "not in the table"}
    (source / "conversations.json").write_text("[]")
    imported(ALONE.model_copy(update={"conversations": "talk.json"}), source, tmp_path / "out")
    (source / "conversations_2.json").write_text("[]")
    with pytest.raises(UserError, match=r"several conversations files \(.*name one of them in `conversations`"):
        run(ALONE, source=source, out=tmp_path / "out")


def test_without_the_key_nothing_changes(tmp_path: Path) -> None:
    """The file beside the captions is then a file that no row names."""
    source = source_of(tmp_path, [talk("<image>\nWhat?", "A dog.")])
    records, drops = imported(Ingest(folder="unused", format="coco"), source, tmp_path / "out")
    assert [said(record) for record in records] == [{"lines": [1]}]
    assert drops["talk.json"] == "not in the table"
    assert "conversations" not in read_manifest(tmp_path / "out")


REFUSED: list[tuple[object, str]] = [
    (7, "malformed entry"),
    ({"image": "1.jpg"}, "malformed entry"),
    ({"image": "1.jpg", "conversations": []}, "no turns"),
    ({"image": "1.jpg", "conversations": [{"from": "human", "value": 3}]}, "malformed turn"),
    ({"image": "1.jpg", "conversations": ["<image>"]}, "malformed turn"),
    ({"image": "1.jpg", "conversations": [{"from": "system", "value": "<image>"}]}, "unknown role"),
    ({"image": "1.jpg", "conversations": [{"from": ["human"], "value": "<image>"}]}, "unknown role"),
    ({"image": "1.jpg", "conversations": [{"from": "gpt", "value": "<image>"}]}, "starts with an answer"),
    (talk("<image>\nWhat?"), "ends with a question"),
    (talk("<image>\nWhat?", "A dog.", "And?"), "ends with a question"),
    (talk("<image>\nWhat?", "A dog.", image=None), "no picture named"),
    (talk("What?", "A dog.", image=""), "no picture named"),
    (talk("<image>\nWhat?", "A dog.", image=["1.jpg", "2.jpg"]), "several pictures"),
    (talk("What?", "A dog."), "no <image> in a question"),
    (talk("What?", "A dog <image>."), "<image> in an answer"),
    (talk("<image> <image>\nWhat?", "A dog."), "several <image>"),
    (talk("<image>\nWhat?", "A dog.", "<image>\nAnd?", "A cat."), "several <image>"),
    (talk("<image>", "A dog."), "empty question"),
    (talk("<image>\nWhat?", "\n"), "empty answer"),
    (talk("<image>\nWhat?", "A dog.<|endoftext|>"), "control token"),
    (talk("<image>\nWhat?", "<s> A dog."), "control token"),
    (talk("<image>\nWhat?", "\uff1cs\uff1e A dog."), "control token"),
    (talk("<image>\nWhat? [INST]", "A dog."), "control token"),
    (talk("<image>\nWhat?", "A dog. USER: And?"), "mark of a speaker"),
    (talk("<image>\nWhat?", "A dog.\nAssistant: Yes."), "mark of a speaker"),
    (talk("<image>\nWhat?", "A dog. \uff35SER: And?"), "mark of a speaker"),
    (talk("<image>\nWhat?", "A \u202edog."), "character that turns the writing direction"),
    (talk("<image>\nWhat?", "A \x1b[31mdog."), "control character"),
    (talk("<image>\nWhat?", "A \ud800dog."), "broken encoding"),
    (talk("<image>\nWhat?", "dog " * 25_000), "longer than 30000 characters"),
    (talk("<image>\nWhat?", "A dog.", image="x" * 100_000), "longer than 30000 characters"),
]


@pytest.mark.parametrize(("entry", "reason"), REFUSED)
def test_an_entry_that_is_refused(entry: object, reason: str) -> None:
    found = conversation_of(5, entry)
    assert isinstance(found, Flaw)
    assert (found.line, found.reason) == (5, reason)
    assert len(found.detail) <= 80


def test_two_questions_in_a_row_are_refused() -> None:
    entry = talk("<image>\nWhat?", "A dog.")
    entry["conversations"].insert(1, {"from": "human", "value": "And?"})
    found = conversation_of(1, entry)
    assert isinstance(found, Flaw)
    assert found.reason == "two turns of one speaker in a row"


@pytest.mark.parametrize(
    "answer",
    ["It\u2019s a caf\u00e9 \u2013 \u201cnice\u201d.", "a | b", "x [1]", "1 < 2", "\u5199\u771f", "The user: me"],
)
def test_ordinary_texts_pass_as_they_are(answer: str) -> None:
    found = conversation_of(1, talk("<image>\r\nWhat\tnow?", f" {answer}\n"))
    assert isinstance(found, Conversation)
    assert found.turns == (("What now?", answer),)


def test_long_answers_and_other_names_of_the_roles_are_kept() -> None:
    entry = talk("<image>\nWhat?", "dog " * 5_000)
    entry["conversations"][0]["from"], entry["conversations"][1]["from"] = "user", "assistant"
    assert isinstance(conversation_of(1, entry), Conversation)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_quick_way_refuses_all_that_the_thorough_one_does(text: str) -> None:
    """What `ORDINARY` lets through unread, `unsafe` has nothing against."""
    if text.strip() and turns.ORDINARY.fullmatch(text):
        assert not unsafe(text.replace("\n", " "))


@pytest.mark.parametrize(("text", "reason"), [("A <b>dog", "control token"), ("USER: A dog", "mark of a speaker")])
def test_without_the_check_a_control_token_would_pass(text: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = talk("<image>\nWhat?", text)
    refused = conversation_of(1, entry)
    assert isinstance(refused, Flaw)
    assert refused.reason == reason
    monkeypatch.setattr(turns, "_check", lambda *_: None)
    assert isinstance(conversation_of(1, entry), Conversation)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["<image>", "human", "gpt"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image", "conversations", "from", "value"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(JSON)
def test_every_entry_is_a_conversation_or_a_flaw(entry: object) -> None:
    found = conversation_of(1, entry)
    assert isinstance(found, Conversation) or found.reason


@given(st.lists(JSON, max_size=6), st.sampled_from([None, 1, "\t"]), st.integers(1, 40))
def test_a_list_read_in_pieces_is_the_list(
    tmp_path_factory: pytest.TempPathFactory, entries: list[object], indent: int | str | None, piece: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "entries.json"
    path.write_text(json.dumps([*entries, 1], indent=indent) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversations, "PIECE", piece)
        assert list(conversations._entries(path)) == [*entries, 1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no JSON"),
        (b"{}", "holds a JSON dict; expected the list of conversations"),
        (b"[]", "none of its 0 entries is a conversation"),
        (b"[1, 2]", r"none of its 2 entries .*\(entry 1: malformed entry\)"),
        (b"[1,]", "is no JSON .line 1"),
        (b"[1] 2", "is no JSON .line 1"),
        (b"[1 2]", "is no JSON .line 1"),
        (b'[{"id": 1}, {"id"', "is no JSON .line 1"),
        (b"[" * 100_000, "is no JSON that can be read: RecursionError"),
        (b'["\xff"]', "is not UTF-8"),
    ],
)
def test_a_file_that_holds_no_conversation(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "talk.json").write_bytes(content)
    with pytest.raises(UserError, match=says):
        read_conversations(tmp_path / "talk.json")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"format": "class_folders", "conversations": "talk.json"}, "`conversations` has no effect with"),
        ({"format": "llava", "table": "talk.json"}, "`table` has no effect with `format: llava`"),
        ({"format": "coco", "conversations": ""}, "conversations"),
    ],
)
def test_keys_that_mean_nothing_are_refused(row: dict[str, str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        check_params(Ingest, {"folder": "x", **row}, "ingest.toy")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"conversations": "../talk.json"}, "`conversations` = ../talk.json leaves `folder`"),
        ({"conversations": "none.json"}, "set `conversations` to the file's path"),
    ],
)
def test_a_file_that_is_not_there(tmp_path: Path, change: dict[str, str], says: str) -> None:
    source = source_of(tmp_path, [talk("<image>\nWhat?", "A dog.")])
    with pytest.raises(UserError, match=says):
        run(BESIDE.model_copy(update=change), source=source, out=tmp_path / "out")


def test_equal_folders_give_equal_bytes(tmp_path: Path) -> None:
    source = source_of(tmp_path, [talk("<image>\nWhat?", "A dog."), talk("<image>\nWho?", "Two cats.", image="3.jpg")])
    for out in ("one", "two"):
        imported(BESIDE, source, tmp_path / out)
    assert read_manifest(tmp_path / "one") == read_manifest(tmp_path / "two")
