"""Runs the three parts of the training: tower and decoder at once, then both together in data-parallel processes."""

import os
from pathlib import Path
from typing import Any

from stages.foundation.idefics.learning import Learning, join, stitch
from stages.foundation.idefics.schedule import BOTH, DECODER, PROCESSES, STITCHED_FROM, TOWER
from stages.foundation.idefics.training import fit


def train(scratch: Path) -> None:
    """Leaves `scratch/model.pt`; the processor lies in `scratch/start`."""
    from torch.multiprocessing.spawn import spawn

    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    if not (scratch / "joined.pt").exists():
        spawn(_train_part, (scratch,), nprocs=2, join=True)  # type: ignore[no-untyped-call]
        _join(scratch)
    rendezvous = scratch / "rendezvous"
    rendezvous.unlink(missing_ok=True)
    spawn(_train_both, (scratch, rendezvous.absolute()), nprocs=PROCESSES, join=True)  # type: ignore[no-untyped-call]


def _alone() -> None:
    """One core for each process; denormals as zeros, which are many times faster."""
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def load_tokenizer(scratch: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(scratch / "start")


def _train_part(rank: int, scratch: Path) -> None:
    import torch

    _alone()
    if rank == 0:
        tower = Learning(load_tokenizer(scratch), TOWER.seed, TOWER.pictures)
        seeing = torch.nn.ModuleDict({"tower": tower.model.model.vision_model, "heads": tower.heads})
        fit("tower", seeing, tower.tower_losses, TOWER, scratch)
        torch.save(tower.learned.state_dict(), scratch / "tower.pt")
    else:
        decoder = Learning(load_tokenizer(scratch), DECODER.seed, DECODER.pictures)
        decoder.model.model.vision_model.requires_grad_(False)
        decoder.heads.requires_grad_(False)
        fit("decoder", decoder.learned, lambda step: decoder.decoder_losses(step, DECODER.steps), DECODER, scratch)
        torch.save(decoder.learned.state_dict(), scratch / "decoder.pt")


def _join(scratch: Path) -> None:
    """Leaves `joined.pt`: the decoder with the tower and its heads, cross layers turned to the tower's states."""
    import torch

    parts = {}
    for name, schedule in (("tower", TOWER), ("decoder", DECODER)):
        parts[name] = Learning(load_tokenizer(scratch), schedule.seed, schedule.pictures)
        parts[name].learned.load_state_dict(torch.load(scratch / f"{name}.pt", weights_only=True))
    whole = parts["decoder"]
    join(whole.model, stitch(parts["tower"], whole, STITCHED_FROM))
    whole.model.model.vision_model.load_state_dict(parts["tower"].model.model.vision_model.state_dict())
    whole.heads.load_state_dict(parts["tower"].heads.state_dict())
    torch.save(whole.learned.state_dict(), scratch / "joined.tmp")
    os.replace(scratch / "joined.tmp", scratch / "joined.pt")


def _train_both(rank: int, scratch: Path, meet: Path) -> None:
    import torch
    import torch.distributed as distributed

    _alone()
    distributed.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=PROCESSES)
    both = Learning(load_tokenizer(scratch), BOTH.seed, BOTH.pictures, rank)
    both.learned.load_state_dict(torch.load(scratch / "joined.pt", weights_only=True))
    both.stand_in.requires_grad_(False)
    fit("both", both.learned, both.losses, BOTH, scratch, PROCESSES, rank)
    if rank == 0:
        torch.save(both.model.state_dict(), scratch / "model.pt")
    distributed.destroy_process_group()
