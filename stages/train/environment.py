"""What a run was computed with: versions, device and threads, as environment.json beside the adapter."""

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

# The packages whose code computes, or reads what is computed on; the rest of constraints.txt can't change a byte.
PACKAGES = (
    "accelerate", "bitsandbytes", "numpy", "peft", "pillow", "pyarrow", "safetensors", "tokenizers", "torch",
    "transformers",
)  # fmt: skip


def environment_of(device: str, threads: int) -> dict[str, Any]:
    """python, platform, device {kind, name}, threads, packages; no host, no time."""
    kind = device.partition(":")[0]
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system().lower()} {platform.machine()}",
        "device": {"kind": kind, "name": _name(device) if kind == "cuda" else None},
        "threads": threads,
        "packages": {name: version(name) for name in PACKAGES},
    }


def write_environment(path: Path, device: str, threads: int) -> None:
    """environment.json: the same machine and installation give the same bytes."""
    text = json.dumps(environment_of(device, threads), indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def _name(device: str) -> str:
    import torch

    return str(torch.cuda.get_device_name(device))
