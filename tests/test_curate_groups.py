"""Copies: what a person decides about two pictures, and that copies stand on one side of the split."""

from pathlib import Path

import pytest
from curation import (
    BY_WORDS,
    TEST_FONT_FAMILY,
    TEST_WORDS,
    a_hash,
    a_row,
    curate,
    digest_of,
    facts,
    line,
    reasons,
    rule,
    seen,
    sides,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.curate import decide, groups
from stages.curate.candidate import Candidate
from stages.curate.decide import Evidence
from stages.curate.decisions import Decided, Decision
from stages.curate.decode import Quarantine
from stages.curate.groups import distance, group
from stages.curate.parameters import NearDuplicates
from stages.curate.split import crossings
from stages.foundation.paligemma2.withheld import is_test_word
from stages.record import Record
from stages.sides import Joined, side_by_entity

NEAR = {"bits": 64, "radius": 3}
PARAMS = curate(near_duplicates=NEAR)
CHAIN = {  # a and b differ in 2 bits, b and c in 3, a and c in 5: the closure joins all three
    "a": facts(a_hash(), width=500),
    "b": facts(a_hash(1, 2), width=400),
    "c": facts(a_hash(1, 2, 3, 4, 5)),
}
FOXES = [seen(name, "fox") for name in CHAIN]


def test_groups_are_closed_transitively() -> None:
    assert reasons(rule(PARAMS, FOXES, CHAIN)) == dict.fromkeys("bc", "near duplicate")


def test_what_a_person_keeps_apart_is_not_merged(tmp_path: Path) -> None:
    ruling = rule(PARAMS, FOXES, CHAIN, line("different", "a", "c"), tmp_path)
    assert {drop.id: drop.detail for drop in ruling.drops} == {"b": "of a, 2 bits differ"}, "b goes to the nearer one"
    assert list(sides(ruling)) == ["a", "c"]
    assert ruling.applied == {"different": 1}
    everything = "".join(line("different", *pair) for pair in ("ab", "bc", "ac"))
    assert reasons(rule(PARAMS, FOXES, CHAIN, everything, tmp_path)) == {}


def test_what_a_person_joins_is_one_picture(tmp_path: Path) -> None:
    looks = {"a": facts(a_hash()), "b": facts(a_hash(*range(40)), width=900)}
    rows = [seen("a", "fox"), seen("b", "fox")]
    assert reasons(rule(PARAMS, rows, looks, "", tmp_path)) == {}
    assert reasons(rule(PARAMS, rows, looks, line("same", "b", "a"), tmp_path)) == {"a": "near duplicate"}
    assert reasons(rule(curate(), rows, None, line("same", "b", "a"), tmp_path)) == {"b": "near duplicate"}


def test_a_person_chooses_among_copies_and_overrides_the_filters(tmp_path: Path) -> None:
    params = curate(near_duplicates=NEAR, pictures={"smallest_side": 1000})
    looks = {**CHAIN, "d": facts(a_hash(*range(40)))}
    rows = [*FOXES, seen("d", "fox")]
    ruling = rule(params, rows, looks, line("keep", "c"), tmp_path)
    assert reasons(ruling) == dict.fromkeys("abd", "too small")
    assert ruling.applied == {"keep": 1}
    assert reasons(rule(PARAMS, FOXES, CHAIN, line("keep", "c"), tmp_path)) == dict.fromkeys("ab", "near duplicate")
    both = line("keep", "b") + line("keep", "c")
    assert reasons(rule(PARAMS, FOXES, CHAIN, both, tmp_path)) == {"a": "near duplicate"}


def test_a_person_cannot_let_in_what_is_not_licensed_or_not_readable(tmp_path: Path) -> None:
    rows = [seen("a", "fox", licence=""), seen("b", "fox"), seen("c", "fox")]
    wanted = line("keep", "a") + line("keep", "b") + line("keep", "c")
    ruling = rule(curate(licences="known"), rows, {"b": Quarantine("unreadable picture")}, wanted, tmp_path)
    assert reasons(ruling) == {"a": "licence not allowed", "b": "unreadable picture"}
    assert ruling.applied == {"keep": 1}
    assert sorted(ruling.not_applied) == [
        "line 2: keep: licence not allowed (row a)",
        "line 3: keep: unreadable picture (row b)",
    ]


def test_a_person_drops_a_picture_and_says_why(tmp_path: Path) -> None:
    said = f"{digest_of('a')},drop,,Ada,a drawing of a fox\n{digest_of('b')},DROP,,Ada,\n".replace("DROP", "drop")
    ruling = rule(PARAMS, FOXES, CHAIN, said, tmp_path)
    assert [(drop.reason, drop.detail) for drop in ruling.drops] == [
        ("dropped by a person", "Ada: a drawing of a fox"),
        ("dropped by a person", "Ada"),
    ]


def test_a_person_settles_contradictory_labels(tmp_path: Path) -> None:
    rows = [seen("a", "fox"), seen("b", "wolf"), seen("c", "fox")]
    ruling = rule(PARAMS, rows, CHAIN, line("keep", "c"), tmp_path)
    assert reasons(ruling) == {"a": "near duplicate", "b": "contradictory labels"}
    assert {drop.id: drop.detail for drop in ruling.drops}["b"] == "fox, wolf; a person kept fox"
    assert reasons(rule(PARAMS, rows, CHAIN, line("drop", "b"), tmp_path)) == {
        "b": "dropped by a person",  # and without b, nothing ties a to c
    }
    apart = line("different", "a", "b") + line("different", "b", "c")
    assert reasons(rule(PARAMS, rows, CHAIN, apart, tmp_path)) == {}
    both = line("keep", "a") + line("keep", "b")
    assert set(sides(rule(PARAMS, rows, CHAIN, both, tmp_path))) == {"a", "b"}, "each is right, a person says"


def test_keeping_bytes_that_came_with_two_labels_settles_nothing(tmp_path: Path) -> None:
    rows = [seen("a", "fox", "p"), seen("b", "wolf", "p")]
    ruling = rule(PARAMS, rows, {}, line("keep", "p"), tmp_path)
    assert reasons(ruling) == dict.fromkeys("ab", "contradictory labels")
    assert ruling.not_applied == ("line 2: keep: contradictory labels (row a)",)


def test_decisions_that_stand_against_each_other_or_miss_a_picture_are_told(tmp_path: Path) -> None:
    chain = line("same", "a", "b") + line("same", "b", "c") + line("different", "a", "c")
    ruling = rule(PARAMS, FOXES, CHAIN, chain, tmp_path)
    assert ruling.not_applied == ("line 3: same: `different` decisions stand against it",)
    assert ruling.applied == {"same": 1, "different": 1}
    gone = line("drop", "a") + line("same", "a", "b")
    ruling = rule(PARAMS, FOXES, CHAIN, gone, tmp_path)
    assert ruling.not_applied == ("line 3: same: one of its pictures was left out",)


def entity_on(side: str, start: str = "") -> str:
    return next(name for n in range(99) if side_by_entity(name := f"{start}entity{n}", 0.4) == side)


TRAIN_ENTITY, TEST_ENTITY = entity_on("train", "a "), entity_on("test", "b ")
TWINS = {"x": facts(a_hash()), "y": facts(a_hash(1))}


def twin_rows(*others: Record) -> list[Record]:
    """One picture twice, under entities that would stand on two sides."""
    return [seen("x", TRAIN_ENTITY, label="fox"), seen("y", TEST_ENTITY, label="fox"), *others]


def test_entities_that_share_a_picture_stand_on_one_side(tmp_path: Path) -> None:
    rows = twin_rows(seen("z", TEST_ENTITY, label="fox"))
    apart = line("different", "x", "y")
    assert sides(rule(curate(), rows)) == {"x": "train", "y": "test", "z": "test"}, "nobody looked for copies"
    assert sides(rule(PARAMS, rows, TWINS, apart, tmp_path)) == {"x": "train", "y": "train", "z": "train"}
    assert sides(rule(PARAMS, rows, TWINS)) == {"x": "train", "z": "train"}, "also where one of them was merged"


def test_without_tied_entities_copies_would_stand_on_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, apart = twin_rows(), line("different", "x", "y")
    ruling = rule(PARAMS, rows, TWINS, apart, tmp_path)
    assert crossings(PARAMS, ruling.kept, ruling.linked) == []
    monkeypatch.setattr(decide, "components", lambda rows, _: {row.record.entity: row.record.entity for row in rows})
    ruling = rule(PARAMS, rows, TWINS, apart, tmp_path)
    assert sides(ruling) == {"x": "train", "y": "test"}
    assert crossings(PARAMS, ruling.kept, ruling.linked) == [f"group {min(digest_of('x'), digest_of('y'))}"]


def test_words_fix_the_side_and_a_copy_of_a_test_picture_leaves_training(monkeypatch: pytest.MonkeyPatch) -> None:
    word = next(word for x in "abcdef" if not is_test_word(word := TEST_WORDS[0][0] + x))
    rows = [a_row("a", word), a_row("b", TEST_WORDS[0], TEST_FONT_FAMILY)]
    said = {row.origin: Decision(2, row.origin, "keep", "", "Ada", "") for row in rows}
    joined = Decision(3, rows[0].origin, "same", rows[1].origin, "Ada", "")
    pair = (min(said), max(said))
    evidence = Evidence(rows, decided=Decided(keep=said, same={pair: joined}))
    ruling = decide.decide(BY_WORDS, evidence)
    assert [(drop.id, drop.reason, drop.detail) for drop in ruling.drops] == [
        ("a", "looks like a test picture", "like b")
    ]
    monkeypatch.setattr(decide, "_keep_one_side", lambda *_: None)
    ruling = decide.decide(BY_WORDS, evidence)
    assert crossings(BY_WORDS, ruling.kept, ruling.linked) == [f"group {pair[0]}"]


def test_many_equal_pictures_around_a_decision_cost_no_square() -> None:
    rows = [seen(f"r{n:04}", "fox") for n in range(2000)]
    alike = [Candidate(row, row.id, facts(a_hash())) for row in rows]
    pairs = groups._nearest_first(alike, {"r0001", "r0002"}, 3)
    assert len(pairs) == len(rows), "one each, and one more between the two and the first"
    assert len({one for pair in pairs for one in pair}) == len(rows)


PICTURES = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 5), st.integers(0, 3)), max_size=25)


@settings(max_examples=120, deadline=None)
@given(PICTURES, st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=6), st.integers(0, 3))
def test_no_entity_and_no_pair_that_looks_alike_crosses(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, int, int]],
    apart: list[tuple[int, int]],
    radius: int,
) -> None:
    rows = [seen(f"r{n}", f"entity{entity}", label="fox") for n, (_, entity, _) in enumerate(drawn)]
    looks = {f"r{n}": facts(code.to_bytes(8, "big"), width=200 + size) for n, (code, _, size) in enumerate(drawn)}
    pairs = {tuple(sorted(pair)) for pair in apart if pair[0] != pair[1] and max(pair) < len(rows)}
    decisions = "".join(line("different", f"r{a}", f"r{b}") for a, b in sorted(pairs))
    params = curate(near_duplicates={"bits": 64, "radius": radius})
    ruling = rule(params, rows, looks, decisions, tmp_path_factory.getbasetemp())
    code_of = {f"r{n}": code for n, (code, _, _) in enumerate(drawn)}
    for one in ruling.kept:
        for other in ruling.kept:
            alike = (code_of[one.id] ^ code_of[other.id]).bit_count() <= radius
            if one.entity == other.entity or alike:
                assert one.split == other.split
    kept = {row.id for row in ruling.kept}
    of = {copy.record.id: copy.of for copy in ruling.copies if copy.role == "merged"}
    for a, b in pairs:  # decided different: never merged into each other, nor into one third picture
        home_a, home_b = of.get(f"r{a}", f"r{a}"), of.get(f"r{b}", f"r{b}")
        assert home_a != home_b
        assert {home_a, home_b} <= kept


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2**10 - 1), min_size=1, max_size=30), st.integers(0, 3), st.randoms())
def test_keeping_apart_what_is_apart_anyway_changes_nothing(codes: list[int], radius: int, random: object) -> None:
    """The careful grouping around a `different` decision agrees with the fast one."""
    rows = [seen(f"r{n}", "fox") for n in range(len(codes))]
    candidates = [
        Candidate(row, row.image.sha256, facts(code.to_bytes(8, "big"))) for row, code in zip(rows, codes, strict=True)
    ]
    near = NearDuplicates(bits=64, radius=radius)
    fast = group(candidates, near, Decided())
    lone = [candidate for candidate in candidates if list(fast.merged.values()).count(candidate.picture) == 1]
    far = next(((a, b) for a in candidates for b in lone if fast.merged[a.picture] != fast.merged[b.picture]), None)
    if far is not None:
        pair = (min(far[0].picture, far[1].picture), max(far[0].picture, far[1].picture))
        careful = group(candidates, near, Decided(different={pair: None}))  # type: ignore[dict-item]
        assert careful.merged == fast.merged


def test_turned_copies_are_near_when_their_variants_are() -> None:
    rows = [seen("a", "fox"), seen("b", "fox")]
    looks = {"a": facts(a_hash(), a_hash(*range(30))), "b": facts(a_hash(*range(30)), a_hash())}
    assert reasons(rule(PARAMS, rows, looks)) == {"b": "near duplicate"}
    one, other = (Candidate(row, row.id, looks[row.id]) for row in rows)
    assert distance(one, other) == 0
    assert distance(one, Candidate(rows[0], "c")) is None


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4),
)
def test_joined_sets_are_called_by_their_smallest_name_and_keep_apart(
    joins: list[tuple[int, int]], apart: list[tuple[int, int]]
) -> None:
    pairs = [(str(a), str(b)) for a, b in apart if a != b]
    sets = Joined([str(n) for n in range(10)], pairs)
    done = [sets.join(str(a), str(b)) for a, b in joins]
    names = sets.names()
    for (a, b), joined in zip(joins, done, strict=True):
        assert joined == (names[str(a)] == names[str(b)]) or not joined
    assert all(names[a] != names[b] for a, b in pairs)
    assert all(name == min(one for one in names if names[one] == name) for name in names.values())
