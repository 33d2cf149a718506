"""The doctor's checks: each looks at one thing and says what to do when it isn't as it should be."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stages.bases import CONFIG, PICTURES, TOKENIZER, WEIGHTS, base_location, part_location
from stages.cli import machine
from stages.cli.estimate import CPU_RATE, CPU_RATE_BF16, GB, GPU_RATE, Estimate, span
from stages.cli.parameters import Available
from stages.grounding.recipe import Parts
from stages.params import UserError
from stages.recipe import Model
from stages.scrape.parameters import KEY

MINIMUM_PYTHON = (3, 11)
INSTALL = "pip install -c constraints.txt -e ."
EMBEDDED_MEMORY = 3 * GB  # training a 3 M-parameter base, with torch and transformers loaded
EMBEDDED_DISK = 4 * GB  # pictures, rows and views of a recipe, once as files and once in DVC's cache
LOADING_MEMORY = 6 * GB  # of the host, while a hub model's files go to the GPU
ROWS = 1000  # that the time is given for


@dataclass(frozen=True)
class Finding:
    """One line: `gap` needs its remedy before a run, `note` is worth knowing."""

    state: Literal["ok", "note", "gap"]
    what: str
    found: str
    remedy: str = ""


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= MINIMUM_PYTHON:
        return Finding("ok", "Python", version)
    return Finding(
        "gap", "Python", version, f"make the environment anew with Python {'.'.join(map(str, MINIMUM_PYTHON))} or newer"
    )


def fonts(modules: Iterable[str]) -> Finding:
    """The packages that `synthesize` takes its fonts from."""
    wanted = sorted(set(modules))
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("gap", "fonts", f"missing: {', '.join(missing)}", INSTALL)
    return Finding("ok", "fonts", f"{len(wanted)} packages")


def search_key(scrapes: Mapping[str, Any]) -> list[Finding]:
    """The key of the real search service, when a collection needs it; its value is never shown."""
    needing = sorted(name for name, row in scrapes.items() if row.get("endpoint") == "serpapi")
    if not needing:
        return []
    if os.environ.get(KEY):
        return [Finding("ok", "search key", f"{KEY} is set")]
    return [Finding("gap", "search key", f"{KEY} is not set", f"export it for scrape@{', scrape@'.join(needing)}")]


def processor() -> Finding:
    flags = machine.bf16_flags()
    found = f"{machine.cores()} cores, bf16: "
    if flags is None:
        return Finding(
            "note", "processor", found + "unknown", "without bf16 instructions training is several times slower"
        )
    if not flags:
        remedy = "training is several times slower without; `compute_dtype: float32` avoids emulating it"
        return Finding("note", "processor", found + "no", remedy)
    return Finding("ok", "processor", found + ", ".join(flags))


def repository() -> list[Finding]:
    """Git and DVC set up in this folder."""
    findings = []
    for folder, command in ((".git", "git init"), (".dvc", "dvc init")):
        there = Path(folder).exists()
        what, found = command.split()[0], "set up" if there else f"no {folder} here"
        findings.append(
            Finding("ok" if there else "gap", what, found, "" if there else f"{command} (in the project's root)")
        )
    return findings


def embedded_base(folder: Path, model: Model) -> Finding:
    """Whether an embedded base's folder is complete."""
    try:
        base_location(folder, model)
    except UserError as error:
        return Finding("gap", f"base {model.id}", "incomplete", str(error))
    return Finding("ok", f"base {model.id}", "complete")


def embedded_language(folder: Path, model: Model) -> Finding:
    """Whether an embedded base that is a language model is complete: it has no processor."""
    try:
        part_location(folder, model, CONFIG | WEIGHTS | TOKENIZER)
    except UserError as error:
        return Finding("gap", f"base {model.id}", "incomplete", str(error))
    return Finding("ok", f"base {model.id}", "complete")


def embedded_parts(folder: Path, parts: Parts) -> Finding:
    """Whether an embedded base has its language model and its CLIP, each complete."""
    try:
        part_location(folder / "language", parts.language, CONFIG | WEIGHTS | TOKENIZER)
        part_location(folder / "vision", parts.vision, CONFIG | WEIGHTS | TOKENIZER | PICTURES)
    except UserError as error:
        return Finding("gap", f"base {parts.language.id}", "incomplete", str(error))
    return Finding("ok", f"base {parts.language.id}", "complete")


def graphics(cards: list[machine.Gpu], *, needed: float = 0) -> Finding:
    """The GPUs, against `needed` bytes (0: none is needed)."""
    if not cards:
        remedy = "not needed for embedded bases" if not needed else _without_gpu(needed)
        return Finding("gap" if needed else "note", "GPU", "none", remedy)
    found = "; ".join(f"{card.name}, {_gb(card.free)} of {_gb(card.total)} free" for card in cards)
    problem = _unusable()
    if problem:
        return Finding("gap" if needed else "note", "GPU", found, problem)
    best = max(cards, key=lambda card: card.free)
    if best.free < needed:
        return Finding("gap", "GPU", f"{found}; about {_gb(needed)} needed", _smaller("GPU memory"))
    if best.capability < 8:
        return Finding("note", "GPU", found, "no bf16 before compute capability 8.0: set `compute_dtype: float32`")
    return Finding("ok", "GPU", found)


def _without_gpu(needed: float) -> str:
    return f"use a machine with a GPU of {_gb(needed)} or more, here or through a GPU work pool (prefect.yaml)"


def _unusable() -> str:
    """Why torch can't use the GPU that is there; "" when it can."""
    if importlib.util.find_spec("torch") is None:
        return INSTALL
    import torch

    if torch.cuda.is_available():
        return ""
    return f"torch {torch.__version__} doesn't see it: install torch's CUDA build (pytorch.org/get-started)"


def memory(needed: float) -> Finding:
    import psutil

    return _enough("memory", float(psutil.virtual_memory().available), needed, _smaller("memory"))


def disk(folder: Path, needed: float) -> Finding:
    """Free space where `folder` is, or would be."""
    there = next(path for path in [folder.resolve(), *folder.resolve().parents] if path.exists())
    return _enough(
        "disk", float(shutil.disk_usage(there).free), needed, "free some space; `dvc gc -w` drops what no run uses"
    )


def _enough(what: str, free: float, needed: float, remedy: str) -> Finding:
    found = f"{_gb(free)} free, about {_gb(needed)} needed"
    return Finding("ok", what, found) if free >= needed else Finding("gap", what, found, remedy)


def _smaller(what: str) -> str:
    return f"free some {what}, or lower per_device_train_batch_size (and raise gradient_accumulation_steps)"


def revision(model: str, pinned: str | None) -> Finding:
    if pinned:
        return Finding("ok", "revision", f"{model}@{pinned}")
    page = f"https://huggingface.co/{model}/commits/main"
    remedy = f"take the commit from {page}, then `plumbline recipe add ... --revision SHA`"
    return Finding("gap", "revision", f"{model}: none known", remedy)


def access(model: str, pinned: str | None, listed: Available | None) -> list[Finding]:
    """Whether a hub model is here already, or a token is set for a gated one. Never what the token is."""
    if downloaded(model, pinned):
        return [Finding("ok", "hub access", "downloaded already")]
    from huggingface_hub import constants

    token = bool(os.environ.get("HF_TOKEN")) or Path(constants.HF_TOKEN_PATH).is_file()
    found = f"HF_TOKEN {'set' if token else 'unset'}"
    if listed is None:
        return [Finding("note", "hub access", found, f"needed if https://huggingface.co/{model} is gated")]
    if not listed.gated:
        return [Finding("ok", "hub access", f"{found}, and not needed")]
    page = listed.licence_page or f"https://huggingface.co/{model}"
    if token:
        return [Finding("ok", "hub access", f"{found}; the licence must be accepted at {page}")]
    remedy = f"accept the licence at {page}, then set HF_TOKEN to a token that may read it"
    return [Finding("gap", "hub access", f"{found}, and {model} is gated", remedy)]


def downloaded(model: str, pinned: str | None) -> bool:
    """Whether the pinned model is in the hub's cache on this machine; asks nobody."""
    from huggingface_hub import try_to_load_from_cache

    return bool(pinned) and isinstance(try_to_load_from_cache(model, "config.json", revision=pinned), str)


def download_space(model: str, pinned: str | None, size: float) -> Finding:
    from huggingface_hub import constants

    return disk(Path(constants.HF_HUB_CACHE), 0 if downloaded(model, pinned) else size)


def estimates(work: Estimate) -> list[Finding]:
    """Memory by part and time, said to be estimates."""
    parts = work.memory()
    listed = " + ".join(f"{name} {size / GB:.1f}" for name, size in parts.items())
    rate = CPU_RATE_BF16 if machine.bf16_flags() else CPU_RATE
    slow = work.seconds(ROWS, rate * machine.cores())
    return [
        Finding(
            "note",
            "memory, estimated",
            f"{sum(parts.values()) / GB:.1f} GB = {listed}",
            "stages/cli/estimate.py has the rules",
        ),
        Finding(
            "note",
            "time, estimated",
            f"{ROWS} rows: {span(work.seconds(ROWS, GPU_RATE))} on a GPU, {span(slow)} on this processor",
            "a guess within a factor of three",
        ),
    ]


def _gb(size: float) -> str:
    return f"{size / GB:.1f} GB"
