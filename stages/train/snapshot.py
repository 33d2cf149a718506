"""What a checkpoint of transformers.Trainer holds here, as bytes, and how a training gets it back.

Frozen weights are not in it: they come from the base, whose digest is in the run's key. Optimiser, schedule and
random numbers lie in the files, and in the form, that Trainer itself reads.
"""

import dataclasses
import io
import json
import random
from pathlib import Path
from typing import Any

WEIGHTS = "weights.safetensors"
PROGRESS = "progress.safetensors"


def snapshot(trainer: Any, consumed: list[int]) -> dict[str, bytes | memoryview]:
    """{file: bytes} of the state after a step: all that the next steps' bytes depend on."""
    import torch
    from safetensors.torch import save
    from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME

    progress = {
        "consumed": torch.tensor(consumed, dtype=torch.int64),
        # Trainer logs the mean loss since the last log, and forgets what came before when it resumes
        "loss_since_log": trainer._tr_loss.detach().cpu().reshape(1).clone(),
        "last_log": torch.tensor([trainer._globalstep_last_logged], dtype=torch.int64),
    }
    return {
        WEIGHTS: save({name: weight.detach().cpu().contiguous() for name, weight in _trained(trainer.model).items()}),
        PROGRESS: save(progress),
        OPTIMIZER_NAME: _pickled(trainer.optimizer.state_dict()),
        SCHEDULER_NAME: _pickled(trainer.lr_scheduler.state_dict()),
        "rng_state.pth": _pickled(_random_state()),
        TRAINER_STATE_NAME: json.dumps(dataclasses.asdict(trainer.state), indent=1, sort_keys=True).encode(),
    }


def load_weights(model: Any, folder: Path) -> None:
    """Put the trained weights of a checkpoint into `model`; RuntimeError when they are another model's."""
    import torch
    from safetensors.torch import load_file

    found, wanted = load_file(folder / WEIGHTS), _trained(model)
    if found.keys() != wanted.keys():
        raise RuntimeError(f"{folder} holds other weights than this training's: {sorted(found.keys() ^ wanted.keys())}")
    with torch.no_grad():
        for name, weight in wanted.items():
            weight.copy_(found[name])


def load_progress(trainer: Any, folder: Path) -> list[int]:
    """Give `trainer` its running loss back; the positions consumed up to the checkpoint."""
    from safetensors.torch import load_file

    progress = load_file(folder / PROGRESS)
    trainer._tr_loss.copy_(progress["loss_since_log"][0])
    trainer._globalstep_last_logged = int(progress["last_log"][0])
    return [int(position) for position in progress["consumed"]]


def _trained(model: Any) -> dict[str, Any]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def _random_state() -> dict[str, Any]:
    """As Trainer's `_load_rng_state` wants it."""
    import numpy as np
    import torch

    state = {"python": random.getstate(), "numpy": np.random.get_state(), "cpu": torch.random.get_rng_state()}
    return state | ({"cuda": torch.cuda.random.get_rng_state()} if torch.cuda.is_available() else {})


def _pickled(content: Any) -> memoryview:
    import torch

    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getbuffer()
