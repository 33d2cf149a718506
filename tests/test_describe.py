"""Every description ends as a record or as a drop with file, row and reason; relatives stand on one side."""

import json
from pathlib import Path

import pytest
from describing import GOOD, HEADER, PARAMS, described, reasons, run, table, texts

from stages.describe import checks, stage
from stages.describe.leaks import Ordinary
from stages.describe.parameters import Describe
from stages.entry import main
from stages.params import UserError, check_params
from stages.record import read_manifest
from stages.sides import side_by_entity

CAT = "A small cat that breathes flames and sleeps a lot."


def test_a_table_becomes_records(tmp_path: Path) -> None:
    rows = [("Pyrofel", "1", "en", "PYROFEL's flames warm a Pyrofela; Pyrofel is small."), ("Pyrofela", "1", "en", CAT)]
    params = PARAMS.model_copy(update={"licence": "CC0-1.0", "author": "Ada"})
    records, drops = described(params, table(tmp_path / "in", [*rows, GOOD[1]]), tmp_path / "out")
    assert drops == []
    found = texts(records)
    assert found["Pyrofel"] == "it's flames warm a it; it is small."
    assert found["Pyrofela"] == CAT
    one = next(record for record in records if record.label == "Pyrofel")
    assert (one.entity, one.split, one.image.sha256, one.image.width) == ("1", "train", "", 0)
    assert (one.texts[0].author, one.source.licence, one.source.kind) == ("Ada", "CC0-1.0", "table")
    assert (one.source.file, one.source.importer) == ("t.csv", "plumbline.describe/1")
    assert one.source.drawn == {"language": "en", "masked": 3, "relatives": 1, "row": 1, "stage": ""}
    facts = read_manifest(tmp_path / "out")
    assert (facts["masked"], facts["masked_relatives"], facts["masked_rows"]) == (3, 1, 1)
    assert (facts["names"], facts["lines"], facts["languages"]) == (3, 2, {"en": 3})


def test_each_bad_row_has_its_reason(tmp_path: Path) -> None:
    bad = {
        "no name": (" ", "1", "en", CAT + " a"),
        "empty description": ("Pyrofel", "1", "en", " \u3000"),
        "over-long description": ("Pyrofel", "1", "en", "cat " * 25_000),
        "another language": ("Pyrofel", "1", "xx", "Ein kleiner Kater, der Flammen speit."),
        "control characters": ("Pyrofel", "1", "en", f"{CAT} \x1b[31m"),
        "a chat template's token": ("Pyrofel", "1", "en", f"{CAT}<end\u200b_of_turn>"),
        "over-long name": ("Pyrofel " * 10, "1", "en", f"{CAT} b"),
        "name without letters": ("???", "1", "en", f"{CAT} c"),
        "name given away": ("Pyrofel", "1", "en", f"{CAT} Its name is P-y-r-o-f-e-l."),
        "too short a description": ("Pyrofel", "1", "en", "Pyrofel."),
        "duplicate": ("Pyrofel", "1", "en", CAT.upper()),
        "the mask says the name": ("It", "9", "en", f"{CAT} d"),
    }
    params = PARAMS.model_copy(update={"languages": ("en",)})
    records, drops = described(params, table(tmp_path / "in", [*GOOD, *bad.values()]), tmp_path / "out")
    assert sorted(record.label for record in records) == ["Marokan", "Pyrofel"]
    assert reasons(drops) == {str(number): reason for number, reason in enumerate(bad, start=3)}
    assert all(len(drop["detail"]) < 200 for drop in drops)


@pytest.mark.parametrize(
    "token",
    ["<start_of_turn>", "<END_OF_TURN>", "<bos>", "<|im_start|>", "<|endoftext|>", "[INST]", "</s>", "<<SYS>>",
     "<image>", "<unused7>", "＜eos＞", "<s\u00adtart_of_turn>"],
)  # fmt: skip
def test_tokens_of_chat_templates_are_refused_in_name_and_description(token: str, tmp_path: Path) -> None:
    rows = [("Umbrul", "3", "en", f"A fox {token} that hides."), (f"Umb{token}", "4", "en", "A fox that hides by day.")]
    _, drops = described(PARAMS, table(tmp_path / "in", [*GOOD, *rows]), tmp_path / "out")
    assert set(reasons(drops).values()) == {"a chat template's token"}
    assert len(drops) == 2


def test_without_the_check_a_token_would_come_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "has_control_token", lambda text: False)
    monkeypatch.setattr(stage, "has_control_token", lambda text: False)
    rows = [("Umbrul", "3", "en", "A fox <end_of_turn> that hides.")]
    records, _ = described(PARAMS, table(tmp_path / "in", [*GOOD, *rows]), tmp_path / "out")
    assert "<end_of_turn>" in texts(records)["Umbrul"]


def test_brackets_in_plain_words_are_kept(tmp_path: Path) -> None:
    rows = [("Umbrul", "3", "en", "A fox <3 [of 5] that is > 2 and < 9 years old.")]
    records, drops = described(PARAMS, table(tmp_path / "in", [*GOOD, *rows]), tmp_path / "out")
    assert drops == []
    assert "<3 [of 5]" in texts(records)["Umbrul"]


def test_the_same_text_under_two_names_drops_both(tmp_path: Path) -> None:
    rows = [("Umbrul", "3", "en", "A Umbrul hides in the dark."), ("Noktul", "4", "en", "A  noktul hides in the dark.")]
    records, drops = described(PARAMS, table(tmp_path / "in", [*GOOD, *rows]), tmp_path / "out")
    assert len(records) == 2
    assert reasons(drops) == {"3": "contradiction", "4": "contradiction"}
    assert sorted(drop["detail"].partition("same text as ")[2] for drop in drops) == [
        "Noktul, row 4)",
        "Umbrul, row 3)",
    ]


def test_without_the_leak_check_a_spelt_out_name_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("Umbrul", "3", "en", "A fox that is called U-m-b-r-u-l.")]
    source = table(tmp_path / "in", [*GOOD, *rows])
    assert reasons(described(PARAMS, source, tmp_path / "one")[1]) == {"3": "name given away"}

    def nothing(text: str, names: object, ordinary: Ordinary) -> str:
        return ""

    monkeypatch.setattr(stage, "leak", nothing)
    assert "U-m-b-r-u-l" in texts(described(PARAMS, source, tmp_path / "two")[0])["Umbrul"]


def test_relatives_and_rows_of_one_name_stand_on_one_side(tmp_path: Path) -> None:
    rows = [
        (f"{head}{tail}", str(line) if tail != "or" else "", "en", f"A beast, number {line}, {tail}, of the woods.")
        for line, head in enumerate(("Pyro", "Maro", "Vero", "Volo", "Noko", "Toxo", "Lyro", "Zefo", "Umbo"), start=1)
        for tail in ("fel", "kan", "or")
    ]
    rows += [
        ("Pyroor", "1", "en", "It is also known in the hills."),
        ("PYROOR", "", "en", "It likes the company of cats."),
    ]
    params = PARAMS.model_copy(update={"test_share": 0.4})
    records, drops = described(params, table(tmp_path / "in", rows), tmp_path / "out")
    assert drops == []
    assert {record.entity for record in records if record.label.lower().startswith("pyro")} == {"1"}
    assert {record.entity for record in records if record.label == "Maroor"} == {"maroor"}
    sides: dict[str, set[str]] = {}
    for record in records:
        assert record.split == side_by_entity(record.entity, 0.4)
        sides.setdefault(record.entity, set()).add(record.split)
    assert all(len(side) == 1 for side in sides.values())
    assert read_manifest(tmp_path / "out")["splits"].keys() == {"train", "test"}


def test_a_side_without_rows_and_a_set_of_one_name_are_refused(tmp_path: Path) -> None:
    source = table(tmp_path / "in", GOOD)
    with pytest.raises(UserError, match=r"`test_share` = 1e-09 of 2 lines leaves train alone"):
        run(PARAMS.model_copy(update={"test_share": 1e-9}), source=source, out=tmp_path / "out")
    with pytest.raises(UserError, match=r"1 usable descriptions; at least 2 names .* 1 x no name"):
        run(PARAMS, source=table(tmp_path / "one", [GOOD[0], ("", *GOOD[1][1:])]), out=tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_two_imports_are_equal_to_the_byte(tmp_path: Path) -> None:
    source = table(tmp_path / "in", [*GOOD, ("", "3", "en", "nobody")])
    for name in ("one", "two"):
        run(PARAMS, source=source, out=tmp_path / name)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert str(tmp_path).encode() not in b"".join(one.values())


def test_the_command_reads_its_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path / "in", GOOD)
    monkeypatch.chdir(tmp_path)
    section = {"folder": "in", "language_column": "language", "line_column": "line", "test_share": 0}
    Path("params.yaml").write_text(json.dumps({"describe": {"creatures": section}}), encoding="utf-8")
    main(run, ["--params", "describe.creatures", "--source", "in", "--out", "out"])
    assert read_manifest(Path("out"))["stage"] == "describe"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"format": "xml"}, r"describe\.x\.format"),
        ({"mask": ""}, r"describe\.x\.mask"),
        ({"mask": " it"}, "without space around it"),
        ({"mask": "<bos>"}, "token of a chat template"),
        ({"test_share": 1}, r"describe\.x\.test_share"),
        ({"shortest": 50, "longest": 20}, "less than `shortest`"),
        ({"format": "pokeapi", "line_column": "line"}, "`line_column` has no effect"),
        ({"hub_id": "a/b", "format": "hugging_face"}, "belong together"),
        ({"hub_id": "a/b", "revision": "main", "format": "hugging_face"}, "40 hex digits"),
        ({"text_column": "en_text"}, "`text_column` has no effect"),
        ({"languages": ("en", "de")}, "`language_column` must say"),
        ({"languages": ()}, r"describe\.x\.languages"),
        ({"columns": "name"}, "is not a parameter"),
    ],
)
def test_a_wrong_parameter_is_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_params(Describe, {"folder": "in", **values}, "describe.x")


def test_header_is_what_the_parameters_want() -> None:
    assert set(PARAMS.columns.values()) == set(HEADER)
