"""The flow on a real toy graph: what it plans, starts, skips, replays, and how it stops."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flows.execute
from flows.execute import StageRun, end_group, run_stage
from flows.plan import Plan, read_plan
from flows.reproduce import Summary, reproduce, settle, state_of
from flows.route import Lease, _try_lock, gpus_here, lease
from stages.params import UserError

PROJECT = Path(__file__).parent.parent

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
    root = tmp_path_factory.mktemp("toy")
    files = {"dvc.yaml": DVC_YAML, "train.py": TRAIN, "params.yaml": PARAMS, "seed.txt": "1", "thawed.txt": "1"}
    for name, text in files.items():
        (root / name).write_text(text)
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    os.environ["DVC_NO_ANALYTICS"] = "1"
    subprocess.run(["git", "init", "-q", root], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, check=True)
    yield root
    os.environ.clear()  # of what Prefect's preparation has set
    os.environ.update(before)


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


def settle_all(plan: Plan) -> dict[str, str]:
    """The flow's loop without Prefect."""
    runs: dict[str, StageRun] = {}
    for spec in plan.stages:
        runs[spec.name] = settle(plan, spec, runs)
    return {name: run.outcome for name, run in runs.items()}


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
    assert started == ["train@left", "report@left"]


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


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device folder with two GPUs, and files that are none."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    folder = tmp_path / "dev"
    folder.mkdir()
    for name in ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm"):
        (folder / name).touch()
    return folder


def test_leases_are_exclusive(tmp_path: Path, cards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class WouldWaitError(Exception):
        pass

    def waits(_: float) -> None:
        raise WouldWaitError

    monkeypatch.setattr("flows.route.time.sleep", waits)
    with lease(1, tmp_path, cards) as first, lease(1, tmp_path, cards) as second:
        assert [held.environment["CUDA_VISIBLE_DEVICES"] for held in (first, second)] == ["0", "1"]
        with pytest.raises(WouldWaitError), lease(1, tmp_path, cards):
            pass
    with lease(2, tmp_path, cards) as both:
        assert both.environment == {"CUDA_VISIBLE_DEVICES": "0,1"}


def test_a_lease_is_freed_when_its_holder_is_killed(tmp_path: Path, cards: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from flows.route import lease\n"
        "with lease(2, Path(sys.argv[1]), Path(sys.argv[2])): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(cards)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert _try_lock(tmp_path / ".scratch/leases/gpu-0.lock") is None
        holder.kill()
        holder.wait()
        with lease(2, tmp_path, cards) as held:
            assert held.environment["CUDA_VISIBLE_DEVICES"] == "0,1"


def test_a_stage_keeps_its_gpu_though_the_flow_is_gone(tmp_path: Path, cards: Path) -> None:
    output = os.open(os.devnull, os.O_WRONLY)
    with lease(1, tmp_path, cards) as held:
        stage = flows.execute.start(["sleep", "60"], tmp_path, dict(os.environ), output, held.locks)
    assert _try_lock(tmp_path / ".scratch/leases/gpu-0.lock") is None
    end_group(stage)
    assert _try_lock(tmp_path / ".scratch/leases/gpu-0.lock") is not None


def test_cpu_stages_see_no_gpu_and_too_many_are_refused(
    tmp_path: Path, cards: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with lease(0, tmp_path, cards) as held:
        assert held == Lease({"CUDA_VISIBLE_DEVICES": ""})
    with pytest.raises(UserError, match=r"3 GPUs, here are 2"), lease(3, tmp_path, cards):
        pass
    for _ in range(2):
        with lease(1, tmp_path, tmp_path / "none") as held:
            assert held == Lease({"CUDA_VISIBLE_DEVICES": ""})
    assert capsys.readouterr().out.count("run on the CPU") <= 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert gpus_here(cards) == ["3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert gpus_here(cards) == []


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_stopped_run_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C in the middle of a stage whose own child won't listen to SIGINT and SIGTERM."""
    code = (
        "import os, signal, time; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; os.write(1, b'%d' % os.getpid())"
    )
    pids: list[int] = []

    def stubborn(_: list[str], *rest: Any) -> Any:
        command = ["sh", "-c", f'{sys.executable} -c "{code}; time.sleep(60)" & wait']
        return start(command, *rest)

    def interrupted(text: str, **_: Any) -> None:
        if text.strip():
            pids.append(int(text))
            raise KeyboardInterrupt

    start = flows.execute.start
    monkeypatch.setattr(flows.execute, "start", stubborn)
    monkeypatch.setattr(flows.execute, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr("builtins.print", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_stage("train", tmp_path, Lease({}))
    monkeypatch.undo()
    deadline = time.monotonic() + 5
    while alive(pids[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pids[0])


def test_the_group_is_ended_with_the_gentlest_signal_that_works(tmp_path: Path) -> None:
    output = os.open(os.devnull, os.O_WRONLY)
    process = flows.execute.start(["sleep", "60"], tmp_path, dict(os.environ), output, ())
    end_group(process)
    assert process.returncode == -signal.SIGINT


def test_stages_know_no_prefect() -> None:
    """`dvc repro` and every command but `run` work where Prefect doesn't."""
    code = (
        "import importlib, pkgutil, sys, stages\n"
        "for module in pkgutil.walk_packages(stages.__path__, 'stages.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
        "assert 'prefect' not in sys.modules and 'flows' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
