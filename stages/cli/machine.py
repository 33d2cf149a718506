"""What this machine has: processor and GPUs. Nothing is loaded, nothing is fetched."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

BF16_FLAGS = ("amx_bf16", "avx512_bf16", "bf16")  # x86, x86, arm


@dataclass(frozen=True)
class Gpu:
    """One GPU as nvidia-smi lists it; memory in bytes."""

    name: str
    total: float
    free: float
    capability: float  # CUDA compute capability: bf16 from 8.0 on


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bf16_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> list[str] | None:
    """The processor's bf16 instruction sets; None where the system doesn't tell."""
    if not cpuinfo.is_file():
        return None
    words = {
        word
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.lower().startswith(("flags", "features"))
        for word in line.split()
    }
    return [flag for flag in BF16_FLAGS if flag in words]


def gpus() -> list[Gpu]:
    """The GPUs that nvidia-smi lists; none when it isn't there or doesn't answer."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free,compute_cap", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [gpu for gpu in map(_gpu, listed.splitlines()) if gpu is not None]


def _gpu(line: str) -> Gpu | None:
    """None for a line without numbers ("[N/A]" on a GPU that is split or has failed)."""
    name, *numbers = (cell.strip() for cell in line.rsplit(",", 3))
    try:
        total, free, capability = map(float, numbers)
    except ValueError:
        return None
    return Gpu(name, total * 2**20, free * 2**20, capability)
