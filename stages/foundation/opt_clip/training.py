"""The training loop that both models share: one process on one core, checkpoints, a run that goes on after a stop."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

CHECKPOINT_EVERY = 250  # steps


@dataclass(frozen=True)
class Schedule:
    """`peak`: learning rate after `warmup` steps, from where a cosine falls to nothing. `batch`: samples a step."""

    steps: int
    batch: int
    peak: float
    warmup: int
    weight_decay: float
    seed: int

    def learning_rate(self, step: int) -> float:
        return float(self.peak * min(1.0, (step + 1) / self.warmup) * 0.5 * (1 + np.cos(np.pi * step / self.steps)))


def fit(
    name: str, learned: Any, losses: Callable[[int], dict[str, Any]], schedule: Schedule, bfloat16: bool, scratch: Path
) -> None:
    """Minimise the sum of `losses(step)` over the parameters of `learned`. Resumes from scratch/NAME.checkpoint.pt."""
    import torch
    from tqdm import tqdm

    decayed = [p for p in learned.parameters() if p.ndim > 1]
    plain = [p for p in learned.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": schedule.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=schedule.peak, betas=(0.9, 0.98), fused=True)
    path = scratch / f"{name}.checkpoint.pt"
    start, log = _resume(path, schedule, learned, optimizer)
    for weights in learned.parameters():  # a head that isn't asked in a resumed run's first step moves on all the same
        weights.grad = torch.zeros_like(weights)
    for step in tqdm(range(start, schedule.steps), initial=start, total=schedule.steps, desc=name, mininterval=10):
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            found = losses(step)
            loss = sum(found.values())
        optimizer.zero_grad(set_to_none=False)
        loss.backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0:
            log.append({"step": step, **{key: round(value.item(), 4) for key, value in found.items()}})
            (scratch / f"{name}.loss.json").write_text(json.dumps(log))
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == schedule.steps:
            _save(path, schedule, step + 1, learned, optimizer, log)


def _save(path: Path, schedule: Schedule, step: int, learned: Any, optimizer: Any, log: list[Any]) -> None:
    import torch

    state = {"schedule": asdict(schedule), "step": step, "learned": learned.state_dict(), "log": log}
    unfinished = path.with_suffix(".tmp")
    torch.save(state | {"optimizer": optimizer.state_dict()}, unfinished)
    os.replace(unfinished, path)


def _resume(path: Path, schedule: Schedule, learned: Any, optimizer: Any) -> tuple[int, list[Any]]:
    """Load the checkpoint of an interrupted run of this very schedule, if there is one."""
    import torch

    if not path.exists():
        return 0, []
    state = torch.load(path, weights_only=True)
    if state["schedule"] != asdict(schedule):
        return 0, []
    learned.load_state_dict(state["learned"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["log"]
