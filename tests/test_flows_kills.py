"""kill -9 in the middle: the next run completes, and its outputs are those of an undisturbed one."""

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flowing import PROJECT, usual_environment

import bench.torture_flows
from bench.torture_flows import BrokenError, Toy, torture

GRAPH = """
stages:
  left: {cmd: python work.py seed.txt left, deps: [seed.txt, work.py], outs: [left]}
"""
RUN = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from flowing import run_all
from flows.lock import only_run
from flows.processes import end_orphans
root = Path(sys.argv[1])
with only_run(root):
    end_orphans(root)
    sys.exit("failed" in run_all(root).values())
"""


class WithoutPrefect(Toy):
    """One stage, and a run that is the flow's loop alone: what `make torture` does takes minutes."""

    def run(self, *_: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", RUN, str(self.root)], cwd=PROJECT, start_new_session=True)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    monkeypatch.setattr(bench.torture_flows, "STAGES", {"left": "seed.txt"})
    monkeypatch.setitem(bench.torture_flows.FILES, "dvc.yaml", GRAPH)
    with usual_environment():
        toy = WithoutPrefect(tmp_path / "project", port=0, served=False)
        toy.make()
        yield toy


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_completes_after_kills_of_the_run_dvc_and_the_stage(toy: Toy) -> None:
    killed = torture(toy, 3, random.Random(3), ("run", "dvc", "stage"), took=3.0)
    assert killed.total() == 3


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_result_that_differs_is_found(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.torture_flows, "expected", lambda *_: {"seed.txt": "another digest"})
    with pytest.raises(BrokenError, match="not what an undisturbed run makes"):
        torture(toy, 1, random.Random(3), ("stage",))
