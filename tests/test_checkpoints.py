"""Checkpoints: whole or not at all, verified, a run's own, one process at a time, gone when dvc.lock has the result."""

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from letters import RECIPE

from stages.params import UserError
from stages.train import checkpoints, identity
from stages.train.checkpoints import MANIFEST, Checkpoints, digest_in_lock, flaw_of
from stages.train.environment import environment_of, write_environment
from stages.train.identity import digest_of, key_of

NAMES = ("optimizer.pt", "progress.safetensors", "rng_state.pth", "scheduler.pt", "trainer_state.json",
         "weights.safetensors")  # fmt: skip
OUT = Path("models/trained/x")


def files(step: int) -> dict[str, bytes]:
    return {name: f"{name} of step {step}, some bytes of it".encode() for name in NAMES}


def of(scratch: Path, key: str = "key", out: Path = OUT) -> Checkpoints:
    return Checkpoints(key, out, scratch)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "scratch"


def steps(scratch: Path) -> list[str]:
    return sorted(path.name for path in scratch.glob("*/*step-*"))


def test_the_newest_is_found_and_two_are_kept(scratch: Path) -> None:
    with of(scratch) as kept:
        assert kept.newest() is None
        for step in (1, 20, 300):
            kept.save(step, files(step))
        assert kept.newest() == scratch / "key/step-00000300"
    assert steps(scratch) == ["step-00000020", "step-00000300"]
    assert (scratch / "key/step-00000300/scheduler.pt").read_bytes() == files(300)["scheduler.pt"]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "truncated": lambda path: os.truncate(path, path.stat().st_size - 1),
    "flipped": flip,
    "deleted": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("name", [*NAMES, MANIFEST])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used(
    scratch: Path, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with of(scratch) as kept:
        for step in (1, 2):
            kept.save(step, files(step))
        newest = scratch / "key/step-00000002"
        DAMAGE[kind](newest / name)
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "flaw_of", lambda _: None)
            assert kept.newest() == newest  # nothing else would notice
        with pytest.warns(UserWarning, match=r"step-00000002 is damaged \(.*\): set aside as damaged-step-00000002"):
            assert kept.newest() == scratch / "key/step-00000001"
        assert (scratch / "key/damaged-step-00000002").is_dir()
        kept.save(2, files(2))
        assert kept.newest() == newest


def test_every_byte_of_a_manifest_is_harmless_or_noticed(scratch: Path) -> None:
    with of(scratch) as kept:
        kept.save(7, files(7))
    folder = scratch / "key/step-00000007"
    whole = (folder / MANIFEST).read_bytes()
    noticed = 0
    for place in range(len(whole)):
        (folder / MANIFEST).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        noticed += flaw_of(folder) is not None
    assert noticed >= len([byte for byte in whole if not chr(byte).isspace()])
    (folder / MANIFEST).write_bytes(whole)
    assert flaw_of(folder) is None


def nth(call: Callable[..., Any], number: int, instead: Callable[[], Any]) -> Callable[..., Any]:
    """`call`, with `instead` before its call of that number."""
    left = iter(range(1, 10**6))

    def counted(*given: Any, **named: Any) -> Any:
        if next(left) == number:
            instead()
        return call(*given, **named)

    return counted


CALLS = [("fsync", number) for number in range(1, 10)] + [("rename", 1)]  # 7 files, the folder, and the one above


@pytest.mark.parametrize(("call", "number"), CALLS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_save_that_fails_keeps_the_one_before(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: int
) -> None:
    def fail() -> None:
        raise OSError(code, os.strerror(code))

    with of(scratch) as kept:
        kept.save(5, files(5))
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints.os, call, nth(getattr(os, call), number, fail))
            with pytest.raises(UserError, match=rf"step 6 can't be written .*{os.strerror(code)}.*step [56] is kept"):
                kept.save(6, files(6))
        assert not list(scratch.glob("*/.step*"))
        found = kept.newest()
        assert found is not None
        assert found.name in ("step-00000005", "step-00000006")  # the last fsync comes after the rename


@pytest.mark.parametrize(("call", "number"), CALLS)
def test_a_save_that_is_killed_leaves_the_one_before_or_the_new_one(scratch: Path, call: str, number: int) -> None:
    with of(scratch) as kept:
        kept.save(5, files(5))
    child = os.fork()
    if child == 0:
        setattr(os, call, nth(getattr(os, call), number + (call == "fsync"), lambda: os._exit(9)))
        with of(scratch) as kept:
            kept.save(6, files(6))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with of(scratch) as kept:
        found = kept.newest()
        assert found is not None
        assert found.name == ("step-00000006" if (call, number) == ("fsync", 9) else "step-00000005")
        assert not list(scratch.glob("*/.step*"))
        kept.save(7, files(7))
        assert kept.newest() == scratch / "key/step-00000007"


def test_a_folder_that_can_t_be_made_is_named(scratch: Path) -> None:
    scratch.write_text("a file")
    with pytest.raises(UserError, match=r"scratch/key can't be written \(Not a directory\)"), of(scratch):
        pass


def test_saving_is_due_by_time_and_costs_at_most_a_fiftieth(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    with of(scratch) as kept:
        now[0] += 59
        assert not kept.due
        now[0] += 2
        assert kept.due
        monkeypatch.setattr(checkpoints.os, "rename", nth(os.rename, 1, lambda: now.append(now.pop() + 4)))
        kept.save(1, files(1))  # took 4 seconds
        now[0] += 199
        assert not kept.due
        now[0] += 2
        assert kept.due


def test_a_run_is_one_process_s_at_a_time(scratch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def second() -> None:
        with of(scratch):
            order.append("second")

    with of(scratch) as kept:
        waiting = threading.Thread(target=second)
        waiting.start()
        while "waiting for another process that trains models/trained/x" not in capsys.readouterr().out:
            assert waiting.is_alive()
        kept.save(1, files(1))
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert steps(scratch) == ["step-00000001"]


def finished(scratch: Path, key: str, out: Path) -> None:
    with of(scratch, key, out) as kept:
        kept.save(1, files(1))
        out.mkdir(parents=True, exist_ok=True)
        (out / "adapter.bin").write_bytes(key.encode())
        kept.finish()


def test_checkpoints_stay_until_dvc_lock_records_the_result(scratch: Path, tmp_path: Path) -> None:
    one, other, lock = tmp_path / "one", tmp_path / "other", tmp_path / "dvc.lock"
    with of(scratch, "abandoned", one) as kept:
        kept.save(3, files(3))
    finished(scratch, "k1", one)
    finished(scratch, "k2", other)
    lock.write_text(f"outs:\n- path: one\n  md5: {'0' * 32}.dir\n")
    with of(scratch, "k3", other):
        assert {path.name for path in scratch.iterdir()} == {"abandoned", "k1", "k2", "k3"}
    lock.write_text(f"outs:\n- path: one\n  md5: {digest_in_lock(one)}\n")
    with of(scratch, "k1", one) as kept:  # `dvc repro --force`: from the beginning
        assert kept.newest() is None
        assert {path.name for path in scratch.iterdir()} == {"k1", "k2", "k3"}


def test_a_run_too_short_for_a_checkpoint_leaves_nothing(scratch: Path, tmp_path: Path) -> None:
    with of(scratch) as kept:
        kept.finish()
    assert not list(scratch.iterdir())


def test_a_folder_s_digest_is_dvc_s(tmp_path: Path) -> None:
    import hashlib

    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    (tmp_path / "sub").mkdir()
    tree = Tree()
    for name in ("b.txt", "a.txt", "sub/c.txt", "sub-d"):
        (tmp_path / name).write_text(name)
        tree.add(tuple(name.split("/")), None, HashInfo("md5", hashlib.md5(name.encode()).hexdigest()))
    tree.digest()
    assert digest_in_lock(tmp_path) == tree.hash_info.value


def test_a_run_is_known_by_all_that_shapes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tokenized", "base"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("manifest.json" if name == "tokenized" else "model.safetensors")).write_text("1")
    given = {"tokenized": tmp_path / "tokenized", "base": tmp_path / "base", "parent": tmp_path / "none"}
    train, environment = RECIPE.train, {"threads": 1}
    first = key_of(RECIPE, train, environment, OUT, given)
    assert key_of(RECIPE, train, environment, OUT, given) == first

    def changed(part: str, **values: Any) -> str:
        recipe = RECIPE.model_copy(update={part: getattr(RECIPE, part).model_copy(update=values)})
        return key_of(recipe, recipe.train, environment, OUT, given)

    assert changed("evaluate", batch_size=9) == first
    others = [changed("train", learning_rate=0.5), changed("train", seed=2), changed("tokenize", prompt="Which?")]
    others.append(key_of(RECIPE, train.model_copy(update={"optim": "sgd"}), environment, OUT, given))
    others.append(key_of(RECIPE, train, {"threads": 2}, OUT, given))
    others.append(key_of(RECIPE, train, environment, Path("elsewhere"), given))
    for path in (tmp_path / "tokenized/manifest.json", tmp_path / "base/model.safetensors", tmp_path / "none"):
        path.write_text("2")
        others.append(key_of(RECIPE, train, environment, OUT, given))
    shutil.copytree(identity.STAGES, tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__", "foundation"))
    monkeypatch.setattr(identity, "STAGES", tmp_path / "stages")
    assert key_of(RECIPE, train, environment, OUT, given) == others[-1]
    with (tmp_path / "stages/train/answers/batches.py").open("a") as stream:
        stream.write("# other code\n")
    assert len({first, *others}) == 1 + len(others)
    assert key_of(RECIPE, train, environment, OUT, given) not in {first, *others}
    assert digest_of(tmp_path / "no such") is None


def test_environment_json_says_versions_device_and_threads(tmp_path: Path) -> None:
    import torch

    write_environment(tmp_path / "environment.json", "cpu", 2)
    said = json.loads((tmp_path / "environment.json").read_text())
    assert said == environment_of("cpu", 2)
    assert set(said) == {"python", "platform", "device", "threads", "packages"}
    assert said["device"] == {"kind": "cpu", "name": None}
    assert said["packages"]["torch"] == torch.__version__
