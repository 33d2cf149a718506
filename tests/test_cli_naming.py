"""`plumbline recipe` and `plumbline doctor` for naming recipes: tables of descriptions, and Gemma."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.cli import machine
from stages.cli.__main__ import main
from stages.describe.parameters import Describe
from stages.naming.recipe import NamingRecipe
from stages.params import check_params

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = "google/gemma-2b-it"
PARAMS = f"""\
threads: 2 # tracked

describe:
  pokemon_name: {{folder: data/samples/descriptions, table: descriptions.csv, line_column: line}}
  other: {{folder: data/samples/descriptions, format: pokeapi}}

recipes:
  pokemon_name:
    objective: naming # a description in, a name out
    source: describe
    dataset: pokemon_name
    base: gemma-tiny
    task: name
    model: {{id: gemma-tiny, revision: null}}
    tokenize: {{prompt: "Name it: {{description}}", answer: "{{name}}", max_length: 128, languages: [en, ko]}}
    train:
      seed: 1
      lora_rank: 16 # more than the notebook
      lora_alpha: 32
      target_modules: [q_proj, v_proj]
      learning_rate: 0.002
      num_train_epochs: 8
      max_steps: null # or a number of steps
      per_device_train_batch_size: 16
    evaluate: {{batch_size: 64}}

available:
  {HUB}: {{architecture: gemma, revision: null, gated: true, parameters: 2506172416}}
  google/paligemma2-3b-pt-224: {{architecture: paligemma2, revision: {COMMIT}, parameters: 3000000000, image_size: 224}}
"""
FILES = {
    "told/creatures.csv": "name,line,stage,language,description\nPyravi,7,1,en,A red bird.\n",
    "told/more.jsonl": '{"title": "Pyravi", "said": "A red bird.", "kin": "7"}\n',
    "notebook/pokemon.csv": 'image,en_text\n1.png,"Pyravi: A red bird."\n',
    "empty/creatures.csv": "name,description\n",
    "wrong/creatures.csv": "title,text\nPyravi,A red bird.\n",
    "pokeapi/languages.csv": "id,iso639,identifier\n9,en,en\n",
    "pokeapi/pokemon_species.csv": "id,identifier,evolution_chain_id,evolves_from_species_id\n1,pyravi,7,\n",
    "pokeapi/pokemon_species_names.csv": "pokemon_species_id,local_language_id,name,genus\n1,9,Pyravi,Bird\n",
    "pokeapi/pokemon_species_flavor_text.csv": "species_id,version_id,language_id,flavor_text\n1,1,9,A red bird.\n",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with params.yaml, two bases and tables in every layout, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    (tmp_path / "params.yaml").write_text(PARAMS)
    for base, kind in (("gemma-tiny", "gemma"), ("opt-tiny", "opt")):
        folder = tmp_path / "models/base" / base
        folder.mkdir(parents=True)
        for name in ("model.safetensors", "tokenizer.json"):
            (folder / name).touch()
        (folder / "config.json").write_text(json.dumps({"model_type": kind}))
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def add(*words: str) -> dict[str, Any]:
    """params.yaml after `plumbline recipe add mine ...`; what was there is there still."""
    main(["recipe", "add", "mine", "--like", "pokemon_name", *words])
    text = Path("params.yaml").read_text()
    assert all(line in text for line in PARAMS.splitlines())
    found: dict[str, Any] = yaml.safe_load(text)
    check_params(NamingRecipe, found["recipes"]["mine"], "mine")
    for row in found["describe"].values():
        check_params(Describe, row, "row")
    return found


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What `plumbline recipe add mine ...` says when it changes nothing."""
    with pytest.raises(SystemExit) as stopped:
        main(["recipe", "add", "mine", "--like", "pokemon_name", *words])
    assert stopped.value.code
    assert Path("params.yaml").read_text() == PARAMS
    return capsys.readouterr().err


def test_a_real_model_on_own_descriptions_gets_the_notebooks_numbers(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = add("--data", "told/creatures.csv", "--base", HUB, "--revision", COMMIT)
    row, train = found["recipes"]["mine"], found["recipes"]["mine"]["train"]
    assert (row["source"], row["dataset"], row["base"]) == ("describe", "mine", "hub")
    assert (row["features"], row["parent"]) == ("none", "none")
    assert row["model"] == {"id": HUB, "revision": COMMIT}
    assert row["tokenize"]["max_length"] == 512
    assert {key: train[key] for key in ("lora_rank", "lora_alpha", "lora_dropout", "learning_rate", "optim")} == {
        "lora_rank": 6,
        "lora_alpha": 8,
        "lora_dropout": 0.05,
        "learning_rate": 0.0002,
        "optim": "paged_adamw_8bit",
    }
    assert (train["per_device_train_batch_size"], train["gradient_accumulation_steps"]) == (1, 4)
    assert len(train["target_modules"]) == 7
    assert (train["num_train_epochs"], train["max_steps"]) == (None, 3000)
    assert found["describe"]["mine"] == {
        "folder": "told",
        "format": "table",
        "table": "creatures.csv",
        "name_column": "name",
        "description_column": "description",
        "line_column": "line",
        "language_column": "language",
        "stage_column": "stage",
        "licence": "unknown",
        "author": "unknown",
    }
    out = capsys.readouterr().out
    for said in (
        "train.lora_rank 16 -> 6",
        "gated: accept its licence",
        "fill them in",
        "check tokenize.prompt",
        "en, ko",
    ):
        assert said in out
    assert "# more than the notebook" in Path("params.yaml").read_text().split("mine:")[-1]


def test_tables_of_other_columns_and_layouts_are_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--table", "more.jsonl", "--label-column", "title", "--text-column", "said", "--entity-column", "kin"]
    row = add("--data", "told", *words)["describe"]["mine"]
    assert (row["name_column"], row["description_column"], row["line_column"]) == ("title", "said", "kin")
    assert "language_column" not in row
    (project / "params.yaml").write_text(PARAMS)
    row = add("--data", "notebook")["describe"]["mine"]
    assert (row["format"], row["table"]) == ("named_lines", "pokemon.csv")
    assert "kept together by name alone" in capsys.readouterr().out
    (project / "params.yaml").write_text(PARAMS)
    assert add("--data", "pokeapi")["describe"]["mine"]["format"] == "pokeapi"


def test_a_set_that_is_there_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = add("--dataset", "other", "--base", "gemma-tiny")
    assert found["recipes"]["mine"]["dataset"] == "other"
    assert found["recipes"]["mine"]["train"]["lora_rank"] == 16  # an embedded base keeps the row's numbers
    (project / "params.yaml").write_text(PARAMS)
    assert "no row `describe.none_such` (there is: pokemon_name, other)" in refused(capsys, "--dataset", "none_such")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "gone.csv"], "gone.csv is missing"),
        (["--data", "empty"], "has no row"),
        (["--data", "wrong"], "has no column `name` (`name_column`), `description`"),
        (["--data", "told"], "must hold one table"),
        (["--data", "told/creatures.csv", "--table", "more.jsonl"], "leave --table out"),
        (["--data", "pokeapi", "--text-column", "x"], "whose columns are known"),
        (["--data", "told/creatures.csv", "--dataset", "other"], "give one of them"),
        (["--base", "opt-tiny"], "no model of `gemma`"),
        (["--base", HUB], "never guessed"),
        (["--base", "google/paligemma2-3b-pt-224"], "is paligemma2"),
        (["--vision", "openai/clip-vit-base-patch32"], "for grounding recipes"),
    ],
)
def test_what_does_not_fit_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert said in refused(capsys, *words)


def test_the_doctor_knows_what_gemma_needs(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "gpus", list)
    monkeypatch.setattr("stages.cli.doctor.check_packages", list)

    def findings(*words: str) -> str:
        with pytest.raises(SystemExit):
            main(["doctor", *words])
        return capsys.readouterr().out

    assert "base gemma-tiny" in findings("--recipe", "pokemon_name")
    assert "complete" in findings("--base", "gemma-tiny")
    add("--base", HUB, "--revision", COMMIT)
    said = findings("--recipe", "mine")
    assert f"{HUB}@{COMMIT}" in said
    assert "memory, estimated" in said
    assert "HF_TOKEN unset" in said
    assert "memory, estimated" in findings("--base", HUB)
    (project / "models/base/gemma-tiny/tokenizer.json").unlink()
    assert "has no tokenizer.json" in findings("--recipe", "pokemon_name")
