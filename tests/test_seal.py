"""The seal stage: weights, card and lineage of small adapters, and what must not get into them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.numpy import load_file
from sealing import RECIPES, make_project, seal, write_lock

from stages.lineage.form import Lineage, Part, check_seal, read_lineage
from stages.lineage.tensors import digest_of, read_header
from stages.params import UserError
from stages.seal import gathering, stage
from stages.seal.card import licence_of, plain, render_card
from stages.seal.facts import record_of
from stages.seal.figures import figures

CANARY = "canary-3f9a-do-not-publish"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("sealed"))


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "project"))


def lineage_of(project: Path, name: str) -> Lineage:
    return read_lineage(project / "models/adapters" / name / "lineage.json")


def front_matter(card: str) -> dict[str, Any]:
    return dict(yaml.safe_load(card.split("---\n")[1]))


@pytest.mark.parametrize("name", RECIPES)
def test_the_seal_stands_in_the_header_the_card_and_the_tracked_copy(made: Path, name: str) -> None:
    adapter, lineage = made / "models/adapters" / name, lineage_of(made, name)
    assert check_seal(lineage)
    assert read_header(adapter / "adapter_model.safetensors").seal == lineage.seal
    card = (adapter / "README.md").read_text(encoding="utf-8")
    assert front_matter(card)["plumbline_seal"] == lineage.seal
    assert card == render_card(lineage)
    assert (adapter / "lineage.json").read_bytes() == (made / f"reports/seals/{name}.json").read_bytes()


@pytest.mark.parametrize("name", RECIPES)
def test_sealed_weights_are_the_trained_ones(made: Path, name: str) -> None:
    trained, adapter = made / "models/trained" / name, made / "models/adapters" / name
    before, after = (load_file(folder / "adapter_model.safetensors") for folder in (trained, adapter))
    assert before.keys() == after.keys()
    assert all((before[key] == after[key]).all() for key in before)
    header = read_header(adapter / "adapter_model.safetensors")
    assert header.content["__metadata__"]["format"] == "pt"
    assert header.as_sealed
    assert digest_of(trained) == digest_of(adapter) == lineage_of(made, name).adapter.digest
    others = {path.name for path in trained.iterdir()} - {"adapter_model.safetensors"}
    assert all((trained / name).read_bytes() == (adapter / name).read_bytes() for name in others)


def test_sealing_again_gives_the_same_bytes_and_one_more_run(project: Path) -> None:
    before = {path: path.read_bytes() for path in (project / "models/adapters/letters").iterdir()}
    seal(project, "letters")
    assert {path: path.read_bytes() for path in before} == before
    runs = json.loads((project / f".scratch/runs/{lineage_of(project, 'letters').adapter.digest}.json").read_text())
    assert len(runs) == 2
    assert runs[1]["started"] >= runs[0]["started"]
    assert runs[1]["commit"] is None


def test_the_run_record_knows_commit_and_changes_but_not_for_the_runs_own_outs(project: Path) -> None:
    from sealing import commit

    first = commit(project, "all")
    (project / "reports/metrics/letters.json").write_text(
        (project / "reports/metrics/letters.json").read_text().replace("0.95", "0.96")
    )
    seal(project, "letters")
    path = project / f".scratch/runs/{lineage_of(project, 'letters').adapter.digest}.json"
    assert [json.loads(path.read_text())[-1][key] for key in ("commit", "dirty")] == [first, False]
    (project / "data/words/common.txt").write_text("other\n")
    seal(project, "letters")
    assert json.loads(path.read_text())[-1]["dirty"] is True


def test_facts_of_scraped_rows(made: Path) -> None:
    data = lineage_of(made, "creatures").data
    assert (data.folder, data.curated) == ("data/caption/creatures", "data/curate/creatures")
    assert (data.consumed.rows, data.consumed.distinct, data.consumed.steps) == (24, 12, 6)
    assert data.licences == {"CC-BY-4.0": 3, "CC0-1.0": 3}
    assert data.hosts == {"gallery0.example.org": 3, "gallery1.example.org": 3}
    assert data.authors == {"model:tiny-captioner prompt 12ab34cd": 6, "person:ana": 6}
    assert (data.kinds, data.generators, data.pictures) == ({"url": 6}, {}, "collected")
    assert [(one.folder, one.rows_in, one.rows_out) for one in data.drops] == [
        ("data/scrape/creatures", 11, 10), ("data/curate/creatures", 10, 8), ("data/caption/creatures", 8, 8),
        ("data/tokenize/creatures", 16, 16),
    ]  # fmt: skip
    assert data.drops[1].dropped == {"licence not allowed": 1, "near duplicate": 1}


def test_facts_of_drawn_rows_and_of_a_parent(made: Path) -> None:
    lineage = lineage_of(made, "more")
    assert lineage.data.generators == {"plumbline.synthesize/1 7": 8}
    assert lineage.data.pictures == "drawn"
    assert lineage.parent is not None
    assert lineage.parent.recipe == "letters"
    assert lineage.parent.digest == lineage_of(made, "letters").adapter.digest
    assert lineage.seeds == {
        "recipes.more.evaluate.seed": 1, "recipes.letters.train.seed": 1, "recipes.more.train.seed": 3,
        "synthesize.letters.seed": 7,
    }  # fmt: skip
    assert lineage.base.version == 3
    assert lineage.environment is not None
    assert lineage.environment.threads == 2
    assert set(lineage.inputs) == {
        "data/decisions/none.csv", "data/features/none", "data/words/common.txt", "models/none",
    }  # fmt: skip
    assert set(lineage.outs) == {
        "data/curate/letters", "data/synthesize/letters", "data/tokenize/letters", "data/tokenize/more",
    }  # fmt: skip


def test_a_row_that_the_data_does_not_have_is_refused() -> None:
    assert record_of("a/1", {"a"}) == "a"
    assert record_of("a/1", {"a/1"}) == "a/1"
    with pytest.raises(UserError, match="row b/0 was trained on, but the data folder has no such row"):
        record_of("b/0", {"a"})


def test_code_that_was_not_run_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sealing.write_lock", lambda project: None)
    (project / "stages/train/fit.py").write_text('"""Fits otherwise."""\n')
    with pytest.raises(UserError, match=r"stages/train is not what train@letters was run with: run `dvc repro"):
        seal(project, "letters")
    old = lineage_of(project, "letters")
    monkeypatch.setattr(gathering, "moved_on", lambda *_: [])
    seal(project, "letters")  # without the check the lineage names code that never ran
    assert lineage_of(project, "letters").stages != old.stages


@pytest.mark.parametrize("path", ["models/trained/letters/adapter_model.safetensors", "reports/metrics/letters.json"])
def test_what_its_stage_did_not_write_is_not_sealed(project: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr("sealing.write_lock", lambda project: None)
    content = (project / path).read_bytes().replace(b"9", b"8").replace(b"\0", b"\1")
    (project / path).write_bytes(content)
    with pytest.raises(UserError, match=r"is not what (train|evaluate)@letters wrote: run `dvc repro"):
        seal(project, "letters")
    assert check_seal(lineage_of(project, "letters"))  # the old one stays


def put_into_params(project: Path, text: str) -> None:
    """`text` as a parameter of a stage that lies before `creatures`."""
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["scrape"]["creatures"]["contact"] = text
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    write_lock(project)


def test_a_key_of_the_environment_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_API_KEY", CANARY)
    seal(project, "creatures")  # a key that the pipeline merely knows is no matter
    written = list((project / "models/adapters/creatures").iterdir())
    assert not any(CANARY.encode() in path.read_bytes() for path in written)
    put_into_params(project, f"key={CANARY}")
    with pytest.raises(UserError, match="environment variable CANARY_API_KEY") as refused:
        seal(project, "creatures")
    assert CANARY not in str(refused.value)
    monkeypatch.setattr(stage, "require_private", lambda texts: None)
    seal(project, "creatures")
    assert CANARY in (project / "models/adapters/creatures/lineage.json").read_text()


@pytest.mark.parametrize("text", ["hf_" + "a1B2" * 9, "http://ana:geheim@example.org/x", "AKIA" + "A1B2" * 4])
def test_what_looks_like_a_key_is_refused(project: Path, text: str) -> None:
    put_into_params(project, text)
    with pytest.raises(UserError, match=r"lineage.json would hold what looks like"):
        seal(project, "creatures")


def test_home_folders_are_left_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_into_params(project, "/home/ana/pictures of mine")
    seal(project, "creatures")
    text = (project / "models/adapters/creatures/lineage.json").read_text()
    assert "/home/ana" not in text
    assert "~/pictures of mine" in text
    (project / "models/trained/creatures/config.json").write_text('{"language": "/home/ana/models/tiny"}\n')
    with pytest.raises(UserError, match=r"config.json, line 1, would name a home folder"):
        seal(project, "creatures")


def test_a_folder_outside_the_project_is_named_without_its_place(project: Path, tmp_path: Path) -> None:
    elsewhere = Path(shutil.copytree(project / "data/words", tmp_path / "elsewhere/my words"))
    told = (project / "dvc.yaml").read_text().replace("--words data/words", f"--words '{elsewhere}'")
    (project / "dvc.yaml").write_text(told.replace("- data/words\n", f"- {elsewhere}\n"))
    seal(project, "letters")
    lineage = lineage_of(project, "letters")
    assert "outside/my words/common.txt" in lineage.inputs
    assert "--words 'outside/my words'" in next(one.cmd for one in lineage.stages if one.name == "synthesize@letters")
    assert str(tmp_path) not in (project / "models/adapters/letters/lineage.json").read_text()


def test_the_card_is_one_that_the_hub_reads(made: Path) -> None:
    from huggingface_hub import ModelCard

    for name, library in (("letters", "peft"), ("creatures", "plumbline")):
        card = ModelCard.load(made / "models/adapters" / name / "README.md")
        assert (card.data.base_model, card.data.library_name) == ("tiny", library)
        assert card.data.pipeline_tag == "image-text-to-text"
        assert card.data.model_name == name
        [result] = card.data.eval_results
        assert (result.metric_type, result.metric_value) == ("exact", 0.9 - RECIPES.index(name) / 10)
        assert result.metric_args == {"low": 0.6, "high": 0.95, "before": 0.1}
    assert card.data.license == "other"
    assert card.data.license_name == "cc-by-4.0-and-cc0-1.0"
    assert licence_of(["CC-BY-4.0"]) == {"license": "cc-by-4.0"}


def test_a_card_names_both_models_of_the_hub_with_their_commits(made: Path) -> None:
    lineage = lineage_of(made, "creatures")
    parts = {"language": Part(id="facebook/opt-6.7b", revision="ab12"), "vision": Part(id="openai/clip", revision="cd")}
    card = render_card(lineage.model_copy(update={"base": lineage.base.model_copy(update={"parts": parts})}))
    assert front_matter(card)["base_model"] == ["facebook/opt-6.7b", "openai/clip"]
    assert "`facebook/opt-6.7b` at revision `ab12` and `openai/clip` at revision `cd`" in card


def test_a_strangers_text_stays_text_in_the_card(made: Path) -> None:
    lineage = lineage_of(made, "creatures")
    host = "<img src=x onerror=alert(1)> | [link](http://example.org)\n\n# head"
    hostile = lineage.model_copy(update={"data": lineage.data.model_copy(update={"hosts": {host: 3}})})
    card = render_card(hostile)
    assert "| " + plain(host) + " | 3 |" in card.splitlines()
    assert "<img" not in card
    assert "[link](" not in card
    assert "\n# head" not in card


def test_every_figure_with_an_interval_is_found() -> None:
    scores = {"r1": 0.7, "r1_low": 0.6, "r1_high": 0.8, "rows": 5, "deep": {"mrr": 0.5, "mrr_low": 0.4, "mrr_high": 1}}
    before, after = {"mean": 0.2, "low": 0.1, "high": 0.3}, {"mean": 0.5, "low": 0.4, "high": 0.6}
    talk = {"before": {"all": before}, "trained": {"all": after}}
    retrieval = {"methods": {"before": {"r1": 0.1}, "tuned": scores}}
    found = figures({"retrieval": retrieval, "dialogue": talk, "blind": {"r1": 0.2}})
    assert [(one.name, one.before, one.after, one.low, one.high) for one in found] == [
        ("retrieval.r1", 0.1, 0.7, 0.6, 0.8), ("retrieval.deep.mrr", None, 0.5, 0.4, 1),
        ("dialogue.all", 0.2, 0.5, 0.4, 0.6),
    ]  # fmt: skip
