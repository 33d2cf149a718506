"""The training loop that both models share: one process on one core, checkpoints, a run that goes on after a stop."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

CHECKPOINT_EVERY = 250  # steps
MUON_PEAK = 0.02  # learning rate of hidden matrices; Muon's steps have a size of their own


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
    name: str,
    learned: Any,
    losses: Callable[[int], dict[str, Any]],
    schedule: Schedule,
    bfloat16: bool,
    scratch: Path,
    hidden_layers: Any = None,
) -> None:
    """Minimise the sum of `losses(step)` over the parameters of `learned`. Resumes from scratch/NAME.checkpoint.pt.

    The matrices of `hidden_layers` are trained by Muon (Jordan et al. 2024, github.com/KellerJordan/Muon),
    everything else by AdamW.
    """
    import torch
    from tqdm import tqdm

    optimizers = _optimizers(learned, hidden_layers, schedule)
    path = scratch / f"{name}.checkpoint.pt"
    start, log = _resume(path, schedule, learned, optimizers)
    for weights in learned.parameters():  # a head that isn't asked in a resumed run's first step moves on all the same
        weights.grad = torch.zeros_like(weights)
    for step in tqdm(range(start, schedule.steps), initial=start, total=schedule.steps, desc=name, mininterval=10):
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = schedule.learning_rate(step) * group["of_peak"]
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            found = losses(step)
            loss = sum(found.values())
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=False)
        loss.backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        if step % 20 == 0:
            log.append({"step": step, **{key: round(value.item(), 4) for key, value in found.items()}})
            (scratch / f"{name}.loss.json").write_text(json.dumps(log))
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == schedule.steps:
            _save(path, schedule, step + 1, learned, optimizers, log)


def _optimizers(learned: Any, hidden_layers: Any, schedule: Schedule) -> list[Any]:
    import torch

    matrices = [weights for weights in hidden_layers.parameters() if weights.ndim == 2] if hidden_layers else []
    apart = {id(weights) for weights in matrices}
    others = [weights for weights in learned.parameters() if id(weights) not in apart]
    decayed, plain = [p for p in others if p.ndim > 1], [p for p in others if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": schedule.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizers: list[Any] = [torch.optim.AdamW(groups, lr=schedule.peak, betas=(0.9, 0.98), fused=True)]
    if matrices:
        optimizers.append(torch.optim.Muon(matrices, lr=MUON_PEAK, weight_decay=schedule.weight_decay))
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["of_peak"] = group["lr"] / schedule.peak
    return optimizers


def _save(path: Path, schedule: Schedule, step: int, learned: Any, optimizers: list[Any], log: list[Any]) -> None:
    import torch

    state = {"schedule": asdict(schedule), "step": step, "learned": learned.state_dict(), "log": log}
    unfinished = path.with_suffix(".tmp")
    torch.save(state | {"optimizers": [optimizer.state_dict() for optimizer in optimizers]}, unfinished)
    os.replace(unfinished, path)


def _resume(path: Path, schedule: Schedule, learned: Any, optimizers: list[Any]) -> tuple[int, list[Any]]:
    """Load the checkpoint of an interrupted run of this very schedule, if there is one."""
    import torch

    if not path.exists():
        return 0, []
    state = torch.load(path, weights_only=True)
    if state["schedule"] != asdict(schedule):
        return 0, []
    learned.load_state_dict(state["learned"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return state["step"], state["log"]
