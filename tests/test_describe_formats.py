"""Tables, "Name: description" lines, PokeAPI's CSV files and the hub's data sets, good and broken."""

import csv
import json
import random
import unicodedata
from pathlib import Path

import pytest
from describing import GOOD, HEADER, PARAMS, described, reasons, run, table, texts

from stages.describe import text
from stages.describe.folding import folded
from stages.describe.parameters import Describe
from stages.describe.text import normalised
from stages.params import UserError

LINES = Describe(folder="unused", format="named_lines", test_share=0, languages=("en",))
POKEAPI = Describe(folder="unused", format="pokeapi", test_share=0)
HUB = Describe(folder="unused", format="hugging_face", test_share=0)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_delimiters(name: str, tmp_path: Path) -> None:
    rows = [("Umbrul", "3", "en", "A fox, sly; it hides\tby day | and night.")]
    records, drops = described(PARAMS, table(tmp_path / "in", [*GOOD, *rows], name=name), tmp_path / "out")
    assert drops == []
    assert texts(records)["Umbrul"] == "A fox, sly; it hides by day | and night."


def test_semicolons_a_byte_order_mark_and_more_columns(tmp_path: Path) -> None:
    lines = ["\ufeffid; name ;language;description;line", *(f"{i};{r[0]};en;{r[3]};{r[1]}" for i, r in enumerate(GOOD))]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    records, drops = described(PARAMS, tmp_path, tmp_path / "out")
    assert (len(records), drops) == (2, [])


def test_malformed_csv_rows_are_drops_and_the_next_ones_are_read(tmp_path: Path) -> None:
    source = table(tmp_path / "in", GOOD)
    with (source / "t.csv").open("a", encoding="utf-8") as stream:
        stream.write('Umbrul,3\nVolul,"4"x,en,A fox of the thunder clouds.\n\nToxul,5,en,A fox with a sting in it.\n')
    records, drops = described(PARAMS, source, tmp_path / "out")
    assert reasons(drops) == {"3": "malformed row", "4": "malformed row"}
    assert "Toxul" in texts(records)


def test_a_quote_that_nothing_closes_is_refused(tmp_path: Path) -> None:
    source = table(tmp_path / "in", GOOD)
    with (source / "t.csv").open("a", encoding="utf-8") as stream:
        stream.write('Umbrul,3,en,"A fox.\nToxul,4,en,A toad.\n')
    with pytest.raises(UserError, match=r"t\.csv line 4 opens a quote"):
        run(PARAMS, source=source, out=tmp_path / "out")


def test_a_cell_above_csvs_own_limit_is_a_drop(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    source = table(tmp_path / "in", [*GOOD, ("Umbrul", "3", "en", "fox " * 50_000)])
    _, drops = described(PARAMS, source, tmp_path / "out")
    assert reasons(drops) == {"3": "over-long description"}
    assert csv.field_size_limit() == before


def test_json_lines(tmp_path: Path) -> None:
    keys = dict(zip(HEADER, GOOD[0], strict=True))
    lines = [
        json.dumps(keys), json.dumps({**keys, "name": "Umbrul", "description": "A fox in the dark.", "line": 7}), "{",
        "[1]", json.dumps({**keys, "description": ["a"]}), json.dumps({"line": "1"}), "",
        json.dumps({**keys, "name": None}),
        json.dumps({**keys, "description": "A fox with a lone \ud800 in it."}),
    ]  # fmt: skip
    (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    records, drops = described(PARAMS, tmp_path, tmp_path / "out")
    assert {record.label: record.entity for record in records} == {"Pyrofel": "1", "Umbrul": "7"}
    assert reasons(drops) == {
        "3": "malformed row", "4": "malformed row", "5": "malformed row", "6": "no name", "7": "no name",
        "8": "control characters",
    }  # fmt: skip


def test_named_lines_as_the_seed_has_them(tmp_path: Path) -> None:
    rows = [
        ("Pikachu: A yellow Pokémon. Pikachu's tail: a bolt.",),
        ("Bulbasaur: A small one with a bulb.",),
        ("No colon here.",),
        (": Nobody.",),
        ("Mew:",),
    ]
    records, drops = described(LINES, table(tmp_path / "in", rows, ["en_text"]), tmp_path / "out")
    assert texts(records)["Pikachu"] == "A yellow Pokémon. it's tail: a bolt."
    assert {record.entity for record in records} == {"pikachu", "bulbasaur"}
    assert {record.source.drawn["language"] for record in records} == {"en"}
    assert reasons(drops) == {"3": "no name", "4": "no name", "5": "empty description"}


def test_a_missing_column_file_or_folder_is_named_with_what_there_is(tmp_path: Path) -> None:
    source = table(tmp_path / "in", GOOD, ["Name", "line", "language", "text"])
    with pytest.raises(UserError, match=r"no column `name` \(`name_column`\), `description` .*it has: Name, line"):
        run(PARAMS, source=source, out=tmp_path / "out")
    with pytest.raises(UserError, match=r"`table` = u\.csv is no table .*there is: t\.csv"):
        run(PARAMS.model_copy(update={"table": "u.csv"}), source=source, out=tmp_path / "out")
    with pytest.raises(UserError, match="leaves `folder`"):
        run(PARAMS.model_copy(update={"table": "../t.csv"}), source=source, out=tmp_path / "out")
    with pytest.raises(UserError, match="is no folder"):
        run(PARAMS, source=tmp_path / "gone", out=tmp_path / "out")
    table(source, GOOD, name="u.csv")
    with pytest.raises(UserError, match=r"must hold one table; there is: t\.csv, u\.csv"):
        run(PARAMS, source=source, out=tmp_path / "out")
    (tmp_path / "j").mkdir()
    (tmp_path / "j" / "t.jsonl").write_text('{"text": "a"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"no column `name`.*it has: text"):
        run(PARAMS, source=tmp_path / "j", out=tmp_path / "out")
    (tmp_path / "j" / "t.jsonl").write_bytes(b'{"name": "\xff"}')
    with pytest.raises(UserError, match="not UTF-8"):
        run(PARAMS, source=tmp_path / "j", out=tmp_path / "out")


SPECIES = [("25", "172", "10"), ("172", "", "10"), ("29", "", "12"), ("150", "", "77"), ("151", "", "78")]
NAMES = {
    "25": ("Pikachu", "피카츄", "Pikachu"), "172": ("Pichu", "피츄", "Pichu"), 
    "29": ("Nidoran♀", "니드런♀", "Nidoran♀"), "150": ("Mewtwo", "뮤츠", "Mewtu"), "151": ("Mew", "뮤", "Mew"),
}  # fmt: skip
FLAVOUR = [
    ("25", "9", "When several of\nthese PIKACHU\ngather, their\felectric\u00ad\nity could build."),
    ("25", "3", "피카츄는 볼에\n전기 주머니가 있다. 피츄가 진화했다."),
    ("172", "9", "PICHU turns into\nPikachu when it\nlikes some-\none."),
    ("29", "9", "NIDORAN♀ has barbs that\nsecrete a powerful\npoison. Nidoran is small."),
    ("150", "9", "It was created by\na scientist from\nMEW's genes."),
    ("150", "6", "Mewtus Herz ist kalt.\nEs heißt sonst Mewtwo."),
    ("999", "9", "Nobody knows this one."),
    ("151", "6", ""),
    ("151", "14", "No name in this language."),
    ("25", "9", "When several of these PIKACHU gather, their electricity could build."),
]


def pokeapi(folder: Path) -> Path:
    keys = ["id", "identifier"]
    table(folder, [("3", "ko"), ("6", "de"), ("9", "en"), ("14", "es-419")], keys, "languages.csv")
    species = ["id", "evolves_from_species_id", "evolution_chain_id"]
    table(folder, SPECIES, species, "pokemon_species.csv")
    names = [(key, number, name) for key, all_ in NAMES.items() for number, name in zip("936", all_, strict=True)]
    table(folder, names, ["pokemon_species_id", "local_language_id", "name"], "pokemon_species_names.csv")
    flavour = [(key, "1", language, words) for key, language, words in FLAVOUR]
    header = ["species_id", "version_id", "language_id", "flavor_text"]
    return table(folder, flavour, header, "pokemon_species_flavor_text.csv")


def test_pokeapi_tables(tmp_path: Path) -> None:
    records, drops = described(POKEAPI, pokeapi(tmp_path / "in"), tmp_path / "out")
    assert texts(records) == {
        "Pikachu": "When several of these it gather, their electricity could build.",
        "피카츄": "it는 볼에 전기 주머니가 있다. it가 진화했다.",
        "Pichu": "it turns into it when it likes some-one.",
        "Nidoran♀": "it has barbs that secrete a powerful poison. it is small.",
        "Mewtwo": "It was created by a scientist from MEW's genes.",  # no relative: another line's name stays
        "Mewtu": "its Herz ist kalt. Es heißt sonst it.",
    }
    entities = {record.label: (record.entity, record.source.drawn["stage"]) for record in records}
    assert (entities["Pichu"], entities["Pikachu"], entities["피카츄"]) == (("10", "1"), ("10", "2"), ("10", "2"))
    assert reasons(drops) == {"7": "unknown species", "8": "empty description", "9": "no name", "10": "duplicate"}
    german = next(record for record in records if record.label == "Mewtu")
    assert (german.source.drawn["masked"], german.source.drawn["relatives"]) == (2, 0)  # its names in other languages


def test_languages_are_chosen_and_unknown_ones_refused(tmp_path: Path) -> None:
    source = pokeapi(tmp_path / "in")
    _, drops = described(POKEAPI.model_copy(update={"languages": ("en",)}), source, tmp_path / "out")
    assert [reasons(drops)[row] for row in "26"] == ["another language"] * 2
    with pytest.raises(UserError, match=r"`languages`: fr isn't in .*it has: ko, de, en, es-419"):
        run(POKEAPI.model_copy(update={"languages": ("fr",)}), source=source, out=tmp_path / "out")
    (source / "pokemon_species_names.csv").unlink()
    with pytest.raises(UserError, match=r"lacks pokemon_species_names\.csv; there is: languages\.csv, pokemon_species"):
        run(POKEAPI, source=source, out=tmp_path / "out")


def test_line_breaks_in_japanese_are_nothing_and_elsewhere_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    assert normalised("ピカ\nチュウは　ねずみ\nだ") == "ピカチュウは ねずみだ"
    assert normalised("a -\nb\fc\r\nd e\u0301\x85f") == "a - b c d é f"
    monkeypatch.setattr(text, "_WIDE_BREAK", text._NEWLINE)
    assert normalised("ピカ\nチュウ") == "ピカ チュウ"


def test_names_with_accents_spaces_and_hyphens_in_all_manners(tmp_path: Path) -> None:
    """Names as hard as the real ones, in the manners in which flavour text spells them."""
    chance = random.Random(5)
    rows = []
    for line in range(60):
        name = "".join(
            chance.choice(["pi", "ka", "chu", "lor", "é", "sun", "gra", "-o", " mi"]) for _ in range(4)
        ).strip()
        name = f"Q{name}{line}"
        for how, spelt in enumerate(
            (name, name.upper(), f"{name}'s", f"the-{name}-one", unicodedata.normalize("NFD", name))
        ):
            rows.append((name, str(line), "en", f"On day {line} and {how} we saw {spelt} in the hills."))
    records, drops = described(PARAMS, table(tmp_path / "in", rows), tmp_path / "out")
    assert set(reasons(drops).values()) <= {"duplicate"}
    for record in records:
        assert folded(record.label) not in folded(record.texts[0].text)
        assert record.source.drawn["masked"] == 1


def test_a_data_set_of_the_hub_from_a_local_copy(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    lines = ["Pikachu: A yellow mouse, Pikachu.", "Mew: A pink cat.", "Nothing"]
    columns = {"en_text": lines, "lang": [0, 1, 0], "name": ["A", "B", None], "description": ["c" * 20, "d" * 20, "e"]}
    data = datasets.Dataset.from_dict(columns).cast_column("lang", datasets.ClassLabel(names=["en", "ko"]))
    data.save_to_disk(str(tmp_path / "saved"))
    params = HUB.model_copy(update={"text_column": "en_text", "language_column": "lang"})
    records, drops = described(params, tmp_path / "saved", tmp_path / "out")
    assert texts(records) == {"Pikachu": "A yellow mouse, it.", "Mew": "A pink cat."}
    assert {record.label: record.source.drawn["language"] for record in records} == {"Pikachu": "en", "Mew": "ko"}
    assert reasons(drops) == {"3": "no name"}
    records, drops = described(HUB, tmp_path / "saved", tmp_path / "two")
    assert set(texts(records)) == {"A", "B"}
    with pytest.raises(UserError, match=r"`language_column`.*it has: en_text, lang"):
        run(HUB.model_copy(update={"language_column": "tongue"}), source=tmp_path / "saved", out=tmp_path / "out")
    with pytest.raises(UserError, match="`split` = test isn't in"):
        run(HUB.model_copy(update={"split": "test"}), source=tmp_path / "saved", out=tmp_path / "out")
    none = tmp_path / "none"
    none.mkdir()
    with pytest.raises(UserError, match="can't be read by `datasets`"):
        run(HUB, source=none, out=tmp_path / "three")
