"""Which rows are trained on, in which order: decided before training, compared after it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.recipe import Train


def plan_rows(count: int, params: Train) -> list[int]:
    """Row numbers in the order of training.

    Each epoch is a permutation of its own, drawn from (seed, epoch); `max_steps` cuts the last one.
    """
    per_step = params.per_device_train_batch_size * params.gradient_accumulation_steps
    wanted = count * params.num_train_epochs if params.num_train_epochs else (params.max_steps or 0) * per_step
    return [row for _, row in zip(range(wanted), _endlessly(count, params.seed), strict=False)]


def _endlessly(count: int, seed: int) -> Iterator[int]:
    epoch = 0
    while count:
        yield from np.random.default_rng([seed, epoch]).permutation(count).tolist()
        epoch += 1


def write_consumed(path: Path, ids: list[str], per_step: int) -> None:
    """consumed.parquet: `step` (from 0) and `id` of every row that a loss was computed on, in order."""
    steps = [position // per_step for position in range(len(ids))]
    table = pa.table({"step": pa.array(steps, pa.int32()), "id": pa.array(ids, pa.string())})
    pq.write_table(table, path, compression="zstd")


def check_consumed(planned: list[str], consumed: list[str]) -> None:
    """Raise RuntimeError at the first row where what was trained on is not what was planned."""
    for position, (want, got) in enumerate(zip(planned, consumed, strict=False)):
        if want != got:
            raise RuntimeError(f"row {position} of training was {got}, planned was {want}; nothing is written")
    if len(planned) != len(consumed):
        raise RuntimeError(f"{len(consumed)} rows were trained on, {len(planned)} were planned; nothing is written")
