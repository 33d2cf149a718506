"""A training that was stopped and goes on ends with the bytes of one that wasn't: weights, losses, rows consumed."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resuming import SETTINGS, exit_code, killed, prepare, result, train

from stages.params import UserError
from stages.recipe import Training
from stages.train import checkpoints, loop, stopping
from stages.train.chat.pace import Pace
from stages.train.checkpoints import Checkpoints
from stages.train.loop import fit

STEPS = 205  # so many that a loss is logged every second step
WIDE = 700  # a matrix of 4200 numbers: bitsandbytes keeps the state of one below 4096 in 32 bits
Ended = tuple[dict[str, Any], list[int], list[dict[str, float]]]


class Rows(list[dict[str, int]]):
    """Positions: what a row holds follows from its number."""


def collate(items: list[dict[str, int]]) -> dict[str, Any]:
    import torch

    given = np.stack([np.random.default_rng([7, item["position"]]).random((2, 6), np.float32) for item in items])
    return {"x": torch.from_numpy(given), "positions": torch.tensor([item["position"] for item in items])}


def loss_of(model: Any, batch: dict[str, Any]) -> Any:
    return ((model(batch["x"][:, 0]) - batch["x"][:, 1]) ** 2).mean()


def model_of() -> Any:
    """Two layers with a dropout between them: each step's loss depends on torch's random numbers."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return torch.nn.Sequential(torch.nn.Linear(6, WIDE), torch.nn.Dropout(0.4), torch.nn.Linear(WIDE, 6))


def fitted(kept: Checkpoints | None = None, at_step: Callable[[int], None] | None = None, **changes: Any) -> Ended:
    """(weights, positions consumed, what was logged) of a training; `at_step` is called with each step's number."""
    told = {"seed": 1, "quantisation": "none", "compute_dtype": "float32", "learning_rate": 0.01, "warmup_steps": 9}
    told |= {"max_steps": STEPS, "per_device_train_batch_size": 2, "device": "cpu", "weight_decay": 0.1}
    settings = Training.model_validate(told | changes)
    model, steps = model_of(), iter(range(1, 10**6))
    pace = Pace(model[2], 1.5)

    def after_step() -> None:
        pace()
        if at_step is not None:
            at_step(next(steps))

    rows = Rows({"position": position} for position in range((settings.max_steps or 0) * settings.rows_a_step))
    consumed, history = fit(model, rows, collate, loss_of, settings, "cpu", kept, after_step, pace.begin)
    told_losses = [{key: entry[key] for key in ("step", "loss", "learning_rate")} for entry in history]
    return {name: weight.numpy().tobytes() for name, weight in model.state_dict().items()}, consumed, told_losses


def stop_at(step: int) -> Callable[[int], None]:
    return lambda now: os.kill(os.getpid(), signal.SIGTERM) if now == step else None


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "scratch"


def stopped(scratch: Path, step: int, **changes: Any) -> None:
    with Checkpoints("key", Path("out"), scratch) as kept, pytest.raises(SystemExit) as ended:
        fitted(kept, stop_at(step), **changes)
    assert ended.value.code == 128 + signal.SIGTERM


def gone_on(scratch: Path, **changes: Any) -> Ended:
    with Checkpoints("key", Path("out"), scratch) as kept:
        return fitted(kept, **changes)


@pytest.fixture(scope="module")
def undisturbed() -> Ended:
    return fitted()


def test_what_was_stopped_twice_ends_as_if_it_never_was(
    undisturbed: Ended, scratch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped(scratch, 67)  # between two logs
    assert "stopped after step 67 of 205; run the same command again" in capsys.readouterr().err
    stopped(scratch, 100)
    assert "goes on from step 67 of 205" in capsys.readouterr().out
    assert [path.name for path in sorted(scratch.glob("*/step*"))] == ["step-00000067", "step-00000167"]
    assert gone_on(scratch) == undisturbed
    assert "goes on from step 167 of 205" in capsys.readouterr().out


def test_added_up_gradients_are_gone_on_with(scratch: Path) -> None:
    given = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 3, "max_steps": 20}
    stopped(scratch, 11, **given)
    assert gone_on(scratch, **given) == fitted(**given)


def test_an_8_bit_optimiser_is_gone_on_with(scratch: Path) -> None:
    given = {"max_steps": 12, "optim": "adamw_8bit"}
    told = fitted(**given)
    stopped(scratch, 7, **given)
    assert gone_on(scratch, **given) == told
    assert told != fitted(max_steps=12)


def test_saving_changes_nothing_and_the_end_can_be_gone_on_from(
    undisturbed: Ended, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoints, "due", property(lambda self: next(calls) % 41 == 0))
    calls = iter(range(1, 10**6))  # saves at 41, 82, ..., 205: the last step
    assert gone_on(scratch) == undisturbed
    assert [path.name for path in sorted(scratch.glob("*/step*"))] == ["step-00000164", "step-00000205"]
    assert gone_on(scratch) == undisturbed  # killed while it wrote its out


PARTS = {
    "the weights": (loop, "load_weights", lambda *_: None),
    "the running loss": (loop, "load_progress", lambda trainer, folder: list(range(134))),
    "the projector's own steps": (Pace, "begin", lambda self: None),
}


@pytest.mark.parametrize("part", ["nothing", *PARTS])
def test_each_part_of_a_checkpoint_is_needed(
    undisturbed: Ended, scratch: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    stopped(scratch, 67)
    with monkeypatch.context() as patch:
        if part in PARTS:
            where, name, instead = PARTS[part]
            if where is Pace:  # what it knew before the checkpoint was read
                patch.setattr(Pace, "__init__", plain_init)
            patch.setattr(where, name, instead)
        same = gone_on(scratch) == undisturbed
    assert same == (part == "nothing")


def plain_init(self: Pace, projector: Any, ratio: float) -> None:
    self.parameters, self.ratio = list(projector.parameters()), ratio
    self.before = [parameter.detach().clone() for parameter in self.parameters]


@pytest.mark.parametrize("method", ["_load_rng_state", "_load_optimizer_and_scheduler"])
def test_random_numbers_and_optimiser_are_needed_too(
    undisturbed: Ended, scratch: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    from transformers import Trainer

    stopped(scratch, 67)
    monkeypatch.setattr(Trainer, method, lambda *_: None)
    assert gone_on(scratch) != undisturbed


def test_a_damaged_checkpoint_is_not_gone_on_from(
    undisturbed: Ended, scratch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped(scratch, 60)
    stopped(scratch, 60)
    path = scratch / "key/step-00000120/weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.warns(UserWarning, match=r"step-00000120 is damaged \(weights.safetensors is not what was written\)"):
        assert gone_on(scratch) == undisturbed
    assert "goes on from step 60" in capsys.readouterr().out


def test_a_full_disk_ends_the_training_and_room_lets_it_go_on(
    undisturbed: Ended, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(scratch, 60)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_write", no_space)
        patch.setattr(checkpoints.Checkpoints, "__enter__", lambda self: self)
        patch.setattr(Checkpoints, "due", property(lambda self: True))
        with pytest.raises(
            UserError, match=r"step 61 can't be written to .* \(No space left on device\); that of step 60"
        ):
            gone_on(scratch)
    assert gone_on(scratch) == undisturbed


def no_space(path: Path, data: Any) -> None:
    path.write_bytes(bytes(data)[:10])
    raise OSError(28, os.strerror(28), str(path))


def test_a_second_signal_ends_it_at_once(scratch: Path) -> None:
    def twice(step: int) -> None:
        if step == 5:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    def run() -> None:
        with Checkpoints("key", Path("out"), scratch) as kept:
            fitted(kept, twice)

    before = signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        with pytest.raises(KeyboardInterrupt):
            run()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not list(scratch.glob("*/step*"))


def test_signals_mean_what_they_did_when_training_is_over() -> None:
    before = [signal.getsignal(number) for number in stopping.SIGNALS]
    fitted(max_steps=2)
    assert [signal.getsignal(number) for number in stopping.SIGNALS] == before


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("resume")


@pytest.mark.parametrize(
    ("name", "step", "by"),
    [
        ("naming", 4, signal.SIGKILL),  # 4 bits, mid-epoch, dropout
        ("grounding, added up", 3, signal.SIGTERM),
        ("projector and lora", 3, signal.SIGKILL),  # at the epoch's end
    ],
)
def test_a_killed_stage_makes_the_same_adapter_when_it_runs_again(
    root: Path, name: str, step: int, by: signal.Signals
) -> None:
    prepare(root, SETTINGS[name][0])
    out = root / f"out of {name}"
    assert exit_code(killed, name, root, out, step, by) == (-by if by == signal.SIGKILL else 128 + by)
    assert not out.exists()
    assert exit_code(train, name, root, out) == 0
    assert f"goes on from step {step} of" in out.with_suffix(".log").read_text()
    again = result(out)
    assert exit_code(train, name, root, root / "undisturbed") == 0
    assert "goes on" not in (root / "undisturbed.log").read_text()
    assert again == result(root / "undisturbed")
