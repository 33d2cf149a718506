"""Batches in which no entity sits twice, decided before training.

Two pictures of one entity in a contrastive batch would count as each other's wrong answer; apart from
that every other entity is a wrong answer, and near ones are hard ones.
"""

from collections.abc import Sequence

import numpy as np

from stages.grounding.recipe import Train
from stages.params import UserError


def plan_rows(entities: Sequence[str], params: Train) -> list[int]:
    """Row numbers in the order of training: every `rows_a_batch` in a row are of different entities.

    Each epoch brings every row once; rows that don't fill a batch wait for the next epoch's, so only the
    very last batch can be smaller. UserError when an entity has too many rows for that.
    """
    size, wanted = params.per_device_train_batch_size, params.num_train_epochs
    steps = None if params.max_steps is None else params.max_steps * params.gradient_accumulation_steps
    _require_spread(entities, size)
    order: list[int] = []
    waiting: list[int] = []
    epoch = 0
    while (wanted is None or epoch < wanted) and (steps is None or len(order) < steps * size):
        shuffle = np.random.default_rng([params.seed, epoch])
        full, waiting = _batches(waiting + shuffle.permutation(len(entities)).tolist(), entities, size, shuffle)
        order += [row for batch in full for row in batch]
        epoch += 1
    if steps is not None:
        return order[: steps * size]
    if len({entities[row] for row in waiting}) < len(waiting):
        raise RuntimeError("the last batch would hold an entity twice; nothing is written")
    return order + waiting


def _batches(
    rows: list[int], entities: Sequence[str], size: int, shuffle: np.random.Generator
) -> tuple[list[list[int]], list[int]]:
    """As many full batches as `rows` make, in shuffled order, and the rows left over.

    Each batch takes one row of each of the entities that have most left: so none is left with more rows
    than there are batches to come.
    """
    left: dict[str, list[int]] = {}
    for row in rows:
        left.setdefault(entities[row], []).append(row)
    full: list[list[int]] = []
    names = sorted(left)
    for _ in range(len(rows) // size):
        luck = dict(zip(names, shuffle.random(len(names)), strict=True))
        chosen = sorted(names, key=lambda name: (-len(left[name]), luck[name]))[:size]
        full.append([left[name].pop(0) for name in chosen])
        names = [name for name in names if left[name]]
    shuffled = [full[i] for i in shuffle.permutation(len(full))]
    return shuffled, [row for name in names for row in left[name]]


def _require_spread(entities: Sequence[str], size: int) -> None:
    """UserError unless an entity's rows fit into the batches of an epoch, one each."""
    names, counts = np.unique(np.asarray(entities), return_counts=True)
    most = int(counts.max(initial=0))
    if len(names) >= size and most * size <= len(entities):
        return
    fits = max(1, min(len(names), len(entities) // max(most, 1)))
    largest = names[int(counts.argmax())] if len(names) else "none"
    raise UserError(
        f"`train.per_device_train_batch_size` = {size} is not allowed: no entity may sit twice in a batch, and there "
        f"are {len(names)} entities in {len(entities)} training rows, {most} of them of `{largest}`; at most {fits} "
        "fits. Lower it, or scrape more entities."
    )
