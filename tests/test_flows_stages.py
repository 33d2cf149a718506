"""Where a stage runs, and how its processes end."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flowing import PROJECT, alive

import flows.execute
from flows.execute import end_group, run_stage
from flows.route import Lease, _try_lock, gpus_here, lease
from flows.stop import Stop, StoppedError
from stages.params import UserError


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


def test_without_a_gpu_a_stage_fails_or_waits_if_its_profile_says_so(
    tmp_path: Path, cards: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = tmp_path / "none"
    with (
        pytest.raises(UserError, match=r"no NVIDIA GPU here.*`cpu` lets it run"),
        lease(1, tmp_path, none, without_gpu="fail"),
    ):
        pass
    monkeypatch.setattr("flows.route.LOOK_AGAIN_SECONDS", 0.05)
    threading.Timer(0.3, lambda: shutil.copytree(cards, none)).start()
    with lease(1, tmp_path, none, without_gpu="wait") as held:
        assert held.environment == {"CUDA_VISIBLE_DEVICES": "0"}
    stop = Stop()
    stop.ask()
    with pytest.raises(StoppedError), lease(1, tmp_path, tmp_path / "never", stop=stop, without_gpu="wait"):
        pass


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
