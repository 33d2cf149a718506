"""The `plumbline` command: what it writes, what it refuses, and what it never prints."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.answers.recipe import AnswerRecipe
from stages.cli import checks, machine
from stages.cli.__main__ import main
from stages.cli.estimate import Workload, span
from stages.cli.packages import check_packages
from stages.cli.parameters import row_lines, with_row
from stages.cli.replacing import replacing
from stages.params import UserError, check_params

ROOT = Path(__file__).parents[1]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = "google/paligemma2-3b-pt-224"
PARAMS = """\
threads: 2 # tracked

ingest: {} # folders

curate:
  letters: {source: synthesize, dataset: letters, decisions: none, split: words_and_fonts}

synthesize:
  letters: {seed: 7, font_sources: [matplotlib]}

recipes:
  # the first one
  letters:
    objective: answers
    source: curate
    dataset: letters
    base: tiny # a folder
    task: letter
    model:
      id: tiny
      revision: null # a commit
    tokenize: {prompt: "Which letter?", max_length: 128}
    train:
      seed: 1
      lora_rank: 16
      lora_alpha: 32
      target_modules: [q_proj,   v_proj]
      learning_rate: 2.0e-3
      num_train_epochs: 1
      per_device_train_batch_size: 64
    evaluate: {batch_size: 8}
    # about evaluation

# what else there is
available:
  google/paligemma2-3b-pt-224:
    architecture: paligemma2
    revision: null
    gated: true
    licence_page: https://huggingface.co/google/paligemma2-3b-pt-224
    parameters: 3000000000
    image_size: 224
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with params.yaml, a base and a folder of pictures, as the current one."""
    monkeypatch.chdir(tmp_path)
    for name in ("HF_TOKEN", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "params.yaml").write_text(PARAMS)
    base = tmp_path / "models/base/tiny"
    base.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "processor_config.json"):
        (base / name).write_text("{}")
    (tmp_path / "my data").mkdir()
    (tmp_path / "my data/metadata.csv").write_text("file_name,no,word\na.png,A,w\n")
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """The one line that a refused command prints; params.yaml is untouched."""
    before = Path("params.yaml").read_bytes()
    with pytest.raises(SystemExit) as stopped:
        main(list(argv))
    assert stopped.value.code == 1
    assert Path("params.yaml").read_bytes() == before
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


def test_help_is_fast_because_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from stages.cli.__main__ import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'torch', 'transformers', 'dvc', 'prefect', 'numpy', 'PIL', 'ruamel'} & {*sys.modules}))"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.endswith("[]\n")
    assert all(name in said for name in ("run", "recipe", "predict", "doctor"))


def test_adding_keeps_every_other_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["recipe", "add", "mine", "--like", "letters"])
    after = Path("params.yaml").read_text()
    above, mark, below = PARAMS.partition("\n# what else")
    assert after.startswith(above)
    assert after.endswith(mark + below)
    added = after.removeprefix(above).removesuffix(mark + below)
    assert "base: tiny # a folder" in added
    assert "target_modules: [q_proj" in added
    rows = yaml.safe_load(after)["recipes"]
    assert rows["mine"] == rows["letters"]
    assert "dvc repro report@mine" in capsys.readouterr().out


def test_adding_data_and_a_hub_base(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["--label-column", "no", "--entity-column", "word"]
    main(
        [
            "recipe",
            "add",
            "mine",
            "--like",
            "letters",
            "--data",
            "my data",
            *columns,
            "--base",
            HUB,
            "--revision",
            COMMIT,
        ]
    )
    params = yaml.safe_load(Path("params.yaml").read_text())
    ingest = {
        "folder": "my data",
        "label_column": "no",
        "entity_column": "word",
        "licence": "unknown",
        "author": "unknown",
    }
    assert params["ingest"] == {"mine": ingest}
    row = check_params(AnswerRecipe, params["recipes"]["mine"], "recipes.mine")
    assert (row.source, row.dataset, row.base) == ("curate", "mine", "hub")
    assert (row.model.id, row.model.revision) == (HUB, COMMIT)
    curated = {"source": "ingest", "dataset": "mine", "decisions": "none", "split": "entities", "test_share": 0.2}
    assert params["curate"]["mine"] == curated
    assert (row.train.lora_rank, row.train.learning_rate, row.train.gradient_accumulation_steps) == (8, 5e-5, 8)
    assert (row.train.per_device_train_batch_size, row.tokenize.max_length) == (2, 512)
    assert row.train.target_modules == ("q_proj", "v_proj")
    assert "learning_rate: 0.00005" in Path("params.yaml").read_text()
    said = capsys.readouterr().out
    assert "train.lora_rank 16 -> 8" in said
    assert "because" in said
    main(["recipe", "add", "other", "--like", "mine", "--base", "tiny"])
    main(["recipe", "add", "third", "--like", "letters", "--data", "my data", "--label-column", "no"])
    params = yaml.safe_load(Path("params.yaml").read_text())
    assert params["recipes"]["other"]["model"] == {"id": "tiny", "revision": None}
    assert list(params["ingest"]) == ["mine", "third"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["mine", "--like", "nope"], "no recipe `nope`"),
        (["Mine", "--like", "letters"], "`Mine` is not allowed"),
        (["null", "--like", "letters"], "YAML reads it as None"),
        (["../x", "--like", "letters"], "is not allowed"),
        (["letters", "--like", "letters"], "has a row `recipes.letters` already"),
        (["mine", "--like", "letters", "--base", "nope"], "no such base"),
        (["mine", "--like", "letters", "--base", ".."], "no such base"),
        (["mine", "--like", "letters", "--base", "a/b/c"], "neither a hub id"),
        (["mine", "--like", "letters", "--base", HUB], f"{HUB}/commits/main and add --revision"),
        (["mine", "--like", "letters", "--base", HUB, "--revision", "main"], "is no commit"),
        (["mine", "--like", "letters", "--revision", COMMIT], "add --base"),
        (["mine", "--like", "letters", "--base", "tiny", "--revision", COMMIT], "leave it out"),
        (["mine", "--like", "letters", "--data", "nope"], "is no folder"),
        (["mine", "--like", "letters", "--data", "models"], "at least 2 labels are needed"),
        (["mine", "--like", "letters", "--data", "my data"], "no column `label`"),
        (["mine", "--like", "letters", "--label-column", "no"], "add --data"),
    ],
)
def test_adding_refuses(project: Path, capsys: pytest.CaptureFixture[str], argv: list[str], says: str) -> None:
    assert says in refused(capsys, "recipe", "add", *argv)


@pytest.mark.parametrize("name", ["a$(touch x)", 'a"b', "a`b`", "a${b}"])
def test_adding_refuses_a_folder_that_a_shell_would_read(
    project: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    os.rename("my data", name)
    assert "goes through a shell" in refused(
        capsys, "recipe", "add", "mine", "--like", "letters", "--data", name, "--label-column", "no"
    )


def test_the_projects_own_params_can_be_extended() -> None:
    text = (ROOT / "params.yaml").read_text()
    name = next(iter(yaml.safe_load(text)["recipes"]))
    row = row_lines(text, "recipes", name).replace(f"{name}:", "another:", 1)
    extended = with_row(with_row(text, "recipes", "another", row), "ingest", "another", "another:\n  folder: x\n")
    lines = iter(extended.splitlines())
    assert all(line.replace(" {}", "") in (kept.replace(" {}", "") for kept in lines) for line in text.splitlines())


@pytest.mark.parametrize(
    "section", ["ingest: {}\n", "ingest:\n", "ingest: null # why\n", "", "ingest:\n    b: 1\n    # b\n"]
)
def test_a_section_may_be_empty_or_absent(section: str) -> None:
    text = f"a: 1\n{section}# z\nz: 2"
    found = yaml.safe_load(with_row(text, "ingest", "n", "n:\n  folder: x\n"))
    before = yaml.safe_load(text)
    assert found == {**before, "ingest": {**(before.get("ingest") or {}), "n": {"folder": "x"}}}


def test_a_section_in_one_line_is_not_rewritten() -> None:
    with pytest.raises(UserError, match="indented block"):
        with_row("recipes: {a: 1}\n", "recipes", "b", "b: 1\n")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o640)

    def fail() -> None:
        with replacing(path) as stream:
            stream.write("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"
    with replacing(path) as stream:
        stream.write("new")
        assert path.read_text() == "old"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o640)


def test_listing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "reports/html").mkdir(parents=True)
    (project / "reports/html/letters.html").touch()
    main(["recipe", "list"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["letters", "letter", "tiny", "curate/letters", "no", "yes"]
    assert "--revision SHA" in lines[-1]
    assert "HF_TOKEN" in lines[-1]
    Path("params.yaml").write_text(PARAMS.replace("lora_rank: 16", "lora_rank: 0"))
    with pytest.raises(SystemExit) as stopped:
        main(["recipe", "list"])
    assert stopped.value.code == 1
    assert "recipes.letters.train.lora_rank" in capsys.readouterr().err


def test_run_refuses_an_unknown_recipe(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no recipe `nope`" in refused(capsys, "run", "nope")


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("stages.cli.predict.command", interrupted)
    with pytest.raises(SystemExit) as stopped:
        main(["predict", "a", "--images", "b", "--out", "c"])
    assert stopped.value.code == 130


# doctor


def doctor(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    try:
        main(["doctor", *argv])
        status = 0
    except SystemExit as stopped:
        status = int(str(stopped.code))
    said = capsys.readouterr()
    return status, said.out + said.err


@pytest.fixture
def healthy(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on a machine that lacks nothing but a GPU."""
    for folder in (".git", ".dvc"):
        (project / folder).mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["pydantic", "pillow>=1"]\n')
    monkeypatch.setattr(machine, "gpus", list)
    monkeypatch.setattr(checks, "EMBEDDED_MEMORY", 0)
    monkeypatch.setattr(checks, "EMBEDDED_DISK", 0)
    return project


def test_doctor_finds_nothing_missing(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = doctor(capsys)
    assert (status, "nothing is missing" in said) == (0, True), said
    assert doctor(capsys, "--recipe", "letters")[0] == 0
    assert doctor(capsys, "--base", "tiny")[0] == 0


def test_doctor_names_each_gap_and_its_remedy(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (healthy / ".dvc").rmdir()
    (healthy / "models/base/tiny/tokenizer.json").unlink()
    status, said = doctor(capsys)
    assert status == 1
    assert "dvc init" in said
    assert "no tokenizer.json" in said
    assert "2 gaps" in said


def test_doctor_on_a_gated_hub_base(
    healthy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(healthy / "no-token"))
    status, said = doctor(capsys, "--base", HUB)
    assert status == 1
    assert "HF_TOKEN unset" in said
    assert f"{HUB}/commits/main" in said
    assert "GB = weights" in said
    assert "guess" in said
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    _, said = doctor(capsys, "--base", HUB)
    assert "HF_TOKEN set" in said
    assert "canary" not in said


def test_doctor_without_packages_says_so_first(healthy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (healthy / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["no-such_package>=2; x"]\n')
    status, said = doctor(capsys)
    assert status == 1
    assert "missing: no-such-package" in said
    assert "not looked at" in said


def test_package_versions(tmp_path: Path) -> None:
    project, pins = tmp_path / "pyproject.toml", tmp_path / "constraints.txt"
    project.write_text('[project]\nname = "x"\ndependencies = ["pydantic[email]", "PyYAML"]\n')
    found = {name: checks_version(name) for name in ("pydantic", "pyyaml")}
    pins.write_text("".join(f"{name}=={version} # why\n" for name, version in found.items()))
    assert [one.state for one in check_packages(project, pins)] == ["ok"]
    pins.write_text("pydantic==0.1\n")
    assert [one.state for one in check_packages(project, pins)] == ["note"]
    project.write_text('[project]\nname = "x"\ndependencies = ["pydantic<1"]\n')
    assert [one.state for one in check_packages(project, pins)] == ["gap"]


def checks_version(name: str) -> str:
    import importlib.metadata

    return importlib.metadata.version(name)


def test_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    small = machine.Gpu("small", 4e9, 4e9, 7.5)
    monkeypatch.setattr(checks, "_unusable", str)
    assert checks.graphics([]).state == "note"
    assert checks.graphics([], needed=8e9).state == "gap"
    assert checks.graphics([small], needed=8e9).state == "gap"
    assert checks.graphics([small], needed=1e9).state == "note"  # no bf16
    assert checks.graphics([machine.Gpu("big", 8e10, 7e10, 9.0)], needed=8e9).state == "ok"
    monkeypatch.setattr(checks, "_unusable", lambda: "install the CUDA build")
    assert checks.graphics([small], needed=1e9).remedy == "install the CUDA build"


def test_nvidia_smi_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA X, 1024, 512, 9.0'\necho 'Split, [N/A], [N/A], 9.0'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert machine.gpus() == [machine.Gpu("NVIDIA X", 2**30, 2**29, 9.0)]
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert machine.gpus() == []


def test_estimates_grow_with_the_work() -> None:
    small, large = Workload(3_000_000_000, 224, 8, 2, 512), Workload(3_000_000_000, 448, 64, 8, 2048)
    assert small.tokens == 256 + 64
    assert all(small.memory()[part] <= large.memory()[part] for part in small.memory())
    assert small.seconds(10, 1e12) == pytest.approx(10 * 4 * 3e9 * 320 / 1e12)
    assert [span(seconds) for seconds in (80, 120, 7200, 200_000)] == ["80 seconds", "2 minutes", "2 hours", "2 days"]


def test_results_need_a_recipe_and_its_evaluation(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "run `dvc repro report@letters`" in refused(capsys, "recipe", "results", "letters")
    assert "no recipe `nothing`" in refused(capsys, "recipe", "results", "nothing")
