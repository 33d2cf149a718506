"""The one training loop: transformers.Trainer over planned rows, whatever the objective.

It saves as it goes and when it is asked to stop, and goes on from what was saved: the result is the same bytes.
"""

import csv
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.bases import without_known_noise
from stages.recipe import Training
from stages.train.checkpoints import Checkpoints
from stages.train.snapshot import load_progress, load_weights, snapshot
from stages.train.stopping import stop_on_signals


def fit(
    model: Any,
    rows: Any,
    collate: Callable[[list[dict[str, Any]]], dict[str, Any]],
    loss_of: Callable[[Any, dict[str, Any]], Any],
    settings: Training,
    device: str,
    kept: Checkpoints | None = None,
    after_step: Callable[[], None] | None = None,
    at_start: Callable[[], None] | None = None,
) -> tuple[list[int], list[dict[str, float]]]:
    """Train on `rows`, a map-style dataset in the planned order; (positions consumed, logged loss and rate).

    `collate` makes a batch of items and puts their `positions` beside it; `loss_of(model, batch)` is the
    scalar that is minimised; `after_step` is called after each step of the optimiser, `at_start` once before
    the first, when the weights are those of the checkpoint that it goes on from, if `kept` has one.
    SystemExit when a signal asked to stop.
    """
    import torch
    from torch.utils.data import SequentialSampler

    with without_known_noise():  # this brings bitsandbytes, which speaks when it is imported
        from transformers import ProgressCallback, Trainer, TrainerCallback, TrainingArguments

    consumed: list[int] = []
    start = kept.newest() if kept is not None else None

    class PlannedTrainer(Trainer):  # type: ignore[misc]
        """Rows in the planned order, the objective's own loss, and a note of what was consumed."""

        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
            consumed.extend(inputs.pop("positions").tolist())
            loss = loss_of(model, inputs)
            return (loss, {}) if return_outputs else loss

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return SequentialSampler(self.train_dataset)  # the plan is the order

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            if kept is not None:
                self.store_flos()
                kept.save(self.state.global_step, snapshot(self, consumed))

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
            load_weights(self.model, Path(resume_from_checkpoint))

    class Progress(ProgressCallback):  # type: ignore[misc]
        """The bar with its time left, the loss beside it instead of a printed line each."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if self.training_bar is not None and logs and "loss" in logs:
                self.training_bar.set_postfix(loss=f"{float(logs['loss']):.3f}")

    class AroundSteps(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if start is not None:
                consumed.extend(load_progress(trainer, start))
                print(f"train: goes on from step {state.global_step} of {state.max_steps} ({start})", flush=True)
            if at_start is not None:
                at_start()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if after_step is not None:
                after_step()
            due = kept is not None and kept.due
            control.should_save = kept is not None and (due or stop.signal is not None)
            control.should_training_stop = control.should_training_stop or stop.signal is not None

    steps = -(-len(rows) // settings.rows_a_step)
    with tempfile.TemporaryDirectory() as nowhere:  # Trainer saves nothing there, but wants a folder
        arguments = TrainingArguments(
            output_dir=nowhere,
            num_train_epochs=1,
            per_device_train_batch_size=settings.per_device_train_batch_size,
            gradient_accumulation_steps=settings.gradient_accumulation_steps,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=settings.warmup_steps,
            weight_decay=settings.weight_decay,
            optim=settings.optim,
            bf16=settings.compute_dtype == "bfloat16",
            use_cpu=device == "cpu",
            seed=settings.seed,
            logging_steps=max(1, steps // 100),
            logging_first_step=True,
            save_strategy="no",
            report_to=[],
            remove_unused_columns=False,
            dataloader_pin_memory=False,
        )
        torch.set_flush_denormal(True)
        trainer = PlannedTrainer(model=model, args=arguments, train_dataset=rows, data_collator=collate)
        # Our losses are means of their own: without this, Trainer adds up accumulated ones instead of averaging them.
        trainer.model_accepts_loss_kwargs = False
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(Progress)
        trainer.add_callback(AroundSteps)
        with stop_on_signals() as stop:
            trainer.train(resume_from_checkpoint=None if start is None else str(start))
    if stop.signal is not None and trainer.state.global_step < steps:
        told = "" if kept is None else "; run the same command again to go on from there"
        print(f"stopped after step {trainer.state.global_step} of {steps}{told}.", file=sys.stderr)
        raise SystemExit(128 + stop.signal)
    return consumed, [entry for entry in trainer.state.log_history if "loss" in entry]


def write_curve(path: Path, history: list[dict[str, float]]) -> None:
    """loss.csv: step, loss, learning_rate; what `dvc plots` and the report draw."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["step", "loss", "learning_rate"])
        for entry in history:
            loss, rate = float(entry["loss"]), float(entry["learning_rate"])
            writer.writerow([int(entry["step"]), f"{loss:.4f}", f"{rate:.3g}"])
