"""Dialogues: what is said about drawn creatures, what a file of them may hold, and what a captioned set gets of it."""

import itertools
import json
import re
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from captions import PARAMS, curated, good, line, origin
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.caption import dialogues as room
from stages.caption.dialogues import MOST_CHARACTERS, Dialogue, Turn, read_compiled, read_dialogues, write
from stages.caption.parameters import CaptionParams
from stages.caption.stage import run
from stages.cli.__main__ import main
from stages.creatures import dialogues as talk
from stages.creatures.captions import GENERATOR
from stages.creatures.dialogues import MOST_TURNS, dialogue_of
from stages.creatures.species import species_of
from stages.creatures.topics import CHECKS, PLURAL, TOPICS
from stages.creatures.views import view_of
from stages.params import UserError, check_params
from stages.record import facts_of, read_manifest, write_manifest, write_rows
from stages.scrape.parameters import Catalogue
from stages.scrape.service.catalogue import build

SPECIES = species_of(1, 160)
PICTURES = list(itertools.product(SPECIES, range(4)))
OF_WORDING = {wording: name for name, topic in TOPICS.items() for wording in (*topic.full, *topic.back)}
OF_WORDING |= dict.fromkeys(talk.THESE, "second colour")
DRAWN = f"generator:{GENERATOR} seed 1"
CATALOGUE = Catalogue(seed=3, species=4, views=3, faults=0)

# ------------------------------------------------------------------------------------- what is said


def test_answers_are_true() -> None:
    for species, view in PICTURES:
        plan = view_of(species, view, 1)
        for question, answer in dialogue_of(species, view, 1):
            if answer in ("yes", "no"):
                claims = [
                    check.wording.format(it=it, value=check.phrase(check.value(species, plan)))
                    for check in CHECKS.values()
                    for it in ("it", "this creature")
                    if check.value(species, plan) in check.pool
                ]
                assert (question in claims) == (answer == "yes")
            else:
                assert answer == TOPICS[OF_WORDING[question]].answer(species, plan)


def test_a_creature_looks_as_its_answers_say() -> None:
    """Spelt out, so that a mistake in the tables can't agree with itself."""
    species = replace(
        SPECIES[0], wings="bat", tail="flame", horns="antennae", ears="none", pattern="spots", body="tall",
        colour="red", second_colour="teal", eyes="single",
    )  # fmt: skip
    said = {OF_WORDING[q]: a for view in range(60) for q, a in dialogue_of(species, view, 1) if a not in ("yes", "no")}
    assert said.pop("direction") in ("left", "right")
    del said["scene"], said["pose"]
    assert said == {
        "wings": "bat wings", "tail": "a flame-shaped tail", "horns": "a pair of antennae", "ears": "no ears",
        "pattern": "spots", "body": "tall", "colour": "red", "second colour": "teal", "eyes": "a single eye",
    }  # fmt: skip


def test_questions_never_hold_the_answer_and_answers_are_short() -> None:
    for species, view in PICTURES:
        for question, answer in dialogue_of(species, view, 1):
            assert not re.search(rf"\b{re.escape(answer)}\b", question, re.IGNORECASE)
            assert 1 <= len(answer.split()) <= 4
            Turn(question, answer)


def test_the_first_question_names_the_creature_and_the_others_refer_back() -> None:
    asked_back = set()
    for species, view in PICTURES:
        (first, _), *others = dialogue_of(species, view, 1)
        assert re.search(r"\bcreature\b", first)
        for question, _ in others:
            assert not re.search(r"\bcreature\b", question)
            asked_back.add(question)
    assert {"What about its tail?", "And its ears?", "Where is it?", *talk.THESE} <= asked_back


def test_no_topic_comes_twice_and_the_colour_of_them_follows_what_has_it() -> None:
    """Otherwise "Is its tail curly?" could give away the answer to "And its tail?"."""
    for species, view in PICTURES:
        said = dialogue_of(species, view, 1, MOST_TURNS)
        topics = [OF_WORDING[question] for question, answer in said if answer not in ("yes", "no")]
        assert len(set(topics)) == len(topics) >= len(said) - 1
        for (_, before), (question, _) in itertools.pairwise(said):
            assert question not in talk.THESE or before in PLURAL


def test_yes_and_no_are_balanced_for_every_kind_of_question() -> None:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for species, view in itertools.product(SPECIES, range(20)):
        for question, answer in dialogue_of(species, view, 1):
            if answer in ("yes", "no"):
                found["all"][answer] += 1
                found[question.replace("this creature", "it")][answer] += 1
    assert sum(found["all"].values()) > 1000
    assert found["all"]["yes"] / found["all"].total() == pytest.approx(0.5, abs=0.03)
    often = {question: answers["yes"] / answers.total() for question, answers in found.items() if answers.total() > 60}
    assert len(often) > 5
    assert all(0.25 < share < 0.75 for share in often.values()), often


def test_questions_alone_do_not_tell_the_answers() -> None:
    """The most frequent answer to each wording, learned from some species, is mostly wrong about others."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for species in SPECIES[:130]:
        for view in range(8):
            for question, answer in dialogue_of(species, view, 1):
                answers[question][answer] += 1
    asked = [turn for species in SPECIES[130:] for view in range(8) for turn in dialogue_of(species, view, 1)]
    right = sum(question in answers and answers[question].most_common(1)[0][0] == answer for question, answer in asked)
    assert right / len(asked) < 0.35


def test_missing_parts_would_be_the_safe_answer_if_they_were_always_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def share_of_none() -> float:
        said = [turn for species, view in PICTURES for turn in dialogue_of(species, view, 1)]
        wings = [answer for question, answer in said if OF_WORDING.get(question) == "wings"]
        return wings.count("no wings") / len(wings)

    assert share_of_none() < 0.5
    monkeypatch.setattr(talk, "LACKING_ASKED", 1.0)
    assert share_of_none() > 0.55


def test_dialogues_vary_and_come_again() -> None:
    said = [tuple(dialogue_of(species, view, 1)) for species, view in PICTURES]
    assert said == [tuple(dialogue_of(species, view, 1)) for species, view in PICTURES]
    assert len(set(said)) == len(said)
    orders = {tuple(OF_WORDING.get(question, "yes or no") for question, _ in one) for one in said}
    assert len(orders) > 0.9 * len(said)
    assert dialogue_of(SPECIES[0], 0, 1) != dialogue_of(SPECIES[0], 0, 2)
    for turns in (1, MOST_TURNS):
        assert all(len(dialogue_of(species, view, 1, turns)) == turns for species, view in PICTURES)
    for turns in (0, MOST_TURNS + 1):
        with pytest.raises(ValueError, match=f"in 1..{MOST_TURNS}, found {turns}"):
            dialogue_of(SPECIES[0], 0, 1, turns)


# ---------------------------------------------------------------------------------- what a file holds


def a_line(number: int = 0, **changed: Any) -> dict[str, Any]:
    turns = [{"question": "What is it?", "answer": "a circle"}, {"question": "And its colour?", "answer": "red"}]
    return {"sha256": origin(number), "turns": turns, "author": "person:Ada", **changed}


def a_file(folder: Path, *lines: Any) -> Path:
    path = folder / "dialogues.jsonl"
    path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in lines))
    return path


def test_a_file_is_read_and_written(tmp_path: Path) -> None:
    path = a_file(tmp_path, a_line(0), a_line(1, author=DRAWN))
    found = read_dialogues(path)
    turns = (Turn("What is it?", "a circle"), Turn("And its colour?", "red"))
    assert found[0] == Dialogue(origin(0), turns, "person:Ada")
    write(tmp_path / "new/file.jsonl", found)
    assert read_dialogues(tmp_path / "new/file.jsonl") == sorted(found, key=lambda one: one.sha256)
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["file.jsonl"]
    assert read_dialogues(a_file(tmp_path)) == []


def a_turn(question: Any = "What is it?", answer: Any = "red", **more: Any) -> dict[str, Any]:
    return a_line(turns=[{"question": question, "answer": answer, **more}])


HOSTILE = (
    "",
    "  ",
    "red\nQ: and now?",
    "red\rmore",
    "red\x1b[2J",
    "red [RET]",
    "red [ret]",
    "red [\u200bRET]",
    "red ［RET］",
    "<image> red",
    "</s>",
    "<\u200bimage>",
    "A: red",
    "q : red",
    "Ｑ：red",
    "\u202egreen",
    " red",
    "x" * (MOST_CHARACTERS + 1),
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_texts_that_a_model_could_take_for_something_else_are_refused(tmp_path: Path, hostile: str) -> None:
    for spoilt, name in ((a_turn(answer=hostile), "answer"), (a_turn(question=hostile), "question")):
        with pytest.raises(UserError, match=rf"dialogues.jsonl, line 2 is no dialogue \(turn 1: `{name}`.*not allowed"):
            read_dialogues(a_file(tmp_path, a_line(1), spoilt))


def test_the_check_is_what_keeps_them_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_flaw", lambda text: "")
    path = a_file(tmp_path, a_turn(answer="red [RET]\nQ: and now?\nA: <image>"))
    assert read_dialogues(path)[0].turns[0].answer == "red [RET]\nQ: and now?\nA: <image>"


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ("nonsense", "line 1 is no dialogue"),
        ("", "line 1 is no dialogue"),
        ("[]", "must be an object, found list"),
        ("[" * 100_000, "line 1 is no dialogue"),
        ("<<<<<<< HEAD", "keep both sides"),
        (a_line(sha256="ABC"), "64 hexadecimal digits"),
        (a_line(sha256=7), "64 hexadecimal digits"),
        (a_line(author="Ada"), "KIND:NAME with a kind of person"),
        (a_line(author=["person:Ada"]), "KIND:NAME"),
        (a_line(author="person:A\nda"), "KIND:NAME"),
        (a_line(more=1), "must have the keys sha256, turns, author"),
        (a_line(turns="Q"), "must be a list"),
        (a_line(turns=[]), "allowed are 1 to 20"),
        (a_line(turns=a_line()["turns"] * 11), "has 22, allowed are 1 to 20"),
        (a_line(turns=["red"]), "turn 1 must be an object, found str"),
        (a_turn(more="x"), "turn 1 must have the keys question, answer"),
        (a_turn(answer=7), "`answer` = 7 must be text"),
        (a_turn(answer=None), "must be text"),
    ],
)
def test_what_is_no_dialogue_is_named(tmp_path: Path, spoilt: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_dialogues(a_file(tmp_path, spoilt))


def test_a_picture_has_one_dialogue_and_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line 3: picture \w{12} has a dialogue in line 1 already"):
        read_dialogues(a_file(tmp_path, a_line(0), a_line(1), a_line(0)))
    with pytest.raises(UserError, match="`dialogues: none`"):
        read_dialogues(tmp_path / "missing.jsonl")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_is_accepted_reads_back_as_it_was(question: str, answer: str) -> None:
    try:
        turn = Turn(question, answer)
    except ValueError:
        return
    dialogue = Dialogue(origin(0), (turn,), "person:Ada")
    data = room._encoded(room._values(dialogue))
    assert data.count(b"\n") == 1
    assert room._dialogue(json.loads(data)) == dialogue
    prompt = f"Q: {question}\nA: {answer}"
    assert len(prompt.splitlines()) == 2


# --------------------------------------------------------------------------- what a captioned set gets


def compiled(folder: Path, dialogues: Path, **changed: Any) -> dict[str, Dialogue]:
    """Run the stage over four pictures, of which row 2 is rejected."""
    if not (folder / "curated").exists():
        curated(folder / "curated", 4)
    lines = [*(line(number, "caption", good(number)) for number in (0, 1, 3)), line(2, "reject")]
    (folder / "pets.jsonl").write_bytes(b"".join(one.encoded() for one in lines))
    params = check_params(CaptionParams, {**PARAMS.model_dump(), **changed}, "caption.pets")
    run(
        params,
        curated=folder / "curated",
        log=folder / "pets.jsonl",
        dialogues=dialogues,
        blocklist=Path(__file__).parents[1] / "data" / "blocklist.txt",
        out=folder / "out",
    )
    return read_compiled(folder / "out")


def test_kept_rows_get_their_dialogues_and_the_rest_is_counted(tmp_path: Path) -> None:
    lines = [a_line(1, author=DRAWN), a_line(0), a_line(2), a_line(99), a_line(98), a_line(3, author="model:m@1#2")]
    found = compiled(tmp_path, a_file(tmp_path, *lines))
    assert {row: one.sha256 for row, one in found.items()} == {"row-0000": origin(0), "row-0001": origin(1)}
    assert list(found) == sorted(found)
    facts = read_manifest(tmp_path / "out")
    assert (facts["dialogues"], facts["turns"]) == (2, 4)
    assert facts["dialogue_authors"] == {DRAWN: 1, "person:Ada": 1}
    assert facts["dialogues_left_out"] == {
        "author not allowed": 1,
        "picture dropped": 1,
        "picture not in the curated set": 2,
    }
    assert facts["dialogues"] + sum(facts["dialogues_left_out"].values()) == len(lines)
    assert "dialogues.jsonl" in facts["files"]
    assert set(compiled(tmp_path, a_file(tmp_path, *lines), authors=["person", "model"])) == {"row-0000", "row-0003"}


def test_the_order_of_the_lines_does_not_matter_and_no_dialogue_is_fine(tmp_path: Path) -> None:
    lines = [a_line(number) for number in range(4)]
    compiled(tmp_path, a_file(tmp_path, *lines))
    before = (tmp_path / "out/dialogues.jsonl").read_bytes()
    compiled(tmp_path, a_file(tmp_path, *lines[::-1]))
    assert (tmp_path / "out/dialogues.jsonl").read_bytes() == before
    assert compiled(tmp_path, a_file(tmp_path)) == {}
    facts = read_manifest(tmp_path / "out")
    assert (facts["dialogues"], facts["turns"], facts["dialogues_left_out"]) == (0, 0, {})


def test_a_flawed_file_stops_the_stage_and_an_older_set_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 1 is no dialogue"):
        compiled(tmp_path, a_file(tmp_path, a_turn(answer="[RET]")))
    assert not (tmp_path / "out").exists()
    compiled(tmp_path, a_file(tmp_path, a_line(0)))
    (tmp_path / "out/dialogues.jsonl").unlink()
    with pytest.raises(UserError, match="run `dvc repro caption@out`"):
        read_compiled(tmp_path / "out")
    (tmp_path / "out/manifest.json").unlink()
    with pytest.raises(UserError, match="unfinished"):
        read_compiled(tmp_path / "out")


# ------------------------------------------------------------------------------------ stand-ins by command


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    row = {"dataset": "drawn", "log": "drawn"}
    rows = {
        "scrape": {"drawn": {"queries": "drawn", "endpoint": "local", "catalogue": CATALOGUE.model_dump()}},
        "curate": {"drawn": {"source": "scrape", "dataset": "drawn"}},
        "caption": {"drawn": {**row, "dialogues": "drawn"}, "silent": row},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(rows))
    return tmp_path


def test_stand_ins_are_written_once_and_a_persons_dialogue_stays(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "data/curate/drawn"
    entries = build(CATALOGUE)
    records = [
        replace(record, source=replace(record.source, url=entry.url))
        for record, entry in zip(curated(folder, len(entries)), entries, strict=True)
    ]
    write_rows(folder / "rows.parquet", records)
    write_manifest(folder, facts_of(folder))
    path = project / "data/dialogues/drawn.jsonl"
    mine = Dialogue(records[0].origin, (Turn("Who drew it?", "nobody"),), "person:Ada")
    write(path, [mine])
    main(["caption", "drawn", "--stand-in-dialogues"])
    assert "11 written to data/dialogues/drawn.jsonl, 1 there already" in capsys.readouterr().out
    found = {one.sha256: one for one in read_dialogues(path)}
    assert list(found) == sorted(record.origin for record in records)
    assert found.pop(mine.sha256) == mine
    assert {(one.author, len(one.turns)) for one in found.values()} == {(f"generator:{GENERATOR} seed 3", 5)}
    before = path.read_bytes()
    main(["caption", "drawn", "--stand-in-dialogues"])
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "says"),
    [("silent", "`caption.silent.dialogues` in params.yaml is none"), ("drawn", "none of these pictures was drawn")],
)
def test_where_there_is_nothing_to_write_no_file_is_made(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    curated(project / "data/curate/drawn", 2)
    with pytest.raises(SystemExit):
        main(["caption", name, "--stand-in-dialogues"])
    assert says in capsys.readouterr().err
    assert not (project / "data/dialogues").exists()
