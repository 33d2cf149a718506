"""What vectors in front of a text tell: at each patch of a coarse grid, the facts of what lies there.

A vector is the sum of its facts' words' own embeddings; facts whose words others have too (the left of the picture,
left of its neighbour) come in a basis of their own.
"""

import numpy as np

from stages.foundation.clip_phi.architecture import GRID
from stages.foundation.clip_phi.facts import FACTS, GROUND, facts_of
from stages.foundation.clip_phi.scene import Scene

Vector = tuple[tuple[str, str], ...]  # (fact, its word) of one vector
BASES = {"across": 1, "down": 1, "relation": 2, "neighbour": 3}  # fact: its basis; the rest have the embeddings' own
FEW = 9  # vectors, for as long as documents grow
WHOLE_FROM, WHOLE = 0.25, 0.5  # share of the steps after which some are told by all patches, and how many at the end
LEFT_OUT = 0.08  # of the facts, patch by patch: a tower won't tell all
FILLED = 0.85  # of a thing's reach, the share that its outline fills


def vectors_of(scene: Scene, rng: np.random.Generator, progress: float) -> tuple[Vector, ...]:
    """Of all patches or of a few, in the order of reading; of each group at least one."""
    there = _at_patches(scene)
    if rng.random() < WHOLE * (progress - WHOLE_FROM) / (1 - WHOLE_FROM):
        kept = range(GRID * GRID)
    else:
        order = rng.permutation(GRID * GRID)
        first = [int(order[there[order] == number][0]) for number in range(1, len(scene.groups) + 1)]
        things = [int(spot) for spot in order if there[spot] and spot not in first]
        grounds = [int(spot) for spot in order if not there[spot]]
        more = int(rng.integers(0, FEW - len(first) + 1))
        kept = sorted([*first, *things[: more - more // 3], *grounds[: more // 3]])  # type: ignore[assignment]
    told = [tuple(facts_of(scene, group).items()) for group in (None, *scene.groups)]
    return tuple(
        tuple(fact for fact in told[there[spot]] if fact[1] != GROUND and rng.random() >= LEFT_OUT) for spot in kept
    )


def _at_patches(scene: Scene) -> np.ndarray:
    """(GRID * GRID) numbers of groups from 1, 0 for the ground; every group has a patch."""
    middles = (np.arange(GRID) + 0.5) / GRID
    there = np.zeros((GRID, GRID), int)
    for number, group in enumerate(scene.groups, start=1):
        for x, y in group.spots:
            near = np.hypot(middles[None, :] - x, middles[:, None] - y) < FILLED * group.radius
            there[near] = number
    for number, group in enumerate(scene.groups, start=1):
        if not (there == number).any():  # between patches' middles, or hidden: the nearest free patch is its own
            x, y = group.spots[0]
            far = np.hypot(middles[None, :] - x, middles[:, None] - y) + 9.0 * (there > 0)
            there[np.unravel_index(far.argmin(), far.shape)] = number
    return there.ravel()


assert set(BASES) <= set(FACTS)
