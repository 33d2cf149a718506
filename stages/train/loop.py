"""The one training loop: transformers.Trainer over planned rows, whatever the objective."""

import csv
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stages.bases import without_known_noise
from stages.recipe import Training


def fit(
    model: Any,
    rows: Any,
    collate: Callable[[list[dict[str, Any]]], dict[str, Any]],
    loss_of: Callable[[Any, dict[str, Any]], Any],
    settings: Training,
    device: str,
    after_step: Callable[[], None] | None = None,
) -> tuple[list[int], list[dict[str, float]]]:
    """Train on `rows`, a map-style dataset in the planned order; (positions consumed, logged loss and rate).

    `collate` makes a batch of items and puts their `positions` beside it; `loss_of(model, batch)` is the
    scalar that is minimised; `after_step` is called after each step of the optimiser.
    """
    import torch
    from torch.utils.data import SequentialSampler

    with without_known_noise():  # this brings bitsandbytes, which speaks when it is imported
        from transformers import ProgressCallback, Trainer, TrainerCallback, TrainingArguments

    consumed: list[int] = []

    class PlannedTrainer(Trainer):  # type: ignore[misc]
        """Rows in the planned order, the objective's own loss, and a note of what was consumed."""

        def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
            consumed.extend(inputs.pop("positions").tolist())
            loss = loss_of(model, inputs)
            return (loss, {}) if return_outputs else loss

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return SequentialSampler(self.train_dataset)  # the plan is the order

    class Progress(ProgressCallback):  # type: ignore[misc]
        """The bar with its time left, the loss beside it instead of a printed line each."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if self.training_bar is not None and logs and "loss" in logs:
                self.training_bar.set_postfix(loss=f"{float(logs['loss']):.3f}")

    class AfterStep(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            if after_step is not None:
                after_step()

    steps = -(-len(rows) // settings.rows_a_step)
    with tempfile.TemporaryDirectory() as nowhere:  # nothing is saved there; Trainer wants a folder
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
        trainer.add_callback(AfterStep)
        trainer.train()
    return consumed, [entry for entry in trainer.state.log_history if "loss" in entry]


def write_curve(path: Path, history: list[dict[str, float]]) -> None:
    """loss.csv: step, loss, learning_rate; what `dvc plots` and the report draw."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["step", "loss", "learning_rate"])
        for entry in history:
            loss, rate = float(entry["loss"]), float(entry["learning_rate"])
            writer.writerow([int(entry["step"]), f"{loss:.4f}", f"{rate:.3g}"])
