"""Which rows stay: each reason, one a row; licences; copies; class sizes."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from curation import a_hash, curate, digest_of, facts, line, reasons, rule, seen, sides
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.curate import copies, decide
from stages.curate.decide import Evidence
from stages.curate.decode import Facts, Quarantine
from stages.curate.licences import is_allowed
from stages.curate.split import crossings
from stages.record import Image, Text

NEAR = {"bits": 64, "radius": 3}
PICTURES = {"smallest_side": 100, "largest_aspect": 3, "least_sharpness": 60, "least_contrast": 6}


@pytest.mark.parametrize(
    ("looks", "reason", "detail"),
    [
        (Quarantine("unreadable picture", "OSError: cut"), "unreadable picture", "OSError: cut"),
        (facts(width=300, height=99), "too small", "300 x 99, less than 100 pixels"),
        (facts(width=301, height=100), "too long and thin", "301 x 100, more than 3 to 1"),
        (facts(width=100, height=301), "too long and thin", "100 x 301, more than 3 to 1"),
        (facts(contrast=5.9, sharpness=0.0), "blank", "contrast 5.9, less than 6"),
        (facts(sharpness=59.9), "blurred", "sharpness 59.9, less than 60"),
    ],
)
def test_a_picture_that_is_not_good_enough_goes(looks: Facts | Quarantine, reason: str, detail: str) -> None:
    ruling = rule(curate(pictures=PICTURES), [seen("a", "fox"), seen("b", "fox")], {"a": looks})
    assert [(drop.id, drop.reason, drop.detail) for drop in ruling.drops] == [("a", reason, detail)]
    assert list(sides(ruling)) == ["b"]


def test_pictures_on_the_border_stay() -> None:
    looks = {"a": facts(width=300, height=100, sharpness=60.0, contrast=6.0)}
    assert rule(curate(pictures=PICTURES), [seen("a", "fox")], looks).drops == []


def test_the_size_of_our_own_pngs_is_known_without_looking() -> None:
    own = replace(seen("a", "fox"), image=Image(digest_of("a"), "0.tar", "a.png", 300, 99))
    ruling = decide.decide(curate(pictures={"smallest_side": 100}), Evidence([own]))
    assert reasons(ruling) == {"a": "too small"}


LICENCES: list[tuple[Any, str, bool]] = [
    ("any", "", True),
    ("known", "", False),
    ("known", "Unknown ", False),
    ("known", "NOASSERTION", False),
    ("known", "all rights reserved", True),  # it is known: a list keeps it out
    (["CC-BY-4.0", "CC0-1.0"], "cc by 4.0", True),
    (["CC-BY-4.0"], "CC-BY-SA-4.0", False),
    (["CC-BY-4.0"], "", False),
]


@pytest.mark.parametrize(("policy", "licence", "allowed"), LICENCES)
def test_the_licence_policy_decides(policy: Any, licence: str, allowed: bool) -> None:
    ruling = rule(curate(licences=policy), [seen("a", "fox", licence=licence)])
    assert reasons(ruling) == ({} if allowed else {"a": "licence not allowed"})
    assert [drop.detail for drop in ruling.drops] == ([] if allowed else [licence or "none given"])


def test_without_the_policy_an_unknown_licence_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [seen("a", "fox", licence=""), seen("b", "fox")]
    assert {row.source.licence for row in rule(curate(licences="known"), rows).kept} == {"CC-BY-4.0"}
    monkeypatch.setattr(decide, "is_allowed", lambda policy, licence: True)
    assert {row.source.licence for row in rule(curate(licences="known"), rows).kept} == {"CC-BY-4.0", ""}


@given(st.text(), st.lists(st.text(), max_size=3).map(tuple))
def test_an_allowed_licence_is_a_known_one(licence: str, listed: tuple[str, ...]) -> None:
    if is_allowed(listed, licence):
        assert is_allowed("known", licence)
    assert is_allowed("any", licence)


def test_texts_of_other_lengths_are_left_out_and_rows_without_any_that_fits() -> None:
    texts = {"short": "a fox", "good": "a red fox in deep snow", "long": "fox " * 30}
    rows = [
        seen("a", "fox", texts=tuple(Text(text, "Ada") for text in texts.values())),
        seen("b", "fox", texts=(Text("a fox", "Ada"), Text("fox " * 30, "Ada"))),
        seen("c", "fox"),  # no text yet: captions come later
    ]
    ruling = rule(curate(texts={"shortest": 3, "longest": 20}), rows)
    assert [(drop.id, drop.reason, drop.detail) for drop in ruling.drops] == [("b", "text length", "2, 30 words")]
    assert [row.texts for row in ruling.kept] == [(Text(texts["good"], "Ada"),), ()]
    assert ruling.texts_left_out == 2


COPIES = {
    "best": facts(a_hash(), width=640, height=480),
    "small": facts(a_hash(1), width=320, height=240, bytes=99999),
    "light": facts(a_hash(2), width=640, height=480, bytes=8999),
    "other": facts(a_hash(*range(40))),
}


def test_of_near_copies_the_best_one_stays() -> None:
    rows = [seen(name, "fox") for name in COPIES]
    ruling = rule(curate(near_duplicates=NEAR), rows, COPIES)
    assert reasons(ruling) == {"small": "near duplicate", "light": "near duplicate"}
    assert {drop.detail for drop in ruling.drops} == {"of best, 1 bits differ"}
    assert [(copy.record.id, copy.role, copy.bits) for copy in ruling.copies] == [
        ("best", "kept", None),
        ("light", "merged", 1),
        ("small", "merged", 1),
    ]
    assert reasons(rule(curate(), rows, COPIES)) == {}, "nobody asked for near duplicates"


def test_a_known_licence_and_then_the_id_decide_between_equals() -> None:
    looks = {name: facts(a_hash()) for name in "abc"}
    rows = [seen("a", "fox", licence="unknown"), seen("b", "fox"), seen("c", "fox")]
    assert list(sides(rule(curate(near_duplicates=NEAR), rows, looks))) == ["b"]


def test_rows_of_the_same_bytes_are_one_picture() -> None:
    rows = [seen("a", "fox", "p", licence=""), seen("b", "fox", "p"), seen("c", "fox", "p")]
    ruling = rule(curate(), rows)
    assert [(drop.id, drop.reason, drop.detail) for drop in ruling.drops] == [
        ("a", "exact duplicate", "of b"),
        ("c", "exact duplicate", "of b"),
    ]


def test_without_grouping_a_copy_stays_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, params = [seen(name, "fox") for name in COPIES], curate(near_duplicates=NEAR)
    assert len(rule(params, rows, COPIES).kept) == 2
    monkeypatch.setattr(
        "stages.curate.groups.near_groups", lambda hashes, radius: __import__("numpy").arange(len(hashes))
    )
    assert len(rule(params, rows, COPIES).kept) == 4


def test_copies_with_different_labels_all_go() -> None:
    looks = {"a": facts(a_hash()), "b": facts(a_hash(7)), "c": facts(a_hash(7)), "d": facts(a_hash(*range(30)))}
    rows = [seen("a", "fox"), seen("b", "wolf"), seen("c", "fox"), seen("d", "fox")]
    ruling = rule(curate(near_duplicates=NEAR), rows, looks)
    assert reasons(ruling) == dict.fromkeys("abc", "contradictory labels")
    assert {drop.detail for drop in ruling.drops} == {"fox, wolf"}
    assert {copy.role for copy in ruling.copies} == {"contradictory"}


def test_without_the_check_contradictory_copies_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [seen("a", "fox", "p"), seen("b", "wolf", "p")]
    assert rule(curate(), rows).kept == []
    monkeypatch.setattr(decide, "contradictions", lambda candidates, groups: [])
    assert [row.label for row in rule(curate(), rows).kept] == ["fox"], "one of two labels, by chance"


def test_a_class_is_cut_to_its_maximum_and_left_out_below_its_minimum() -> None:
    rows = [seen(f"{label}{n}", label) for label, count in (("fox", 9), ("wolf", 3), ("owl", 2)) for n in range(count)]
    ruling = rule(curate(per_class={"most": 4, "least": 3}), rows)
    assert Counter(row.label for row in ruling.kept) == {"fox": 4, "wolf": 3}
    assert Counter(reasons(ruling).values()) == {"over the class maximum": 5, "class below the minimum": 2}
    assert {drop.detail for drop in ruling.drops} == {"fox: 9, more than 4", "owl: 2, less than 3"}


@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 5))
def test_a_subsample_hardly_changes_when_a_row_is_added(count: int, most: int, seed: int) -> None:
    params = curate(per_class={"most": most, "seed": seed})
    rows = [seen(f"f{n}", "fox") for n in range(count)]
    before = set(sides(rule(params, rows)))
    assert before == set(sides(rule(params, [*rows, seen("w", "wolf")]))) - {"w"}
    after = set(sides(rule(params, [*rows, seen("g", "fox")])))
    assert len(before - after) <= 1
    assert after - before <= {"g"}


def test_another_seed_takes_other_rows() -> None:
    rows = [seen(f"f{n}", "fox") for n in range(40)]
    assert len({frozenset(sides(rule(curate(per_class={"most": 20, "seed": n}), rows))) for n in range(4)}) == 4


LOOKS = {
    "quarantined": Quarantine("too many pixels", "30000 x 30000"),
    "small": facts(a_hash(), width=20, height=20),
    "near a": facts(a_hash(1, 2), width=400),
    "near b": facts(a_hash(2, 3)),
    "near c": facts(a_hash(3, 4, 5, 6)),
    "far": facts(a_hash(*range(30, 60))),
    "plain": facts(),  # nobody could hash it
}
NAMES = st.sampled_from(sorted(LOOKS))
ROWS = st.lists(
    st.tuples(NAMES, st.sampled_from(["fox", "Fox", "wolf", "owl"]), st.booleans(), st.sampled_from(["", "CC0-1.0"])),
    max_size=25,
)
DECISIONS = st.lists(st.tuples(st.sampled_from(["keep", "drop"]), NAMES), max_size=3, unique_by=lambda one: one[1])
PAIRS = st.lists(
    st.tuples(st.sampled_from(["same", "different"]), st.tuples(NAMES, NAMES)),
    max_size=4,
    unique_by=lambda one: tuple(sorted(one[1])),
)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "near_duplicates": st.just(NEAR),
        "licences": st.sampled_from(["any", "known", ["cc0-1.0"]]),
        "pictures": st.just(PICTURES),
        "per_class": st.sampled_from([{"most": 2}, {"least": 2}, {"most": 3, "least": 2, "seed": 4}]),
    },
)


@settings(max_examples=200, deadline=None)
@given(ROWS, DECISIONS, PAIRS, SECTIONS)
def test_every_row_is_kept_or_dropped_once_and_nothing_crosses(
    tmp_path_factory: pytest.TempPathFactory, drawn: Any, alone: Any, paired: Any, sections: Any
) -> None:
    rows = [
        seen(f"r{number}", entity, name, label="other" if odd else entity, licence=licence)
        for number, (name, entity, odd, licence) in enumerate(drawn)
    ]
    decisions = "".join(line(kind, one) for kind, one in alone) + "".join(line(kind, *pair) for kind, pair in paired)
    params = curate(**sections)
    folder = tmp_path_factory.getbasetemp()
    ruling = rule(params, rows, LOOKS, decisions, folder)
    assert sorted([row.id for row in ruling.kept] + [drop.id for drop in ruling.drops]) == sorted(
        row.id for row in rows
    )
    assert all(drop.reason for drop in ruling.drops)
    assert crossings(params, ruling.kept, ruling.linked) == []
    assert len({row.image.sha256 for row in ruling.kept}) == len(ruling.kept), "no bytes twice"
    assert {row.split for row in ruling.kept} <= {"train", "test"}
    assert all(is_allowed(params.licences, row.source.licence) for row in ruling.kept)
    assert ruling == rule(params, rows[::-1], LOOKS, decisions, folder), "the order of the rows doesn't matter"
    members = Counter(copy.group for copy in ruling.copies)
    assert all(count > 1 for count in members.values())
    merged = {copy.record.id: copy.of for copy in ruling.copies if copy.role == "merged"}
    assert {
        row_id for row_id, reason in reasons(ruling).items() if reason in (copies.DUPLICATE, copies.NEAR_DUPLICATE)
    } == set(merged)
    if "per_class" not in sections:
        assert set(merged.values()) <= set(sides(ruling)), "what was merged names a row that stays"
