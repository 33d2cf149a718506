"""`plumbline recipe` and `plumbline doctor` for grounding recipes: two frozen models, a captioned set, features."""

import shutil
from pathlib import Path

import pytest
import yaml

from stages.cli.__main__ import main
from stages.cli.estimate import GroundingWorkload
from stages.grounding.recipe import GroundingRecipe
from stages.params import check_params

ROOT = Path(__file__).parents[1]
ADD = ["recipe", "add", "mine", "--like", "pokemon_grounding"]
HUB = ["--base", "facebook/opt-6.7b", "--vision", "openai/clip-vit-large-patch14"]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own params.yaml, as the current folder's, with a second captioned set."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text()
    row = "  other:\n    dataset: other\n    log: other\n    dialogues: none\n"
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("caption: # one row", f"caption:\n{row}  # one row", 1))
    for name in ("constraints.txt", "pyproject.toml"):  # what the doctor compares the environment with
        shutil.copy(ROOT / name, tmp_path / name)
    return path


def run(*words: str) -> int:
    """The command's exit status."""
    try:
        main(list(words))
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 1
    return capsys.readouterr().err


def test_hub_models_bring_their_commits_features_and_numbers(params: Path) -> None:
    before = yaml.safe_load(params.read_text())
    run(*ADD, *HUB, "--dataset", "other")
    after = yaml.safe_load(params.read_text())
    row = after["recipes"].pop("mine")
    recipe = check_params(GroundingRecipe, row, "recipes.mine")
    assert (recipe.base, recipe.dataset, recipe.features) == ("hub", "other", "mine")
    assert recipe.model.language.revision == before["available"]["facebook/opt-6.7b"]["revision"]
    assert recipe.train.weights.dialogue == 0  # that set has none
    features = after["features"].pop("mine")
    assert features["model"] == row["model"]["vision"]
    assert (features["source"], features["dataset"], features["base"]) == ("caption", "other", "hub")
    assert after == before  # nothing else changed


def test_the_same_pictures_and_base_share_their_features(params: Path) -> None:
    run(*ADD)
    after = yaml.safe_load(params.read_text())
    assert after["recipes"]["mine"] == after["recipes"]["pokemon_grounding"]
    assert "mine" not in after["features"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--base", "facebook/opt-6.7b"], "give both, or neither"),
        (["--dataset", "nothing"], "no row `caption.nothing`"),
        (["--data", "."], "name them with --dataset"),
        (["--base", "me/unknown", "--vision", "openai/clip-vit-large-patch14"], "no revision of me/unknown is known"),
        (["--base", "opt", "--vision", "clip"], "is no hub id"),
        ([*HUB, "--revision", "main"], "is no commit"),
    ],
)
def test_adding_refuses(params: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    before = params.read_bytes()
    assert said in refused(capsys, *ADD, *words)
    assert params.read_bytes() == before


def test_vision_is_for_grounding_recipes(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["recipe", "add", "mine", "--like", "circled_letter", "--vision", "openai/clip-vit-large-patch14"]
    assert "for grounding recipes" in refused(capsys, *words)


def test_an_unknown_objective_is_named(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params.write_text(params.read_text().replace("objective: grounding", "objective: granding"))
    run("recipe", "list")
    assert "`recipes.pokemon_grounding.objective` = 'granding'" in capsys.readouterr().err


def test_the_doctor_weighs_both_models(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(*ADD, *HUB)
    run("doctor", "--recipe", "mine")
    told = capsys.readouterr().out
    assert "facebook/opt-6.7b@a45aa65b" in told
    assert "openai/clip-vit-large-patch14@32bd6428" in told
    assert "maps" in told


def test_the_doctor_misses_a_part_of_the_base(params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (params.parent / "models/base/opt-clip-tiny/language").mkdir(parents=True)
    assert run("doctor", "--recipe", "pokemon_grounding") == 1
    told = capsys.readouterr().out
    assert "language has no config.json" in told


def test_a_larger_batch_needs_more_memory() -> None:
    small, large = (GroundingWorkload(6_700_000_000, 428_000_000, batch, 48) for batch in (8, 16))
    assert large.memory()["activations"] == 2 * small.memory()["activations"]
    assert large.memory()["weights"] == small.memory()["weights"] == pytest.approx(0.55 * 6.7e9)
