"""The sandbox: whatever a file does to its decoder, every picture is answered once, and the stage goes on."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import hostile
import misbehaving
import psutil
import pytest
from hostile import jobs_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.curate import sandbox
from stages.curate.decode import Facts, Job, Limits, Quarantine, inspect, reencode
from stages.curate.sandbox import answers
from stages.params import UserError

LIMITS = Limits()
QUICK = Limits(seconds=0.3)


def answered(
    work: Callable[[bytes], object], tmp_path: Path, limits: Limits = LIMITS, **files: bytes
) -> dict[str, object]:
    return dict(answers(work, jobs_of(tmp_path / "pictures", files), limits, "testing"))


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "stages.curate.sandbox" in " ".join(child.cmdline())]


INSPECT_ALL = """
    import json, resource, sys
    from pathlib import Path
    import hostile
    from hostile import jobs_of
    from stages.curate.decode import Facts, Limits, inspect

    files = hostile.everything()
    answers = [(name, "taken" if isinstance(answer, Facts) else f"refused: {answer.reason} ({answer.detail})")
               for name, answer in inspect(jobs_of(Path(sys.argv[1]), files), Limits(seconds=2), 64)]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(json.dumps({"names": list(files), "answers": answers, "peak": peak}))
"""


def python(code: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """Python running `code` with this process's modules."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload,no-any-return]


def test_each_hostile_file_is_answered_once_within_the_memory(tmp_path: Path) -> None:
    said = json.loads(python(INSPECT_ALL, str(tmp_path / "pictures")).communicate()[0])
    assert len(said["names"]) >= 200
    assert sorted(name for name, _ in said["answers"]) == sorted(said["names"])
    wrong = {
        name: answer for name, answer in said["answers"] if name.split("/")[0] not in ("either", answer.split(":")[0])
    }
    assert wrong == {}
    answer = dict(said["answers"])
    assert answer["refused/thousands of scans"] == "refused: takes too long to decode (over 2 s)"
    assert answer["refused/huge webp VP8X"].startswith("refused: too many pixels")
    assert answer["refused/22 MB at the end"].startswith("refused: too many bytes")
    assert 50e6 < said["peak"] < 512e6


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seeds=st.lists(
        st.tuples(
            st.sampled_from(sorted(hostile.VALID)), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=8)
        ),
        min_size=40,
        max_size=60,
    )
)
def test_mutated_files_are_answered_once(tmp_path: Path, seeds: list[tuple[str, list[tuple[int, int]]]]) -> None:
    files = {}
    for number, (kind, changes) in enumerate(seeds):
        data = bytearray(hostile.VALID[kind]())
        for place, value in changes:
            data[place % len(data)] = value
        files[str(number)] = bytes(data)
    said = list(inspect(jobs_of(tmp_path / "pictures", files), LIMITS, None))
    assert sorted(name for name, _ in said) == sorted(files)
    assert all(isinstance(answer, Facts | Quarantine) for _, answer in said)


BLANK = hostile.png(5000, 4000, bytes(4000 * 626), depth=1)  # a file of a few kB, 80 MB as RGB


@pytest.mark.parametrize("guarded", [True, False])
def test_memory_is_limited(tmp_path: Path, guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not guarded:
        monkeypatch.setattr(sandbox, "confine", misbehaving.unconfined)
    jobs = jobs_of(tmp_path / "pictures", {"bomb": BLANK, "good": hostile.VALID["png"]()})
    said = dict(inspect(jobs, Limits(memory=50_000_000), None))
    assert isinstance(said["good"], Facts)
    if guarded:
        assert said["bomb"] == Quarantine("needs too much memory", "over 50000000 bytes")
    else:
        assert isinstance(said["bomb"], Facts)


def test_the_default_limit_keeps_a_worker_below_512_mb(tmp_path: Path) -> None:
    most, over = LIMITS.memory - 20_000_000, LIMITS.memory + 20_000_000
    said = answered(misbehaving.hog, tmp_path, most=b"%d" % most, over=b"%d" % over)
    assert said["over"] == Quarantine("needs too much memory", f"over {LIMITS.memory} bytes")
    assert most < said["most"] < 512e6  # type: ignore[operator]


@pytest.mark.parametrize("guarded", [True, False])
def test_time_is_limited(tmp_path: Path, guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not guarded:
        monkeypatch.setattr(sandbox, "confine", misbehaving.untimed)
    jobs = jobs_of(tmp_path / "pictures", {"bomb": hostile.scans(3000, 200), "good": hostile.VALID["png"]()})
    said = dict(inspect(jobs, QUICK, None))
    assert isinstance(said["good"], Facts)
    if guarded:
        assert said["bomb"] == Quarantine("takes too long to decode", "over 0.3 s")
    else:
        assert isinstance(said["bomb"], Facts)


def test_what_waits_and_does_no_work_is_limited_too(tmp_path: Path) -> None:
    said = answered(misbehaving.wait, tmp_path, Limits(seconds=0.03), long=b"600", short=b"0.01")
    assert said == {"long": Quarantine("takes too long to decode", "over 0.03 s"), "short": "waited"}


def test_a_crash_costs_the_guilty_picture_only(tmp_path: Path) -> None:
    good = {f"good {number}": b"x" for number in range(30)}
    said = answered(misbehaving.crash, tmp_path, first=b"SIGSEGV", **good, second=b"SIGABRT")
    assert said.pop("first") == Quarantine("breaks the decoder", "SIGSEGV")
    assert said.pop("second") == Quarantine("breaks the decoder", "SIGABRT")
    assert said == dict.fromkeys(good, "survived")


@pytest.mark.parametrize("guarded", [True, False])
def test_a_kill_by_somebody_else_costs_nothing(tmp_path: Path, guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not guarded:
        monkeypatch.setattr(sandbox, "TRIES", 1)
    said = answered(misbehaving.killed_once, tmp_path, one=str(tmp_path / "mark").encode())
    assert said == {"one": "survived" if guarded else Quarantine("breaks the decoder", "SIGKILL")}


@pytest.mark.parametrize("guarded", [True, False])
def test_a_worker_knows_no_secrets(tmp_path: Path, guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERPAPI_API_KEY", "secret")
    if not guarded:
        monkeypatch.setattr(sandbox, "ENVIRONMENT", tuple(os.environ))
    environment = answered(misbehaving.environment, tmp_path, one=b"")["one"]
    assert isinstance(environment, dict)
    assert ("secret" in environment.values()) is not guarded
    assert environment["OMP_NUM_THREADS"] == "1"


def test_a_mistake_of_ours_is_no_quarantine(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"picture one:\n(?s:.*)KeyError: 'a mistake of ours'"):
        answered(misbehaving.raise_mistake, tmp_path, one=b"")
    assert workers() == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda job: Job(job.id, job.folder, job.shard, job.member, "0" * 64), "is not the picture that its row names"),
        (lambda job: Job(job.id, job.folder, job.shard, "other", job.sha256), "has no member other"),
        (lambda job: Job(job.id, job.folder, "none.tar", job.member, job.sha256), "is missing"),
    ],
)
def test_bytes_that_are_not_the_rows_stop_the_run(tmp_path: Path, spoil: Callable[[Job], Job], says: str) -> None:
    (job,) = jobs_of(tmp_path / "pictures", {"one": hostile.VALID["png"]()})
    with pytest.raises(UserError, match=says):
        list(reencode([spoil(job)], LIMITS))
    assert workers() == []


def test_many_jobs_by_several_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 2)
    files = {f"{number:03}": str(number).encode() for number in range(150)}
    said = list(answers(misbehaving.echo, jobs_of(tmp_path / "pictures", files), LIMITS, "testing"))
    assert sorted(said) == [(name, data.decode()) for name, data in files.items()]
    assert workers() == []
    assert list(answers(misbehaving.echo, [], LIMITS, "testing")) == []


def test_an_iterator_that_is_dropped_leaves_no_process(tmp_path: Path) -> None:
    iterator = answers(misbehaving.echo, jobs_of(tmp_path / "pictures", {"a": b"1", "b": b"2"}), LIMITS, "testing")
    next(iterator)
    assert len(workers()) == 1
    iterator.close()  # type: ignore[attr-defined]
    assert workers() == []


WORK_LONG = """
    import sys
    from pathlib import Path
    import misbehaving
    from stages.curate import sandbox
    from stages.entry import stop_on
    from hostile import jobs_of

    def run(folder):
        jobs = jobs_of(Path(folder), {"a": b"0"}) + jobs_of(Path(folder) / "later", {"b": b"600"})
        for name, _ in sandbox.answers(misbehaving.wait, jobs, sandbox.Limits(seconds=900), "testing"):
            print(name, flush=True)

    if sys.argv[2] == "unguarded":
        sandbox.START = "import stages.curate.sandbox as s, sys; s.die_with_parent = print; s.serve(int(sys.argv[1]))"
    stop_on(run, sys.argv[1])
"""


@contextmanager
def at_work(tmp_path: Path, guard: str = "guarded") -> Iterator[tuple["subprocess.Popen[str]", psutil.Process]]:
    """A stage, in a process group of its own, whose one worker is at a picture that takes 10 minutes."""
    with python(WORK_LONG, str(tmp_path / "pictures"), guard, process_group=0) as stage:
        assert stage.stdout is not None
        stage.stdout.readline()  # the short one is done
        (worker,) = psutil.Process(stage.pid).children()
        try:
            yield stage, worker
        finally:
            for process in (stage, worker):
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def ends(process: psutil.Process, within: float = 60) -> bool:
    """Whether it ends; whoever inherits it may be slow to clear it away."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return True
    return False


def test_ctrl_c_ends_stage_and_workers(tmp_path: Path) -> None:
    with at_work(tmp_path) as (stage, worker):
        os.killpg(stage.pid, signal.SIGINT)
        assert stage.wait(timeout=60) == 130
        assert ends(worker)


@pytest.mark.parametrize("guarded", [True, False])
def test_workers_die_with_the_stage(tmp_path: Path, guarded: bool) -> None:
    with at_work(tmp_path, "guarded" if guarded else "unguarded") as (stage, worker):
        stage.kill()
        stage.wait(timeout=60)
        assert ends(worker, within=60 if guarded else 0.5) is guarded
