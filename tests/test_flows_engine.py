"""Jobs of data-parallel stages: the same results from processes here and from a cluster."""

import os
import sys
from pathlib import Path

import pytest

from stages.engine import read_engine, spread
from stages.params import UserError


def squared(number: int, name: str) -> int:
    Path(name).write_text(str(number**2))  # relative to the project, as a stage's outs are
    return number**2


def results(folder: Path, monkeypatch: pytest.MonkeyPatch, params: str) -> tuple[list[int], dict[str, str]]:
    from joblib import delayed
    from joblib.externals.loky import get_reusable_executor

    folder.mkdir()
    monkeypatch.chdir(folder)
    get_reusable_executor().shutdown(wait=True)  # another test's processes stand in another folder
    (folder / "params.yaml").write_text(params)
    said = sorted(spread((delayed(squared)(number, f"{number}.txt") for number in range(5)), workers=2))
    return said, {file.name: file.read_text() for file in folder.glob("*.txt")}


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster's processes find this module and the project's."""
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here), str(here.parent)]))


def test_without_a_section_jobs_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, files = results(tmp_path / "a", monkeypatch, "threads: 2\n")
    assert said == [0, 1, 4, 9, 16]
    assert files == {f"{number}.txt": str(number**2) for number in range(5)}
    assert read_engine(tmp_path / "none.yaml").kind == "local"


def test_a_dask_cluster_writes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, importable: None) -> None:
    distributed = pytest.importorskip("distributed")
    here = results(tmp_path / "here", monkeypatch, "engine: {kind: local}\n")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        params = f"engine: {{kind: dask, address: '{cluster.scheduler_address}'}}\n"
        assert results(tmp_path / "there", monkeypatch, params) == here


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ("engine: {kind: spark}", r"engine.kind` = 'spark'.*'local', 'dask' or 'ray'"),
        ("engine: {kind: dask, workers: 2}", "`engine.workers` is not a parameter"),
    ],
)
def test_a_wrong_engine_is_refused(tmp_path: Path, params: str, says: str) -> None:
    (tmp_path / "params.yaml").write_text(params)
    with pytest.raises(UserError, match=says):
        read_engine(tmp_path / "params.yaml")


@pytest.mark.parametrize(("kind", "library"), [("dask", "distributed"), ("ray", "ray")])
def test_a_cluster_without_its_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"pip install 'plumbline\[{kind}\]'"):
        results(tmp_path / "a", monkeypatch, f"engine: {{kind: {kind}}}\n")
