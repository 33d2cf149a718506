"""Curation: every row is kept or dropped with one reason, and nothing stands on both sides."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from curation import (
    BY_ENTITIES,
    BY_WORDS,
    ROOT,
    TEST_FONT_FAMILY,
    TEST_WORDS,
    TRAIN_FONT,
    TRAIN_WORDS,
    a_row,
    a_table,
    both_sides,
    curate,
    png,
    run,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.curate import decide as deciding
from stages.curate import stage
from stages.curate.copies import CONTRADICTORY, DUPLICATE
from stages.curate.decide import NOT_MARKED, WITHHELD, Evidence, Ruling, decide
from stages.curate.parameters import Curate
from stages.curate.split import TEST_FONT, TEST_WORD, crossings
from stages.foundation.paligemma2.withheld import is_test_family, is_test_word
from stages.params import UserError, load_params, read_params
from stages.record import Record, Source, Tally, read_manifest, read_rows
from stages.shards import ShardReader, sha256, shard_of

BENCHMARK = frozenset({"acknowledgement"})


def ruled(rows: list[Record], params: Curate = BY_WORDS) -> Ruling:
    return decide(params, Evidence(rows, withheld=BENCHMARK))


def reasons(rows: list[Record]) -> dict[str, str]:
    return {drop.id: drop.reason for drop in ruled(rows).drops}


def test_splits_by_words_and_fonts_and_copies_the_pictures(tmp_path: Path) -> None:
    rows = both_sides()
    raw, out = a_table(tmp_path / "raw", rows), tmp_path / "out"
    out.mkdir()
    (out / "z.tar").write_bytes(b"left by a killed run")
    run(BY_WORDS, raw, out)
    curated = read_rows(out)
    assert {row.id: row.split for row in curated} == {r.id: "train" if r.id[0] == "a" else "test" for r in rows}
    with ShardReader(out) as reader:
        for row in curated:
            assert (row.image.shard, row.image.member) == (shard_of(row.id), f"{row.id}.png")
            assert sha256(reader.read(row.image.shard, row.image.member)) == row.image.sha256
    manifest = read_manifest(out)
    assert manifest["rows_in"] == manifest["rows_out"] == len(rows)
    assert manifest["dropped"] == {}
    assert manifest["splits"] == {"train": len(TRAIN_WORDS), "test": len(TEST_WORDS)} == manifest["words"]
    assert manifest["families"] == {
        "train": {TRAIN_FONT: len(TRAIN_WORDS)},
        "test": {TEST_FONT_FAMILY: len(TEST_WORDS)},
    }
    assert manifest["licences"] == {"CC0-1.0": len(rows)}
    assert not (out / "z.tar").exists()


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    raw = a_table(tmp_path / "raw", both_sides())
    for name in ("one", "two"):
        run(BY_WORDS, raw, tmp_path / name)
    assert (tmp_path / "one/manifest.json").read_bytes() == (tmp_path / "two/manifest.json").read_bytes()


def test_each_drop_has_its_reason(tmp_path: Path) -> None:
    word, test_word, same, torn = TRAIN_WORDS[0], TEST_WORDS[0], png(60001), png(60002)
    odd = [
        a_row("w", "Acknowledgement"),
        a_row("l", word, label="z"),
        a_row("m", test_word, TRAIN_FONT),
        a_row("n", word, TEST_FONT_FAMILY),
        a_row("s1", word, picture=same),
        a_row("s2", word, picture=same),
        a_row("c1", TRAIN_WORDS[1], picture=torn),
        a_row("c2", TRAIN_WORDS[2], picture=torn),
    ]
    pictures = {"s1": same, "s2": same, "c1": torn, "c2": torn}
    raw = a_table(tmp_path / "raw", [*both_sides(), *odd], pictures)
    run(BY_WORDS, raw, tmp_path / "out")
    with (tmp_path / "out" / "drops.csv").open() as stream:
        dropped = {row["id"]: row["reason"] for row in csv.DictReader(stream)}
    assert dropped == {
        "w": WITHHELD,
        "l": NOT_MARKED,
        "m": TEST_WORD,
        "n": TEST_FONT,
        "s2": DUPLICATE,
        "c1": CONTRADICTORY,
        "c2": CONTRADICTORY,
    }
    manifest = read_manifest(tmp_path / "out")
    assert manifest["rows_in"] == manifest["rows_out"] + sum(manifest["dropped"].values())
    assert manifest["dropped"][CONTRADICTORY] == 2


def test_a_wrong_label_does_not_make_a_sound_row_contradictory() -> None:
    same = png(60003)
    rows = [a_row("a", TRAIN_WORDS[0], picture=same), a_row("b", TRAIN_WORDS[0], picture=same, label="z")]
    assert reasons(rows) == {"b": NOT_MARKED}


def test_a_duplicate_is_only_one_of_a_row_that_stays() -> None:
    same = png(60004)
    word = TRAIN_WORDS[0]
    other = next(candidate for x in "abcdef" if not is_test_word(candidate := word[0] + x))
    rows = [a_row("a", word, TEST_FONT_FAMILY, same), a_row("b", other, picture=same)]
    assert reasons(rows) == {"a": TEST_FONT}


def test_an_index_outside_the_word_is_no_marked_letter() -> None:
    row = a_row("a", "apple")
    for index in (-5, 5):
        drawn = json.dumps({"word": "apple", "index": index, "family": TRAIN_FONT})
        assert reasons([replace(row, source=replace(row.source, parameters=drawn))]) == {"a": NOT_MARKED}


ROWS = st.lists(
    st.tuples(
        st.text("abcABC", min_size=1, max_size=4) | st.just("Acknowledgement"),
        st.sampled_from(["Roboto", "roboto", "Caladea", "CALADEA", "STIXGeneral", "cmr10"]),
        st.integers(0, 30),  # which picture: some are the same
        st.booleans(),  # is the label right
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.sampled_from([BY_WORDS, BY_ENTITIES]))
def test_no_row_vanishes_and_nothing_crosses(drawn: list[tuple[str, str, int, bool]], params: Curate) -> None:
    rows = [
        a_row(f"r{number}", word, family, picture=png(picture), label=word[0] if right else "?")
        for number, (word, family, picture, right) in enumerate(drawn)
    ]
    ruling = ruled(rows, params)
    kept, drops = ruling.kept, ruling.drops
    assert sorted([row.id for row in kept] + [drop.id for drop in drops]) == sorted(row.id for row in rows)
    assert crossings(params, kept, ruling.linked) == []
    assert "acknowledgement" not in {row.entity for row in kept}
    assert len({row.image.sha256 for row in kept}) == len(kept)
    for row in kept:
        facts = row.source.drawn
        assert row.label == facts["word"][facts["index"]]
        if params is BY_WORDS:
            assert is_test_word(facts["word"]) == is_test_family(facts["family"]) == (row.split == "test")


def test_entities_stay_whole_and_their_share_is_about_right() -> None:
    plain = Source("folder", "CC-BY-4.0")
    rows = [
        a_row(f"{entity}-{number}", entity, picture=png(10 * entity_number + number), source=plain)
        for entity_number, entity in enumerate(f"entity{n}" for n in range(300))
        for number in range(2)
    ]
    ruling = ruled(rows, curate(test_share=0.3))
    kept, drops = ruling.kept, ruling.drops
    assert (len(kept), drops) == (600, [])
    sides = {(row.entity, row.split) for row in kept}
    assert len(sides) == 300, "no entity on both sides"
    assert 0.2 < sum(side == "test" for _, side in sides) / 300 < 0.4


def test_rows_without_word_or_font_need_the_other_split() -> None:
    row = a_row("a", "apple", source=Source("folder", "CC-BY-4.0"))
    with pytest.raises(UserError, match=r"row a has no family and no word .*set `split: entities`"):
        ruled([row])


def test_a_changed_picture_stops_the_stage(tmp_path: Path) -> None:
    raw = a_table(tmp_path / "raw", both_sides(), {"a0": png(60005)})
    with pytest.raises(UserError, match=r"a0\.png in .* is not the picture that its row names"):
        run(BY_WORDS, raw, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("data", [b"", b"not a picture", png(1)[:45]], ids=["empty", "text", "cut"])
def test_a_picture_that_does_not_decode_stops_the_stage(data: bytes, tmp_path: Path) -> None:
    rows = [a_row("broken", TRAIN_WORDS[0], picture=data), *both_sides()]
    raw = a_table(tmp_path / "raw", rows, {"broken": data})
    with pytest.raises(UserError, match=r"row broken: broken\.png in .* is no picture that can be decoded"):
        run(BY_WORDS, raw, tmp_path / "out")


def test_a_picture_of_another_size_stops_the_stage(tmp_path: Path) -> None:
    rows = both_sides()
    rows[0] = replace(rows[0], image=replace(rows[0].image, width=5))
    with pytest.raises(UserError, match=r"row a0: .* is 4 x 3 pixels, its row says 5 x 3"):
        run(BY_WORDS, a_table(tmp_path / "raw", rows), tmp_path / "out")


@pytest.mark.parametrize(("family", "empty"), [(TRAIN_FONT, "test"), (TEST_FONT_FAMILY, "train")])
def test_an_empty_split_is_refused(family: str, empty: str, tmp_path: Path) -> None:
    rows = [row for row in both_sides() if row.source.drawn["family"] == family]
    with pytest.raises(UserError, match=f"the {empty} split is empty: .*give the {empty} side"):
        run(BY_WORDS, a_table(tmp_path / "raw", rows), tmp_path / "out")
    with pytest.raises(UserError, match=r"split is empty: .*change `test_share` = 0.4 or bring more"):
        run(BY_ENTITIES, a_table(tmp_path / "one", rows[:1]), tmp_path / "out")


def test_a_crossing_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = a_table(tmp_path / "raw", [*both_sides(), a_row("b0", TRAIN_WORDS[0].upper())])
    monkeypatch.setattr(deciding, "side_by_word", lambda row: "test" if row.record.id == "b0" else "train")
    with pytest.raises(RuntimeError, match=f"in both splits: .*word {TRAIN_WORDS[0]}"):
        run(BY_WORDS, raw, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_row_that_vanishes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(*given: Any) -> Any:
        ruling = decide(*given)
        return replace(ruling, kept=ruling.kept[1:])

    monkeypatch.setattr(stage, "decide", forgetful)
    with pytest.raises(RuntimeError, match="rows in, but"):
        run(BY_WORDS, a_table(tmp_path / "raw", both_sides()), tmp_path / "out")


def test_ids_that_name_two_rows_are_refused(tmp_path: Path) -> None:
    rows = [*both_sides(), a_row("a0", TRAIN_WORDS[1])]
    with pytest.raises(UserError, match="1 ids name more than one row, a0 first"):
        run(BY_WORDS, a_table(tmp_path / "raw", rows), tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"split": "random"}, "`curate.toy.split` = 'random' is not allowed"),
        ({"test_share": 0}, "`curate.toy.test_share` = 0 is not allowed"),
        ({"share": 1}, "`curate.toy.share` is not a parameter; allowed here: dataset, decisions, licences"),
        ({"source": "web"}, "`curate.toy.source` = 'web'"),
        ({"licences": []}, "name at least one licence"),
        ({"licences": ["CC0-1.0", "unknown"]}, "'unknown' is no licence; `any` lets pictures in"),
        ({"near_duplicates": {"bits": 128, "radius": 3}}, "near_duplicates.bits` = 128"),
        ({"near_duplicates": {"bits": 64, "radius": 20}}, "at most a quarter of `bits`, 16"),
        ({"texts": {"shortest": 9, "longest": 3}}, "`longest` = 3 is less than `shortest` = 9"),
        ({"per_class": {"most": 2, "least": 3}}, "`most` = 2 is less than `least` = 3"),
        ({"pictures": {"limits": {"seconds": 0}}}, "pictures.limits.seconds` = 0"),
    ],
)
def test_wrong_parameters_are_refused_by_name(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as refused:
        curate(**change)
    assert complaint in str(refused.value)


def test_the_parameters_that_are_tracked_are_right() -> None:
    for name in read_params(ROOT / "params.yaml")["curate"]:
        assert load_params(Curate, f"curate.{name}", ROOT / "params.yaml").dataset


def test_missing_inputs_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no manifest\.json"):
        run(BY_WORDS, tmp_path, tmp_path / "out")
    raw = a_table(tmp_path / "raw", both_sides())
    with pytest.raises(UserError, match=r"withheld\.txt is missing"):
        run(BY_WORDS, raw, tmp_path / "out", words=tmp_path)
    with pytest.raises(UserError, match=r"none\.csv is missing: write a file with the one line `sha256,decision"):
        run(BY_WORDS, raw, tmp_path / "out", decisions=tmp_path / "none.csv")


def test_tally_counts_reasons() -> None:
    assert Tally(1, ruled([a_row("a", "apple", label="z")]).drops).reasons == {NOT_MARKED: 1}
