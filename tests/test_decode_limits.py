"""What keeps a worker's picture in bounds: its size, its digest, its time on the wall; each with the defence off."""

import dataclasses
from pathlib import Path

import misbehaving
import pytest
from hostile import jobs_of

from stages.curate import sandbox
from stages.curate.sandbox import Job, Limits, Quarantine, answers
from stages.params import UserError
from stages.shards import sha256


def switched_off(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Let workers start with `change` made to what they import."""
    start = f"import stages.curate.sandbox as s, stages.shards as h, sys; {change}; s.serve(int(sys.argv[1]))"
    monkeypatch.setattr(sandbox, "START", start)


def answer(jobs: list[Job], limits: Limits, work: sandbox.Work[str] = misbehaving.echo) -> str | Quarantine:
    ((_, said),) = answers(work, jobs, limits, "testing")
    return said


def test_a_file_of_too_many_bytes_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, limits = jobs_of(tmp_path, {"a": b"eleven byte"}), Limits(most_bytes=10)
    assert answer(jobs, limits) == Quarantine("too many bytes", "11, over 10")
    assert answer(jobs, Limits(most_bytes=11)) == "eleven byte"
    switched_off(monkeypatch, "s.len = lambda _: 0")
    assert answer(jobs, limits) == "eleven byte"


def test_bytes_that_are_not_those_of_the_row_stop_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = jobs_of(tmp_path, {"a": b"as it came"})
    other = dataclasses.replace(job, sha256=sha256(b"as the row says"))
    assert answer([job], Limits()) == "as it came"
    with pytest.raises(UserError, match=f"{job.member} .* is not the picture that its row names"):
        answer([other], Limits())
    switched_off(monkeypatch, f"h.sha256 = lambda _: '{other.sha256}'")
    assert answer([other], Limits()) == "as it came"


def test_a_picture_that_waits_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes no processor time, so only the clock on the wall ends it: here after 60 times 0.02 seconds."""
    jobs, limits = jobs_of(tmp_path, {"a": b"6"}), Limits(seconds=0.02)
    assert answer(jobs, limits, misbehaving.wait) == Quarantine("takes too long to decode", "over 0.02 s")
    switched_off(monkeypatch, "s.WALL = 100_000")
    assert answer(jobs, limits, misbehaving.wait) == "waited"
