"""CPU threads of training and evaluation, from `threads` in params.yaml: float results depend on it."""

from pathlib import Path

from stages.params import UserError, read_params


def set_threads(path: Path = Path("params.yaml")) -> int:
    """Let torch use as many threads as `threads` says; returns the number."""
    wanted = read_params(path).get("threads")
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 1:
        raise UserError(f"{path}: `threads` = {wanted!r} is not allowed: a whole number from 1 up, such as 2.")
    import torch

    torch.set_num_threads(wanted)
    return wanted
