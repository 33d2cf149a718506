"""The training loop: processes of one core each, checkpoints, a run that goes on after a stop."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

CHECKPOINT_EVERY = 100  # steps


@dataclass(frozen=True)
class Schedule:
    """`peak`: AdamW's learning rate after `warmup` steps, from where a cosine falls to nothing; `muon`: Muon's.

    `batch`: documents of a step and process.
    """

    steps: int
    batch: int
    peak: float
    muon: float
    warmup: int
    weight_decay: float
    seed: int

    def share(self, step: int) -> float:
        """Of the peak learning rate."""
        return float(min(1.0, (step + 1) / self.warmup) * 0.5 * (1 + np.cos(np.pi * step / self.steps)))


def fit(
    model: Any, loss_of: Callable[[int], Any], schedule: Schedule, scratch: Path, processes: int = 1, rank: int = 0
) -> None:
    """Minimise `loss_of(step)`; gradients are averaged over the processes. Resumes from scratch/checkpoint.pt.

    The matrices inside layers are trained by Muon (Jordan et al. 2024, github.com/KellerJordan/Muon), all
    else by AdamW.
    """
    import torch
    from tqdm import tqdm

    parameters, optimizers = list(model.parameters()), _optimizers(model, schedule)
    path = scratch / "checkpoint.pt"
    start, log = _resume(path, schedule, model, optimizers)
    bar = tqdm(range(start, schedule.steps), initial=start, total=schedule.steps, desc="gemma", mininterval=10)
    bar.disable = rank > 0
    for step in bar:
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["lr"] = group["peak"] * schedule.share(step)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(step)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        if processes > 1:
            _average([weights.grad for weights in parameters], processes)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer in optimizers:
            optimizer.step()
        if rank == 0 and step % 20 == 0:
            log.append({"step": step, "loss": round(loss.item(), 4)})
            (scratch / "loss.json").write_text(json.dumps(log), encoding="utf-8")
        if rank == 0 and ((step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == schedule.steps):
            _save(path, schedule, step + 1, model, optimizers, log)


def _optimizers(model: Any, schedule: Schedule) -> list[Any]:
    import torch

    named = list(model.named_parameters())
    inside = {name for name, weights in named if weights.ndim == 2 and "layers." in name}
    decayed = [weights for name, weights in named if weights.ndim > 1 and name not in inside]
    plain = [weights for _, weights in named if weights.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": schedule.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    matrices = [weights for name, weights in named if name in inside]
    optimizers: list[Any] = [
        torch.optim.AdamW(groups, lr=schedule.peak, betas=(0.9, 0.98), fused=True),
        torch.optim.Muon(matrices, lr=schedule.muon, weight_decay=schedule.weight_decay),
    ]
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["peak"] = group["lr"]
    return optimizers


def _average(gradients: list[Any], processes: int) -> None:
    """Average the gradients of all processes, in one message."""
    import torch
    import torch.distributed as distributed

    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= processes
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, parts, strict=True):
        gradient.copy_(mean.view_as(gradient))


def _save(path: Path, schedule: Schedule, step: int, model: Any, optimizers: list[Any], log: list[Any]) -> None:
    import torch

    state = {"schedule": asdict(schedule), "step": step, "model": model.state_dict(), "log": log}
    unfinished = path.with_suffix(".tmp")
    torch.save(state | {"optimizers": [optimizer.state_dict() for optimizer in optimizers]}, unfinished)
    os.replace(unfinished, path)


def _resume(path: Path, schedule: Schedule, model: Any, optimizers: list[Any]) -> tuple[int, list[Any]]:
    """Load the checkpoint of an interrupted run of this very schedule, if there is one."""
    import torch

    if not path.exists():
        return 0, []
    state = torch.load(path, weights_only=True)
    if state["schedule"] != asdict(schedule):
        return 0, []
    model.load_state_dict(state["model"])
    for optimizer, kept in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(kept)
    return state["step"], state["log"]
