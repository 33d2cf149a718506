"""Trains both models at once, each in a process and on a core of its own; neither waits for the other."""

from pathlib import Path

from stages.foundation.clip_phi import language, vision
from stages.foundation.clip_phi.schedule import LANGUAGE, VISION


def train_both(scratch: Path) -> None:
    """Leaves `scratch/vision.pt` and `scratch/language.pt`; the tokenizers lie in `scratch/start`."""
    from torch.multiprocessing.spawn import spawn

    spawn(_train_one, (scratch,), nprocs=2, join=True)  # type: ignore[no-untyped-call]


def _train_one(rank: int, scratch: Path) -> None:
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if rank == 0:
        vision.train(VISION, scratch / "start" / "vision", scratch)
    else:
        language.train(LANGUAGE, scratch / "start" / "language", scratch)
