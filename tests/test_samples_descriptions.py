"""The creatures as they lie on disk, and what `describe` makes of them."""

import csv
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from describing import described, reasons

from stages.describe.folding import folded
from stages.describe.parameters import Describe
from stages.entry import main
from stages.params import UserError, check_params
from stages.record import read_manifest, read_rows
from stages.samples.descriptions.attributes import BODIES, COLOURS, ELEMENTS, FEATURES, STAGES, TEMPERS, Attribute
from stages.samples.descriptions.creatures import Creature, draw_creatures
from stages.samples.descriptions.dirt import CONTRADICTION, MISSPELT, SPELT
from stages.samples.descriptions.english import PATTERNS
from stages.samples.descriptions.naming import in_hangul
from stages.samples.descriptions.parameters import Descriptions
from stages.samples.descriptions.pokeapi import flavoured
from stages.samples.descriptions.stage import HEADER, run
from stages.samples.descriptions.translations import with_particles

PARAMS = Descriptions(room="descriptions", seed=7)
TABLE = Describe(folder="unused", language_column="language", line_column="line", stage_column="stage")
SLOTS: dict[str, dict[str, Attribute]] = {
    "element": ELEMENTS,
    "body": BODIES,
    "feature": FEATURES,
    "colour": COLOURS,
    "temper": TEMPERS,
}
ATTRIBUTES = ("element", "body", "feature")  # from which a name follows


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("descriptions") / "out"
    run(PARAMS, out=folder)
    return folder


@pytest.fixture(scope="module")
def imported(out: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table, described."""
    folder = tmp_path_factory.mktemp("descriptions") / "imported"
    described(TABLE, out, folder)
    return folder


@pytest.fixture(scope="module")
def creatures() -> list[Creature]:
    return draw_creatures(PARAMS)


@pytest.fixture(scope="module")
def rows(out: Path) -> list[dict[str, str]]:
    with (out / "descriptions.csv").open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        assert tuple(reader.fieldnames or ()) == HEADER
        return list(reader)


def test_names_are_unique_short_and_pronounceable(creatures: list[Creature]) -> None:
    names = [one.name for one in creatures]
    assert len(set(names)) == len(names)
    assert len({one.korean for one in creatures}) == len(names)
    for name in names:
        assert re.fullmatch(r"[A-Z][a-z]{3,11}", name)
        assert not re.search(r"[aeiouy]{3}|[^aeiouy]{4}", name.lower())
    assert all(re.fullmatch("[가-힣]{2,9}", one.korean) for one in creatures)


def test_lines_share_their_stem_and_no_two_their_attributes(creatures: list[Creature]) -> None:
    lines: dict[int, list[Creature]] = {}
    for one in creatures:
        lines.setdefault(one.line, []).append(one)
    assert list(lines) == list(range(1, 171))
    assert {len(members) for members in lines.values()} == {1, 2, 3}
    for members in lines.values():
        assert [one.stage for one in members] == list(range(1, len(members) + 1))
        assert all(one.name.startswith(members[0].name) for one in members)
        assert all(late.before == early.name for early, late in pairwise(members))
        assert len({tuple(getattr(one, key) for key in ATTRIBUTES) for one in members}) == 1
    combinations = Counter(tuple(getattr(members[0], key) for key in ATTRIBUTES) for members in lines.values())
    assert max(combinations.values()) == 1


def test_a_name_follows_from_the_attributes_but_for_second_syllables(creatures: list[Creature]) -> None:
    regular = 0
    for one in creatures:
        first, second = ELEMENTS[one.element], BODIES[one.body]
        ending = FEATURES[one.feature].syllable + STAGES[one.stage].syllable
        body = "|".join(filter(None, (second.syllable.rstrip("i"), second.other)))
        element = "|".join(filter(None, (first.syllable, first.other)))
        assert re.fullmatch(rf"({element})o?({body}){ending}", one.name.lower()), one
        regular += one.name.lower().startswith(first.syllable)
    assert regular > 0.85 * len(creatures)


def test_every_value_is_said_in_several_ways_and_none_says_its_syllable() -> None:
    assert len(PATTERNS) >= 12
    values: list[Attribute] = [*STAGES.values(), *(one for slot in SLOTS.values() for one in slot.values())]
    for one in values:
        assert len(set(one.english)) >= 3
        assert one.german
        assert one.korean
    for one in (*ELEMENTS.values(), *BODIES.values()):
        words = re.findall(r"\w+", " ".join((*one.english, *one.german)).lower())
        assert not any(
            word.startswith(syllable) for word in words for syllable in (one.syllable, one.other) if syllable
        )
    for slot in SLOTS.values():  # no wording stands for two values
        wordings = [wording for one in slot.values() for wording in one.english]
        assert len(set(wordings)) == len(wordings)
    for pattern in PATTERNS:
        assert all(f"{{{key}}}" in pattern for key in (*ATTRIBUTES, "stage", "who"))


def test_english_descriptions_say_what_the_creature_is(
    out: Path, rows: list[dict[str, str]], creatures: list[Creature]
) -> None:
    known = {one.name: one for one in creatures}
    dirt = {one["row"] for one in json.loads((out / "drawn.json").read_text(encoding="utf-8"))["dirt"]}
    checked = 0
    for number, row in enumerate(rows, start=1):
        if number in dirt or row["language"] != "en":
            continue
        one, text = known[row["name"]], row["description"].lower()
        for key in ATTRIBUTES:
            assert any(words.lower() in text for words in SLOTS[key][getattr(one, key)].english), (row, key)
        assert any(words in text for words in STAGES[one.stage].english)
        assert not re.search(r"\ba [aeiou]|[{}]", text)
        checked += 1
    assert checked == 3 * len(creatures)


def test_most_creatures_speak_other_languages(out: Path) -> None:
    facts = read_manifest(out)
    assert facts["languages"]["en"] == 3 * facts["creatures"]
    assert 0.3 < facts["languages"]["de"] / facts["creatures"] < 0.5
    assert 0.3 < facts["languages"]["ko"] / facts["creatures"] < 0.5
    assert 0.4 < facts["saying_the_name"] / sum(facts["languages"].values()) < 0.6


def test_describe_drops_the_planted_rows_and_no_other(out: Path, imported: Path) -> None:
    with (imported / "drops.csv").open(encoding="utf-8", newline="") as stream:
        drops = list(csv.DictReader(stream))
    drawn = json.loads((out / "drawn.json").read_text(encoding="utf-8"))
    planted = {str(one["row"]): one["dirt"] for one in drawn["dirt"]}
    assert read_manifest(out)["dirt"] == dict(sorted(Counter(planted.values()).items()))
    assert abs(len(planted) / (read_manifest(out)["rows"] - len(planted)) - 0.04) < 0.001
    expected = {
        "no name": "no name", "empty description": "empty description", "over-long": "over-long description",
        SPELT: "name given away", MISSPELT: "name given away", CONTRADICTION: "contradiction",
        "control token": "a chat template's token", "control character": "control characters",
    }  # fmt: skip
    found = reasons(drops)
    for row, dirt in planted.items():
        if dirt != "duplicate":  # the first one of two stays, whichever was planted
            assert found.pop(row) == expected[dirt]
    counts = Counter(planted.values())
    assert Counter(found.values()) == {"duplicate": counts["duplicate"], "contradiction": counts[CONTRADICTION]}
    facts = read_manifest(imported)
    assert facts["masked_relatives"] > 10
    assert facts["masked"] > facts["masked_rows"] > 0.4 * facts["rows_out"]
    for record in read_rows(imported):
        assert folded(record.label) not in folded(record.texts[0].text)


def test_test_combinations_are_new_and_their_values_are_not(imported: Path, creatures: list[Creature]) -> None:
    sides: dict[str, set[str]] = {"train": set(), "test": set()}
    for record in read_rows(imported):
        sides[record.split].add(record.entity)
    assert not sides["train"] & sides["test"]
    assert 20 <= len(sides["test"]) <= 50
    values: dict[str, set[tuple[str, str]]] = {
        side: {(key, getattr(one, key)) for one in creatures if str(one.line) in lines for key in ATTRIBUTES}
        for side, lines in sides.items()
    }
    assert values["test"] <= values["train"]
    assert values["train"] == {(key, value) for key in ATTRIBUTES for value in SLOTS[key]}


def test_pokeapi_tables_say_the_same(out: Path, imported: Path, tmp_path: Path) -> None:
    records, drops = described(Describe(folder="unused", format="pokeapi"), out / "pokeapi", tmp_path / "out")
    assert set(reasons(drops).values()) == {"duplicate"}
    assert len(drops) == read_manifest(out)["texts_again"]

    def told(folder: Path) -> dict[tuple[str, str], tuple[str, str, Any]]:
        return {
            (row.label, row.texts[0].text): (row.entity, row.split, row.source.drawn["stage"])
            for row in read_rows(folder)
        }

    clean, dirty = told(tmp_path / "out"), told(imported)
    assert len(clean) == len(records)
    assert dirty.items() <= clean.items()  # the table's contradictions take clean rows with them


def test_flavour_text_has_short_lines_form_feeds_and_soft_hyphens() -> None:
    words = (
        "The creature shows a pointed horn on its forehead to all its newly hatched and inquisitive companions there."
    )
    words = f"{words} {words}"
    text = flavoured(words, 0)
    assert "\f" in text
    assert "\u00ad\n" in text
    assert all(len(line) <= 40 for line in re.split("[\n\f]", text))
    assert text.replace("\u00ad\n", "").replace("\n", " ").replace("\f", " ") == words


def test_hangul_and_particles() -> None:
    assert in_hangul("Pyrofelix") == "피로페릭스"
    assert in_hangul("Tesun") == "테순"
    assert with_particles("뱀[이/가] 새[은/는] 곰[이다/다].") == "뱀이 새는 곰이다."


def test_the_same_seed_is_the_same_set_and_another_is_another(out: Path, tmp_path: Path) -> None:
    (tmp_path / "same").mkdir()
    (tmp_path / "same" / "old.csv").write_text("left over", encoding="utf-8")
    run(PARAMS, out=tmp_path / "same")
    assert (tmp_path / "same" / "manifest.json").read_bytes() == (out / "manifest.json").read_bytes()
    run(PARAMS.model_copy(update={"seed": 8}), out=tmp_path / "other")
    assert (tmp_path / "other/descriptions.csv").read_bytes() != (out / "descriptions.csv").read_bytes()


def test_the_command_reads_its_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    section = "{room: descriptions, seed: 1, lines: 20, descriptions: 1, translated: 0, dirt: 0}"
    Path("params.yaml").write_text(f"samples:\n  descriptions: {section}\n", encoding="utf-8")
    main(run, ["--params", "samples.descriptions", "--out", "made"])
    facts = read_manifest(Path("made"))
    assert (facts["rows"], facts["lines"], facts["dirt"]) == (facts["creatures"], 20, {})


@pytest.mark.parametrize(
    ("key", "value"),
    [("room", "sports"), ("lines", 19), ("lines", 601), ("descriptions", 0), ("descriptions", 13), ("dirt", 0.6),
     ("translated", 1.1), ("seed", -1)],
)  # fmt: skip
def test_a_wrong_parameter_is_named(key: str, value: object) -> None:
    with pytest.raises(UserError, match=f"samples.descriptions.{key}"):
        check_params(Descriptions, {"room": "descriptions", "seed": 1, key: value}, "samples.descriptions")
