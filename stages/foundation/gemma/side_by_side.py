"""Trains in data-parallel processes of one core each, which draw documents of their own."""

import os
from pathlib import Path
from typing import Any

from stages.foundation.gemma.learning import Learning
from stages.foundation.gemma.schedule import LANGUAGE, PROCESSES
from stages.foundation.gemma.training import fit


def train(scratch: Path) -> None:
    """Leaves `scratch/model.pt`; the tokenizer lies in `scratch/start`."""
    from torch.multiprocessing.spawn import spawn

    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    meet = scratch / "rendezvous"
    meet.unlink(missing_ok=True)
    spawn(_train_one, (scratch, meet.absolute()), nprocs=PROCESSES, join=True)  # type: ignore[no-untyped-call]


def load_tokenizer(scratch: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(scratch / "start")


def _train_one(rank: int, scratch: Path, meet: Path) -> None:
    import torch
    import torch.distributed as distributed

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # denormals are many times slower
    distributed.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=PROCESSES)
    learning = Learning(load_tokenizer(scratch), LANGUAGE, rank)
    fit(learning.model, learning.loss, LANGUAGE, scratch, PROCESSES, rank)
    if rank == 0:
        torch.save(learning.model.state_dict(), scratch / "model.pt")
    distributed.destroy_process_group()
