"""The flow on a real toy graph: what it plans, starts, skips, replays, and how it stops."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flowing import new_project, settle_all, usual_environment

import flows.execute
from flows.execute import StageRun
from flows.plan import read_plan
from flows.processes import write_note
from flows.reconcile import NOTES, crash_dead_runs, noted_flow
from flows.reproduce import reproduce, state_of
from flows.summary import Summary
from stages.params import UserError

DVC_YAML = """
stages:
  draw:
    cmd: cp seed.txt drawn.txt
    deps: [seed.txt]
    outs: [drawn.txt]
  train:
    foreach: ${recipes}
    do:
      cmd: python train.py ${key}
      deps: [drawn.txt, train.py]
      params: ["recipes.${key}"]
      outs: ["${key}.txt"]
      meta: {queue: gpu, owner: anyone}
  report:
    foreach: ${recipes}
    do:
      cmd: cp ${key}.txt report-${key}.txt
      deps: ["${key}.txt"]
      outs: ["report-${key}.txt"]
  thaw:
    frozen: true
    cmd: cp drawn.txt thawed.txt
    deps: [drawn.txt]
    outs: [thawed.txt]
"""
TRAIN = """
import os, sys
name = sys.argv[1]
recipe = next(line for line in open("params.yaml") if name in line)
print("\\r 50%|xx  \\r100%|xxxx\\ncuda", repr(os.environ["CUDA_VISIBLE_DEVICES"]))
if "fails" in recipe:
    sys.exit("no luck today")
open(f"{name}.txt", "w").write(recipe)
"""
PARAMS = "recipes:\n  left: {steps: 1}\n  right: {steps: fails}\n"

Started = list[str]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A git + DVC project with two recipes; nothing has run yet."""
    files = {"dvc.yaml": DVC_YAML, "train.py": TRAIN, "params.yaml": PARAMS, "seed.txt": "1", "thawed.txt": "1"}
    with usual_environment():
        yield new_project(tmp_path_factory.mktemp("toy"), files)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The stages for which a process was started."""
    names: Started = []
    real = flows.execute.start

    def recorded(command: list[str], *rest: Any) -> Any:
        names.append(command[-1])
        return real(command, *rest)

    monkeypatch.setattr(flows.execute, "start", recorded)
    return names


def outcomes(summary: Summary) -> dict[str, str]:
    return {run.name: run.outcome for run in summary.runs}


# The tests down to the next line share `toy` and build on one another, in this order.


def test_plan_has_each_stage_after_its_upstream(toy: Path) -> None:
    plan = read_plan(toy)
    specs = {spec.name: spec for spec in plan.stages}
    assert set(specs) == {"draw", "train@left", "train@right", "report@left", "report@right", "thaw"}
    order = list(specs)
    assert all(order.index(above) < order.index(spec.name) for spec in plan.stages for above in spec.upstream)
    train = specs["train@left"]
    assert (train.command, train.deps, train.outs) == (
        "python train.py left",
        ("drawn.txt", "train.py", "params.yaml"),
        ("left.txt",),
    )
    assert (train.queue, train.gpus, train.upstream) == ("gpu", 1, ("draw",))
    assert (specs["draw"].queue, specs["draw"].gpus) == ("cpu", 0)
    assert specs["thaw"].frozen
    assert specs["thaw"].upstream == ()
    assert plan.changes["train@left"] == ("never run",)


def test_plan_of_a_recipe_is_what_its_report_needs(toy: Path) -> None:
    assert [spec.name for spec in read_plan(toy, ["left"]).stages] == ["draw", "train@left", "report@left"]


def test_plan_is_the_same_from_another_folder(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = read_plan(toy)
    monkeypatch.chdir(tmp_path)
    assert read_plan(toy) == here


def test_unknown_recipe_is_refused_with_those_there_are(toy: Path) -> None:
    with pytest.raises(UserError, match=r"`middle`.*left, right"):
        read_plan(toy, ["left", "middle"])


def test_broken_files_are_named(toy: Path) -> None:
    lock = toy / "dvc.lock"
    lock.write_text("schema: '2.0'\nstages:\n  draw:\n    deps:\n    - pa")
    with pytest.raises(UserError, match=r"dvc\.lock"):
        read_plan(toy)
    lock.unlink()


def test_wrong_meta_is_refused(toy: Path) -> None:
    (toy / "dvc.yaml").write_text(DVC_YAML.replace("queue: gpu", "queue: tpu"))
    with pytest.raises(UserError, match=r"train@left\.meta\.queue` = 'tpu'.*'cpu' or 'gpu'"):
        read_plan(toy)
    (toy / "dvc.yaml").write_text(DVC_YAML)


def test_a_failing_stage_stops_its_descendants_only(
    toy: Path, started: Started, capfd: pytest.CaptureFixture[str]
) -> None:
    summary = reproduce(toy, ["left", "right"])
    assert outcomes(summary) == {
        "draw": "ran",
        "train@left": "ran",
        "report@left": "ran",
        "train@right": "failed",
        "report@right": "not run",
    }
    assert summary.failed
    assert (toy / "report-left.txt").is_file()
    assert "report@right" not in started
    run = next(run for run in summary.runs if run.name == "train@right")
    assert "no luck today" in run.last_lines
    assert "100%|xxxx\ncuda ''" in run.output
    assert "50%" not in run.output  # a bar's earlier states are for the terminal
    assert "50%" in capfd.readouterr().out


def test_unchanged_stages_start_no_process(toy: Path, started: Started) -> None:
    summary = reproduce(toy, ["left"])
    assert outcomes(summary) == dict.fromkeys(["draw", "train@left", "report@left"], "unchanged")
    assert not summary.failed
    assert started == []


def test_a_change_is_named_and_undone_by_a_replay(toy: Path, started: Started) -> None:
    params = toy / "params.yaml"
    params.write_text(PARAMS.replace("steps: 1", "steps: 2"))
    plan = read_plan(toy, ["left"])
    assert plan.changes == {"train@left": ("params recipes.left changed",)}
    assert settle_all(plan) == {"draw": "unchanged", "train@left": "ran", "report@left": "ran"}
    params.write_text(PARAMS)
    assert settle_all(read_plan(toy, ["left"])) == {
        "draw": "unchanged",
        "train@left": "replayed",
        "report@left": "replayed",
    }
    assert started == ["train@left", "report@left"] * 2


def test_a_stage_below_a_renewed_one_may_turn_out_unchanged(toy: Path, started: Started) -> None:
    train = toy / "train.py"
    train.write_text(TRAIN + "# a comment changes no result\n")
    assert settle_all(read_plan(toy, ["left"])) == {
        "draw": "unchanged",
        "train@left": "ran",
        "report@left": "unchanged",
    }
    assert started == ["train@left"]


def test_a_run_whose_process_is_gone_is_marked_as_crashed(toy: Path) -> None:
    """On the same server as above; one that is alive is left alone."""
    from prefect import flow, get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
    from prefect.states import Running

    with get_client(sync_client=True) as client:
        dead, living = (client.create_flow_run(flow(lambda: None, name="any"), state=Running()) for _ in range(2))
        write_note(toy / NOTES / f"{dead.id}.json", {"pid": 1, "started": 1, "boot": "", "server": ""})
        write_note(toy / NOTES / f"{uuid4()}.json", {"pid": 1, "started": 1, "boot": "", "server": ""})
        write_note(toy / NOTES / f"{uuid4()}.json", {"pid": 1, "started": 1, "boot": "", "server": "http://other"})
        with noted_flow(toy, living.id):
            assert crash_dead_runs(toy) == [dead.id]
            assert crash_dead_runs(toy) == []
        assert [client.read_flow_run(run.id).state.name for run in (dead, living)] == ["Crashed", "Running"]
        assert len(list((toy / NOTES).iterdir())) == 1
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["reproduce"])))
        assert any("| train@right | failed |" in str(artifact.data) for artifact in found)


# Below, each test stands alone.


@pytest.mark.parametrize(
    ("run", "kind", "name"),
    [
        (StageRun("a", "unchanged"), "COMPLETED", "Unchanged"),
        (StageRun("a", "ran"), "COMPLETED", "Ran"),
        (StageRun("a", "replayed"), "COMPLETED", "Replayed"),
        (StageRun("a", "failed", output="one\ntwo"), "FAILED", "Failed"),
        (StageRun("a", "not run"), "CANCELLED", "NotRun"),
    ],
)
def test_states_say_what_became_of_a_stage(run: StageRun, kind: str, name: str) -> None:
    state = state_of(run)
    assert (state.type.value, state.name) == (kind, name)
    assert run.outcome != "failed" or state.message == "one\ntwo"


def test_summary_shows_every_stage_and_the_last_words() -> None:
    summary = Summary((StageRun("train@a", "failed", 1.25, "never run", "boom"), StageRun("b", "not run")))
    for text in (summary.table(), summary.markdown()):
        assert all(word in text for word in ("train@a", "failed", "1.2", "never run", "boom", "not run"))
