"""Which rows are trained on, in which order: decided before training."""

from collections.abc import Iterator

import numpy as np

from stages.recipe import Training


def plan_rows(count: int, params: Training) -> list[int]:
    """Row numbers in the order of training.

    Each epoch is a permutation of its own, drawn from (seed, epoch); `max_steps` cuts the last one.
    """
    wanted = (
        count * params.num_train_epochs if params.num_train_epochs else (params.max_steps or 0) * params.rows_a_step
    )
    return [row for _, row in zip(range(wanted), _endlessly(count, params.seed), strict=False)]


def _endlessly(count: int, seed: int) -> Iterator[int]:
    epoch = 0
    while count:
        yield from np.random.default_rng([seed, epoch]).permutation(count).tolist()
        epoch += 1
