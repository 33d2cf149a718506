"""`plumbline recipe` and `plumbline doctor` for interleaved recipes: folders with labels or captions, and IDEFICS."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from interleaved import PROMPT, picture

from stages.cli import checks, machine
from stages.cli.__main__ import main
from stages.cli.estimate import InterleavedWorkload
from stages.ingest.parameters import Ingest
from stages.interleaved.recipe import InterleavedRecipe
from stages.params import check_params

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = "HuggingFaceM4/idefics-9b"
PARAMS = f"""\
threads: 2 # tracked

ingest:
  sport_label: {{folder: classes, format: class_folders}}
  sport_caption: {{folder: captioned, format: flickr30k}}

curate:
  letters: {{source: synthesize, dataset: letters, decisions: none, split: words_and_fonts}}
  sport_label: {{source: ingest, dataset: sport_label, decisions: none, split: entities, test_share: 0.2,
    licences: known, near_duplicates: {{bits: 256, radius: 10}}}}
  sport_caption: {{source: ingest, dataset: sport_caption, decisions: none, split: entities}}

caption:
  creatures: {{dataset: creatures, log: creatures, dialogues: none}}

features:
  looks: {{source: curate, dataset: sport_label, base: clip, model: {{id: clip}}}}

recipes:
  sport_label:
    objective: interleaved # pictures and text by turns
    source: curate
    dataset: sport_label
    base: idefics-tiny
    features: none
    parent: none
    task: label
    model: {{id: idefics-tiny, revision: null}}
    tokenize: {{prompt: "{PROMPT}", answer: "{{label}}.", separator: "\\n", fit: squeeze, max_length: 64}}
    train:
      seed: 1
      quantisation: none
      compute_dtype: float32
      lora_rank: 16
      lora_alpha: 32
      target_modules: [q_proj,   k_proj, v_proj] # as the notebook
      learning_rate: 0.005
      num_train_epochs: 4
      max_steps: null # or a number of steps
      per_device_train_batch_size: 32
      per_class: 10
      context_examples: 1
    evaluate: {{batch_size: 64, max_new_tokens: 10, synonyms: sports}}
  sport_caption:
    objective: interleaved
    source: curate
    dataset: sport_caption
    base: idefics-tiny
    task: caption
    model: {{id: idefics-tiny, revision: null}}
    tokenize: {{prompt: "Caption:", answer: "{{text}}."}}
    train: {{seed: 1, lora_rank: 16, lora_alpha: 32, target_modules: [q_proj], learning_rate: 0.005,
      num_train_epochs: 4, per_device_train_batch_size: 32}}
    evaluate: {{max_new_tokens: 30}}

available:
  {HUB}: {{architecture: idefics, revision: null, parameters: 9000000000, image_size: 224}}
  google/paligemma2-3b-pt-224: {{architecture: paligemma2, revision: {COMMIT}, parameters: 3000000000, image_size: 224}}
"""
FOLDERS = {  # a text for each file that is no picture
    "classes": {"golf/1.png": "", "table_tennis/2.png": ""},
    "flickr": {"results.csv": "image_name| comment_number| comment\n1.png| 0| They run .\n", "1.png": ""},
    "named": {
        "captions.csv": "image_name| comment_number| comment\n1.png| 0| They run .\n",
        "train/1.png": "",
        "test/2.png": "",
    },
    "coco": {
        "annotations/captions_val2017.json": '{"images": [{"id": 1, "file_name": "1.png"}], '
        '"annotations": [{"id": 1, "image_id": 1, "caption": "They run."}]}',
        "val2017/1.png": "",
    },
    "table": {"metadata.csv": "file_name,no,said\n1.png,golf,They run.\n2.png,luge,No.\n", "1.png": "", "2.png": ""},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with params.yaml, a base and sets in every layout, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    (tmp_path / "params.yaml").write_text(PARAMS)
    base = tmp_path / "models/base/idefics-tiny"
    base.mkdir(parents=True)
    for name in ("model.safetensors", "tokenizer.json", "processor_config.json"):
        (base / name).touch()
    (base / "config.json").write_text('{"model_type": "idefics"}')
    for folder, files in FOLDERS.items():
        for name, text in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text:
                path.write_text(text)
            else:
                picture(int(path.stem)).save(path)
    return tmp_path


def add(*words: str) -> dict[str, Any]:
    """params.yaml after `plumbline recipe add mine ...`; what was there is there still."""
    before = yaml.safe_load(Path("params.yaml").read_text())
    main(["recipe", "add", "mine", *words])
    after: dict[str, Any] = yaml.safe_load(Path("params.yaml").read_text())
    kept = {kind: {k: v for k, v in rows.items() if k != "mine"} for kind, rows in after.items() if kind != "threads"}
    assert kept == {kind: rows for kind, rows in before.items() if kind != "threads"}
    return after


def added(*words: str) -> InterleavedRecipe:
    row = add(*words)["recipes"]["mine"]
    assert (row["parent"], row["features"]) == ("none", "none")  # words, though YAML has other names for nothing
    return check_params(InterleavedRecipe, row, "recipes.mine")


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a refused `recipe add mine` prints; params.yaml is untouched."""
    before = Path("params.yaml").read_bytes()
    with pytest.raises(SystemExit) as stopped:
        main(["recipe", "add", "mine", *words])
    assert stopped.value.code == 1
    assert Path("params.yaml").read_bytes() == before
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize(
    ("like", "folder", "more", "layout"),
    [
        ("sport_label", "classes", [], "class_folders"),
        ("sport_label", "table", ["--label-column", "no"], "table"),
        ("sport_caption", "flickr", [], "flickr30k"),
        ("sport_caption", "named", [], "flickr30k"),
        ("sport_caption", "coco", ["--table", "annotations/captions_val2017.json"], "coco"),
        ("sport_caption", "table", ["--text-column", "said"], "table"),
    ],
)
def test_a_folder_becomes_three_rows(project: Path, like: str, folder: str, more: list[str], layout: str) -> None:
    rows = add("--like", like, "--data", folder, *more)
    ingest = check_params(Ingest, rows["ingest"]["mine"], "ingest.mine")
    assert (ingest.folder, ingest.format) == (folder, layout)
    assert ingest.has_labels == (like == "sport_label")
    curate, recipe = rows["curate"]["mine"], rows["recipes"]["mine"]
    assert (curate["source"], curate["dataset"], curate["split"]) == ("ingest", "mine", "entities")
    assert "licences" not in curate  # nobody has filled them in yet
    assert (recipe["source"], recipe["dataset"], recipe["base"]) == ("curate", "mine", "idefics-tiny")


def test_copies_are_looked_for_in_a_new_set_too(project: Path) -> None:
    assert add("--like", "sport_label", "--data", "classes")["curate"]["mine"]["near_duplicates"] == {
        "bits": 256,
        "radius": 10,
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sport_caption", "--data", "classes"], "labels and no captions, which `sport_caption` learns"),
        (["sport_label", "--data", "flickr"], "captions (flickr30k) and no labels"),
        (["sport_label", "--data", "named"], "Start from a caption recipe"),
        (["sport_label", "--data", "coco"], "a folder with labels"),
        (["sport_label", "--data", "table"], "no column `label`"),
        (["sport_caption", "--data", "table"], "no column `text`"),
        (["sport_caption", "--data", "table", "--label-column", "no"], "with --text-column"),
        (["sport_label", "--data", "table", "--text-column", "said"], "with --label-column"),
        (["sport_label", "--data", "classes", "--label-column", "no"], "laid out as class_folders"),
        (["sport_label", "--data", "classes", "--table", "x.csv"], "no table is read"),
        (["sport_label", "--data", "classes/golf"], "has no table"),
        (["sport_label", "--text-column", "said"], "add --data"),
        (["sport_label", "--data", "classes", "--dataset", "letters"], "give one of them"),
        (["sport_label", "--dataset", "nothing"], "no row `curate.nothing` (there is: letters"),
        (["sport_label", "--dataset", "sport_caption"], "has captions and no labels"),
        (["sport_caption", "--dataset", "sport_label"], "has labels and no captions"),
        (["sport_caption", "--dataset", "letters"], "a row under `caption:`"),
        (["sport_label", "--vision", "a/b"], "for grounding recipes"),
        (["sport_label", "--base", HUB], f"{HUB}/commits/main and add --revision"),
        (["sport_label", "--base", "google/paligemma2-3b-pt-224"], "is paligemma2; a recipe of objective interleaved"),
    ],
)
def test_adding_refuses(project: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert says in refused(capsys, "--like", *words)


def test_a_base_of_another_kind_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models/base/idefics-tiny/config.json").write_text('{"model_type": "paligemma"}')
    assert "is a paligemma model" in refused(capsys, "--like", "sport_label", "--base", "idefics-tiny")


def test_labels_on_the_hub_model_have_the_notebooks_numbers(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = added("--like", "sport_label", "--base", HUB, "--revision", COMMIT, "--data", "classes")
    assert (recipe.base, recipe.model.id, recipe.model.revision) == ("hub", HUB, COMMIT)
    train = recipe.train
    assert (train.learning_rate, train.num_train_epochs, train.max_steps) == (2e-4, 1, None)
    assert (train.per_device_train_batch_size, train.gradient_accumulation_steps) == (4, 8)
    assert (train.lora_rank, train.lora_alpha, train.lora_dropout) == (16, 32, 0.05)
    assert (train.quantisation, train.optim, train.context_examples) == ("nf4", "paged_adamw_8bit", 0)
    assert (train.per_class, recipe.evaluate.max_new_tokens) == (10, 15)
    said = capsys.readouterr().out
    assert all(word in said for word in ("train.learning_rate 0.005 -> 0.0002", "because", "check evaluate.synonyms"))
    text = Path("params.yaml").read_text()
    assert "target_modules: [q_proj,   k_proj, v_proj] # as the notebook" in text.partition("  mine:")[2]
    main(["recipe", "add", "other", "--like", "mine", "--base", "idefics-tiny"])
    assert yaml.safe_load(Path("params.yaml").read_text())["recipes"]["other"]["base"] == "idefics-tiny"


def test_captions_on_the_hub_model_have_the_notebooks_numbers(project: Path) -> None:
    recipe = added("--like", "sport_caption", "--base", HUB, "--revision", COMMIT)
    train = recipe.train
    assert (train.learning_rate, train.num_train_epochs, train.max_steps) == (3e-5, None, 200)
    assert (train.per_device_train_batch_size, train.gradient_accumulation_steps) == (2, 8)
    assert train.target_modules == ("q_proj", "k_proj", "v_proj")
    assert recipe.evaluate.max_new_tokens == 40
    assert "target_modules: [q_proj, k_proj, v_proj]" in Path("params.yaml").read_text().partition("  mine:")[2]


@pytest.mark.parametrize("named", ["sport_label curate letters", "sport_caption caption creatures"])
def test_a_set_that_is_there_is_named(project: Path, named: str) -> None:
    like, source, dataset = named.split()
    recipe = added("--like", like, "--dataset", dataset)
    assert (recipe.source, recipe.dataset) == (source, dataset)


def test_nearest_examples_bring_features_of_the_new_set(project: Path) -> None:
    path = project / "params.yaml"
    text = path.read_text().replace("features: none", "features: looks", 1)
    path.write_text(text.replace("synonyms: sports", "choose: nearest", 1))
    rows = add("--like", "sport_label", "--data", "classes")
    assert rows["recipes"]["mine"]["features"] == "mine"
    assert rows["features"]["mine"] == rows["features"]["looks"] | {"source": "curate", "dataset": "mine"}


def test_listing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["recipe", "list"])
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["sport_label", "label", "idefics-tiny", "curate/sport_label", "no", "no"] in said
    assert any(line[:2] == [HUB, "idefics"] for line in said)


def test_results_are_printed_by_task(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = {"cider": 1.5, "cider_low": 1.2, "cider_high": 1.8, "bleu4": 20.0, "rouge_l": 0.4, "invented_names": 0.01}
    methods = ("usual", "histogram", "thumbnail", "blind", "zero_shot", "2_shot_1", "tuned")
    metrics = {"rows": 7, "references": 35, "captioning": dict.fromkeys(methods, scores), "tuned_over": {}}
    for name in ("metrics/sport_caption.json", "html/sport_caption.html"):
        (project / "reports" / name).parent.mkdir(parents=True)
        (project / "reports" / name).write_text(json.dumps(metrics))
    main(["recipe", "results", "sport_caption"])
    said = capsys.readouterr().out
    assert all(words in said for words in ("7 test pictures, 35 references", "1.50 [1.20, 1.80]"))


def test_the_doctor_weighs_the_hub_model(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "gpus", list)
    monkeypatch.setattr("stages.cli.doctor.check_packages", list)
    add("--like", "sport_label", "--base", HUB, "--revision", COMMIT)
    for words in (["--recipe", "mine"], ["--base", HUB]):
        capsys.readouterr()
        with pytest.raises(SystemExit):
            main(["doctor", *words])
        said = capsys.readouterr().out
        assert "GB = weights 5.0" in said
        assert "LoRA" in said
        assert "use a machine with a GPU of" in said
    assert f"{HUB}: none known" in said  # of the base alone no commit is known
    monkeypatch.setattr(checks, "EMBEDDED_MEMORY", 0)
    monkeypatch.setattr(checks, "EMBEDDED_DISK", 0)
    (project / "models/base/idefics-tiny/tokenizer.json").unlink()
    with pytest.raises(SystemExit):
        main(["doctor", "--recipe", "sport_label"])
    assert "no tokenizer.json" in capsys.readouterr().out


def test_estimates_grow_with_the_work() -> None:
    small = InterleavedWorkload(9_000_000_000, 224, 16, 3, 4, 128)
    large = InterleavedWorkload(9_000_000_000, 224, 16, 3, 4, 128, pictures=3)
    assert small.memory()["LoRA"] == pytest.approx(16 * 19_750_912, rel=0.02)  # counted on a model without weights
    assert large.memory()["activations"] == pytest.approx(3 * small.memory()["activations"])
    assert large.seconds(10, 1e12) == pytest.approx(3 * small.seconds(10, 1e12))
