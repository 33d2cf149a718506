"""What the tower is asked beside the text: attributes of the whole picture, and parts at every patch.

Short answers alone supervise a picture with a few tokens; these do so a hundred times over. The heads are thrown away.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from stages.foundation.idefics.architecture import GRID, VISION_HIDDEN
from stages.foundation.idefics.canvas import MAPPED, Entry
from stages.foundation.idefics.scene import Scene
from stages.foundation.idefics.texts import READINGS
from stages.foundation.idefics.things import HELD, KINDS
from stages.foundation.idefics.words import ARMS, COLOURS, HATS, LIGHTS, NUMBERS, PLACES, POSES, RELATIONS

BODY = tuple(f"{side} {part}" for side in ("near", "far") for part in ("thigh", "shin", "arm", "forearm"))
PARTS = ("ground", "trunk", "head", "cap", "helmet", *BODY, *KINDS)
GROUND_COUNTS = 0.3  # of a spot of something: a patch shows what stands in it rather than what is behind
UNSEEN = -100

Asked = tuple[tuple[str, ...], Callable[[Scene], str]]
# Attribute: its values, and what a scene says ("" where it isn't seen).
ATTRIBUTES: dict[str, Asked] = {
    "place": (tuple(PLACES), lambda s: s.place),
    "light": (tuple(LIGHTS), lambda s: s.light),
    "people": (NUMBERS[:4], lambda s: NUMBERS[len(s.people)]),
    "pose": (tuple(POSES), READINGS["pose"][2]),
    "arms": (tuple(ARMS), READINGS["arms"][2]),
    "held": (("nothing", *HELD), READINGS["held"][2]),
    "hat": (HATS, lambda s: s.people[0].hat if len(s.people) == 1 else ""),
    "facing": (("left", "right"), READINGS["facing"][2]),
    "shirt": (tuple(COLOURS), READINGS["shirt"][2]),
    "thing": (KINDS, lambda s: s.thing.kind if s.thing else ""),
    "thing's colour": (tuple(COLOURS), lambda s: s.thing.colour if s.thing else ""),
    "count": (NUMBERS[1:], READINGS["count"][2]),
    "other": (KINDS, lambda s: s.other.kind if s.other else ""),
    "relation": (RELATIONS, lambda s: s.relation if s.relation != "near" else ""),
}
# At a patch: what its entry is, and for a person's patch what the person does.
AT_PATCHES = {"part": PARTS, "colour": tuple(COLOURS), "pose": tuple(POSES), "arms": tuple(ARMS), "held": ("", *HELD)}
PATCH_WEIGHTS = {"part": 2.0, "colour": 0.4, "pose": 0.6, "arms": 0.4, "held": 0.3}


def attributes_of(scene: Scene) -> list[int]:
    """Number of each attribute's value, UNSEEN where it isn't seen."""
    return [
        values.index(said) if (said := read(scene)) in values and said else UNSEEN
        for values, read in ATTRIBUTES.values()
    ]


def at_patches(spots: np.ndarray, entries: list[Entry], scene: Scene) -> np.ndarray:
    """(len(AT_PATCHES), GRID * GRID) numbers of values from a map of MAPPED x MAPPED numbers into `entries`."""
    cell = MAPPED // GRID
    cells = spots.reshape(GRID, cell, GRID, cell).transpose(0, 2, 1, 3).reshape(GRID * GRID, cell * cell)
    counts = np.stack([(cells == number).sum(axis=1) for number in range(len(entries))], axis=1).astype(float)
    counts[:, 0] *= GROUND_COUNTS
    table = np.array([_entry(entry, scene) for entry in entries])
    found: np.ndarray = table[counts.argmax(axis=1)].T
    return found


def _entry(entry: Entry, scene: Scene) -> list[int]:
    person = scene.people[entry.owner] if entry.owner >= 0 else None
    said = (
        entry.part,
        entry.colour,
        person.pose if person else None,
        person.arms if person else None,
        person.held if person else None,
    )
    return [
        values.index(value) if value in values else UNSEEN
        for values, value in zip(AT_PATCHES.values(), said, strict=True)
    ]


def make_heads() -> Any:
    """Linear maps: pooled -> each attribute; a patch -> each of AT_PATCHES."""
    from torch import nn

    pooled = {name: nn.Linear(VISION_HIDDEN, len(values)) for name, (values, _) in ATTRIBUTES.items()}
    patches = {f"patch {name}": nn.Linear(VISION_HIDDEN, len(values)) for name, values in AT_PATCHES.items()}
    return nn.ModuleDict(pooled | patches)


def attribute_loss(heads: Any, pooled: Any, asked: Any) -> Any:
    """Sum of the attributes' mean cross-entropies. `asked`: (n, len(ATTRIBUTES))."""
    from torch.nn.functional import cross_entropy

    found: Any = 0
    for place, name in enumerate(ATTRIBUTES):
        goal = asked[:, place]
        if bool((goal != UNSEEN).any()):
            found = found + cross_entropy(heads[name](pooled).float(), goal, ignore_index=UNSEEN)
    return found


def patch_loss(heads: Any, patches: Any, asked: Any) -> Any:
    """Weighted sum over AT_PATCHES. `patches`: (n, GRID * GRID, VISION_HIDDEN); `asked`: (n, kinds, GRID * GRID)."""
    from torch.nn.functional import cross_entropy

    found: Any = 0
    for place, name in enumerate(AT_PATCHES):
        goal = asked[:, place].flatten()
        seen = goal != UNSEEN
        if bool(seen.any()):
            logits = heads[f"patch {name}"](patches.flatten(0, 1)[seen]).float()
            found = found + PATCH_WEIGHTS[name] * cross_entropy(logits, goal[seen])
    return found
