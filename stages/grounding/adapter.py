"""A trained FROMAGe on disk: eight tensors, ours (safetensors) or a released checkpoint (`*.pth.tar`).

The released layout (github.com/kohjingyu/fromage, prune_model_ckpt.py): `torch.save({"state_dict": ...})`
under the names of a wrapper (`model.visual_fc.weight`; `module.` before it when trained on several GPUs),
beside `model_args.json`. It is read with `weights_only=True`: a pickle that holds code is refused, not run.
"""

import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.params import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from stages.grounding.model import Fromage

CONFIG = "config.json"
WEIGHTS = "adapter_model.safetensors"
RELEASED = "pretrained_ckpt.pth.tar"
TENSORS = (
    "logit_scale",
    "ret_input_embeddings.weight",
    "text_hidden_fcs.0.0.bias",
    "text_hidden_fcs.0.0.weight",
    "visual_embeddings.bias",
    "visual_embeddings.weight",
    "visual_fc.bias",
    "visual_fc.weight",
)
FROZEN = ("lm.", "visual_model.", "input_embeddings.")  # what an unpruned checkpoint carries of the frozen parts


def save_adapter(model: "Fromage", folder: Path) -> None:
    """Write config.json and the eight tensors in float32; equal tensors make equal bytes."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = model.config.to_diff_dict() | {"architectures": ["Fromage"]}
    # The library's version and a folder it was loaded from say nothing about the model, and differ between machines.
    for name in ("transformers_version", "_name_or_path"):
        config.pop(name, None)
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    tensors = {name: tensor.detach().cpu().float().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def read_config(folder: Path) -> Any:
    """The `FromageConfig` of a saved adapter."""
    from huggingface_hub.errors import StrictDataclassError

    from stages.grounding.configuration import FromageConfig

    path = folder / CONFIG
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: an adapter folder holds {CONFIG} and {WEIGHTS}.") from None
    except ValueError as error:
        raise UserError(f"{path} is no valid JSON ({error}): restore it, or train the adapter anew.") from error
    if not isinstance(values, dict) or values.get("model_type") != "fromage":
        found = values.get("model_type") if isinstance(values, dict) else type(values).__name__
        raise UserError(f"{path}: model_type is {found!r}, not 'fromage'; name the folder of a FROMAGe adapter.")
    try:
        return FromageConfig(**values)
    except (TypeError, ValueError, StrictDataclassError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{path} is no configuration of FROMAGe: {said}; restore it from its source.") from error


def load_adapter(model: "Fromage", path: Path) -> None:
    """Put a shell's eight tensors into `model`, all or none; UserError names what doesn't fit."""
    import torch

    shell, own = read_shell(path), model.state_dict()
    wrong = [
        f"  {name}: found {list(tensor.shape)}, expected {list(own[name].shape)}"
        for name, tensor in shell.items()
        if tensor.shape != own[name].shape
    ]
    if wrong:
        config = model.config
        raise UserError(
            "\n".join([f"{path} was trained for another model:", *wrong])
            + f"\nThis model has language_width {config.language_width}, vision_width {config.vision_width}, "
            f"visual_tokens {config.visual_tokens}, shared_width {config.shared_width}: "
            "set `visual_tokens` and `shared_width` to the adapter's, or name the frozen parts that it was trained on."
        )
    with torch.no_grad():
        for name, tensor in shell.items():
            own[name].copy_(tensor)


def read_shell(path: Path) -> "dict[str, Tensor]":
    """The eight tensors by name, in float32, from an adapter folder, a released folder, or one file of either.

    UserError for a missing or unknown tensor, a value that isn't finite, and a pickle that holds code.
    """
    file = _weights_file(path)
    tensors = _safetensors(file) if file.suffix == ".safetensors" else _released(file)
    missing = [name for name in TENSORS if name not in tensors]
    unknown = sorted(name for name in tensors if name not in TENSORS)
    if missing or unknown:
        raise UserError(
            f"{file} is no shell of FROMAGe: missing {', '.join(missing) or 'nothing'}; "
            f"unknown {', '.join(unknown) or 'nothing'}. It needs exactly {', '.join(TENSORS)}; a full checkpoint is "
            "cut to them by the released code's prune_model_ckpt.py."
        )
    read = {}
    for name in TENSORS:
        tensor = tensors[name]
        if not (hasattr(tensor, "isfinite") and tensor.is_floating_point()):
            kind = getattr(tensor, "dtype", type(tensor).__name__)
            raise UserError(f"{file}: {name} is {kind}, not a tensor of floats; take the file from its source again.")
        if not bool(tensor.isfinite().all()):
            bad = int((~tensor.isfinite()).sum())
            raise UserError(
                f"{file}: {name} holds {bad} values that aren't finite; that training diverged. "
                "Take an earlier checkpoint, or lower the learning rate."
            )
        read[name] = tensor.float()
    return read


def _weights_file(path: Path) -> Path:
    """The file of weights at `path`; what `save_pretrained` writes counts too."""
    if path.is_file():
        return path
    for name in (WEIGHTS, "model.safetensors", RELEASED):
        if (path / name).is_file():
            return path / name
    what = "holds none" if path.is_dir() else "is missing"
    raise UserError(f"{path} {what}: a shell is a folder with {WEIGHTS} or {RELEASED}, or such a file itself.")


def _safetensors(file: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except SafetensorError as error:
        raise UserError(f"{file} can't be read as safetensors ({error}); copy it from its source again.") from error


def _released(file: Path) -> dict[str, Any]:
    """The state dict of a `torch.save`d checkpoint, under bare names, without what belongs to the frozen parts."""
    import torch

    try:
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{file} holds more than tensors, and nothing of it was run ({str(error).splitlines()[0]}). Take the "
            "pruned checkpoint; if you trust the file's author, convert it to safetensors yourself."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{file} is no checkpoint that torch can read ({error}); copy it from its source again."
        ) from error
    state = checkpoint.get("state_dict") if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict):
        raise UserError(f"{file} has no `state_dict`; a released checkpoint is {{'state_dict': eight tensors}}.")
    bare: dict[str, Any] = {}
    for given, tensor in state.items():
        name = str(given).removeprefix("module.").removeprefix("model.")
        if name.startswith(FROZEN):
            continue
        if name in bare:
            raise UserError(f"{file} holds {name} twice, under different prefixes; it is unclear which one is meant.")
        bare[name] = tensor
    return bare
