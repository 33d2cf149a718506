"""Small trainings of every room, each in a process of its own, to be killed and gone on with."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["preloading"])
PLAIN = {"quantisation": "none", "compute_dtype": "float32"}
NF4 = {"quantisation": "nf4", "compute_dtype": "bfloat16", "double_quantisation": True}
ADDED_UP = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 4}
RESULT = ("adapter_model.safetensors", "projector.safetensors", "consumed.parquet", "loss.csv")

# {name: (room, recipe of that room's test module, what `train` says otherwise)}; an epoch is 3 steps unless said.
SETTINGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "qlora": ("answers", "RECIPE", {"num_train_epochs": 3}),
    "qlora, added up, with dropout": ("answers", "RECIPE", {"num_train_epochs": 2, "lora_dropout": 0.2, **ADDED_UP}),
    "behind other examples each epoch": ("interleaved", "RECIPE", {"num_train_epochs": 3, "context_examples": 2}),
    "behind examples, added up": (
        "interleaved",
        "RECIPE",
        {"num_train_epochs": 2, "context_examples": 1, "lora_dropout": 0.1, **ADDED_UP},
    ),
    "naming": ("naming", "RECIPE", {"num_train_epochs": 3, "lora_dropout": 0.1}),
    "naming, added up": ("naming", "RECIPE", {"num_train_epochs": 3, **PLAIN, **ADDED_UP}),
    "grounding": ("grounding", "RECIPE", {"num_train_epochs": 3, "interleaved": 0.5, "renormalise_ret": True, **NF4}),
    "grounding, added up": ("grounding", "RECIPE", {"num_train_epochs": 4, "gradient_accumulation_steps": 4}),
    "projector": ("chat", "ALIGN", {"num_train_epochs": 1}),
    "projector and lora": ("chat", "INSTRUCT", {"num_train_epochs": 3, "lora_dropout": 0.1}),
    "projector and lora, added up": ("chat", "INSTRUCT", {"num_train_epochs": 2, **NF4, **ADDED_UP}),
}


def recipe_of(name: str) -> Any:
    """The recipe of a setting."""
    room, kind, changes = SETTINGS[name]
    if room == "answers":
        from letters import RECIPE

        return RECIPE.model_copy(update={"train": RECIPE.train.model_copy(update={**changes, "device": "cpu"})})
    module = __import__({"interleaved": "interleaved", "naming": "naming", "chat": "chatting"}.get(room, "grounded"))
    recipe = getattr(module, kind)
    changes = {**changes, "device": "cpu"}
    return module.changed(*([] if room == "grounding" else [recipe]), "train", **changes)


def prepare(root: Path, room: str) -> dict[str, Path]:
    """Base, tokenized rows and features of a room below `root`, made once; what `run` is called with."""
    made = {"answers": _letters, "interleaved": _sports, "naming": _names, "grounding": _pets, "chat": _scenes}
    folder = root / room
    inputs = {name: folder / name for name in ("base", "tokenized", "features", "parent")}
    if not folder.exists():
        folder.mkdir(parents=True)
        (root / "params.yaml").write_text("threads: 1\n", encoding="utf-8")
        before = Path.cwd()
        os.chdir(root)
        try:
            made[room](folder)
        finally:
            os.chdir(before)
    return inputs


def _letters(folder: Path) -> None:
    from letters import RECIPE, record, write_base, write_curated

    from stages.tokenize.answers.stage import run as tokenize

    write_base(folder / "base")
    rows = [record(word, i, "train") for word in ("plumb", "line", "bob") for i in range(len(word))]
    curated = write_curated(folder / "curated", rows)
    tokenize(RECIPE, curated=curated, base=folder / "base", out=folder / "tokenized")


def _sports(folder: Path) -> None:
    from interleaved import RECIPE, curated, make_base

    from stages.tokenize.interleaved.stage import run as tokenize

    make_base(folder / "base")
    curated(folder / "curated", 16)
    tokenize(RECIPE, curated=folder / "curated", base=folder / "base", out=folder / "tokenized")


def _names(folder: Path) -> None:
    from naming import RECIPE, described, make_base

    from stages.tokenize.naming.stage import run as tokenize

    make_base(folder / "base")
    described(folder / "described", 16)
    tokenize(RECIPE, curated=folder / "described", base=folder / "base", out=folder / "tokenized")


def _pets(folder: Path) -> None:
    from grounded import FEATURES, RECIPE, captioned
    from grounding import make_base

    from stages.features.stage import run as features
    from stages.tokenize.grounding.stage import run as tokenize

    make_base(folder / "base")
    captioned(folder / "caption")
    features(FEATURES, pictures=folder / "caption", base=folder / "base", out=folder / "features")
    tokenize(RECIPE, curated=folder / "caption", base=folder / "base", out=folder / "tokenized")


def _scenes(folder: Path) -> None:
    """Both steps' rows, the second's beside the first's; the parent is a trained first step."""
    from chatting import ALIGN, FEATURES, INSTRUCT, curated, make_base

    from stages.features.stage import run as features
    from stages.tokenize.chat.stage import run as tokenize
    from stages.train.chat.stage import run as train

    base = make_base(folder / "base")
    curated(folder / "curated")
    features(FEATURES, pictures=folder / "curated", base=base, out=folder / "features")
    tokenize(ALIGN, curated=folder / "curated", base=base, out=folder / "align")
    tokenize(INSTRUCT, curated=folder / "curated", base=base, out=folder / "tokenized")
    given = {"tokenized": folder / "align", "features": folder / "features", "base": base, "parent": folder / "none"}
    train(ALIGN, **given, out=folder / "parent")


def train(name: str, root: Path, out: Path) -> None:
    """Run the setting's stage in this process, in `root`; `out`.log holds what it prints."""
    out.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(out.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    room = SETTINGS[name][0]
    inputs = prepare(root, room)
    recipe = recipe_of(name)
    if room == "chat" and recipe.task == "align":
        inputs |= {"tokenized": root / room / "align", "parent": root / "none"}
    os.chdir(root)
    module = __import__(f"stages.train.{room}.stage", fromlist=["run"])
    run: Callable[..., None] = module.run
    run(recipe, **inputs, out=out)


def killed(name: str, root: Path, out: Path, step: int, by: int) -> None:
    """`train`, with a checkpoint each step, killed by a signal that it gets when step `step` has been saved."""
    from stages.train import checkpoints

    save, due = checkpoints.Checkpoints.save, by != signal.SIGTERM
    checkpoints.Checkpoints.due = property(lambda self: due or _stop_at(step))  # type: ignore[assignment,method-assign]

    def saved(self: Any, number: int, files: Any) -> None:
        save(self, number, files)
        if number == step and by == signal.SIGKILL:
            os.kill(os.getpid(), by)

    checkpoints.Checkpoints.save = saved  # type: ignore[method-assign]
    train(name, root, out)


def _stop_at(step: int, count: list[int] = [0]) -> bool:  # noqa: B006
    """Asks this process to stop after `step` calls, one a step; nothing is due."""
    count[0] += 1
    if count[0] == step:
        os.kill(os.getpid(), signal.SIGTERM)
    return False


def process(target: Callable[..., None], *given: Any) -> Any:
    """A started process that runs `target(*given)`: forked from one that has imported torch, and nothing else done."""
    made = CONTEXT.Process(target=target, args=given)
    made.start()
    return made


def exit_code(target: Callable[..., None], *given: Any) -> int:
    """How that process ended: below 0 the signal that killed it."""
    started = process(target, *given)
    started.join()
    return int(started.exitcode)


def result(out: Path) -> dict[str, bytes]:
    """The files that tell one training from another."""
    return {name: (out / name).read_bytes() for name in RESULT if (out / name).is_file()}


def often(name: str, root: Path, out: Path) -> None:
    """`train`, with a checkpoint each step, however long it takes."""
    from stages.train import checkpoints

    checkpoints.EVERY = checkpoints.SHARE = 0.0
    train(name, root, out)
